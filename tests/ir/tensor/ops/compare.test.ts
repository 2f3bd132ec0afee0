import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { importTflite } from '../../../../compiler/import/tflite/import.ts';
import { evaluate } from '../../../../ir/tensor/evaluate.ts';
import { type DType, NO_QUANT, type TensorType } from '../../../../ir/tensor/types.ts';
import { casesOf, evaluationFault, graphOf, type LoadedCase } from '../../../support/cases.ts';
import { singleNode } from '../../../support/single-node.ts';
import { constant, opCase, tensor } from '../../../support/tflite/build-case.ts';
import { writeTflite } from '../../../support/tflite-writer.ts';

const suite = makeSuite('comparisons, logic and select');
const AGAIN = 'node --import ./tools/ts.mjs tests/ir/tensor/ops/compare.test.ts';

const isLong = ({ case: { model } }: LoadedCase) => model.subgraphs[0].tensors.some((tensor) => tensor.type === 'i64');
const cases = (await casesOf(['logic'])).filter(({ case: { name } }) => name !== 'logical not');

suite('every recorded answer of the reference kernels to the byte', () => {
  const checked = cases.filter((loaded) => !isLong(loaded));
  const faults = checked.flatMap((loaded) => {
    const fault = evaluationFault(loaded);
    return fault === undefined ? [] : [`${loaded.case.name}: ${fault}`];
  });
  assert.equal(faults, [], AGAIN);
  assert.ok(checked.length >= 120, `${checked.length} cases`);
});

suite('inputs of 64 bits are refused with advice', () => {
  const long = cases.filter(isLong);
  assert.ok(long.length > 0);
  for (const loaded of long) assert.throws(() => graphOf(loaded), /expected an input of at most 32 bits/);
});

suite('constants of 64 bits are compared at import', () => {
  const left = constant(tensor('i64', [3]), [1n, 2n ** 60n + 1n, 3n]);
  const right = constant(tensor('i64', [3]), [1n, 2n ** 60n, 4n]);
  for (const [op, expected] of [
    ['EQUAL', [1, 0, 0]],
    ['GREATER', [0, 1, 0]],
    ['LESS_EQUAL', [1, 0, 1]],
  ] as const) {
    const { model } = opCase(op, op, [left, right], [tensor('bool', [3])]);
    const { graph } = importTflite(writeTflite(model), { name: 'long' });
    assert.equal(graph.nodes, []);
    assert.equal(Array.from(evaluate(graph, []).outputs[0] as Uint8Array), expected, op);
  }
});

const plain = (dtype: DType, ...shape: number[]): TensorType => ({ dtype, shape, quant: NO_QUANT });

suite('NaN equals nothing', () => {
  const types = [{ type: plain('f32', 2) }, { type: plain('f32', 2) }];
  const a = Float32Array.of(Number.NaN, 1);
  const run = (op: 'equal' | 'not_equal' | 'less' | 'greater_equal') =>
    evaluate(singleNode(op, {}, types, plain('bool')), [a, a]).outputs[0];
  assert.equal(run('equal'), Uint8Array.of(0, 1));
  assert.equal(run('not_equal'), Uint8Array.of(1, 0));
  assert.equal(run('less'), Uint8Array.of(0, 0));
  assert.equal(run('greater_equal'), Uint8Array.of(0, 1));
});

suite('a scalar condition chooses one whole operand', () => {
  const types = [{ type: plain('bool') }, { type: plain('i16', 2, 2) }, { type: plain('i16', 2, 2) }];
  const graph = singleNode('select', {}, types, plain('i16'));
  const [a, b] = [Int16Array.of(1, 2, 3, 4), Int16Array.of(5, 6, 7, 8)];
  assert.equal(evaluate(graph, [Uint8Array.of(1), a, b]).outputs[0], a);
  assert.equal(evaluate(graph, [Uint8Array.of(0), a, b]).outputs[0], b);
});

suite('SELECT with a condition of the wrong number of rows is refused', () => {
  const x = tensor('f32', [4, 3]);
  const { model } = opCase('rows', 'SELECT', [tensor('bool', [3]), x, x], [x]);
  assert.throws(() => importTflite(writeTflite(model), { name: 'rows' }), /expected a condition of 4 elements/);
});

suite.run();
