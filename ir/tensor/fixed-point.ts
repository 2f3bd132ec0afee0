/**
 * The fixed-point arithmetic of quantized inference, as TensorFlow Lite's reference kernels and gemmlowp define it. Op
 * records evaluate with these, and kernels take their compile-time constants from them.
 */
import { type DType, integerRange, type TensorType } from './types.ts';

const I32_MAX = 2 ** 31 - 1;
const I32_MIN = -(2 ** 31);

/** A positive real factor as multiplier * 2^(shift - 31); multiplier is 0 or in [2^30, 2^31). */
export interface Multiplier {
  readonly multiplier: number;
  readonly shift: number;
}

/** Nearest integer, ties away from zero (C's `round`). */
export function roundAway(x: number): number {
  const magnitude = Math.abs(x);
  const down = Math.floor(magnitude);
  const rounded = magnitude - down >= 0.5 ? down + 1 : down;
  return x < 0 ? -rounded : rounded;
}

/** x as fraction * 2^exponent with |fraction| in [0.5, 1), for finite non-zero x (C's `frexp`). */
export function frexp(x: number): { fraction: number; exponent: number } {
  if (x === 0 || !Number.isFinite(x)) return { fraction: x, exponent: 0 };
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, x);
  const biased = (view.getUint16(0) >> 4) & 0x7ff;
  if (biased === 0) {
    const scaled = frexp(x * 2 ** 64);
    return { fraction: scaled.fraction, exponent: scaled.exponent - 64 };
  }
  view.setUint16(0, (view.getUint16(0) & 0x800f) | (1022 << 4));
  return { fraction: view.getFloat64(0), exponent: biased - 1022 };
}

/** TFLite's QuantizeMultiplier: factors under 2^-32 become 0. */
export function quantizeMultiplier(factor: number): Multiplier {
  if (factor === 0) return { multiplier: 0, shift: 0 };
  const { fraction, exponent } = frexp(factor);
  let multiplier = roundAway(fraction * 2 ** 31);
  let shift = exponent;
  if (multiplier === 2 ** 31) {
    multiplier /= 2;
    shift++;
  }
  return shift < -31 ? { multiplier: 0, shift: 0 } : { multiplier, shift };
}

/** gemmlowp's SaturatingRoundingDoublingHighMul on i32. */
export function sqrdmulh(a: number, b: number): number {
  if (a === I32_MIN && b === I32_MIN) return I32_MAX;
  // The product as high * 2^16 + low keeps every intermediate within 2^53.
  const aHigh = a >> 16;
  const aLow = a & 0xffff;
  const low = aLow * b + 2 ** 30;
  const high = aHigh * b + Math.floor(low / 65536);
  return Math.floor(high / 32768);
}

/** gemmlowp's RoundingDivideByPOT on i32: x / 2^exponent, ties away from zero. */
export function roundingDivideByPot(x: number, exponent: number): number {
  const mask = exponent === 31 ? I32_MAX : (1 << exponent) - 1;
  const threshold = (mask >> 1) + (x < 0 ? 1 : 0);
  return (x >> exponent) + ((x & mask) > threshold ? 1 : 0);
}

/** How a requantization rounds: twice, as gemmlowp and CMSIS-NN do, or once. */
export type Rounding = 'double' | 'single';

/** The nearest integer, ties to the even one (IEEE 754 roundToIntegralTiesToEven), for |x| < 2^52. */
export function roundEven(x: number): number {
  const down = Math.floor(x);
  const rest = x - down;
  return rest > 0.5 || (rest === 0.5 && down % 2 !== 0) ? down + 1 : down;
}

/** x * multiplier * 2^(shift - 31) for an i32 x (TFLite's MultiplyByQuantizedMultiplier). Left shifts wrap. */
export function requantize(x: number, { multiplier, shift }: Multiplier, rounding: Rounding = 'double'): number {
  if (rounding === 'single') return requantizeOnce(x, multiplier, shift);
  const left = shift > 0 ? shift : 0;
  return roundingDivideByPot(sqrdmulh(left === 0 ? x : x << left, multiplier), left - shift);
}

function requantizeOnce(x: number, multiplier: number, shift: number): number {
  const total = BigInt(31 - shift);
  return Number(BigInt.asIntN(32, (BigInt(x) * BigInt(multiplier) + (1n << (total - 1n))) >> total));
}

/** The multiplier at 16 bits that 64-bit accumulators are scaled by. */
export function reducedMultiplier(multiplier: number): number {
  return multiplier < 0x7fff0000 ? (multiplier + (1 << 15)) >> 16 : 0x7fff;
}

/** MultiplyByQuantizedMultiplier for the 64-bit accumulators of 16x8 kernels; the result wraps to i32. */
export function requantize64(x: bigint, { multiplier, shift }: Multiplier): number {
  const total = BigInt(15 - shift);
  const product = x * BigInt(reducedMultiplier(multiplier)) + (1n << (total - 1n));
  return Number(BigInt.asIntN(32, product >> total));
}

export const ACTIVATIONS = ['none', 'relu', 'relu6', 'relu_n1_to_1'] as const;
export type Activation = (typeof ACTIVATIONS)[number];

const ACTIVATION_BOUNDS: Readonly<Record<Activation, readonly [number, number]>> = {
  none: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  relu: [0, Number.POSITIVE_INFINITY],
  relu6: [0, 6],
  relu_n1_to_1: [-1, 1],
};

/** The real interval a fused activation clamps to. */
export function activationBounds(activation: Activation): readonly [number, number] {
  return ACTIVATION_BOUNDS[activation];
}

/** The stored-integer interval a fused activation clamps to in `type` (per-tensor affine). */
export function quantizedActivationRange(
  activation: Activation,
  type: TensorType & { quant: { kind: 'affine' } },
): readonly [number, number] {
  const [low, high] = integerRange(type.dtype);
  const scale = type.quant.scale[0] as number;
  const zeroPoint = type.quant.zeroPoint[0] as number;
  const [realLow, realHigh] = ACTIVATION_BOUNDS[activation];
  const quantized = (real: number) => zeroPoint + roundAway(Math.fround(real / scale));
  return [
    realLow === Number.NEGATIVE_INFINITY ? low : Math.max(low, quantized(realLow)),
    realHigh === Number.POSITIVE_INFINITY ? high : Math.min(high, quantized(realHigh)),
  ];
}

/** Clamps to [low, high]; where low > high the answer is high, as in `min(max(x, low), high)`. */
export function clampInt(x: number, low: number, high: number): number {
  return Math.min(Math.max(x, low), high);
}

/** Clamps to the range of an integer dtype. */
export function saturate(x: number, dtype: DType): number {
  const [low, high] = integerRange(dtype);
  return clampInt(x, low, high);
}
