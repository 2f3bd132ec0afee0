/** Between real numbers and stored integers, and between element types. */
import { z } from 'zod';
import { NUMBERS } from '../algebra.ts';
import { clampInt, quantizeMultiplier, requantize as requantizeValue, roundAway } from '../fixed-point.ts';
import { FLOAT_FORMATS, type FloatRounding, ROUND_MODES, roundFloat } from '../float-math/formats.ts';
import { defineOp, OpError, type Signature, signature } from '../op.ts';
import {
  affineOf,
  type DType,
  elementCount,
  integerRange,
  NO_QUANT,
  newData,
  type Tensor,
  type TensorType,
  typeText,
} from '../types.ts';
import { evaluateBroadcast } from './broadcast.ts';
import { byteScale, byteScaled, floatQuantization, floatQuantized } from './litert.ts';
import { perTensorFault } from './rescale.ts';
import { fround, numericsAttr, type OutputStage, reasonOf } from './shared.ts';

const noAttrs = z.strictObject({});
type NoAttrs = z.infer<typeof noAttrs>;

const scaleAttrs = z.strictObject({ numerics: numericsAttr });
export type ScaleAttrs = z.infer<typeof scaleAttrs>;

const I32_MAX = 2 ** 31 - 1;
const I32_MIN = -(2 ** 31);

function sameShape({ inputs }: { readonly inputs: readonly TensorType[] }): number[][] {
  return [[...inputs[0].shape]];
}

/** A float as i32, rounded towards zero; beyond the range it saturates, NaN is 0. */
export function truncateToI32(x: number): number {
  return Number.isNaN(x) ? 0 : clampInt(Math.trunc(x), I32_MIN, I32_MAX) + 0;
}

const quantize = defineOp<ScaleAttrs>({
  doc:
    'y = clamp(round(x / scale) + zero point): the f32 quotient is rounded to the nearest integer, ties away from zero, ' +
    'and everything beyond the range of y saturates. NaN becomes the zero point. (The reference converts quotients of ' +
    '2^31 and more to an undefined integer.) With numerics `litert` (8 bits): x times the f32 reciprocal of the scale, ties to ' +
    'even, and NaN becomes the lowest value.',
  attrs: scaleAttrs,
  inputs: ['x'],
  outputs: ['y'],
  signatures: ['f32 -> i8', 'f32 -> u8', 'f32 -> i16', 'f32 -> i32'].map(signature),
  traits: { elementwise: true },
  infer: sameShape,
  check: ({ outputs, attrs }) => perTensorFault(outputs) ?? byteFault(outputs[0], attrs),
  evaluate({ inputs, outputs, attrs }) {
    if (attrs.numerics === 'litert') {
      const stage = floatQuantization(outputs[0]);
      return [evaluateBroadcast<number>(inputs, outputs[0], (x: number) => floatQuantized(x, stage))];
    }
    const { scale, zeroPoint } = affineOf(outputs[0]);
    const [low, high] = integerRange(outputs[0].dtype);
    const element = (x: number) => clampInt(truncateToI32(roundAway(fround(x / scale))) + zeroPoint, low, high);
    return [evaluateBroadcast<number>(inputs, outputs[0], element)];
  },
});

/** XNNPACK's changes of scale end in 8 bits. */
function byteFault(y: TensorType, { numerics }: ScaleAttrs): string | undefined {
  if (numerics === undefined || y.dtype === 'i8' || y.dtype === 'u8') return undefined;
  return `expected an 8-bit result for numerics ${numerics}, found ${typeText(y)}`;
}

/** The stage of a change of scale. Throws OpError for factors of 2^30 and more. */
export function requantizeStage(x: TensorType, y: TensorType): OutputStage {
  const factor = affineOf(x).scale / affineOf(y).scale;
  const multiplier = quantizeMultiplier(factor);
  if (multiplier.shift > 30) {
    throw new OpError(`expected scales less than 2^30 apart, found ${typeText(x)} and ${typeText(y)}`);
  }
  const [low, high] = integerRange(y.dtype);
  const { zeroPoint } = affineOf(y);
  return { multipliers: [multiplier], scales: [fround(factor)], zeroPoint, low, high, rounding: 'double' };
}

const requantize = defineOp<ScaleAttrs>({
  doc:
    'The same real numbers at another scale: x, less its zero point, times the quotient of the scales in gemmlowp fixed ' +
    'point, rounded twice, offset by the zero point of y and clamped to its range. Left shifts and sums of i32 wrap. With ' +
    'numerics `litert` (8 bits): times the quotient in units of 2^-8, shifted once, halves up.',
  attrs: scaleAttrs,
  inputs: ['x'],
  outputs: ['y'],
  signatures: [
    'i8 -> i8',
    'i8 -> u8',
    'i8 -> i16',
    'i8 -> i32',
    'u8 -> i8',
    'u8 -> u8',
    'i16 -> i8',
    'i16 -> i16',
    'i16 -> i32',
    'i32 -> i8',
    'i32 -> i16',
  ].map(signature),
  traits: { elementwise: true },
  infer: sameShape,
  check: ({ inputs, outputs, attrs }) =>
    perTensorFault([...inputs, ...outputs]) ??
    byteFault(outputs[0], attrs) ??
    reasonOf(() => requantizeStage(inputs[0], outputs[0])),
  evaluate({ inputs, outputs, attrs }) {
    if (attrs.numerics === 'litert') {
      const stage = byteScale(inputs[0].type, outputs[0]);
      return [evaluateBroadcast<number>(inputs, outputs[0], (x: number) => byteScaled(x, stage))];
    }
    const { zeroPoint, multipliers, low, high } = requantizeStage(inputs[0].type, outputs[0]);
    const offset = affineOf(inputs[0].type).zeroPoint;
    const element = (x: number) =>
      clampInt((requantizeValue((x - offset) | 0, multipliers[0]) + zeroPoint) | 0, low, high);
    return [evaluateBroadcast<number>(inputs, outputs[0], element)];
  },
});

/** The f32 of an IEEE 754 binary16 bit pattern. */
export function halfToFloat(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (fraction + 1024) * 2 ** (exponent - 25));
}

/** Scales and zero points as tensors that repeat over x: one element, or one per index of the quantized dimension. */
export function dequantizeOperands(x: TensorType): readonly [scale: Tensor, zeroPoint: Tensor] {
  if (x.quant.kind !== 'affine') throw new OpError(`expected an affine type, found ${typeText(x)}`);
  const { scale, zeroPoint, axis } = x.quant;
  const shape = x.shape.map((extent, i) => (i === axis && scale.length > 1 ? extent : 1));
  return [
    { type: { dtype: 'f32', shape, quant: NO_QUANT }, data: Float32Array.from(scale) },
    { type: { dtype: 'i32', shape, quant: NO_QUANT }, data: Int32Array.from(zeroPoint) },
  ];
}

const dequantize = defineOp<NoAttrs>({
  doc:
    'y = scale * (x - zero point), rounded once to f32; the scale may differ along one dimension. f16: the same number, ' +
    'exactly; NaN stays NaN.',
  attrs: noAttrs,
  inputs: ['x'],
  outputs: ['y'],
  signatures: ['i8 -> f32', 'u8 -> f32', 'i16 -> f32', 'f16 -> f32'].map(signature),
  traits: { elementwise: true },
  infer: sameShape,
  check({ inputs }) {
    return inputs[0].dtype === 'f16' ? undefined : reasonOf(() => dequantizeOperands(inputs[0]));
  },
  evaluate({ inputs, outputs }) {
    const [x] = inputs;
    if (x.type.dtype === 'f16') return [evaluateBroadcast<number>([x], outputs[0], halfToFloat)];
    const operands = [x, ...dequantizeOperands(x.type)];
    return [evaluateBroadcast<number>(operands, outputs[0], (value, s, zero) => fround(s * (value - zero)))];
  },
});

const CAST_TYPES: readonly DType[] = ['f32', 'i64', 'i32', 'i16', 'i8', 'u8', 'bool'];
const CASTS: readonly Signature[] = CAST_TYPES.flatMap((from) => CAST_TYPES.map((to) => signature(`${from} -> ${to}`)));

/** One element as another type. */
function castElement(x: number | bigint, from: DType, to: DType): number | bigint {
  if (to === 'bool') return x === 0 || x === 0n ? 0 : 1;
  if (to === 'i64') return from === 'f32' ? truncateToI64(x as number) : BigInt(x);
  if (to === 'f32') return typeof x === 'bigint' ? bigToF32(x) : fround(x);
  if (from === 'f32') return clampInt(truncateToI32(x as number), ...integerRange(to));
  return Number(BigInt.asIntN(32, BigInt(x)));
}

function truncateToI64(x: number): bigint {
  if (Number.isNaN(x)) return 0n;
  if (Math.abs(x) < 2 ** 63) return BigInt(Math.trunc(x));
  return x < 0 ? -(2n ** 63n) : 2n ** 63n - 1n;
}

/** Rounded once: low bits that cannot decide a tie are folded into one before f64 rounds. */
function bigToF32(x: bigint): number {
  const magnitude = x < 0n ? -x : x;
  if (magnitude < 2n ** 53n) return fround(Number(x));
  const sticky = (magnitude & 0xfffn) === 0n ? 0n : 1n;
  const short = Number(((magnitude >> 12n) << 1n) | sticky) * 2 ** 11;
  return fround(x < 0n ? -short : short);
}

const cast = defineOp<NoAttrs>({
  doc:
    'Every element as the other type, scales ignored. Integer to narrower integer: the low bits. f32 to integer: rounded ' +
    'towards zero, saturating, NaN is 0 (C++ leaves what does not fit undefined). To f32: rounded to nearest, ties to ' +
    'even. To bool: whether it is not 0; from bool: 0 or 1.',
  attrs: noAttrs,
  inputs: ['x'],
  outputs: ['y'],
  signatures: CASTS,
  traits: { elementwise: true },
  infer: sameShape,
  evaluate({ inputs, outputs }) {
    const [x] = inputs;
    const { dtype, shape } = outputs[0];
    const y = newData(dtype, elementCount(shape));
    for (let i = 0; i < y.length; i++) y[i] = castElement(x.data[i], x.type.dtype, dtype);
    return [y];
  },
});

const roundFloatAttrs = z.strictObject({
  format: z.enum(FLOAT_FORMATS),
  saturate: z.boolean(),
  mode: z.enum(ROUND_MODES).optional(),
});
export type RoundFloatAttrs = z.infer<typeof roundFloatAttrs>;

/** Without a mode e8m0 rounds up, as ONNX has it. */
export function floatRounding({ format, saturate, mode = 'up' }: RoundFloatAttrs): FloatRounding {
  return { format, saturate, mode };
}

const round_float = defineOp<RoundFloatAttrs>({
  doc:
    'y = the value of a narrower floating-point format that is nearest to x, ties to the even fraction, as Cast of ONNX has ' +
    'it. What rounds to more than the largest finite number: f16 and bf16 infinity; e2m1 the largest; the 8-bit formats the ' +
    'largest if they saturate (infinity too), else infinity (e5m2) or NaN. NaN stays, but in e2m1, where it is 6. The formats ' +
    'of one zero (uz) have no -0. e8m0 has the powers of two from 2^-127 to 2^127, to which |x| is rounded up (the default), ' +
    'down, or to the nearest (of two the larger); beyond them, and for 0 and infinity, it gives the last of them if it ' +
    'saturates, else NaN.',
  attrs: roundFloatAttrs,
  inputs: ['x'],
  outputs: ['y'],
  signatures: [signature('f32 -> f32')],
  traits: { elementwise: true },
  infer: sameShape,
  check: ({ attrs: { format, mode } }) =>
    format === 'e8m0' || mode === undefined ? undefined : `expected no round mode for ${format}, found ${mode}`,
  evaluate({ inputs, outputs, attrs }) {
    const rounding = floatRounding(attrs);
    return [evaluateBroadcast<number>(inputs, outputs[0], (x: number) => roundFloat(NUMBERS, x, rounding))];
  },
});

export const QUANT_OPS = { quantize, requantize, dequantize, cast, round_float } as const;
