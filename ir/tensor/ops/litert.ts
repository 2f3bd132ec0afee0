/**
 * The 8-bit arithmetic of numerics `litert`: XNNPACK's, for the operators that LiteRT hands to it (XNNPACK of August 2026).
 * Products are in shared.ts (`float` rounding); here are sums, changes of scale, reductions and float to integer.
 */

import type { Activation } from '../fixed-point.ts';
import { quantizedActivationRange, roundAway, roundEven } from '../fixed-point.ts';
import { OpError } from '../op.ts';
import { affineOf, integerRange, type TensorType, typeText } from '../types.ts';

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

/** y = clamp(((x - zero point) * multiplier + bias) >> 8), with a multiplier for each sign of the distance. */
export interface ByteScale {
  readonly zeroPoint: number;
  readonly positive: number;
  readonly negative: number;
  /** The result's zero point and half a unit, in 2^-8. */
  readonly bias: number;
  readonly low: number;
  readonly high: number;
}

const BYTE_SCALE_BITS = 8;

/** Of vcvt and vlrelu: the quotient of the scales, times `slope` below the zero point, in units of 2^-8. */
export function byteScale(x: TensorType, y: TensorType, slope = 1): ByteScale {
  const ratio = fround(affineOf(x).scale / affineOf(y).scale);
  const [low, high] = integerRange(y.dtype);
  return {
    zeroPoint: affineOf(x).zeroPoint,
    positive: roundEven(fround(2 ** BYTE_SCALE_BITS * ratio)),
    negative: roundEven(fround(2 ** BYTE_SCALE_BITS * fround(ratio * fround(slope)))),
    bias: affineOf(y).zeroPoint * 2 ** BYTE_SCALE_BITS + 2 ** (BYTE_SCALE_BITS - 1),
    low,
    high,
  };
}

/** Whether XNNPACK takes a change of scale: its multipliers have 16 bits. */
export function isByteScale(x: TensorType, y: TensorType, slope = 1): boolean {
  const ratio = fround(affineOf(x).scale / affineOf(y).scale);
  const scaled = fround(ratio * fround(slope));
  return ratio >= 2 ** -8 && ratio <= 128 && scaled >= -127.99609375 && scaled <= 128 && Math.abs(scaled) >= 2 ** -8;
}

export function byteScaled(x: number, { zeroPoint, positive, negative, bias, low, high }: ByteScale): number {
  const distance = x - zeroPoint;
  const scaled = (distance * (distance >= 0 ? positive : negative) + bias) >> BYTE_SCALE_BITS;
  return Math.min(Math.max(scaled, low), high);
}

/** y = clamp(round(sum * scale + offset)), product and sum in f32, ties away from zero as TensorFlow 2.21 has it. */
export interface FloatReduction {
  readonly scale: number;
  readonly offset: number;
  readonly low: number;
  readonly high: number;
}

/** Of sums over `count` stored values, and of their mean when `divide`. The sum is that of the stored values. */
export function floatReduction(x: TensorType, y: TensorType, count: number, divide: boolean): FloatReduction {
  const ratio = fround(affineOf(x).scale / affineOf(y).scale);
  const scale = divide ? fround(ratio * fround(1 / count)) : ratio;
  const shift = fround(fround(count * affineOf(x).zeroPoint) * scale);
  const [low, high] = integerRange(y.dtype);
  return { scale, offset: fround(affineOf(y).zeroPoint - shift), low, high };
}

export function floatReduced(sum: number, { scale, offset, low, high }: FloatReduction): number {
  return roundAway(Math.min(Math.max(fround(fround(fround(sum) * scale) + offset), low), high));
}

/** y = round(clamp(x * inverse)) + zero point, ties to even; NaN becomes the lowest value. */
export interface FloatQuantization {
  readonly inverse: number;
  readonly zeroPoint: number;
  readonly low: number;
  readonly high: number;
}

export function floatQuantization(y: TensorType): FloatQuantization {
  const { scale, zeroPoint } = affineOf(y);
  const [low, high] = integerRange(y.dtype);
  return { inverse: fround(1 / scale), zeroPoint, low: low - zeroPoint, high: high - zeroPoint };
}

export function floatQuantized(x: number, { inverse, zeroPoint, low, high }: FloatQuantization): number {
  const scaled = fround(x * inverse);
  const raised = scaled > low ? scaled : low;
  return roundEven(raised < high ? raised : high) + zeroPoint;
}
