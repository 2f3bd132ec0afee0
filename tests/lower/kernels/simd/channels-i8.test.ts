/** int8 depthwise convolution and sums in vectors: every shape and scale computes what evaluation says. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Optimize } from '../../../../compiler/lower/kernel.ts';
import type { Graph } from '../../../../ir/tensor/graph.ts';
import { Random } from '../../../support/random.ts';
import { singleNode } from '../../../support/single-node.ts';
import { affineType, randomBytes } from '../dsp/support.ts';
import { refusalOf, VECTOR_TARGETS, vectorFault } from './i8-support.ts';

const suite = makeSuite('int8 channels in vectors');
const AGAIN = 'node --import ./tools/ts.mjs tests/lower/kernels/simd/channels-i8.test.ts';

interface Depthwise {
  readonly batch?: number;
  readonly size?: readonly [height: number, width: number];
  readonly channels: number;
  readonly filters?: number;
  readonly window: readonly [number, number];
  readonly stride?: readonly [number, number];
  readonly dilation?: readonly [number, number];
  readonly padding?: readonly [before: number, after: number];
  readonly activation?: 'none' | 'relu' | 'relu6';
  readonly rounding?: 'double' | 'single' | 'float';
  readonly outputScale?: number;
}

function depthwise(r: Random, p: Depthwise): Graph {
  const [height, width] = p.size ?? [6, 6];
  const [before, after] = p.padding ?? [0, 0];
  const outputs = p.channels * (p.filters ?? 1);
  const taps = p.window[0] * p.window[1];
  const scales = Array.from({ length: outputs }, () => 0.001 * 40 ** r.unit());
  const biasScales = scales.map((scale) => scale * 0.05);
  const attrs = {
    stride: [...(p.stride ?? [1, 1])],
    dilation: [...(p.dilation ?? [1, 1])],
    padding: { top: before, left: before, bottom: after, right: after },
    activation: p.activation ?? 'none',
    rounding: p.rounding ?? 'double',
    accumulator: 'i32',
  };
  const zeroPoint = p.activation === undefined ? r.int(-128, 127) : -128;
  return singleNode(
    'depthwise_conv2d',
    attrs as never,
    [
      { type: affineType('i8', [p.batch ?? 1, height, width, p.channels], 0.05, r.int(-128, 127)) },
      { type: affineType('i8', [1, ...p.window, outputs], scales, 0, 3), data: randomBytes(r, taps * outputs) },
      {
        type: affineType('i32', [outputs], biasScales, 0, 0),
        data: Int32Array.from({ length: outputs }, () => r.int(-3000, 3000)),
      },
    ],
    affineType('i8', [1], (p.outputScale ?? 0.03) * Math.sqrt(taps), zeroPoint),
  );
}

const SHAPES: readonly Depthwise[] = [
  { channels: 64, window: [3, 3], padding: [1, 1], size: [6, 5] },
  { channels: 8, window: [3, 3], padding: [0, 1], stride: [2, 2], size: [8, 8] },
  { channels: 13, window: [3, 3], padding: [1, 1], size: [4, 7] },
  { channels: 3, window: [2, 3], padding: [1, 1], batch: 2 },
  { channels: 20, window: [5, 5], padding: [2, 2], size: [7, 9] },
  { channels: 9, window: [3, 3], padding: [2, 2], dilation: [2, 2], size: [7, 8] },
  { channels: 8, window: [3, 2], padding: [1, 2], dilation: [1, 3], size: [5, 10] },
  { channels: 16, window: [9, 1], size: [12, 2] },
  { channels: 24, window: [1, 7], size: [1, 13] },
  { channels: 1, filters: 8, window: [10, 8], padding: [4, 5], stride: [2, 2], size: [12, 12] },
  { channels: 1, filters: 11, window: [3, 3], padding: [1, 1] },
  { channels: 5, filters: 3, window: [3, 3], padding: [1, 1] },
  { channels: 2, filters: 2, window: [6, 6] },
  { channels: 10, window: [1, 1], stride: [3, 3], size: [7, 7] },
  { channels: 8, window: [3, 3], padding: [5, 5], size: [2, 2] },
  { channels: 40, window: [3, 1], size: [9, 1] },
];

function faults(change: Partial<Depthwise>, optimize: Optimize = 'speed'): string[] {
  return VECTOR_TARGETS.flatMap((target) =>
    SHAPES.flatMap((shape, seed) => {
      const p = { ...shape, ...change };
      const r = new Random(seed);
      const graph = depthwise(r, p);
      const [height, width] = p.size ?? [6, 6];
      const x = randomBytes(r, (p.batch ?? 1) * height * width * p.channels);
      const found = vectorFault(graph, [x], 'depthwise_conv2d_i8', target, optimize);
      return found === undefined ? [] : [`${target} ${JSON.stringify(p)} seed ${seed}: ${found}`];
    }),
  );
}

suite('depthwise: windows, strides, dilations, filters, borders', () => {
  assert.equal(faults({}), [], AGAIN);
});

suite('depthwise: small code behind a clamp', () => {
  assert.equal(faults({ activation: 'relu' }, 'size'), [], AGAIN);
});

suite('depthwise: float rounding, and factors above 1', () => {
  assert.equal([...faults({ rounding: 'float' }), ...faults({ outputScale: 1e-4 })], [], AGAIN);
});

const count = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

for (const op of ['add', 'sub'] as const) {
  suite(`${op}: all pairs of bytes, and counts that fill no vector`, () => {
    const pairs = [Int8Array.from({ length: 65536 }, (_, i) => i >> 8), Int8Array.from({ length: 65536 }, (_, i) => i)];
    const found = [[65536], [1], [15], [16], [3, 11]].flatMap((shape, seed) => {
      const r = new Random(seed);
      const type = () => affineType('i8', shape, 0.02 + 0.05 * r.unit(), r.int(-128, 127));
      const y = affineType('i8', [1], 0.05 + 0.05 * r.unit(), r.int(-128, 127));
      const graph = singleNode(
        op,
        { activation: r.pick(['none', 'relu6']) } as never,
        [{ type: type() }, { type: type() }],
        y,
      );
      const inputs = seed === 0 ? pairs : [0, 1].map(() => randomBytes(r, count(shape)));
      const fault = vectorFault(graph, inputs, `${op}_i8`, 'wasm');
      return fault === undefined ? [] : [`[${shape}] seed ${seed}: ${fault}`];
    });
    assert.equal(found, [], AGAIN);
  });
}

interface Pool {
  readonly size: readonly [number, number];
  readonly channels: number;
  readonly window: readonly [number, number];
  readonly stride?: readonly [number, number];
  readonly padding?: number;
  readonly activation?: 'none' | 'relu6';
}

function pool(op: 'average_pool2d' | 'max_pool2d', p: Pool): Graph {
  const [height, width] = p.size;
  const attrs = {
    window: [...p.window],
    stride: [...(p.stride ?? p.window)],
    padding: { top: p.padding ?? 0, left: p.padding ?? 0, bottom: p.padding ?? 0, right: p.padding ?? 0 },
    activation: p.activation ?? 'none',
  };
  const x = affineType('i8', [2, height, width, p.channels], 0.05, -20);
  return singleNode(op, attrs as never, [{ type: x }], x);
}

const POOLS: readonly Pool[] = [
  { size: [4, 6], channels: 16, window: [2, 2] },
  { size: [25, 5], channels: 64, window: [25, 5] },
  { size: [18, 17], channels: 8, window: [18, 17] },
  { size: [7, 7], channels: 21, window: [3, 3], stride: [2, 1], activation: 'relu6' },
  { size: [5, 5], channels: 9, window: [1, 1], stride: [2, 2] },
];

function poolFaults(op: 'average_pool2d' | 'max_pool2d', pools: readonly Pool[]): string[] {
  return pools.flatMap((p, seed) => {
    const r = new Random(seed);
    const length = count([2, ...p.size, p.channels]);
    // All at one end, where sums are largest, and anything.
    const inputs = [new Int8Array(length).fill(-128), new Int8Array(length).fill(127), randomBytes(r, length, 0.02)];
    return inputs.flatMap((x) => {
      const fault = vectorFault(pool(op, p), [x], `${op}_i8`, 'wasm');
      return fault === undefined ? [] : [`${op} ${JSON.stringify(p)} seed ${seed}: ${fault}`];
    });
  });
}

suite('pooling', () => {
  const edges: readonly Pool[] = [
    { size: [4, 5], channels: 17, window: [3, 3], stride: [1, 2], padding: 1 },
    { size: [3, 3], channels: 8, window: [2, 2], padding: 1, activation: 'relu6' },
  ];
  assert.equal([...poolFaults('average_pool2d', POOLS), ...poolFaults('max_pool2d', [...POOLS, ...edges])], [], AGAIN);
});

suite('what does not apply says why', () => {
  const reach = pool('average_pool2d', { size: [4, 4], channels: 8, window: [3, 3], padding: 1 });
  assert.is(refusalOf(reach, 'average_pool2d_i8'), 'windows reach over the edge and differ in size');
  const narrow = pool('max_pool2d', { size: [4, 4], channels: 7, window: [2, 2] });
  assert.is(refusalOf(narrow, 'max_pool2d_i8'), 'has fewer than 8 channels');

  const r = new Random(1);
  const wide = depthwise(r, { channels: 8, window: [1, 33], size: [1, 40] });
  assert.is(refusalOf(wide, 'depthwise_conv2d_i8'), 'the window is wider than 32');
  const single = depthwise(r, { channels: 8, window: [3, 3], rounding: 'single' });
  assert.is(refusalOf(single, 'depthwise_conv2d_i8'), 'rounds single, not twice');
  const [a, b] = [affineType('i8', [4, 3], 0.1), affineType('i8', [3], 0.1)];
  const repeated = singleNode('add', { activation: 'none' } as never, [{ type: a }, { type: b }], a);
  assert.is(refusalOf(repeated, 'add_i8'), 'an operand repeats');
});

suite.run();
