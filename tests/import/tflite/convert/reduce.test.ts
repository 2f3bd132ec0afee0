/** Reductions and pooling: what their converters refuse, and what they make of axes. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { importTflite } from '../../../../compiler/import/tflite/import.ts';
import type { Graph } from '../../../../ir/tensor/graph.ts';
import {
  type CaseOptions,
  constant,
  ints,
  opCase,
  scalar,
  type Tensor,
  tensor,
} from '../../../support/tflite/build-case.ts';
import type { OperatorName } from '../../../support/tflite/schema.ts';
import { writeTflite } from '../../../support/tflite-writer.ts';

const suite = makeSuite('reduce and pool converters');
const i8 = (...shape: number[]) => tensor('i8', shape, 0.05, -7);
const u8 = (...shape: number[]) => tensor('u8', shape, 0.05, 120);
const f32 = (...shape: number[]) => tensor('f32', shape);

function graphOf<K extends OperatorName>(
  op: K,
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
  options: CaseOptions<K>['options'],
): Graph {
  const { model } = opCase(op, op, inputs, outputs, { options } as CaseOptions<K>);
  return importTflite(writeTflite(model), { name: 'm' }).graph;
}

const keep = { keep_dims: false };
const window = { padding: 'VALID', stride_h: 1, stride_w: 1, filter_height: 2, filter_width: 2 } as const;

const REFUSALS: readonly (readonly [why: string, build: () => Graph, message: RegExp])[] = [
  ['an axis beyond the rank', () => graphOf('SUM', [f32(2, 3), ints(2)], [f32(2)], keep), /axis from -2 to 1/],
  ['axes at run time', () => graphOf('MEAN', [f32(2, 3), tensor('i32', [1])], [f32(2)], keep), /known at import/],
  [
    'a uint8 sum in the scale of what is added',
    () => graphOf('SUM', [u8(2, 3), ints(1)], [u8(2)], keep),
    /a uint8 sum with a scale or zero point of its own/,
  ],
  [
    'a maximum in another scale',
    () => graphOf('REDUCE_MAX', [i8(2, 3), ints(1)], [tensor('i8', [2], 0.1, -7)], keep),
    /equal quantization/,
  ],
  ['a mean without scales', () => graphOf('MEAN', [tensor('i8', [4]), ints(0)], [i8()], keep), /per-tensor affine/],
  [
    'places of 64 bits',
    () => graphOf('ARG_MAX', [f32(2, 3), scalar('i32', 1)], [tensor('i64', [2])], { output_type: 'i64' }),
    /an output of int32 \(output_type=tf\.int32 in TensorFlow\), found i64/,
  ],
  [
    'two axes of one maximum',
    () => graphOf('ARG_MIN', [f32(2, 3), ints(0, 1)], [tensor('i32', [2])], { output_type: 'i32' }),
    /one number as the axis/,
  ],
  [
    'a product at run time',
    () => graphOf('REDUCE_PROD', [tensor('i32', [3]), ints(0)], [tensor('i32', [])], keep),
    /extents that are known at import/,
  ],
  [
    'a product along one of two axes',
    () => graphOf('REDUCE_PROD', [constant(tensor('i32', [1, 2]), [3, 4]), ints(0)], [tensor('i32', [2])], keep),
    /over all axes/,
  ],
  [
    'running sums finer than their type',
    () => graphOf('CUMSUM', [i8(4), scalar('i32', 0)], [tensor('i8', [4], 2 ** -26, 0)], {}),
    /output scale within 2\^0/,
  ],
  [
    'a window of no rows',
    () => graphOf('MAX_POOL_2D', [f32(1, 3, 3, 1)], [f32(1, 2, 2, 1)], { ...window, filter_height: 0 }),
    /a window of 1 to 2\^24 rows and columns, found 0x2/,
  ],
  ['a vector', () => graphOf('MAX_POOL_2D', [f32(9)], [f32(4)], window), /NHWC image of four dimensions/],
  [
    'a window larger than the image',
    () => graphOf('AVERAGE_POOL_2D', [f32(1, 1, 3, 1)], [f32(1, 1, 2, 1)], window),
    /2x2 window does not fit/,
  ],
  [
    'an average in another scale',
    () => graphOf('AVERAGE_POOL_2D', [i8(1, 3, 3, 1)], [tensor('i8', [1, 2, 2, 1], 0.1, -7)], window),
    /equal quantization/,
  ],
  [
    'a fused TANH',
    () =>
      graphOf('AVERAGE_POOL_2D', [f32(1, 3, 3, 1)], [f32(1, 2, 2, 1)], {
        ...window,
        fused_activation_function: 'TANH',
      }),
    /found TANH/,
  ],
];

for (const [why, build, message] of REFUSALS) {
  suite(`refuses ${why}`, () => {
    assert.throws(build, message);
  });
}

suite('axes count from the end, repeat and come in any order', () => {
  const [node] = graphOf('SUM', [f32(2, 3, 4), ints(-1, 0, 2, -3)], [f32(1, 3, 1)], { keep_dims: true }).nodes;
  assert.equal([node?.op, node?.attrs], ['sum', { axes: [0, 2], keepDims: true }]);
});

suite('axes of a scalar mean nothing', () => {
  const [node] = graphOf('MEAN', [f32(), ints(0)], [f32()], keep).nodes;
  assert.equal(node?.attrs, { axes: [], keepDims: false });
});

suite('SAME pads by less than the window, the odd element behind', () => {
  const [node] = graphOf('MAX_POOL_2D', [f32(1, 3, 4, 1)], [f32(1, 3, 4, 1)], { ...window, padding: 'SAME' }).nodes;
  assert.equal((node?.attrs as { padding: unknown } | undefined)?.padding, { top: 0, bottom: 1, left: 0, right: 1 });
});

suite('a product of extents is a constant', () => {
  const { inputs, outputs, constants } = graphOf('REDUCE_PROD', [ints(2, 3, -7), ints(-1)], [tensor('i32', [])], keep);
  assert.equal([inputs, [...(constants.get(outputs[0] as string)?.data ?? [])]], [[], [-42]]);
});

suite.run();
