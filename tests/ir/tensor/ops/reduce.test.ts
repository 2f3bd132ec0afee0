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

suite('the last of equals wins where it is asked for', () => {
  const pick = (op: 'arg_max' | 'arg_min', ...values: number[]) => {
    const graph = singleNode(op, { axis: 0, selectLast: true }, [{ type: plain('f32', values.length) }], plain('i32'));
    return (evaluate(graph, [Float32Array.from(values)]).outputs[0] as Int32Array)[0];
  };
  assert.is(pick('arg_max', 3, 7, 7, 1), 2);
  assert.is(pick('arg_min', 3, 1, 7, 1), 3);
  assert.is(pick('arg_max', -0, 0, -0), 2);
  // NaN beats and equals nothing: at index 0 nothing takes its place, elsewhere it takes no other's.
  assert.is(pick('arg_max', NaN, 7, 7), 0);
  assert.is(pick('arg_max', 7, NaN, 1), 0);
});

suite('products as NumPy has them', () => {
  // numpy 2.4: x.prod(axis), np.multiply.accumulate(x, axis, dtype); x = np.array(values, dtype).reshape(2, 3).
  const ints = Int32Array.of(-3, 65536, 7, 40000, 32768, -5);
  const floats = Float32Array.of(0.1, -3, 7.3, 1e20, 1e20, 1e-30);
  const run = (op: 'reduce_prod' | 'cumprod', axis: number, x: Int32Array | Float32Array, more = {}) => {
    const type = { type: plain(x instanceof Int32Array ? 'i32' : 'f32', 2, 3) };
    const attrs = { axis, exclusive: false, reverse: false, ...more };
    const graph = op === 'cumprod' ? singleNode(op, attrs, [type]) : singleNode(op, along([axis]), [type]);
    return [...(evaluate(graph, [x]).outputs[0] as Float32Array)];
  };
  const f32 = (...values: number[]) => values.map(Math.fround);
  assert.equal(run('reduce_prod', 0, ints), [-120000, -2147483648, -35]);
  assert.equal(run('reduce_prod', 1, ints), [-1376256, 2036334592]);
  assert.equal(run('reduce_prod', 0, floats), f32(1e19, -3e20, 7.3000005e-30));
  assert.equal(run('cumprod', 1, ints), [-3, -196608, -1376256, 40000, 1310720000, 2036334592]);
  assert.equal(run('cumprod', 1, floats), f32(0.1, -0.3, -2.19, 1e20, Infinity, Infinity));
  assert.equal(run('cumprod', 1, floats, { reverse: true }), f32(-2.1900003, -21.900002, 7.3, 1e10, 1e-10, 1e-30));
  // Exclusive: the same moved by one place, from 1.
  assert.equal(run('cumprod', 1, ints, { exclusive: true }), [1, -3, -196608, 1, 40000, 1310720000]);
});

suite('bools: any and all; plain bytes compare as they are', () => {
  const run = (op: 'reduce_max' | 'reduce_min', type: TensorType, ...values: number[]) => {
    const data = type.dtype === 'i8' ? Int8Array.from(values) : Uint8Array.from(values);
    return [...(evaluate(singleNode(op, along([1]), [{ type }]), [data]).outputs[0] as Uint8Array)];
  };
  const flags = [0, 0, 0, 1, 1, 1] as const;
  assert.equal(run('reduce_max', plain('bool', 3, 2), ...flags), [0, 1, 1]);
  assert.equal(run('reduce_min', plain('bool', 3, 2), ...flags), [0, 0, 1]);
  assert.equal(run('reduce_max', plain('i8', 2, 2), -3, -128, 127, 5), [-3, 127]);
  assert.equal(run('reduce_min', plain('u8', 2, 2), 3, 128, 255, 5), [3, 5]);
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
  assert.throws(
    () => singleNode('cumprod', { axis: 2, exclusive: false, reverse: false }, [x]),
    /an axis of f32\[2,3\]/,
  );
  assert.throws(() => singleNode('reduce_prod', along([0]), [{ type: plain('i8', 3) }]), /reduce_prod/);
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
