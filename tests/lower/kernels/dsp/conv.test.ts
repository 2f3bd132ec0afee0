/** Convolution and fully connected layers with two channels to a word of weights: every shape computes what evaluation says. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { lower } from '../../../../compiler/lower/index.ts';
import type { Optimize } from '../../../../compiler/lower/kernel.ts';
import { TARGETS } from '../../../../compiler/targets/index.ts';
import { Random } from '../../../support/random.ts';
import { chosenKernel, convolution, fullyConnected, type Product, productFault } from './products.ts';
import { randomBytes } from './support.ts';

const suite = makeSuite('products with dual multiplies');
const AGAIN = 'node --import ./tools/ts.mjs tests/lower/kernels/dsp/conv.test.ts';
type Kind = 'conv2d' | 'fully_connected';

function faultOf(seed: number, p: Product, kind: Kind = 'conv2d', optimize: Optimize = 'speed') {
  const r = new Random(seed);
  const graph = kind === 'conv2d' ? convolution(r, p) : fullyConnected(r, p);
  const label = `${kind} ${JSON.stringify(p)} seed ${seed} ${optimize}`;
  const { kernel, refused } = chosenKernel(graph);
  if (kernel !== `${kind}_dual_${p.dtype ?? 'i8'}`)
    return [`${label}: ${refused.map(({ reason }) => reason).join('; ')}`];
  const [height, width] = kind === 'conv2d' ? (p.size ?? [6, 6]) : [1, 1];
  const count = (p.batch ?? 1) * height * width * p.channels;
  const x = p.dtype === 'i16' ? randomHalfwords(r, count) : randomBytes(r, count);
  const found = productFault(graph, [x], optimize);
  return found === undefined ? [] : [`${label}: ${found}`];
}

function randomHalfwords(r: Random, length: number): Int16Array {
  return Int16Array.from({ length }, () => (r.chance(0.2) ? r.pick([-32768, 32767]) : r.int(-32768, 32767)));
}

/** Shapes that try blocks of pixels and of channels, windows, groups and rests. */
const SHAPES: readonly (Product & { readonly kind?: Kind })[] = [
  ...[1, 2, 3, 4, 5, 7].flatMap((width, i) =>
    [1, 2, 4, 7, 16].map((channels, j) => ({ size: [1, width] as const, channels, outputs: 1 + ((i * 3 + j) % 7) })),
  ),
  { channels: 3, outputs: 6, window: [3, 3], padding: [1, 1], stride: [2, 2] },
  { channels: 4, outputs: 5, window: [3, 2], padding: [2, 1], dilation: [1, 2] },
  { channels: 1, outputs: 4, window: [4, 4], padding: [1, 2], batch: 2 },
  { channels: 6, outputs: 4, window: [3, 3], groups: 2 },
  { kind: 'fully_connected', channels: 33, outputs: 10 },
  { kind: 'fully_connected', channels: 24, outputs: 5 },
  { kind: 'fully_connected', channels: 16, outputs: 1 },
  { kind: 'fully_connected', channels: 20, outputs: 17, batch: 3 },
];

suite('weights of -128, which do not go into pairs', () => {
  const faults = SHAPES.flatMap((p, seed) => [
    ...faultOf(seed, { ...p, weight: -128 }, p.kind),
    ...faultOf(seed, { ...p, lowest: true }, p.kind, seed % 2 === 0 ? 'size' : 'speed'),
  ]);
  assert.equal(faults, [], AGAIN);
});

suite('activations of 16 bits, whose reference sums up in 64 bits or in 32', () => {
  const faults = SHAPES.flatMap((p, seed) => [
    ...faultOf(seed, { ...p, dtype: 'i16' }, p.kind),
    ...faultOf(seed, { ...p, dtype: 'i16', accumulator: 'i32', activation: 'relu' }, p.kind),
    ...faultOf(seed, { ...p, dtype: 'i16', bias: 'none', lowest: true }, p.kind, 'size'),
  ]);
  assert.equal(faults, [], AGAIN);
});

suite('pixel by pixel: few and many pixels, inputs and channels, whether or not blocks divide them', () => {
  const faults = [1, 2, 3, 4, 5, 7, 8, 13].flatMap((width) =>
    [1, 2, 3, 4, 7, 8, 16, 33].flatMap((channels, i) =>
      [1, 2, 3, 5, 8, 11].flatMap((outputs, j) =>
        (i + j + width) % 2 === 0 ? faultOf(width, { size: [1, width], channels, outputs }) : [],
      ),
    ),
  );
  assert.equal(faults, [], AGAIN);
});

suite('windows over the edge, strides, dilations, batches', () => {
  const windows = [
    [3, 3],
    [1, 4],
    [2, 5],
    [4, 1],
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
        const channels = [1, 2, 3, 4, 5, 8, 9][(i + 2 * j + k) % 7] as number;
        const dilation =
          (i + j + k) % 3 === 0 ? ([2, 1] as const) : (i + j + k) % 3 === 1 ? ([1, 2] as const) : undefined;
        const batch = 1 + ((i + j) % 2);
        const shape = { batch, size: [7, 9] as const, channels, outputs: 3 + i + k, window, padding };
        return [
          ...faultOf(10 * i + j, { ...shape, stride: [stride, stride] }),
          ...(dilation === undefined ? [] : faultOf(i + j, { ...shape, stride: [1, stride], dilation })),
        ];
      }),
    ),
  );
  assert.equal(faults, [], AGAIN);
});

suite('a single row is read where it lies when its tile would be large or hardly used', () => {
  const faults = [
    ...faultOf(1, { channels: 4000, outputs: 4 }, 'fully_connected'),
    ...faultOf(2, { channels: 1600, outputs: 17 }, 'fully_connected'),
    ...faultOf(3, { channels: 2400, outputs: 6, weight: -127, outputScale: 2 }, 'fully_connected'),
    ...faultOf(4, { channels: 1600, outputs: 3 }, 'fully_connected', 'size'),
  ];
  assert.equal(faults, [], AGAIN);
  const graph = fullyConnected(new Random(1), { channels: 4000, outputs: 4 });
  assert.is(lower(graph, TARGETS['cortex-m4']).program.arenaBytes, 0, AGAIN);
});

suite('groups', () => {
  const faults = [
    ...faultOf(1, { channels: 8, outputs: 6, groups: 2, window: [3, 3], padding: [1, 1] }),
    ...faultOf(2, { channels: 6, outputs: 9, groups: 3, size: [5, 5] }),
    ...faultOf(3, { channels: 12, outputs: 4, groups: 4, window: [2, 3], stride: [2, 1], batch: 2 }),
    ...faultOf(4, { channels: 4, outputs: 20, groups: 2, window: [3, 1], padding: [1, 0], dilation: [2, 1] }),
  ];
  assert.equal(faults, [], AGAIN);
});

suite('deep sums are put together from blocks: all weights and inputs at their ends', () => {
  const faults = [127, -127, undefined].flatMap((weight, seed) => [
    ...faultOf(seed, {
      channels: 700,
      outputs: 5,
      size: [1, 3],
      outputScale: 2,
      ...(weight === undefined ? {} : { weight }),
    }),
    ...faultOf(
      seed,
      { channels: 1601, outputs: 6, outputScale: 2, ...(weight === undefined ? {} : { weight }) },
      'fully_connected',
    ),
    ...faultOf(seed, {
      channels: 64,
      outputs: 4,
      window: [5, 5],
      padding: [2, 2],
      outputScale: 2,
      ...(weight === undefined ? {} : { weight }),
    }),
  ]);
  assert.equal(faults, [], AGAIN);
});

suite('rows and units', () => {
  const faults = [1, 2, 3, 4, 5, 9].flatMap((batch) =>
    [1, 3, 10, 24, 65].flatMap((channels) =>
      [1, 2, 3, 4, 6, 10, 17].flatMap((outputs) =>
        faultOf(batch, { batch, channels, outputs, perTensor: outputs % 2 === 0 }, 'fully_connected'),
      ),
    ),
  );
  assert.equal(faults, [], AGAIN);
});

suite('every requantization, with biases of all sizes', () => {
  const faults = ([0.0002, 0.004, 0.02, 3] as const).flatMap((outputScale, i) =>
    (['none', 'relu', 'relu6'] as const).flatMap((activation, j) =>
      (['double', 'single', 'float'] as const).flatMap((rounding) =>
        (['none', 'usual', 'huge'] as const).flatMap((bias) => {
          const p = { channels: 6, outputs: 4, size: [3, 3], outputScale, activation, rounding, bias } as const;
          const found = faultOf(i * 3 + j, p);
          // Huge biases may leave 32 bits, which other kernels take.
          return bias === 'huge' ? found.filter((fault) => !fault.includes('a sum may leave 32 bits')) : found;
        }),
      ),
    ),
  );
  assert.equal(faults, [], AGAIN);
});

suite('dead channels with any bias, and clamps away from the ends of bytes', () => {
  const faults = [1, 2, 3, 4].flatMap((seed) => [
    ...faultOf(seed, { channels: 8, outputs: 9, size: [4, 4], dead: true }),
    ...faultOf(seed, { channels: 3, outputs: 7, window: [3, 3], padding: [1, 1], dead: true, activation: 'relu' }),
    ...faultOf(seed, { channels: 8, outputs: 6, size: [4, 4], activation: 'relu', outputZero: 10 * seed }),
    ...faultOf(seed, {
      channels: 8,
      outputs: 6,
      size: [4, 4],
      activation: 'relu6',
      outputZero: -100,
      outputScale: 0.01,
    }),
  ]);
  assert.equal(faults, [], AGAIN);
});

suite('small code computes the same', () => {
  const faults = [
    ...faultOf(1, { channels: 5, outputs: 7, size: [3, 5] }, 'conv2d', 'size'),
    ...faultOf(2, { channels: 3, outputs: 4, window: [3, 3], padding: [1, 1], stride: [2, 2] }, 'conv2d', 'size'),
    ...faultOf(3, { channels: 16, outputs: 3, window: [3, 2], dilation: [1, 2] }, 'conv2d', 'size'),
    ...faultOf(4, { batch: 3, channels: 37, outputs: 5 }, 'fully_connected', 'size'),
  ];
  assert.equal(faults, [], AGAIN);
});

suite('takes the place of its input where no pixel needs more room than it had', () => {
  const inPlace = (p: Product) => chosenKernel(convolution(new Random(1), p)).inPlace.length > 0;
  assert.ok(inPlace({ channels: 8, outputs: 8, size: [5, 5] }));
  assert.ok(inPlace({ channels: 8, outputs: 5, size: [5, 5] }));
  assert.not(inPlace({ channels: 8, outputs: 9, size: [5, 5] }));
  assert.not(inPlace({ channels: 8, outputs: 8, size: [5, 5], window: [3, 3], padding: [1, 1] }));
});

suite('says why it does not apply', () => {
  const reason = (p: Product, target: 'cortex-m4' | 'cortex-m3' = 'cortex-m4') =>
    chosenKernel(convolution(new Random(1), p), target).refused.find(
      ({ kernel }) => kernel === `conv2d_dual_${p.dtype ?? 'i8'}`,
    )?.reason;
  const plain = { channels: 4, outputs: 4 } as const;
  assert.is(reason(plain), undefined);
  assert.is(reason(plain, 'cortex-m3'), 'cortex-m3 has no dual multiplies');
  assert.is(reason({ channels: 600, outputs: 4, dtype: 'i16', weight: 127 }), 'a sum may leave 32 bits');
});

suite.run();
