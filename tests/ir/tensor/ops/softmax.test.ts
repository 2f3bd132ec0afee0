import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { evaluate } from '../../../../ir/tensor/evaluate.ts';
import { type DType, NO_QUANT, type TensorType } from '../../../../ir/tensor/types.ts';
import { casesOf, evaluationFault } from '../../../support/cases.ts';
import { singleNode } from '../../../support/single-node.ts';

const suite = makeSuite('softmax ops');
const AGAIN = 'node --import ./tools/ts.mjs tests/ir/tensor/ops/softmax.test.ts';
const TOLERANCE = { relative: 2e-6, absolute: 0 };
const cases = await casesOf(['softmax']);

suite('every recorded answer of the reference kernels, integers to the byte', () => {
  const faults = cases.flatMap((loaded) => {
    const fault = evaluationFault(loaded, TOLERANCE);
    return fault === undefined ? [] : [`${loaded.case.name}: ${fault}`];
  });
  assert.equal(faults, [], AGAIN);
  assert.ok(cases.length >= 35, `${cases.length} cases`);
});

function quantized(dtype: DType, scale: number, zeroPoint: number, shape: readonly number[]): TensorType {
  return { dtype, shape, quant: { kind: 'affine', scale: [Math.fround(scale)], zeroPoint: [zeroPoint] } };
}

suite('a sum of 512 and more leaves the least value', () => {
  const row = (depth: number) => {
    const graph = singleNode(
      'softmax',
      { beta: 1 },
      [{ type: quantized('i8', 0.1, 0, [depth]) }],
      quantized('i8', 1 / 256, -128, [depth]),
    );
    return evaluate(graph, [new Int8Array(depth)]).outputs[0]?.[0];
  };
  assert.is(row(256), -127);
  assert.is(row(600), -128);
  assert.is(row(5000), -128);
});

suite('float rows with NaN, and rows of zeros', () => {
  const type: TensorType = { dtype: 'f32', shape: [2], quant: NO_QUANT };
  const graphs = {
    softmax: singleNode('softmax', { beta: 1 }, [{ type }]),
    l2_normalization: singleNode('l2_normalization', {}, [{ type }]),
  };
  const run = (op: keyof typeof graphs, values: Float32Array) =>
    Array.from(evaluate(graphs[op], [values]).outputs[0] as Float32Array);
  assert.ok(run('softmax', Float32Array.of(Number.NaN, 1)).every(Number.isNaN));
  assert.equal(run('softmax', Float32Array.of(5, 5)), [0.5, 0.5]);
  assert.equal(run('l2_normalization', Float32Array.of(0, 0)), [0, 0]);
});

suite('quantizations that the fixed-point forms do not define are refused', () => {
  const x = [{ type: quantized('i8', 0.1, 0, [4]) }];
  assert.throws(() => singleNode('softmax', { beta: 1 }, x, quantized('i8', 1 / 256, 0, [4])), /expected affine/);
  assert.throws(() => singleNode('softmax', { beta: 1e-9 }, x, quantized('i8', 1 / 256, -128, [4])), /2\^-26/);
  assert.throws(() => singleNode('log_softmax', {}, x, quantized('i8', 1 / 256, -128, [4])), /expected affine/);
  assert.throws(() => singleNode('l2_normalization', {}, x, quantized('i8', 1 / 256, 0, [4])), /expected affine/);
  const long = [{ type: quantized('i8', 0.1, 0, [40_000]) }];
  assert.throws(() => singleNode('l2_normalization', {}, long, quantized('i8', 1 / 128, 0, [4])), /at most 33025/);
});

suite.run();
