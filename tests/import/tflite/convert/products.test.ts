/** Convolutions and matrix products: what their converters refuse, and what they make of padding and types. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { importTflite } from '../../../../compiler/import/tflite/import.ts';
import type { Graph } from '../../../../ir/tensor/graph.ts';
import { type CaseOptions, constant, ints, opCase, type Tensor, tensor } from '../../../support/tflite/build-case.ts';
import type { OperatorName } from '../../../support/tflite/schema.ts';
import { writeTflite } from '../../../support/tflite-writer.ts';

const suite = makeSuite('product converters');
const f32 = (...shape: number[]) => tensor('f32', shape);
const ones = (base: Tensor): Tensor =>
  constant(
    base,
    Array.from({ length: base.shape.reduce((p, e) => p * e, 1) }, () => 1),
  );

function graphOf<K extends OperatorName>(
  op: K,
  inputs: readonly (Tensor | null)[],
  output: Tensor,
  options: CaseOptions<K>['options'],
): Graph {
  const { model } = opCase(op, op, inputs, [output], { options } as CaseOptions<K>);
  return importTflite(writeTflite(model), { name: 'm' }).graph;
}

const image = f32(1, 3, 4, 2);
const same = { padding: 'SAME', stride_h: 2, stride_w: 2 } as const;
const up = (
  shape: Tensor,
  weights: readonly number[],
  output: readonly number[],
  options: CaseOptions<'TRANSPOSE_CONV'>['options'] = same,
) => graphOf('TRANSPOSE_CONV', [shape, ones(f32(...weights)), image], f32(...output), options);

const filtered = (x: Tensor, scale: number, zeroPoint: number) =>
  graphOf('CONV_2D', [x, ones(tensor('i8', [1, 1, 1, 2], scale, zeroPoint))], tensor(x.type, [1, 3, 3, 1], 0.5), {
    padding: 'SAME',
    stride_h: 1,
    stride_w: 1,
  });

const REFUSALS: readonly (readonly [why: string, build: () => Graph, message: RegExp])[] = [
  [
    'other output channels',
    () => up(ints(1, 6, 8, 5), [3, 3, 3, 2], [1, 6, 8, 5]),
    /\[1, height, width, 3\], found \[1, 6, 8, 5\]/,
  ],
  ['another batch', () => up(ints(2, 6, 8, 3), [3, 3, 3, 2], [2, 6, 8, 3]), /\[1, height, width, 3\]/],
  ['an output of three dimensions', () => up(ints(1, 6, 8), [3, 3, 3, 2], [1, 6, 8]), /\[1, height, width, 3\]/],
  [
    'an output of no rows',
    () => up(ints(1, 0, 8, 3), [3, 3, 3, 2], [1, 0, 8, 3]),
    /attributes of transpose_conv2d in range, found output\.0/,
  ],
  ['flat filters', () => up(ints(1, 6, 8, 3), [3, 18], [1, 6, 8, 3]), /filters of four dimensions/],
  ['filters of another depth', () => up(ints(1, 6, 8, 3), [3, 3, 3, 4], [1, 6, 8, 3]), /weights of depth 2/],
  [
    'a stride of 0',
    () => up(ints(1, 6, 8, 3), [3, 3, 3, 2], [1, 6, 8, 3], { ...same, stride_h: 0 }),
    /stride_h from 1/,
  ],
  [
    'matrices that do not fit',
    () => graphOf('BATCH_MATMUL', [f32(2, 3), f32(2, 3)], f32(2, 3), {}),
    /one inner extent/,
  ],
  [
    'int8 filters with a zero point',
    () => filtered(tensor('i8', [1, 3, 3, 2], 0.5, 3), 0.5, 1),
    /int8 filters with zero point 0/,
  ],
  [
    '16-bit images with a zero point',
    () => filtered(tensor('i16', [1, 3, 3, 2], 0.5, 3), 0.5, 0),
    /activations with zero point 0/,
  ],
  [
    'int8 weights of a float layer with a zero point',
    () => graphOf('FULLY_CONNECTED', [f32(1, 2), ones(tensor('i8', [3, 2], 0.5, 1))], f32(1, 3), {}),
    /a float layer.*with zero point 0/,
  ],
  ['a vector', () => graphOf('BATCH_MATMUL', [f32(3), f32(3, 2)], f32(2), {}), /expected matrices/],
  [
    'int16 with a zero point',
    () =>
      graphOf('BATCH_MATMUL', [tensor('i16', [2, 2], 1, 4), tensor('i16', [2, 2], 1)], tensor('i16', [2, 2], 1), {}),
    /zero point 0/,
  ],
];

for (const [why, build, message] of REFUSALS) {
  suite(`refused: ${why}`, () => {
    assert.throws(build, message);
  });
}

suite('the padding of a transposed convolution is that of the convolution back', () => {
  const attrs = (shape: number[], options: CaseOptions<'TRANSPOSE_CONV'>['options']) =>
    up(ints(...shape), [3, 3, 4, 2], shape, options).nodes[0]?.attrs;
  const common = { stride: [2, 2], activation: 'none', rounding: 'double' };
  assert.equal(attrs([1, 6, 8, 3], same), { ...common, padding: { top: 0, left: 1 }, output: [6, 8] });
  assert.equal(attrs([1, 5, 7, 3], same), { ...common, padding: { top: 1, left: 1 }, output: [5, 7] });
  assert.equal(attrs([1, 7, 10, 3], { ...same, padding: 'VALID' }), {
    ...common,
    padding: { top: 0, left: 0 },
    output: [7, 10],
  });
});

suite('a 16-bit bias is widened', () => {
  const graph = graphOf(
    'TRANSPOSE_CONV',
    [
      ints(1, 1, 1, 1),
      constant(tensor('i8', [1, 1, 1, 1], 0.5), [2]),
      tensor('i16', [1, 1, 1, 1], 0.25),
      constant(tensor('i16', [1], 0.125), [-300]),
    ],
    tensor('i16', [1, 1, 1, 1], 0.125),
    { padding: 'VALID', stride_h: 1, stride_w: 1 },
  );
  const bias = graph.nodes[0]?.inputs[2] as string;
  assert.is(graph.types.get(bias)?.dtype, 'i64');
  assert.equal(graph.constants.get(bias)?.data, BigInt64Array.of(-300n));
});

suite('transpositions of a matrix product', () => {
  const graph = graphOf('BATCH_MATMUL', [f32(3, 2), f32(4, 3)], f32(2, 4), { adj_x: true, adj_y: true });
  assert.equal(graph.nodes[0]?.attrs, { transposeA: true, transposeB: true, rounding: 'double' });
});

suite('an output shape at run time is the one that the file declares', () => {
  const { nodes, types, outputs } = up(tensor('i32', [4]), [3, 3, 3, 2], [1, 6, 8, 3]);
  assert.equal(nodes[0]?.attrs, up(ints(1, 6, 8, 3), [3, 3, 3, 2], [1, 6, 8, 3]).nodes[0]?.attrs);
  assert.equal(types.get(outputs[0] as string)?.shape, [1, 6, 8, 3]);
});

suite.run();
