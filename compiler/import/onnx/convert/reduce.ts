/** Reductions along axes. */
import { elementCount } from '../../../../ir/tensor/types.ts';
import type { Converter, Converters, NodeContext } from '../node.ts';
import type { Value } from '../values.ts';
import { narrowed, widened } from './arithmetic.ts';
import { fillLike } from './constant.ts';

interface Reduction {
  /** What is left of no elements. */
  readonly empty: number;
  readonly reduce: (node: NodeContext, x: Value, axes: readonly number[], keepDims: boolean) => Value;
}

function reduction({ empty, reduce }: Reduction): Converter {
  return (node) => {
    const x = node.input(0);
    const { shape } = x.type;
    const stated = node.attributes.ints('axes') ?? node.optionalNumbers(1, 'the axes');
    const idle = node.attributes.flag('noop_with_empty_axes', false);
    if ((stated === undefined || stated.length === 0) && idle) return reduced(node, x, []);
    const axes = stated === undefined || stated.length === 0 ? shape.map((_, i) => i) : node.axes(stated, shape.length);
    return reduced(node, x, axes);
  };

  function reduced(node: NodeContext, x: Value, axes: readonly number[]): Value {
    const keepDims = node.attributes.flag('keepdims', true);
    const { shape } = x.type;
    const left = shape.flatMap((extent, axis) => (axes.includes(axis) ? (keepDims ? [1] : []) : [extent]));
    if (elementCount(shape) === 0) return fillLike(node, { ...x, type: { ...x.type, shape: left } }, empty);
    return narrowed(node, reduce(node, widened(node, x), axes, keepDims), x);
  }
}

/** Booleans and bytes order as their numbers do. */
function extreme(op: 'reduce_max' | 'reduce_min', empty: number): Converter {
  return reduction({ empty, reduce: (node, x, axes, keepDims) => node.ops.reduce(op, x, axes, keepDims) });
}

function sumOf(
  before: (node: NodeContext, x: Value) => Value,
  after: (node: NodeContext, sum: Value) => Value,
  empty: number,
): Converter {
  return reduction({
    empty,
    reduce: (node, x, axes, keepDims) => after(node, node.ops.reduce('sum', before(node, x), axes, keepDims)),
  });
}

const same = (_: NodeContext, x: Value): Value => x;

/** A float function of a sum that may be of integers. */
function throughFloat(name: 'sqrt' | 'log') {
  return (node: NodeContext, sum: Value): Value => {
    const result = node.ops.unary(name, node.ops.cast(sum, 'f32'));
    return node.ops.cast(result, sum.type.dtype);
  };
}

/** log(sum(e^(x - max))) + max; a maximum that is infinite counts as 0. */
const logSumExp: Reduction['reduce'] = (node, x, axes, keepDims) => {
  const { ops } = node;
  const wide = ops.cast(x, 'f32');
  const max = ops.reduce('reduce_max', wide, axes, true);
  const infinite = ops.compare('equal', ops.unary('abs', max), ops.f32(Number.POSITIVE_INFINITY));
  const shift = ops.select(infinite, ops.f32(0), max);
  const sum = ops.reduce('sum', ops.unary('exp', ops.sub(wide, shift)), axes, true);
  const result = ops.add(ops.unary('log', sum), shift);
  const shape = x.type.shape.flatMap((extent, axis) => (axes.includes(axis) ? (keepDims ? [1] : []) : [extent]));
  return ops.cast(ops.reshape(result, shape), x.type.dtype);
};

const meanOf: Reduction['reduce'] = (node, x, axes, keepDims) => {
  if (x.type.dtype === 'f32') return node.ops.reduce('mean', x, axes, keepDims);
  const count = elementCount(axes.map((axis) => x.type.shape[axis]));
  return node.ops.div(node.ops.reduce('sum', x, axes, keepDims), node.ops.i32(count));
};

export const REDUCE: Converters = {
  ReduceSum: sumOf(same, same, 0),
  ReduceMean: reduction({ empty: Number.NaN, reduce: meanOf }),
  ReduceMax: extreme('reduce_max', Number.NEGATIVE_INFINITY),
  ReduceMin: extreme('reduce_min', Number.POSITIVE_INFINITY),
  ReduceProd: reduction({
    empty: 1,
    reduce: (node, x, axes, keepDims) =>
      node.ops.one('reduce_prod', [x], { axes: axes.toSorted((a, b) => a - b), keepDims }),
  }),
  ReduceL1: sumOf((node, x) => node.ops.unary('abs', x), same, 0),
  ReduceL2: sumOf((node, x) => node.ops.mul(x, x), throughFloat('sqrt'), 0),
  ReduceSumSquare: sumOf((node, x) => node.ops.mul(x, x), same, 0),
  ReduceLogSum: sumOf(same, throughFloat('log'), Number.NEGATIVE_INFINITY),
  ReduceLogSumExp: reduction({ empty: Number.NEGATIVE_INFINITY, reduce: logSumExp }),
};
