/** Compiles emitted models with several compilers and runs them on bytes, for comparison with the loop interpreter. */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EmittedFile, emitC } from '../../../backends/c/index.ts';
import { Machine } from '../../../ir/loop/evaluate.ts';
import { ELEM_BYTES, type Elem, type Port, type Program } from '../../../ir/loop/types.ts';

export const STRICT = ['-Wall', '-Wextra', '-Wconversion', '-Wshadow', '-Wpedantic', '-Werror'];
const SANITIZE = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
const CXX = ['-x', 'c++', '-std=c++17'];

export interface Compiler {
  readonly name: string;
  readonly command: string;
  readonly flags: readonly string[];
  /** What starts the program; absent where it runs here, null where nothing on this machine can run it. */
  readonly runner?: string | null;
}

/** GNU mode and this machine's own instructions, where compilers fuse multiply and add unless told otherwise. */
export const COMPILERS: readonly Compiler[] = [
  { name: 'gcc', command: 'gcc', flags: ['-std=c99', '-O2'] },
  { name: 'gcc-O0', command: 'gcc', flags: ['-std=c99', '-O0'] },
  { name: 'gcc-native', command: 'gcc', flags: ['-std=gnu11', '-O3', '-march=native'] },
  { name: 'gcc-sanitized', command: 'gcc', flags: ['-std=c99', '-O1', ...SANITIZE] },
  { name: 'g++', command: 'g++', flags: [...CXX, '-O2'] },
  { name: 'clang', command: 'clang', flags: ['-std=c99', '-O2'] },
  { name: 'clang-native', command: 'clang', flags: ['-std=gnu11', '-O3', '-march=native'] },
  { name: 'clang-sanitized', command: 'clang', flags: ['-std=c99', '-O1', ...SANITIZE] },
  { name: 'clang++', command: 'clang++', flags: [...CXX, '-O2'] },
  {
    name: 'aarch64',
    command: 'aarch64-linux-gnu-gcc',
    flags: ['-std=gnu11', '-O2', '-static'],
    runner: 'qemu-aarch64',
  },
  {
    name: 'aarch64-dotprod',
    command: 'aarch64-linux-gnu-gcc',
    flags: ['-std=c99', '-O0', '-static', '-march=armv8.2-a+dotprod'],
    runner: 'qemu-aarch64',
  },
];

/** Compiled only: what runs them is tested with whole models. */
export const CROSS_COMPILERS: readonly Compiler[] = [
  {
    name: 'cortex-m0plus',
    command: 'arm-none-eabi-gcc',
    flags: ['-std=c99', '-Os', '-mcpu=cortex-m0plus', '-mthumb'],
    runner: null,
  },
  {
    name: 'cortex-m4',
    command: 'arm-none-eabi-gcc',
    flags: ['-std=c99', '-Os', '-mcpu=cortex-m4', '-mthumb', '-mfloat-abi=hard', '-mfpu=fpv4-sp-d16'],
    runner: null,
  },
  {
    name: 'cortex-m55',
    command: 'arm-none-eabi-gcc',
    flags: ['-std=gnu11', '-O2', '-mcpu=cortex-m55', '-mthumb', '-mfloat-abi=hard'],
    runner: null,
  },
  {
    name: 'rv32imc',
    command: 'riscv64-unknown-elf-gcc',
    flags: [
      '-std=c99',
      '-Os',
      '-march=rv32imc',
      '-mabi=ilp32',
      '-isystem',
      join(import.meta.dirname, '../../../runtime/c/board/freestanding'),
    ],
    runner: null,
  },
  { name: 'emcc', command: 'emcc', flags: ['-std=c99', '-O2'], runner: null },
];

/** A folder for the time of `work`. */
export function inTemporaryFolder<T>(work: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'mcc-c-'));
  try {
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function writeFiles(folder: string, files: readonly EmittedFile[]): void {
  mkdirSync(folder, { recursive: true });
  for (const file of files) writeFileSync(join(folder, file.name), file.text);
}

/** Reads all inputs from standard input, runs once in a poisoned arena, writes all outputs to standard output. */
function mainFile(program: Program, prefix: string): EmittedFile {
  const macro = prefix.toUpperCase();
  const type = (port: Port) => C_TYPE[port.elem];
  const ins = program.inputs.map((port, k) => ({ port, name: `in_${k}` }));
  const outs = program.outputs.map((port, k) => ({ port, name: `out_${k}` }));
  const text = [
    '#include <stdio.h>',
    '#include <string.h>',
    `#include "${prefix}.h"`,
    `static uint8_t arena[${macro}_ARENA_BYTES + 16] __attribute__((aligned(16)));`,
    ...[...ins, ...outs].map((x) => `static ${type(x.port)} ${x.name}[${Math.max(1, x.port.length)}];`),
    'int main(void) {',
    '  memset(arena, 0xa5, sizeof arena);',
    ...ins.map(
      (x, k) => `  if (fread(${x.name}, 1, ${macro}_INPUT_${k}_BYTES, stdin) != ${macro}_INPUT_${k}_BYTES) return 2;`,
    ),
    ...(program.reset.length > 0 ? [`  ${prefix}_reset(arena);`] : []),
    `  if (${prefix}_run(${[...ins, ...outs].map((x) => `${x.name}, `).join('')}arena) != 0) return 3;`,
    ...outs.map((x, k) => `  fwrite(${x.name}, 1, ${macro}_OUTPUT_${k}_BYTES, stdout);`),
    '  return 0;',
    '}',
  ];
  return { name: 'main.c', text: `${text.join('\n')}\n` };
}

const C_TYPE: Readonly<Record<Elem, string>> = {
  i8: 'int8_t',
  u8: 'uint8_t',
  i16: 'int16_t',
  u16: 'uint16_t',
  i32: 'int32_t',
  i64: 'int64_t',
  f32: 'float',
  f64: 'double',
};

function execute(command: string, args: readonly string[], cwd: string, input?: Uint8Array): Uint8Array {
  const result = spawnSync(command, args, { cwd, maxBuffer: 1 << 28, ...(input === undefined ? {} : { input }) });
  if (result.error !== undefined) throw result.error;
  if (result.status !== 0) {
    const text = `${result.stderr}`.split('\n').slice(0, 30).join('\n');
    throw new Error(`${command} ${args.join(' ')}\nin ${cwd}: exit ${result.status ?? result.signal}\n${text}`);
  }
  return result.stdout;
}

/** Compiles the model alone; any warning is an error. */
export function compileOnly(program: Program, prefix: string, compiler: Compiler): void {
  inTemporaryFolder((folder) => {
    writeFiles(folder, emitC(program, { prefix, banner: [], share: true }).files);
    execute(compiler.command, [...compiler.flags, ...STRICT, '-c', `${prefix}.c`, '-o', 'model.o'], folder);
  });
}

/** Compiles the model strictly, links it with a program of ours, and runs that. One array per output. */
export function runC(
  program: Program,
  prefix: string,
  compiler: Compiler,
  inputs: readonly Uint8Array[],
): Uint8Array[] {
  return inTemporaryFolder((folder) => {
    writeFiles(folder, [...emitC(program, { prefix, banner: [], share: true }).files, mainFile(program, prefix)]);
    execute(compiler.command, [...compiler.flags, ...STRICT, '-c', `${prefix}.c`, '-o', 'model.o'], folder);
    execute(compiler.command, [...compiler.flags, '-c', 'main.c', '-o', 'main.o'], folder);
    const link = compiler.flags.filter((flag) => !CXX.includes(flag));
    execute(compiler.command, [...link, 'model.o', 'main.o', '-o', 'program'], folder);
    const start = join(folder, 'program');
    const [command, args] = compiler.runner ? [compiler.runner, [start]] : [start, []];
    return split(program, execute(command, args, folder, Buffer.concat(inputs)));
  });
}

function split(program: Program, bytes: Uint8Array): Uint8Array[] {
  let at = 0;
  return program.outputs.map((port) => {
    const start = at;
    at += port.length * ELEM_BYTES[port.elem];
    return Uint8Array.from(bytes.subarray(start, at));
  });
}

/** What the interpreter answers. */
export function runInterpreter(program: Program, inputs: readonly Uint8Array[]): Uint8Array[] {
  return new Machine(program).run(inputs);
}
