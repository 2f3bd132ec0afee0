/** Division of quantized values by a reciprocal in fixed point, as TensorFlow Lite's reference kernel does it. */
import { type Multiplier, quantizeMultiplier, roundingDivideByPot, sqrdmulh } from '../fixed-point.ts';
import { OpError } from '../op.ts';
import { affineOf, integerRange, type TensorType } from '../types.ts';
import { fround } from './shared.ts';

const I32_MAX = 2 ** 31 - 1;

/** 48/17 and -32/17 with two integer bits, the start of the Newton-Raphson iteration. */
const START = 1515870810;
const SLOPE = -1010580540;
const ONE_Q2 = 2 ** 29;

function shiftLeftSaturating(x: number, bits: number): number {
  return Math.min(I32_MAX, Math.max(-(2 ** 31), x * 2 ** bits));
}

/** 1 / (1 + x) for x in [0, 1), both with no integer bits: three steps of Newton-Raphson (gemmlowp). */
function reciprocalOfOnePlus(x: number): number {
  const halfDenominator = Math.floor((x + I32_MAX + 1) / 2);
  let estimate = START + sqrdmulh(halfDenominator, SLOPE);
  for (let step = 0; step < 3; step++) {
    const error = ONE_Q2 - sqrdmulh(halfDenominator, estimate);
    estimate += shiftLeftSaturating(sqrdmulh(estimate, error), 2);
  }
  return shiftLeftSaturating(estimate, 1);
}

/** 1 / x for an integer x > 0 as multiplier * 2^-(31 + shift). */
export function reciprocal(x: number): { readonly multiplier: number; readonly shift: number } {
  const zeros = Math.clz32(x);
  return { multiplier: reciprocalOfOnePlus(x * 2 ** zeros - 2 ** 31), shift: 31 - zeros };
}

export interface DivisionStage {
  readonly zeroPoints: readonly [number, number];
  readonly output: Multiplier;
  readonly outputZero: number;
  /** By the distance of the divisor from its zero point; entry 0 is never used. */
  readonly reciprocals: readonly { readonly multiplier: number; readonly shift: number }[];
}

/**
 * The factor is computed in single precision, step by step, as the reference does. Throws OpError for output scales so
 * fine that every quotient would saturate.
 */
export function divisionStage(a: TensorType, b: TensorType, y: TensorType): DivisionStage {
  const [left, right, result] = [affineOf(a), affineOf(b), affineOf(y)];
  const factor = fround(left.scale / fround(right.scale * result.scale));
  const output = quantizeMultiplier(factor);
  // A dividend has at least 23 bits of headroom, which have to be shifted out again.
  if (output.shift > 23) throw new OpError(`expected an output scale above 2^-23 of the quotient's, found ${factor}`);
  const [low, high] = integerRange(b.dtype);
  const largest = Math.max(high - right.zeroPoint, right.zeroPoint - low);
  const reciprocals = Array.from({ length: largest + 1 }, (_, x) => reciprocal(Math.max(x, 1)));
  return { zeroPoints: [left.zeroPoint, right.zeroPoint], output, outputZero: result.zeroPoint, reciprocals };
}

/**
 * The stored quotient of the stored a and b before its clamp. A divisor of 0 gives plus or minus 2^30 by the sign of the
 * dividend, which saturates, and the zero point for 0 / 0; shifts of 32 and more leave 0.
 */
export function quotient(a: number, b: number, stage: DivisionStage): number {
  const divisor = b - stage.zeroPoints[1];
  const dividend = divisor < 0 ? stage.zeroPoints[0] - a : a - stage.zeroPoints[0];
  if (divisor === 0) return Math.sign(dividend) * 2 ** 30 + stage.outputZero;
  const { multiplier, shift } = stage.reciprocals[Math.abs(divisor)];
  const headroom = Math.clz32(dividend ^ (dividend >> 31)) - 1;
  const scaled = sqrdmulh(sqrdmulh(dividend << headroom, multiplier), stage.output.multiplier);
  const right = shift + headroom - stage.output.shift;
  return (right > 31 ? 0 : roundingDivideByPot(scaled, right)) + stage.outputZero;
}

/** The i32 quotient rounded towards zero; x / 0 is 0, and the one quotient that does not fit wraps. */
export function divideWrapping(a: number, b: number): number {
  return b === 0 ? 0 : Math.trunc(a / b) | 0;
}

/** The i32 quotient rounded towards zero; x / 0 and the one quotient that does not fit saturate, 0 / 0 is 0. */
export function divideI32(a: number, b: number): number {
  if (b === 0) return a === 0 ? 0 : a > 0 ? I32_MAX : -(2 ** 31);
  return Math.min(I32_MAX, Math.trunc(a / b)) + 0;
}
