/** MEAN, SUM, REDUCE_MAX, REDUCE_MIN, ARG_MAX, ARG_MIN and CUMSUM. */
import type { OpCase, Reference } from '../../../support/opcases.ts';
import { ints, opCase, scalar, type Tensor, tensor } from '../../../support/tflite/build-case.ts';

interface ReduceSpec {
  readonly input?: readonly number[];
  readonly axes: readonly number[];
  readonly keep?: boolean;
  readonly quant?: readonly [input: readonly [number, number], output: readonly [number, number]];
}
type ReduceOp = 'MEAN' | 'SUM' | 'REDUCE_MAX' | 'REDUCE_MIN';
type ReduceType = 'i8' | 'i16' | 'f32' | 'u8' | 'i32';

const SHAPES: readonly (readonly [string, ReduceSpec])[] = [
  ['last axis', { axes: [2] }],
  ['first axis', { axes: [0] }],
  ['negative axis', { axes: [-2] }],
  ['keep dims', { axes: [1], keep: true }],
  ['two axes', { axes: [0, 2] }],
  ['repeated axis', { axes: [1, -2] }],
  ['all axes', { axes: [0, 1, 2] }],
  ['image', { input: [1, 4, 5, 3], axes: [1, 2] }],
  ['image keep dims', { input: [2, 4, 5, 3], axes: [1, 2], keep: true }],
  ['image axes swapped keep dims', { input: [1, 4, 5, 3], axes: [2, 1], keep: true }],
  ['channels', { input: [1, 4, 5, 3], axes: [3], keep: true }],
  ['axis of one', { input: [3, 1, 4], axes: [1] }],
  ['rank 1', { input: [19], axes: [0] }],
];

const TYPICAL = { i8: [0.05, -7], i16: [1 / 4096, 0], u8: [0.05, 120] } as const;

function reducedShape(input: readonly number[], axes: readonly number[], keep: boolean): number[] {
  const reduced = new Set(axes.map((axis) => (axis + input.length) % input.length));
  return input.flatMap((size, i) => (reduced.has(i) ? (keep ? [1] : []) : [size]));
}

function reduce(op: ReduceOp, type: ReduceType, name: string, spec: ReduceSpec): OpCase {
  const input = spec.input ?? [4, 3, 5];
  const keep = spec.keep ?? false;
  const made = (shape: readonly number[], quant: readonly [number, number] | undefined): Tensor =>
    type === 'f32' || type === 'i32' ? tensor(type, shape) : tensor(type, shape, ...(quant ?? TYPICAL[type]));
  const output = made(reducedShape(input, spec.axes, keep), spec.quant?.[1]);
  const isInBoth = type === 'i8' || type === 'f32' || (type === 'i16' && (op === 'MEAN' || op === 'SUM'));
  const reference: Reference = isInBoth ? 'tflm' : 'tflite';
  return opCase(
    `${op.toLowerCase().replace('_', ' ')} ${type} ${name}`,
    op,
    [made(input, spec.quant?.[0]), ints(...spec.axes)],
    [output],
    { options: { keep_dims: keep }, reference },
  );
}

const shapes = (op: ReduceOp, types: readonly ReduceType[]) =>
  types.flatMap((type) => SHAPES.map(([name, spec]) => reduce(op, type, name, spec)));

const image = { input: [1, 4, 5, 3], axes: [1, 2] } as const;
const means = [
  ...shapes('MEAN', ['i8', 'i16', 'f32']),
  reduce('MEAN', 'i8', 'rescaled', {
    ...image,
    quant: [
      [0.05, -7],
      [0.021, 10],
    ],
  }),
  reduce('MEAN', 'i8', 'coarser', {
    ...image,
    quant: [
      [0.05, 100],
      [0.3, -100],
    ],
  }),
  reduce('MEAN', 'i8', 'other zero point', {
    ...image,
    quant: [
      [0.05, -7],
      [0.05, 30],
    ],
  }),
  reduce('MEAN', 'i8', 'rescaled, all axes', {
    axes: [0, 1, 2],
    quant: [
      [0.05, -128],
      [0.06, -60],
    ],
  }),
  reduce('MEAN', 'i8', 'many elements', {
    input: [1, 20, 20, 2],
    axes: [1, 2],
    quant: [
      [0.05, -128],
      [0.06, -128],
    ],
  }),
  reduce('MEAN', 'i16', 'rescaled', {
    ...image,
    quant: [
      [1 / 4096, 0],
      [1 / 9000, 0],
    ],
  }),
  ...shapes('MEAN', ['u8', 'i32']),
  reduce('MEAN', 'u8', 'rescaled', {
    ...image,
    quant: [
      [0.05, 120],
      [0.021, 130],
    ],
  }),
];

const sums = [
  ...shapes('SUM', ['f32']),
  ...(['i8', 'i16'] as const).flatMap((type) =>
    SHAPES.map(([name, spec]) =>
      reduce('SUM', type, name, {
        ...spec,
        quant:
          type === 'i8'
            ? [
                [0.05, -7],
                [0.17, 4],
              ]
            : [
                [1 / 4096, 0],
                [1 / 1200, 0],
              ],
      }),
    ),
  ),
  reduce('SUM', 'i8', 'same quantization', image),
  reduce('SUM', 'i8', 'saturating', {
    ...image,
    quant: [
      [0.05, -7],
      [0.05, 20],
    ],
  }),
  reduce('SUM', 'i8', 'zero points at the ends', {
    ...image,
    quant: [
      [0.05, -128],
      [1.1, -128],
    ],
  }),
];

const sumsOfOtherTypes = [
  ...shapes('SUM', ['i32']),
  ...SHAPES.map(([name, spec]) =>
    reduce('SUM', 'u8', name, {
      ...spec,
      quant: [
        [0.05, 120],
        [0.17, 131],
      ],
    }),
  ),
];

const extrema = (['REDUCE_MAX', 'REDUCE_MIN'] as const).flatMap((op) => shapes(op, ['i8', 'f32', 'u8', 'i16', 'i32']));

// Floats that order and rounding depend on: NaN first, in the middle and alone, infinities, zeros of both signs.
const SPECIAL = [
  [NaN, 1, 2, NaN],
  [1, NaN, 2, -3],
  [NaN, NaN, NaN, NaN],
  [-Infinity, -Infinity, -Infinity, -Infinity],
  [Infinity, 1, Infinity, 0],
  [-0, 0, -0, 0],
  [0, -0, 0, -0],
].flat();

const special = [
  ...(['MEAN', 'SUM', 'REDUCE_MAX', 'REDUCE_MIN'] as const).map((op) => ({
    ...reduce(op, 'f32', 'special values', { input: [7, 4], axes: [1] }),
    inputs: [[SPECIAL]],
  })),
  ...(['ARG_MAX', 'ARG_MIN'] as const).map((op) =>
    opCase(
      `${op.toLowerCase().replace('_', ' ')} f32 special values`,
      op,
      [tensor('f32', [7, 4]), scalar('i32', 1)],
      [tensor('i32', [7])],
      { options: { output_type: 'i32' }, inputs: [[SPECIAL]] },
    ),
  ),
];

// More than 2^31 in all, which wraps, and counts that divide the multiplier with a remainder.
const large = [
  { ...reduce('MEAN', 'i16', 'beyond 32 bits', { input: [80000], axes: [0] }), inputs: [{ min: 32000, max: 32767 }] },
  {
    ...reduce('SUM', 'i16', 'beyond 32 bits', {
      input: [80000],
      axes: [0],
      quant: [
        [1, 0],
        [40000, 0],
      ],
    }),
    inputs: [{ min: -32768, max: -32000 }],
  },
  ...[7, 31, 33, 97, 127, 129, 1000, 65537].map((count) =>
    reduce('MEAN', 'i8', `${count} elements`, {
      input: [2, count],
      axes: [1],
      quant: [
        [0.05, -128],
        [0.0037, 3],
      ],
    }),
  ),
];

const noAxes = (['MEAN', 'SUM', 'REDUCE_MAX', 'REDUCE_MIN'] as const).flatMap((op) => [
  reduce(op, 'f32', 'no axes', { axes: [] }),
  reduce(op, 'i8', 'no axes', { axes: [] }),
]);

interface ArgSpec {
  readonly input: readonly number[];
  readonly axis: number;
}
const ARGS: readonly (readonly [string, ArgSpec])[] = [
  ['rank 1', { input: [11], axis: 0 }],
  ['rows', { input: [3, 7], axis: 1 }],
  ['columns', { input: [5, 4], axis: 0 }],
  ['negative axis', { input: [2, 3, 5], axis: -1 }],
  ['middle', { input: [2, 6, 3], axis: 1 }],
  ['rank 4', { input: [1, 2, 3, 4], axis: 3 }],
];

const args = (['ARG_MAX', 'ARG_MIN'] as const).flatMap((op) =>
  (['i8', 'f32', 'u8', 'i32'] as const).flatMap((type) =>
    [...ARGS.map(([name, spec]) => [name, spec, false] as const), ['with ties', ARGS[1][1], true] as const].map(
      ([name, { input, axis }, ties]) =>
        opCase(
          `${op.toLowerCase().replace('_', ' ')} ${type} ${name}`,
          op,
          [type === 'i8' || type === 'u8' ? tensor(type, input, 0.05, 7) : tensor(type, input), scalar('i32', axis)],
          [
            tensor(
              'i32',
              input.filter((_, i) => i !== (axis + input.length) % input.length),
            ),
          ],
          {
            options: { output_type: 'i32' },
            reference: type === 'i8' || type === 'f32' ? 'tflm' : 'tflite',
            ...(ties
              ? { inputs: [[[12, 15, 15, 11, 11, 15, 12, 17, 17, 17, 17, 17, 17, 17, 9, 1, 13, 1, 13, 13, 10]]] }
              : {}),
          },
        ),
    ),
  ),
);

function cumsum(
  name: string,
  type: 'i8' | 'f32' | 'i32',
  input: readonly number[],
  axis: number,
  options: { readonly exclusive?: boolean; readonly reverse?: boolean } = {},
  output: readonly [number, number] = [0.1, 12],
): OpCase {
  const made = (quant: readonly [number, number]) =>
    type === 'i8' ? tensor(type, input, ...quant) : tensor(type, input);
  return opCase(`cumsum ${type} ${name}`, 'CUMSUM', [made([0.05, -7]), scalar('i32', axis)], [made(output)], {
    options,
    reference: type === 'i32' ? 'tflite' : 'tflm',
  });
}

const cumsums = (['i8', 'f32', 'i32'] as const).flatMap((type) => [
  cumsum('last axis', type, [2, 3, 5], 2),
  cumsum('first axis', type, [4, 3], 0),
  cumsum('middle', type, [2, 4, 3], 1),
  cumsum('negative axis', type, [2, 3, 5], -1),
  cumsum('exclusive', type, [2, 6], 1, { exclusive: true }),
  cumsum('reverse', type, [2, 6], 1, { reverse: true }),
  cumsum('exclusive reverse', type, [2, 6], 1, { exclusive: true, reverse: true }),
  cumsum('rank 4', type, [2, 2, 3, 2], 2),
]);

export const cases: readonly OpCase[] = [
  ...means,
  ...sums,
  ...sumsOfOtherTypes,
  ...extrema,
  ...noAxes,
  ...special,
  ...large,
  ...args,
  ...cumsums,
  cumsum('saturating', 'i8', [2, 12], 1, {}, [0.02, 0]),
  cumsum('same quantization', 'i8', [2, 6], 1, {}, [0.05, -7]),
];
