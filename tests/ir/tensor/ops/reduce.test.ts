import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { evaluate } from '../../../../ir/tensor/evaluate.ts';
import { NO_QUANT, type TensorType } from '../../../../ir/tensor/types.ts';
import { casesOf, evaluationFault } from '../../../support/cases.ts';
import { singleNode } from '../../../support/single-node.ts';

const suite = makeSuite('reduce ops');
const AGAIN = 'node --import ./tools/ts.mjs tests/ir/tensor/ops/reduce.test.ts';

suite('every recorded answer of the reference kernels, floats and integers to the byte', async () => {
  const cases = await casesOf(['reduce']);
  const faults = cases.flatMap((loaded) => {
    const fault = evaluationFault(loaded);
    return fault === undefined ? [] : [`${loaded.case.name}: ${fault}`];
  });
  assert.equal(faults, [], AGAIN);
  assert.ok(cases.length >= 370, `${cases.length} cases`);
});

const plain = (dtype: TensorType['dtype'], ...shape: number[]): TensorType => ({ dtype, shape, quant: NO_QUANT });
const bytes = (scale: number, zeroPoint: number, ...shape: number[]): TensorType => ({
  dtype: 'i8',
  shape,
  quant: { kind: 'affine', scale: [scale], zeroPoint: [zeroPoint] },
});
const along = (axes: number[], keepDims = false) => ({ axes, keepDims });

suite('axes stay with extent 1 or go', () => {
  const x = { type: plain('i32', 2, 3, 2) };
  const values = Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
  const run = (axes: number[], keepDims: boolean) => {
    const graph = singleNode('sum', along(axes, keepDims), [x]);
    return [graph.types.get('y')?.shape, [...(evaluate(graph, [values]).outputs[0] as Int32Array)]];
  };
  assert.equal(run([1], false), [
    [2, 2],
    [9, 12, 27, 30],
  ]);
  assert.equal(run([0, 2], true), [
    [1, 3, 1],
    [18, 26, 34],
  ]);
  assert.equal(run([0, 1, 2], false), [[], [78]]);
  assert.equal(run([], true), [[2, 3, 2], [...values]]);
});

suite('32-bit sums wrap, their means do not and go towards zero', () => {
  const x = { type: plain('i32', 3) };
  const values = Int32Array.of(2 ** 31 - 1, 2 ** 31 - 1, 0);
  assert.equal(evaluate(singleNode('sum', along([0]), [x]), [values]).outputs[0], Int32Array.of(-2));
  assert.equal(evaluate(singleNode('mean', along([0]), [x]), [values]).outputs[0], Int32Array.of(1431655764));
  assert.equal(evaluate(singleNode('mean', along([0]), [x]), [Int32Array.of(-1, -1, 0)]).outputs[0], Int32Array.of(0));
});

suite('quantized sums are real sums', () => {
  const graph = singleNode('sum', along([0]), [{ type: bytes(0.5, 10, 4) }], bytes(1, -3, 0));
  // (20 - 10 + 0 - 10 + 14 - 10 + 12 - 10) * 0.5 = 3.
  assert.equal(evaluate(graph, [Int8Array.of(20, 0, 14, 12)]).outputs[0], Int8Array.of(0));
  const narrow = singleNode('sum', along([0]), [{ type: bytes(0.5, 0, 4) }], bytes(0.5, 100, 0));
  assert.equal(evaluate(narrow, [Int8Array.of(20, 20, 20, 0)]).outputs[0], Int8Array.of(127));
});

suite('the first of equals wins', () => {
  const x = { type: plain('i32', 2, 3) };
  const values = Int32Array.of(3, 7, 7, 4, 1, 1);
  assert.equal(
    evaluate(singleNode('arg_max', { axis: 1 }, [x], plain('i32')), [values]).outputs[0],
    Int32Array.of(1, 0),
  );
  assert.equal(
    evaluate(singleNode('arg_min', { axis: 1 }, [x], plain('i32')), [values]).outputs[0],
    Int32Array.of(0, 1),
  );
});

suite('running sums leave out their own element and turn around', () => {
  const x = { type: plain('i32', 4) };
  const run = (exclusive: boolean, reverse: boolean) =>
    evaluate(singleNode('cumsum', { axis: 0, exclusive, reverse }, [x]), [Int32Array.of(1, 2, 3, 2 ** 31 - 1)])
      .outputs[0];
  assert.equal(run(false, false), Int32Array.of(1, 3, 6, -(2 ** 31) + 5));
  assert.equal(run(true, false), Int32Array.of(0, 1, 3, 6));
  assert.equal(run(true, true), Int32Array.of(-(2 ** 31) + 4, -(2 ** 31) + 2, 2 ** 31 - 1, 0));
});

suite('attributes and types that do not fit are refused', () => {
  const x = { type: plain('f32', 2, 3) };
  assert.throws(() => singleNode('sum', along([2]), [x]), /axes of f32\[2,3\] in increasing order/);
  assert.throws(() => singleNode('sum', along([1, 0]), [x]), /increasing order/);
  assert.throws(() => singleNode('sum', along([1, 1]), [x]), /increasing order/);
  assert.throws(() => singleNode('arg_max', { axis: 2 }, [x], plain('i32')), /an axis of/);
  assert.throws(() => singleNode('mean', along([0]), [{ type: plain('i8', 3) }]), /per-tensor affine/);
  assert.throws(
    () => singleNode('mean', along([0]), [{ type: plain('i32', 2 ** 21 + 1) }]),
    /at most 2097152 elements/,
  );
  const given = { type: bytes(0.5, 1, 3) };
  assert.throws(() => singleNode('reduce_max', along([0]), [given], bytes(0.5, 2, 0)), /equal quantization/);
  assert.throws(() => singleNode('sum', along([0]), [given], bytes(2 ** -33, 0, 0)), /output scale within 2\^30/);
  const cumsum = { axis: 0, exclusive: false, reverse: false };
  assert.throws(() => singleNode('cumsum', cumsum, [given], bytes(2 ** -25, 0, 0)), /output scale within 2\^0/);
});

suite.run();
