/** Products of matrices that are both activations. */
import { z } from 'zod';
import { defineOp, OpError, signature } from '../op.ts';
import { elementCount, newData, type Tensor, type TensorType, typeText } from '../types.ts';
import { broadcastShape, broadcastStrides } from './broadcast.ts';
import { inputZeroPoint } from './conv.ts';
import {
  finish,
  fround,
  maxShiftOf,
  numbersOf,
  type OutputStage,
  outputStage,
  reasonOf,
  roundingAttr,
} from './shared.ts';

const batchMatmulAttrs = z.strictObject({
  /** The last two dimensions of a are swapped. */
  transposeA: z.boolean().default(false),
  transposeB: z.boolean().default(false),
  rounding: roundingAttr,
});
export type BatchMatmulAttrs = z.infer<typeof batchMatmulAttrs>;

/** Extents and strides in elements. Batches are the broadcast leading dimensions. */
export interface MatmulGeometry {
  readonly batches: readonly number[];
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly a: { readonly batches: readonly number[]; readonly row: number; readonly depth: number };
  readonly b: { readonly batches: readonly number[]; readonly column: number; readonly depth: number };
}

/** Throws OpError for shapes that do not fit together. */
export function matmulGeometry(a: TensorType, b: TensorType, attrs: BatchMatmulAttrs): MatmulGeometry {
  for (const type of [a, b]) {
    if (type.shape.length < 2) throw new OpError(`expected matrices, found ${typeText(type)}`);
  }
  const [aRows, aColumns] = a.shape.slice(-2);
  const [bRows, bColumns] = b.shape.slice(-2);
  const [rows, depth] = attrs.transposeA ? [aColumns, aRows] : [aRows, aColumns];
  const [columns, depthOfB] = attrs.transposeB ? [bRows, bColumns] : [bColumns, bRows];
  if (depth !== depthOfB) {
    throw new OpError(
      `expected matrices of one inner extent, found ${depth} in ${typeText(a)} and ${depthOfB} in ${typeText(b)}`,
    );
  }
  const [aBatches, bBatches] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  const batches = broadcastShape([aBatches, bBatches]);
  const strides = (shape: readonly number[], matrix: number) =>
    broadcastStrides(shape, batches).map((stride) => stride * matrix);
  return {
    batches,
    rows,
    columns,
    depth,
    a: {
      batches: strides(aBatches, rows * depth),
      row: attrs.transposeA ? 1 : depth,
      depth: attrs.transposeA ? rows : 1,
    },
    b: {
      batches: strides(bBatches, columns * depth),
      column: attrs.transposeB ? depth : 1,
      depth: attrs.transposeB ? 1 : columns,
    },
  };
}

/** Where the matrices of every batch start, in order. */
function batchStarts(g: MatmulGeometry): { a: number; b: number }[] {
  let starts = [{ a: 0, b: 0 }];
  g.batches.forEach((extent, axis) => {
    starts = starts.flatMap((start) =>
      Array.from({ length: extent }, (_, i) => ({
        a: start.a + i * g.a.batches[axis],
        b: start.b + i * g.b.batches[axis],
      })),
    );
  });
  return starts;
}

export function matmulAccumulator(a: TensorType): 'i32' | 'i64' {
  return a.dtype === 'i16' ? 'i64' : 'i32';
}

/** TFLite multiplies the scales of the operands in single precision. */
export function matmulStage(a: TensorType, b: TensorType, y: TensorType, attrs: BatchMatmulAttrs): OutputStage {
  const [left, right, out] = [a, b, y].map(({ quant }) => (quant.kind === 'affine' ? quant.scale[0] : 1));
  const accumulator = matmulAccumulator(a);
  const factor = fround(left * right) / out;
  return outputStage(
    [attrs.rounding === 'float' ? fround(factor) : factor],
    y,
    'none',
    attrs.rounding,
    maxShiftOf(accumulator),
  );
}

const batch_matmul = defineOp<BatchMatmulAttrs>({
  doc:
    'y[..., i, j] = sum over k of a[..., i, k] * b[..., k, j]; leading dimensions broadcast. Integers: the sum of ' +
    '(a - zero point) * (b - zero point) accumulates in i32 (i64 for 16 bits, whose zero points are 0), wrapping, and is ' +
    'requantized by the f32 product of the two scales over the output scale, offset and clamped to the type. Floats: f32, ' +
    'summed in the order of k, each step rounded; NaN and infinities as IEEE 754.',
  attrs: batchMatmulAttrs,
  inputs: ['a', 'b'],
  outputs: ['y'],
  signatures: ['i8 i8 -> i8', 'i16 i16 -> i16', 'f32 f32 -> f32'].map(signature),
  traits: {},
  infer({ inputs: [a, b], attrs }) {
    const { batches, rows, columns } = matmulGeometry(a, b, attrs);
    return [[...batches, rows, columns]];
  },
  check({ inputs: [a, b], outputs: [y], attrs }) {
    if (a.dtype === 'f32') return undefined;
    for (const type of [a, b, y]) {
      if (type.quant.kind !== 'affine' || type.quant.scale.length !== 1) {
        return `expected per-tensor affine types, found ${typeText(type)}`;
      }
      if (type.dtype === 'i16' && type.quant.zeroPoint[0] !== 0)
        return `expected zero point 0, found ${typeText(type)}`;
    }
    return reasonOf(() => matmulStage(a, b, y, attrs));
  },
  macs: ({ inputs: [a], outputs: [y] }) => {
    const { shape } = y;
    // One of the two inner extents of a is the number of rows; the other is the depth.
    const matrix = (a.shape.at(-1) as number) * (a.shape.at(-2) as number);
    return (elementCount(shape) * matrix) / (shape.at(-2) as number);
  },
  evaluate({ inputs, outputs: [yType], attrs }) {
    const [a, b] = inputs as readonly [Tensor, Tensor];
    const g = matmulGeometry(a.type, b.type, attrs);
    const y = newData(yType.dtype, elementCount(yType.shape));
    const [as, bs] = [numbersOf(a), numbersOf(b)];
    const [aZero, bZero] = [inputZeroPoint(a.type), inputZeroPoint(b.type)];
    const isFloat = a.type.dtype === 'f32';
    const stage = isFloat ? undefined : matmulStage(a.type, b.type, yType, attrs);
    const accumulator = matmulAccumulator(a.type);
    let out = 0;
    for (const start of batchStarts(g)) {
      for (let i = 0; i < g.rows; i++) {
        for (let j = 0; j < g.columns; j++) {
          let acc = 0;
          for (let k = 0; k < g.depth; k++) {
            const left = as[start.a + i * g.a.row + k * g.a.depth] - aZero;
            const right = bs[start.b + j * g.b.column + k * g.b.depth] - bZero;
            acc = isFloat ? fround(acc + fround(left * right)) : acc + left * right;
          }
          y[out++] = stage === undefined ? acc : finish(acc, 0, stage, accumulator);
        }
      }
    }
    return [y];
  },
});

export const BATCH_MATMUL_OPS = { batch_matmul } as const;
