// Builds the firmware for an Arm Cortex-M4 and, with --run, runs it under qemu (machine mps2-an386):
//
//   npx mcc build examples/digits/digits.tflite --target cortex-m4 -o examples/digits/build/firmware/gen/
//   node examples/digits/firmware/build.mjs [--run]
//
// Needs arm-none-eabi-gcc (Debian: gcc-arm-none-eabi, libnewlib-arm-none-eabi) and, to run, qemu-system-arm.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { argv, exit } from 'node:process';
import { fileURLToPath } from 'node:url';

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const network = path('../build/firmware/gen/');
const out = path('../build/firmware/');
const samples = path('../samples/');
const runtime = path('../../../runtime/c/');
const image = `${out}digits.elf`;

function fail(message) {
  console.error(`firmware: ${message}`);
  exit(1);
}

function run(command, args, debianPackage) {
  const { error, status, signal } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (error?.code === 'ENOENT') fail(`${command} was not found; on Debian: apt-get install ${debianPackage}`);
  if (status !== 0) fail(`${command} ${args.join(' ')}\nended with ${error ?? signal ?? `status ${status}`}`);
}

// A board would get its pictures from a camera; here they are constants in flash.
function samplesHeader() {
  const list = JSON.parse(readFileSync(`${samples}samples.json`, 'utf8'));
  const pictures = list.map(({ input }) => `  {${[...new Int8Array(readFileSync(samples + input))].join(',')}},`);
  return [
    '#include <stdint.h>',
    `#define SAMPLE_COUNT ${list.length}`,
    `static const uint8_t sample_labels[SAMPLE_COUNT] = {${list.map(({ label }) => label).join(', ')}};`,
    `static const int8_t sample_pixels[SAMPLE_COUNT][784] __attribute__((aligned(16))) = {\n${pictures.join('\n')}\n};\n`,
  ].join('\n');
}

if (!existsSync(`${network}digits.c`)) {
  fail(
    `${network}digits.c is missing; build it from the repository's root with\n` +
      '  npx mcc build examples/digits/digits.tflite --target cortex-m4 -o examples/digits/build/firmware/gen/',
  );
}
mkdirSync(out, { recursive: true });
writeFileSync(`${out}samples.h`, samplesHeader());

const cpu = ['-mcpu=cortex-m4', '-mthumb', '-mfloat-abi=hard', '-mfpu=fpv4-sp-d16'];
const warnings = ['-Wall', '-Wextra', '-Wconversion', '-Wshadow', '-Wpedantic', '-Werror'];
const folders = [network, out, runtime].map((folder) => `-I${folder}`);
const sources = [
  path('main.c'),
  `${network}digits.c`,
  `${runtime}io_semihosting.c`,
  `${runtime}text.c`,
  `${runtime}board/cortex-m/startup.c`,
  `${runtime}board/cortex-m/assembly.c`,
];
const link = [
  '--specs=nano.specs',
  '-nostartfiles',
  `-L${runtime}board/cortex-m`,
  '-T',
  'mps2-an385.ld',
  '-Wl,--gc-sections',
];
const compile = ['-std=c99', '-O2', '-ffunction-sections', '-fdata-sections'];
run(
  'arm-none-eabi-gcc',
  [...cpu, ...compile, ...warnings, ...folders, ...sources, ...link, '-o', image],
  'gcc-arm-none-eabi libnewlib-arm-none-eabi',
);
run('arm-none-eabi-size', [image], 'binutils-arm-none-eabi');

if (argv.includes('--run')) {
  run(
    'qemu-system-arm',
    ['-M', 'mps2-an386', '-nographic', '-monitor', 'none', '-serial', 'none', '-semihosting', '-kernel', image],
    'qemu-system-arm',
  );
}
