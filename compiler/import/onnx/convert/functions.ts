/** Functions of one float element, most of them as the formula that the standard gives. */
import { elementCount } from '../../../../ir/tensor/types.ts';
import type { Converter, Converters, NodeContext } from '../node.ts';
import type { Ops } from '../ops.ts';
import type { Value } from '../values.ts';

type Formula = (ops: Ops, x: Value, node: NodeContext) => Value;

function float(formula: Formula): Converter {
  return (node) => {
    const x = node.input(0);
    return { ...formula(node.ops, x, node), element: x.element };
  };
}

const relu: Formula = (ops, x) => (x.type.dtype === 'f32' ? ops.unary('relu', x) : ops.max(x, ops.number(0, x)));

const elu = (ops: Ops, x: Value, alpha: number): Value => ops.one('elu', [x], { alpha });

const selu: Formula = (ops, x, { attributes }) => {
  const alpha = attributes.float('alpha', 1.6732632);
  const gamma = attributes.float('gamma', 1.050701);
  return ops.mul(ops.f32(gamma), elu(ops, x, alpha));
};

/** max(0, x) + min(0, alpha * (e^(x / alpha) - 1)) */
const celu: Formula = (ops, x, { attributes }) => {
  const alpha = ops.f32(attributes.float('alpha', 1));
  const below = ops.mul(alpha, elu(ops, ops.min(ops.div(x, alpha), ops.f32(0)), 1));
  return ops.add(ops.unary('relu', x), ops.min(ops.f32(0), below));
};

const hardSigmoid: Formula = (ops, x, { attributes }) => {
  const scaled = ops.mul(ops.f32(attributes.float('alpha', 0.2)), x);
  const moved = ops.add(scaled, ops.f32(attributes.float('beta', 0.5)));
  return ops.max(ops.f32(0), ops.min(ops.f32(1), moved));
};

/** x * max(0, min(1, x / 6 + 0.5)) */
const hardSwish: Formula = (ops, x) => {
  const moved = ops.add(ops.mul(ops.f32(1 / 6), x), ops.f32(0.5));
  return ops.mul(x, ops.max(ops.f32(0), ops.min(ops.f32(1), moved)));
};

const gelu: Formula = (ops, x, { attributes }) => {
  const half = ops.mul(ops.f32(0.5), x);
  if (attributes.choice('approximate', ['none', 'tanh'], 'none') === 'none') {
    const error = ops.unary('erf', ops.mul(x, ops.f32(Math.SQRT1_2)));
    return ops.mul(half, ops.add(ops.f32(1), error));
  }
  const cubic = ops.add(x, ops.mul(ops.f32(0.044715), ops.mul(x, ops.mul(x, x))));
  const inner = ops.mul(ops.f32(Math.sqrt(2 / Math.PI)), cubic);
  return ops.mul(half, ops.add(ops.f32(1), ops.unary('tanh', inner)));
};

const thresholded: Formula = (ops, x, { attributes }) =>
  ops.select(ops.compare('greater', x, ops.f32(attributes.float('alpha', 1))), x, ops.f32(0));

/** x + bias below -lambd, x - bias above lambd, 0 between. */
const shrink: Converter = (node) => {
  const { ops, attributes } = node;
  const x = node.input(0);
  const wide = ops.cast(x, 'f32');
  const bias = ops.f32(attributes.float('bias', 0));
  const lambda = attributes.float('lambd', 0.5);
  const above = ops.select(ops.compare('greater', wide, ops.f32(lambda)), ops.sub(wide, bias), ops.f32(0));
  const all = ops.select(ops.compare('less', wide, ops.f32(-lambda)), ops.add(wide, bias), above);
  return node.as(all, x.element);
};

/** A slope per element below 0, spread over x from the innermost dimension; before version 7, along the channels. */
const prelu: Converter = (node) => {
  const [x, slope] = [node.input(0), node.input(1)];
  const { ops } = node;
  const channels = x.type.shape.map((_, axis) => (axis === 1 ? elementCount(slope.type.shape) : 1));
  const spread = node.version < 7 && elementCount(slope.type.shape) > 1 ? ops.reshape(slope, channels) : slope;
  const below = ops.mul(spread, x);
  return { ...ops.select(ops.compare('less', x, ops.number(0, x)), below, x), element: x.element };
};

const isInf: Converter = (node) => {
  const { ops, attributes } = node;
  const x = node.input(0);
  const positive = attributes.flag('detect_positive', true);
  const negative = attributes.flag('detect_negative', true);
  const infinity = ops.f32(Number.POSITIVE_INFINITY);
  if (positive && negative) return ops.compare('equal', ops.unary('abs', x), infinity);
  if (positive) return ops.compare('equal', x, infinity);
  if (negative) return ops.compare('equal', x, ops.f32(Number.NEGATIVE_INFINITY));
  return ops.compare('not_equal', ops.cast(ops.cast(x, 'bool'), 'i32'), ops.cast(ops.cast(x, 'bool'), 'i32'));
};

const swish: Formula = (ops, x, { attributes }) => {
  const alpha = attributes.float('alpha', 1);
  return ops.mul(x, ops.unary('logistic', alpha === 1 ? x : ops.mul(ops.f32(alpha), x)));
};

export const FUNCTIONS: Converters = {
  Exp: float((ops, x) => ops.unary('exp', x)),
  Log: float((ops, x) => ops.unary('log', x)),
  Sqrt: float((ops, x) => ops.unary('sqrt', x)),
  Reciprocal: float((ops, x) => ops.div(ops.f32(1), x)),
  Floor: float((ops, x) => ops.unary('floor', x)),
  Ceil: float((ops, x) => ops.unary('ceil', x)),
  Round: float((ops, x) => ops.unary('round', x)),
  Sin: float((ops, x) => ops.unary('sin', x)),
  Cos: float((ops, x) => ops.unary('cos', x)),
  Tan: float((ops, x) => ops.unary('tan', x)),
  Asin: float((ops, x) => ops.unary('asin', x)),
  Acos: float((ops, x) => ops.unary('acos', x)),
  Atan: float((ops, x) => ops.unary('atan', x)),
  Sinh: float((ops, x) => ops.unary('sinh', x)),
  Cosh: float((ops, x) => ops.unary('cosh', x)),
  Asinh: float((ops, x) => ops.unary('asinh', x)),
  Acosh: float((ops, x) => ops.unary('acosh', x)),
  Atanh: float((ops, x) => ops.unary('atanh', x)),
  Tanh: float((ops, x) => ops.unary('tanh', x)),
  Erf: float((ops, x) => ops.unary('erf', x)),
  Sigmoid: float((ops, x) => ops.unary('logistic', x)),
  Softplus: float((ops, x) => ops.unary('softplus', x)),
  Softsign: float((ops, x) => ops.div(x, ops.add(ops.f32(1), ops.unary('abs', x)))),
  Relu: float(relu),
  LeakyRelu: float((ops, x, { attributes }) => ops.one('leaky_relu', [x], { alpha: attributes.float('alpha', 0.01) })),
  Elu: float((ops, x, { attributes }) => elu(ops, x, attributes.float('alpha', 1))),
  Selu: float(selu),
  Celu: float(celu),
  Gelu: float(gelu),
  Swish: float(swish),
  Mish: float((ops, x) => ops.mul(x, ops.unary('tanh', ops.unary('softplus', x)))),
  HardSigmoid: float(hardSigmoid),
  HardSwish: float(hardSwish),
  ThresholdedRelu: float(thresholded),
  Shrink: shrink,
  PRelu: prelu,
  IsNaN: (node) => node.ops.compare('not_equal', node.input(0), node.input(0)),
  IsInf: isInf,
};
