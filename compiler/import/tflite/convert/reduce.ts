/** Reductions along axes. */
import { newData, sameQuant, typeText } from '../../../../ir/tensor/types.ts';
import type { ConvertContext, Converters } from './context.ts';
import { onlyNumber } from './moved.ts';

/** Axes may count from the end and repeat; those of a scalar mean nothing. */
function reduce(context: ConvertContext, op: 'sum' | 'mean' | 'reduce_max' | 'reduce_min'): void {
  const x = context.input(0, 'the tensor');
  const rank = x.type.shape.length;
  const listed = context.constantNumbers(1, 'the axes');
  const axes = rank === 0 ? [] : [...new Set(listed.map((axis) => context.axis(axis, rank)))].sort((a, b) => a - b);
  context.output(op, [x.value], { axes, keepDims: context.options('ReducerOptions').keep_dims });
}

/** uint8 with one quantization on both sides is added up in 8 bits by TensorFlow Lite, which means nothing. */
function sum(context: ConvertContext): void {
  const x = context.input(0, 'the tensor');
  const y = context.outputs[0]?.type;
  if (x.type.dtype === 'u8' && y !== undefined && sameQuant(x.type.quant, y.quant)) {
    context.refuse('a uint8 sum with a scale or zero point of its own', typeText(y));
  }
  reduce(context, 'sum');
}

/** Numbers of elements: dense layers on more than two dimensions multiply extents when the batch is dynamic. */
function product(context: ConvertContext): void {
  const x = context.input(0, 'the extents');
  const { dtype, shape } = x.type;
  if (x.data === undefined || (dtype !== 'i32' && dtype !== 'i64')) {
    context.refuse('int32 or int64 extents that are known at import', typeText(x.type));
  }
  const listed = context.constantNumbers(1, 'the axes');
  const axes = new Set(listed.map((axis) => context.axis(axis, shape.length)));
  if (axes.size !== shape.length) context.refuse('a product over all axes', `axes [${listed.join(', ')}]`);
  const total = Array.from<number | bigint, bigint>(x.data, BigInt).reduce((a, b) => a * b, 1n);
  const data = newData(dtype, 1);
  data[0] = dtype === 'i64' ? BigInt.asIntN(64, total) : Number(BigInt.asIntN(32, total));
  const kept = context.options('ReducerOptions').keep_dims ? shape.map(() => 1) : [];
  context.forward(0, context.constant({ dtype, shape: kept, quant: { kind: 'none' } }, data));
}

function arg(context: ConvertContext, op: 'arg_max' | 'arg_min'): void {
  const x = context.input(0, 'the tensor');
  const declared = context.outputs[0]?.type.dtype;
  if (declared !== 'i32') context.refuse('an output of int32 (output_type=tf.int32 in TensorFlow)', declared ?? 'none');
  const axis = context.axis(onlyNumber(context, 1, 'the axis'), x.type.shape.length);
  context.output(op, [x.value], { axis });
}

function cumsum(context: ConvertContext): void {
  const x = context.input(0, 'the tensor');
  const axis = context.axis(onlyNumber(context, 1, 'the axis'), x.type.shape.length);
  const { exclusive, reverse } = context.options('CumsumOptions');
  context.output('cumsum', [x.value], { axis, exclusive, reverse });
}

export const REDUCE_CONVERTERS = {
  SUM: sum,
  MEAN: (context) => reduce(context, 'mean'),
  REDUCE_MAX: (context) => reduce(context, 'reduce_max'),
  REDUCE_MIN: (context) => reduce(context, 'reduce_min'),
  REDUCE_PROD: product,
  ARG_MAX: (context) => arg(context, 'arg_max'),
  ARG_MIN: (context) => arg(context, 'arg_min'),
  CUMSUM: cumsum,
} satisfies Converters;
