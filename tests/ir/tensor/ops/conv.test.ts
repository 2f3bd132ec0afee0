import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { evaluate } from '../../../../ir/tensor/evaluate.ts';
import { opRecord } from '../../../../ir/tensor/ops/index.ts';
import { NO_QUANT, type TensorData, type TensorType } from '../../../../ir/tensor/types.ts';
import { casesOf, evaluationFault } from '../../../support/cases.ts';
import { Random } from '../../../support/random.ts';
import { singleNode } from '../../../support/single-node.ts';

const suite = makeSuite('convolutions');
const AGAIN = 'node --import ./tools/ts.mjs tests/ir/tensor/ops/conv.test.ts';

suite('every recorded answer of the reference kernels, floats and integers to the byte', async () => {
  const cases = [...(await casesOf(['conv'])), ...(await casesOf(['dense'], ['TRANSPOSE_CONV']))];
  const faults = cases.flatMap((loaded) => {
    const fault = evaluationFault(loaded);
    return fault === undefined ? [] : [`${loaded.case.name}: ${fault}`];
  });
  assert.equal(faults, [], AGAIN);
  assert.ok(cases.length >= 80, `${cases.length} cases`);
});

const floats = (...shape: number[]): TensorType => ({ dtype: 'f32', shape, quant: NO_QUANT });
const NONE = { top: 0, bottom: 0, left: 0, right: 0 };
const plain = { activation: 'none', rounding: 'double' } as const;
const conv = {
  ...plain,
  accumulator: 'i32',
  stride: [1, 1] as [number, number],
  dilation: [1, 1] as [number, number],
} as const;

/** Small integers, so that sums are exact in any order. */
function wholeNumbers(r: Random, count: number): Float32Array {
  return Float32Array.from({ length: count }, () => r.int(-9, 9));
}

suite('a transposed convolution is the gradient of the convolution with the same window', () => {
  const r = new Random(3);
  const stride: [number, number] = [2, 3];
  const padding = { top: 1, bottom: 1, left: 0, right: 2 };
  const image = floats(1, 5, 8, 2);
  const filters = floats(3, 3, 2, 2);
  const w = wholeNumbers(r, 36);
  // <conv(x), z> = <x, transpose(z)> for all x and z; the transposed weights swap their channels.
  const forward = singleNode('conv2d', { ...conv, stride, padding }, [{ type: image }, { type: filters, data: w }]);
  const small = forward.types.get('y') as TensorType;
  const swapped = Float32Array.from({ length: 36 }, (_, i) => {
    const [out, tap, channel] = [Math.floor(i / 18), Math.floor((i % 18) / 3), i % 3];
    return w[channel * 12 + tap * 2 + out] as number;
  });
  const attrs = { ...plain, stride, padding: { top: 1, left: 0 }, output: [5, 8] as [number, number] };
  const back = singleNode('transpose_conv2d', attrs, [{ type: small }, { type: floats(2, 3, 2, 3), data: swapped }]);
  const product = (a: TensorData, b: TensorData) =>
    Array.from(a as Float32Array).reduce((sum, v, i) => sum + v * Number(b[i]), 0);
  for (let tried = 0; tried < 20; tried++) {
    const x = wholeNumbers(r, 80);
    const z = wholeNumbers(
      r,
      small.shape.reduce((p, e) => p * e, 1),
    );
    const [y] = evaluate(forward, [x]).outputs;
    const [gradient] = evaluate(back, [z]).outputs;
    assert.is(product(y as TensorData, z), product(x, gradient as TensorData));
  }
});

suite('output that no input reaches is the bias, activated', () => {
  const attrs = {
    ...plain,
    activation: 'relu' as const,
    stride: [3, 3] as [number, number],
    padding: { top: 0, left: 0 },
  };
  const graph = singleNode('transpose_conv2d', { ...attrs, output: [1, 3] }, [
    { type: floats(1, 1, 1, 1) },
    { type: floats(2, 1, 1, 1), data: Float32Array.of(2, -2) },
    { type: floats(2), data: Float32Array.of(0.5, -0.5) },
  ]);
  assert.equal(evaluate(graph, [Float32Array.of(3)]).outputs[0], Float32Array.of(6.5, 0, 0.5, 0, 0.5, 0));
});

suite('shapes that do not fit are refused', () => {
  const x = { type: floats(1, 2, 2, 3) };
  const weights = (...shape: number[]) => ({ type: floats(...shape) });
  const attrs = {
    ...plain,
    stride: [1, 1] as [number, number],
    padding: { top: 0, left: 0 },
    output: [2, 2] as [number, number],
  };
  assert.throws(() => singleNode('transpose_conv2d', attrs, [x, weights(2, 1, 1, 4)]), /weights of depth 3/);
  assert.throws(() => singleNode('transpose_conv2d', attrs, [x, weights(2, 1, 3)]), /w of rank 4/);
  assert.throws(
    () => singleNode('transpose_conv2d', attrs, [x, weights(2, 1, 1, 3), { type: floats(3) }]),
    /bias of 2/,
  );
  assert.throws(() => singleNode('conv2d', { ...conv, padding: NONE }, [x, weights(2, 3, 1, 3)]), /does not fit/);
  assert.throws(() => singleNode('conv2d', { ...conv, padding: NONE }, [x, weights(2, 1, 1, 2)]), /groups/);
});

suite('multiply-accumulates are counted', () => {
  const macs = (op: 'conv2d' | 'depthwise_conv2d' | 'transpose_conv2d', inputs: TensorType[], y: TensorType) =>
    opRecord(op).macs?.({ inputs, outputs: [y] });
  assert.is(macs('conv2d', [floats(1, 4, 4, 6), floats(8, 3, 3, 3)], floats(1, 4, 4, 8)), 4 * 4 * 8 * 27);
  assert.is(macs('depthwise_conv2d', [floats(1, 4, 4, 6), floats(1, 3, 3, 6)], floats(1, 2, 2, 6)), 2 * 2 * 6 * 9);
  assert.is(
    macs('transpose_conv2d', [floats(2, 4, 5, 6), floats(8, 3, 3, 6)], floats(2, 8, 10, 8)),
    2 * 20 * 8 * 9 * 6,
  );
});

suite.run();
