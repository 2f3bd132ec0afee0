/** Depthwise convolution on Helium: every geometry computes what evaluation says, and no sum of halfwords overflows. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { lower } from '../../../../compiler/lower/index.ts';
import { tapGroups } from '../../../../compiler/lower/kernels/mve/depthwise.ts';
import { TARGETS } from '../../../../compiler/targets/index.ts';
import { bytesOf } from '../../../../ir/tensor/bytes.ts';
import { type Graph, typeOfValue } from '../../../../ir/tensor/graph.ts';
import { overlapFault, permitted } from '../../../support/overlapping.ts';
import { Random } from '../../../support/random.ts';
import { programFault, singleNode } from '../../../support/single-node.ts';
import { affineType, planOf, randomBytes, reasonOf } from '../dsp/support.ts';

const suite = makeSuite('depthwise convolution on Helium');
const AGAIN = 'node --import ./tools/ts.mjs tests/lower/kernels/mve/depthwise.test.ts';
const TARGET = 'cortex-m55';
const KERNEL = 'depthwise_conv2d_mve';

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
  readonly activation?: 'none' | 'relu' | 'relu6';
  readonly rounding?: 'double' | 'single' | 'float';
  /** The largest magnitude of weights. */
  readonly most?: number;
}

function layer(r: Random, l: Layer): Graph {
  const { size, channels, multiplier = 1, window, padding = [0, 0], most = 128 } = l;
  const outputs = channels * multiplier;
  const taps = window[0] * window[1];
  const scales = Array.from({ length: outputs }, () => 0.003 + 0.01 * r.unit());
  const weights = randomBytes(r, taps * outputs).map((value) => Math.max(-most, Math.min(most, value)));
  const [before, after] = padding;
  return singleNode(
    'depthwise_conv2d',
    {
      stride: [...l.stride],
      dilation: [...(l.dilation ?? [1, 1])],
      padding: { top: before, left: before, bottom: after, right: after },
      activation: l.activation ?? 'none',
      rounding: l.rounding ?? 'double',
      accumulator: 'i32',
    } as never,
    [
      { type: affineType('i8', [l.batch ?? 1, ...size, channels], 0.05, r.int(-128, 127)) },
      { type: affineType('i8', [1, ...window, outputs], scales, 0, 3), data: weights },
      {
        type: affineType(
          'i32',
          [outputs],
          scales.map((scale) => scale * 0.05),
          0,
          0,
        ),
        data: Int32Array.from({ length: outputs }, () => r.int(-4000, 4000)),
      },
    ],
    affineType('i8', [1], 0.03 * Math.sqrt(taps), r.int(-20, 20)),
  );
}

function faultOf(seed: number, l: Layer): readonly string[] {
  const r = new Random(seed);
  const graph = layer(r, l);
  const label = `${JSON.stringify(l)} seed ${seed}`;
  if (planOf(graph, TARGET).kernel !== KERNEL) return [`${label}: ${reasonOf(graph, KERNEL, TARGET)}`];
  const x = randomBytes(r, (l.batch ?? 1) * l.size[0] * l.size[1] * l.channels);
  const wrong = programFault(graph, [x], TARGET);
  if (wrong !== undefined) return [`${label}: ${wrong}`];
  const lowered = lower(graph, TARGETS[TARGET]);
  const bytes = [bytesOf(typeOfValue(graph, graph.inputs[0] as string), x)];
  const laid = permitted(lowered, graph).flatMap((pair) => overlapFault(lowered, graph, pair, bytes) ?? []);
  return laid.map((fault) => `${label}, result over input: ${fault}`);
}

suite('numbers of channels, below and above a vector', () => {
  const faults = [1, 2, 3, 4, 7, 8, 15, 16, 17, 24, 32, 40, 150].flatMap((channels, i) => [
    ...faultOf(i, { size: [5, 6], channels, window: [3, 3], stride: [1, 1], padding: [1, 1] }),
    ...faultOf(i, { size: [5, 7], channels, window: [3, 3], stride: [2, 2], padding: [0, 1], batch: 2 }),
    ...faultOf(i, { size: [4, 5], channels, window: [2, 3], stride: [1, 1] }),
  ]);
  assert.equal(faults, [], AGAIN);
});

suite('windows, strides, dilations and paddings', () => {
  const windows = [
    [3, 3],
    [1, 5],
    [5, 1],
    [4, 4],
    [5, 5],
  ] as const;
  const faults = windows.flatMap((window, i) =>
    (
      [
        [0, 0],
        [1, 1],
        [2, 0],
        [0, 3],
      ] as const
    ).flatMap((padding, j) =>
      ([1, 2, 3, 6] as const).flatMap((stride, k) => {
        const channels = [8, 16, 5, 20][(i + j + k) % 4] as number;
        const dilation = (i + k) % 3 === 0 ? ([2, 1] as const) : (i + k) % 3 === 1 ? ([1, 2] as const) : undefined;
        const shape = { size: [11, 10] as const, channels, window, padding, batch: 1 + ((i + j) % 2) };
        return [
          ...faultOf(10 * i + j, { ...shape, stride: [stride, Math.min(stride, 3)] }),
          ...(dilation === undefined ? [] : faultOf(i + j, { ...shape, stride: [1, Math.min(stride, 3)], dilation })),
        ];
      }),
    ),
  );
  assert.equal(faults, [], AGAIN);
});

suite('weights small enough for one sum, and activations', () => {
  const shape = { size: [6, 6], channels: 20, window: [3, 3], stride: [1, 1], padding: [1, 1] } as const;
  const faults = [1, 10, 28, 40, 64].flatMap((most, seed) => [
    ...faultOf(seed, { ...shape, most }),
    ...faultOf(seed, { ...shape, most, activation: seed % 2 === 0 ? 'relu' : 'relu6' }),
  ]);
  assert.equal(faults, [], AGAIN);
});

suite('sums of taps stay within halfwords for every input, and every tap is in one', () => {
  const r = new Random(3);
  for (let trial = 0; trial < 60; trial++) {
    const [taps, channels, most] = [r.int(1, 25), r.int(1, 40), r.pick([3, 20, 64, 128])];
    const weights = randomBytes(r, taps * channels).map((value) => Math.max(-most, Math.min(most, value)));
    const groups = tapGroups(weights, taps, channels);
    const all = groups.flat().toSorted((a, b) => a - b);
    assert.equal(
      all,
      Array.from({ length: taps }, (_, tap) => tap),
      AGAIN,
    );
    for (const group of groups) {
      for (let c = 0; c < channels; c++) {
        const weight = (tap: number) => weights[tap * channels + c] as number;
        const most = group.reduce((sum, tap) => sum + Math.max(-128 * weight(tap), 127 * weight(tap)), 0);
        const least = group.reduce((sum, tap) => sum + Math.min(-128 * weight(tap), 127 * weight(tap)), 0);
        assert.ok(
          most <= 32767 && least >= -32768,
          `taps ${group} of channel ${c} reach ${least} and ${most}; ${AGAIN}`,
        );
      }
    }
  }
});

suite('what it leaves to others, and why', () => {
  const reason = (l: Partial<Layer>, target: keyof typeof TARGETS = TARGET) =>
    reasonOf(layer(new Random(1), { size: [6, 6], channels: 8, window: [3, 3], stride: [1, 1], ...l }), KERNEL, target);
  assert.is(reason({}), undefined);
  assert.is(reason({ multiplier: 2 }), 'has several output channels for an input channel');
  assert.is(reason({ window: [6, 6] }), 'has more than 32 taps');
  assert.is(reason({ rounding: 'single' }), "rounds as 'single', not twice");
  assert.is(reason({}, 'cortex-m4'), 'the target has no Helium');
});

suite.run();
