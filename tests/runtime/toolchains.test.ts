// Finding toolchains, and what a user reads when one is missing or refuses.
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compileProject, findToolchain, nativeEngines, runtimeFiles } from '../../compiler/cli/engines/native.ts';
import { recordSkip, skipUnless } from '../support/toolchains.ts';
import { messageOf, oneFile, withProject } from './projects.ts';

const test = suite('toolchains');

function withEnvironment<T>(name: string, value: string, use: () => T): T {
  const before = process.env[name];
  process.env[name] = value;
  try {
    return use();
  } finally {
    if (before === undefined) {
      delete process.env[name];
    } else {
      process.env[name] = before;
    }
  }
}

const expectedPackages: Readonly<Record<(typeof nativeEngines)[number], string>> = {
  c: 'gcc',
  emcc: 'emscripten',
  aarch64: 'gcc-aarch64-linux-gnu libc6-dev-arm64-cross',
  'cortex-m0plus': 'gcc-arm-none-eabi libnewlib-arm-none-eabi',
  'cortex-m3': 'gcc-arm-none-eabi libnewlib-arm-none-eabi',
  'cortex-m4': 'gcc-arm-none-eabi libnewlib-arm-none-eabi',
  'cortex-m7': 'gcc-arm-none-eabi libnewlib-arm-none-eabi',
  'cortex-m33': 'gcc-arm-none-eabi libnewlib-arm-none-eabi',
  'cortex-m55': 'gcc-arm-none-eabi libnewlib-arm-none-eabi',
  rv32imc: 'gcc-riscv64-unknown-elf',
};

for (const engine of nativeEngines) {
  test(`${engine}: a missing compiler names its Debian packages`, () =>
    withEnvironment('PATH', '/nowhere', () => {
      const toolchain = findToolchain(engine);
      assert.ok('missing' in toolchain);
      assert.is(toolchain.install, `apt-get install ${expectedPackages[engine]}`);
      assert.throws(
        () => compileProject('.', engine, { outDir: join(tmpdir(), 'mcc-never-made') }),
        new RegExp(
          `engine ${engine} needs .* not in PATH; install it with: apt-get install ${expectedPackages[engine]}`,
        ),
      );
    }));
}

test('a missing emulator is named when only the compiler is there', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mcc-test-'));
  try {
    const compiler = join(folder, 'arm-none-eabi-gcc');
    writeFileSync(compiler, '#!/bin/sh\n');
    chmodSync(compiler, 0o755);
    const toolchain = withEnvironment('PATH', folder, () => findToolchain('cortex-m4'));
    assert.equal(toolchain, { missing: 'qemu-system-arm', install: 'apt-get install qemu-system-arm' });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a compiler error carries the compiler and its first lines', async () => {
  if (skipUnless('c', 'compiler error')) return;
  await withProject({ 'wrong.c': 'int f(void) { return undeclared; }\n' }, async (project, outDir) => {
    const message = await messageOf(() => compileProject(project, 'c', { outDir }));
    assert.match(message, /^engine c: compiling wrong\.c with \w+ failed \(exit status 1\):\n/);
    assert.match(message, 'undeclared');
  });
});

test('a folder without C files is said so', async () => {
  if (skipUnless('c', 'no C files')) return;
  await withProject({}, async (project, outDir) => {
    for (const folder of [project, join(project, 'nowhere')]) {
      const message = await messageOf(() => compileProject(folder, 'c', { outDir }));
      assert.match(message, /expected a folder with C files, found none/);
    }
  });
});

test('rv32imc: picolibc is asked for only where math.h is really included', async () => {
  if (skipUnless('rv32imc', 'libraries of rv32imc')) return;
  const include = (condition: string) => ({
    ...oneFile({ before: `#if ${condition}\n#include "own.h"\n#endif`, body: 'return 0;' }),
    'own.h': '#include <math.h>\n',
  });
  await withProject(include('0'), (project, outDir) => {
    assert.not.match(compileProject(project, 'rv32imc', { outDir, flags: ['-H'] }).warnings, /picolibc/);
  });
  await withProject(include('1'), (project, outDir) => {
    assert.match(compileProject(project, 'rv32imc', { outDir, flags: ['-H'] }).warnings, /picolibc.*math\.h/);
  });
});

test('a model too large for the board is said so', async () => {
  if (skipUnless('cortex-m3', 'too large for the board')) return;
  const constants = oneFile({
    before: 'static const volatile uint8_t table[5000000] = {1, [4999999] = 2};',
    body: 'return table[0] - table[4999999] + 1;',
  });
  const arena = oneFile({ arenaBytes: 20_000_000, body: 'arena[0] = 1; return 0;' });
  for (const model of [constants, arena]) {
    await withProject(model, async (project, outDir) => {
      const message = await messageOf(() => compileProject(project, 'cortex-m3', { outDir }));
      assert.match(message, 'The model is larger than the memories of this board');
    });
  }
});

test('sanitizers are refused where there are none', async () => {
  if (skipUnless('cortex-m3', 'sanitizers refused')) return;
  const message = await messageOf(() => compileProject('.', 'cortex-m3', { outDir: tmpdir(), sanitize: true }));
  assert.is(message, 'engine cortex-m3 has no sanitizers; use engine c');
});

test('the files to copy exist, each once', () => {
  for (const engine of nativeEngines) {
    const files = runtimeFiles(engine);
    files.forEach(({ from }) => {
      assert.ok(existsSync(from), `${engine}: ${from} does not exist`);
    });
    assert.is(new Set(files.map(({ to }) => to)).size, files.length);
  }
});

test('a skip is recorded as a line of JSON', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mcc-test-'));
  const log = join(folder, 'skips');
  try {
    withEnvironment('MCC_SKIP_LOG', log, () => {
      recordSkip('first', 'a "reason"');
      withEnvironment('PATH', '/nowhere', () => assert.ok(skipUnless('emcc', 'second')));
    });
    const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
    assert.equal(
      lines.map((line) => JSON.parse(line)),
      [
        { test: 'first', reason: 'a "reason"' },
        { test: 'second', reason: 'emcc is not installed (tools/toolchains.sh, or: apt-get install emscripten)' },
      ],
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
