// The C of runtime/c itself: free of warnings in both languages, and its sizes as other tools see them.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  codeSize,
  compileProject,
  findToolchain,
  type NativeEngine,
  nativeEngines,
  runtimeDirectory,
} from '../../compiler/cli/engines/native.ts';
import { harnessSources } from '../../compiler/cli/engines/runtime-files.ts';
import { engineTable } from '../../compiler/cli/engines/toolchains.ts';
import { skipUnless, skipUnlessCommand } from '../support/toolchains.ts';
import { oneFile, strictFlags, withProject } from './projects.ts';

const test = suite('runtime sources');

/** Compiles for syntax and warnings only; an empty string is success. */
function complaints(compiler: string, args: readonly string[]): string {
  const result = spawnSync(compiler, [...args, '-fsyntax-only'], { encoding: 'utf8' });
  return result.status === 0 ? '' : `${compiler} ${args.join(' ')}\n${result.stderr}`;
}

const languages = [
  { name: 'C99', flags: ['-x', 'c', '-std=c99'] },
  { name: 'C++17', flags: ['-x', 'c++', '-std=c++17'] },
];

for (const engine of ['cortex-m0plus', 'cortex-m55', 'rv32imc'] satisfies NativeEngine[]) {
  test(`${engine}: no warnings`, () => {
    if (skipUnless(engine, `warnings of the harness on ${engine}`)) return;
    const toolchain = findToolchain(engine);
    assert.ok(!('missing' in toolchain));
    const facts = engineTable[engine];
    const library = facts.library.compile.map((flag) => flag.replace('{runtime}', runtimeDirectory()));
    for (const language of languages) {
      for (const source of harnessSources(engine)) {
        const machine = [...facts.machine, ...library, '-O2', `-I${runtimeDirectory()}`];
        assert.is(complaints(toolchain.compiler, [...machine, ...strictFlags, ...language.flags, source]), '');
      }
    }
  });
}

for (const cc of ['gcc', 'clang']) {
  test(`${cc}: no warnings`, () => {
    if (skipUnlessCommand(cc, `warnings of the harness with ${cc}`)) return;
    for (const language of languages) {
      for (const source of harnessSources('c')) {
        const args = [...strictFlags, '-O2', `-I${runtimeDirectory()}`, ...language.flags, source];
        assert.is(complaints(cc, args), '');
      }
    }
  });
}

test('the harness compiled as C++ links with a model compiled as C', () => {
  if (skipUnlessCommand('g++', 'harness as C++')) return;
  return withProject('tiny', (project, outDir) => {
    const executable = compileProject(project, 'c', { outDir, cc: 'gcc' });
    const model = executable.objects.filter(({ source }) => source.startsWith(project)).map(({ object }) => object);
    const program = join(outDir, 'mixed');
    const sources = harnessSources('c').flatMap((source) => ['-x', 'c++', source]);
    const args = ['-std=c++17', `-I${runtimeDirectory()}`, ...sources, '-x', 'none', ...model, '-o', program];
    assert.is(spawnSync('g++', args, { encoding: 'utf8' }).stderr, '');
    assert.match(spawnSync(program, ['1'], { cwd: outDir, encoding: 'utf8' }).stdout, /run 0 output 1 bytes 4 crc/);
  });
});

const sized = oneFile({
  before: `extern const uint8_t constants[1000];
const uint8_t constants[1000] = {1};
static volatile uint8_t variables[300] = {1};`,
  arenaBytes: 5000,
  body: 'arena[0] = 1; return constants[(int)in0[0]] + variables[2];',
});

const sizeCommands: Readonly<Partial<Record<NativeEngine, string>>> = {
  c: 'size',
  aarch64: 'aarch64-linux-gnu-size',
  'cortex-m4': 'arm-none-eabi-size',
  rv32imc: 'riscv64-unknown-elf-size',
};

for (const [name, command] of Object.entries(sizeCommands)) {
  const engine = name as NativeEngine;
  test(`${engine}: sizes agree with ${command}`, () => {
    if (skipUnless(engine, `sizes on ${engine}`)) return;
    return withProject(sized, (project, outDir) => {
      const executable = compileProject(project, engine, { outDir });
      for (const file of [executable.program, executable.objects[0].object]) {
        // Berkeley format: "text" there is code and constants together.
        const table = spawnSync(command, [file], { encoding: 'utf8' }).stdout.split('\n')[1];
        const [text, data, bss] = table.trim().split(/\s+/).map(Number);
        const size = codeSize(file);
        assert.equal([size.text + size.rodata, size.data, size.bss], [text, data, bss], file);
      }
      const model = codeSize(executable.objects[0].object);
      assert.ok(model.rodata >= 1000 && model.data >= 300 && model.bss >= 5000, JSON.stringify(model));
    });
  });
}

test('emcc: sizes of code and data', () => {
  if (skipUnless('emcc', 'sizes on emcc')) return;
  return withProject(sized, (project, outDir) => {
    const executable = compileProject(project, 'emcc', { outDir });
    const size = codeSize(executable);
    assert.ok(size.text > 500 && size.text < 50_000, JSON.stringify(size));
    assert.throws(() => codeSize(executable.program), /expected a little-endian ELF file or a WebAssembly module/);
  });
});

test('every engine has its own sources only', () => {
  for (const engine of nativeEngines) {
    const names = harnessSources(engine).filter((source) => /io_(stdio|semihosting)\.c$/.test(source));
    assert.is(names.length, 1, engine);
  }
});

test.run();
