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

suite('dilated windows and padding that counts, against the means worked out by hand', () => {
  const x = [1, 2, 4, 8, 16];
  const row = { type: { ...image('f32', 1, 5) } };
  const padding = { top: 0, bottom: 0, left: 2, right: 3 };
  const along = { ...attrs, window: [1, 3] as [number, number], stride: [1, 2] as [number, number], padding };
  const mean = (counted: typeof padding | undefined, dilation: [number, number] | undefined) => {
    const given = { ...along, ...(counted && { counted }), ...(dilation && { dilation }) };
    const graph = singleNode('average_pool2d', dilation ? given : { ...given, padding: counted ?? along.padding }, [
      row,
    ]);
    return [...(evaluate(graph, [Float32Array.from(x)]).outputs[0] as Float32Array)];
  };
  // The windows of 3 at -2, 0, 2, 4 of the padded row; 5 is past the end of what counts.
  const narrow = { ...padding, right: 2 };
  assert.equal(
    mean(narrow, undefined),
    [1, 7, 28, 16].map((sum) => Math.fround(sum / 3)),
  );
  // Taps at -2 0 2, 0 2 4, 2 4 6: of the last the 6 lies in padding.
  assert.equal(mean(undefined, [1, 2]), [5 / 2, 21 / 3, 20 / 2].map(Math.fround));
  assert.equal(
    mean(padding, [1, 2]),
    [5, 21, 20].map((sum) => Math.fround(sum / 3)),
  );
  // One column of padding counts at the end, so that a tap at 6 does not.
  assert.equal(mean({ ...padding, right: 1 }, [1, 2]), [5 / 3, 21 / 3, 20 / 2].map(Math.fround));
  const most = singleNode('max_pool2d', { ...along, dilation: [1, 2] }, [row]);
  assert.equal(evaluate(most, [Float32Array.from(x)]).outputs[0], Float32Array.of(4, 16, 16));
});

suite('a window of one column over the edge, as PyTorch has it with ceil_mode', () => {
  // torch.nn.AvgPool1d(2, stride=2, ceil_mode=True) of 1..5: the last window has one element and divides by 1.
  const row = { type: image('f32', 1, 5) };
  const given = { ...attrs, window: [1, 2] as [number, number], stride: [1, 2] as [number, number] };
  const padding = { top: 0, bottom: 0, left: 0, right: 1 };
  const none = { top: 0, bottom: 0, left: 0, right: 0 };
  const graph = singleNode('average_pool2d', { ...given, padding, counted: none }, [row]);
  assert.equal(evaluate(graph, [Float32Array.of(1, 2, 3, 4, 5)]).outputs[0], Float32Array.of(1.5, 3.5, 5));
});

suite('attributes and types that do not fit are refused', () => {
  const x = { type: image('i8', 2, 2) };
  const padding = { top: 0, bottom: 2, left: 0, right: 0 };
  assert.throws(() => singleNode('max_pool2d', { ...attrs, padding }, [x]), /padding smaller than the 2x2 window/);
  assert.throws(() => singleNode('max_pool2d', { ...attrs, window: [3, 2] }, [x]), /3x2 window does not fit/);
  assert.throws(() => singleNode('max_pool2d', { ...attrs, activation: 'relu' }, [x]), /per-tensor affine result/);
  assert.throws(() => singleNode('max_pool2d', attrs, [{ type: { ...x.type, shape: [4] } }]), /rank 4/);
  // Rows -1 and 2 of two: nothing. Rows -3 and 0: the first.
  const dilated = (top: number) => ({ ...attrs, dilation: [3, 1] as [number, number], padding: { ...padding, top } });
  const steppedOver = /every window to have an element of the 2x2 image, found one that steps over it \(dilation 3x1\)/;
  assert.throws(() => singleNode('max_pool2d', dilated(1), [x]), steppedOver);
  singleNode('max_pool2d', { ...dilated(3), stride: [3, 1] }, [x]);
  const counted = { top: 0, bottom: 1, left: 0, right: 0 };
  assert.throws(() => singleNode('average_pool2d', { ...attrs, counted }, [x]), /expected f32 where padding counts/);
  const floats = { type: image('f32', 2, 2) };
  const message = /at most the padding of 0 to count at the bottom, found 1/;
  assert.throws(() => singleNode('average_pool2d', { ...attrs, counted }, [floats]), message);
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
