/** Index arithmetic for ops that move elements: every element of the result is one element of the operand, or a filling. */
import { type DType, elementCount, newData, type TensorData, type TensorType } from '../types.ts';

/** Types whose elements have places of their own in memory. */
export const MOVED_DTYPES: readonly DType[] = ['f32', 'f16', 'i64', 'i32', 'i16', 'i8', 'u8', 'bool'];

/** Where the element of the result at `index` comes from, or undefined for the filling. */
export type PlaceOf = (index: readonly number[]) => number | undefined;

/** Calls back with every index of a shape in row-major order; the array is the same each time. */
export function forEachIndex(shape: readonly number[], visit: (index: readonly number[]) => void): void {
  const index = shape.map(() => 0);
  for (let left = elementCount(shape); left > 0; left--) {
    visit(index);
    for (let axis = index.length - 1; axis >= 0; axis--) {
      index[axis] = (index[axis] as number) + 1;
      if ((index[axis] as number) < (shape[axis] as number)) break;
      index[axis] = 0;
    }
  }
}

/** y[index] = x[place(index)] for every index of y's shape, in row-major order. */
export function moved(y: TensorType, x: TensorData, placeOf: PlaceOf, filling: number | bigint = 0): TensorData[] {
  const data = newData(y.dtype, elementCount(y.shape));
  let next = 0;
  forEachIndex(y.shape, (index) => {
    const place = placeOf(index);
    data[next++] = place === undefined ? filling : (x[place] as number | bigint);
  });
  return [data];
}

/** Row-major position of an index. */
export function placeIn(shape: readonly number[], index: readonly number[]): number {
  return index.reduce((place, i, axis) => place * (shape[axis] as number) + i, 0);
}

/** The stored value that stands for the real 0: the zero point where there is one. */
export function storedZero(type: TensorType): number | bigint {
  const zero = type.quant.kind === 'affine' ? (type.quant.zeroPoint[0] as number) : 0;
  return type.dtype === 'i64' ? BigInt(zero) : zero;
}
