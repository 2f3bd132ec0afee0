/**
 * 8-bit sums as XNNPACK computes them (its qs8 and qu8 vadd): both operands times integer multipliers of up to 21 bits, one
 * bias, one arithmetic shift right.
 */

import type { Activation } from '../fixed-point.ts';
import { quantizedActivationRange, roundEven } from '../fixed-point.ts';
import { OpError } from '../op.ts';
import { affineOf, type TensorType, typeText } from '../types.ts';

const { fround } = Math;

/** y = clamp(((a * left + b * right + bias) >> shift) + zero point); every intermediate fits into i32. */
export interface ShiftedSum {
  readonly kind: 'shifted';
  readonly left: number;
  readonly right: number;
  /** Minus both zero points' products, plus half a unit of the result. */
  readonly bias: number;
  readonly shift: number;
  readonly zeroPoint: number;
  readonly low: number;
  readonly high: number;
}

/** Bits below the leading one of the larger multiplier. */
const MULTIPLIER_BITS = 20;

/** Throws OpError unless both input scales are within [2^-10, 2^8) of the output's, as XNNPACK asks. `sign` is -1 for differences. */
export function shiftedSum(
  [a, b]: readonly [TensorType, TensorType],
  y: TensorType,
  activation: Activation,
  sign: 1 | -1,
): ShiftedSum {
  const output = affineOf(y);
  const ratios = [a, b].map((type) => {
    const ratio = fround(affineOf(type).scale / output.scale);
    if (ratio >= 2 ** -10 && ratio < 2 ** 8) return ratio;
    throw new OpError(`expected a scale within 2^-10 and 2^8 of the result's ${output.scale}, found ${typeText(type)}`);
  });
  const shift = MULTIPLIER_BITS - Math.floor(Math.log2(Math.max(...ratios)));
  const [left, magnitude] = ratios.map((ratio) => roundEven(ratio * 2 ** shift)) as [number, number];
  const right = sign * magnitude;
  const bias = 2 ** (shift - 1) - left * affineOf(a).zeroPoint - right * affineOf(b).zeroPoint;
  const [low, high] = quantizedActivationRange(activation, y as Parameters<typeof quantizedActivationRange>[1]);
  return { kind: 'shifted', left, right, bias, shift, zeroPoint: output.zeroPoint, low, high };
}

export function shiftedSumOf(
  a: number,
  b: number,
  { left, right, bias, shift, zeroPoint, low, high }: ShiftedSum,
): number {
  return Math.min(Math.max(((bias + a * left + b * right) >> shift) + zeroPoint, low), high);
}
