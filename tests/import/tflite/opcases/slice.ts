/** SLICE, STRIDED_SLICE, SPLIT and SPLIT_V. */
import type { OpCase, Reference } from '../../../support/opcases.ts';
import { ints, opCase, scalar, type Tensor, tensor } from '../../../support/tflite/build-case.ts';
import type { OptionsOf, TensorTypeName } from '../../../support/tflite/schema.ts';

const of = (type: TensorTypeName, shape: readonly number[]): Tensor => {
  if (type === 'i8') return tensor(type, shape, 0.05, -7);
  if (type === 'i16') return tensor(type, shape, 1 / 4096, 0);
  return tensor(type, shape);
};

function slice(
  type: TensorTypeName,
  shape: readonly number[],
  begin: readonly number[],
  size: readonly number[],
  indices: 'i32' | 'i64' = 'i32',
): OpCase {
  const output = size.map((n, i) => (n < 0 ? shape[i] - begin[i] : n));
  const list = (values: readonly number[]): Tensor => ({ ...ints(...values), type: indices });
  const name = `slice ${type} ${shape.join('x')} from ${begin.join(' ')} size ${size.join(' ')} ${indices}`;
  return opCase(name, 'SLICE', [of(type, shape), list(begin), list(size)], [of(type, output)]);
}

const slices = [
  ...(['i8', 'i16', 'i32', 'f32', 'bool'] as const).map((type) => slice(type, [4, 5], [1, 2], [2, 3])),
  slice('i8', [7], [3], [4]),
  slice('i8', [2, 3, 4], [0, 1, 2], [2, -1, 1]),
  slice('i8', [1, 4, 5, 3], [0, 1, 1, 0], [1, 2, 3, 3]),
  slice('i8', [1, 4, 5, 3], [0, 0, 0, 2], [-1, -1, -1, 1]),
  slice('i8', [2, 2, 2, 2, 3], [1, 0, 1, 0, 1], [1, 2, 1, 2, 2]),
  slice('i8', [4, 5], [1, 2], [2, 3], 'i64'),
  slice('f32', [4, 5], [3, 0], [1, -1], 'i64'),
];

interface StridedSpec {
  readonly type?: TensorTypeName;
  readonly input: readonly number[];
  readonly begin: readonly number[];
  readonly end: readonly number[];
  readonly strides?: readonly number[];
  readonly options?: OptionsOf<'STRIDED_SLICE'>;
  readonly output: readonly number[];
  readonly reference?: Reference;
}

const strided = (name: string, spec: StridedSpec) =>
  opCase(
    `strided slice ${name}`,
    'STRIDED_SLICE',
    [
      of(spec.type ?? 'i8', spec.input),
      ints(...spec.begin),
      ints(...spec.end),
      ints(...(spec.strides ?? spec.begin.map(() => 1))),
    ],
    [of(spec.type ?? 'i8', spec.output)],
    { options: spec.options ?? {}, reference: spec.reference ?? 'tflm' },
  );

const stridedSlices = [
  ...(['i8', 'i16', 'i32', 'f32', 'bool'] as const).map((type) =>
    strided(`${type} strides`, { type, input: [5, 6], begin: [0, 1], end: [5, 6], strides: [2, 3], output: [3, 2] }),
  ),
  strided('plain', { input: [2, 3, 4], begin: [0, 1, 1], end: [2, 3, 3], output: [2, 2, 2] }),
  strided('rank 1', { input: [9], begin: [2], end: [8], strides: [2], output: [3] }),
  strided('rank 4', {
    input: [1, 4, 5, 3],
    begin: [0, 1, 0, 0],
    end: [1, 4, 5, 3],
    strides: [1, 2, 2, 1],
    output: [1, 2, 3, 3],
  }),
  strided('negative indices', { input: [4, 5], begin: [-3, -4], end: [-1, -1], output: [2, 3] }),
  strided('negative strides', { input: [4, 5], begin: [3, 4], end: [0, 0], strides: [-1, -2], output: [3, 2] }),
  strided('reversed', {
    input: [7],
    begin: [0],
    end: [0],
    strides: [-1],
    options: { begin_mask: 1, end_mask: 1 },
    output: [7],
  }),
  strided('begin mask', { input: [4, 5], begin: [2, 2], end: [3, 4], options: { begin_mask: 1 }, output: [3, 2] }),
  strided('end mask', { input: [4, 5], begin: [1, 2], end: [2, 3], options: { end_mask: 2 }, output: [1, 3] }),
  strided('shrink axis', {
    input: [4, 5],
    begin: [1, 0],
    end: [2, 5],
    options: { shrink_axis_mask: 1 },
    output: [5],
  }),
  strided('shrink negative index', {
    input: [2, 3, 4],
    begin: [0, 0, -1],
    end: [2, 3, 0],
    options: { shrink_axis_mask: 4 },
    output: [2, 3],
  }),
  strided('shrink two axes', {
    input: [2, 3, 4],
    begin: [1, 0, 2],
    end: [2, 3, 3],
    options: { shrink_axis_mask: 5, end_mask: 2 },
    output: [3],
  }),
  strided('begin mask where an axis is dropped', {
    input: [4, 5],
    begin: [2, 1],
    end: [3, 4],
    options: { begin_mask: 1, shrink_axis_mask: 1 },
    output: [3],
  }),
  strided('offsets for ends', {
    input: [4, 6],
    begin: [1, -4],
    end: [2, 3],
    options: { offset: true },
    output: [2, 3],
    reference: 'tflite',
  }),
  strided('ellipsis between', {
    input: [2, 3, 4, 5],
    begin: [1, 0, 0, 3],
    end: [2, 0, 0, 1],
    strides: [1, 1, 1, -1],
    options: { ellipsis_mask: 2, new_axis_mask: 4, shrink_axis_mask: 1 },
    output: [3, 4, 1, 2],
    reference: 'tflite',
  }),
  strided('u8 steps', {
    type: 'u8',
    input: [7, 3],
    begin: [6, 0],
    end: [-8, 3],
    strides: [-3, 2],
    output: [3, 2],
    reference: 'tflite',
  }),
  strided('end beyond', { input: [4, 5], begin: [1, 1], end: [100, 100], output: [3, 4] }),
  strided('begin beyond', { input: [4, 5], begin: [-100, 1], end: [2, 3], output: [2, 2] }),
  strided('fewer indices than dimensions', {
    input: [4, 5],
    begin: [1],
    end: [3],
    output: [2, 5],
    reference: 'tflite',
  }),
  strided('ellipsis', {
    input: [2, 3, 4],
    begin: [0, 1],
    end: [0, 3],
    options: { ellipsis_mask: 1 },
    output: [2, 3, 2],
    reference: 'tflite',
  }),
  strided('new axis', {
    input: [3, 4],
    begin: [0, 0, 1],
    end: [0, 3, 3],
    options: { new_axis_mask: 1 },
    output: [1, 3, 2],
    reference: 'tflite',
  }),
];

function split(type: TensorTypeName, shape: readonly number[], axis: number, count: number): OpCase {
  const at = (axis + shape.length) % shape.length;
  const outputs = Array.from({ length: count }, () => of(type, shape.with(at, shape[at] / count)));
  const name = `split ${type} ${shape.join('x')} along ${axis} in ${count}`;
  return opCase(name, 'SPLIT', [scalar('i32', axis), of(type, shape)], outputs, { options: { num_splits: count } });
}

function splitV(type: TensorTypeName, shape: readonly number[], axis: number, sizes: readonly number[]): OpCase {
  const at = (axis + shape.length) % shape.length;
  const outputs = sizes.map((size) => of(type, shape.with(at, size)));
  const name = `split v ${type} ${shape.join('x')} along ${axis} in ${sizes.join(' ')}`;
  return opCase(name, 'SPLIT_V', [of(type, shape), ints(...sizes), scalar('i32', axis)], outputs, {
    options: { num_splits: sizes.length },
  });
}

const splits = [
  ...(['i8', 'i16', 'i32', 'f32'] as const).map((type) => split(type, [4, 6], 1, 3)),
  split('i8', [4, 3], 0, 2),
  split('i8', [1, 2, 3, 8], -1, 4),
  split('i8', [2, 4, 3], 1, 2),
  split('i8', [2, 4], 1, 1),
  ...(['i8', 'i16', 'i32', 'f32'] as const).map((type) => splitV(type, [2, 7], 1, [1, 4, 2])),
  splitV('i8', [6, 2], 0, [2, 4]),
  splitV('i8', [2, 3, 5], -1, [1, 1, 3]),
  splitV('f32', [2, 5, 2], -2, [3, 2]),
];

export const cases: readonly OpCase[] = [...slices, ...stridedSlices, ...splits];
