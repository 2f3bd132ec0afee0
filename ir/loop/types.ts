/**
 * Loop IR: what kernels are made of and what backends print.
 *
 * A *function* works on buffers (typed memory with a length known at compile time) and scalars; its body is loops with
 * constant trip counts, single-assignment `let`s, mutable `var`s, loads, stores and calls of scalar functions. A
 * *program* is a whole model: constants (`roms`), functions, and the list of calls that is one inference.
 *
 * The nodes are plain immutable data. Build them with `build.ts`, print and parse them with `print.ts` and `parse.ts`,
 * check them with `verify.ts`, run them with `evaluate.ts`.
 */
import type { Opcode } from './instructions.ts';

/** What a register holds. Booleans are `i32` 0 or 1; `v128` is 16 bytes whose lanes are named by the instruction. */
export type ScalarType = 'i32' | 'i64' | 'f32' | 'f64';
export type Type = ScalarType | 'v128';

/** What one element of a buffer holds in memory, little-endian. */
export type Elem = 'i8' | 'u8' | 'i16' | 'u16' | 'i32' | 'i64' | 'f32' | 'f64';

/** How many bytes a load or store touches and how they become a register; an `Elem` or one of the vector forms. */
export type Access = Elem | OrderedAccess | VectorAccess;
/**
 * Loads of words and pairs of words, on buffers whose elements have 4 bytes or more. They ask backends to issue them where
 * they stand, among the dual 16-bit multiplies: where registers are few, what is loaded early is spilled.
 */
export type OrderedAccess = 'i8_ordered' | 'u8_ordered' | 'i32_ordered' | 'i64_ordered';
export type VectorAccess =
  | 'v128' // 16 bytes
  | 'v128_ordered' // 16 bytes, as `i32_ordered`; on buffers of any element (load only)
  | 'i8x8_s' // 8 bytes, each sign-extended to a 16-bit lane (load only)
  | 'u8x8_u' // 8 bytes, each zero-extended to a 16-bit lane (load only)
  | 'i16x4_s' // 4 halfwords, each sign-extended to a 32-bit lane (load only)
  | 'i8x4_s' // 4 bytes, each sign-extended to a 32-bit lane (load only)
  | 'splat8' // one byte in all 16 lanes (load only)
  | 'splat16' // one halfword in all 8 lanes (load only)
  | 'splat32' // one word in all 4 lanes (load only)
  | 'low64' // 8 bytes in the low half; a load zeroes the high half
  | FirstAccess;

/** The first bytes of a vector, so many as the number says: a load zeroes the rest, a store leaves what lies behind alone. */
export type FirstAccess = `first${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13 | 14 | 15}`;
export const FIRST_ACCESSES = Array.from({ length: 15 }, (_, i) => `first${i + 1}` as FirstAccess);

function forFirst<T>(value: (bytes: number) => T): Readonly<Record<FirstAccess, T>> {
  return Object.fromEntries(FIRST_ACCESSES.map((access, i) => [access, value(i + 1)])) as Record<FirstAccess, T>;
}

export type Expr =
  | { readonly kind: 'const'; readonly type: ScalarType; readonly value: number | bigint }
  | { readonly kind: 'var'; readonly name: string; readonly type: Type }
  | Load
  | { readonly kind: 'op'; readonly op: Opcode; readonly args: readonly Expr[]; readonly imm: readonly number[] }
  | { readonly kind: 'call'; readonly fn: string; readonly type: Type; readonly args: readonly Expr[] };

/**
 * `index` counts elements of the buffer. When `access` is not the buffer's own element type the bytes from that element on
 * are reinterpreted, at any alignment; an access of the buffer's own type is aligned.
 */
export interface Load {
  readonly kind: 'load';
  readonly buffer: string;
  readonly access: Access;
  readonly index: Expr;
}

export type Stmt =
  | { readonly kind: 'let'; readonly name: string; readonly value: Expr }
  | { readonly kind: 'var'; readonly name: string; readonly type: Type; readonly init: Expr }
  | { readonly kind: 'set'; readonly name: string; readonly value: Expr }
  | Store
  | For
  | { readonly kind: 'if'; readonly cond: Expr; readonly body: readonly Stmt[]; readonly orElse: readonly Stmt[] }
  | { readonly kind: 'return'; readonly value: Expr }
  | { readonly kind: 'comment'; readonly text: string };

export interface Store {
  readonly kind: 'store';
  readonly buffer: string;
  readonly access: Access;
  readonly index: Expr;
  readonly value: Expr;
}

/** `for (name = start; name < end; name += step)`; all three are constants, step > 0. `unroll` asks the backend to repeat the body. */
export interface For {
  readonly kind: 'for';
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly step: number;
  readonly unroll: boolean;
  readonly body: readonly Stmt[];
}

export interface BufferParam {
  readonly kind: 'buffer';
  readonly name: string;
  readonly elem: Elem;
  /** In elements. Every access is proved to lie in [0, length). */
  readonly length: number;
  /** `rom` is constant data; `in` may not be stored to, `out` and `inout` may. Two buffers may overlap only as the kernel allows. */
  readonly access: 'rom' | 'in' | 'out' | 'inout';
}

/** A value in a register: a scalar, or a vector where only other functions call this one. */
export interface ScalarParam {
  readonly kind: 'scalar';
  readonly name: string;
  readonly type: Type;
}

export type Param = BufferParam | ScalarParam;

export interface Func {
  readonly name: string;
  /** Printed as a comment above the function: what it computes, the loop nest, what it is specialised for. */
  readonly doc: readonly string[];
  readonly params: readonly Param[];
  /** `null`: a kernel, called for its stores. Otherwise a helper on registers whose last statement is `return`. */
  readonly result: Type | null;
  readonly body: readonly Stmt[];
}

/** Constant data in flash. `bytes` is little-endian and `length` elements long. */
export interface Rom {
  readonly name: string;
  readonly elem: Elem;
  readonly length: number;
  readonly bytes: Uint8Array;
}

/** Where an argument of a kernel lies. Offsets count bytes; within an input or output 0 unless given. */
export type Place =
  | { readonly kind: 'arena'; readonly offset: number }
  | { readonly kind: 'rom'; readonly name: string }
  | { readonly kind: 'input'; readonly index: number; readonly offset?: number }
  | { readonly kind: 'output'; readonly index: number; readonly offset?: number };

/** Bytes from the start of the memory that a place names. */
export function offsetOf(place: Place): number {
  return place.kind === 'rom' ? 0 : (place.offset ?? 0);
}

export type Argument = Place | { readonly kind: 'scalar'; readonly type: ScalarType; readonly value: number | bigint };

/** One kernel call of an inference; `doc` names the model's operator it implements. */
export interface Call {
  readonly fn: string;
  readonly args: readonly Argument[];
  readonly doc: string;
}

/** One input or output of the model. `type` is the tensor type as text (it carries scale and zero point for the user). */
export interface Port {
  readonly name: string;
  readonly elem: Elem;
  readonly length: number;
  readonly shape: readonly number[];
  readonly type: string;
}

/** A part of the arena in a memory of its own: `bytes` bytes from offset `from`, a multiple of the arena's alignment. */
export interface Region {
  readonly name: string;
  readonly from: number;
  readonly bytes: number;
}

/** A compiled model. */
export interface Program {
  readonly name: string;
  readonly functions: readonly Func[];
  readonly roms: readonly Rom[];
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** Bytes of the one arena; offsets are multiples of `arenaAlign`'s divisors as the elements need. */
  readonly arenaBytes: number;
  readonly arenaAlign: number;
  /** The first `stateBytes` of the arena live from one inference to the next; `reset` initialises them. */
  readonly stateBytes: number;
  /** Where the arena is divided among several memories: ranges of it, ascending, that no buffer reaches out of. */
  readonly regions?: readonly Region[];
  readonly run: readonly Call[];
  readonly reset: readonly Call[];
}

export const ELEM_BYTES: Readonly<Record<Elem, number>> = {
  i8: 1,
  u8: 1,
  i16: 2,
  u16: 2,
  i32: 4,
  i64: 8,
  f32: 4,
  f64: 8,
};

/** Bytes that an access touches. */
export const ACCESS_BYTES: Readonly<Record<Access, number>> = {
  ...ELEM_BYTES,
  i8_ordered: 1,
  u8_ordered: 1,
  i32_ordered: 4,
  i64_ordered: 8,
  v128: 16,
  v128_ordered: 16,
  i8x8_s: 8,
  u8x8_u: 8,
  i16x4_s: 8,
  i8x4_s: 4,
  splat8: 1,
  splat16: 2,
  splat32: 4,
  low64: 8,
  ...forFirst((bytes) => bytes),
};

/** The register type a load of this access gives and a store of it takes. */
export const ACCESS_TYPE: Readonly<Record<Access, Type>> = {
  i8: 'i32',
  u8: 'i32',
  i16: 'i32',
  u16: 'i32',
  i32: 'i32',
  i64: 'i64',
  f32: 'f32',
  f64: 'f64',
  i8_ordered: 'i32',
  u8_ordered: 'i32',
  i32_ordered: 'i32',
  i64_ordered: 'i64',
  v128: 'v128',
  v128_ordered: 'v128',
  i8x8_s: 'v128',
  u8x8_u: 'v128',
  i16x4_s: 'v128',
  i8x4_s: 'v128',
  splat8: 'v128',
  splat16: 'v128',
  splat32: 'v128',
  low64: 'v128',
  ...forFirst(() => 'v128' as const),
};

/** The accesses that a store may use. */
export const STORABLE: ReadonlySet<Access> = new Set<Access>([
  'i8',
  'u8',
  'i16',
  'u16',
  'i32',
  'i64',
  'f32',
  'f64',
  'v128',
  'low64',
  ...FIRST_ACCESSES,
]);
