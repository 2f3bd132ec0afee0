/** Convolution and fully connected layers on small cores: every shape computes what evaluation says. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Optimize } from '../../../../compiler/lower/kernel.ts';
import { Random } from '../../../support/random.ts';
import { convolution, fullyConnected, type Product } from '../dsp/products.ts';
import { randomBytes } from '../dsp/support.ts';
import { chosen, NARROW_CORES, narrowFault } from './support.ts';

const suite = makeSuite('products on small cores');
const AGAIN = 'node --import ./tools/ts.mjs tests/lower/kernels/narrow/products.test.ts';
type Kind = 'conv2d' | 'fully_connected';

/** On all cores, as far as the kernel is chosen at all. */
function faultsOf(seed: number, p: Product, kind: Kind = 'conv2d', optimize: Optimize = 'speed'): string[] {
  const r = new Random(seed);
  const graph = kind === 'conv2d' ? convolution(r, p) : fullyConnected(r, p);
  const [height, width] = kind === 'conv2d' ? (p.size ?? [6, 6]) : [1, 1];
  const x = randomBytes(r, (p.batch ?? 1) * height * width * p.channels);
  return NARROW_CORES.flatMap((core) => {
    const found = narrowFault(graph, `${kind}_narrow_i8`, [x], core, optimize);
    return found === undefined ? [] : [`${kind} ${JSON.stringify(p)} seed ${seed} ${optimize} ${core}: ${found}`];
  });
}

suite('pixel by pixel: few and many pixels, inputs and channels, whether or not blocks divide them', () => {
  const faults = [1, 2, 3, 4, 5, 7, 13].flatMap((width) =>
    [1, 2, 3, 7, 8, 33].flatMap((channels, i) =>
      [1, 2, 3, 5, 8, 11].flatMap((outputs, j) =>
        (i + j + width) % 3 === 0 ? faultsOf(width, { size: [1, width], channels, outputs }) : [],
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
    [10, 4],
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
        const dilation = (
          [
            [2, 1],
            [1, 2],
            [1, 1],
          ] as const
        )[(i + j + k) % 3] as readonly [number, number];
        const size = [20 + i, 13 + j] as const;
        const batch = 1 + ((i + j) % 2);
        const across = [stride, 1 + ((stride + j) % 3)] as const;
        const outputs = 1 + ((i + j + k) % 5);
        return faultsOf(i, { window, padding, stride: across, dilation, size, channels, outputs, batch });
      }),
    ),
  );
  assert.equal(faults, [], AGAIN);
});

suite('groups, for speed and for size', () => {
  const faults = [2, 3, 4].flatMap((groups) =>
    (['speed', 'size'] as const).flatMap((optimize) =>
      faultsOf(groups, { channels: 5 * groups, outputs: 3 * groups, groups, window: [3, 3] }, 'conv2d', optimize),
    ),
  );
  assert.equal(faults, [], AGAIN);
});

suite('fully connected layers of one row and of many', () => {
  const faults = [1, 2, 5, 9].flatMap((batch) =>
    [1, 8, 40, 67].flatMap((channels) =>
      [1, 4, 9, 16].flatMap((outputs) => faultsOf(channels, { batch, channels, outputs }, 'fully_connected')),
    ),
  );
  assert.equal(faults, [], AGAIN);
});

suite('scales large and small, activations, roundings, odd weights and biases', () => {
  const base: Product = { channels: 9, outputs: 7, window: [3, 3], padding: [1, 1] };
  const kinds: readonly Partial<Product>[] = [
    { outputScale: 1e-5 },
    { outputScale: 0.0004 },
    { outputScale: 0.3 },
    { outputScale: 40 },
    { activation: 'relu' },
    { activation: 'relu6', outputScale: 0.01 },
    { rounding: 'single' },
    { rounding: 'float' },
    { bias: 'none' },
    { bias: 'huge' },
    { dead: true },
    { perTensor: true, lowest: true },
    { weight: -128 },
    { outputZero: 127 },
    { outputZero: -127, activation: 'relu' },
  ];
  assert.equal(
    kinds.flatMap((kind, seed) => faultsOf(seed, { ...base, ...kind })),
    [],
    AGAIN,
  );
});

suite('tiles that do not fit into words stay bytes', () => {
  const faults = [64, 200].flatMap((channels) =>
    faultsOf(channels, { channels, outputs: 3, window: [3, 3], padding: [1, 1], size: [4, 5] }),
  );
  assert.equal(faults, [], AGAIN);
});

suite('what small cores leave to others', () => {
  const graph = (p: Partial<Product>) => convolution(new Random(1), { channels: 4, outputs: 4, ...p });
  const reason = (p: Partial<Product>, core: Parameters<typeof chosen>[1] = 'cortex-m3') =>
    chosen(graph(p), core).refused.find(({ kernel }) => kernel === 'conv2d_narrow_i8')?.reason;
  assert.is(reason({ dtype: 'i16' }), 'not for i16', AGAIN);
  assert.is(reason({}, 'c'), 'c is not a small core', AGAIN);
  const far = reason({ window: [17, 17], size: [20, 20], channels: 1 });
  assert.is(far, 'a window of more than 16 taps on both axes', AGAIN);
  assert.is(reason({ window: [17, 2], size: [20, 20], channels: 1 }), undefined, AGAIN);
});

suite.run();
