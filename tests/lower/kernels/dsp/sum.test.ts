/** Sums of bytes as linear functions: equal to the reference for every pair of stored values. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Graph } from '../../../../ir/tensor/graph.ts';
import { affineOf, type TensorType } from '../../../../ir/tensor/types.ts';
import { Random } from '../../../support/random.ts';
import { type Given, programFault, singleNode } from '../../../support/single-node.ts';
import { affineType, fault, planOf, randomBytes, reasonOf } from './support.ts';

const suite = makeSuite('linear sums of bytes');
const AGAIN = 'node --import ./tools/ts.mjs tests/lower/kernels/dsp/sum.test.ts';

/** All 65536 pairs. */
const LEFT = Int8Array.from({ length: 65536 }, (_, i) => (i >> 8) - 128);
const RIGHT = Int8Array.from({ length: 65536 }, (_, i) => (i & 255) - 128);

type Op = 'add' | 'sub';

function node(op: Op, operands: readonly Given[], y: TensorType, activation = 'none'): Graph {
  return singleNode(op, { activation } as never, operands, y);
}

function randomType(r: Random, shape: readonly number[], scale = 10 ** (-2 + 1.5 * r.unit())): TensorType {
  return affineType('i8', shape, scale, r.int(-128, 127));
}

for (const op of ['add', 'sub'] as const) {
  suite(`${op}: random scales and zero points, on all pairs`, () => {
    const faults: string[] = [];
    let fitted = 0;
    for (let seed = 0; seed < 12; seed++) {
      const r = new Random(seed);
      const a = randomType(r, [65536]);
      const b = seed % 4 === 0 ? { ...randomType(r, [65536]), quant: a.quant } : randomType(r, [65536]);
      // Twice the scale of equal operands makes every second sum a tie.
      const y = seed % 8 === 0 ? affineType('i8', [1], 2 * affineOf(a).scale, 3) : randomType(r, [1]);
      const graph = node(op, [{ type: a }, { type: b }], y, r.pick(['none', 'relu', 'relu6']));
      if (planOf(graph).kernel === `${op}_linear`) fitted++;
      const found = programFault(graph, [LEFT, RIGHT], 'cortex-m4');
      if (found !== undefined) faults.push(`seed ${seed}: ${found}`);
    }
    assert.equal(faults, [], AGAIN);
    assert.ok(fitted >= 10, `only ${fitted} of 12 have a linear function; ${AGAIN}`);
  });
}

suite('counts that are no multiple of a group, repeated and constant operands', () => {
  const r = new Random(5);
  const cases: readonly (readonly [number[], number[], boolean])[] = [
    [[1], [1], false],
    [[2], [2], false],
    [[7], [7], false],
    [[3, 5], [5], false],
    [[2, 3, 4], [2, 1, 4], false],
    [[4, 3], [4, 3], true],
    [[4, 3], [1], true],
  ];
  const faults = cases.flatMap(([left, right, isConstant]) => {
    const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
    const constant = isConstant ? { data: randomBytes(r, size(right)) } : {};
    const graph = node(
      'sub',
      [{ type: randomType(r, left) }, { type: randomType(r, right), ...constant }],
      randomType(r, [1]),
    );
    const inputs = [randomBytes(r, size(left)), ...(isConstant ? [] : [randomBytes(r, size(right))])];
    const found = fault(graph, inputs);
    return found === undefined ? [] : [`${left} and ${right}: ${found}`];
  });
  assert.equal(faults, [], AGAIN);
});

/** `a` + `b` of nine elements with these scales and zero points. */
function small(dtype: 'u8' | 'i8' | 'i16', scales: readonly number[], zero: number): Graph {
  const [a, b, y] = scales.map((scale) => affineType(dtype, [9], scale, zero)) as [TensorType, TensorType, TensorType];
  return node('add', [{ type: a }, { type: b }], y);
}

suite('unsigned bytes', () => {
  const graph = small('u8', [0.1, 0.137, 0.171], 100);
  assert.is(planOf(graph).kernel, 'add_linear');
  const [a, b] = [Uint8Array.of(0, 255, 1, 3, 99, 100, 200, 255, 0), Uint8Array.of(0, 255, 9, 8, 7, 6, 101, 0, 255)];
  assert.is(fault(graph, [a, b]), undefined, AGAIN);
});

suite('16 bits: random scales, ends of the range among random values', () => {
  const faults: string[] = [];
  let short = 0;
  for (let seed = 0; seed < 40; seed++) {
    const r = new Random(seed);
    const op = r.pick(['add', 'sub'] as const);
    const [a, b, y] = [0, 1, 2].map(() =>
      affineType('i16', [2000], 0.001 * (1 + 9 * r.unit()) * (seed % 5 === 0 ? 2 ** -4 : 1)),
    ) as [TensorType, TensorType, TensorType];
    const graph = node(op, [{ type: a }, { type: seed % 4 === 0 ? a : b }], y, r.pick(['none', 'relu']));
    if (planOf(graph).kernel === `${op}_i16`) short++;
    const values = () =>
      Int16Array.from({ length: 2000 }, () => (r.chance(0.1) ? r.pick([-32768, 32767, 0]) : r.int(-32768, 32767)));
    const found = fault(graph, [values(), values()]);
    if (found !== undefined) faults.push(`seed ${seed}: ${found}`);
  }
  assert.equal(faults, [], AGAIN);
  assert.ok(short >= 30, `only ${short} of 40 have the short form; ${AGAIN}`);
});

suite('says why it does not apply', () => {
  assert.is(reasonOf(small('i16', [0.1, 0.1, 0.2], 0), 'add_linear'), 'not for i16');
  // 5/8 a + 13/16 b but for the last bits of the scales: on ties the reference's own errors decide.
  assert.is(reasonOf(small('i8', [0.1, 0.13, 0.16], 0), 'add_linear'), 'no linear function gives all its results');
});

suite.run();
