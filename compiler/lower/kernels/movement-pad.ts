/** What pad and mirror_pad move. */
import { mirroredPlaces } from '../../../ir/tensor/ops/pad.ts';
import { storedZero } from '../../../ir/tensor/ops/places.ts';
import { stridesOf, type TensorType } from '../../../ir/tensor/types.ts';
import type { Box, Lookup } from '../boxes.ts';
import type { Site } from '../kernel.ts';

/**
 * Slabs of margin, then the operand. The slabs of an axis span the operand's extent along the axes before it and the
 * result's along those behind it, so that nothing is written twice.
 */
function pad(site: Site<'pad'>): Box[] {
  const [x, value] = site.inputs as [TensorType, TensorType | undefined];
  const y = site.outputs[0] as TensorType;
  const { before } = site.attrs;
  const strides = stridesOf(y.shape);
  const source = value === undefined ? { fill: Number(storedZero(x)) } : { operand: 1 };
  const still = { start: 0, strides: x.shape.map(() => 0) };
  /** Where a box of the result starts that lies at `first` along `axis`, at the operand before it, at 0 behind it. */
  const startOf = (axis: number, first: number) =>
    strides
      .slice(0, axis)
      .reduce((place, stride, a) => place + (before[a] as number) * stride, first * (strides[axis] ?? 0));
  const slabs = x.shape.flatMap((count, axis) => {
    const after = (before[axis] as number) + count;
    const slab = (first: number, end: number): Box => ({
      source,
      shape: [...x.shape.slice(0, axis), end - first, ...y.shape.slice(axis + 1)],
      from: still,
      to: { start: startOf(axis, first), strides },
    });
    return [slab(0, before[axis] as number), slab(after, y.shape[axis] as number)];
  });
  const inner: Box = {
    source: { operand: 0 },
    shape: x.shape,
    from: { start: 0, strides: stridesOf(x.shape) },
    to: { start: startOf(x.shape.length, 0), strides },
  };
  return [...slabs.filter(({ shape }) => shape.every((count) => count > 0)), inner];
}

function mirror_pad(site: Site<'mirror_pad'>): Box[] {
  const { shape } = site.inputs[0] as TensorType;
  const y = (site.outputs[0] as TensorType).shape;
  const { before, after, mode } = site.attrs;
  const strides = stridesOf(shape);
  const lookups = shape.map(
    (count, axis): Lookup => ({
      indices: mirroredPlaces(count, before[axis] as number, after[axis] as number, mode),
      start: 0,
      strides: shape.map((_, a) => (a === axis ? 1 : 0)),
      step: strides[axis] as number,
      limit: count,
    }),
  );
  const from = { start: 0, strides: shape.map(() => 0) };
  return [{ source: { operand: 0 }, shape: y, from, to: { start: 0, strides: stridesOf(y) }, lookups }];
}

export const PAD_BOXES = { pad, mirror_pad } as const;
