import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { evaluate } from '../../../../ir/tensor/evaluate.ts';
import type { DType, TensorType } from '../../../../ir/tensor/types.ts';
import { casesOf, evaluationFault } from '../../../support/cases.ts';
import { singleNode } from '../../../support/single-node.ts';

const suite = makeSuite('unary ops');
const AGAIN = 'node --import ./tools/ts.mjs tests/ir/tensor/ops/unary.test.ts';
/** Libraries differ in the last place. */
const TOLERANCE = { relative: 1e-6, absolute: 0 };
/** The reference takes e^x for logistic(x) below -9, which is off by e^2x; ours is not. */
const LOGISTIC_TOLERANCE = { relative: 1e-6, absolute: Math.exp(-18) };
const NEGATIONS = await casesOf(['logic'], ['LOGICAL_NOT']);
const cases = [...(await casesOf(['activation', 'math'])), ...NEGATIONS];

suite('every recorded answer of the reference kernels, integers to the byte', () => {
  const faults = cases.flatMap((loaded) => {
    const isLogistic = loaded.case.model.subgraphs[0]?.operators[0]?.op === 'LOGISTIC';
    const fault = evaluationFault(loaded, isLogistic ? LOGISTIC_TOLERANCE : TOLERANCE);
    return fault === undefined ? [] : [`${loaded.case.name}: ${fault}`];
  });
  assert.equal(faults, [], AGAIN);
  assert.ok(cases.length >= 95, `${cases.length} cases`);
  assert.ok(NEGATIONS.length > 0);
});

function quantized(dtype: DType, scale: number, zeroPoint: number, shape: readonly number[] = [4]): TensorType {
  return { dtype, shape, quant: { kind: 'affine', scale: [Math.fround(scale)], zeroPoint: [zeroPoint] } };
}

suite('relu6 of int8 keeps stored values whatever the output scale', () => {
  const graph = singleNode('relu6', {}, [{ type: quantized('i8', 0.1, 0) }], quantized('i8', 0.05, -100));
  assert.equal(evaluate(graph, [Int8Array.of(-5, 7, 60, 61)]).outputs[0], Int8Array.of(0, 7, 60, 60));
});

suite('rsqrt of what has no root is the largest value', () => {
  const graph = singleNode('rsqrt', {}, [{ type: quantized('i8', 1, 0) }], quantized('i8', 1 / 64, 0));
  assert.equal(evaluate(graph, [Int8Array.of(-128, 0, 1, 4)]).outputs[0], Int8Array.of(127, 127, 64, 32));
});

suite('elu with an alpha scales what is negative, by the formula in double precision', () => {
  const x = Float32Array.of(-0.001, -1, -30, 0, 2.5, -0);
  const graph = singleNode('elu', { alpha: 0.3 }, [{ type: { dtype: 'f32', shape: [6], quant: { kind: 'none' } } }]);
  const [y] = evaluate(graph, [x]).outputs;
  x.forEach((value, i) => {
    const expected = value < 0 ? 0.3 * Math.expm1(value) : value;
    assert.ok(Math.abs((y[i] as number) - expected) <= 2e-7 * Math.abs(expected), `${value}: ${y[i]}`);
  });
  const byte = singleNode('elu', { alpha: 0.3 }, [{ type: quantized('i8', 0.1, 0) }], quantized('i8', 0.01, 0));
  // -0.3 * (1 - e^-10) and -0.3 * (1 - e^-1) in steps of 0.01.
  assert.equal(evaluate(byte, [Int8Array.of(-100, -10, 0, 5)]).outputs[0], Int8Array.of(-30, -19, 0, 50));
});

suite('sign of zeros, infinities and NaN', () => {
  const type: TensorType = { dtype: 'f32', shape: [7], quant: { kind: 'none' } };
  const x = Float32Array.of(3, -2, 0, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN);
  assert.equal(Array.from(evaluate(singleNode('sign', {}, [{ type }]), [x]).outputs[0] as Float32Array), [
    1,
    -1,
    0,
    0,
    1,
    -1,
    Number.NaN,
  ]);
});

suite('what the fixed-point forms cannot do is refused', () => {
  const of = (type: TensorType) => [{ type }];
  const byte = quantized('i8', 0.1, 0);
  const short = quantized('i16', 0.001, 0);
  assert.throws(() => singleNode('logistic', {}, of(byte), quantized('i8', 1 / 256, 0)), /expected affine/);
  assert.throws(() => singleNode('tanh', {}, of(byte), quantized('i8', 1 / 64, 0)), /expected affine/);
  assert.throws(() => singleNode('tanh', {}, of(quantized('i16', 1, 3)), short), /expected zero point 0/);
  assert.throws(() => singleNode('tanh', {}, of(short), short), /expected affine/);
  assert.throws(() => singleNode('logistic', {}, of(quantized('i16', 3, 0)), quantized('i16', 2 ** -15, 0)), /2\.66/);
  assert.throws(() => singleNode('hard_swish', {}, of(byte), quantized('i8', 1e-4, 0)), /output scale of at least/);
  assert.throws(
    () => singleNode('prelu', {}, [{ type: byte }, { type: quantized('i8', 1, 0, [3]) }]),
    /broadcast|agree/,
  );
});

suite.run();
