/** Kernels of resample: along vectors of neighbouring elements, and element by element. */
import { add, affine, type Buffer, min, mul, op } from '../../../ir/loop/build.ts';
import type { Expr } from '../../../ir/loop/types.ts';
import { clampIndex } from '../../../ir/tensor/ops/gather.ts';
import { elementCount, type TensorType } from '../../../ir/tensor/types.ts';
import { indexTable, loadIndex } from '../boxes.ts';
import type { Kernel, KernelBuilder, Site } from '../kernel.ts';

const LANES = 4;
/** So many taps and weights of an output are kept in registers along its elements. */
const MOST_IN_REGISTERS = 4;

interface Shape {
  readonly outer: number;
  readonly extent: number;
  readonly inner: number;
  readonly outputs: number;
  readonly taps: number;
}

function shapeOf({ inputs, attrs: { axis } }: Site<'resample'>): Shape {
  const [x, table] = inputs as [TensorType, TensorType];
  const [outputs, taps] = table.shape as [number, number];
  return {
    outer: elementCount(x.shape.slice(0, axis)),
    extent: x.shape[axis] as number,
    inner: elementCount(x.shape.slice(axis + 1)),
    outputs,
    taps,
  };
}

function tapsOf(k: KernelBuilder<'resample'>, extent: number): Buffer {
  const known = k.site.constant(1)?.data;
  if (known === undefined) return k.input(1, 'taps');
  const places = Array.from(known, (tap: number | bigint) => clampIndex(tap, extent));
  return indexTable(k, 'taps', places, extent);
}

/** What one element, or one vector of elements, is made with. */
interface Lanes {
  readonly count: 1 | 4;
  readonly access: 'f32' | 'v128';
  readonly weight: (w: Expr) => Expr;
  readonly mul: (w: Expr, x: Expr) => Expr;
  readonly add: (sum: Expr, x: Expr) => Expr;
}

const ONE: Lanes = {
  count: 1,
  access: 'f32',
  weight: (w) => w,
  mul: (w, x) => op('f32.mul', [w, x]),
  add: (sum, x) => op('f32.add', [sum, x]),
};

const FOUR: Lanes = {
  count: LANES,
  access: 'v128',
  weight: (w) => op('f32x4.splat', [w]),
  mul: (w, x) => op('f32x4.mul', [w, x]),
  add: (sum, x) => op('f32x4.add', [sum, x]),
};

function build(k: KernelBuilder<'resample'>, lanes: Lanes): void {
  const { outer, extent, inner, outputs, taps } = shapeOf(k.site);
  const x = k.input(0, 'x');
  const table = tapsOf(k, extent);
  const weights = k.input(2, 'weights');
  const y = k.output(0, 'y');
  k.forAll(['n', 'o'], [outer, outputs], (index) => {
    const [n, o] = index as [Expr, Expr];
    const to = k.let(
      'to',
      affine([
        [n, outputs * inner],
        [o, inner],
      ]),
    );
    const first = k.let('first', mul(o, taps));
    const fromOf = (j: Expr | number) =>
      affine([
        [n, extent * inner],
        [loadIndex(table, add(first, j), extent), inner],
      ]);
    const weightOf = (j: Expr | number) => lanes.weight(weights.at(add(first, j)));
    const kept = Array.from({ length: Math.min(taps, MOST_IN_REGISTERS) }, (_, j) => ({
      from: k.let('from', fromOf(j)),
      weight: k.let('weight', weightOf(j)),
    }));
    k.for(
      'step',
      0,
      inner,
      (step) => {
        // The last vector ends with the last element: it makes some results again.
        const i = inner % lanes.count === 0 ? step : k.let('i', min(step, inner - lanes.count));
        const term = (from: Expr, weight: Expr) => lanes.mul(weight, x.at(add(from, i), lanes.access));
        const [start, ...others] = kept.map(({ from, weight }) => term(from, weight)) as [Expr, ...Expr[]];
        const sum = k.variable('sum', others.reduce(lanes.add, start));
        k.for('j', kept.length, taps, (j) => k.set(sum, lanes.add(sum.value, term(fromOf(j), weightOf(j)))));
        k.store(y, add(to, i), sum.value, lanes.access);
      },
      { step: lanes.count },
    );
  });
}

const vectors: Kernel<'resample'> = {
  name: 'resample_x4',
  doc: 'for each output along the axis: its taps and weights; for each 4 neighbouring elements: their weighted sum, tap by tap.',
  applies(site) {
    if (site.target.vector !== 'v128' && site.target.vector !== 'v128-relaxed') return 'needs 128-bit vectors';
    return shapeOf(site).inner >= LANES || `has fewer than ${LANES} elements behind the axis`;
  },
  build: (k) => build(k, FOUR),
};

const elements: Kernel<'resample'> = {
  name: 'resample',
  doc: 'for each output along the axis: its taps and weights; for each element: the weighted sum, tap by tap.',
  applies: () => true,
  build: (k) => build(k, ONE),
};

export const RESAMPLE_KERNELS = { resample: [vectors, elements] } as const;
