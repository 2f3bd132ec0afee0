/** Kernel of top_k. */
import { affine, type Buffer, i32, max, op, sub } from '../../../ir/loop/build.ts';
import type { Expr } from '../../../ir/loop/types.ts';
import { elementCount, type TensorType } from '../../../ir/tensor/types.ts';
import type { Kernel, KernelBuilder } from '../kernel.ts';

/** `comesBefore` of the record. */
function comesBefore(a: Expr, b: Expr, isFloat: boolean, largest: boolean): Expr {
  if (!isFloat) return op(largest ? 'i32.gt_s' : 'i32.lt_s', [a, b]);
  const [high, low] = largest ? [a, b] : [b, a];
  const beyond = op('i32.and', [op('f32.ne', [high, high]), op('f32.eq', [low, low])]);
  return op('i32.or', [op('f32.gt', [high, low]), beyond]);
}

interface Line {
  readonly values: Buffer;
  readonly indices: Buffer;
  /** Where rank number `rank` of the line is in both. */
  readonly at: (rank: Expr) => Expr;
  readonly before: (a: Expr, b: Expr) => Expr;
}

/**
 * Puts element number `i` among the ranks up to `last`, of which the last is free: what it comes before moves down by one.
 * Ranks are in order, so those that move are the last ones.
 */
function insert(k: KernelBuilder<'top_k'>, line: Line, value: Expr, i: Expr, last: Expr): void {
  const { values, indices, at, before } = line;
  const top = k.site.attrs.k - 1;
  const rank = k.variable('rank', last);
  k.for('s', 0, top, (s) => {
    const to = k.let('down', sub(top, s));
    // While the ranks fill, those behind the last hold nothing yet.
    k.if(last.kind === 'const' ? 1 : op('i32.le_s', [to, last]), () => {
      const above = k.let('above', sub(to, 1));
      const other = k.let('other', values.at(at(above)));
      k.if(before(value, other), () => {
        k.store(values, at(to), other);
        k.store(indices, at(to), indices.at(at(above)));
        k.set(rank, above);
      });
    });
  });
  const place = k.let('place', at(max(rank.value, 0)));
  k.store(values, place, value);
  k.store(indices, place, i);
}

const topK: Kernel<'top_k'> = {
  name: 'top_k',
  doc:
    'for each line along the axis: the first k elements are inserted into the ranks; each further one that comes before the ' +
    'last rank takes its place and moves up.',
  applies: () => true,
  build(k) {
    const { axis, k: ranks, largest } = k.site.attrs;
    const { dtype, shape } = k.site.inputs[0] as TensorType;
    const count = shape[axis] as number;
    const inner = elementCount(shape.slice(axis + 1));
    const x = k.input(0, 'x');
    const values = k.output(0, 'values');
    const indices = k.output(1, 'indices');
    const before = (a: Expr, b: Expr) => comesBefore(a, b, dtype === 'f32', largest);
    k.forAll(['o', 'i'], [elementCount(shape.slice(0, axis)), inner], (outer) => {
      const [o, i] = outer as [Expr, Expr];
      const along = (place: Expr, extent: number) =>
        affine(
          [
            [o, extent * inner],
            [place, inner],
          ],
          i,
        );
      const line = { values, indices, at: (rank: Expr) => along(rank, ranks), before };
      k.for('n', 0, ranks, (n) => insert(k, line, k.let('value', x.at(along(n, count))), n, n));
      k.for('n', ranks, count, (n) => {
        const value = k.let('value', x.at(along(n, count)));
        const last = i32(ranks - 1);
        k.if(before(value, values.at(line.at(last))), () => insert(k, line, value, n, last));
      });
    });
  },
};

export const TOP_K_KERNELS = { top_k: [topK] } as const;
