/** Operators that move elements: what their converters refuse, and what they make of a few forms. */
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

const suite = makeSuite('movement converters');
const i8 = (...shape: number[]) => tensor('i8', shape, 0.05, -7);
const pairs = (...values: number[]): Tensor => ({ type: 'i32', shape: [values.length / 2, 2], data: values });
const atRunTime = (...shape: number[]): Tensor => tensor('i32', shape);

function graphOf<K extends OperatorName>(
  op: K,
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
  options?: CaseOptions<K>['options'],
): Graph {
  const { model } = opCase(op, op, inputs, outputs, (options === undefined ? {} : { options }) as CaseOptions<K>);
  return importTflite(writeTflite(model), { name: 'm' }).graph;
}

const ops = (graph: Graph) => graph.nodes.map((node) => node.op);

const valuesOf = ({ constants, outputs }: Graph) =>
  Array.from<number | bigint>(constants.get(outputs[0] as string)?.data ?? []);

const REFUSALS: readonly (readonly [why: string, build: () => Graph, message: RegExp])[] = [
  ['a shape of other size', () => graphOf('RESHAPE', [i8(2, 3), ints(4)], [i8(4)]), /6 elements, found \[4\]/],
  ['a shape at run time', () => graphOf('RESHAPE', [i8(2, 3), atRunTime(1)], [i8(6)]), /known at import/],
  [
    'another quantization of what stays the same',
    () => graphOf('RESHAPE', [i8(2, 3), ints(6)], [tensor('i8', [6], 0.1, 0)]),
    /quantization of i8\[2,3\] affine\(0.05, -7\), found i8\[6\] affine\(0.1, 0\)/,
  ],
  [
    'squeezing an extent of 3',
    () => graphOf('SQUEEZE', [i8(1, 3)], [i8(1)], { squeeze_dims: [1] }),
    /extent 1 on the squeezed axis 1/,
  ],
  ['an axis beyond the rank', () => graphOf('EXPAND_DIMS', [i8(3), scalar('i32', 2)], [i8(3, 1)]), /axis from -2 to 1/],
  ['an axis twice', () => graphOf('TRANSPOSE', [i8(2, 3), ints(0, 0)], [i8(2, 2)]), /every axis once, found \[0, 0\]/],
  ['too few axes', () => graphOf('TRANSPOSE', [i8(2, 3), ints(0)], [i8(2, 3)]), /2 numbers as the order of the axes/],
  [
    'a fused activation',
    () => graphOf('CONCATENATION', [i8(2), i8(2)], [i8(4)], { axis: 0, fused_activation_function: 'RELU' }),
    /without a fused activation, found RELU/,
  ],
  [
    'int8 operands of another scale',
    () => graphOf('CONCATENATION', [i8(2), tensor('i8', [2], 0.1, 0)], [i8(4)], { axis: 0 }),
    /quantization of i8\[2\] affine\(0.1, 0\)/,
  ],
  [
    'a position beyond the axis',
    () => graphOf('GATHER', [i8(4), ints(1, 4)], [i8(2)], { axis: 0 }),
    /from 0 to 3, found 4/,
  ],
  [
    'more batch axes than lie before the axis',
    () => graphOf('GATHER', [i8(2, 4), pairs(0, 1)], [i8(1, 2)], { axis: 0, batch_dims: 1 }),
    /batch_dims from 0 to 0/,
  ],
  ['repeating nothing', () => graphOf('TILE', [i8(2), ints(0)], [i8(0)]), /multiples of 1 and more, found 0/],
  ['an empty shape', () => graphOf('BROADCAST_TO', [i8(1), ints(2, 0)], [i8(2, 0)]), /extents of 1 and more/],
  ['a list to fill with', () => graphOf('FILL', [ints(2), i8(2)], [i8(2)]), /one value without dimensions/],
  [
    'an empty slice',
    () => graphOf('SLICE', [i8(4), ints(4), ints(-1)], [i8(0)]),
    /at least one element along every axis/,
  ],
  ['a slice beyond the end', () => graphOf('SLICE', [i8(4), ints(2), ints(3)], [i8(3)]), /0..3 along axis 0, found 3/],
  [
    'a stride of 0',
    () => graphOf('STRIDED_SLICE', [i8(4), ints(0), ints(4), ints(0)], [i8(4)]),
    /strides other than 0/,
  ],
  [
    'dropping an axis at a place beyond it',
    () => graphOf('STRIDED_SLICE', [i8(4), ints(4), ints(5), ints(1)], [i8()], { shrink_axis_mask: 1 }),
    /a place in 0..3 where an axis is dropped, found 4/,
  ],
  [
    'two ellipses',
    () => graphOf('STRIDED_SLICE', [i8(4), ints(0, 0), ints(0, 0), ints(1, 1)], [i8(4)], { ellipsis_mask: 3 }),
    /at most one ellipsis/,
  ],
  [
    'more entries than axes',
    () => graphOf('STRIDED_SLICE', [i8(4), ints(0, 0), ints(1, 1), ints(1, 1)], [i8(1)]),
    /at most 1 entries of begin/,
  ],
  ['an uneven split', () => graphOf('SPLIT', [scalar('i32', 0), i8(5)], [i8(2), i8(2)]), /in multiples of 2, found 5/],
  [
    'sizes that do not sum up',
    () => graphOf('SPLIT_V', [i8(5), ints(2, 2), scalar('i32', 0)], [i8(2), i8(2)]),
    /sizes that sum to 5, found \[2, 2\]/,
  ],
  ['outputs too few', () => graphOf('UNPACK', [i8(3, 2)], [i8(2), i8(2)], { axis: 0 }), /extent 2, one per output/],
  ['negative paddings', () => graphOf('PAD', [i8(3), pairs(-1, 0)], [i8(2)]), /the paddings of 0 and more/],
  [
    'a padding value of another type',
    () => graphOf('PADV2', [i8(3), pairs(1, 0), scalar('f32', 0)], [i8(4)]),
    /one value of the element type and quantization of i8\[3\]/,
  ],
  [
    'mirroring more than there is',
    () => graphOf('MIRROR_PAD', [i8(3), pairs(3, 0)], [i8(6)], { mode: 'REFLECT' }),
    /margins of at most 2 along axis 0/,
  ],
  [
    'blocks of nothing',
    () => graphOf('DEPTH_TO_SPACE', [i8(1, 1, 1, 4)], [i8(1, 2, 2, 1)], { block_size: 0 }),
    /block size of 1 and more/,
  ],
  [
    'blocks over all axes',
    () => graphOf('BATCH_TO_SPACE_ND', [i8(4, 1), ints(2, 2), pairs(0, 0, 0, 0)], [i8(1, 2)]),
    /a block shape of 1 to 1 positive extents/,
  ],
  [
    'images of three dimensions',
    () => graphOf('RESIZE_BILINEAR', [i8(1, 2, 2), ints(4, 4)], [i8(1, 4, 4)]),
    /an NHWC image of four dimensions/,
  ],
  [
    'both ways of placing pixels',
    () =>
      graphOf('RESIZE_BILINEAR', [i8(1, 2, 2, 1), ints(4, 4)], [i8(1, 4, 4, 1)], {
        align_corners: true,
        half_pixel_centers: true,
      }),
    /alignCorners or halfPixelCenters, found both/,
  ],
];

for (const [why, build, message] of REFUSALS) suite(`refuses ${why}`, () => assert.throws(build, message));

suite('slices that take everything are no more than a reshape', () => {
  const whole = graphOf('STRIDED_SLICE', [i8(2, 3), ints(0, 0), ints(0, 2), ints(1, 1)], [i8(1, 2, 3)], {
    new_axis_mask: 1,
    end_mask: 2,
  });
  assert.equal(ops(whole), ['reshape']);
  assert.equal(ops(graphOf('SPLIT', [scalar('i32', 0), i8(5)], [i8(5)])), ['reshape']);
});

suite('one size of a split may be left open', () => {
  const graph = graphOf('SPLIT_V', [i8(5), ints(2, -1), scalar('i32', 0)], [i8(2), i8(3)]);
  assert.equal(ops(graph), ['slice', 'slice']);
});

suite('shapes and fillings that are known leave constants', () => {
  const shape = graphOf('SHAPE', [i8(2, 5)], [tensor('i32', [2])], { out_type: 'i32' });
  assert.equal(valuesOf(shape), [2, 5]);
  const filled = graphOf('FILL', [ints(3), constant(i8(), [9])], [i8(3)]);
  assert.equal(valuesOf(filled), [9, 9, 9]);
  assert.equal([...ops(shape), ...ops(filled)], []);
});

suite.run();
