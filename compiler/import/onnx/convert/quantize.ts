/** Quantization spelled out: scales and zero points are operands, rounding is to even, as onnxruntime computes it. */
import { elementCount, typeText } from '../../../../ir/tensor/types.ts';
import { type Element, elementFacts, elementOfCode, isFloatElement } from '../elements.ts';
import type { Converter, Converters, NodeContext } from '../node.ts';
import type { Value } from '../values.ts';
import { widened } from './arithmetic.ts';
import { castTo } from './cast.ts';
import { convolution } from './conv.ts';
import { integerProduct, product } from './matmul.ts';

/** A scale or zero point spread over x: one for all, one per place of an axis, or one per block along it. */
function spread(node: NodeContext, parameter: Value, x: Value): Value {
  const { ops, attributes } = node;
  const rank = x.type.shape.length;
  const { shape } = parameter.type;
  const stated = attributes.int('axis', 1);
  const block = attributes.int('block_size', 0);
  if (elementCount(shape) === 1) return ops.reshape(parameter, []);
  const axis = node.axis(stated, rank);
  const extent = x.type.shape[axis];
  if (shape.length === 1) {
    if (shape[0] !== extent) return node.refuse(`${extent} scales along axis ${axis}`, `${shape[0]}`);
    return ops.reshape(
      parameter,
      x.type.shape.map((_, i) => (i === axis ? extent : 1)),
    );
  }
  const size = block === 0 ? Math.ceil(extent / shape[axis]) : block;
  if (shape.length !== rank || Math.ceil(extent / size) !== shape[axis]) {
    return node.refuse(
      `scales in blocks of ${size} along axis ${axis} of ${typeText(x.type)}`,
      typeText(parameter.type),
    );
  }
  const places = Array.from({ length: extent }, (_, i) => Math.floor(i / size));
  return ops.gather(parameter, ops.i32s(places), axis);
}

/** round(x) + zero point, kept within the integer type. */
function saturated(node: NodeContext, x: Value, zero: Value | undefined, element: Element): Value {
  const { ops } = node;
  const { range, dtype } = elementFacts(element);
  const [low, high] = range ?? [0, 0];
  const rounded = ops.unary('round', x);
  const moved = zero === undefined ? rounded : ops.add(rounded, ops.cast(zero, 'f32'));
  const kept = ops.min(ops.max(moved, ops.f32(low)), ops.f32(high));
  return { ...ops.cast(ops.cast(kept, 'i32'), dtype), element };
}

const quantizeLinear: Converter = (node) => {
  const { ops, attributes } = node;
  const [x, scale, zero] = [node.input(0), node.input(1), node.optional(2)];
  attributes.ignore('precision');
  const code = attributes.int('output_dtype', 0);
  const element =
    zero?.element ?? (code === 0 ? 'uint8' : elementOfCode(code)) ?? node.refuse('a number type', `${code}`);
  const quotient = ops.div(ops.cast(x, 'f32'), spread(node, scale, x));
  const offset = zero && spread(node, zero, x);
  if (isFloatElement(element)) return castTo(node, quotient, element, attributes.flag('saturate', true));
  attributes.ignore('saturate');
  return saturated(node, quotient, offset, element);
};

const dequantizeLinear: Converter = (node) => {
  const { ops, attributes } = node;
  const [x, scale, zero] = [node.input(0), node.input(1), node.optional(2)];
  const code = attributes.int('output_dtype', 0);
  const element = code === 0 ? scale.element : (elementOfCode(code) ?? node.refuse('a float type', `${code}`));
  const offset = zero && spread(node, zero, x);
  const wide = widened(node, x);
  const centered = offset === undefined ? wide : ops.sub(wide, widened(node, offset));
  return { ...ops.mul(ops.cast(centered, 'f32'), spread(node, scale, x)), element };
};

/** Scale and zero point of uint8 from the range of x, which is made to hold 0. */
const dynamicQuantizeLinear: Converter = (node) => {
  const { ops } = node;
  const x = node.input(0);
  const axes = x.type.shape.map((_, axis) => axis);
  const high = ops.max(ops.reduce('reduce_max', x, axes, false), ops.f32(0));
  const low = ops.min(ops.reduce('reduce_min', x, axes, false), ops.f32(0));
  const scale = ops.div(ops.sub(high, low), ops.f32(255));
  const zero = ops.unary('round', ops.sub(ops.f32(0), ops.div(low, scale)));
  const kept = ops.max(ops.min(zero, ops.f32(255)), ops.f32(0));
  const zeroPoint = { ...ops.cast(ops.cast(kept, 'i32'), 'u8'), element: 'uint8' } as const;
  return [saturated(node, ops.div(x, scale), zeroPoint, 'uint8'), scale, zeroPoint];
};

/** Sums of products of bytes below this are exact in f32. */
const EXACT = 2 ** 24;

/**
 * A convolution of bytes less their zero points, in i32: float convolutions of as many channels at a time as their sums
 * stay exact.
 */
function integerConvolution(
  node: NodeContext,
  x: Value,
  w: Value,
  xZero: Value | undefined,
  wZero: Value | undefined,
): Value {
  const { ops } = node;
  const less = (value: Value, zero: Value | undefined, axis: number) => {
    const wide = widened(node, value);
    if (zero === undefined) return ops.cast(wide, 'f32');
    const count = elementCount(zero.type.shape);
    const shape = count === 1 ? [] : value.type.shape.map((_, i) => (i === axis ? count : 1));
    return ops.cast(ops.sub(wide, ops.reshape(widened(node, zero), shape)), 'f32');
  };
  const [image, filters] = [less(x, xZero, 1), less(w, wZero, 0)];
  const taps = elementCount(w.type.shape.slice(2));
  const depth = w.type.shape[1];
  const most = Math.floor(EXACT / (255 * 255 * taps));
  if (most < 1) return node.refuse('filters of fewer taps', typeText(w.type));
  const grouped = node.attributes.int('group', 1) !== 1;
  if (depth <= most) return ops.cast(convolution(node, image, filters, undefined), 'i32');
  if (grouped) return node.refuse(`groups of at most ${most} channels`, typeText(w.type));
  const starts = Array.from({ length: Math.ceil(depth / most) }, (_, i) => i * most);
  const terms = starts.map((from) => {
    const count = Math.min(most, depth - from);
    const term = convolution(node, ops.part(image, 1, from, count), ops.part(filters, 1, from, count), undefined);
    return ops.cast(term, 'i32');
  });
  return terms.slice(1).reduce((sum, term) => ops.add(sum, term), terms[0]);
}

const convInteger: Converter = (node) => ({
  ...integerConvolution(node, node.input(0), node.input(1), node.optional(2), node.optional(3)),
  element: 'int32',
});

/** The accumulator times its scale over the output's, rounded to even. */
function rescaled(node: NodeContext, sum: Value, factor: Value, scale: Value, zero: Value): Value {
  const { ops } = node;
  const real = ops.mul(ops.cast(sum, 'f32'), ops.div(factor, ops.reshape(scale, [])));
  return saturated(node, real, ops.reshape(zero, []), zero.element);
}

const qLinearConv: Converter = (node) => {
  const { ops } = node;
  const [x, xScale, xZero, w, wScale, wZero, yScale, yZero] = Array.from({ length: 8 }, (_, i) => node.input(i));
  const bias = node.optional(8);
  const channels = [w.type.shape[0], ...w.type.shape.slice(2).map(() => 1)];
  const products = integerConvolution(node, x, w, xZero, wZero);
  const sum = bias === undefined ? products : ops.add(products, ops.reshape(bias, channels));
  const weightScale = elementCount(wScale.type.shape) === 1 ? ops.reshape(wScale, []) : ops.reshape(wScale, channels);
  return rescaled(node, sum, ops.mul(ops.reshape(xScale, []), weightScale), yScale, yZero);
};

const qLinearMatMul: Converter = (node) => {
  const { ops } = node;
  const [a, aScale, aZero, b, bScale, bZero, yScale, yZero] = Array.from({ length: 8 }, (_, i) => node.input(i));
  const along = (value: Value, parameter: Value, column: boolean) => {
    const count = elementCount(parameter.type.shape);
    if (count === 1) return ops.reshape(parameter, []);
    if (parameter.type.shape.length > 1) return parameter;
    return column ? parameter : ops.reshape(parameter, [value.type.shape.at(-2) ?? count, 1]);
  };
  const left = ops.sub(widened(node, a), widened(node, along(a, aZero, false)));
  const right = ops.sub(widened(node, b), widened(node, along(b, bZero, true)));
  const sum =
    left.type.shape.length > 1 && right.type.shape.length > 1
      ? integerProduct(node, left, right)
      : product(node, left, right);
  return rescaled(node, sum, ops.mul(along(a, aScale, false), along(b, bScale, true)), yScale, yZero);
};

export const QUANTIZE: Converters = {
  QuantizeLinear: quantizeLinear,
  DequantizeLinear: dequantizeLinear,
  DynamicQuantizeLinear: dynamicQuantizeLinear,
  ConvInteger: convInteger,
  QLinearConv: qLinearConv,
  QLinearMatMul: qLinearMatMul,
};
