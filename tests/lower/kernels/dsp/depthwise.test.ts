/** Depthwise convolution channel by channel: every geometry computes what evaluation says. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Graph } from '../../../../ir/tensor/graph.ts';
import { Random } from '../../../support/random.ts';
import { singleNode } from '../../../support/single-node.ts';
import { affineType, fault, planOf, randomBytes, reasonOf } from './support.ts';

const suite = makeSuite('depthwise convolution with dual multiplies');
const AGAIN = 'node --import ./tools/ts.mjs tests/lower/kernels/dsp/depthwise.test.ts';
const KERNEL = 'depthwise_conv2d_planes';
const CHANNELS = 'depthwise_conv2d_channels';

interface Layer {
  readonly batch?: number;
  readonly size: readonly [height: number, width: number];
  readonly channels: number;
  readonly multiplier?: number;
  readonly window: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly dilation?: readonly [number, number];
  /** Before and after, at the top and at the left alike. */
  readonly padding?: readonly [before: number, after: number];
  /** Of the result, relative to a sum of the window's size: small ones saturate. */
  readonly outputScale?: number;
  readonly activation?: 'none' | 'relu' | 'relu6';
  readonly rounding?: 'double' | 'single' | 'float';
  /** Weights are all 0 in every third channel. */
  readonly dead?: boolean;
}

function layer(r: Random, l: Layer): Graph {
  const { size, channels, multiplier = 1, window, padding = [0, 0], activation = 'none', rounding = 'double' } = l;
  const outputs = channels * multiplier;
  const scales = Array.from({ length: outputs }, () => 0.003 + 0.01 * r.unit());
  const x = affineType('i8', [l.batch ?? 1, ...size, channels], 0.05, r.int(-128, 127));
  const w = affineType('i8', [1, ...window, outputs], scales, 0, 3);
  const bias = affineType(
    'i32',
    [outputs],
    scales.map((scale) => scale * 0.05),
    0,
    0,
  );
  const taps = window[0] * window[1];
  const y = affineType(
    'i8',
    [1],
    (l.outputScale ?? 0.02) * Math.sqrt(taps),
    activation === 'relu' ? -128 : r.int(-20, 20),
  );
  const weights = randomBytes(r, taps * outputs).map((value, i) =>
    l.dead && (i % outputs) % 3 === 0 ? 0 : Math.max(-127, value),
  );
  const [before, after] = padding;
  return singleNode(
    'depthwise_conv2d',
    {
      stride: [...l.stride],
      dilation: [...(l.dilation ?? [1, 1])],
      padding: { top: before, left: before, bottom: after, right: after },
      activation,
      rounding,
      accumulator: 'i32',
    } as never,
    [
      { type: x },
      { type: w, data: weights },
      { type: bias, data: Int32Array.from({ length: outputs }, () => r.int(-3000, 3000)) },
    ],
    y,
  );
}

/** Without `expected`, either kernel may take the layer. */
function faultOf(seed: number, l: Layer, expected?: string): string | undefined {
  const r = new Random(seed);
  const graph = layer(r, l);
  const { kernel, refused } = planOf(graph);
  if (expected === undefined ? kernel !== KERNEL && kernel !== CHANNELS : kernel !== expected)
    return `${JSON.stringify(l)}: ${refused.map(({ reason }) => reason).join('; ')}`;
  const count = (l.batch ?? 1) * l.size[0] * l.size[1] * l.channels;
  const found = fault(graph, [randomBytes(r, count)]);
  return found === undefined ? undefined : `${JSON.stringify(l)}: ${found}`;
}

const WINDOWS = [
  [1, 1],
  [3, 3],
  [1, 4],
  [5, 2],
  [2, 3],
] as const;
const SIZES = [
  [7, 6],
  [5, 5],
  [9, 4],
] as const;

for (const window of WINDOWS) {
  suite(`${window.join('x')}: strides, paddings and images of many sizes`, () => {
    const faults = SIZES.flatMap((size, i) =>
      ([1, 2, 3] as const).flatMap((stride) =>
        (
          [
            [0, 0],
            [1, 1],
            [0, 1],
            [2, 1],
          ] as const
        ).flatMap((padding, j) => {
          const channels = 1 + ((i + j) % 4);
          return (
            faultOf(100 * i + 10 * stride + j, { size, channels, window, stride: [stride, stride], padding }) ?? []
          );
        }),
      ),
    );
    assert.equal(faults, [], AGAIN);
  });
}

suite('windows over whole images, four channels at a time', () => {
  const whole: readonly Layer[] = [
    { size: [7, 7], channels: 8, window: [7, 7], stride: [1, 1] },
    { size: [7, 8], channels: 7, window: [7, 7], stride: [1, 1], activation: 'relu' },
    { batch: 2, size: [4, 6], channels: 5, window: [3, 5], stride: [1, 1], rounding: 'single' },
    { size: [6, 6], channels: 4, window: [3, 3], stride: [3, 3], dead: true },
    { size: [7, 7], channels: 9, window: [3, 3], stride: [2, 2], dilation: [2, 2], outputScale: 0.0004 },
    { size: [16, 16], channels: 4, window: [16, 16], stride: [1, 1] },
  ];
  assert.equal(
    whole.flatMap((l, seed) => faultOf(seed, l, CHANNELS) ?? []),
    [],
    AGAIN,
  );
});

suite('batches, multiples, dilations, unequal strides, dead channels', () => {
  const more: readonly Layer[] = [
    { batch: 3, size: [6, 5], channels: 3, window: [3, 3], stride: [1, 1], padding: [1, 1] },
    { batch: 2, size: [7, 7], channels: 2, window: [3, 3], stride: [2, 2], padding: [0, 1] },
    { size: [8, 9], channels: 2, multiplier: 3, window: [3, 3], stride: [2, 1], padding: [1, 1] },
    { size: [12, 11], channels: 1, multiplier: 4, window: [5, 4], stride: [2, 2], padding: [2, 1] },
    { size: [9, 10], channels: 3, window: [3, 3], stride: [1, 1], dilation: [2, 2], padding: [2, 2] },
    { size: [9, 10], channels: 3, window: [3, 2], stride: [1, 2], dilation: [1, 3], padding: [1, 1] },
    { size: [6, 6], channels: 7, window: [3, 3], stride: [1, 1], padding: [1, 1], dead: true },
    { size: [3, 3], channels: 5, window: [3, 3], stride: [1, 1] },
    { size: [7, 7], channels: 5, window: [7, 7], stride: [1, 1] },
    { size: [1, 1], channels: 5, window: [3, 3], stride: [1, 1], padding: [1, 1] },
    { size: [5, 1], channels: 2, window: [3, 1], stride: [1, 1], padding: [1, 1] },
  ];
  assert.equal(
    more.flatMap((l, seed) => faultOf(seed, l) ?? []),
    [],
    AGAIN,
  );
});

suite('planes that go in bands of lines, at the same address too', () => {
  const wide: readonly Layer[] = [
    { size: [40, 40], channels: 2, window: [3, 3], stride: [1, 1], padding: [1, 1] },
    { size: [41, 43], channels: 1, window: [3, 3], stride: [2, 2], padding: [0, 1] },
    { size: [60, 30], channels: 1, window: [5, 5], stride: [1, 1], padding: [2, 2] },
    { size: [30, 61], channels: 2, window: [3, 3], stride: [3, 3], padding: [1, 1] },
    { size: [80, 9], channels: 1, window: [3, 3], stride: [1, 1], padding: [1, 1] },
    { batch: 2, size: [45, 44], channels: 1, window: [3, 3], stride: [1, 1], padding: [1, 1] },
    { size: [33, 64], channels: 1, multiplier: 2, window: [3, 3], stride: [1, 1], padding: [1, 1] },
  ];
  assert.equal(
    wide.flatMap((l, seed) => faultOf(seed, l, KERNEL) ?? []),
    [],
    AGAIN,
  );
});

suite('every requantization', () => {
  const layers = ([0.0001, 0.0004, 0.001, 0.004, 0.02, 3] as const).flatMap((outputScale) =>
    (['none', 'relu', 'relu6'] as const).flatMap((activation) =>
      (['double', 'single', 'float'] as const).map(
        (rounding): Layer => ({
          size: [6, 6],
          channels: 4,
          window: [3, 3],
          stride: [1, 1],
          padding: [1, 1],
          outputScale,
          activation,
          rounding,
        }),
      ),
    ),
  );
  assert.equal(
    layers.flatMap((l, seed) => faultOf(seed, l) ?? []),
    [],
    AGAIN,
  );
});

/** A layer of 16 by 8 bits; large biases and factors of either size of shift. */
function layer16(r: Random, accumulator: 'i32' | 'i64', factor: number): Graph {
  const scales = [1, 1.3, 0.7, 1.1, 0.9].map((scale) => 0.01 * scale);
  const x = affineType('i16', [1, 9, 8, 5], 0.001);
  const w = affineType('i8', [1, 3, 3, 5], scales, 0, 3);
  const biasScales = scales.map((scale) => scale * 0.001);
  const bias = scales.map(() => r.int(-(2 ** 20), 2 ** 20));
  const biasGiven =
    accumulator === 'i64'
      ? { type: affineType('i64', [5], biasScales, 0, 0), data: BigInt64Array.from(bias, BigInt) }
      : { type: affineType('i32', [5], biasScales, 0, 0), data: Int32Array.from(bias) };
  const sides = { top: 1, left: 1, bottom: 1, right: 1 };
  const attrs = {
    stride: [1, 1],
    dilation: [1, 1],
    padding: sides,
    activation: 'relu',
    rounding: 'double',
    accumulator,
  };
  const weights = { type: w, data: randomBytes(r, 45).map((value) => Math.max(-127, value)) };
  const y = affineType('i16', [1], 0.00001 / factor);
  return singleNode('depthwise_conv2d', attrs as never, [{ type: x }, weights, biasGiven], y);
}

suite('16 by 8 bits', () => {
  const faults = (['i32', 'i64'] as const).flatMap((accumulator) =>
    [0.6, 0.1, 0.004, 0.0001, 0.000003].flatMap((factor, seed) => {
      const r = new Random(seed);
      const graph = layer16(r, accumulator, factor);
      const input = Int16Array.from({ length: 360 }, () =>
        r.chance(0.2) ? r.pick([-32768, 32767]) : r.int(-32768, 32767),
      );
      const { kernel } = planOf(graph);
      const found = kernel === KERNEL ? fault(graph, [input]) : `kernel ${kernel}`;
      return found === undefined ? [] : [`${accumulator}, factor ${factor}: ${found}`];
    }),
  );
  assert.equal(faults, [], AGAIN);
});

suite('takes the place of its input where pixels keep their order', () => {
  const inPlace = (l: Layer) => planOf(layer(new Random(1), l)).inPlace.length > 0;
  const square = { size: [8, 8], channels: 3, window: [3, 3], padding: [1, 1] } as const;
  assert.ok(inPlace({ ...square, stride: [1, 1] }));
  assert.ok(inPlace({ ...square, stride: [2, 2] }));
  assert.not(inPlace({ ...square, stride: [1, 1], multiplier: 2 }));
  // The result is larger than the image.
  assert.not(inPlace({ ...square, stride: [1, 1], padding: [2, 2] }));
});

suite('says why it does not apply', () => {
  const reasonOn = (l: Layer, target?: 'cortex-m3') => reasonOf(layer(new Random(1), l), KERNEL, target);
  const plain = { size: [30, 30], channels: 2, stride: [1, 1] } as const;
  assert.is(reasonOn({ ...plain, window: [3, 3] }, 'cortex-m3'), 'needs dual 16-bit multiplies');
  const channels = (l: Partial<Layer>) =>
    reasonOf(layer(new Random(1), { ...plain, size: [4, 4], channels: 4, window: [3, 3], ...l }), CHANNELS);
  assert.is(channels({ padding: [1, 1] }), 'windows reach over the edge');
  assert.is(channels({ multiplier: 2 }), 'needs one output per channel');
  assert.is(channels({ channels: 3 }), 'needs 4 channels');
  assert.is(channels({ size: [5, 4] }), '6 output pixels, more than 4');
  assert.is(reasonOn({ ...plain, window: [16, 16] }), '272 multiplications of a pair of outputs, more than 200');
});

suite.run();
