/**
 * The arithmetic that functions shared by evaluation and kernels are written in.
 *
 * exp, the fixed-point logarithm and their kin are written once as a sequence of these operations. Op records run them on
 * numbers (`NUMBERS`), kernels spell them as loop IR (`compiler/lower/algebra.ts`), so both give the same bits. F stands
 * for an f32, I for an i32 and W for an i64. Every float operation rounds to f32; integer additions, subtractions,
 * products and left shifts wrap. Shift counts lie in [0, 31], for i64 in [0, 63].
 */
import { roundingDivideByPot, sqrdmulh } from './fixed-point.ts';

export interface Algebra<F, I, W> {
  readonly f32: (value: number) => F;
  readonly add: (a: F, b: F) => F;
  readonly sub: (a: F, b: F) => F;
  readonly mul: (a: F, b: F) => F;
  readonly div: (a: F, b: F) => F;
  readonly neg: (a: F) => F;
  readonly abs: (a: F) => F;
  readonly sqrt: (a: F) => F;
  /** b < a ? b : a */
  readonly min: (a: F, b: F) => F;
  /** a < b ? b : a */
  readonly max: (a: F, b: F) => F;
  readonly less: (a: F, b: F) => I;
  readonly select: (condition: I, yes: F, no: F) => F;
  /** The bit pattern, and back. */
  readonly bits: (a: F) => I;
  readonly float: (a: I) => F;
  readonly fromInt: (a: I) => F;

  readonly i32: (value: number) => I;
  readonly iadd: (a: I, b: I) => I;
  readonly isub: (a: I, b: I) => I;
  readonly imul: (a: I, b: I) => I;
  readonly and: (a: I, b: I) => I;
  readonly or: (a: I, b: I) => I;
  readonly shl: (a: I, count: I) => I;
  readonly shr: (a: I, count: I) => I;
  readonly imin: (a: I, b: I) => I;
  readonly imax: (a: I, b: I) => I;
  readonly iless: (a: I, b: I) => I;
  readonly iselect: (condition: I, yes: I, no: I) => I;
  /** Leading zeros; 32 for 0. */
  readonly clz: (a: I) => I;
  /** Shift left that saturates. */
  readonly sqshl: (a: I, count: I) => I;
  readonly sqadd: (a: I, b: I) => I;
  readonly sqsub: (a: I, b: I) => I;
  /** (a * b + 2^30) >> 31, saturated. */
  readonly sqrdmulh: (a: I, b: I) => I;
  /** a / 2^count, ties away from zero. */
  readonly rdivpot: (a: I, count: I) => I;

  readonly i64: (value: bigint) => W;
  readonly wide: (a: I) => W;
  readonly narrow: (a: W) => I;
  readonly wadd: (a: W, b: W) => W;
  readonly wsub: (a: W, b: W) => W;
  readonly wmul: (a: W, b: W) => W;
  readonly wand: (a: W, b: W) => W;
  readonly wor: (a: W, b: W) => W;
  readonly wshl: (a: W, count: W) => W;
  readonly wshr: (a: W, count: W) => W;
  readonly wselect: (condition: I, yes: W, no: W) => W;
  /** Correctly rounded. */
  readonly fromWide: (a: W) => F;

  /** Names a value that is used more than once. */
  readonly let: <V extends F | I | W>(name: string, value: V) => V;
  /** Takes constants in one after another, with their places. */
  readonly fold: (values: readonly number[], start: I, step: (result: I, value: I, place: I) => I) => I;
  /** Computes only one of the two. */
  readonly branch: (condition: I, yes: () => F, no: () => F) => F;
}

const { fround } = Math;
const view = new DataView(new ArrayBuffer(4));
const wrap64 = (a: bigint) => BigInt.asIntN(64, a);
const saturate32 = (a: number) => Math.min(2 ** 31 - 1, Math.max(-(2 ** 31), a));

function floatOf(bits: number): number {
  view.setInt32(0, bits);
  return view.getFloat32(0);
}

function bitsOf(x: number): number {
  view.setFloat32(0, x);
  return view.getInt32(0);
}

/** An i64 has up to 63 significant bits and a number 53: the bits below are kept as one sticky bit before rounding. */
function roundWide(a: bigint): number {
  const magnitude = a < 0n ? -a : a;
  if (magnitude < 1n << 53n) return fround(Number(a));
  const sticky = (magnitude & 0x7ffn) === 0n ? 0n : 0x400n;
  const rounded = fround(Number((magnitude & ~0x7ffn) | sticky));
  return a < 0n ? -rounded : rounded;
}

/** The operations on numbers, f32 values rounded by `Math.fround`. */
export const NUMBERS: Algebra<number, number, bigint> = {
  f32: fround,
  add: (a, b) => fround(a + b),
  sub: (a, b) => fround(a - b),
  mul: (a, b) => fround(a * b),
  div: (a, b) => fround(a / b),
  neg: (a) => -a,
  abs: Math.abs,
  sqrt: (a) => fround(Math.sqrt(a)),
  min: (a, b) => (b < a ? b : a),
  max: (a, b) => (a < b ? b : a),
  less: (a, b) => (a < b ? 1 : 0),
  select: (condition, yes, no) => (condition !== 0 ? yes : no),
  bits: bitsOf,
  float: floatOf,
  fromInt: fround,

  i32: (value) => value,
  iadd: (a, b) => (a + b) | 0,
  isub: (a, b) => (a - b) | 0,
  imul: Math.imul,
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  shl: (a, count) => a << count,
  shr: (a, count) => a >> count,
  imin: Math.min,
  imax: Math.max,
  iless: (a, b) => (a < b ? 1 : 0),
  iselect: (condition, yes, no) => (condition !== 0 ? yes : no),
  clz: Math.clz32,
  sqshl: (a, count) => saturate32(a * 2 ** count),
  sqadd: (a, b) => saturate32(a + b),
  sqsub: (a, b) => saturate32(a - b),
  sqrdmulh,
  rdivpot: roundingDivideByPot,

  i64: wrap64,
  wide: BigInt,
  narrow: (a) => Number(BigInt.asIntN(32, a)),
  wadd: (a, b) => wrap64(a + b),
  wsub: (a, b) => wrap64(a - b),
  wmul: (a, b) => wrap64(a * b),
  wand: (a, b) => a & b,
  wor: (a, b) => a | b,
  wshl: (a, count) => wrap64(a << count),
  wshr: (a, count) => a >> count,
  wselect: (condition, yes, no) => (condition !== 0 ? yes : no),
  fromWide: roundWide,

  let: (_name, value) => value,
  fold: (values, start, step) => values.reduce((result, value, place) => step(result, value, place), start),
  branch: (condition, yes, no) => (condition !== 0 ? yes() : no()),
};
