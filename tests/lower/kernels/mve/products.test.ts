/** Convolution and fully connected layers on Helium: every shape computes what evaluation says. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { lower } from '../../../../compiler/lower/index.ts';
import { TARGETS } from '../../../../compiler/targets/index.ts';
import { bytesOf } from '../../../../ir/tensor/bytes.ts';
import { type Graph, typeOfValue } from '../../../../ir/tensor/graph.ts';
import { overlapFault, permitted } from '../../../support/overlapping.ts';
import { Random } from '../../../support/random.ts';
import { programFault } from '../../../support/single-node.ts';
import { chosenKernel, convolution, fullyConnected, type Product } from '../dsp/products.ts';
import { randomBytes } from '../dsp/support.ts';

const suite = makeSuite('products on Helium');
const AGAIN = 'node --import ./tools/ts.mjs tests/lower/kernels/mve/products.test.ts';
const TARGET = 'cortex-m55';
type Kind = 'conv2d' | 'fully_connected';

function graphOf(r: Random, p: Product, kind: Kind): Graph {
  return kind === 'conv2d' ? convolution(r, p) : fullyConnected(r, p);
}

function faultOf(seed: number, p: Product, kind: Kind = 'conv2d'): readonly string[] {
  const r = new Random(seed);
  const graph = graphOf(r, p, kind);
  const label = `${kind} ${JSON.stringify(p)} seed ${seed}`;
  const { kernel, refused } = chosenKernel(graph, TARGET);
  if (kernel !== `${kind}_mve`) return [`${label}: ${refused.map(({ reason }) => reason).join('; ')}`];
  const [height, width] = kind === 'conv2d' ? (p.size ?? [6, 6]) : [1, 1];
  const x = randomBytes(r, (p.batch ?? 1) * height * width * p.channels);
  const wrong = programFault(graph, [x], TARGET);
  if (wrong !== undefined) return [`${label}: ${wrong}`];
  const lowered = lower(graph, TARGETS[TARGET]);
  const bytes = [bytesOf(typeOfValue(graph, graph.inputs[0] as string), x)];
  const laid = permitted(lowered, graph).flatMap((pair) => overlapFault(lowered, graph, pair, bytes) ?? []);
  return laid.map((fault) => `${label}, result over input: ${fault}`);
}

suite('pixel by pixel: few and many pixels, inputs and channels, whether or not vectors divide them', () => {
  const faults = [1, 2, 3, 4, 5, 7].flatMap((width) =>
    [1, 3, 8, 15, 16, 17, 33, 64, 200].flatMap((channels, i) =>
      [1, 4, 5, 8, 9, 16, 20, 35].flatMap((outputs, j) =>
        (i + j + width) % 3 === 0 ? faultOf(width, { size: [1, width], channels, outputs, outputScale: 0.05 }) : [],
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
        const channels = [1, 2, 3, 5, 8, 16, 19, 32][(i + 2 * j + k) % 8] as number;
        const batch = 1 + ((i + j) % 2);
        const outputs = [3, 8, 16, 21][(i + j + k) % 4] as number;
        const shape = { batch, size: [13, 11] as const, channels, outputs, window, padding, outputScale: 0.05 };
        const dilation = (
          [
            [1, 1],
            [1, 2],
            [2, 1],
          ] as const
        )[(i + j + k) % 3] as readonly [number, number];
        const spread = window[0] === 10 ? ([1, dilation[1]] as const) : dilation;
        return [
          ...faultOf(10 * i + j, { ...shape, stride: [stride, stride] }),
          ...faultOf(i + j, { ...shape, stride: [1, stride], dilation: spread }),
        ];
      }),
    ),
  );
  assert.equal(faults, [], AGAIN);
});

suite('deep windows, in loops', () => {
  const faults = [
    ...faultOf(1, { channels: 64, outputs: 18, window: [3, 3], padding: [1, 1], size: [4, 5], outputScale: 0.05 }),
    ...faultOf(2, { channels: 48, outputs: 16, window: [5, 5], padding: [2, 2], size: [5, 4], outputScale: 0.05 }),
    ...faultOf(3, { channels: 330, outputs: 6, window: [2, 2], size: [4, 4], outputScale: 0.05 }),
    ...faultOf(4, { channels: 13, outputs: 17, window: [7, 7], padding: [3, 3], size: [7, 7], outputScale: 0.05 }),
  ];
  assert.equal(faults, [], AGAIN);
});

suite('fully connected: rows, depths and units', () => {
  const faults = [1, 2, 3, 4, 7].flatMap((batch) =>
    [1, 10, 16, 33, 640].flatMap((channels, i) =>
      [1, 5, 12, 16, 34].flatMap((outputs, j) =>
        (i + j + batch) % 2 === 0
          ? faultOf(batch, { batch, channels, outputs, outputScale: 0.05 }, 'fully_connected')
          : [],
      ),
    ),
  );
  assert.equal(faults, [], AGAIN);
});

suite('ends: saturation, clamps, zero points, bias, one scale for all, channels without weights', () => {
  const shape = { channels: 9, outputs: 21, window: [3, 3], padding: [1, 1] } as const;
  const variants: readonly Partial<Product>[] = [
    { outputScale: 0.01 },
    { outputScale: 1 },
    { outputScale: 40 },
    { activation: 'relu' },
    { activation: 'relu6', outputScale: 0.05 },
    { activation: 'relu', outputZero: 127 },
    { outputZero: -128 },
    { bias: 'none' },
    { bias: 'huge', outputScale: 0.05 },
    { perTensor: true },
    { dead: true, outputScale: 0.05 },
    { lowest: true },
    { weight: -128 },
  ];
  const faults = variants.flatMap((variant, seed) => faultOf(seed, { outputScale: 0.05, ...shape, ...variant }));
  assert.equal(faults, [], AGAIN);
});

suite('what it leaves to others, and why', () => {
  const reason = (p: Product, kind: Kind = 'conv2d') =>
    chosenKernel(graphOf(new Random(1), p, kind), TARGET).refused.find(({ kernel }) => kernel === `${kind}_mve`)
      ?.reason;
  const plain = { channels: 4, outputs: 4, outputScale: 0.05 };
  assert.is(reason(plain), undefined);
  assert.is(reason({ ...plain, groups: 2 }), 'has groups');
  assert.is(reason({ ...plain, dtype: 'i16' }), 'not int8');
  assert.is(reason({ ...plain, rounding: 'float' }), "rounds as 'float', not twice");
  assert.is(reason({ ...plain, rounding: 'single' }, 'fully_connected'), "rounds as 'single', not twice");
  assert.is(reason({ ...plain, outputScale: 1e-5 }), 'a factor is 1 or more, which shifts left');
  const m4 = lower(convolution(new Random(1), plain), TARGETS['cortex-m4']).plan.steps[0];
  assert.is(m4?.refused.find(({ kernel }) => kernel === 'conv2d_mve')?.reason, 'the target has no Helium');
});

suite.run();
