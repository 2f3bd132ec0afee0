import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { evaluate } from '../../../../ir/tensor/evaluate.ts';
import { opRecord } from '../../../../ir/tensor/ops/index.ts';
import { NO_QUANT, type TensorType } from '../../../../ir/tensor/types.ts';
import { casesOf, evaluationFault } from '../../../support/cases.ts';
import { singleNode } from '../../../support/single-node.ts';

const suite = makeSuite('matrix products');
const AGAIN = 'node --import ./tools/ts.mjs tests/ir/tensor/ops/matmul.test.ts';

suite('every recorded answer of the reference kernels, floats and integers to the byte', async () => {
  const cases = await casesOf(['dense'], ['FULLY_CONNECTED', 'BATCH_MATMUL']);
  const faults = cases.flatMap((loaded) => {
    const fault = evaluationFault(loaded);
    return fault === undefined ? [] : [`${loaded.case.name}: ${fault}`];
  });
  assert.equal(faults, [], AGAIN);
  assert.ok(cases.length >= 45, `${cases.length} cases`);
});

const floats = (...shape: number[]): TensorType => ({ dtype: 'f32', shape, quant: NO_QUANT });
const attrs = { transposeA: false, transposeB: false, rounding: 'double' } as const;
const product = (a: number[], b: number[], transposeA = false, transposeB = false) =>
  singleNode('batch_matmul', { ...attrs, transposeA, transposeB }, [{ type: floats(...a) }, { type: floats(...b) }]);

suite('both sides transposed', () => {
  // [[1, 2], [3, 4], [5, 6]] transposed times [[1, 0, 2]] transposed.
  const graph = product([3, 2], [1, 3], true, true);
  const [y] = evaluate(graph, [Float32Array.of(1, 2, 3, 4, 5, 6), Float32Array.of(1, 0, 2)]).outputs;
  assert.equal(y, Float32Array.of(11, 14));
});

suite('batches broadcast on either side', () => {
  const graph = product([2, 1, 1, 1], [3, 1, 2]);
  assert.equal(graph.types.get('y')?.shape, [2, 3, 1, 2]);
  const [y] = evaluate(graph, [Float32Array.of(1, 10), Float32Array.of(1, 2, 3, 4, 5, 6)]).outputs;
  assert.equal(y, Float32Array.of(1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60));
});

suite('NaN and infinities are those of IEEE 754', () => {
  const graph = product([1, 2], [2, 3]);
  const b = Float32Array.of(1, Infinity, NaN, 0, -Infinity, 1);
  const [y] = evaluate(graph, [Float32Array.of(1, 1), b]).outputs;
  assert.equal(Array.from(y as Float32Array, String), ['1', 'NaN', 'NaN']);
});

suite('sums beyond 32 bits wrap', () => {
  const depth = 33027;
  assert.ok(255 * 255 * depth > 2 ** 31);
  const type = (zeroPoint: number, ...shape: number[]): TensorType => ({
    dtype: 'i8',
    shape,
    quant: { kind: 'affine', scale: [1], zeroPoint: [zeroPoint] },
  });
  const y: TensorType = { dtype: 'i8', shape: [], quant: { kind: 'affine', scale: [2 ** 25], zeroPoint: [0] } };
  const graph = singleNode('batch_matmul', attrs, [{ type: type(-128, 1, depth) }, { type: type(-128, depth, 1) }], y);
  const full = new Int8Array(depth).fill(127);
  // 255 * 255 * 33027 wraps to just above -2^31, and 2^31 / 2^25 is 64.
  assert.equal(evaluate(graph, [full, full]).outputs[0], Int8Array.of(-64));
});

suite('types and shapes that do not fit are refused', () => {
  assert.throws(() => product([2, 3], [2, 4]), /one inner extent/);
  assert.throws(() => product([3], [3, 4]), /expected matrices/);
  assert.throws(() => product([2, 2, 3], [3, 3, 4]), /agree or are 1/);
  const affine = (dtype: 'i8' | 'i16', zeroPoint: number): TensorType => ({
    dtype,
    shape: [2, 2],
    quant: { kind: 'affine', scale: [0.5], zeroPoint: [zeroPoint] },
  });
  const square = (type: TensorType) => singleNode('batch_matmul', attrs, [{ type }, { type }]);
  square(affine('i8', 3));
  square(affine('i16', 0));
  assert.throws(() => square(affine('i16', 3)), /zero point 0/);
  assert.throws(() => square({ dtype: 'i8', shape: [2, 2], quant: NO_QUANT }), /per-tensor affine/);
});

suite('multiply-accumulates are counted', () => {
  const macs = (a: TensorType, b: TensorType, y: TensorType) =>
    opRecord('batch_matmul').macs?.({ inputs: [a, b], outputs: [y] });
  assert.is(macs(floats(4, 3, 5), floats(5, 7), floats(4, 3, 7)), 4 * 3 * 5 * 7);
  assert.is(macs(floats(1, 5, 3), floats(4, 7, 5), floats(4, 3, 7)), 4 * 3 * 5 * 7);
  const inputs = [floats(4, 10), floats(3, 10)];
  assert.is(opRecord('fully_connected').macs?.({ inputs, outputs: [floats(4, 3)] }), 120);
});

suite.run();
