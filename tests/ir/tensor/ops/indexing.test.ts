import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { evaluate } from '../../../../ir/tensor/evaluate.ts';
import type { Graph } from '../../../../ir/tensor/graph.ts';
import { opRecord } from '../../../../ir/tensor/ops/index.ts';
import { parseGraph } from '../../../../ir/tensor/parse.ts';
import { NO_QUANT, type TensorData, type TensorType } from '../../../../ir/tensor/types.ts';
import { singleNode } from '../../../support/single-node.ts';

// Expected values are those of numpy 2.4 where a test names its functions.
const suite = makeSuite('ops of indices');

const plain = (dtype: TensorType['dtype'], ...shape: number[]): TensorType => ({ dtype, shape, quant: NO_QUANT });
const given = (dtype: TensorType['dtype'], ...shape: number[]) => ({ type: plain(dtype, ...shape) });
const listed = (shape: readonly number[], ...data: number[]) => ({
  type: plain('i32', ...shape),
  data: Int32Array.from(data),
});
const counting = Float32Array.from({ length: 24 }, (_, i) => i);

function run(graph: Graph, ...inputs: TensorData[]): number[] {
  return [...(evaluate(graph, inputs).outputs[0] as Float32Array)];
}

suite('gather_elements: np.take_along_axis(np.arange(24).reshape(2, 3, 4), indices, 1)', () => {
  const indices = listed([2, 1, 4], 2, 0, 1, 1, 0, 2, 2, 1);
  const graph = singleNode('gather_elements', { axis: 1 }, [given('f32', 2, 3, 4), indices]);
  assert.equal(graph.types.get('y')?.shape, [2, 1, 4]);
  assert.equal(run(graph, counting), [8, 1, 6, 7, 12, 21, 22, 19]);
});

suite('gather_elements takes fewer indices than x has off the axis, and clamps those outside', () => {
  const indices = listed([1, 5], -7, 1, 3, 9, 2);
  const graph = singleNode('gather_elements', { axis: 1 }, [given('i32', 2, 3), indices]);
  assert.equal(run(graph, Int32Array.of(10, 11, 12, 20, 21, 22)), [10, 11, 12, 12, 12]);
});

suite('gather_nd: x[i0, i1], and x[b][i0, i1] for every batch b', () => {
  const all = singleNode('gather_nd', { batchDims: 0 }, [given('f32', 2, 3, 4), listed([3, 2], 1, 2, 0, 0, 1, 0)]);
  assert.equal(all.types.get('y')?.shape, [3, 4]);
  assert.equal(run(all, counting), [20, 21, 22, 23, 0, 1, 2, 3, 12, 13, 14, 15]);
  const indices = listed([2, 2, 2], 0, 3, 2, 1, 1, 1, 0, 0);
  const batches = singleNode('gather_nd', { batchDims: 1 }, [given('f32', 2, 3, 4), indices]);
  assert.equal(run(batches, counting), [3, 9, 17, 12]);
});

suite('scatter_elements: np.put_along_axis, and np.add.at and its kin for the reductions', () => {
  const indices = listed([2, 3], 0, 2, 0, 1, 1, 1);
  const scatter = (reduction: 'none' | 'add' | 'mul' | 'min' | 'max', ...updates: number[]) => {
    const operands = [given('f32', 2, 3), indices, given('f32', 2, 3)];
    const graph = singleNode('scatter_elements', { axis: 1, reduction }, operands);
    return run(graph, Float32Array.of(1, 2, 3, 4, 5, 6), Float32Array.from(updates));
  };
  assert.equal(scatter('none', 10, 20, 30, 40, 50, 60), [30, 2, 20, 4, 60, 6]);
  const updates = [10, -20, 30, 4, 0.5, -6];
  assert.equal(scatter('add', ...updates), [41, 2, -17, 4, 3.5, 6]);
  assert.equal(scatter('mul', ...updates), [300, 2, -60, 4, -60, 6]);
  assert.equal(scatter('min', ...updates), [1, 2, -20, 4, -6, 6]);
  assert.equal(scatter('max', ...updates), [30, 2, 3, 4, 5, 6]);
  // NaN in x stays, in updates it is passed over by extremes.
  assert.equal(scatter('max', NaN, 7, NaN, 1, 2, 3), [1, 2, 7, 4, 5, 6]);
});

suite('scatter_nd: x[i0, i1] = rows, np.add.at of int32 wraps, indices outside are clamped', () => {
  const rows = [given('i32', 2, 2, 3), listed([3, 2], 1, 0, 0, 1, 1, 0), given('i32', 3, 3)];
  const set = singleNode('scatter_nd', { reduction: 'none' }, rows);
  const nine = Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9);
  assert.equal(run(set, new Int32Array(12), nine), [0, 0, 0, 4, 5, 6, 7, 8, 9, 0, 0, 0]);
  const add = singleNode('scatter_nd', { reduction: 'add' }, [
    given('i32', 8),
    listed([5, 1], 4, 3, 1, 99, 4),
    given('i32', 5),
  ]);
  const updates = Int32Array.of(9, 10, 11, 12, 2 ** 31 - 8);
  assert.equal(run(add, Int32Array.of(0, 1, 2, 3, 4, 5, 6, 7), updates), [0, 12, 2, 13, -2147483643, 5, 6, 19]);
});

function topK(largest: boolean, k: number, x: TensorData, dtype: 'f32' | 'i32' | 'u8'): number[][] {
  const shape = `[${x.length}]`;
  const graph = parseGraph(`graph g {
    input %x : ${dtype}${shape}
    %v, %i : ${dtype}[${k}], i32[${k}] = top_k(%x) {"axis":0,"k":${k},"largest":${largest}}
    output %v
    output %i
  }`);
  return evaluate(graph, [x]).outputs.map((data) => [...(data as Int32Array)]);
}

suite('top_k: np.argsort(-x, kind="stable") and np.argsort(x, kind="stable")', () => {
  const x = Int32Array.of(3, 1, 3, -2, 7, 1);
  assert.equal(topK(true, 6, x, 'i32'), [
    [7, 3, 3, 1, 1, -2],
    [4, 0, 2, 1, 5, 3],
  ]);
  assert.equal(topK(false, 4, x, 'i32'), [
    [-2, 1, 1, 3],
    [3, 1, 5, 0],
  ]);
  assert.equal(topK(true, 2, Uint8Array.of(200, 255, 3), 'u8'), [
    [255, 200],
    [1, 0],
  ]);
});

suite('top_k counts NaN as larger than infinity and 0 as equal to -0', () => {
  const x = Float32Array.of(1, NaN, Infinity, NaN, -0, 0);
  assert.equal(topK(true, 4, x, 'f32')[1], [1, 3, 2, 0]);
  assert.equal(topK(false, 6, x, 'f32')[1], [4, 5, 0, 2, 1, 3]);
});

suite('resample: a matrix product along the axis, its terms added in order', () => {
  const taps = listed([3, 2], 0, 1, 1, 1, 5, -2);
  const weights = { type: plain('f32', 3, 2), data: Float32Array.of(0.75, 0.25, 1, 0, 0.5, 0.5) };
  const graph = singleNode('resample', { axis: 1 }, [given('f32', 2, 2, 2), taps, weights]);
  assert.equal(graph.types.get('y')?.shape, [2, 3, 2]);
  assert.equal(run(graph, Float32Array.of(1, 2, 3, 4, 10, 20, 30, 40)), [1.5, 2.5, 3, 4, 2, 3, 15, 25, 30, 40, 20, 30]);
  // 2^24 + 1 is no f32: from the left 1 is lost twice, from the right once it counts.
  const order = { type: plain('f32', 1, 3), data: Float32Array.of(1, 1, 1) };
  const sum = singleNode('resample', { axis: 0 }, [given('f32', 3), listed([1, 3], 0, 1, 2), order]);
  assert.equal(run(sum, Float32Array.of(2 ** 24, 1, 1)), [2 ** 24]);
  assert.equal(run(sum, Float32Array.of(1, 1, 2 ** 24)), [2 ** 24 + 2]);
  const copy = singleNode('resample', { axis: 0 }, [
    given('f32', 1),
    listed([1, 1], 0),
    { type: plain('f32', 1, 1), data: Float32Array.of(1) },
  ]);
  assert.ok(Object.is(run(copy, Float32Array.of(-0))[0], -0));
});

suite('attributes and types that do not fit are refused', () => {
  const x = given('f32', 2, 3);
  const elements = (axis: number, ...shape: number[]) =>
    singleNode('gather_elements', { axis }, [x, given('i32', ...shape)]);
  assert.throws(() => elements(2, 2, 3), /an axis of f32\[2,3\], found 2/);
  assert.throws(() => elements(1, 3, 3), /indices within f32\[2,3\] except along axis 1, found i32\[3,3\]/);
  assert.throws(() => elements(1, 6), /indices within f32\[2,3\]/);
  const nd = (batchDims: number, ...shape: number[]) =>
    singleNode('gather_nd', { batchDims }, [x, given('i32', ...shape)]);
  assert.throws(() => nd(0, 4, 3), /at most 2 indices for f32\[2,3\] behind its 0 batch axes/);
  assert.throws(() => nd(1, 2), /indices of rank 2 or more/);
  assert.throws(() => nd(1, 3, 1), /1 equal first extents/);
  const scatter = (updates: TensorType, reduction: 'none' | 'add' = 'none', type = x.type) =>
    singleNode('scatter_nd', { reduction }, [{ type }, given('i32', 4, 1), { type: updates }]);
  assert.throws(() => scatter(plain('f32', 4, 2)), /updates of shape \[4,3\], found f32\[4,2\]/);
  assert.throws(() => scatter(plain('i16', 4, 3), 'add', plain('i16', 2, 3)), /f32 or i32 for reduction add/);
  const scaled: TensorType = { ...plain('i8', 4, 3), quant: { kind: 'affine', scale: [0.5], zeroPoint: [1] } };
  assert.throws(
    () => scatter(scaled, 'none', plain('i8', 2, 3)),
    /the quantization of i8\[2,3\], found i8\[4,3\] affine/,
  );
  const updates = [x, given('i32', 2, 2), given('f32', 2, 3)];
  assert.throws(
    () => singleNode('scatter_elements', { axis: 1, reduction: 'none' }, updates),
    /updates of shape \[2,2\]/,
  );
  const ranks = (axis: number, k: number) =>
    opRecord('top_k').infer({ inputs: [x.type], attrs: { axis, k, largest: true }, constant: () => undefined });
  assert.throws(() => ranks(2, 1), /an axis of f32\[2,3\], found 2/);
  assert.throws(() => ranks(1, 4), /at most the 3 elements along axis 1, found 4/);
  const resample = (...shape: number[]) =>
    singleNode('resample', { axis: 0 }, [x, given('i32', 2, 2), given('f32', ...shape)]);
  assert.throws(
    () => resample(2, 3),
    /taps and weights of one shape \[outputs, taps\], found i32\[2,2\] and f32\[2,3\]/,
  );
});

suite.run();
