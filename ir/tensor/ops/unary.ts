/** Functions of one element. */
import { z } from 'zod';
import { NUMBERS } from '../algebra.ts';
import {
  interpolate,
  interpolatedTable,
  inverseSqrt,
  logistic16,
  logisticOf,
  q4Scale,
  SIGMOID_TABLE,
  sigmoidScale,
  tanh16,
  tanhOf,
} from '../fixed-math.ts';
import {
  type Activation,
  clampInt,
  type Multiplier,
  quantizeMultiplier,
  reducedMultiplier,
  requantize,
  roundAway,
  roundingDivideByPot,
  saturate,
} from '../fixed-point.ts';
import { type FloatFunctionName, floatFunctionOf, precisionOf } from '../float-math.ts';
import { defineOp, type EvaluateContext, OpError, type OpRecord, signature, type Traits } from '../op.ts';
import { affineOf, integerRange, newData, type Tensor, type TensorType, typeText } from '../types.ts';
import { byteScale, byteScaled } from './litert.ts';
import { prelu } from './prelu.ts';
import {
  activateFloat,
  finish,
  fround,
  numbersOf,
  numericsAttr,
  type OutputStage,
  outputStage,
  reasonOf,
} from './shared.ts';

const noAttrs = z.strictObject({});
export type NoAttrs = z.infer<typeof noAttrs>;

/** What one stored value becomes, for given types. Throws OpError for types that the op does not define. */
type ElementOf<A> = (x: TensorType, y: TensorType, attrs: A) => (value: number) => number;

interface UnarySpec<A> {
  readonly doc: string;
  readonly attrs: z.ZodType<A>;
  readonly types: readonly string[];
  readonly element: ElementOf<A>;
}

const TRAITS: Traits = { elementwise: true };

function unaryOp<A>({ doc, attrs, types, element }: UnarySpec<A>): OpRecord<A> {
  return defineOp<A>({
    doc,
    attrs,
    inputs: ['x'],
    outputs: ['y'],
    signatures: types.map((type) => signature(`${type} -> ${type}`)),
    traits: TRAITS,
    infer: ({ inputs }) => [[...(inputs[0] as TensorType).shape]],
    check: ({ inputs, outputs, attrs: given }) =>
      reasonOf(() => element(inputs[0] as TensorType, outputs[0] as TensorType, given)),
    evaluate({ inputs, outputs, attrs: given }: EvaluateContext<A>) {
      const [x] = inputs as [Tensor];
      const y = outputs[0] as TensorType;
      const f = element(x.type, y, given);
      const data = newData(y.dtype, x.data.length);
      numbersOf(x).forEach((value, i) => {
        data[i] = f(value);
      });
      return [data];
    },
  });
}

/** As `affineOf`, worded for the user. */
function affine(type: TensorType): { readonly scale: number; readonly zeroPoint: number } {
  if (type.quant.kind !== 'affine' || type.quant.scale.length !== 1) {
    throw new OpError(`expected per-tensor affine quantization, found ${typeText(type)}`);
  }
  return affineOf(type);
}

/** The factor between two scales. The reference divides these in single precision. */
function ratio(a: number, b: number): number {
  return fround(a / b);
}

/** int16 tensors are symmetric. */
function symmetric(...types: readonly TensorType[]): void {
  for (const type of types) {
    if (affine(type).zeroPoint !== 0) throw new OpError(`expected zero point 0, found ${typeText(type)}`);
  }
}

function fixedOutput(type: TensorType, scale: number, zeroPoint: number): void {
  const found = affine(type);
  if (Math.abs(found.scale - scale) > scale * 1e-3 || found.zeroPoint !== zeroPoint) {
    throw new OpError(`expected affine(${scale}, ${zeroPoint}) as output, found ${typeText(type)}`);
  }
}

/** 8 bits through floats, as TFLite fills its tables: f of the real input, rounded to the output's steps. */
function throughFloat(x: TensorType, y: TensorType, f: (real: number) => number): (value: number) => number {
  const input = affine(x);
  const output = affine(y);
  const perOutput = fround(1 / output.scale);
  return (value) => {
    const real = fround(f(fround(input.scale * (value - input.zeroPoint))));
    return saturate(fround(roundAway(fround(real * perOutput)) + output.zeroPoint), y.dtype);
  };
}

/** The output stage of an integer relu. */
export function reluStage(x: TensorType, y: TensorType, activation: Activation): OutputStage {
  if (x.dtype === 'i16') symmetric(x, y);
  return outputStage([ratio(affine(x).scale, affine(y).scale)], y, activation, 'double');
}

/** relu6 of int8 and int16 compares stored inputs with the stored 0 and 6 of the input type and leaves the rest as it is. */
export function relu6Bounds(x: TensorType): readonly [number, number] {
  const { scale, zeroPoint } = affine(x);
  return [zeroPoint, saturate(roundAway(fround(6 / scale)) + zeroPoint, x.dtype)];
}

function relu(activation: Activation, doc: string, types: readonly string[]): OpRecord<NoAttrs> {
  return unaryOp({
    doc:
      `${doc} Floats pass NaN and -0 through. Integers are rescaled from the input's to the output's scale by a ` +
      'doubly rounded fixed-point multiplication and clamped.',
    attrs: noAttrs,
    types,
    element(x, y) {
      if (x.dtype === 'f32') return (value) => activateFloat(value, activation);
      const stage = reluStage(x, y, activation);
      const { zeroPoint } = affine(x);
      return (value) => finish(value - zeroPoint, 0, stage, 'i32');
    },
  });
}

const relu6 = unaryOp<NoAttrs>({
  doc:
    'y = min(max(x, 0), 6). Floats pass NaN and -0 through. uint8 is rescaled to the output type as relu. int8 and int16 ' +
    'are clamped between the 0 and 6 of the input type and not rescaled, as tflite-micro does: the stored value is kept ' +
    'even where the output has another scale.',
  attrs: noAttrs,
  types: ['f32', 'i8', 'i16', 'u8'],
  element(x, y) {
    if (x.dtype === 'f32') return (value) => activateFloat(value, 'relu6');
    if (x.dtype === 'u8') {
      const stage = reluStage(x, y, 'relu6');
      const { zeroPoint } = affine(x);
      return (value) => finish(value - zeroPoint, 0, stage, 'i32');
    }
    const [zero, six] = relu6Bounds(x);
    return (value) => (value > six ? six : value < zero ? zero : value);
  },
});

const leakyAttrs = z.strictObject({ alpha: z.number(), numerics: numericsAttr });
export type LeakyReluAttrs = z.infer<typeof leakyAttrs>;

/** The factors of a leaky relu for inputs from 0 on and below; the second is |alpha|'s, with its sign apart. */
export interface LeakyStages {
  readonly positive: OutputStage;
  readonly negative: OutputStage;
  readonly negate: boolean;
}

export function leakyStages(x: TensorType, y: TensorType, alpha: number): LeakyStages {
  const [input, output] = [affine(x), affine(y)];
  const scaled = ratio(fround(input.scale * fround(alpha)), output.scale);
  return {
    positive: outputStage([ratio(input.scale, output.scale)], y, 'none', 'double'),
    negative: outputStage([Math.abs(scaled)], y, 'none', 'double'),
    negate: scaled < 0,
  };
}

const leaky_relu = unaryOp<LeakyReluAttrs>({
  doc:
    'y = x for x > 0, else alpha * x. NaN gives NaN. Integers: one of two fixed-point factors, doubly rounded, then the ' +
    "output's zero point and a clamp to the type. With numerics `litert` (8 bits) the factors are in units of 2^-8 and one " +
    'shift rounds, halves up.',
  attrs: leakyAttrs,
  types: ['f32', 'i8', 'i16', 'u8'],
  element(x, y, { alpha, numerics }) {
    const slope = fround(alpha);
    if (x.dtype === 'f32') return (value) => (value > 0 ? value : fround(value * slope));
    if (numerics === 'litert') {
      const stage = byteScale(x, y, alpha);
      return (value) => byteScaled(value, stage);
    }
    const { positive, negative, negate } = leakyStages(x, y, alpha);
    const { zeroPoint } = affine(x);
    return (value) => {
      const real = value - zeroPoint;
      if (real >= 0) return finish(real, 0, positive, 'i32');
      const scaled = requantize(real, negative.multipliers[0] as Multiplier);
      return saturate(((negate ? -scaled : scaled) + negative.zeroPoint) | 0, y.dtype);
    };
  },
});

const eluAttrs = z.strictObject({ alpha: z.number().optional() });
export type EluAttrs = z.infer<typeof eluAttrs>;

const elu = unaryOp<EluAttrs>({
  doc:
    'y = x for x >= 0, else alpha * (e^x - 1), with alpha 1 if it is left out; f32 rounds the second factor and the product. ' +
    'NaN gives NaN. int8 goes through f32, rounded half away from zero and clamped. ' +
    precisionOf('elu'),
  attrs: eluAttrs,
  types: ['f32', 'i8'],
  element(x, y, { alpha }) {
    const slope = fround(alpha ?? 1);
    if (x.dtype === 'f32') {
      const f = floatFunctionOf('elu');
      return (value) => (value < 0 ? fround(f(value) * slope) : value);
    }
    return throughFloat(x, y, (real) => (real < 0 ? fround(fround(fround(Math.exp(real)) - 1) * slope) : real));
  },
});

/** gemmlowp's SaturatingRoundingDoublingHighMul on int16. */
function sqrdmulh16(a: number, b: number): number {
  return Math.min(32767, (a * b + 2 ** 14) >> 15);
}

function shiftLeft16(x: number, count: number): number {
  return clampInt(x * 2 ** count, -32768, 32767);
}

/** A factor as a 16-bit multiplier and an exponent. */
function multiplier16(factor: number): Multiplier {
  const { multiplier, shift } = quantizeMultiplier(factor);
  return { multiplier: multiplier >= 2 ** 31 - 1 - 2 ** 15 ? 32767 : reducedMultiplier(multiplier), shift };
}

function hardSwish8(x: TensorType, y: TensorType): (value: number) => number {
  const [input, output] = [affine(x), affine(y)];
  const fine = fround(input.scale / 128);
  const toOutput = multiplier16(ratio(fine, output.scale));
  const toUnit = multiplier16(ratio(fine, fround(3 / 32768)));
  if (toOutput.shift > 0) {
    throw new OpError(`expected an output scale of at least 1/128 of the input's, found ${typeText(y)}`);
  }
  return (value) => {
    const scaled = (value - input.zeroPoint) * 128;
    const before = sqrdmulh16(scaled, toOutput.multiplier);
    let gate = toUnit.shift > 0 ? shiftLeft16(scaled, toUnit.shift - 1) : scaled;
    gate = sqrdmulh16(gate, toUnit.multiplier);
    if (toUnit.shift > 0) gate = shiftLeft16(gate, 1);
    if (toUnit.shift < 0) gate = roundingDivideByPot(gate, -toUnit.shift);
    gate = (gate + 2 ** 15) >> 1;
    // Towards zero, unlike the products above.
    const product = Math.trunc((gate * before) / 2 ** 15);
    return saturate(roundingDivideByPot(product, -toOutput.shift) + output.zeroPoint, y.dtype);
  };
}

const hard_swish = unaryOp<NoAttrs>({
  doc:
    'y = x * min(max(x + 3, 0), 6) / 6, in f32 each step rounded. 8-bit integers: in 16-bit fixed point with the gate ' +
    "saturating at both ends, as TFLite's reference kernel.",
  attrs: noAttrs,
  types: ['f32', 'i8', 'u8'],
  element(x, y) {
    if (x.dtype !== 'f32') return hardSwish8(x, y);
    return (value) => fround(fround(value * activateFloat(fround(value + 3), 'relu6')) / 6);
  },
});

/** Fixed point in Q4 for int8, with the ends of the type beyond its radius. */
function sigmoid8(x: TensorType, of: (q4: number) => number): (value: number) => number {
  const input = affine(x);
  const { multiplier, radius } = q4Scale(input.scale);
  return (value) => {
    const real = value - input.zeroPoint;
    if (real <= -radius) return -128;
    if (real >= radius) return 127;
    return saturate(of(requantize(real, multiplier)), 'i8');
  };
}

/** Powers of two above 2^-12 that int16 logistic and tanh take without a rounding multiplication. */
export const EXACT_SCALES = { logistic: [0], tanh: [0, 1] } as const;

function sigmoid16(op: 'logistic' | 'tanh', x: TensorType, y: TensorType): (value: number) => number {
  symmetric(x, y);
  fixedOutput(y, 1 / 32768, 0);
  const scale = sigmoidScale(affine(x).scale, EXACT_SCALES[op]);
  if (scale.multiplier > 32767) throw new OpError(`expected an input scale of at most 2.66, found ${typeText(x)}`);
  const f = op === 'logistic' ? logistic16 : tanh16;
  return (value) => f(NUMBERS, value, scale, (i) => SIGMOID_TABLE[i] as number);
}

const logistic = unaryOp<NoAttrs>({
  doc:
    'y = 1 / (1 + e^-x). NaN gives NaN. int8: gemmlowp fixed point from Q4; output affine(1/256, -128). int16: an ' +
    `interpolated table; output affine(1/32768, 0). uint8: through f32; output affine(1/256, 0). ${precisionOf('logistic')}`,
  attrs: noAttrs,
  types: ['f32', 'i8', 'i16', 'u8'],
  element(x, y) {
    if (x.dtype === 'f32') return floatFunctionOf('logistic');
    if (x.dtype === 'i16') return sigmoid16('logistic', x, y);
    fixedOutput(y, 1 / 256, integerRange(y.dtype)[0]);
    if (x.dtype === 'u8') return throughFloat(x, y, (real) => 1 / fround(1 + fround(Math.exp(-real))));
    return sigmoid8(x, (q4) => roundingDivideByPot(logisticOf(q4, 4), 23) - 128);
  },
});

const tanh = unaryOp<NoAttrs>({
  doc:
    'Hyperbolic tangent. NaN gives NaN. int8: gemmlowp fixed point from Q4; output affine(1/128, 0). int16: an ' +
    `interpolated table; output affine(1/32768, 0). uint8: through f32. ${precisionOf('tanh')}`,
  attrs: noAttrs,
  types: ['f32', 'i8', 'i16', 'u8'],
  element(x, y) {
    if (x.dtype === 'f32') return floatFunctionOf('tanh');
    if (x.dtype === 'i16') return sigmoid16('tanh', x, y);
    if (x.dtype === 'u8') return throughFloat(x, y, Math.tanh);
    fixedOutput(y, 1 / 128, 0);
    return sigmoid8(x, (q4) => roundingDivideByPot(tanhOf(q4, 4), 24));
  },
});

/** The table from which int16 exp is interpolated. */
export function expTable(x: TensorType, y: TensorType): Int16Array {
  symmetric(x, y);
  return interpolatedTable((real) => fround(Math.exp(real)), affine(x), affine(y));
}

const exp = unaryOp<NoAttrs>({
  doc:
    'y = e^x, infinity on overflow; NaN gives NaN. int8: through f32, rounded half away from zero and clamped. int16: ' +
    `interpolated from 513 samples. ${precisionOf('exp')}`,
  attrs: noAttrs,
  types: ['f32', 'i8', 'i16'],
  element(x, y) {
    if (x.dtype === 'f32') return floatFunctionOf('exp');
    if (x.dtype === 'i8') return throughFloat(x, y, Math.exp);
    const table = expTable(x, y);
    return (value) => interpolate(NUMBERS, value, (i) => table[i] as number);
  },
});

/** What an int abs multiplies by; undefined where both scales are one. */
export function absStage(x: TensorType, y: TensorType): OutputStage | undefined {
  const [input, output] = [affine(x), affine(y)];
  if (x.dtype === 'i16') symmetric(x, y);
  return input.scale === output.scale
    ? undefined
    : outputStage([ratio(input.scale, output.scale)], y, 'none', 'double');
}

const abs = unaryOp<NoAttrs>({
  doc:
    'y = |x|, NaN without its sign. Quantized: |x - zero point|, rescaled where the scales differ, offset and clamped. ' +
    'int16 and int32 without quantization: |-2^15| and |-2^31| wrap to themselves.',
  attrs: noAttrs,
  types: ['f32', 'i8', 'i16', 'i32'],
  element(x, y) {
    if (x.dtype === 'f32') return Math.abs;
    if (x.quant.kind === 'none' || x.dtype === 'i32') return Math.abs;
    const stage = absStage(x, y);
    const { zeroPoint } = affine(x);
    if (stage !== undefined) return (value) => finish(Math.abs(value - zeroPoint), 0, stage, 'i32');
    const offset = affine(y).zeroPoint;
    return (value) => saturate(Math.abs(value - zeroPoint) + offset, y.dtype);
  },
});

/** Fraction bits that rsqrt of integers keeps between its two multiplications. */
export const RSQRT_BITS = 20;

/** The second factor of an integer rsqrt: from 2^-20 inverse roots to output steps. */
export function rsqrtMultiplier(x: TensorType, y: TensorType): Multiplier {
  if (x.dtype === 'i16') symmetric(x, y);
  const root = fround(Math.sqrt(affine(x).scale));
  const { multiplier, shift } = quantizeMultiplier(1 / fround(root * affine(y).scale));
  const total = shift - RSQRT_BITS;
  // Inverse roots have up to 21 bits: shifted left by more than 10 they would overflow.
  if (total > 10 || total < -31) throw new OpError(`the scales of ${typeText(x)} and ${typeText(y)} are too far apart`);
  return { multiplier, shift: total };
}

const rsqrt = unaryOp<NoAttrs>({
  doc:
    'y = 1 / sqrt(x): infinity of 0, NaN of negative x and NaN; two rounded f32 steps. int8 and int16: gemmlowp fixed ' +
    'point, as tflite-micro (TensorFlow Lite interpolates int16 in a table and is off by thousands below x = 128); the ' +
    'largest value of the type for x = 0 and, where TFLite refuses to go on, for negative x.',
  attrs: noAttrs,
  types: ['f32', 'i8', 'i16'],
  element(x, y) {
    if (x.dtype === 'f32') return (value) => fround(1 / fround(Math.sqrt(value)));
    const output = affine(y);
    const { zeroPoint } = affine(x);
    const factor = rsqrtMultiplier(x, y);
    return (value) => {
      const real = value - zeroPoint;
      if (real <= 0) return integerRange(y.dtype)[1];
      const { multiplier, rightShift } = inverseSqrt(NUMBERS, real);
      const inverse = requantize(1, { multiplier, shift: RSQRT_BITS - rightShift });
      return saturate(requantize(inverse, factor) + output.zeroPoint, y.dtype);
    };
  },
});

/** A function of f32 alone. */
function floatOp(doc: string, f: (x: number) => number): OpRecord<NoAttrs> {
  return unaryOp({ doc, attrs: noAttrs, types: ['f32'], element: () => (value) => fround(f(value)) });
}

function library(doc: string, name: FloatFunctionName): OpRecord<NoAttrs> {
  return floatOp(`${doc} ${precisionOf(name)}`, floatFunctionOf(name));
}

/** The integer nearest to x, ties to even; -0.5 gives -0. */
function nearest(x: number): number {
  const down = Math.floor(x);
  const up = x - down > 0.5 || (x - down === 0.5 && down % 2 !== 0) ? down + 1 : down;
  return up === 0 && (x < 0 || Object.is(x, -0)) ? -0 : up;
}

const neg = unaryOp<NoAttrs>({
  doc: 'y = -x; NaN stays NaN, -2^31 wraps to itself.',
  attrs: noAttrs,
  types: ['f32', 'i32'],
  element: (x) => (x.dtype === 'f32' ? (value) => -value : (value) => (0 - value) | 0),
});

const logical_not = unaryOp<NoAttrs>({
  doc: 'y = 1 for x = 0, else 0.',
  attrs: noAttrs,
  types: ['bool'],
  element: () => (value) => (value === 0 ? 1 : 0),
});

export const UNARY_OPS = {
  relu: relu('relu', 'y = max(x, 0).', ['f32', 'i8', 'i16', 'u8']),
  relu6,
  relu_n1_to_1: relu('relu_n1_to_1', 'y = min(max(x, -1), 1).', ['f32', 'i8', 'u8']),
  leaky_relu,
  prelu,
  elu,
  hard_swish,
  logistic,
  tanh,
  exp,
  log: library('Natural logarithm: -infinity of 0, NaN of negative x and NaN.', 'log'),
  sqrt: floatOp('Square root, correctly rounded: NaN of negative x and NaN, -0 of -0.', Math.sqrt),
  rsqrt,
  square: floatOp('y = x * x.', (x) => x * x),
  abs,
  neg,
  sin: library('Sine of x radians: NaN of infinities and NaN.', 'sin'),
  cos: library('Cosine of x radians: NaN of infinities and NaN.', 'cos'),
  floor: floatOp('The largest integer not above x; NaN and infinities stay.', Math.floor),
  ceil: floatOp('The smallest integer not below x; NaN and infinities stay.', Math.ceil),
  round: floatOp('The nearest integer, ties to even; NaN and infinities stay.', nearest),
  logical_not,
} as const;

/** The ops of one operand. */
export type UnaryOp = Exclude<keyof typeof UNARY_OPS, 'prelu'>;
