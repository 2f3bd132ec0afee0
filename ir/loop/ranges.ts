/**
 * Interval arithmetic on i32 and i64 registers: what the verifier knows about values. Every function here answers with an
 * interval that holds all values that the instruction can give; bigints keep the ends exact.
 */
import { instruction, type Opcode } from './instructions.ts';
import type { Access, Expr, Type } from './types.ts';

/** All integers from `low` to `high`, both included; never empty. */
export interface Range {
  readonly low: bigint;
  readonly high: bigint;
}

export function range(low: number | bigint, high: number | bigint): Range {
  return { low: BigInt(low), high: BigInt(high) };
}

export const I32 = range(-(2 ** 31), 2 ** 31 - 1);
export const I64 = range(-(2n ** 63n), 2n ** 63n - 1n);
const BOOLEAN = range(0, 1);

/** What is known of a register of this type when nothing is: `undefined` for those that hold no integer. */
export function fullRange(type: Type): Range | undefined {
  if (type === 'i32') return I32;
  return type === 'i64' ? I64 : undefined;
}

export function printRange(r: Range): string {
  return `[${r.low}, ${r.high}]`;
}

const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** The smallest range that holds both. */
export function join(a: Range, b: Range): Range {
  return { low: smaller(a.low, b.low), high: larger(a.high, b.high) };
}

/** What is in both; `undefined` when nothing is. */
export function meet(a: Range, b: Range): Range | undefined {
  const low = larger(a.low, b.low);
  const high = smaller(a.high, b.high);
  return low <= high ? { low, high } : undefined;
}

export function contains(outer: Range, inner: Range): boolean {
  return outer.low <= inner.low && inner.high <= outer.high;
}

/** What a load of an integer element gives. */
export const LOADED: Readonly<Partial<Record<Access, Range>>> = {
  i8: range(-128, 127),
  u8: range(0, 255),
  i16: range(-32768, 32767),
  u16: range(0, 65535),
  i32: I32,
  i64: I64,
  i8_ordered: range(-128, 127),
  u8_ordered: range(0, 255),
  i32_ordered: I32,
  i64_ordered: I64,
};

/** The range of `f` over all combinations of the ends: exact for functions monotone in each operand. */
function corners(a: Range, b: Range, f: (x: bigint, y: bigint) => bigint): Range {
  const values = [f(a.low, b.low), f(a.low, b.high), f(a.high, b.low), f(a.high, b.high)];
  return { low: values.reduce(smaller), high: values.reduce(larger) };
}

const add = (a: Range, b: Range): Range => ({ low: a.low + b.low, high: a.high + b.high });
const sub = (a: Range, b: Range): Range => ({ low: a.low - b.high, high: a.high - b.low });
const mul = (a: Range, b: Range): Range => corners(a, b, (x, y) => x * y);
const clampTo = (bounds: Range, x: bigint): bigint => smaller(bounds.high, larger(bounds.low, x));
/** Saturates both ends. */
const saturate = (r: Range, to: Range): Range => ({ low: clampTo(to, r.low), high: clampTo(to, r.high) });
/** The instruction promises that its exact result fits. */
const promised = (exact: Range, full: Range): Range => meet(exact, full) ?? full;
/** The instruction wraps, so that one value out of the register's range may become any value. */
const wrapped = (exact: Range, full: Range): Range => (contains(full, exact) ? exact : full);

/** Bits of magnitude: the least k with the range inside [-2^k, 2^k - 1]. */
function magnitudeBits(r: Range): number {
  const most = larger(r.high, -r.low - 1n);
  return most <= 0n ? 0 : most.toString(2).length;
}

function bitwiseAnd(a: Range, b: Range): Range {
  if (a.low >= 0n && b.low >= 0n) return { low: 0n, high: smaller(a.high, b.high) };
  if (a.low >= 0n) return { low: 0n, high: a.high };
  if (b.low >= 0n) return { low: 0n, high: b.high };
  return { low: -(1n << BigInt(magnitudeBits(join(a, b)))), high: larger(a.high, b.high) };
}

function bitwiseXor(a: Range, b: Range): Range {
  const both = join(a, b);
  const end = 1n << BigInt(magnitudeBits(both));
  return { low: both.low >= 0n ? 0n : -end, high: end - 1n };
}

/** Or sets bits and clears none. */
function bitwiseOr(a: Range, b: Range): Range {
  const { low, high } = bitwiseXor(a, b);
  return { low: a.low >= 0n && b.low >= 0n ? larger(a.low, b.low) : low, high };
}

/** A shift count as far as it is legal; the verifier reports the rest. */
const count = (n: Range, bits: number): Range => saturate(n, range(0, bits - 1));

function shiftLeft(a: Range, n: Range, full: Range, bits: number): Range {
  return wrapped(
    corners(a, count(n, bits), (x, y) => x << y),
    full,
  );
}

function shiftRight(a: Range, n: Range, bits: number): Range {
  return corners(a, count(n, bits), (x, y) => x >> y);
}

function shiftRightUnsigned(a: Range, n: Range): Range {
  if (a.low >= 0n) return shiftRight(a, n, 32);
  const least = count(n, 32).low;
  return least === 0n ? I32 : range(0, 0xffffffffn >> least);
}

const abs = (x: bigint): bigint => (x < 0n ? -x : x);

/** Towards zero. A divisor that may be zero is reported by the verifier and counts as non-zero here. */
function divide(a: Range, b: Range): Range {
  const parts = [meet(b, range(1, I32.high)), meet(b, range(I32.low, -1))].filter((part) => part !== undefined);
  const quotients = parts.map((part) => corners(a, part, (x, y) => x / y));
  return quotients.length === 0 ? I32 : promised(quotients.reduce(join), I32);
}

/** Has the sign of the dividend and is no larger than it, and smaller than the divisor. */
function remainder(a: Range, b: Range): Range {
  const most = larger(abs(b.low), abs(b.high)) - 1n;
  if (most < 0n) return I32;
  return { low: a.low < 0n ? -smaller(most, -a.low) : 0n, high: a.high > 0n ? smaller(most, a.high) : 0n };
}

function leadingZeros(a: Range): Range {
  const zeros = (x: bigint) => Math.clz32(Number(x));
  if (a.high < 0n) return range(0, 0);
  return a.low < 0n ? range(0, 32) : range(zeros(a.high), zeros(a.low));
}

/** Sign extension of the low bits: the identity on what already fits. */
const extended = (a: Range, to: Range): Range => wrapped(a, to);

function minimum(a: Range, b: Range): Range {
  return { low: smaller(a.low, b.low), high: smaller(a.high, b.high) };
}

function maximum(a: Range, b: Range): Range {
  return { low: larger(a.low, b.low), high: larger(a.high, b.high) };
}

/** Reads a scalar instruction on two numbers as a monotone function of each, at the ends. */
function monotone(op: Opcode, a: Range, b: Range): Range {
  return corners(a, b, (x, y) => BigInt(instruction(op).evaluate(Number(x), Number(y)) as number));
}

function unsigned(a: Range): Range {
  if (a.low >= 0n) return a;
  return a.high < 0n ? add(a, range(2n ** 32n, 2n ** 32n)) : range(0, 2n ** 32n - 1n);
}

type Transfer = (a: Range, b: Range, c: Range, imm: readonly number[]) => Range;

/** Instructions of which more is known than the type of their result. Operands that are no integers are passed as I64. */
const TRANSFER: Readonly<Partial<Record<Opcode, Transfer>>> = {
  'i32.add': (a, b) => promised(add(a, b), I32),
  'i32.sub': (a, b) => promised(sub(a, b), I32),
  'i32.mul': (a, b) => promised(mul(a, b), I32),
  'i32.add_wrap': (a, b) => wrapped(add(a, b), I32),
  'i32.sub_wrap': (a, b) => wrapped(sub(a, b), I32),
  'i32.mul_wrap': (a, b) => wrapped(mul(a, b), I32),
  'i32.div_s': divide,
  'i32.rem_s': remainder,
  'i32.and': bitwiseAnd,
  'i32.or': bitwiseOr,
  'i32.xor': bitwiseXor,
  'i32.shl': (a, n) => shiftLeft(a, n, I32, 32),
  'i32.shr_s': (a, n) => shiftRight(a, n, 32),
  'i32.shr_u': shiftRightUnsigned,
  'i32.min_s': minimum,
  'i32.max_s': maximum,
  'i32.clz': leadingZeros,
  'i32.popcnt': () => range(0, 32),
  'i32.extend8_s': (a) => extended(a, range(-128, 127)),
  'i32.extend16_s': (a) => extended(a, range(-32768, 32767)),
  'i32.wrap_i64': (a) => wrapped(a, I32),
  'i32.select': (_, a, b) => join(a, b),
  'i64.add': (a, b) => promised(add(a, b), I64),
  'i64.sub': (a, b) => promised(sub(a, b), I64),
  'i64.mul': (a, b) => promised(mul(a, b), I64),
  'i64.add_wrap': (a, b) => wrapped(add(a, b), I64),
  'i64.sub_wrap': (a, b) => wrapped(sub(a, b), I64),
  'i64.mul_wrap': (a, b) => wrapped(mul(a, b), I64),
  'i64.and': bitwiseAnd,
  'i64.or': bitwiseOr,
  'i64.xor': bitwiseXor,
  'i64.shl': (a, n) => shiftLeft(a, n, I64, 64),
  'i64.shr_s': (a, n) => shiftRight(a, n, 64),
  'i64.min_s': minimum,
  'i64.max_s': maximum,
  'i64.extend_i32_s': (a) => a,
  'i64.extend_i32_u': unsigned,
  'i64.popcnt': () => range(0, 64),
  'i64.select': (_, a, b) => join(a, b),
  'i32.sqrdmulh': (a, b) => monotone('i32.sqrdmulh', a, b),
  'i32.rdivpot': (a, n) => monotone('i32.rdivpot', a, count(n, 32)),
  'i32.ssat': (a, _b, _c, [bits = 32]) => saturate(a, range(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)),
  'i32.usat': (a, _b, _c, [bits = 31]) => saturate(a, range(0, 2 ** bits - 1)),
  'i32.sqadd': (a, b) => saturate(add(a, b), I32),
  'i32.sqsub': (a, b) => saturate(sub(a, b), I32),
  'i32.sqshl': (a, n) => monotone('i32.sqshl', a, count(n, 32)),
  'i32.mulhi_s': (a, b) => monotone('i32.mulhi_s', a, b),
  'i32.mulhir_s': (a, b) => monotone('i32.mulhir_s', a, b),
  'mve.address': (a) => a,
  'i8x16.extract_lane_s': () => range(-128, 127),
  'i8x16.extract_lane_u': () => range(0, 255),
  'i16x8.extract_lane_s': () => range(-32768, 32767),
};

const COMPARISON = /^[if](?:32|64)\.(?:eq|ne|lt|le|gt|ge)(?:_[su])?$/;

/** The range of an instruction's result, from those of its operands. */
export function opRange(op: Opcode, args: readonly (Range | undefined)[], imm: readonly number[]): Range | undefined {
  const transfer = TRANSFER[op];
  if (transfer !== undefined) return transfer(args[0] ?? I64, args[1] ?? I64, args[2] ?? I64, imm);
  return COMPARISON.test(op) ? BOOLEAN : fullRange(instruction(op).result);
}

/** What a condition's outcome says: that the register `name` lies in `range`. */
export interface Fact {
  readonly name: string;
  readonly range: Range;
}

type Relation = 'lt' | 'le' | 'gt' | 'ge' | 'eq' | 'ne';

const RELATIONS: Readonly<Partial<Record<Opcode, Relation>>> = {
  'i32.lt_s': 'lt',
  'i32.le_s': 'le',
  'i32.gt_s': 'gt',
  'i32.ge_s': 'ge',
  'i32.eq': 'eq',
  'i32.ne': 'ne',
  'i64.lt_s': 'lt',
  'i64.le_s': 'le',
  'i64.eq': 'eq',
};
const NEGATED = { lt: 'ge', le: 'gt', gt: 'le', ge: 'lt', eq: 'ne', ne: 'eq' } as const;
const MIRRORED = { lt: 'gt', le: 'ge', gt: 'lt', ge: 'le', eq: 'eq', ne: 'ne' } as const;

/** The values x of `own` (or a range around them) with `x relation y` for some y in `other`. */
function related(relation: Relation, own: Range, other: Range): Range | undefined {
  switch (relation) {
    case 'lt':
      return { low: I64.low, high: other.high - 1n };
    case 'le':
      return { low: I64.low, high: other.high };
    case 'gt':
      return { low: other.low + 1n, high: I64.high };
    case 'ge':
      return { low: other.low, high: I64.high };
    case 'eq':
      return other;
    case 'ne':
      if (other.low !== other.high) return undefined;
      if (own.low === other.low) return { low: own.low + 1n, high: I64.high };
      return own.high === other.low ? { low: I64.low, high: own.high - 1n } : undefined;
  }
}

/**
 * What is known where `cond` is true (`holds`) or false: of signed comparisons of registers, and of an `i32.and` of
 * comparisons when it is true. `rangeOf` gives the range of a side. An unsigned comparison of a register with a
 * non-negative bound, when true, says that the register is not negative.
 */
export function factsOf(cond: Expr, holds: boolean, rangeOf: (e: Expr) => Range | undefined): readonly Fact[] {
  if (cond.kind !== 'op') return [];
  const [left, right] = cond.args;
  if (left === undefined || right === undefined) return [];
  if (cond.op === 'i32.and') {
    const both = holds && isBoolean(left) && isBoolean(right);
    return both ? [...factsOf(left, true, rangeOf), ...factsOf(right, true, rangeOf)] : [];
  }
  const facts: Fact[] = [];
  const learn = (e: Expr, known: Range | undefined) => {
    if (e.kind === 'var' && known !== undefined) facts.push({ name: e.name, range: known });
  };
  const a = rangeOf(left);
  const b = rangeOf(right);
  if (a === undefined || b === undefined) return [];
  if (cond.op === 'i32.lt_u' && holds && b.low >= 0n) learn(left, range(0, larger(b.high - 1n, 0n)));
  const relation = RELATIONS[cond.op];
  if (relation === undefined) return facts;
  const actual = holds ? relation : NEGATED[relation];
  learn(left, related(actual, a, b));
  learn(right, related(MIRRORED[actual], b, a));
  return facts;
}

/** Whether an expression is 0 or 1, so that `i32.and` of two of them is their conjunction. */
function isBoolean(e: Expr): boolean {
  if (e.kind === 'const') return e.value === 0 || e.value === 1;
  if (e.kind !== 'op') return false;
  return COMPARISON.test(e.op) || (e.op === 'i32.and' && e.args.every(isBoolean));
}
