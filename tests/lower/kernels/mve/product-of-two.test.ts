/** Products of two tensors on Helium: equal to the reference for pairs of stored values, with operands that are repeated. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { Random } from '../../../support/random.ts';
import { type Given, programFault, singleNode } from '../../../support/single-node.ts';
import { affineType, planOf, randomBytes, reasonOf } from '../dsp/support.ts';

const suite = makeSuite('products of two tensors on Helium');
const AGAIN = 'node --import ./tools/ts.mjs tests/lower/kernels/mve/product-of-two.test.ts';
const TARGET = 'cortex-m55';

/** All 65536 pairs. */
const LEFT = Int8Array.from({ length: 65536 }, (_, i) => (i >> 8) - 128);
const RIGHT = Int8Array.from({ length: 65536 }, (_, i) => (i & 255) - 128);

const node = (a: Given, b: Given, yScale: number, activation = 'none') =>
  singleNode('mul', { activation } as never, [a, b], affineType('i8', [1], yScale, 7));

suite('all pairs', () => {
  const faults = [0.01, 0.05, 0.4].flatMap((yScale, seed) => {
    const r = new Random(seed);
    const [a, b] = [0, 1].map(() => ({ type: affineType('i8', [65536], 0.05, r.int(-128, 127)) })) as [Given, Given];
    const graph = node(a, b, yScale, r.pick(['none', 'relu', 'relu6']));
    assert.is(planOf(graph, TARGET).kernel, 'mul_mve', AGAIN);
    return programFault(graph, [LEFT, RIGHT], TARGET) ?? [];
  });
  assert.equal(faults, [], AGAIN);
});

suite('counts, and operands that are repeated or constant', () => {
  const shapes: readonly (readonly [number[], number[]])[] = [
    [[1], [1]],
    [[15], [15]],
    [[33], [33]],
    [
      [2, 3, 5, 20],
      [1, 1, 1, 20],
    ],
    [
      [1, 1, 1, 7],
      [2, 2, 2, 7],
    ],
    [
      [3, 2, 17],
      [2, 17],
    ],
    [[2, 16], [16]],
  ];
  const size = (shape: readonly number[]) => shape.reduce((n, extent) => n * extent, 1);
  const faults = shapes.flatMap(([left, right], seed) =>
    [false, true].flatMap((isConstant) => {
      const r = new Random(seed);
      const a = { type: affineType('i8', left, 0.05, 3) };
      const data = randomBytes(r, size(right));
      const b = { type: affineType('i8', right, 0.02, -9), ...(isConstant ? { data } : {}) };
      const graph = node(a, b, 0.1);
      assert.is(planOf(graph, TARGET).kernel, 'mul_mve', `${left} by ${right}; ${AGAIN}`);
      const inputs = [randomBytes(r, size(left)), ...(isConstant ? [] : [data])];
      const found = programFault(graph, inputs, TARGET);
      return found === undefined ? [] : [`${left} by ${right}: ${found}`];
    }),
  );
  assert.equal(faults, [], AGAIN);
});

suite('what it leaves to others, and why', () => {
  const of = (...shape: number[]): Given => ({ type: affineType('i8', shape, 0.1) });
  const reason = (a: Given, b: Given, yScale = 0.1, target: typeof TARGET | 'cortex-m4' = TARGET) =>
    reasonOf(node(a, b, yScale), 'mul_mve', target);
  assert.is(reason(of(4), of(4)), undefined);
  assert.is(reason(of(3, 4), of(3, 1)), 'repeats an operand along its last axes');
  assert.is(reason(of(4), of(4), 0.001), 'a factor is 1 or more, which shifts left');
  assert.is(reason(of(4), of(4), 0.1, 'cortex-m4'), 'the target has no Helium');
});

suite.run();
