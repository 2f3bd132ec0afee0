import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { evaluate } from '../../../../ir/tensor/evaluate.ts';
import { NO_QUANT, type TensorType } from '../../../../ir/tensor/types.ts';
import { casesOf, evaluationFault } from '../../../support/cases.ts';
import { singleNode } from '../../../support/single-node.ts';

const suite = makeSuite('pool ops');
const AGAIN = 'node --import ./tools/ts.mjs tests/ir/tensor/ops/pool.test.ts';

suite('every recorded answer of the reference kernels, floats and integers to the byte', async () => {
  const cases = await casesOf(['pool']);
  const faults = cases.flatMap((loaded) => {
    const fault = evaluationFault(loaded);
    return fault === undefined ? [] : [`${loaded.case.name}: ${fault}`];
  });
  assert.equal(faults, [], AGAIN);
  assert.ok(cases.length >= 80, `${cases.length} cases`);
});

const attrs = {
  window: [2, 2] as [number, number],
  stride: [1, 1] as [number, number],
  padding: { top: 0, bottom: 0, left: 0, right: 0 },
  activation: 'none' as const,
};
const image = (dtype: TensorType['dtype'], height: number, width: number): TensorType => ({
  dtype,
  shape: [1, height, width, 1],
  quant: NO_QUANT,
});

suite('halves go away from zero', () => {
  const graph = singleNode('average_pool2d', attrs, [{ type: image('i8', 2, 4) }]);
  // Sums 2, -2 and -6 of four elements.
  const [y] = evaluate(graph, [Int8Array.of(1, 0, -3, -1, 1, 0, 1, -3)]).outputs;
  assert.equal(y, Int8Array.of(1, -1, -2));
});

suite('elements outside the image neither count nor win', () => {
  const padding = { top: 1, bottom: 1, left: 1, right: 1 };
  for (const op of ['average_pool2d', 'max_pool2d'] as const) {
    const graph = singleNode(op, { ...attrs, padding }, [{ type: image('i16', 1, 1) }]);
    assert.equal(evaluate(graph, [Int16Array.of(-300)]).outputs[0], Int16Array.of(-300, -300, -300, -300));
  }
});

suite('NaN passes through means and is passed over by maxima', () => {
  const run = (op: 'average_pool2d' | 'max_pool2d', ...x: number[]) =>
    (
      evaluate(singleNode(op, attrs, [{ type: image('f32', 2, 2) }]), [Float32Array.from(x)]).outputs[0] as Float32Array
    )[0];
  assert.ok(Number.isNaN(run('average_pool2d', 1, NaN, 2, 3)));
  assert.is(run('max_pool2d', 1, NaN, -2, -3), 1);
  assert.is(run('max_pool2d', NaN, NaN, NaN, NaN), -(2 - 2 ** -23) * 2 ** 127);
  assert.is(run('max_pool2d', 1, Infinity, -2, -3), Infinity);
});

suite('sums beyond 32 bits wrap', () => {
  const type = image('i16', 256, 512);
  const window: [number, number] = [256, 512];
  const graph = singleNode('average_pool2d', { ...attrs, window }, [{ type }]);
  // 2^17 * 32767 is -2^17 modulo 2^32.
  assert.equal(evaluate(graph, [new Int16Array(2 ** 17).fill(32767)]).outputs[0], Int16Array.of(-1));
});

suite('attributes and types that do not fit are refused', () => {
  const x = { type: image('i8', 2, 2) };
  const padding = { top: 0, bottom: 2, left: 0, right: 0 };
  assert.throws(() => singleNode('max_pool2d', { ...attrs, padding }, [x]), /padding smaller than the 2x2 window/);
  assert.throws(() => singleNode('max_pool2d', { ...attrs, window: [3, 2] }, [x]), /3x2 window does not fit/);
  assert.throws(() => singleNode('max_pool2d', { ...attrs, activation: 'relu' }, [x]), /per-tensor affine result/);
  assert.throws(() => singleNode('max_pool2d', attrs, [{ type: { ...x.type, shape: [4] } }]), /rank 4/);
  const affine = (scale: number, zeroPoint: number): TensorType => ({
    ...x.type,
    quant: { kind: 'affine', scale: [scale], zeroPoint: [zeroPoint] },
  });
  const given = { type: affine(0.5, 1) };
  assert.throws(() => singleNode('max_pool2d', attrs, [given], affine(0.5, 2)), /equal quantization/);
  assert.throws(() => singleNode('max_pool2d', attrs, [given], affine(0.25, 1)), /equal quantization/);
  singleNode('max_pool2d', attrs, [given], affine(0.5 + 2 ** -22, 1));
});

suite.run();
