/** Depthwise convolution on small cores: every geometry computes what evaluation says, in place where it may. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Optimize } from '../../../../compiler/lower/kernel.ts';
import type { Graph } from '../../../../ir/tensor/graph.ts';
import { Random } from '../../../support/random.ts';
import { singleNode } from '../../../support/single-node.ts';
import { affineType, randomBytes } from '../dsp/support.ts';
import { chosen, NARROW_CORES, narrowFault } from './support.ts';

const suite = makeSuite('depthwise convolution on small cores');
const AGAIN = 'node --import ./tools/ts.mjs tests/lower/kernels/narrow/depthwise.test.ts';
const KERNEL = 'depthwise_conv2d_narrow_i8';

interface Layer {
  readonly batch?: number;
  readonly size: readonly [height: number, width: number];
  readonly channels: number;
  readonly multiplier?: number;
  readonly window: readonly [number, number];
  readonly stride?: readonly [number, number];
  readonly dilation?: readonly [number, number];
  /** Before and after, at the top and at the left alike. */
  readonly padding?: readonly [before: number, after: number];
  readonly outputScale?: number;
  readonly activation?: 'none' | 'relu';
  readonly rounding?: 'double' | 'single' | 'float';
}

function layer(r: Random, l: Layer): Graph {
  const outputs = l.channels * (l.multiplier ?? 1);
  const taps = l.window[0] * l.window[1];
  const scales = Array.from({ length: outputs }, () => 0.003 + 0.01 * r.unit());
  const each = scales.map((scale) => scale * 0.05);
  const [before, after] = l.padding ?? [0, 0];
  const attrs = {
    stride: [...(l.stride ?? [1, 1])],
    dilation: [...(l.dilation ?? [1, 1])],
    padding: { top: before, left: before, bottom: after, right: after },
    activation: l.activation ?? 'none',
    rounding: l.rounding ?? 'double',
    accumulator: 'i32',
  };
  const zero = l.activation === 'relu' ? -128 : r.int(-20, 20);
  const y = affineType('i8', [1], (l.outputScale ?? 0.02) * Math.sqrt(taps), zero);
  const x = affineType('i8', [l.batch ?? 1, ...l.size, l.channels], 0.05, r.int(-128, 127));
  const weights = randomBytes(r, taps * outputs).map((w) => Math.max(-127, w));
  const biases = Int32Array.from({ length: outputs }, () => r.int(-3000, 3000));
  const given = [
    { type: x },
    { type: affineType('i8', [1, ...l.window, outputs], scales, 0, 3), data: weights },
    { type: affineType('i32', [outputs], each, 0, 0), data: biases },
  ];
  return singleNode('depthwise_conv2d', attrs as never, given, y);
}

function faultsOf(seed: number, l: Layer, optimize: Optimize = 'speed'): string[] {
  const r = new Random(seed);
  const graph = layer(r, l);
  const x = randomBytes(r, (l.batch ?? 1) * l.size[0] * l.size[1] * l.channels);
  return NARROW_CORES.flatMap((core) => {
    const found = narrowFault(graph, KERNEL, [x], core, optimize);
    return found === undefined ? [] : [`${JSON.stringify(l)} seed ${seed} ${optimize} ${core}: ${found}`];
  });
}

const WINDOWS = [
  [3, 3],
  [1, 3],
  [5, 1],
  [2, 2],
  [3, 5],
  [10, 8],
  [1, 1],
] as const;
const STRIDES = [
  [1, 1],
  [2, 2],
  [1, 3],
] as const;

suite('windows, strides, dilations, paddings, multipliers', () => {
  const faults = WINDOWS.flatMap((window, i) =>
    STRIDES.flatMap((stride, j) =>
      (
        [
          [0, 0],
          [1, 1],
          [1, 2],
        ] as const
      ).flatMap((padding, k) => {
        const dilation = (i + j + k) % 4 === 0 ? ([2, 1] as const) : ([1, 1] as const);
        const multiplier = 1 + ((i + k) % 2);
        const batch = 1 + ((j + k) % 2);
        const size = [19 + i, 12 + j] as const;
        const l = { window, stride, padding, dilation, multiplier, batch, size, channels: 2 };
        return faultsOf(i + j + k, l, (i + j) % 2 === 0 ? 'speed' : 'size');
      }),
    ),
  );
  assert.equal(faults, [], AGAIN);
});

suite('planes that are worked off in bands of lines, in place', () => {
  const sizes = [
    [48, 48],
    [60, 31],
    [31, 60],
  ] as const;
  const faults = sizes.flatMap((size, i) =>
    STRIDES.flatMap((stride) =>
      (
        [
          [1, 1],
          [0, 1],
          [0, 0],
        ] as const
      ).flatMap((padding) => faultsOf(i, { size, channels: 2, window: [3, 3], stride, padding })),
    ),
  );
  assert.equal(faults, [], AGAIN);
});

suite('scales, activations and roundings', () => {
  const base = { size: [6, 7], channels: 6, window: [3, 3], padding: [1, 1] } as const;
  const kinds: readonly Partial<Layer>[] = [
    { outputScale: 1e-5 },
    { outputScale: 0.3 },
    { outputScale: 40 },
    { activation: 'relu' },
    { rounding: 'single' },
    { rounding: 'float' },
  ];
  assert.equal(
    kinds.flatMap((kind, seed) => faultsOf(seed, { ...base, ...kind })),
    [],
    AGAIN,
  );
});

suite('a result of the same size may take the place of its input', () => {
  const same = layer(new Random(1), { size: [48, 48], channels: 3, window: [3, 3], padding: [1, 1] });
  assert.equal(chosen(same, 'cortex-m3').inPlace, [[0, 0]], AGAIN);
  const doubled = layer(new Random(1), { size: [6, 6], channels: 3, multiplier: 2, window: [3, 3], padding: [1, 1] });
  assert.equal(chosen(doubled, 'cortex-m3').inPlace, [], AGAIN);
});

suite('what it leaves to others', () => {
  const reason = (l: Partial<Layer>, core: Parameters<typeof chosen>[1]) =>
    chosen(layer(new Random(1), { size: [4, 200], channels: 1, window: [1, 3], ...l }), core).refused.find(
      ({ kernel }) => kernel === KERNEL,
    )?.reason;
  assert.match(reason({ window: [1, 100] }, 'cortex-m3') ?? '', /multiplications by a line of taps, more than/, AGAIN);
  assert.is(reason({}, 'c'), 'c is not a small core', AGAIN);
});

suite.run();
