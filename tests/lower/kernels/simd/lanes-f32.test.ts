/** Elementwise float32, rows and matrix products in vectors: each lane has the bits that evaluation says. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { lower } from '../../../../compiler/lower/index.ts';
import { TARGETS } from '../../../../compiler/targets/index.ts';
import { printProgram } from '../../../../ir/loop/print.ts';
import type { Graph } from '../../../../ir/tensor/graph.ts';
import type { OpName } from '../../../../ir/tensor/ops/index.ts';
import { elementCount } from '../../../../ir/tensor/types.ts';
import { Random } from '../../../support/random.ts';
import { singleNode } from '../../../support/single-node.ts';
import { skipUnlessCommand } from '../../../support/toolchains.ts';
import { compiledFaults, f32, interpreterFaults, type Labelled, randomFloats } from './f32-support.ts';

const suite = makeSuite('float32 in lanes');
const AGAIN = 'node --import ./tools/ts.mjs tests/lower/kernels/simd/lanes-f32.test.ts';

type Shape = readonly number[];

function node(op: OpName, attrs: object, shapes: readonly Shape[], constant?: number): Graph {
  const r = new Random(shapes.flat().reduce((sum, extent) => sum + extent, 0));
  const given = shapes.map((shape, i) =>
    i === constant ? { type: f32(shape), data: randomFloats(r, elementCount(shape)) } : { type: f32(shape) },
  );
  return singleNode(op, attrs as never, given);
}

const UNARY = {
  relu: {},
  relu6: {},
  relu_n1_to_1: {},
  leaky_relu: { alpha: 0.3 },
  elu: {},
  hard_swish: {},
  logistic: {},
  tanh: {},
  exp: {},
  log: {},
  sqrt: {},
  rsqrt: {},
  square: {},
  abs: {},
  erf: {},
  asin: {},
  sinh: {},
  softplus: {},
  neg: {},
  floor: {},
  ceil: {},
  round: {},
} as const;
const SCALAR = ['sin', 'cos', 'tan'] as const;

const unary: readonly Labelled[] = [
  ...Object.entries(UNARY).flatMap(([op, attrs]) =>
    [1, 3, 4, 5, 8, 203].map((length) => ({
      label: `${op} of ${length}`,
      graph: node(op as OpName, attrs, [[length]]),
      kernel: op,
      extremes: 0.3,
    })),
  ),
  ...SCALAR.map((op) => ({ label: op, graph: node(op, {}, [[37]]), kernel: op, extremes: 0.3 })),
];

const SHAPES: readonly (readonly [Shape, Shape])[] = [
  [
    [5, 7],
    [5, 7],
  ],
  [[2, 3, 4], [4]],
  [
    [3, 1, 6],
    [1, 5, 1],
  ],
  [[1], [9]],
  [
    [4, 1],
    [1, 5],
  ],
  [
    [2, 8],
    [2, 1],
  ],
  [
    [1, 1],
    [1, 1],
  ],
  [[7, 3], [3]],
];
const BINARY = {
  add: { activation: 'relu6' },
  sub: { activation: 'none' },
  mul: { activation: 'relu' },
  div: { activation: 'relu_n1_to_1' },
  squared_difference: {},
  minimum: {},
  maximum: {},
} as const;

const binary: readonly Labelled[] = Object.entries(BINARY).flatMap(([op, attrs], j) =>
  SHAPES.flatMap((shapes, i) => {
    const constant = (i + j) % 3;
    const graph = node(op as OpName, attrs, shapes, constant);
    return [{ label: `${op} of ${JSON.stringify(shapes)}, ${constant}`, graph, kernel: op, extremes: 0.2 }];
  }),
);

const prelu: readonly Labelled[] = [
  { label: 'prelu', graph: node('prelu', {}, [[4, 6], [6]], 1), kernel: 'prelu' },
  { label: 'prelu of one slope', graph: node('prelu', {}, [[21], [1]], 1), kernel: 'prelu' },
];

const rows: readonly Labelled[] = [1, 3, 4, 6, 8, 17].flatMap((depth) => [
  { label: `softmax of ${depth}`, graph: node('softmax', { beta: 0.7 }, [[3, depth]]), kernel: 'softmax_f32' },
  { label: `log_softmax of ${depth}`, graph: node('log_softmax', {}, [[3, depth]]), kernel: 'log_softmax_f32' },
  {
    label: `l2_normalization of ${depth}`,
    graph: node('l2_normalization', {}, [[2, depth]]),
    kernel: 'l2_normalization_f32',
  },
]);

const resizes: readonly Labelled[] = [1, 4, 7].flatMap((channels) =>
  [
    { size: [5, 7], alignCorners: false, halfPixelCenters: true },
    { size: [6, 3], alignCorners: true, halfPixelCenters: false },
  ].map((attrs) => ({
    label: `resize_bilinear of ${channels} channels to ${attrs.size}`,
    graph: node('resize_bilinear', attrs, [[2, 3, 4, channels]]),
    kernel: 'resize_bilinear',
  })),
);

const NO_PADDING = { top: 0, left: 0, bottom: 0, right: 0 };
const PADDING = { top: 1, left: 1, bottom: 0, right: 2 };

/** Weights and bias are constants without extremes, which would make most sums NaN. */
function layer(op: 'conv2d' | 'transpose_conv2d', attrs: object, [x, w]: readonly [Shape, Shape]): Graph {
  const r = new Random(w[0] as number);
  return singleNode(op, { activation: 'relu6', rounding: 'double', ...attrs } as never, [
    { type: f32(x) },
    { type: f32(w), data: randomFloats(r, elementCount(w), 0) },
    { type: f32([w[0] as number]), data: randomFloats(r, w[0] as number, 0) },
  ]);
}

const grouped: readonly Labelled[] = (
  [
    [[1, 4, 5, 6], [8, 3, 3, 3], [1, 1], PADDING],
    [[2, 5, 4, 8], [20, 2, 2, 2], [2, 1], NO_PADDING],
    [[1, 3, 3, 2], [10, 1, 3, 1], [1, 1], PADDING],
    [[1, 2, 3, 3], [111, 1, 1, 1], [1, 1], NO_PADDING],
  ] as const
).map(([x, w, stride, padding]) => ({
  label: `grouped conv2d of ${x} by ${w}`,
  graph: layer('conv2d', { stride, dilation: [1, 1], padding, accumulator: 'i32' }, [x, w]),
  kernel: 'conv2d_groups_f32',
  extremes: 0.01,
}));

const transposed: readonly Labelled[] = (
  [
    [
      [1, 3, 4, 5],
      [8, 3, 3, 5],
      [2, 2],
      [7, 9],
    ],
    [
      [2, 2, 3, 3],
      [6, 2, 2, 3],
      [1, 1],
      [3, 4],
    ],
    [
      [1, 3, 2, 4],
      [35, 4, 2, 4],
      [3, 2],
      [9, 4],
    ],
  ] as const
).map(([x, w, stride, output]) => ({
  label: `transpose_conv2d of ${x} by ${w}`,
  graph: layer('transpose_conv2d', { stride, padding: { top: 1, left: 0 }, output }, [x, w]),
  kernel: 'transpose_conv2d_f32',
  extremes: 0.01,
}));

const reductions: readonly Labelled[] = ['sum', 'mean', 'reduce_max', 'reduce_min'].flatMap((op) =>
  (
    [
      [
        [2, 3, 5, 6],
        [1, 2],
      ],
      [[2, 7, 4], [1]],
      [[9, 5], [1]],
      [
        [3, 6, 2],
        [0, 2],
      ],
      [[4, 3], [1]],
      [
        [3, 5],
        [0, 1],
      ],
      [[3, 2], [0]],
    ] as const
  ).map(([shape, axes]) => ({
    label: `${op} of ${JSON.stringify(shape)} over ${axes}`,
    graph: node(op as OpName, { axes, keepDims: false }, [shape]),
    kernel: op,
  })),
);

interface Matrices {
  readonly rows: number;
  readonly depth: number;
  readonly columns: number;
  readonly batches?: readonly [Shape, Shape];
}

const SIZES: readonly Matrices[] = [
  { rows: 1, depth: 5, columns: 4 },
  { rows: 1, depth: 3, columns: 61 },
  { rows: 2, depth: 9, columns: 30 },
  { rows: 3, depth: 1, columns: 17 },
  { rows: 6, depth: 8, columns: 8 },
  { rows: 7, depth: 6, columns: 13, batches: [[2], [2]] },
  { rows: 11, depth: 4, columns: 5, batches: [[3, 1], [2]] },
  { rows: 4, depth: 10, columns: 9, batches: [[], [2, 2]] },
];

const matrices: readonly Labelled[] = SIZES.flatMap(({ rows, depth, columns, batches = [[], []] }) =>
  [false, true].flatMap((transposeA) =>
    [false, true].map((transposeB) => {
      const a = [...batches[0], ...(transposeA ? [depth, rows] : [rows, depth])];
      const b = [...batches[1], ...(transposeB ? [columns, depth] : [depth, columns])];
      const attrs = { transposeA, transposeB, rounding: 'double' };
      const label = `batch_matmul of ${JSON.stringify({ a, b, transposeA, transposeB })}`;
      return { label, graph: node('batch_matmul', attrs, [a, b]), kernel: 'batch_matmul_f32', extremes: 0.01 };
    }),
  ),
);

for (const [name, nodes] of Object.entries({
  unary,
  binary,
  prelu,
  rows,
  reductions,
  matrices,
  resizes,
  grouped,
  transposed,
})) {
  suite(`${name} in the interpreter`, () => {
    assert.equal(interpreterFaults(nodes), [], AGAIN);
  });
}

/** Compiling all takes minutes: of each kind a few, of all shapes. */
suite('some of each compiled', async () => {
  const cc = skipUnlessCommand('gcc', 'float32 in lanes') ? undefined : 'gcc';
  const functions = /^(?:leaky_relu|elu|tanh|log|erf|softplus|ceil|round) of 203$/;
  const some = [
    ...unary.filter(({ label }) => functions.test(label)),
    ...[...binary, ...rows, ...reductions, ...matrices].filter((_, i) => i % 11 === 0),
    ...[resizes, grouped, transposed].flatMap((nodes) => nodes.slice(-1)),
    ...prelu,
  ];
  assert.equal(await compiledFaults(some, cc), [], AGAIN);
});

suite('functions that have a vector form take it, others stay scalar', () => {
  const isVector = (op: OpName, attrs: object) =>
    printProgram(lower(node(op, attrs, [[8]]), TARGETS.wasm).program).includes('f32x4') ||
    printProgram(lower(node(op, attrs, [[8]]), TARGETS.wasm).program).includes('v128.');
  assert.equal(
    Object.entries(UNARY).filter(([op, attrs]) => !isVector(op as OpName, attrs)),
    [],
  );
  assert.equal(
    SCALAR.filter((op) => isVector(op, {})),
    [],
  );
  assert.not.match(printProgram(lower(node('tanh', {}, [[8]]), TARGETS.c).program), /v128/);
});

function refusalOf(graph: Graph, kernel: string): string | undefined {
  const [step] = lower(graph, TARGETS.wasm).plan.steps;
  return step?.refused.find((one) => one.kernel === kernel)?.reason;
}

suite('few columns and few channels of a group stay scalar', () => {
  const attrs = { transposeA: false, transposeB: false, rounding: 'double' };
  const product = node('batch_matmul', attrs, [
    [4, 4],
    [4, 3],
  ]);
  assert.is(refusalOf(product, 'batch_matmul_f32'), 'has less than 4 columns');
  const window = { stride: [1, 1], dilation: [1, 1], padding: NO_PADDING, accumulator: 'i32' };
  const threes = layer('conv2d', window, [
    [1, 2, 2, 4],
    [6, 1, 1, 2],
  ]);
  assert.is(refusalOf(threes, 'conv2d_groups_f32'), 'has less than 4 output channels in a group');
});

suite.run();
