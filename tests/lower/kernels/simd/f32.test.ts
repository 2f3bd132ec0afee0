/** Float32 kernels for 128-bit vectors: every shape computes the bits that evaluation says. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { lower } from '../../../../compiler/lower/index.ts';
import { TARGETS } from '../../../../compiler/targets/index.ts';
import { bytesOf } from '../../../../ir/tensor/bytes.ts';
import { type Graph, typeOfValue } from '../../../../ir/tensor/graph.ts';
import { DENSE, elementCount, NO_QUANT, type TensorType } from '../../../../ir/tensor/types.ts';
import { overlapFault, permitted } from '../../../support/overlapping.ts';
import { Random } from '../../../support/random.ts';
import { type Given, programFault, singleNode } from '../../../support/single-node.ts';

const suite = makeSuite('float32 kernels for 128-bit vectors');
const AGAIN = 'node --import ./tools/ts.mjs tests/lower/kernels/simd/f32.test.ts';

type Pair = readonly [number, number];

interface Layer {
  readonly batch?: number;
  readonly size?: Pair;
  readonly channels: number;
  /** As many as `channels` for depthwise convolution and pooling, whatever this says. */
  readonly outputs?: number;
  readonly window?: Pair;
  readonly stride?: Pair;
  readonly dilation?: Pair;
  readonly padding?: readonly [before: number, after: number];
  readonly activation?: 'none' | 'relu' | 'relu6' | 'relu_n1_to_1';
  readonly bias?: boolean;
}

const f32 = (shape: readonly number[]): TensorType =>
  ({ dtype: 'f32', shape, quant: NO_QUANT, encoding: DENSE }) as never;

/** Some values that float arithmetic treats in ways of its own are among them. */
function randomFloats(r: Random, count: number, extremes = 0.02): Float32Array {
  const special = [0, -0, 1e-42, 3e38, -3e38, Number.POSITIVE_INFINITY, Number.NaN];
  return Float32Array.from({ length: count }, () => (r.chance(extremes) ? r.pick(special) : 4 * r.unit() - 2));
}

function windowAttrs({ stride, padding = [0, 0], activation = 'none' }: Layer) {
  const [before, after] = padding;
  return {
    stride: [...(stride ?? [1, 1])],
    padding: { top: before, left: before, bottom: after, right: after },
    activation,
  };
}

function convolution(r: Random, p: Layer, kind: 'conv2d' | 'depthwise_conv2d'): Graph {
  const { batch = 1, size = [6, 6], channels, window = [1, 1], bias = true } = p;
  const outputs = kind === 'conv2d' ? (p.outputs ?? 8) : channels;
  const weightShape = kind === 'conv2d' ? [outputs, ...window, channels] : [1, ...window, channels];
  const given: Given[] = [
    { type: f32([batch, ...size, channels]) },
    { type: f32(weightShape), data: randomFloats(r, elementCount(weightShape), 0) },
    ...(bias ? [{ type: f32([outputs]), data: randomFloats(r, outputs, 0) }] : []),
  ];
  const more = { dilation: [...(p.dilation ?? [1, 1])], rounding: 'double', accumulator: 'i32' };
  return singleNode(kind, { ...windowAttrs(p), ...more } as never, given);
}

function fullyConnected(r: Random, { batch = 1, channels, outputs = 8, activation = 'none' }: Layer): Graph {
  const given: Given[] = [
    { type: f32([batch, channels]) },
    { type: f32([outputs, channels]), data: randomFloats(r, outputs * channels, 0) },
    { type: f32([outputs]), data: randomFloats(r, outputs, 0) },
  ];
  return singleNode('fully_connected', { activation, rounding: 'double', accumulator: 'i32' } as never, given);
}

function pool(p: Layer, kind: 'average_pool2d' | 'max_pool2d'): Graph {
  const { batch = 1, size = [6, 6], channels, window = [2, 2] } = p;
  return singleNode(kind, { ...windowAttrs(p), window: [...window] } as never, [
    { type: f32([batch, ...size, channels]) },
  ]);
}

/** What is wrong with the node's program, also where its result lies over its input as closely as its kernel allows. */
function faultOf(seed: number, graph: Graph, kernel: string, label: unknown): string[] {
  const r = new Random(seed);
  const what = `${kernel} ${JSON.stringify(label)}`;
  const lowered = lower(graph, TARGETS.wasm);
  const [step] = lowered.plan.steps;
  if (step?.kernel !== kernel) return [`${what}: ${step?.refused.map(({ reason }) => reason).join('; ')}`];
  const type = typeOfValue(graph, graph.inputs[0] as string);
  const data = randomFloats(r, elementCount(type.shape));
  const found =
    programFault(graph, [data], 'wasm') ??
    permitted(lowered, graph).flatMap((laid) => overlapFault(lowered, graph, laid, [bytesOf(type, data)]) ?? [])[0];
  return found === undefined ? [] : [`${what}: ${found}`];
}

const conv = (seed: number, p: Layer, kernel = 'conv2d_f32') =>
  faultOf(seed, convolution(new Random(seed), p, 'conv2d'), kernel, p);
const depthwise = (seed: number, p: Layer) =>
  faultOf(seed, convolution(new Random(seed), p, 'depthwise_conv2d'), 'depthwise_conv2d_f32', p);

suite('1x1 convolution: pixels, inputs and channels, whether or not tiles divide them', () => {
  const faults = [1, 2, 3, 4, 5, 6, 7, 11, 13].flatMap((pixels, i) =>
    [1, 2, 3, 4, 5, 8, 9, 12, 15, 16, 25, 52].flatMap((outputs, j) =>
      (i + j) % 2 === 0
        ? conv(i, { size: [1, pixels], channels: 1 + ((i + 3 * j) % 9), outputs }, 'conv2d_1x1_f32')
        : [],
    ),
  );
  assert.equal(faults, [], AGAIN);
});

suite('windows over the edge, strides, dilations, batches, activations', () => {
  const windows = [
    [3, 3],
    [1, 4],
    [2, 5],
    [5, 1],
    [1, 1],
  ] as const;
  const paddings = [
    [0, 0],
    [1, 1],
    [0, 1],
    [3, 2],
  ] as const;
  const faults = windows.flatMap((window, i) =>
    paddings.flatMap((padding, j) =>
      ([1, 2, 3] as const).flatMap((stride, k) => {
        const activation = (['none', 'relu', 'relu6', 'relu_n1_to_1'] as const)[(i + j) % 4] as 'none';
        const size = [10, [9, 10, 14, 20][(i + j + k) % 4] as number] as const;
        const shape = { batch: 1 + ((i + k) % 2), size, window, padding, activation, bias: j !== 2 };
        const dilation = [
          [1, 1],
          [2, 1],
          [1, 2],
        ][(i + 2 * j + k) % 3] as unknown as Pair;
        const isPointwise = i === 4 && j === 0 && k === 0;
        const seed = 100 * i + 10 * j + k;
        return [
          ...conv(
            seed,
            {
              ...shape,
              stride: [stride, stride],
              dilation,
              channels: 1 + ((i + j) % 5),
              outputs: [4, 7, 8, 19][(j + k) % 4] as number,
            },
            isPointwise ? 'conv2d_1x1_f32' : 'conv2d_f32',
          ),
          ...depthwise(seed, {
            ...shape,
            stride: [stride, stride],
            dilation,
            channels: [4, 6, 8, 13][(i + k) % 4] as number,
          }),
        ];
      }),
    ),
  );
  assert.equal(faults, [], AGAIN);
});

suite('depthwise convolution of few pixels takes more channels at a time', () => {
  const faults = [1, 2, 3, 4, 7, 8, 9, 17].flatMap((width, i) =>
    [4, 5, 12, 33].flatMap((channels, j) =>
      depthwise(10 * i + j, { size: [3, width], channels, window: [3, 3], padding: [1, 1], bias: i % 2 === 0 }),
    ),
  );
  assert.equal(faults, [], AGAIN);
});

suite('fully connected layers of one row and of several', () => {
  const faults = [1, 2, 3, 5, 8].flatMap((batch, i) =>
    [1, 6, 8, 50, 97].flatMap((outputs, j) => {
      const p = { batch, outputs, channels: [1, 3, 10, 64][(i + j) % 4] as number, activation: 'relu' } as const;
      return faultOf(i, fullyConnected(new Random(i), p), 'fully_connected_f32', p);
    }),
  );
  assert.equal(faults, [], AGAIN);
});

suite('pooling', () => {
  const shapes: readonly Layer[] = [
    { channels: 4 },
    { channels: 7, size: [9, 20], window: [3, 3], stride: [2, 2] },
    { channels: 33, size: [7, 7], window: [7, 7] },
    { channels: 5, batch: 2, size: [5, 11], window: [5, 2], stride: [1, 3], activation: 'relu6' },
  ];
  const edged: readonly Layer[] = [
    { channels: 6, size: [9, 20], window: [3, 3], stride: [2, 2], padding: [1, 1] },
    { channels: 4, size: [5, 5], window: [5, 4], padding: [2, 2] },
  ];
  const faults = [
    ...shapes.flatMap((p, i) => faultOf(i, pool(p, 'average_pool2d'), 'average_pool2d_f32', p)),
    ...[...shapes, ...edged].flatMap((p, i) => faultOf(i, pool(p, 'max_pool2d'), 'max_pool2d_f32', p)),
  ];
  assert.equal(faults, [], AGAIN);
});

/** Why a kernel does not take the node; undefined when it does. */
function reasonOf(graph: Graph, kernel: string, target: keyof typeof TARGETS = 'wasm'): string | undefined {
  const [step] = lower(graph, TARGETS[target]).plan.steps;
  return step?.refused.find((one) => one.kernel === kernel)?.reason;
}

suite('what is refused', () => {
  const r = new Random(1);
  const plain = convolution(r, { channels: 4 }, 'conv2d');
  assert.is(reasonOf(plain, 'conv2d_f32', 'c'), 'needs 128-bit vectors');
  const few = convolution(r, { channels: 3, window: [3, 3] }, 'depthwise_conv2d');
  assert.is(reasonOf(few, 'depthwise_conv2d_f32'), 'has less than 4 channels');
  const grouped = singleNode(
    'conv2d',
    {
      stride: [1, 1],
      dilation: [1, 1],
      padding: { top: 0, left: 0, bottom: 0, right: 0 },
      activation: 'none',
      rounding: 'double',
      accumulator: 'i32',
    } as never,
    [{ type: f32([1, 4, 4, 8]) }, { type: f32([8, 1, 1, 4]), data: randomFloats(r, 32) }],
  );
  assert.is(reasonOf(grouped, 'conv2d_f32'), 'channels form groups');
  const edged = pool({ channels: 4, window: [3, 3], padding: [1, 1] }, 'average_pool2d');
  assert.is(reasonOf(edged, 'average_pool2d_f32'), 'windows reach over the edge and differ in size');
  const wide = convolution(
    r,
    { channels: 4, size: [1, 99], window: [1, 3], dilation: [1, 48], padding: [48, 48] },
    'conv2d',
  );
  assert.match(String(reasonOf(wide, 'conv2d_f32')), /^a row has \d+ kinds of tiles; at most 12 become code$/);
});

suite.run();
