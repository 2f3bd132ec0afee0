/** int8 convolution and fully connected layers in vectors: every shape and scale computes what evaluation says. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Optimize } from '../../../../compiler/lower/kernel.ts';
import type { Graph } from '../../../../ir/tensor/graph.ts';
import { Random } from '../../../support/random.ts';
import { singleNode } from '../../../support/single-node.ts';
import { convolution, fullyConnected, type Product } from '../dsp/products.ts';
import { affineType, randomBytes } from '../dsp/support.ts';
import { refusalOf, VECTOR_TARGETS, vectorFault } from './i8-support.ts';

const suite = makeSuite('int8 products in vectors');
const AGAIN = 'node --import ./tools/ts.mjs tests/lower/kernels/simd/products-i8.test.ts';

function isPointwise({ window = [1, 1], stride = [1, 1], padding = [0, 0] }: Product): boolean {
  return Math.max(...window, ...stride) === 1 && Math.max(...padding) === 0;
}

function faults(shapes: readonly Product[], change: Partial<Product> = {}, optimize: Optimize = 'speed'): string[] {
  return VECTOR_TARGETS.flatMap((target) =>
    shapes.flatMap((shape, seed) => {
      const p = { ...shape, ...change };
      const r = new Random(seed);
      const graph = convolution(r, p);
      const [height, width] = p.size ?? [6, 6];
      const x = randomBytes(r, (p.batch ?? 1) * height * width * p.channels);
      const kernel = isPointwise(p) ? 'conv2d_1x1_i8' : 'conv2d_i8';
      const found = vectorFault(graph, [x], kernel, target, optimize);
      return found === undefined ? [] : [`${target} ${JSON.stringify(p)} seed ${seed}: ${found}`];
    }),
  );
}

const POINTWISE: readonly Product[] = [
  ...[1, 2, 3, 5, 6, 7, 8, 11, 13].map((width, i) => ({
    size: [1, width] as const,
    channels: [1, 3, 4, 8, 15, 16, 17, 33, 20][i] as number,
    outputs: [1, 2, 5, 8, 12, 16, 20, 49, 27][i] as number,
  })),
  { channels: 24, outputs: 10, batch: 3, size: [3, 3] },
  { channels: 8, outputs: 40, size: [1, 1] },
];
const WINDOWS: readonly Product[] = [
  { channels: 3, outputs: 8, window: [3, 3], padding: [1, 1], stride: [2, 2], size: [9, 11] },
  { channels: 16, outputs: 16, window: [3, 3], padding: [1, 1], size: [5, 8] },
  { channels: 5, outputs: 9, window: [3, 2], padding: [2, 1], dilation: [1, 2] },
  { channels: 4, outputs: 4, window: [3, 3], padding: [2, 2], dilation: [2, 2], size: [7, 7] },
  { channels: 1, outputs: 13, window: [4, 5], padding: [1, 2], batch: 2, size: [7, 10] },
  { channels: 8, outputs: 8, stride: [2, 2] },
  { channels: 6, outputs: 7, window: [5, 1], stride: [3, 1], size: [12, 3] },
  { channels: 2, outputs: 3, window: [1, 6], stride: [1, 4], size: [3, 14] },
  { channels: 2, outputs: 6, window: [2, 2], padding: [3, 3], size: [2, 2] },
  { channels: 3, outputs: 6, window: [6, 6], padding: [0, 0] },
];
const ALL = [...POINTWISE, ...WINDOWS];

suite('shapes that fill tiles and that do not', () => {
  assert.equal(faults(ALL), [], AGAIN);
});

suite('small code', () => {
  assert.equal(faults(ALL, { activation: 'relu' }, 'size'), [], AGAIN);
});

suite('clamps, zero points at an end, one scale, no bias', () => {
  assert.equal(
    [
      { activation: 'relu', outputZero: -128 },
      { activation: 'relu6', outputZero: -100 },
      { activation: 'none', outputZero: 127 },
      { perTensor: true, bias: 'none', lowest: true },
    ].flatMap((change) => faults(ALL.slice(4), change as Partial<Product>)),
    [],
    AGAIN,
  );
});

suite('factors above 1, results that all saturate, and channels that hardly or never change', () => {
  assert.equal(
    [
      { outputScale: 1e-4 },
      { outputScale: 1e-3, activation: 'relu' },
      { outputScale: 3 },
      { outputScale: 1e4 },
      { weight: 0 },
      { dead: true, bias: 'usual' },
    ].flatMap((change) => faults(ALL.slice(6, 14), change as Partial<Product>)),
    [],
    AGAIN,
  );
});

suite('float rounding', () => {
  assert.equal(faults(ALL, { rounding: 'float' }), [], AGAIN);
  assert.equal(faults(ALL.slice(6, 14), { rounding: 'float', activation: 'relu6' }), [], AGAIN);
});

suite('fully connected', () => {
  const found = VECTOR_TARGETS.flatMap((target) =>
    [1, 2, 3, 7].flatMap((batch) =>
      [1, 10, 33, 64, 130].flatMap((channels, seed) => {
        const p = { batch, channels, outputs: [3, 49, 8, 100, 12][seed] as number, perTensor: seed % 2 === 0 };
        const r = new Random(seed);
        const graph = fullyConnected(r, p);
        const fault = vectorFault(graph, [randomBytes(r, batch * channels)], 'fully_connected_i8', target);
        return fault === undefined ? [] : [`${target} ${JSON.stringify(p)} seed ${seed}: ${fault}`];
      }),
    ),
  );
  assert.equal(found, [], AGAIN);
});

/** One channel with one weight of 1: the accumulator is what is stored plus the bias. */
function scaled(scale: number, bias: number, zeroPoint: number): Graph {
  const y = affineType('i8', [1], scale, zeroPoint);
  return singleNode(
    'conv2d',
    {
      stride: [1, 1],
      dilation: [1, 1],
      padding: { top: 0, left: 0, bottom: 0, right: 0 },
      activation: 'none',
      rounding: 'double',
      accumulator: 'i32',
    } as never,
    [
      { type: affineType('i8', [1, 16, 16, 1], 1) },
      { type: affineType('i8', [1, 1, 1, 1], 1), data: Int8Array.of(1) },
      { type: affineType('i32', [1], 1), data: Int32Array.of(bias) },
    ],
    y,
  );
}

const EVERY_BYTE = Int8Array.from({ length: 256 }, (_, i) => i - 128);

suite('every accumulator around ties of both signs', () => {
  const random = new Random(3);
  const scales = [
    1,
    2,
    4,
    8,
    64,
    3,
    5,
    7,
    0.5,
    0.75,
    ...Array.from({ length: 40 }, () => 2 ** (6 * random.unit() - 1)),
  ];
  const found = scales.flatMap((scale) =>
    [0, -128, 127, -5].flatMap((zeroPoint, i) => {
      const graph = scaled(scale, [0, 100, -100, 7][i] as number, zeroPoint);
      const fault = vectorFault(graph, [EVERY_BYTE], 'conv2d_1x1_i8', 'wasm');
      return fault === undefined ? [] : [`scale ${scale}, zero point ${zeroPoint}: ${fault}`];
    }),
  );
  assert.equal(found, [], AGAIN);
});

suite('what does not apply says why', () => {
  const r = new Random(1);
  const refusal = (p: Product, kernel = 'conv2d_i8') => refusalOf(convolution(r, p), kernel);
  assert.is(refusal({ channels: 6, outputs: 4, groups: 2 }), 'channels form groups');
  assert.is(refusal({ channels: 2, outputs: 2, rounding: 'single' }), 'rounds single, not twice');
  assert.is(refusal({ channels: 2, outputs: 2, dtype: 'i16' }), 'takes int8, not i16 by i8');
  const window = { channels: 2, outputs: 2, window: [2, 2] } as const;
  assert.is(refusal(window, 'conv2d_1x1_i8'), 'is not a 1x1 window that moves by one pixel');
  const whole = fullyConnected(r, { channels: 3, outputs: 2 });
  const [, weights] = (whole.nodes[0] as Graph['nodes'][number]).inputs as [string, string];
  const moving = { ...whole, inputs: [...whole.inputs, weights], constants: new Map(whole.constants) };
  moving.constants.delete(weights);
  assert.is(refusalOf(moving, 'fully_connected_i8'), 'weights are not constant');
});

suite.run();
