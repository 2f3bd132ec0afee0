/** Reductions along axes: sums, means, extremes, their places, and running sums. */
import { z } from 'zod';
import type { Multiplier } from '../fixed-point.ts';
import { defineOp, type EvaluateContext, OpError, signaturesFor } from '../op.ts';
import {
  affineOf,
  type DType,
  elementCount,
  integerRange,
  newData,
  sameQuant,
  stridesOf,
  type Tensor,
  type TensorData,
  type TensorType,
  typeText,
} from '../types.ts';
import { floatReduced, floatReduction } from './litert.ts';
import {
  axisAttr,
  finish,
  fround,
  numbersOf,
  numericsAttr,
  type OutputStage,
  outputStage,
  reasonOf,
} from './shared.ts';

const reduceAttrs = z.strictObject({
  /** In increasing order; the result of reducing along no axis has every element on its own. */
  axes: z.array(axisAttr).max(8),
  keepDims: z.boolean().default(false),
});
export type ReduceAttrs = z.infer<typeof reduceAttrs>;
const sumAttrs = reduceAttrs.extend({ numerics: numericsAttr });
export type SumAttrs = z.infer<typeof sumAttrs>;

/** `selectLast`: of equal elements the last one counts, not the first. */
const argAttrs = z.strictObject({ axis: axisAttr, selectLast: z.boolean().optional() });
export type ArgAttrs = z.infer<typeof argAttrs>;

const runningAttrs = z.strictObject({
  axis: axisAttr,
  exclusive: z.boolean().default(false),
  reverse: z.boolean().default(false),
});
export type RunningAttrs = z.infer<typeof runningAttrs>;

/** Where float extremes start, as the reference kernels have it. */
export const LARGEST_F32 = (2 - 2 ** -23) * 2 ** 127;

/** Sums of 32-bit integers up to this many are exact in f64, and so is their quotient towards zero. */
const MAX_I32_MEAN = 2 ** 21;

/** Steps through a tensor: `extent` of them, `stride` elements each. */
export interface Dimension {
  readonly extent: number;
  readonly stride: number;
}

/** The axes that stay and those that are reduced, outermost first; neighbours that run on from one another are one. */
export interface ReduceLayout {
  readonly kept: readonly Dimension[];
  readonly reduced: readonly Dimension[];
  /** Elements per result. */
  readonly count: number;
}

export function reduceLayout(shape: readonly number[], axes: readonly number[]): ReduceLayout {
  const strides = stridesOf(shape);
  const along = (isReduced: boolean): Dimension[] => {
    const dimensions: Dimension[] = [];
    shape.forEach((extent, axis) => {
      if (axes.includes(axis) !== isReduced || extent === 1) return;
      const stride = strides[axis] as number;
      const last = dimensions.at(-1);
      if (last?.stride === extent * stride) dimensions.splice(-1, 1, { extent: last.extent * extent, stride });
      else dimensions.push({ extent, stride });
    });
    return dimensions;
  };
  const reduced = along(true);
  return { kept: along(false), reduced, count: reduced.reduce((count, { extent }) => count * extent, 1) };
}

/** The elements that the steps lead to, the last dimension fastest. */
function offsetsOf(dimensions: readonly Dimension[]): number[] {
  return dimensions.reduce(
    (starts, { extent, stride }) =>
      starts.flatMap((start) => Array.from({ length: extent }, (_, i) => start + i * stride)),
    [0],
  );
}

function inferReduced({ inputs, attrs }: { inputs: readonly TensorType[]; attrs: ReduceAttrs }): number[][] {
  const x = inputs[0] as TensorType;
  const { axes, keepDims } = attrs;
  const isOrdered = axes.every((axis, i) => i === 0 || axis > (axes[i - 1] as number));
  if (!isOrdered || axes.some((axis) => axis >= x.shape.length)) {
    throw new OpError(`expected axes of ${typeText(x)} in increasing order, found [${axes.join(', ')}]`);
  }
  return [x.shape.flatMap((extent, axis) => (axes.includes(axis) ? (keepDims ? [1] : []) : [extent]))];
}

function evaluateReduced(
  { inputs, outputs, attrs }: EvaluateContext<ReduceAttrs>,
  reduce: (elements: readonly number[]) => number,
): TensorData[] {
  const x = inputs[0] as Tensor;
  const y = outputs[0] as TensorType;
  const { kept, reduced } = reduceLayout(x.type.shape, attrs.axes);
  const xs = numbersOf(x);
  const within = offsetsOf(reduced);
  const data = newData(y.dtype, elementCount(y.shape));
  offsetsOf(kept).forEach((start, i) => {
    data[i] = reduce(within.map((offset) => xs[start + offset] as number));
  });
  return [data];
}

const sumOf = (elements: readonly number[]) => elements.reduce((sum, x) => sum + x, 0);
const floatSumOf = (elements: readonly number[]) => elements.reduce((sum, x) => fround(sum + x), 0);

/** Whether stored values are scaled on the way: not those of floats and 32-bit integers. */
export function isScaled({ dtype }: TensorType): boolean {
  return dtype !== 'f32' && dtype !== 'i32';
}

/** From the sum of (x - zero point) to the sum's stored value. */
export function sumStage(x: TensorType, y: TensorType): OutputStage {
  return outputStage([affineOf(x).scale / affineOf(y).scale], y, 'none', 'double');
}

/** As `sumStage` with the division by `count` in the multiplier, which keeps the bits that a power of two near it leaves. */
export function meanStage(x: TensorType, y: TensorType, count: number): OutputStage {
  const stage = sumStage(x, y);
  const { multiplier, shift } = stage.multipliers[0] as Multiplier;
  const more = Math.min(31 - Math.clz32(count), 31 + shift);
  const divided = Number((BigInt(multiplier) << BigInt(more)) / BigInt(count));
  return { ...stage, multipliers: [{ multiplier: divided, shift: shift - more }] };
}

interface CheckContext<A> {
  readonly inputs: readonly TensorType[];
  readonly outputs: readonly TensorType[];
  readonly attrs: A;
}

/** Stored values are compared as they are. */
function checkSame({ inputs, outputs }: CheckContext<unknown>): string | undefined {
  const [x, y] = [inputs[0], outputs[0]] as [TensorType, TensorType];
  if (sameQuant(x.quant, y.quant)) return undefined;
  return `expected equal quantization of operand and result, found ${typeText(x)} and ${typeText(y)}`;
}

function checkScaled(context: CheckContext<SumAttrs>): string | undefined {
  const [x, y] = [context.inputs[0], context.outputs[0]] as [TensorType, TensorType];
  if (context.attrs.numerics !== undefined && x.dtype !== 'i8' && x.dtype !== 'u8') {
    return `expected 8-bit types for numerics ${context.attrs.numerics}, found ${typeText(x)}`;
  }
  if (!isScaled(x)) return checkSame(context);
  for (const type of [x, y]) {
    if (type.quant.kind !== 'affine' || type.quant.scale.length !== 1) {
      return `expected per-tensor affine types, found ${typeText(type)}`;
    }
  }
  return reasonOf(() => sumStage(x, y));
}

const SCALED_DOC =
  'i8, u8, i16: the sum of (x - zero point) accumulates in i32, wrapping, is requantized with two roundings (the product ' +
  'to nearest, then the shift with ties away from zero), offset by the zero point and saturated';

const LITERT_DOC =
  'With numerics `litert` (8 bits): the sum of the stored values times one factor plus one offset, both in f32, rounded with ' +
  'ties away from zero.';

function evaluateFloatReduction(context: EvaluateContext<SumAttrs>, divide: boolean): TensorData[] {
  const { type } = context.inputs[0] as Tensor;
  const { count } = reduceLayout(type.shape, context.attrs.axes);
  const stage = floatReduction(type, context.outputs[0] as TensorType, count, divide);
  return evaluateReduced(context, (elements) => floatReduced(sumOf(elements) | 0, stage));
}

const sum = defineOp<SumAttrs>({
  doc:
    `y = sum of x along the axes. ${SCALED_DOC}. i32: wraps. f32: added in row-major order from 0, each step rounded; ` +
    `NaN in the sum gives NaN. ${LITERT_DOC}`,
  attrs: sumAttrs,
  inputs: ['x'],
  outputs: ['y'],
  signatures: signaturesFor('T -> T', ['i8', 'u8', 'i16', 'i32', 'f32']),
  traits: {},
  infer: inferReduced,
  check: checkScaled,
  evaluate(context) {
    const x = (context.inputs[0] as Tensor).type;
    if (x.dtype === 'f32') return evaluateReduced(context, floatSumOf);
    if (x.dtype === 'i32')
      return evaluateReduced(context, (elements) => elements.reduce((total, v) => (total + v) | 0, 0));
    if (context.attrs.numerics === 'litert') return evaluateFloatReduction(context, false);
    const stage = sumStage(x, context.outputs[0] as TensorType);
    const { zeroPoint } = affineOf(x);
    return evaluateReduced(context, (elements) =>
      finish(sumOf(elements) - zeroPoint * elements.length, 0, stage, 'i32'),
    );
  },
});

const mean = defineOp<SumAttrs>({
  doc:
    `y = sum of x along the axes / their count. ${SCALED_DOC}; the count divides the multiplier, towards zero, before ` +
    'anything is multiplied. i32: the exact sum is divided towards zero. f32: added in row-major order from 0, each ' +
    `step rounded, and divided; NaN gives NaN. ${LITERT_DOC}`,
  attrs: sumAttrs,
  inputs: ['x'],
  outputs: ['y'],
  signatures: signaturesFor('T -> T', ['i8', 'u8', 'i16', 'i32', 'f32']),
  traits: {},
  infer: inferReduced,
  check(context) {
    const x = context.inputs[0] as TensorType;
    const { count } = reduceLayout(x.shape, context.attrs.axes);
    if (x.dtype === 'i32' && count > MAX_I32_MEAN) {
      return `expected means of at most ${MAX_I32_MEAN} elements of i32, found ${count}`;
    }
    return checkScaled(context);
  },
  evaluate(context) {
    const x = (context.inputs[0] as Tensor).type;
    const { count } = reduceLayout(x.shape, context.attrs.axes);
    if (x.dtype === 'f32') return evaluateReduced(context, (elements) => fround(floatSumOf(elements) / fround(count)));
    if (x.dtype === 'i32') return evaluateReduced(context, (elements) => Math.trunc(sumOf(elements) / count));
    if (context.attrs.numerics === 'litert') return evaluateFloatReduction(context, true);
    const stage = meanStage(x, context.outputs[0] as TensorType, count);
    const { zeroPoint } = affineOf(x);
    return evaluateReduced(context, (elements) => finish(sumOf(elements) - zeroPoint * count, 0, stage, 'i32'));
  },
});

/** What an extreme of `dtype` starts from. */
export function extremeStart(op: 'reduce_max' | 'reduce_min', dtype: DType): number {
  const [low, high] = dtype === 'f32' ? [-LARGEST_F32, LARGEST_F32] : integerRange(dtype);
  return op === 'reduce_max' ? low : high;
}

const EXTREME_DTYPES: readonly DType[] = ['i8', 'u8', 'i16', 'i32', 'f32', 'bool'];

const EXTREME_DOC =
  'Operand and result have the same quantization. f32: starts from the finite f32 that is furthest away, and an element ' +
  'only replaces what is strictly less extreme, so that NaN is passed over.';

const reduce_max = defineOp<ReduceAttrs>({
  doc: `y = largest x along the axes; of bools whether any is true. ${EXTREME_DOC}`,
  attrs: reduceAttrs,
  inputs: ['x'],
  outputs: ['y'],
  signatures: signaturesFor('T -> T', EXTREME_DTYPES),
  traits: {},
  infer: inferReduced,
  check: checkSame,
  evaluate(context) {
    const start = extremeStart('reduce_max', (context.inputs[0] as Tensor).type.dtype);
    return evaluateReduced(context, (elements) => elements.reduce((most, x) => (most < x ? x : most), start));
  },
});

const reduce_min = defineOp<ReduceAttrs>({
  doc: `y = smallest x along the axes; of bools whether all are true. ${EXTREME_DOC}`,
  attrs: reduceAttrs,
  inputs: ['x'],
  outputs: ['y'],
  signatures: signaturesFor('T -> T', EXTREME_DTYPES),
  traits: {},
  infer: inferReduced,
  check: checkSame,
  evaluate(context) {
    const start = extremeStart('reduce_min', (context.inputs[0] as Tensor).type.dtype);
    return evaluateReduced(context, (elements) => elements.reduce((least, x) => (x < least ? x : least), start));
  },
});

const reduce_prod = defineOp<ReduceAttrs>({
  doc:
    'y = product of x along the axes. i32: wraps. f32: multiplied in row-major ' +
    'order from 1, each step rounded; a NaN, and 0 times an infinity, gives NaN.',
  attrs: reduceAttrs,
  inputs: ['x'],
  outputs: ['y'],
  signatures: signaturesFor('T -> T', ['i32', 'f32']),
  traits: {},
  infer: inferReduced,
  check: checkSame,
  evaluate(context) {
    const { dtype } = (context.inputs[0] as Tensor).type;
    const times = dtype === 'f32' ? (a: number, b: number) => fround(a * b) : Math.imul;
    return evaluateReduced(context, (elements) => elements.reduce((total, x) => times(total, x), 1));
  },
});

function inferAxis({ inputs, attrs }: { inputs: readonly TensorType[]; attrs: { axis: number } }): TensorType {
  const x = inputs[0] as TensorType;
  if (attrs.axis >= x.shape.length) throw new OpError(`expected an axis of ${typeText(x)}, found ${attrs.axis}`);
  return x;
}

/** The place of the element that is left when each takes the place of one that it beats. */
function bestPlace(elements: readonly number[], beats: (x: number, best: number) => boolean): number {
  let best = 0;
  elements.forEach((x, i) => {
    if (i > 0 && beats(x, elements[best] as number)) best = i;
  });
  return best;
}

function defineArg(what: string, beats: (x: number, best: number) => boolean) {
  return defineOp<ArgAttrs>({
    doc:
      `y = index along the axis of the ${what} x, which the result lacks; the first one of equals, or with selectLast the ` +
      'last. Stored values are compared. f32: an element only replaces what it strictly beats (with selectLast: what it ' +
      'beats or equals), so that NaN wins at index 0 and nowhere else.',
    attrs: argAttrs,
    inputs: ['x'],
    outputs: ['y'],
    signatures: signaturesFor('T -> i32', ['i8', 'u8', 'i32', 'f32']),
    traits: {},
    infer: (context) => [inferAxis(context).shape.toSpliced(context.attrs.axis, 1)],
    evaluate({ inputs, outputs, attrs: { axis, selectLast } }) {
      const replaces = (x: number, best: number) => beats(x, best) || (selectLast === true && x === best);
      return evaluateReduced({ inputs, outputs, attrs: { axes: [axis], keepDims: false } }, (elements) =>
        bestPlace(elements, replaces),
      );
    },
  });
}

const arg_max = defineArg('largest', (x, best) => x > best);
const arg_min = defineArg('smallest', (x, best) => x < best);

/** The quantized running sum is kept in units of 2^-19 of x's scale. */
export const CUMSUM_SHIFT = 19;

export function cumsumStage(x: TensorType, y: TensorType): OutputStage {
  const factor = (2 * affineOf(x).scale) / (2 ** (CUMSUM_SHIFT + 1) * affineOf(y).scale);
  return outputStage([factor], y, 'none', 'double', 0);
}

const cumsum = defineOp<RunningAttrs>({
  doc:
    'y[i] = sum of x[j] for j <= i along the axis; `exclusive` leaves out x[i], `reverse` sums from the end. i8: the sum ' +
    'of (x - zero point) starts at minus the zero point (as TensorFlow Lite has it), is shifted left by 19 into i32, ' +
    'wrapping, requantized with two roundings, offset and saturated. i32: wraps. f32: each step rounded; NaN stays.',
  attrs: runningAttrs,
  inputs: ['x'],
  outputs: ['y'],
  signatures: signaturesFor('T -> T', ['i8', 'i32', 'f32']),
  traits: {},
  infer: (context) => [inferAxis(context).shape],
  check(context) {
    const [x, y] = [context.inputs[0], context.outputs[0]] as [TensorType, TensorType];
    if (x.dtype !== 'i8') return checkSame(context);
    for (const type of [x, y]) {
      if (type.quant.kind !== 'affine' || type.quant.scale.length !== 1) {
        return `expected per-tensor affine types, found ${typeText(type)}`;
      }
    }
    return reasonOf(() => cumsumStage(x, y));
  },
  evaluate(context) {
    const [x, y] = [(context.inputs[0] as Tensor).type, context.outputs[0] as TensorType];
    return evaluateRunning(context, runningSum(x, y));
  },
});

const cumprod = defineOp<RunningAttrs>({
  doc:
    'y[i] = product of x[j] for j <= i along the axis; `exclusive` leaves out x[i], `reverse` multiplies from the end. i32: ' +
    'wraps. f32: from 1, each step rounded; NaN stays.',
  attrs: runningAttrs,
  inputs: ['x'],
  outputs: ['y'],
  signatures: signaturesFor('T -> T', ['i32', 'f32']),
  traits: {},
  infer: (context) => [inferAxis(context).shape],
  check: checkSame,
  evaluate(context) {
    const { dtype } = (context.inputs[0] as Tensor).type;
    const take = dtype === 'f32' ? (total: number, x: number) => fround(total * x) : Math.imul;
    return evaluateRunning(context, { start: 1, take, stored: (total) => total });
  },
});

/** `take` takes in a stored value, `stored` gives what is stored for a total. */
interface Running {
  readonly start: number;
  readonly take: (total: number, x: number) => number;
  readonly stored: (total: number) => number;
}

function evaluateRunning(
  { inputs, outputs, attrs }: EvaluateContext<RunningAttrs>,
  { start, take, stored }: Running,
): TensorData[] {
  const x = inputs[0] as Tensor;
  const { kept, reduced } = reduceLayout(x.type.shape, [attrs.axis]);
  const xs = numbersOf(x);
  const data = newData((outputs[0] as TensorType).dtype, xs.length);
  const steps = attrs.reverse ? offsetsOf(reduced).reverse() : offsetsOf(reduced);
  for (const first of offsetsOf(kept)) {
    let total = start;
    for (const offset of steps) {
      const next = take(total, xs[first + offset] as number);
      data[first + offset] = stored(attrs.exclusive ? total : next);
      total = next;
    }
  }
  return [data];
}

function runningSum(x: TensorType, y: TensorType): Running {
  if (x.dtype === 'f32') return { start: 0, take: (total, v) => fround(total + v), stored: (t) => t };
  if (x.dtype === 'i32') return { start: 0, take: (total, v) => (total + v) | 0, stored: (t) => t };
  const { zeroPoint } = affineOf(x);
  const stage = cumsumStage(x, y);
  return {
    start: -zeroPoint,
    take: (total, v) => total + (v - zeroPoint),
    stored: (total) => finish(total * 2 ** CUMSUM_SHIFT, 0, stage, 'i32'),
  };
}

export const REDUCE_OPS = {
  sum,
  mean,
  reduce_max,
  reduce_min,
  reduce_prod,
  arg_max,
  arg_min,
  cumsum,
  cumprod,
} as const;
