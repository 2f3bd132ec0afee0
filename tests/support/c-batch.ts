/** Many small programs in one executable: compiling and starting each alone would take minutes. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { emitC } from '../../backends/c/index.ts';
import { C_ELEM } from '../../backends/c/literals.ts';
import { runCommandAsync } from '../../compiler/cli/engines/process.ts';
import { ELEM_BYTES, type Port, type Program } from '../../ir/loop/types.ts';

export interface BatchItem {
  readonly program: Program;
  /** `[run][input]`; the state is reset before the first run only. */
  readonly runs: readonly (readonly Uint8Array[])[];
}

export interface BatchOptions {
  readonly cc: string;
  readonly flags: readonly string[];
  /** The emulator that starts the program; absent where it runs here. */
  readonly runner?: string;
}

const STRICT = [
  '-std=c99',
  '-Wall',
  '-Wextra',
  '-Wconversion',
  '-Wshadow',
  '-Wpedantic',
  '-Werror',
  '-ffp-contract=off',
];
const FILES_PER_COMMAND = 40;

/** `[item][run][output]`. Throws with the compiler's or the program's own words. */
export async function runBatch(items: readonly BatchItem[], options: BatchOptions): Promise<Uint8Array[][][]> {
  const folder = mkdtempSync(join(tmpdir(), 'mcc-batch-'));
  try {
    items.forEach(({ program }, i) => {
      for (const { name, text } of emitC(program, { prefix: `c${i}`, banner: [], share: true }).files) {
        writeFileSync(join(folder, name), text);
      }
    });
    writeFileSync(join(folder, 'main.c'), batchMain(items));
    await compileAll(folder, items.length, options);
    writeFileSync(join(folder, 'in.bin'), Buffer.concat(items.flatMap(({ runs }) => runs.flat())));
    const batch = join(folder, 'batch');
    const [command, args] = options.runner === undefined ? [batch, []] : [options.runner, [batch]];
    const { status, stderr, error } = spawnSync(command, args, {
      cwd: folder,
      encoding: 'utf8',
      timeout: 120_000,
      env: { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' },
    });
    if (status !== 0) throw new Error(`the batch ended with ${error?.message ?? status}:\n${stderr.slice(0, 3000)}`);
    return split(items, readFileSync(join(folder, 'out.bin')));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The compiler takes many files at once, so that its start is paid less often; as many commands run as there are cores. */
async function compileAll(folder: string, count: number, { cc, flags }: BatchOptions): Promise<void> {
  const sources = Array.from({ length: count }, (_, i) => `c${i}.c`);
  const queue: string[][] = [];
  for (let at = 0; at < count; at += FILES_PER_COMMAND) queue.push(sources.slice(at, at + FILES_PER_COMMAND));
  const worker = async (): Promise<void> => {
    for (let group = queue.shift(); group !== undefined; group = queue.shift()) {
      await checked(folder, cc, [...STRICT, ...flags, '-c', ...group]);
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: availableParallelism() }, worker));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  const objects = sources.map((file) => file.replace(/c$/, 'o'));
  await checked(folder, cc, [...flags, 'main.c', ...objects, '-o', 'batch']);
}

async function checked(cwd: string, command: string, args: readonly string[]): Promise<void> {
  const { status, stderr } = await runCommandAsync({ command, args, cwd, timeoutMs: 600_000 });
  if (status !== 0) throw new Error(`${command} failed:\n${stderr.slice(0, 3000)}`);
}

const bytesOfPort = (port: Port): number => port.length * ELEM_BYTES[port.elem];

function batchMain(items: readonly BatchItem[]): string {
  const largest = (pick: (program: Program) => readonly Port[]) =>
    Math.max(1, ...items.flatMap(({ program }) => pick(program).map(bytesOfPort)));
  const most = (pick: (program: Program) => readonly Port[]) =>
    Math.max(1, ...items.map(({ program }) => pick(program).length));
  const arena = Math.max(1, ...items.map(({ program }) => program.arenaBytes));
  const buffer = (name: string, count: number, bytes: number) =>
    `static struct { uint8_t bytes[${bytes}] __attribute__((aligned(16))); } ${name}[${count}];`;
  const one = ({ program, runs }: BatchItem, i: number) => [
    `static void case_${i}(FILE *in, FILE *out) {`,
    ...(program.reset.length > 0 ? [`  c${i}_reset(arena);`] : []),
    `  for (int run = 0; run < ${runs.length}; ++run) {`,
    ...program.inputs.map(
      (port, k) => `    if (fread(input[${k}].bytes, 1, ${bytesOfPort(port)}, in) != ${bytesOfPort(port)}) exit(3);`,
    ),
    `    if (c${i}_run(${[
      ...program.inputs.map((port, k) => `(const ${C_ELEM[port.elem]} *)(const void *)input[${k}].bytes`),
      ...program.outputs.map((port, k) => `(${C_ELEM[port.elem]} *)(void *)output[${k}].bytes`),
      ...(program.regions ?? [{ from: 0 }]).map(({ from }) => `arena + ${from}`),
    ].join(', ')}) != 0) exit(4);`,
    ...program.outputs.map((port, k) => `    fwrite(output[${k}].bytes, 1, ${bytesOfPort(port)}, out);`),
    '  }',
    '}',
  ];
  return [
    '#include <stdio.h>',
    '#include <stdlib.h>',
    '#include <stdint.h>',
    ...items.map((_, i) => `#include "c${i}.h"`),
    buffer(
      'input',
      most((p) => p.inputs),
      largest((p) => p.inputs),
    ),
    buffer(
      'output',
      most((p) => p.outputs),
      largest((p) => p.outputs),
    ),
    `static uint8_t arena[${arena}] __attribute__((aligned(16)));`,
    ...items.flatMap(one),
    'int main(void) {',
    '  FILE *in = fopen("in.bin", "rb");',
    '  FILE *out = fopen("out.bin", "wb");',
    '  if (in == NULL || out == NULL) return 2;',
    ...items.map((_, i) => `  case_${i}(in, out);`),
    '  return fclose(out);',
    '}',
    '',
  ].join('\n');
}

function split(items: readonly BatchItem[], bytes: Uint8Array): Uint8Array[][][] {
  let at = 0;
  const take = (count: number) => {
    at += count;
    return new Uint8Array(bytes.subarray(at - count, at));
  };
  return items.map(({ program, runs }) => runs.map(() => program.outputs.map((port) => take(bytesOfPort(port)))));
}
