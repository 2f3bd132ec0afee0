/** Normalizations and what turns scores into shares. */
import { elementCount, typeText } from '../../../../ir/tensor/types.ts';
import type { Converter, Converters, NodeContext } from '../node.ts';
import type { Value } from '../values.ts';

/** A vector of channels for tensors [n, c, ..]. */
function alongChannels(node: NodeContext, vector: Value, rank: number): Value {
  return node.ops.reshape(vector, [
    elementCount(vector.type.shape),
    ...new Array<number>(Math.max(rank - 2, 0)).fill(1),
  ]);
}

/** (x - mean) / sqrt(var + epsilon) * scale + bias as one factor and one offset per channel. */
const batchNormalization: Converter = (node) => {
  const { ops, attributes } = node;
  const [x, scale, bias, inputMean, inputVar] = node.inputs() as [Value, Value, Value, Value, Value];
  const epsilon = ops.f32(attributes.float('epsilon', 1e-5));
  const momentum = attributes.float('momentum', 0.9);
  attributes.ignore('spatial', 'is_test');
  const rank = x.type.shape.length;
  const train = attributes.flag('training_mode', false);
  const axes = x.type.shape.map((_, axis) => axis).filter((axis) => axis !== 1);
  const mean = train ? ops.reduce('mean', x, axes, false) : inputMean;
  const centered = train ? ops.sub(x, alongChannels(node, mean, rank)) : x;
  const variance = train ? ops.reduce('mean', ops.mul(centered, centered), axes, false) : inputVar;
  const factor = ops.div(scale, ops.unary('sqrt', ops.add(variance, epsilon)));
  const offset = ops.sub(bias, ops.mul(mean, factor));
  const scaled = ops.mul(x, alongChannels(node, factor, rank));
  const y = { ...ops.add(scaled, alongChannels(node, offset, rank)), element: x.element };
  const moved = (old: Value, current: Value) =>
    ops.add(ops.mul(old, ops.f32(momentum)), ops.mul(current, ops.f32(1 - momentum)));
  return train ? [y, moved(inputMean, mean), moved(inputVar, variance)] : y;
};

/** The tensor less its mean over axes, and 1 / sqrt(variance + epsilon). */
function standardized(node: NodeContext, x: Value, axes: readonly number[], epsilon: number) {
  const { ops } = node;
  const mean = ops.reduce('mean', x, axes, true);
  const centered = ops.sub(x, mean);
  const variance = ops.reduce('mean', ops.mul(centered, centered), axes, true);
  const inverse = ops.div(ops.f32(1), ops.unary('sqrt', ops.add(variance, ops.f32(epsilon))));
  return { mean, inverse, normal: ops.mul(centered, inverse) };
}

const instanceNormalization: Converter = (node) => {
  const { ops } = node;
  const [x, scale, bias] = node.inputs() as [Value, Value, Value];
  const rank = x.type.shape.length;
  const axes = x.type.shape.map((_, axis) => axis).slice(2);
  const { normal } = standardized(node, x, axes, node.attributes.float('epsilon', 1e-5));
  return ops.add(ops.mul(normal, alongChannels(node, scale, rank)), alongChannels(node, bias, rank));
};

const groupNormalization: Converter = (node) => {
  const { ops, attributes } = node;
  const [x, scale, bias] = node.inputs() as [Value, Value, Value];
  const groups = attributes.int('num_groups', 1);
  attributes.ignore('stash_type');
  const [n, c, ...rest] = x.type.shape;
  if (c % groups !== 0) return node.refuse(`channels in ${groups} groups`, typeText(x.type));
  const grouped = ops.reshape(x, [n, groups, elementCount([c / groups, ...rest])]);
  const { normal } = standardized(node, grouped, [2], attributes.float('epsilon', 1e-5));
  // Before version 21 scale and bias were per group.
  const perGroup = elementCount(scale.type.shape) === groups && groups !== c;
  const shaped = perGroup ? normal : ops.reshape(normal, x.type.shape);
  const rank = perGroup ? 3 : x.type.shape.length;
  const y = ops.add(ops.mul(shaped, alongChannels(node, scale, rank)), alongChannels(node, bias, rank));
  return ops.reshape(y, x.type.shape);
};

const layerNormalization: Converter = (node) => {
  const { ops, attributes } = node;
  const [x, scale, bias] = [node.input(0), node.input(1), node.optional(2)];
  attributes.ignore('stash_type');
  const rank = x.type.shape.length;
  const first = node.axis(attributes.int('axis', -1), rank);
  const axes = x.type.shape.map((_, axis) => axis).slice(first);
  const { mean, inverse, normal } = standardized(node, x, axes, attributes.float('epsilon', 1e-5));
  const scaled = ops.mul(normal, scale);
  return [bias === undefined ? scaled : ops.add(scaled, bias), mean, inverse];
};

const rmsNormalization: Converter = (node) => {
  const { ops, attributes } = node;
  const [x, scale] = node.inputs() as [Value, Value];
  attributes.ignore('stash_type');
  const first = node.axis(attributes.int('axis', -1), x.type.shape.length);
  const axes = x.type.shape.map((_, axis) => axis).slice(first);
  const meanSquare = ops.reduce('mean', ops.mul(x, x), axes, true);
  const root = ops.unary('sqrt', ops.add(meanSquare, ops.f32(attributes.float('epsilon', 1e-5))));
  return ops.mul(ops.div(x, root), scale);
};

const meanVarianceNormalization: Converter = (node) => {
  const { ops } = node;
  const x = node.input(0);
  const axes = node.axes(node.attributes.ints('axes') ?? [0, 2, 3], x.type.shape.length);
  const mean = ops.reduce('mean', x, axes, true);
  const centered = ops.sub(x, mean);
  const deviation = ops.unary('sqrt', ops.reduce('mean', ops.mul(centered, centered), axes, true));
  return ops.div(centered, ops.add(deviation, ops.f32(1e-9)));
};

const lpNormalization: Converter = (node) => {
  const { ops, attributes } = node;
  const x = node.input(0);
  const axis = node.axis(attributes.int('axis', -1), x.type.shape.length);
  const p = attributes.int('p', 2);
  const norm =
    p === 1
      ? ops.reduce('sum', ops.unary('abs', x), [axis], true)
      : ops.unary('sqrt', ops.reduce('sum', ops.mul(x, x), [axis], true));
  const zero = ops.compare('equal', norm, ops.f32(0));
  return ops.select(zero, ops.f32(0), ops.div(x, norm));
};

/** x / (bias + alpha / size * sum of squares of the channels around)^beta */
const lrn: Converter = (node) => {
  const { ops, attributes } = node;
  const x = node.input(0);
  const size = attributes.int('size', 1);
  const before = Math.floor((size - 1) / 2);
  const after = size - 1 - before;
  const margin = (count: number) => x.type.shape.map((_, axis) => (axis === 1 ? count : 0));
  const squares = ops.mul(x, x);
  const padded =
    size === 1 ? squares : ops.one('pad', [squares, ops.f32(0)], { before: margin(before), after: margin(after) });
  const slices = Array.from({ length: size }, (_, i) => ops.part(padded, 1, i, x.type.shape[1]));
  const sum = slices.slice(1).reduce((so, next) => ops.add(so, next), slices[0]);
  const inner = ops.add(
    ops.f32(attributes.float('bias', 1)),
    ops.mul(ops.f32(attributes.float('alpha', 1e-4) / size), sum),
  );
  return ops.div(x, ops.one('pow', [inner, ops.f32(attributes.float('beta', 0.75))], {}));
};

/** Rows along `axis`; before version 13 all axes from it on are one row. */
function alongAxis(formula: (node: NodeContext, rows: Value) => Value): Converter {
  return (node) => {
    const { ops } = node;
    const x = node.input(0);
    const { shape } = x.type;
    const old = node.version < 13;
    const axis = node.axis(node.attributes.int('axis', old ? 1 : -1), shape.length);
    if (old) {
      const rows = ops.reshape(x, [elementCount(shape.slice(0, axis)), elementCount(shape.slice(axis))]);
      return ops.reshape(formula(node, rows), shape);
    }
    const last = shape.length - 1;
    const y = ops.moveAxis(formula(node, ops.moveAxis(x, axis, last)), last, axis);
    return { ...y, element: x.element };
  };
}

/** 1 at the first of the largest, 0 elsewhere. */
function hardmax(node: NodeContext, rows: Value): Value {
  const { ops } = node;
  const axis = rows.type.shape.length - 1;
  const count = rows.type.shape[axis];
  const places = ops.one('arg_max', [rows], { axis, selectLast: false }, 'i32');
  const classes = ops.i32s(Array.from({ length: count }, (_, i) => i));
  const hit = ops.compare('equal', ops.reshape(places, rows.type.shape.with(axis, 1)), classes);
  return ops.cast(hit, rows.type.dtype);
}

export const NORM: Converters = {
  BatchNormalization: batchNormalization,
  InstanceNormalization: instanceNormalization,
  GroupNormalization: groupNormalization,
  LayerNormalization: layerNormalization,
  RMSNormalization: rmsNormalization,
  MeanVarianceNormalization: meanVarianceNormalization,
  LpNormalization: lpNormalization,
  LRN: lrn,
  Softmax: alongAxis((node, rows) => node.ops.softmax(rows)),
  LogSoftmax: alongAxis((node, rows) => node.ops.one('log_softmax', [rows], {})),
  Hardmax: alongAxis(hardmax),
};
