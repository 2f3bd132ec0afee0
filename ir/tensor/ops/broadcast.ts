/** Operands that are spread over a common shape: aligned at the innermost dimension, extents of 1 repeat. */
import { OpError } from '../op.ts';
import { elementCount, newData, stridesOf, type Tensor, type TensorData, type TensorType } from '../types.ts';

/** The common shape. Throws OpError when an extent is neither 1 nor that of the others. */
export function broadcastShape(shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const extents = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1);
    const extent = extents.find((e) => e !== 1) ?? 1;
    if (extents.some((e) => e !== 1 && e !== extent)) {
      const found = shapes.map((shape) => `[${shape.join(',')}]`).join(' and ');
      throw new OpError(`expected shapes that agree or are 1 in every dimension, found ${found}`);
    }
    return extent;
  });
}

/** Strides in elements of an operand along the dimensions of `target`; 0 where it repeats. */
export function broadcastStrides(shape: readonly number[], target: readonly number[]): number[] {
  const own = stridesOf(shape);
  const missing = target.length - shape.length;
  return target.map((_, axis) => {
    const extent = shape[axis - missing] ?? 1;
    return extent === 1 ? 0 : own[axis - missing];
  });
}

/** y[i] = f(x0[i], x1[i], ...) over the operands spread to the shape of `output`. i64 elements are bigints. */
export function evaluateBroadcast<V extends number | bigint>(
  inputs: readonly Tensor[],
  output: TensorType,
  f: (...values: V[]) => number | bigint,
): TensorData {
  const { shape } = output;
  const y = newData(output.dtype, elementCount(shape));
  const data = inputs.map((input) => input.data as unknown as ArrayLike<V>);
  const strides = inputs.map((input) => broadcastStrides(input.type.shape, shape));
  const index = shape.map(() => 0);
  const places = inputs.map(() => 0);
  for (let out = 0; out < y.length; out++) {
    y[out] = f(...data.map((values, i) => values[places[i]]));
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const turn = ++index[axis] === shape[axis];
      const steps = turn ? 1 - shape[axis] : 1;
      for (let i = 0; i < places.length; i++) places[i] += steps * strides[i][axis];
      if (!turn) break;
      index[axis] = 0;
    }
  }
  return y;
}
