import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { evaluate } from '../../../../ir/tensor/evaluate.ts';
import { NO_QUANT, type TensorType } from '../../../../ir/tensor/types.ts';
import { casesOf, evaluationFault, graphOf, type LoadedCase } from '../../../support/cases.ts';
import { singleNode } from '../../../support/single-node.ts';

const suite = makeSuite('movement ops');
const AGAIN = 'node --import ./tools/ts.mjs tests/ir/tensor/ops/movement.test.ts';

/** i64 exists in constants only, so models that compute with it are refused. */
const isLong = ({ case: { model } }: LoadedCase) =>
  model.subgraphs[0]?.inputs.some((tensor) => model.subgraphs[0]?.tensors[tensor]?.type === 'i64') === true;

const cases = await casesOf(['shape', 'slice', 'resize']);

suite('every recorded answer of the reference kernels, floats and integers to the byte', () => {
  const checked = cases.filter((loaded) => !isLong(loaded));
  const faults = checked.flatMap((loaded) => {
    const fault = evaluationFault(loaded);
    return fault === undefined ? [] : [`${loaded.case.name}: ${fault}`];
  });
  assert.equal(faults, [], AGAIN);
  assert.ok(checked.length >= 300, `${checked.length} cases`);
});

suite('inputs of 64 bits are refused with advice', () => {
  const long = cases.filter(isLong);
  assert.ok(long.length > 0);
  for (const loaded of long) assert.throws(() => graphOf(loaded), /expected an input of at most 32 bits/);
});

const bytes = (...shape: number[]): TensorType => ({ dtype: 'u8', shape, quant: NO_QUANT });
const x = { type: bytes(2, 3) };
const values = Uint8Array.of(1, 2, 3, 4, 5, 6);

suite('indices of a gather outside the axis count as the nearest one inside', () => {
  const indices = { type: { dtype: 'i32' as const, shape: [4], quant: NO_QUANT } };
  const graph = singleNode('gather', { axis: 1, batchDims: 0 }, [x, indices]);
  const far = Int32Array.of(-1, 3, 2 ** 31 - 1, -(2 ** 31));
  assert.equal(evaluate(graph, [values, far]).outputs[0], Uint8Array.of(1, 3, 3, 1, 4, 6, 6, 4));
});

suite('a gather with 8-bit indices is a table', () => {
  const graph = singleNode('gather', { axis: 0, batchDims: 0 }, [{ type: bytes(6) }, { type: bytes(2, 2) }]);
  const [y] = evaluate(graph, [values, Uint8Array.of(5, 0, 255, 1)]).outputs;
  assert.equal(y, Uint8Array.of(6, 1, 6, 2));
});

suite('margins without a value are the real zero', () => {
  const quant = { kind: 'affine', scale: [0.5], zeroPoint: [9] } as const;
  const padded = singleNode('pad', { before: [0, 1], after: [0, 0] }, [{ type: { ...bytes(2, 3), quant } }]);
  assert.equal(evaluate(padded, [values]).outputs[0], Uint8Array.of(9, 1, 2, 3, 9, 4, 5, 6));
  const plain = singleNode('pad', { before: [0, 0], after: [1, 0] }, [x]);
  assert.equal(evaluate(plain, [values]).outputs[0], Uint8Array.of(1, 2, 3, 4, 5, 6, 0, 0, 0));
});

suite('margins of a value that an input gives', () => {
  const graph = singleNode('pad', { before: [0, 0], after: [0, 1] }, [x, { type: bytes(1) }]);
  assert.equal(evaluate(graph, [values, Uint8Array.of(7)]).outputs[0], Uint8Array.of(1, 2, 3, 7, 4, 5, 6, 7));
});

suite('margins of the edge and of all, any number of times: np.pad(x, margins, mode), numpy 2.4', () => {
  const pad = (mode: 'edge' | 'wrap', shape: number[], before: number[], after: number[]) => {
    const graph = singleNode('mirror_pad', { before, after, mode }, [{ type: bytes(...shape) }]);
    return [...(evaluate(graph, [values.slice(0, shape.length === 1 ? 3 : 4)]).outputs[0] as Uint8Array)];
  };
  assert.equal(pad('edge', [3], [5], [4]), [1, 1, 1, 1, 1, 1, 2, 3, 3, 3, 3, 3]);
  assert.equal(pad('wrap', [3], [5], [4]), [2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1]);
  const edge = [1, 1, 1, 2, 2].concat([1, 1, 1, 2, 2], [3, 3, 3, 4, 4], [3, 3, 3, 4, 4], [3, 3, 3, 4, 4]);
  assert.equal(pad('edge', [2, 2], [1, 2], [2, 1]), edge);
  const wrap = [3, 4, 3, 4, 3].concat([1, 2, 1, 2, 1], [3, 4, 3, 4, 3], [1, 2, 1, 2, 1], [3, 4, 3, 4, 3]);
  assert.equal(pad('wrap', [2, 2], [1, 2], [2, 1]), wrap);
});

suite('attributes that do not fit the operands are refused', () => {
  const wide = { type: bytes(1, 4, 4, 3) };
  assert.throws(() => singleNode('reshape', { shape: [7] }, [x]), /a shape of 6 elements/);
  assert.throws(() => singleNode('transpose', { permutation: [0, 0] }, [x]), /a permutation of the axes/);
  assert.throws(() => singleNode('slice', { start: [0, 2], stride: [1, 1], size: [2, 2] }, [x]), /found 2 to 3/);
  assert.throws(() => singleNode('slice', { start: [1, 0], stride: [-2, 1], size: [2, 3] }, [x]), /found 1 to -1/);
  assert.throws(() => singleNode('concat', { axis: 1 }, [x, { type: bytes(3, 3) }]), /only along axis 1/);
  assert.throws(() => singleNode('concat', { axis: 2 }, [x, x]), /only along axis 2/);
  assert.throws(() => singleNode('broadcast_to', { shape: [4, 3] }, [x]), /broadcasts to/);
  assert.throws(() => singleNode('tile', { multiples: [2] }, [x]), /2 multiples/);
  assert.throws(() => singleNode('gather', { axis: 2, batchDims: 0 }, [x, { type: bytes(1) }]), /batch axes/);
  assert.throws(() => singleNode('gather', { axis: 1, batchDims: 1 }, [x, { type: bytes(3) }]), /equal first extents/);
  assert.throws(() => singleNode('pad', { before: [1], after: [1] }, [x]), /2 margins/);
  assert.throws(() => singleNode('pad', { before: [1, 0], after: [1, 0] }, [x, { type: bytes(2) }]), /one value/);
  const mirrored = { before: [0, 3], after: [0, 0] };
  assert.throws(() => singleNode('mirror_pad', { ...mirrored, mode: 'reflect' }, [x]), /at most 2 along axis 1/);
  assert.throws(() => singleNode('depth_to_space', { block: 2 }, [wide]), /channels in multiples of 4/);
  assert.throws(() => singleNode('space_to_depth', { block: 3 }, [wide]), /height and width in multiples of 3/);
  assert.throws(() => singleNode('batch_to_space', { block: [2], margins: [[0, 0]] }, [wide]), /batches in blocks/);
  assert.throws(() => singleNode('space_to_batch', { block: [3], margins: [[0, 1]] }, [wide]), /multiples of \[3\]/);
  const both = { size: [2, 2] as [number, number], alignCorners: true, halfPixelCenters: true };
  assert.throws(() => singleNode('resize_bilinear', both, [wide]), /found both/);
});

suite('results keep the quantization of what they show', () => {
  const other: TensorType = { ...bytes(), quant: { kind: 'affine', scale: [1], zeroPoint: [0] } };
  assert.throws(() => singleNode('transpose', { permutation: [1, 0] }, [x], other), /node-movement/);
  assert.throws(() => singleNode('pad', { before: [1, 0], after: [0, 0] }, [x], other), /node-check/);
});

suite.run();
