/** Loop IR → C99 that is C++17 as well: one model as a header and a source file, with its constants in a file of their own. */
import { createHash } from 'node:crypto';
import { instruction } from '../../ir/loop/instructions.ts';
import { ELEM_BYTES, type Program, type Rom } from '../../ir/loop/types.ts';
import { visitAllExprs } from '../../ir/loop/walk.ts';
import { interfaceOf, printEntryPoints, printHeader } from './interface.ts';
import { intrinsicsFor } from './intrinsics.ts';
import { C_ELEM, romRows } from './literals.ts';
import { isPrefix } from './names.ts';
import { prepareFunctions, printFunctions, type Symbols, symbolsOf } from './print.ts';
import { commentLines } from './text.ts';

export { ABI } from './interface.ts';
export { identifier, isPrefix } from './names.ts';

export interface EmitOptions {
  /** Stands before every symbol and names the files: a C identifier. */
  readonly prefix: string;
  /** Lines for the top of each file: who made it, from what. */
  readonly banner: readonly string[];
  /** Kernels that differ in numbers alone share their code, which is smaller and a little slower. */
  readonly share?: boolean;
}

export interface EmittedFile {
  readonly name: string;
  readonly text: string;
}

/**
 * `<prefix>.h`, `<prefix>.c`, and where they are needed `<prefix>_weights.h` (constant tables) and
 * `<prefix>_intrinsics.h` (what C has no operator for); only the .c includes these two. The program must be one that the
 * verifier accepts. Throws RangeError on a prefix that cannot begin a C name, Error on a call of what does not exist.
 */
export function emitC(program: Program, options: EmitOptions): { readonly files: readonly EmittedFile[] } {
  const { prefix, banner } = options;
  if (!isPrefix(prefix)) {
    throw new RangeError(`prefix "${prefix}": expected a C name such as "kws" (no keyword, no "__", not "mcc_")`);
  }
  const symbols = symbolsOf(program, prefix);
  const face = interfaceOf(program, prefix, symbols);
  const hash = hashOf(program);
  const functions = prepareFunctions(program, options.share ?? false);
  const code = printFunctions(program, functions, symbols).flatMap((lines) => [...lines, '']);
  const entry = printEntryPoints(program, face, { symbols, calls: functions.calls });
  const weights = printWeights(program, symbols, banner);
  const intrinsics = intrinsicsFor([...code, ...entry, ...weights].join('\n'), `${prefix.toUpperCase()}_INTRINSICS_H`);
  const source = [
    ...commentLines([`${program.name}: the kernels, and the inference that calls them.`, ...banner], ''),
    ...(usesFloats(program) ? FLOAT_GUARD : []),
    `#include "${prefix}.h"`,
    ...(intrinsics === undefined ? [] : [`#include "${prefix}_intrinsics.h"`]),
    ...(weights.length === 0 ? [] : [`#include "${prefix}_weights.h"`]),
    '',
    '#include <stddef.h>',
    '',
    ...code,
    ...entry,
  ];
  const file = (name: string, lines: readonly string[]): EmittedFile => ({ name, text: `${lines.join('\n')}\n` });
  return {
    files: [
      file(`${prefix}.h`, printHeader(program, face, { banner, hash })),
      file(`${prefix}.c`, source),
      ...(weights.length === 0 ? [] : [file(`${prefix}_weights.h`, weights)]),
      ...(intrinsics === undefined ? [] : [{ name: `${prefix}_intrinsics.h`, text: intrinsics }]),
    ],
  };
}

/**
 * Each float operation must round on its own. gcc contracts a * b + c by default, except in strict C mode, and ignores the
 * standard's pragma; its own pragma holds for the functions that follow. Fast-math cannot be undone from within.
 */
const FLOAT_GUARD: readonly string[] = [
  '/* Results are bit-exact only if every float operation is rounded on its own, as it is written. */',
  '#if defined(__FAST_MATH__)',
  '#error "mcc: compile this file without -ffast-math"',
  '#endif',
  '#if defined(__clang__)',
  '#pragma STDC FP_CONTRACT OFF',
  '#elif defined(__GNUC__)',
  '#pragma GCC optimize("fp-contract=off")',
  '#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 2)',
  '#pragma GCC optimize("no-tree-vectorize") /* the float vectors of Helium flush subnormal numbers to zero */',
  '#endif',
  '#endif',
  '#include <float.h>',
  '#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD != 0 && FLT_EVAL_METHOD != 16',
  '#error "mcc: floats are computed in a wider type here; on 32-bit x86 compile with -msse2 -mfpmath=sse"',
  '#endif',
  '',
];

function usesFloats(program: Program): boolean {
  let found = false;
  for (const fn of program.functions) {
    visitAllExprs(fn.body, (e) => {
      if (e.kind !== 'op') return;
      const { params, result } = instruction(e.op);
      found ||= e.op.startsWith('f32x4.') || [...params, result].some((type) => type === 'f32' || type === 'f64');
    });
  }
  return found;
}

function printWeights(program: Program, symbols: Symbols, banner: readonly string[]): string[] {
  const used = new Set(
    [...program.run, ...program.reset].flatMap((c) => c.args.map((a) => (a.kind === 'rom' ? a.name : ''))),
  );
  const roms = program.roms.filter((rom) => used.has(rom.name));
  if (roms.length === 0) return [];
  const vectors = program.functions.some((fn) => {
    let found = false;
    visitAllExprs(fn.body, (e) => {
      found ||= e.kind === 'load' && e.access === 'v128';
    });
    return found;
  });
  const bytes = roms.reduce((sum, rom) => sum + rom.bytes.length, 0);
  return [
    ...commentLines(
      [`${program.name}: constant data, ${bytes} bytes. Included by the source file only.`, ...banner],
      '',
    ),
    ...roms.flatMap((rom) => ['', ...printRom(rom, symbols.roms.get(rom.name) as string, vectors ? 16 : 4)]),
  ];
}

/** Tables start at whole words, or at whole vectors, so that kernels which read several elements at once do so quickly. */
function printRom(rom: Rom, name: string, align: number): string[] {
  const wanted = Math.max(ELEM_BYTES[rom.elem], rom.bytes.length >= align ? align : 1);
  const prefix = wanted > ELEM_BYTES[rom.elem] ? `MCC_ALIGN(${wanted}) ` : '';
  const head = `${prefix}static const ${C_ELEM[rom.elem]} ${name}[${Math.max(1, rom.length)}] = {`;
  return [`/* ${rom.length} x ${rom.elem} */`, head, ...romRows(rom), '};'];
}

/** The first 16 digits of the SHA-256 of everything that decides what the program computes. */
function hashOf(program: Program): string {
  const hash = createHash('sha256');
  const plain = (_: string, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`;
    if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
    return Object.is(value, -0) ? '-0' : value instanceof Uint8Array ? undefined : value;
  };
  hash.update(JSON.stringify(program, plain));
  for (const rom of program.roms) hash.update(rom.bytes);
  return hash.digest('hex').slice(0, 16);
}
