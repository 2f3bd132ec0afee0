/**
 * The instructions of loop IR: one record each, with the types it takes and gives, and what it computes.
 *
 * Names follow WebAssembly where WebAssembly has the instruction. What each computes on every target is what `evaluate`
 * computes here; the interpreter runs it, and each backend holds a total map from these names to its own spelling.
 *
 * Overflow: `i32.add`, `sub`, `mul` and their i64 kin promise that the exact result fits; the interpreter throws when it
 * does not (C would call it undefined). Kernels that cannot promise use the `_wrap` forms, which wrap modulo 2^n.
 * Shift counts lie in [0, bits). Floating point is IEEE 754 round-to-nearest-even without contraction.
 */
import { MVE } from './instructions-mve.ts';
import { SCALAR } from './instructions-scalar.ts';
import { VECTOR } from './instructions-vector.ts';
import type { Type } from './types.ts';

/** A register's value in the interpreter: i32 as a signed number, i64 as a signed bigint, v128 as 16 bytes. */
export type RegisterValue = number | bigint | Uint8Array;

export interface Instruction {
  readonly params: readonly Type[];
  readonly result: Type;
  /** How many constants follow the operands (lane numbers, shuffle indices, bit widths), each within [0, bound). */
  readonly imm?: { readonly count: number; readonly bound: number };
  /** What it computes, where the name does not say it all. */
  readonly doc?: string;
  // biome-ignore lint/suspicious/noExplicitAny: operand types are those of `params`; one table holds all of them
  readonly evaluate: (...operands: any[]) => RegisterValue;
}

export const INSTRUCTIONS = { ...SCALAR, ...VECTOR, ...MVE } as const;

export type Opcode = keyof typeof INSTRUCTIONS;

export const OPCODES = Object.keys(INSTRUCTIONS) as readonly Opcode[];

export function instruction(op: Opcode): Instruction {
  return INSTRUCTIONS[op];
}

export function isOpcode(name: string): name is Opcode {
  return Object.hasOwn(INSTRUCTIONS, name);
}
