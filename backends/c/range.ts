/** The range of an integer expression, as far as the types of the elements it is made from tell. */
import { typeOf } from '../../ir/loop/build.ts';
import type { Opcode } from '../../ir/loop/instructions.ts';
import type { Expr } from '../../ir/loop/types.ts';

export type Range = readonly [low: bigint, high: bigint];

const signedBits = (bits: number): Range => [-(1n << BigInt(bits - 1)), (1n << BigInt(bits - 1)) - 1n];
const unsignedBits = (bits: number): Range => [0n, (1n << BigInt(bits)) - 1n];

const LOADED: Readonly<Record<string, Range>> = {
  i8: signedBits(8),
  u8: unsignedBits(8),
  i16: signedBits(16),
  u16: unsignedBits(16),
};

/** True for instructions that give 0 or 1 as C comparisons do. */
export function isComparison(op: Opcode): boolean {
  return /^(i32|i64|f32|f64)\.(eq|ne|lt|le|gt|ge)(_s|_u)?$/.test(op);
}

export function rangeOf(e: Expr): Range {
  const whole = signedBits(typeOf(e) === 'i64' ? 64 : 32);
  if (e.kind === 'const') return [BigInt(e.value), BigInt(e.value)];
  if (e.kind === 'load') return LOADED[e.access] ?? whole;
  if (e.kind !== 'op') return whole;
  if (isComparison(e.op)) return [0n, 1n];
  const [a, b, c] = e.args as [Expr, Expr, Expr];
  switch (e.op) {
    case 'i32.extend8_s':
      return signedBits(8);
    case 'i32.extend16_s':
      return signedBits(16);
    case 'i64.extend_i32_s':
      return rangeOf(a);
    case 'i64.extend_i32_u':
      return unsignedBits(32);
    case 'i32.select':
    case 'i64.select':
      return union(rangeOf(b), rangeOf(c));
    case 'i32.and':
    case 'i64.and':
      return masked(rangeOf(a), rangeOf(b));
    case 'i32.or':
    case 'i32.xor':
    case 'i64.or':
    case 'i64.xor':
      return sameBits(rangeOf(a), rangeOf(b));
    case 'i32.div_s':
      return divided(rangeOf(a), rangeOf(b), whole);
    case 'i32.rem_s':
      return sameBits(rangeOf(a), [0n, 0n]);
    case 'i32.shr_s':
    case 'i64.shr_s':
      return sameBits(rangeOf(a), [0n, 0n]);
    default:
      return whole;
  }
}

function union(a: Range, b: Range): Range {
  return [a[0] < b[0] ? a[0] : b[0], a[1] > b[1] ? a[1] : b[1]];
}

/** A non-negative operand bounds the result of `&`. */
function masked(a: Range, b: Range): Range {
  const bounds = [a, b].filter((range) => range[0] >= 0n).map((range) => range[1]);
  const [first, second] = bounds;
  if (first === undefined) return sameBits(a, b);
  return [0n, second !== undefined && second < first ? second : first];
}

/** The smallest signed, or unsigned, number of bits that holds both. Bitwise operators do not leave it. */
function sameBits(a: Range, b: Range): Range {
  const all = union(a, b);
  for (let bits = 1; ; bits++) {
    const range = all[0] >= 0n ? unsignedBits(bits) : signedBits(bits);
    if (range[0] <= all[0] && all[1] <= range[1]) return range;
  }
}

/** Division by a positive constant keeps the order. */
function divided(a: Range, b: Range, whole: Range): Range {
  return b[0] === b[1] && b[0] > 0n ? [a[0] / b[0], a[1] / b[0]] : whole;
}
