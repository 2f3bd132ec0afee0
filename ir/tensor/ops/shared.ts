/** Pieces that several op families share: attribute schemas, float rounding, and the tail of integer matrix products. */
import { z } from 'zod';
import {
  ACTIVATIONS,
  type Activation,
  activationBounds,
  type Multiplier,
  quantizedActivationRange,
  quantizeMultiplier,
  requantize,
  requantize64,
  roundEven,
} from '../fixed-point.ts';
import { OpError } from '../op.ts';
import { affineOf, type Tensor, type TensorData, type TensorType, typeText } from '../types.ts';

export const fround = Math.fround;

export const activationAttr = z.enum(ACTIVATIONS).default('none');
/**
 * How the result is requantized. `double`: what TFLite's reference kernels and CMSIS-NN do. `single`: one rounding shift.
 * `float`: what XNNPACK does for 8-bit activations, an f32 product rounded to the nearest integer, ties to even.
 */
export const roundingAttr = z.enum(['double', 'single', 'float']).default('double');
export type StageRounding = z.infer<typeof roundingAttr>;
/** Whose integer arithmetic: tflite-micro's reference kernels and CMSIS-NN, or (`litert`) XNNPACK as LiteRT uses it. */
export const numericsAttr = z.literal('litert').optional();
/** Width of the accumulator of a 16x8 product; TFLite takes it from the bias type. Other types accumulate in i32 or f32. */
export const accumulatorAttr = z.enum(['i32', 'i64']).default('i32');
export const extent = z
  .number()
  .int()
  .min(1)
  .max(2 ** 24);
export const axisAttr = z.number().int().min(0).max(7);
/** Rows or columns of padding before and after, in elements. */
export const paddingAttr = z.strictObject({
  top: z.number().int().min(0),
  bottom: z.number().int().min(0),
  left: z.number().int().min(0),
  right: z.number().int().min(0),
});
export type Padding = z.infer<typeof paddingAttr>;

/** Clamps a float as `min(max(x, low), high)` with std::min and std::max, which pass NaN through. */
export function activateFloat(x: number, activation: Activation): number {
  const [low, high] = activationBounds(activation);
  const raised = x < low ? low : x;
  return high < raised ? high : raised;
}

/** The output extent of a window that moves by `stride`. */
export function windowExtent(input: number, window: number, stride: number, dilation: number, pad: number): number {
  return Math.floor((input + pad - ((window - 1) * dilation + 1)) / stride) + 1;
}

/** Throws OpError unless the type has `rank` dimensions. */
export function expectRank(type: TensorType, rank: number, what: string): void {
  if (type.shape.length !== rank) throw new OpError(`expected ${what} of rank ${rank}, found ${typeText(type)}`);
}

/** What turns an accumulator into a stored integer: a factor per output channel (or one), an offset and a clamp. */
export interface OutputStage {
  readonly multipliers: readonly Multiplier[];
  /** The same factors in single precision; only `float` rounding reads them, and it reads no multipliers. */
  readonly scales: readonly number[];
  readonly zeroPoint: number;
  readonly low: number;
  readonly high: number;
  readonly rounding: StageRounding;
}

/** Real factors to fixed point, with the output's zero point and the activation's clamp. Throws OpError for factors of 2^`maxShift` and more. */
export function outputStage(
  factors: readonly number[],
  output: TensorType,
  activation: Activation,
  rounding: StageRounding,
  maxShift = 30,
): OutputStage {
  const [low, high] = quantizedActivationRange(activation, output as Parameters<typeof quantizedActivationRange>[1]);
  const multipliers = factors.map(quantizeMultiplier);
  const worst = Math.max(...multipliers.map(({ shift }) => shift));
  if (worst > maxShift) {
    throw new OpError(
      `expected an output scale within 2^${maxShift} of the accumulator's, found a factor of 2^${worst}`,
    );
  }
  if (rounding === 'float' && output.dtype !== 'i8' && output.dtype !== 'u8') {
    throw new OpError(`expected an 8-bit result for float rounding, found ${typeText(output)}`);
  }
  const { zeroPoint } = affineOf(output);
  return { multipliers, scales: factors.map(fround), zeroPoint, low, high, rounding };
}

/** The largest shift left that a requantization defines: 64-bit accumulators are scaled by a 16-bit multiplier with less room. */
export function maxShiftOf(accumulator: 'i32' | 'i64'): number {
  return accumulator === 'i64' ? 7 : 30;
}

/** What `make` throws as an OpError, worded as the verifier's reason. */
export function reasonOf(make: () => unknown): string | undefined {
  try {
    make();
    return undefined;
  } catch (error) {
    if (error instanceof OpError) return error.message;
    throw error;
  }
}

/** Applies the stage to the exact accumulator value of `channel`; i32 accumulators wrap as they would in 32 bits. */
export function finish(acc: number, channel: number, stage: OutputStage, accumulator: 'i32' | 'i64'): number {
  if (stage.rounding === 'float') return finishFloat(acc, channel, stage);
  const factor = (stage.multipliers.length === 1 ? stage.multipliers[0] : stage.multipliers[channel]) as Multiplier;
  const scaled =
    accumulator === 'i32' ? requantize(acc | 0, factor, stage.rounding) : requantize64(BigInt(acc), factor);
  return Math.min(Math.max((scaled + stage.zeroPoint) | 0, stage.low), stage.high);
}

/** The i32 accumulator and its product with the scale are each rounded to f32; clamped, the product has under 10 bits. */
function finishFloat(acc: number, channel: number, { scales, zeroPoint, low, high }: OutputStage): number {
  const scale = (scales.length === 1 ? scales[0] : scales[channel]) as number;
  const scaled = fround(fround(acc | 0) * scale);
  return roundEven(Math.min(Math.max(scaled, low - zeroPoint), high - zeroPoint)) + zeroPoint;
}

/** The optional bias as plain numbers; zeros when there is none. */
export function biasValues(bias: Tensor | undefined, channels: number): ArrayLike<number> {
  if (bias === undefined) return new Int32Array(channels);
  return bias.data instanceof BigInt64Array ? Array.from(bias.data, Number) : bias.data;
}

/** Numeric data; throws for i64, which has no arithmetic here. */
export function numbersOf(tensor: Tensor): Exclude<TensorData, BigInt64Array> {
  if (tensor.data instanceof BigInt64Array) throw new OpError('i64 tensors exist only in constants');
  return tensor.data;
}

/** A law of ops that compute with stored values as they are: the reason a type breaks it, or undefined. */
export function plainFault(types: readonly TensorType[]): string | undefined {
  const scaled = types.find((type) => type.quant.kind !== 'none');
  return scaled === undefined ? undefined : `expected plain ${scaled.dtype}, found ${typeText(scaled)}`;
}
