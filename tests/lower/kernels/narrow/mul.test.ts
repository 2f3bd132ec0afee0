/** Products of bytes on small cores: every pair of stored values gives what evaluation says. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Graph } from '../../../../ir/tensor/graph.ts';
import type { DType, TensorType } from '../../../../ir/tensor/types.ts';
import { Random } from '../../../support/random.ts';
import { singleNode } from '../../../support/single-node.ts';
import { affineType, randomBytes } from '../dsp/support.ts';
import { chosen, NARROW_CORES, narrowFault } from './support.ts';

const suite = makeSuite('products of bytes on small cores');
const AGAIN = 'node --import ./tools/ts.mjs tests/lower/kernels/narrow/mul.test.ts';
const KERNEL = 'mul_narrow_i8';

/** All 65536 pairs. */
const LEFT = Int8Array.from({ length: 65536 }, (_, i) => (i >> 8) - 128);
const RIGHT = Int8Array.from({ length: 65536 }, (_, i) => (i & 255) - 128);

function product(types: readonly TensorType[], y: TensorType, attrs: object = {}): Graph {
  const given = types.map((type) => ({ type }));
  return singleNode('mul', { activation: 'none', ...attrs } as never, given, y);
}

suite('random scales, zero points and activations, on all pairs', () => {
  const faults = Array.from({ length: 5 }, (_, seed) => {
    const r = new Random(seed);
    const [a, b] = [0, 1].map(() => affineType('i8', [65536], 0.01 + 0.1 * r.unit(), r.int(-128, 127)));
    const zero = seed % 2 === 0 ? r.int(-128, 127) : -128;
    const y = affineType('i8', [1], (0.02 + 0.2 * r.unit()) * (seed === 3 ? 0.001 : 1), zero);
    const graph = product([a, b] as TensorType[], y, { activation: seed % 2 === 0 ? 'none' : 'relu' });
    return NARROW_CORES.flatMap((core) => {
      const found = narrowFault(graph, KERNEL, [LEFT, RIGHT], core);
      return found === undefined ? [] : [`seed ${seed} ${core}: ${found}`];
    });
  }).flat();
  assert.equal(faults, [], AGAIN);
});

suite('shapes that are spread to one', () => {
  const r = new Random(2);
  const shapes = [
    [[1], [1]],
    [[5], [5]],
    [[3, 7], [7]],
    [
      [2, 3, 4],
      [2, 1, 4],
    ],
    [[1], [3, 5]],
  ] as const;
  const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
  const faults = shapes.flatMap(([left, right]) =>
    NARROW_CORES.flatMap((core) => {
      const types = [affineType('i8', left, 0.05, 3), affineType('i8', right, 0.07, -9)];
      const graph = product(types, affineType('i8', [1], 0.3, 1));
      const found = narrowFault(graph, KERNEL, [randomBytes(r, size(left)), randomBytes(r, size(right))], core);
      return found === undefined ? [] : [`${left} and ${right} ${core}: ${found}`];
    }),
  );
  assert.equal(faults, [], AGAIN);
});

suite('what it leaves to others', () => {
  const graph = (dtype: DType, attrs: object = {}) =>
    product([affineType(dtype, [4], 0.1), affineType(dtype, [4], 0.1)], affineType(dtype, [1], 0.1), attrs);
  const reason = (of: Graph) => chosen(of, 'cortex-m3').refused.find(({ kernel }) => kernel === KERNEL)?.reason;
  assert.is(reason(graph('i16')), 'not for i16', AGAIN);
  assert.is(reason(graph('i8', { numerics: 'litert' })), 'rounds float, not twice', AGAIN);
  assert.is(reason(graph('i8')), undefined, AGAIN);
});

suite.run();
