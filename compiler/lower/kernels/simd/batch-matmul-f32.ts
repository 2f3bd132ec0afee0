/**
 * batch_matmul in float32: a tile of rows by columns in registers.
 *
 *     for each batch, each panel of columns: for each tile of up to 6 rows: for each k: load the panel's b[k, ...], spread
 *     each row's a[row, k] to all lanes, multiply and add
 *
 * A lane is one column, and its sum runs over k in order. Register plan as in tile-f32: 12 accumulators, 6 rows by 8 columns
 * or fewer rows by more. Where the columns of b are not neighbours, a panel is first transposed into scratch memory. The
 * last panel ends with the last column and so makes some results again.
 */
import { add, affine, type Buffer, f32, i32, mul, op } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import { type MatmulGeometry, matmulGeometry } from '../../../../ir/tensor/ops/batch-matmul.ts';
import type { TensorType } from '../../../../ir/tensor/types.ts';
import type { Kernel, KernelBuilder, Site } from '../../kernel.ts';
import { floatFault, LANES, transposed } from './float-f32.ts';
import { tileSizes, upTo } from './row-tiles-f32.ts';

const ACCUMULATORS = 12;
const LARGEST_TILE = 6;
/** Steps of the depth that a loop body repeats. */
const UNROLLED = 4;

function geometryOf({ inputs, attrs }: Pick<Site<'batch_matmul'>, 'inputs' | 'attrs'>): MatmulGeometry {
  const [a, b] = inputs as [TensorType, TensorType];
  return matmulGeometry(a, b, attrs);
}

/** Vectors of columns that a tile takes beside its rows. */
function vectorsOf({ rows, columns }: MatmulGeometry): number {
  const tile = Math.min(rows, LARGEST_TILE);
  const most = tile > 3 ? 2 : Math.floor(ACCUMULATORS / tile);
  return Math.min(most, Math.floor(columns / LANES));
}

/** A panel of b: element (k, column) of it lies at start + k * stride + column. */
interface Panel {
  readonly buffer: Buffer;
  readonly start: Expr;
  readonly stride: number;
}

/** Columns `first` to `first + width` of b, transposed into `scratch`. */
function packPanel(
  k: KernelBuilder,
  { b: { column, depth: step }, depth }: MatmulGeometry,
  b: Buffer,
  scratch: Buffer,
  start: Expr,
  width: number,
): void {
  const whole = step === 1 ? depth - (depth % LANES) : 0;
  k.for(
    'j',
    0,
    width,
    (j) => {
      const from = k.let('from', affine([[j, column]], start));
      k.for(
        'i',
        0,
        whole,
        (i) => {
          const rows = upTo(LANES).map((lane) => b.at(add(add(from, i), lane * column), 'v128'));
          transposed(k, rows).forEach((row, lane) => {
            k.store(scratch, affine([[add(i, lane), width]], j), row, 'v128');
          });
        },
        { step: LANES },
      );
      k.for('i', whole, depth, (i) => {
        for (let lane = 0; lane < LANES; lane++) {
          k.store(scratch, add(affine([[i, width]], j), lane), b.at(add(affine([[i, step]], from), lane * column)));
        }
      });
    },
    { step: LANES },
  );
}

/** A tile of so many rows from `row` on by the panel's columns. */
function buildTile(
  k: KernelBuilder,
  g: MatmulGeometry,
  { a, y }: { readonly a: Buffer; readonly y: Buffer },
  { buffer, start, stride }: Panel,
  tile: { readonly rows: number; readonly vectors: number; readonly from: Expr; readonly out: Expr },
): void {
  const sums = upTo(tile.rows).map(() => upTo(tile.vectors).map(() => k.variable('acc', op('f32x4.splat', [f32(0)]))));
  const step = (i: Expr): void => {
    const at = k.let('at', affine([[i, stride]], start));
    const loaded = upTo(tile.vectors).map((v) => k.let('b', buffer.at(add(at, v * LANES), 'v128')));
    sums.forEach((row, r) => {
      const x = k.let('a', a.at(add(affine([[i, g.a.depth]], tile.from), r * g.a.row), 'splat32'));
      row.forEach((sum, v) => {
        k.set(sum, op('f32x4.add', [sum.value, op('f32x4.mul', [x, loaded[v] as Expr])]));
      });
    });
  };
  const whole = g.depth - (g.depth % UNROLLED);
  const steps = (i: Expr): void => {
    for (let ahead = 0; ahead < UNROLLED; ahead++) step(add(i, ahead));
  };
  k.for('k', 0, whole, steps, { step: UNROLLED });
  for (let i = whole; i < g.depth; i++) step(i32(i));
  sums.forEach((row, r) => {
    row.forEach((sum, v) => {
      k.store(y, add(tile.out, r * g.columns + v * LANES), sum.value, 'v128');
    });
  });
}

const batchMatmul: Kernel<'batch_matmul'> = {
  name: 'batch_matmul_f32',
  doc:
    'for each batch, panel of columns (transposed into scratch memory where columns are not neighbours), tile of up to 6 ' +
    'rows: 12 accumulators = 0; for each k: the panel in vectors, each row spread to all lanes, multiply and add.',
  applies: (site) => {
    const fault = floatFault(site);
    if (fault !== undefined) return fault;
    return geometryOf(site).columns >= LANES || `has less than ${LANES} columns`;
  },
  build(builder) {
    const k = builder as unknown as KernelBuilder;
    const g = geometryOf(builder.site);
    const vectors = vectorsOf(g);
    const width = vectors * LANES;
    const isDirect = g.b.column === 1;
    const [a, b] = [k.input(0, 'a'), k.input(1, 'b')];
    const scratch = isDirect ? undefined : k.scratch('panel', 'f32', g.depth * width);
    const y = k.output(0, 'y');
    const sizes = tileSizes(g.rows, LARGEST_TILE);
    const results = g.batches.map((_, axis) =>
      g.batches.slice(axis + 1).reduce((product, extent) => product * extent, g.rows * g.columns),
    );
    k.forAll(
      g.batches.map((_, axis) => `n${axis}`),
      g.batches,
      (batch) => {
        const start = (strides: readonly number[]) =>
          affine(batch.map((n, axis) => [n, strides[axis] as number] as const));
        const [aStart, bStart, yStart] = [
          k.let('a_start', start(g.a.batches)),
          k.let('b_start', start(g.b.batches)),
          k.let('y_start', start(results)),
        ];
        k.for('panel', 0, Math.ceil(g.columns / width), (panel) => {
          const column = k.let('column', op('i32.min_s', [mul(panel, width), g.columns - width]));
          const first = k.let('first', affine([[column, g.b.column]], bStart));
          if (scratch !== undefined) packPanel(k, g, b, scratch, first, width);
          const from: Panel =
            scratch === undefined
              ? { buffer: b, start: first, stride: g.b.depth }
              : { buffer: scratch, start: i32(0), stride: width };
          let done = 0;
          for (const rows of new Set(sizes)) {
            const end = done + rows * sizes.filter((size) => size === rows).length;
            k.for(
              'row',
              done,
              end,
              (row) => {
                const left = k.let('left', affine([[row, g.a.row]], aStart));
                const out = k.let('out', add(affine([[row, g.columns]], yStart), column));
                buildTile(k, g, { a, y }, from, { rows, vectors, from: left, out });
              },
              { step: rows },
            );
            done = end;
          }
        });
      },
    );
  },
};

export const BATCH_MATMUL_F32 = { batch_matmul: [batchMatmul] } as const;
