/** Float to byte by one conversion. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Graph } from '../../../../ir/tensor/graph.ts';
import { NO_QUANT, type TensorType } from '../../../../ir/tensor/types.ts';
import { Random } from '../../../support/random.ts';
import { singleNode } from '../../../support/single-node.ts';
import { affineType, fault, planOf, reasonOf } from './support.ts';

const suite = makeSuite('float to byte');
const AGAIN = 'node --import ./tools/ts.mjs tests/lower/kernels/dsp/quantize.test.ts';
const SPECIAL = [
  0,
  -0,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  2 ** 31,
  -(2 ** 31),
  3e38,
  -3e38,
  1e-40,
  -1e-40,
];

function node(length: number, y: TensorType): Graph {
  return singleNode('quantize', {} as never, [{ type: { dtype: 'f32', shape: [length], quant: NO_QUANT } }], y);
}

/** Special values, every tie of the scale with its neighbours, and random ones. */
function inputs(scale: number, seed: number): Float32Array {
  const r = new Random(seed);
  const ties = Array.from({ length: 300 }, (_, i) => Math.fround((i - 150 + 0.5) * scale));
  const beside = ties.flatMap((tie) => [tie, tie * (1 + 2 ** -23), tie * (1 - 2 ** -24)]);
  return Float32Array.from([
    ...SPECIAL,
    ...beside,
    ...Array.from({ length: 500 }, () => (r.unit() - 0.5) * 400 * scale),
  ]);
}

suite('ties and their neighbours, ends of ranges, NaN', () => {
  const faults = ([0.05, 0.0625, 1, 1 / 255, 3.7e-5, 2 ** -120] as const).flatMap((scale, seed) =>
    (
      [
        ['i8', -128],
        ['i8', 3],
        ['u8', 200],
      ] as const
    ).flatMap(([dtype, zero]) => {
      const x = inputs(Math.fround(scale), seed);
      const graph = node(x.length, affineType(dtype, [1], scale, zero));
      const found = planOf(graph).kernel === 'quantize_bytes' ? fault(graph, [x]) : 'another kernel';
      return found === undefined ? [] : [`scale ${scale} to ${dtype} with ${zero}: ${found}`];
    }),
  );
  assert.equal(faults, [], AGAIN);
});

suite('says why it does not apply', () => {
  assert.is(reasonOf(node(4, affineType('i16', [1], 0.1)), 'quantize_bytes'), 'not to i16');
  assert.is(
    reasonOf(node(4, affineType('i8', [1], 2 ** -126)), 'quantize_bytes'),
    'half the scale is no normal number',
  );
});

suite.run();
