/** Kernels of scatter_elements and scatter_nd. */
import { add, affine, max, min, op } from '../../../ir/loop/build.ts';
import type { Expr } from '../../../ir/loop/types.ts';
import { clampIndex } from '../../../ir/tensor/ops/gather.ts';
import type { Reduction } from '../../../ir/tensor/ops/scatter.ts';
import { elementCount, stridesOf, type TensorType } from '../../../ir/tensor/types.ts';
import { indexTable, loadIndex, movable } from '../boxes.ts';
import type { Kernel, KernelBuilder, Site } from '../kernel.ts';

type ScatterOp = 'scatter_elements' | 'scatter_nd';

/** Index number `entry` of those that count along an axis of `limit`. */
type IndexAt = (entry: Expr, limit: number) => Expr;

/** Indices that are known stand in a table; `limitOf` says how many elements the axis of each has. */
function indicesOf<K extends ScatterOp>(k: KernelBuilder<K>, limitOf: (entry: number) => number): IndexAt {
  const known = k.site.constant(1)?.data;
  if (known === undefined) {
    const indices = k.input(1, 'indices');
    return (entry, limit) => loadIndex(indices, entry, limit);
  }
  const places = Array.from(known, (index: number | bigint, i: number) => clampIndex(index, limitOf(i)));
  const table = indexTable(
    k,
    'indices',
    places,
    places.reduce((most, _, i) => Math.max(most, limitOf(i)), 1),
  );
  return (entry, limit) => loadIndex(table, entry, limit);
}

/** What is stored where `old` was. */
function updated(reduction: Reduction, isFloat: boolean, old: () => Expr, update: Expr): Expr {
  switch (reduction) {
    case 'none':
      return update;
    case 'add':
      return op(isFloat ? 'f32.add' : 'i32.add_wrap', [old(), update]);
    case 'mul':
      return op(isFloat ? 'f32.mul' : 'i32.mul_wrap', [old(), update]);
    case 'min':
      return isFloat ? op('f32.min', [old(), update]) : min(old(), update);
    case 'max':
      return isFloat ? op('f32.max', [old(), update]) : max(old(), update);
  }
}

interface Scatter {
  readonly indexOf: IndexAt;
  /** Stores what update number `from` makes of place `to`. */
  readonly put: (to: Expr, from: Expr) => void;
}

/** Copies x, and gives what the loops over the updates need. */
function begin<K extends ScatterOp>(
  k: KernelBuilder<K>,
  reduction: Reduction,
  limitOf: (entry: number) => number,
): Scatter {
  const { dtype, shape } = k.site.inputs[0] as TensorType;
  const x = k.input(0, 'x');
  const indexOf = indicesOf(k, limitOf);
  const updates = k.input(2, 'updates');
  const y = k.output(0, 'y');
  k.for('i', 0, elementCount(shape), (i) => k.store(y, i, x.at(i)));
  const put = (to: Expr, from: Expr) =>
    k.store(
      y,
      to,
      updated(reduction, dtype === 'f32', () => y.at(to), updates.at(from)),
    );
  return { indexOf, put };
}

const scatterElements: Kernel<'scatter_elements'> = {
  name: 'scatter_elements',
  doc: 'copies x; for every update in order: the index, clamped, then y at its place takes the update in.',
  applies: (site) => movable(site as unknown as Site),
  inPlace: () => [[0, 0]],
  build(k) {
    const { axis, reduction } = k.site.attrs;
    const { shape } = k.site.inputs[0] as TensorType;
    const updates = (k.site.inputs[2] as TensorType).shape;
    const limit = shape[axis] as number;
    const to = stridesOf(shape);
    const from = stridesOf(updates);
    const { indexOf, put } = begin(k, reduction, () => limit);
    k.forAll(
      updates.map((_, a) => `i${a}`),
      updates,
      (index) => {
        const at = k.let('at', affine(index.map((i, a) => [i, from[a] as number] as const)));
        const chosen = k.let('j', indexOf(at, limit));
        const place = affine(index.with(axis, chosen).map((i, a) => [i, to[a] as number] as const));
        put(k.let('to', place), at);
      },
    );
  },
};

const scatterNd: Kernel<'scatter_nd'> = {
  name: 'scatter_nd',
  doc: 'copies x; for every list of indices in order: the place, each index clamped, then a run of y takes the updates in.',
  applies: (site) => movable(site as unknown as Site),
  inPlace: () => [[0, 0]],
  build(k) {
    const { shape } = k.site.inputs[0] as TensorType;
    const indices = (k.site.inputs[1] as TensorType).shape;
    const depth = indices.at(-1) as number;
    const strides = stridesOf(shape);
    const run = elementCount(shape.slice(depth));
    const { indexOf, put } = begin(k, k.site.attrs.reduction, (entry) => shape[entry % depth] as number);
    k.for('n', 0, elementCount(indices.slice(0, -1)), (n) => {
      const chosen = shape.slice(0, depth).map((limit, i) => {
        const index = k.let('j', indexOf(affine([[n, depth]], i), limit));
        return [index, strides[i] as number] as const;
      });
      const place = k.let('place', affine(chosen));
      k.for('i', 0, run, (i) => put(k.let('to', add(place, i)), affine([[n, run]], i)));
    });
  },
};

export const SCATTER_KERNELS = { scatter_elements: [scatterElements], scatter_nd: [scatterNd] } as const;
