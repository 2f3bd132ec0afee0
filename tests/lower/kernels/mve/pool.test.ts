/** Maximum pooling on Helium: every geometry computes what evaluation says. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { Random } from '../../../support/random.ts';
import { programFault, singleNode } from '../../../support/single-node.ts';
import { affineType, planOf, randomBytes, reasonOf } from '../dsp/support.ts';

const suite = makeSuite('maximum pooling on Helium');
const AGAIN = 'node --import ./tools/ts.mjs tests/lower/kernels/mve/pool.test.ts';
const TARGET = 'cortex-m55';

interface Pool {
  readonly channels: number;
  readonly window: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding?: readonly [before: number, after: number];
  readonly activation?: 'none' | 'relu' | 'relu6';
}

function node({ channels, window, stride, padding = [0, 0], activation = 'none' }: Pool) {
  const [before, after] = padding;
  const type = affineType('i8', [2, 7, 6, channels], 0.05, -5);
  const pads = { top: before, left: before, bottom: after, right: after };
  return singleNode('max_pool2d', { window, stride, padding: pads, activation } as never, [{ type }], type);
}

suite('channels, windows, strides, paddings, activations', () => {
  const windows = [
    [2, 2],
    [3, 3],
    [1, 4],
  ] as const;
  const faults = [8, 15, 16, 17, 40].flatMap((channels, i) =>
    windows.flatMap((window, j) =>
      (
        [
          [1, 1],
          [2, 2],
          [3, 1],
        ] as const
      ).flatMap((stride, l) => {
        const activation = (['none', 'relu', 'relu6'] as const)[(i + j + l) % 3] ?? 'none';
        const pool: Pool = {
          channels,
          window,
          stride,
          activation,
          padding: (j + l) % 2 === 0 || window[0] === 1 ? [0, 0] : [1, 1],
        };
        const graph = node(pool);
        assert.is(planOf(graph, TARGET).kernel, 'max_pool2d_mve', AGAIN);
        const found = programFault(graph, [randomBytes(new Random(i), 84 * channels)], TARGET);
        return found === undefined ? [] : [`${JSON.stringify(pool)}: ${found}`];
      }),
    ),
  );
  assert.equal(faults, [], AGAIN);
});

suite('what it leaves to others, and why', () => {
  const pool: Pool = { channels: 16, window: [2, 2], stride: [2, 2] };
  assert.is(reasonOf(node(pool), 'max_pool2d_mve', TARGET), undefined);
  assert.is(reasonOf(node({ ...pool, channels: 7 }), 'max_pool2d_mve', TARGET), 'has fewer than 8 channels');
  assert.is(reasonOf(node(pool), 'max_pool2d_mve', 'cortex-m4'), 'the target has no Helium');
});

suite.run();
