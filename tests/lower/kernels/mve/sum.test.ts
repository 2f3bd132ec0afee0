/** Sums and differences on Helium: equal to the reference for every pair of stored values. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import type { TensorType } from '../../../../ir/tensor/types.ts';
import { Random } from '../../../support/random.ts';
import { programFault, singleNode } from '../../../support/single-node.ts';
import { affineType, planOf, randomBytes, reasonOf } from '../dsp/support.ts';

const suite = makeSuite('sums on Helium');
const AGAIN = 'node --import ./tools/ts.mjs tests/lower/kernels/mve/sum.test.ts';
const TARGET = 'cortex-m55';

/** All 65536 pairs. */
const LEFT = Int8Array.from({ length: 65536 }, (_, i) => (i >> 8) - 128);
const RIGHT = Int8Array.from({ length: 65536 }, (_, i) => (i & 255) - 128);

type Op = 'add' | 'sub';

function node(op: Op, a: TensorType, b: TensorType, y: TensorType, activation = 'none') {
  return singleNode(op, { activation } as never, [{ type: a }, { type: b }], y);
}

function randomType(r: Random, shape: readonly number[]): TensorType {
  return affineType('i8', shape, 10 ** (-2 + 1.5 * r.unit()), r.int(-128, 127));
}

for (const op of ['add', 'sub'] as const) {
  suite(`${op}: random scales and zero points, on all pairs`, () => {
    const faults: string[] = [];
    let taken = 0;
    for (let seed = 0; seed < 4; seed++) {
      const r = new Random(seed);
      const graph = node(
        op,
        randomType(r, [65536]),
        randomType(r, [65536]),
        randomType(r, [1]),
        r.pick(['none', 'relu', 'relu6']),
      );
      if (planOf(graph, TARGET).kernel === `${op}_mve`) taken++;
      const found = programFault(graph, [LEFT, RIGHT], TARGET);
      if (found !== undefined) faults.push(`seed ${seed}: ${found}`);
    }
    assert.equal(faults, [], AGAIN);
    assert.ok(taken >= 3, `only ${taken} of 4 are taken; ${AGAIN}`);
  });
}

suite('counts that are no multiple of a vector', () => {
  const faults = [1, 2, 15, 16, 17, 31, 33, 100].flatMap((count) => {
    const r = new Random(count);
    const graph = node('add', randomType(r, [count]), randomType(r, [count]), randomType(r, [1]));
    const found = programFault(graph, [randomBytes(r, count), randomBytes(r, count)], TARGET);
    return found === undefined ? [] : [`${count}: ${found}`];
  });
  assert.equal(faults, [], AGAIN);
});

suite('what it leaves to others, and why', () => {
  const small = affineType('i8', [4], 0.1);
  const repeated = node('add', affineType('i8', [3, 4], 0.1), small, small);
  assert.is(reasonOf(repeated, 'add_mve', TARGET), 'repeats an operand');
  assert.is(reasonOf(node('add', small, small, small), 'add_mve', 'cortex-m4'), 'the target has no Helium');
  const wide = affineType('i16', [4], 0.1);
  assert.is(reasonOf(node('sub', wide, wide, wide), 'sub_mve', TARGET), 'not int8');
});

suite.run();
