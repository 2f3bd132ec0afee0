/** Ops that move elements without changing them. */
import { z } from 'zod';
import { defineOp, OpError, signaturesFor } from '../op.ts';
import { DTYPES, elementCount, newData, stridesOf, type Tensor, type TensorType, typeText } from '../types.ts';
import { BLOCK_OPS } from './blocks.ts';
import { GATHER_OPS } from './gather.ts';
import { PAD_OPS } from './pad.ts';
import { MOVED_DTYPES, moved, placeIn } from './places.ts';
import { axisAttr, extent } from './shared.ts';

const shapeAttr = z.array(z.number().int().min(0)).max(8);
const shapeAttrs = z.strictObject({ shape: shapeAttr });
export type ShapeAttrs = z.infer<typeof shapeAttrs>;

const reshape = defineOp<ShapeAttrs>({
  doc: 'The same elements in the same row-major order, in another shape of as many elements.',
  attrs: shapeAttrs,
  inputs: ['x'],
  outputs: ['y'],
  signatures: signaturesFor('T -> T', DTYPES),
  traits: { movement: true, alias: true },
  infer({ inputs, attrs }) {
    const [x] = inputs as [TensorType];
    if (elementCount(attrs.shape) !== elementCount(x.shape)) {
      throw new OpError(
        `expected a shape of ${elementCount(x.shape)} elements for ${typeText(x)}, found [${attrs.shape}]`,
      );
    }
    return [[...attrs.shape]];
  },
  evaluate({ inputs }) {
    const [x] = inputs as [Tensor];
    return [x.data.slice()];
  },
});

const transposeAttrs = z.strictObject({ permutation: z.array(axisAttr) });
export type TransposeAttrs = z.infer<typeof transposeAttrs>;

const transpose = defineOp<TransposeAttrs>({
  doc: 'Axis a of y is axis permutation[a] of x.',
  attrs: transposeAttrs,
  inputs: ['x'],
  outputs: ['y'],
  signatures: signaturesFor('T -> T', MOVED_DTYPES),
  traits: { movement: true },
  infer({ inputs, attrs }) {
    const [x] = inputs as [TensorType];
    const sorted = attrs.permutation.toSorted((a, b) => a - b);
    if (sorted.length !== x.shape.length || sorted.some((axis, i) => axis !== i)) {
      throw new OpError(`expected a permutation of the axes of ${typeText(x)}, found [${attrs.permutation}]`);
    }
    return [attrs.permutation.map((axis) => x.shape[axis] as number)];
  },
  evaluate({ inputs, outputs, attrs }) {
    const [x] = inputs as [Tensor];
    const strides = stridesOf(x.type.shape);
    return moved(outputs[0] as TensorType, x.data, (index) =>
      index.reduce((place, i, axis) => place + i * (strides[attrs.permutation[axis] as number] as number), 0),
    );
  },
});

const sliceAttrs = z.strictObject({
  start: z.array(z.number().int().min(0)),
  stride: z.array(
    z
      .number()
      .int()
      .refine((step) => step !== 0),
  ),
  size: z.array(extent),
});
export type SliceAttrs = z.infer<typeof sliceAttrs>;

const slice = defineOp<SliceAttrs>({
  doc: 'y[i, j, ...] = x[start[0] + i * stride[0], start[1] + j * stride[1], ...]; strides may be negative, not 0.',
  attrs: sliceAttrs,
  inputs: ['x'],
  outputs: ['y'],
  signatures: signaturesFor('T -> T', MOVED_DTYPES),
  traits: { movement: true },
  infer({ inputs, attrs: { start, stride, size } }) {
    const [x] = inputs as [TensorType];
    if ([start, stride, size].some((list) => list.length !== x.shape.length)) {
      throw new OpError(`expected start, stride and size of ${x.shape.length} entries for ${typeText(x)}`);
    }
    x.shape.forEach((count, axis) => {
      const first = start[axis] as number;
      const last = first + (stride[axis] as number) * ((size[axis] as number) - 1);
      if (first >= count || last < 0 || last >= count) {
        throw new OpError(`axis ${axis}: expected places within 0..${count - 1}, found ${first} to ${last}`);
      }
    });
    return [[...size]];
  },
  evaluate({ inputs, outputs, attrs: { start, stride } }) {
    const [x] = inputs as [Tensor];
    return moved(outputs[0] as TensorType, x.data, (index) =>
      placeIn(
        x.type.shape,
        index.map((i, axis) => (start[axis] as number) + i * (stride[axis] as number)),
      ),
    );
  },
});

const axisAttrs = z.strictObject({ axis: axisAttr });
export type AxisAttrs = z.infer<typeof axisAttrs>;

const concat = defineOp<AxisAttrs>({
  doc: 'The operands one after another along an axis. All have the same quantization; their other extents are equal.',
  attrs: axisAttrs,
  inputs: ['x*'],
  outputs: ['y'],
  signatures: signaturesFor('T* -> T', MOVED_DTYPES),
  traits: { movement: true },
  infer({ inputs, attrs: { axis } }) {
    const [first] = inputs as [TensorType];
    const others = ({ shape }: TensorType) => shape.toSpliced(axis, 1).join();
    const bad = inputs.find(
      (type) => axis >= type.shape.length || type.shape.length !== first.shape.length || others(type) !== others(first),
    );
    if (bad !== undefined) {
      throw new OpError(
        `expected operands that differ from ${typeText(first)} only along axis ${axis}, found ${typeText(bad)}`,
      );
    }
    const total = inputs.reduce((sum, type) => sum + (type.shape[axis] as number), 0);
    return [first.shape.with(axis, total)];
  },
  evaluate({ inputs, outputs, attrs: { axis } }) {
    const { dtype, shape } = outputs[0] as TensorType;
    const y = newData(dtype, elementCount(shape));
    const outer = elementCount(shape.slice(0, axis));
    let out = 0;
    for (let o = 0; o < outer; o++) {
      for (const { type, data } of inputs) {
        const run = elementCount(type.shape.slice(axis));
        for (let i = 0; i < run; i++) y[out++] = data[o * run + i] as number | bigint;
      }
    }
    return [y];
  },
});

const broadcast_to = defineOp<ShapeAttrs>({
  doc: 'y repeats x along the axes where x has extent 1, and along new axes in front: numpy.broadcast_to.',
  attrs: shapeAttrs,
  inputs: ['x'],
  outputs: ['y'],
  signatures: signaturesFor('T -> T', MOVED_DTYPES),
  traits: { movement: true },
  infer({ inputs, attrs: { shape } }) {
    const [x] = inputs as [TensorType];
    const lead = shape.length - x.shape.length;
    if (lead < 0 || x.shape.some((count, axis) => count !== 1 && count !== shape[axis + lead])) {
      throw new OpError(`expected a shape that ${typeText(x)} broadcasts to, found [${shape}]`);
    }
    return [[...shape]];
  },
  evaluate({ inputs, outputs, attrs }) {
    const [{ type, data }] = inputs as [Tensor];
    const lead = attrs.shape.length - type.shape.length;
    return moved(outputs[0] as TensorType, data, (index) =>
      placeIn(
        type.shape,
        type.shape.map((count, axis) => (count === 1 ? 0 : (index[axis + lead] as number))),
      ),
    );
  },
});

const tileAttrs = z.strictObject({ multiples: z.array(extent) });
export type TileAttrs = z.infer<typeof tileAttrs>;

const tile = defineOp<TileAttrs>({
  doc: 'y is x repeated multiples[a] times along each axis a: y[i, ...] = x[i mod extent, ...].',
  attrs: tileAttrs,
  inputs: ['x'],
  outputs: ['y'],
  signatures: signaturesFor('T -> T', MOVED_DTYPES),
  traits: { movement: true },
  infer({ inputs, attrs: { multiples } }) {
    const [x] = inputs as [TensorType];
    if (multiples.length !== x.shape.length) {
      throw new OpError(`expected ${x.shape.length} multiples for ${typeText(x)}, found ${multiples.length}`);
    }
    return [x.shape.map((count, axis) => count * (multiples[axis] as number))];
  },
  evaluate({ inputs, outputs }) {
    const [{ type, data }] = inputs as [Tensor];
    return moved(outputs[0] as TensorType, data, (index) =>
      placeIn(
        type.shape,
        index.map((i, axis) => i % (type.shape[axis] as number)),
      ),
    );
  },
});

export const MOVEMENT_OPS = {
  reshape,
  transpose,
  slice,
  concat,
  broadcast_to,
  tile,
  ...GATHER_OPS,
  ...PAD_OPS,
  ...BLOCK_OPS,
} as const;
