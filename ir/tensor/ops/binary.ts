/** Arithmetic on two operands of one element type, spread over a common shape. */
import { z } from 'zod';
import { type Activation, activationBounds, clampInt, requantize } from '../fixed-point.ts';
import { defineOp, type EvaluateContext, type OpRecord, signaturesFor, type Traits } from '../op.ts';
import { affineOf, type DType, type TensorData, type TensorType, typeText } from '../types.ts';
import { broadcastShape, evaluateBroadcast } from './broadcast.ts';
import { type DivisionStage, divideI32, divideWrapping, divisionStage, quotient } from './division.ts';
import { type ShiftedSum, shiftedSum, shiftedSumOf } from './litert.ts';
import { isQuantized, type OperandScale, operandScale, perTensorFault, rescaled } from './rescale.ts';
import {
  activateFloat,
  activationAttr,
  finish as finishInteger,
  fround,
  numericsAttr,
  type OutputStage,
  outputStage,
  reasonOf,
} from './shared.ts';

const arithmeticAttrs = z.strictObject({ activation: activationAttr });
export type ArithmeticAttrs = z.infer<typeof arithmeticAttrs>;
const sumAttrs = z.strictObject({ activation: activationAttr, numerics: numericsAttr });
export type SumAttrs = z.infer<typeof sumAttrs>;
const noAttrs = z.strictObject({});
export type NoAttrs = z.infer<typeof noAttrs>;

/** Whose plain numbers where references differ: TFLite's, or (`onnx`) those of NumPy and ONNX. */
const semanticsAttr = z.literal('onnx').optional();
const quotientAttrs = z.strictObject({ activation: activationAttr, semantics: semanticsAttr });
export type QuotientAttrs = z.infer<typeof quotientAttrs>;
const extremumAttrs = z.strictObject({ semantics: semanticsAttr });
export type ExtremumAttrs = z.infer<typeof extremumAttrs>;

type Types = readonly [TensorType, TensorType];
type Values = (a: number, b: number) => number;

/** A sum or difference of rescaled operands, and what becomes of it. */
export interface SumStage {
  readonly kind: 'rescaled';
  readonly operands: readonly [OperandScale, OperandScale];
  readonly output: OutputStage;
}

/** The operands' factors to half the larger scale, and from the shifted result to the output. */
interface SumFactors {
  readonly left: number;
  readonly right: number;
  readonly output: number;
}

function sumStage(
  [a, b]: Types,
  y: TensorType,
  activation: Activation,
  leftShift: number,
  factors: SumFactors,
  maxShift: number,
): SumStage {
  return {
    kind: 'rescaled',
    operands: [operandScale(a, leftShift, factors.left), operandScale(b, leftShift, factors.right)],
    output: outputStage([factors.output], y, activation, 'double', maxShift),
  };
}

/** Bits that operands are shifted left by: as many as leave the sum within 32. */
function sumShift(y: TensorType): number {
  return y.dtype === 'i16' ? 15 : 20;
}

/** Of sums. Throws OpError when the output scale is so fine that the reference refuses it. */
export function additionStage(inputs: Types, y: TensorType, attrs: SumAttrs): SumStage | ShiftedSum {
  if (attrs.numerics === 'litert') return shiftedSum(inputs, y, attrs.activation, 1);
  return sumOrDifferenceStage(inputs, y, attrs, asIs);
}

/** Of differences, as `additionStage`; tflite-micro rounds their factors to single precision, TensorFlow Lite (uint8) not. */
export function subtractionStage(inputs: Types, y: TensorType, attrs: SumAttrs): SumStage | ShiftedSum {
  if (attrs.numerics === 'litert') return shiftedSum(inputs, y, attrs.activation, -1);
  return sumOrDifferenceStage(inputs, y, attrs, y.dtype === 'u8' ? asIs : fround);
}

const asIs = (factor: number) => factor;

function sumOrDifferenceStage(
  inputs: Types,
  y: TensorType,
  { activation }: ArithmeticAttrs,
  round: (factor: number) => number,
): SumStage {
  const [left, right] = [affineOf(inputs[0]).scale, affineOf(inputs[1]).scale];
  const twice = 2 * Math.max(left, right);
  const shift = sumShift(y);
  const output = round(twice / (2 ** shift * affineOf(y).scale));
  const factors = { left: round(left / twice), right: round(right / twice), output };
  return sumStage(inputs, y, activation, shift, factors, 0);
}

export function squaredDifferenceStage(inputs: Types, y: TensorType): SumStage {
  const [left, right] = [affineOf(inputs[0]).scale, affineOf(inputs[1]).scale];
  const twice = 2 * Math.max(left, right);
  const shift = y.dtype === 'i16' ? 0 : 7;
  const output = (twice * twice) / fround(2 ** (2 * shift) * affineOf(y).scale);
  return sumStage(inputs, y, 'none', shift, { left: left / twice, right: right / twice, output }, 30);
}

/** The output stage of a product. uint8, which only TensorFlow Lite defines, multiplies scales in single precision. */
export function productStage([a, b]: Types, y: TensorType, { activation, numerics }: SumAttrs): OutputStage {
  const [left, right, result] = [affineOf(a).scale, affineOf(b).scale, affineOf(y).scale];
  const factor = y.dtype === 'u8' ? fround(fround(left * right) / result) : (left * right) / result;
  if (numerics === 'litert') return outputStage([fround(fround(left * right) / result)], y, activation, 'float');
  return outputStage([factor], y, activation, 'double');
}

/** Clamp of a quotient; its scale is that of `divisionStage`. */
export function quotientClamp(y: TensorType, { activation }: ArithmeticAttrs): OutputStage {
  return outputStage([1], y, activation, 'double');
}

/** How one element type is computed. */
interface Arithmetic {
  readonly float: Values;
  /** On plain i32; the result may be any integer and wraps. */
  readonly integer: Values;
  /** From stored to stored value, activation included. */
  readonly quantized: (inputs: Types, y: TensorType) => Values;
}

function evaluateArithmetic(
  { inputs, outputs, attrs }: EvaluateContext<Pick<ArithmeticAttrs, 'activation'>>,
  { float, integer, quantized }: Arithmetic,
): TensorData[] {
  const [a, b] = inputs;
  const [y] = outputs;
  const [low, high] = activationBounds(attrs.activation);
  let element: Values;
  if (y.dtype === 'f32') element = (p, q) => activateFloat(float(p, q), attrs.activation);
  else if (isQuantized(y)) element = quantized([a.type, b.type], y);
  else element = (p, q) => clampInt(integer(p, q) | 0, low, high);
  return [evaluateBroadcast<number>([a, b], y, element)];
}

interface CheckContext<A> {
  readonly inputs: readonly TensorType[];
  readonly outputs: readonly TensorType[];
  readonly attrs: A;
}

/** Laws of quantized arithmetic; `stage` throws OpError for scales it is not defined for. */
function checkArithmetic<A>(stage: (inputs: Types, y: TensorType, attrs: A) => unknown, symmetric: boolean) {
  return ({ inputs, outputs, attrs }: CheckContext<A>): string | undefined => {
    const types = [...inputs, ...outputs];
    if (!isQuantized(outputs[0])) return undefined;
    const fault = perTensorFault(types);
    if (fault !== undefined) return fault;
    const offset = types.find((type) => type.dtype === 'i16' && affineOf(type).zeroPoint !== 0);
    if (symmetric && offset !== undefined) return `expected a zero point of 0, found ${typeText(offset)}`;
    return reasonOf(() => stage(inputs as unknown as Types, outputs[0], attrs));
  };
}

function inferBroadcast({ inputs }: { readonly inputs: readonly TensorType[] }): number[][] {
  return [broadcastShape(inputs.map((type) => type.shape))];
}

const BROADCAST = 'Operands are aligned at the innermost dimension; extents of 1 and missing ones repeat.';
const ARITHMETIC_TYPES: readonly DType[] = ['f32', 'i32', 'i16', 'i8', 'u8'];
const FLOATS = 'f32: rounded once; the activation passes NaN through.';

function arithmetic<A>(
  attrs: z.ZodType<A>,
  record: Pick<OpRecord<A>, 'doc' | 'evaluate'> & {
    readonly types: readonly DType[];
    readonly traits: Traits;
    readonly check: (context: CheckContext<A>) => string | undefined;
  },
): OpRecord<A> {
  return defineOp<A>({
    doc: `${record.doc} ${FLOATS} ${BROADCAST}`,
    attrs,
    inputs: ['a', 'b'],
    outputs: ['y'],
    signatures: signaturesFor('T T -> T', record.types),
    traits: { elementwise: true, ...record.traits },
    infer: inferBroadcast,
    check: record.check,
    evaluate: record.evaluate,
  });
}

/** A law of i32 operands on top of others: they are plain numbers, since no reference rescales them. */
function plainIntegers<A>(check: (context: CheckContext<A>) => string | undefined) {
  return (context: CheckContext<A>): string | undefined => {
    const scaled = context.inputs.find((type) => type.dtype === 'i32' && type.quant.kind !== 'none');
    return scaled === undefined ? check(context) : `expected i32 without scales, found ${typeText(scaled)}`;
  };
}

const SUM =
  'f32: overflow is infinite. i32: wraps. i8, u8 (i16): each operand, less its zero point, is shifted left by 20 (15) bits and scaled to twice the ' +
  'larger input scale; the SUM is scaled to the output, offset by the zero point and clamped to the activation. All ' +
  'scaling is gemmlowp fixed point, rounded twice. With numerics `litert` (8 bits, scales within 2^-10 and 2^8 of the ' +
  "result's): operands times integer multipliers, summed and shifted once, as XNNPACK does.";

function sumOf(stage: SumStage | ShiftedSum, sign: 1 | -1): Values {
  if (stage.kind === 'shifted') return (a, b) => shiftedSumOf(a, b, stage);
  const { operands, output } = stage;
  return (a, b) => finishInteger(rescaled(a, operands[0]) + sign * rescaled(b, operands[1]), 0, output, 'i32');
}

const add = arithmetic(sumAttrs, {
  doc: `y = act(a + b). ${SUM.replace('SUM', 'sum')}`,
  types: ARITHMETIC_TYPES,
  traits: { commutative: true },
  check: plainIntegers(checkArithmetic(additionStage, false)),
  evaluate: (context) =>
    evaluateArithmetic(context, {
      float: (a, b) => fround(a + b),
      integer: (a, b) => a + b,
      quantized: (inputs, y) => sumOf(additionStage(inputs, y, context.attrs), 1),
    }),
});

const sub = arithmetic(sumAttrs, {
  doc: `y = act(a - b). ${SUM.replace('SUM', 'difference')}`,
  types: ARITHMETIC_TYPES,
  traits: {},
  check: plainIntegers(checkArithmetic(subtractionStage, false)),
  evaluate: (context) =>
    evaluateArithmetic(context, {
      float: (a, b) => fround(a - b),
      integer: (a, b) => a - b,
      quantized: (inputs, y) => sumOf(subtractionStage(inputs, y, context.attrs), -1),
    }),
});

const mul = arithmetic(sumAttrs, {
  doc:
    'y = act(a * b). f32: overflow is infinite. i32: wraps. i8, u8, i16: the exact product of the operands, less their zero points, is scaled to ' +
    'the output in gemmlowp fixed point (factors above 1 shift left and wrap), offset by the zero point and clamped to ' +
    'the activation; i16 has zero points of 0. With numerics `litert` (8 bits) the product is scaled in f32, rounded once, ties to even.',
  types: ARITHMETIC_TYPES,
  traits: { commutative: true },
  check: checkArithmetic(productStage, true),
  evaluate: (context) =>
    evaluateArithmetic(context, {
      float: (a, b) => fround(a * b),
      integer: Math.imul,
      quantized: (inputs, y) => {
        const stage = productStage(inputs, y, context.attrs);
        const [left, right] = inputs.map((type) => affineOf(type).zeroPoint);
        return (a, b) => finishInteger((a - left) * (b - right), 0, stage, 'i32');
      },
    }),
});

function quantizedQuotient(stage: DivisionStage, { low, high }: OutputStage): Values {
  return (a, b) => clampInt(quotient(a, b, stage), low, high);
}

/** The largest finite f32. */
export const F32_MAX = 2 ** 128 - 2 ** 104;

/** Saturates infinities; NaN stays. */
function finiteFloat(x: number): number {
  return x < -F32_MAX ? -F32_MAX : x > F32_MAX ? F32_MAX : x;
}

const div = arithmetic(quotientAttrs, {
  doc:
    'y = act(a / b). f32: an infinite quotient becomes the largest finite number of its sign, 0 / 0 is NaN. i32: rounds towards zero. i8, u8: the dividend times a reciprocal in fixed point (three steps of ' +
    'Newton-Raphson), scaled to the output, offset by the zero point and clamped to the activation. What C++ leaves ' +
    'undefined: an integer divided by 0 saturates by its sign, 0 / 0 is 0, -2^31 / -1 is 2^31 - 1, and scaled quotients ' +
    'that are shifted right by 32 bits or more are 0. With semantics `onnx`, which says nothing of scaled integers, an infinite f32 quotient stays; an i32 divided by 0 ' +
    'is 0, and -2^31 / -1 wraps to -2^31.',
  types: ['f32', 'i32', 'i8', 'u8'],
  traits: {},
  check: plainIntegers(checkArithmetic(([a, b], y) => divisionStage(a, b, y), false)),
  evaluate: (context) =>
    evaluateArithmetic(context, {
      float: (a, b) => (context.attrs.semantics === 'onnx' ? fround(a / b) : finiteFloat(fround(a / b))),
      integer: context.attrs.semantics === 'onnx' ? divideWrapping : divideI32,
      quantized: (inputs, y) => quantizedQuotient(divisionStage(...inputs, y), quotientClamp(y, context.attrs)),
    }),
});

const squared_difference = defineOp<NoAttrs>({
  doc:
    'y = (a - b)^2. f32: the difference and its square are rounded. i32: wraps. i8 (i16): operands are shifted left by 7 ' +
    '(0) bits and scaled as those of add; the square of their difference is scaled to the output, offset by the zero ' +
    `point and clamped; i16 has zero points of 0. ${BROADCAST}`,
  attrs: noAttrs,
  inputs: ['a', 'b'],
  outputs: ['y'],
  signatures: signaturesFor('T T -> T', ['f32', 'i32', 'i16', 'i8']),
  traits: { elementwise: true, commutative: true },
  infer: inferBroadcast,
  check: ({ inputs, outputs }) =>
    checkArithmetic(squaredDifferenceStage, true)({ inputs, outputs, attrs: { activation: 'none' } }),
  evaluate: ({ inputs, outputs }) =>
    evaluateArithmetic(
      { inputs, outputs, attrs: { activation: 'none' } },
      {
        float: (a, b) => fround(fround(a - b) * fround(a - b)),
        integer: (a, b) => Math.imul(a - b, a - b),
        quantized: (types, y) => {
          const { operands, output } = squaredDifferenceStage(types, y);
          const { multipliers, zeroPoint, low, high } = output;
          return (a, b) => {
            const difference = rescaled(a, operands[0]) - rescaled(b, operands[1]);
            return clampInt((requantize(difference * difference, multipliers[0]) + zeroPoint) | 0, low, high);
          };
        },
      },
    ),
});

type Element = number | bigint;

function extremum(name: 'smaller' | 'larger', choose: (a: Element, b: Element) => Element): OpRecord<ExtremumAttrs> {
  return defineOp<ExtremumAttrs>({
    doc:
      `y = the ${name} of a and b as stored, which means their real values when the scales are the same. Where they are ` +
      `equal or one is NaN it is b. With numerics \`onnx\` it is NaN where either is. ${BROADCAST}`,
    attrs: extremumAttrs,
    inputs: ['a', 'b'],
    outputs: ['y'],
    signatures: signaturesFor('T T -> T', ['f32', 'i64', 'i32', 'i16', 'i8', 'u8']),
    traits: { elementwise: true },
    infer: inferBroadcast,
    check({ inputs, outputs }) {
      const scaled = [...inputs, ...outputs].find(({ quant }) => quant.kind === 'affine' && quant.scale.length > 1);
      return scaled === undefined ? undefined : `expected one scale, found ${typeText(scaled)}`;
    },
    evaluate({ inputs, outputs, attrs }) {
      // A NaN in b is what `choose` gives anyway.
      const element = (a: Element, b: Element) => (Number.isNaN(a) ? a : choose(a, b));
      return [evaluateBroadcast<Element>(inputs, outputs[0], attrs.semantics === 'onnx' ? element : choose)];
    },
  });
}

const minimum = extremum('smaller', (a, b) => (a < b ? a : b));
const maximum = extremum('larger', (a, b) => (a > b ? a : b));

export const BINARY_OPS = { add, sub, mul, div, squared_difference, minimum, maximum } as const;
