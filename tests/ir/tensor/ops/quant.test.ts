import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { evaluate } from '../../../../ir/tensor/evaluate.ts';
import { halfToFloat } from '../../../../ir/tensor/ops/quant.ts';
import { type DType, NO_QUANT, type TensorData, type TensorType } from '../../../../ir/tensor/types.ts';
import { casesOf, evaluationFault, graphOf, type LoadedCase } from '../../../support/cases.ts';
import { type Given, singleNode } from '../../../support/single-node.ts';
import { halfBits } from '../../../support/tflite/data.ts';

const suite = makeSuite('quantization and casts');
const AGAIN = 'node --import ./tools/ts.mjs tests/ir/tensor/ops/quant.test.ts';

const cases = await casesOf(['quantize']);
const isUnsigned = ({ case: { model } }: LoadedCase) =>
  model.subgraphs[0].tensors.some((tensor) => tensor.type === 'u32');

suite('every recorded answer of the reference kernels, floats and integers to the byte', () => {
  const checked = cases.filter((loaded) => !isUnsigned(loaded));
  const faults = checked.flatMap((loaded) => {
    const fault = evaluationFault(loaded);
    return fault === undefined ? [] : [`${loaded.case.name}: ${fault}`];
  });
  assert.equal(faults, [], AGAIN);
  assert.ok(checked.length >= 60, `${checked.length} cases`);
});

suite('there is no uint32', () => {
  const unsigned = cases.filter(isUnsigned);
  assert.ok(unsigned.length > 0);
  for (const loaded of unsigned) assert.throws(() => graphOf(loaded), /found UINT32/);
});

const plain = (dtype: DType, ...shape: number[]): TensorType => ({ dtype, shape, quant: NO_QUANT });
const scaled = (dtype: DType, scale: number, zeroPoint: number): TensorType => ({
  dtype,
  shape: [],
  quant: { kind: 'affine', scale: [Math.fround(scale)], zeroPoint: [zeroPoint] },
});
const run = (op: 'quantize' | 'cast', x: TensorType, y: TensorType, data: TensorData): number[] =>
  Array.from<number | bigint, number>(
    evaluate(graphOfOne(op, { type: { ...x, shape: [data.length] } }, y), [data]).outputs[0],
    Number,
  );
const graphOfOne = (op: 'quantize' | 'cast', x: Given, y: TensorType) =>
  op === 'cast' ? singleNode('cast', {}, [x], y) : singleNode('quantize', {}, [x], y);

suite('quantize saturates, and NaN is the zero point', () => {
  const x = Float32Array.of(1e30, -1e30, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 0.49999997);
  assert.equal(run('quantize', plain('f32'), scaled('i8', 1, 5), x), [127, -128, 127, -128, 5, 5]);
  assert.equal(run('quantize', plain('f32'), scaled('u8', 1, 5), x), [255, 0, 255, 0, 5, 5]);
  const [low, high] = [-(2 ** 31), 2 ** 31 - 1];
  assert.equal(run('quantize', plain('f32'), scaled('i32', 1, 5), x), [high, low + 5, high, low + 5, 5, 5]);
});

suite('floats beyond an integer type saturate', () => {
  const x = Float32Array.of(300, -300, 1e12, Number.NaN, -0.9);
  assert.equal(run('cast', plain('f32'), plain('i8'), x), [127, -128, 127, 0, 0]);
  assert.equal(run('cast', plain('f32'), plain('u8'), x), [255, 0, 255, 0, 0]);
  assert.equal(run('cast', plain('f32'), plain('i32'), x), [300, -300, 2 ** 31 - 1, 0, 0]);
  assert.equal(run('cast', plain('f32'), plain('bool'), x), [1, 1, 1, 1, 1]);
});

suite('64-bit integers to f32 round once', () => {
  // A tie for f32 but for its last bit, which rounding to f64 first would lose.
  const x = BigInt64Array.of(2n ** 62n + 2n ** 38n + 1n, -(2n ** 62n + 2n ** 38n), 2n ** 53n + 1n);
  const node = singleNode('cast', {}, [{ type: plain('i64', 3), data: x }], plain('f32'));
  const [y] = evaluate(node, []).outputs;
  assert.equal(Array.from(y as Float32Array), [2 ** 62 + 2 ** 39, -(2 ** 62), 2 ** 53]);
});

suite('every binary16 is the number it was made of', () => {
  for (let bits = 0; bits < 65536; bits++) {
    if ((bits & 0x7c00) === 0x7c00 && (bits & 1023) !== 0) assert.ok(Number.isNaN(halfToFloat(bits)));
    else assert.is(halfBits(halfToFloat(bits)), bits);
  }
});

suite.run();
