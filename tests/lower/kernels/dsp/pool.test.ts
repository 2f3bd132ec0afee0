/** Pooling, sums and means of bytes, four channels at a time. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Graph } from '../../../../ir/tensor/graph.ts';
import { Random } from '../../../support/random.ts';
import { singleNode } from '../../../support/single-node.ts';
import { affineType, fault, planOf, randomBytes, reasonOf } from './support.ts';

const suite = makeSuite('pooling of bytes');
const AGAIN = 'node --import ./tools/ts.mjs tests/lower/kernels/dsp/pool.test.ts';

interface Pool {
  readonly op: 'average_pool2d' | 'max_pool2d';
  readonly shape: readonly [batch: number, height: number, width: number, channels: number];
  readonly window: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding?: number;
  readonly activation?: string;
}

function pool({ op, shape, window, stride, padding = 0, activation = 'none' }: Pool): Graph {
  const x = affineType('i8', shape, 0.05, -7);
  const sides = { top: padding, left: padding, bottom: padding, right: padding };
  const attrs = { window: [...window], stride: [...stride], padding: sides, activation };
  return singleNode(op, attrs as never, [{ type: x }], x);
}

/** The node's inputs go from all -128 over random bytes to all 127. */
function faultOf(graph: Graph, size: number, kernel: string): string[] {
  const plan = planOf(graph);
  if (plan.kernel !== kernel) return [plan.refused.map(({ reason }) => reason).join('; ')];
  const r = new Random(size);
  const inputs = [new Int8Array(size).fill(-128), randomBytes(r, size), new Int8Array(size).fill(127)];
  return inputs.flatMap((input) => fault(graph, [input]) ?? []);
}

function poolFaults(p: Pool): string[] {
  const size = p.shape.reduce((a, b) => a * b, 1);
  return faultOf(pool(p), size, `${p.op}_bytes`).map((text) => `${JSON.stringify(p)}: ${text}`);
}

const SHAPES = [
  [1, 6, 6, 4],
  [1, 7, 5, 7],
  [2, 5, 9, 9],
  [1, 4, 4, 16],
] as const;
const WINDOWS = [
  [2, 2],
  [3, 3],
  [1, 3],
  [2, 1],
  [1, 1],
  [4, 4],
] as const;

for (const op of ['average_pool2d', 'max_pool2d'] as const) {
  suite(`${op}: shapes, windows and strides`, () => {
    const faults = SHAPES.flatMap((shape) =>
      WINDOWS.flatMap((window) =>
        ([1, 2, 3] as const).flatMap((stride) => poolFaults({ op, shape, window, stride: [stride, stride] })),
      ),
    );
    assert.equal(faults, [], AGAIN);
  });
}

suite('means of whole images; of more elements than halfwords hold sums of', () => {
  const faults = (
    [
      [1, 25, 5, 8],
      [2, 3, 3, 5],
      [1, 16, 16, 4],
      [1, 17, 16, 6],
      [1, 40, 15, 4],
    ] as const
  ).flatMap((shape) =>
    poolFaults({ op: 'average_pool2d', shape, window: [shape[1], shape[2]], stride: [1, 1], activation: 'relu' }),
  );
  assert.equal(faults, [], AGAIN);
});

suite('means at the edges', () => {
  const faults = SHAPES.flatMap((shape) =>
    (
      [
        [2, 2],
        [3, 3],
        [3, 2],
      ] as const
    ).flatMap((window) =>
      ([1, 2, 3] as const).flatMap((stride) =>
        poolFaults({ op: 'average_pool2d', shape, window, stride: [stride, stride], padding: 1, activation: 'relu' }),
      ),
    ),
  );
  assert.equal(faults, [], AGAIN);
});

suite('maxima at the edges and behind an activation', () => {
  const faults = SHAPES.flatMap((shape) =>
    ['none', 'relu'].flatMap((activation) =>
      poolFaults({ op: 'max_pool2d', shape, window: [3, 3], stride: [2, 2], padding: 1, activation }),
    ),
  );
  assert.equal(faults, [], AGAIN);
});

suite('sums and means over axes', () => {
  const cases: readonly (readonly [number[], number[]])[] = [
    [
      [1, 7, 7, 8],
      [1, 2],
    ],
    [[2, 5, 6], [1]],
    [
      [3, 4, 5, 6],
      [0, 1],
    ],
    [[4, 300, 7], [1]],
  ];
  const faults = cases.flatMap(([shape, axes]) =>
    (['sum', 'mean'] as const).flatMap((op) => {
      const size = shape.reduce((a, b) => a * b, 1);
      const scale = op === 'sum' ? 0.4 : 0.04;
      const graph = singleNode(
        op,
        { axes, keepDims: false } as never,
        [{ type: affineType('i8', shape, 0.05, 9) }],
        affineType('i8', [1], scale, -3),
      );
      return faultOf(graph, size, `${op}_bytes`).map((text) => `${op} of ${shape} over ${axes}: ${text}`);
    }),
  );
  assert.equal(faults, [], AGAIN);
});

suite('says why it does not apply', () => {
  const small = { op: 'average_pool2d', shape: [1, 6, 6, 4], window: [2, 2], stride: [2, 2] } as const;
  const average = (p: Partial<Pool>) => reasonOf(pool({ ...small, ...p }), 'average_pool2d_bytes');
  assert.is(average({ shape: [1, 6, 6, 3] }), 'needs 4 channels');
  const wide = average({ shape: [1, 9, 9, 4], window: [5, 5], padding: 1 });
  assert.is(wide, 'windows of more than 16 elements reach over the edge');
  const large = average({ shape: [1, 30, 30, 4], window: [17, 17] });
  assert.is(large, 'windows of more than 256 elements that are not whole rows');
  const relu6 = pool({ ...small, op: 'max_pool2d', activation: 'relu6' });
  assert.is(reasonOf(relu6, 'max_pool2d_bytes'), 'an activation that ends at 113');
  const mean = (shape: number[], axes: number[]) =>
    singleNode('mean', { axes, keepDims: false } as never, [{ type: affineType('i8', shape, 0.05) }]);
  assert.is(reasonOf(mean([2, 3, 4], [2]), 'mean_bytes'), 'needs 4 values that stay side by side');
  assert.is(reasonOf(mean([2, 3, 4, 5], [0, 2]), 'mean_bytes'), 'needs axes that lie side by side');
});

suite.run();
