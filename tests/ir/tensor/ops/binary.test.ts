import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { evaluate } from '../../../../ir/tensor/evaluate.ts';
import { F32_MAX } from '../../../../ir/tensor/ops/binary.ts';
import { broadcastShape } from '../../../../ir/tensor/ops/broadcast.ts';
import { reciprocal } from '../../../../ir/tensor/ops/division.ts';
import { type Attrs, opRecord } from '../../../../ir/tensor/ops/index.ts';
import { type DType, NO_QUANT, type TensorType } from '../../../../ir/tensor/types.ts';
import { casesOf, evaluationFault, graphOf, type LoadedCase } from '../../../support/cases.ts';
import { singleNode } from '../../../support/single-node.ts';

const suite = makeSuite('arithmetic ops');
const AGAIN = 'node --import ./tools/ts.mjs tests/ir/tensor/ops/binary.test.ts';

const isLong = ({ case: { model } }: LoadedCase) => model.subgraphs[0].tensors.some((tensor) => tensor.type === 'i64');
const cases = await casesOf(['arithmetic']);

suite('every recorded answer of the reference kernels, floats and integers to the byte', () => {
  const checked = cases.filter((loaded) => !isLong(loaded));
  const faults = checked.flatMap((loaded) => {
    const fault = evaluationFault(loaded);
    return fault === undefined ? [] : [`${loaded.case.name}: ${fault}`];
  });
  assert.equal(faults, [], AGAIN);
  assert.ok(checked.length >= 280, `${checked.length} cases`);
});

suite('inputs of 64 bits are refused with advice', () => {
  const long = cases.filter(isLong);
  assert.ok(long.length > 0);
  for (const loaded of long) assert.throws(() => graphOf(loaded), /expected an input of at most 32 bits/);
});

const plain = (dtype: DType, ...shape: number[]): TensorType => ({ dtype, shape, quant: NO_QUANT });
const scaled = (dtype: DType, scale: number, zeroPoint: number, ...shape: number[]): TensorType => ({
  dtype,
  shape,
  quant: { kind: 'affine', scale: [Math.fround(scale)], zeroPoint: [zeroPoint] },
});

suite('shapes align at the innermost dimension', () => {
  assert.equal(broadcastShape([[3, 1], [2, 1, 4], []]), [2, 3, 4]);
  assert.equal(broadcastShape([[1], [1, 1]]), [1, 1]);
  assert.throws(() => broadcastShape([[2, 3], [2]]), /expected shapes that agree/);
});

suite('int32 wraps, and a division that C++ does not define saturates', () => {
  const types = [{ type: plain('i32', 6) }, { type: plain('i32', 6) }];
  const a = Int32Array.of(2 ** 31 - 1, -(2 ** 31), -7, 5, -5, 0);
  const b = Int32Array.of(1, -1, 2, 0, 0, 0);
  const run = (op: 'add' | 'sub' | 'mul' | 'div') =>
    Array.from(evaluate(singleNode(op, { activation: 'none' }, types), [a, b]).outputs[0] as Int32Array);
  assert.equal(run('add'), [-(2 ** 31), 2 ** 31 - 1, -5, 5, -5, 0]);
  assert.equal(run('sub'), [2 ** 31 - 2, -(2 ** 31) + 1, -9, 5, -5, 0]);
  assert.equal(run('mul'), [2 ** 31 - 1, -(2 ** 31), -14, 0, 0, 0]);
  assert.equal(run('div'), [2 ** 31 - 1, 2 ** 31 - 1, -3, 2 ** 31 - 1, -(2 ** 31), 0]);
});

suite('int8 divided by the zero point saturates by its sign; 0 / 0 is the zero point', () => {
  const types = [{ type: scaled('i8', 0.1, 3, 3) }, { type: scaled('i8', 0.1, -2, 3) }];
  const y = scaled('i8', 0.05, 7, 3);
  const graph = singleNode('div', { activation: 'none' }, types, y);
  const [found] = evaluate(graph, [Int8Array.of(4, 2, 3), Int8Array.of(-2, -2, -2)]).outputs;
  assert.equal(found, Int8Array.of(127, -128, 7));
});

suite('every int8 quotient is within a step of the real one', () => {
  const types = [{ type: scaled('i8', 0.5, 0, 255, 1) }, { type: scaled('i8', 0.25, -128, 1, 255) }];
  const graph = singleNode('div', { activation: 'none' }, types, scaled('i8', 0.5, 0));
  const dividends = Int8Array.from({ length: 255 }, (_, i) => i - 127);
  const divisors = Int8Array.from({ length: 255 }, (_, i) => i - 127);
  const [found] = evaluate(graph, [dividends, divisors]).outputs;
  for (let i = 0; i < 255 * 255; i++) {
    const real = (dividends[Math.floor(i / 255)] * 0.5) / ((divisors[i % 255] + 128) * 0.25) / 0.5;
    const expected = Math.min(127, Math.max(-128, real));
    assert.ok(Math.abs(Number(found[i]) - expected) <= 0.51, `${i}: ${found[i]}, expected ${expected}`);
  }
});

suite('reciprocals in fixed point', () => {
  for (let x = 1; x <= 255; x++) {
    const { multiplier, shift } = reciprocal(x);
    assert.ok(Math.abs(multiplier * 2 ** -(31 + shift) * x - 1) < 2 ** -27, `1 / ${x}`);
  }
});

suite('floats: NaN passes activations and loses to the second operand of an extremum', () => {
  const types = [{ type: plain('f32', 4) }, { type: plain('f32', 4) }];
  const a = Float32Array.of(Number.NaN, 1, -0, 9);
  const b = Float32Array.of(1, Number.NaN, 0, 3);
  const added = evaluate(singleNode('add', { activation: 'relu6' }, types), [a, b]).outputs[0];
  assert.equal(Array.from(added as Float32Array), [Number.NaN, Number.NaN, 0, 6]);
  const least = evaluate(singleNode('minimum', {}, types), [a, b]).outputs[0];
  assert.equal(Array.from(least as Float32Array), [1, Number.NaN, 0, 3]);
});

suite('a float divided by zero is the largest finite number, as in the reference', () => {
  const types = [{ type: plain('f32', 3) }, { type: plain('f32', 3) }];
  const graph = singleNode('div', { activation: 'none' }, types);
  const [y] = evaluate(graph, [Float32Array.of(1, -1, 0), new Float32Array(3)]).outputs;
  assert.equal(Array.from(y as Float32Array), [F32_MAX, -F32_MAX, Number.NaN]);
});

suite('semantics of ONNX: infinite quotients and NaN stay, integers wrap', () => {
  const { POSITIVE_INFINITY: inf, NaN: nan } = Number;
  const floats = [{ type: plain('f32', 5) }, { type: plain('f32', 5) }];
  const run = (op: 'div' | 'minimum' | 'maximum', a: readonly number[], b: readonly number[]) => {
    const attrs = op === 'div' ? { activation: 'none', semantics: 'onnx' } : { semantics: 'onnx' };
    const graph = singleNode(op as 'div', attrs as Attrs<'div'>, floats);
    return Array.from(evaluate(graph, [Float32Array.from(a), Float32Array.from(b)]).outputs[0] as Float32Array);
  };
  assert.equal(run('div', [1, -1, 0, 3e38, 1], [0, 0, 0, 1e-3, -0]), [inf, -inf, nan, inf, -inf]);
  assert.equal(run('minimum', [nan, 1, nan, 2, inf], [1, nan, nan, 3, -inf]), [nan, nan, nan, 2, -inf]);
  assert.equal(run('maximum', [nan, 1, nan, 2, inf], [1, nan, nan, 3, -inf]), [nan, nan, nan, 3, inf]);
  const integers = [{ type: plain('i32', 4) }, { type: plain('i32', 4) }];
  const graph = singleNode('div', { activation: 'none', semantics: 'onnx' }, integers);
  const [y] = evaluate(graph, [Int32Array.of(-(2 ** 31), 5, -5, -7), Int32Array.of(-1, 0, 0, 2)]).outputs;
  assert.equal(y, Int32Array.of(-(2 ** 31), 0, 0, -3));
  const x = scaled('i8', 0.5, 3, 4);
  const bytes = [Int8Array.of(-7, 3, 9, 127), Int8Array.of(1, 5, 3, -128)];
  for (const op of ['div', 'minimum', 'maximum'] as const) {
    const attrs = op === 'div' ? { activation: 'none' } : {};
    const found = [{}, { semantics: 'onnx' }].map((more) => {
      const node = singleNode(op as 'div', { ...attrs, ...more } as Attrs<'div'>, [{ type: x }, { type: x }]);
      return evaluate(node, bytes).outputs[0];
    });
    assert.equal(found[0], found[1], `${op} of scaled integers`);
  }
});

suite('laws: scales that the reference refuses', () => {
  const check = (op: 'add' | 'mul' | 'div', a: TensorType, b: TensorType, y: TensorType) =>
    opRecord(op).check?.({ inputs: [a, b], outputs: [y], attrs: { activation: 'none' } });
  const x = scaled('i8', 0.5, 0, 4);
  assert.is(check('add', x, x, x), undefined);
  assert.match(check('add', x, x, scaled('i8', 1e-7, 0, 4)) as string, /output scale/);
  assert.match(check('div', x, scaled('i8', 1e-8, 0, 4), x) as string, /output scale/);
  assert.match(check('mul', x, x, plain('i8', 4)) as string, /per-tensor affine/);
  const wide = scaled('i16', 0.5, 3, 4);
  assert.match(check('mul', wide, wide, wide) as string, /zero point of 0/);
  const sum = scaled('i32', 0.5, 0, 4);
  assert.match(check('add', sum, sum, sum) as string, /i32 without scales/);
});

suite.run();
