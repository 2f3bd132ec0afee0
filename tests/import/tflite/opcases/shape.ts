/**
 * RESHAPE SQUEEZE EXPAND_DIMS TRANSPOSE CONCATENATION PACK UNPACK GATHER TILE BROADCAST_TO FILL SHAPE PAD PADV2
 * MIRROR_PAD: bytes move, values stay.
 */
import type { OpCase } from '../../../support/opcases.ts';
import { constant, ints, opCase, scalar, type Tensor, tensor } from '../../../support/tflite/build-case.ts';
import type { TensorTypeName } from '../../../support/tflite/schema.ts';

const of = (type: TensorTypeName, shape: readonly number[], zeroPoint = -7): Tensor => {
  if (type === 'i8') return tensor(type, shape, 0.05, zeroPoint);
  if (type === 'u8') return tensor(type, shape, 0.05, zeroPoint + 128);
  if (type === 'i16') return tensor(type, shape, 1 / 4096, 0);
  return tensor(type, shape);
};
const matrix = (rows: readonly (readonly number[])[]): Tensor => ({
  type: 'i32',
  shape: [rows.length, rows[0].length],
  data: rows.flat(),
});

const reshapes = [
  ...(['i8', 'i16', 'i32', 'i64', 'f32', 'bool', 'u8'] as const).map((type) =>
    opCase(`reshape ${type}`, 'RESHAPE', [of(type, [2, 3, 4]), ints(4, 6)], [of(type, [4, 6])], {
      options: { new_shape: [4, 6] },
    }),
  ),
  opCase('reshape without shape tensor', 'RESHAPE', [of('i8', [2, 3, 4])], [of('i8', [24])], {
    options: { new_shape: [24] },
  }),
  opCase('reshape with -1', 'RESHAPE', [of('i8', [2, 3, 4]), ints(3, -1)], [of('i8', [3, 8])], {
    options: { new_shape: [3, -1] },
  }),
  opCase('reshape to rank 5', 'RESHAPE', [of('i8', [2, 3, 4]), ints(1, 2, 1, 3, 4)], [of('i8', [1, 2, 1, 3, 4])]),
  opCase('reshape to scalar', 'RESHAPE', [of('i8', [1, 1]), { type: 'i32', shape: [0], data: [] }], [of('i8', [])]),
  opCase('squeeze i8 all', 'SQUEEZE', [of('i8', [1, 3, 1, 4])], [of('i8', [3, 4])], { options: {} }),
  opCase('squeeze i8 one', 'SQUEEZE', [of('i8', [1, 3, 1, 4])], [of('i8', [1, 3, 4])], {
    options: { squeeze_dims: [2] },
  }),
  opCase('squeeze f32 negative', 'SQUEEZE', [of('f32', [1, 3, 4, 1])], [of('f32', [1, 3, 4])], {
    options: { squeeze_dims: [-1] },
  }),
  opCase('squeeze i16', 'SQUEEZE', [of('i16', [1, 3, 4, 1])], [of('i16', [3, 4])], {
    options: { squeeze_dims: [0, 3] },
  }),
  opCase('expand dims i8 front', 'EXPAND_DIMS', [of('i8', [3, 4]), scalar('i32', 0)], [of('i8', [1, 3, 4])]),
  opCase('expand dims i16 back', 'EXPAND_DIMS', [of('i16', [3, 4]), scalar('i32', -1)], [of('i16', [3, 4, 1])]),
  opCase('expand dims f32 middle', 'EXPAND_DIMS', [of('f32', [3, 4]), ints(1)], [of('f32', [3, 1, 4])]),
  opCase('shape of i8', 'SHAPE', [of('i8', [2, 5, 3])], [of('i32', [3])], { options: { out_type: 'i32' } }),
  opCase('shape of f32', 'SHAPE', [of('f32', [4])], [of('i32', [1])], { options: { out_type: 'i32' } }),
];

function transpose(type: TensorTypeName, shape: readonly number[], order: readonly number[]): OpCase {
  const output = order.map((axis) => shape[(axis + shape.length) % shape.length]);
  const name = `transpose ${type} ${shape.join('x')} by ${order.join(' ')}`;
  return opCase(name, 'TRANSPOSE', [of(type, shape), ints(...order)], [of(type, output)]);
}

const transposes = [
  ...(['i8', 'i16', 'f32'] as const).flatMap((type) => [
    transpose(type, [3, 5], [1, 0]),
    transpose(type, [2, 3, 4], [2, 0, 1]),
    transpose(type, [1, 2, 3, 4], [0, 3, 1, 2]),
    transpose(type, [2, 3, 2, 3], [3, 1, 0, 2]),
  ]),
  transpose('i8', [6], [0]),
  transpose('i8', [2, 3, 4], [0, 1, 2]),
  transpose('i8', [2, 3, 2, 2, 3], [4, 2, 0, 1, 3]),
];

function concatenation(type: TensorTypeName, axis: number, shapes: readonly (readonly number[])[]): OpCase {
  const at = (axis + shapes[0].length) % shapes[0].length;
  const total = shapes.reduce((sum, shape) => sum + shape[at], 0);
  const inputs = shapes.map((shape) => of(type, shape));
  const name = `concatenation ${type} of ${shapes.map((shape) => shape.join('x')).join(' ')} along ${axis}`;
  return opCase(name, 'CONCATENATION', inputs, [of(type, shapes[0].with(at, total))], { options: { axis } });
}

const joins = [
  ...(['i8', 'i16', 'i32', 'i64', 'f32', 'bool'] as const).map((type) =>
    concatenation(type, 1, [
      [2, 3],
      [2, 1],
    ]),
  ),
  concatenation('i8', 3, [
    [1, 2, 2, 3],
    [1, 2, 2, 4],
    [1, 2, 2, 1],
  ]),
  concatenation('i8', -1, [
    [2, 2, 3],
    [2, 2, 1],
  ]),
  concatenation('i8', 0, [
    [1, 3],
    [2, 3],
    [3, 3],
  ]),
  concatenation('f32', -3, [
    [2, 2, 2],
    [1, 2, 2],
  ]),
  concatenation(
    'i8',
    0,
    Array.from({ length: 10 }, (_, i) => [i + 1]),
  ),
  opCase(
    'concatenation u8 of other scales',
    'CONCATENATION',
    [tensor('u8', [2, 3], 0.05, 120), tensor('u8', [2, 4], 0.03, 100)],
    [tensor('u8', [2, 7], 0.06, 110)],
    { options: { axis: 1 }, reference: 'tflite' },
  ),
  opCase(
    'concatenation i8 with a constant',
    'CONCATENATION',
    [of('i8', [2, 2]), constant(of('i8', [2, 2]), [1, -2, 3, -4])],
    [of('i8', [2, 4])],
    { options: { axis: 1 } },
  ),
];

function pack(type: TensorTypeName, axis: number, count: number, shape: readonly number[]): OpCase {
  const at = axis < 0 ? axis + shape.length + 1 : axis;
  const inputs = Array.from({ length: count }, () => of(type, shape));
  const name = `pack ${count} ${type} ${shape.join('x')} along ${axis}`;
  return opCase(name, 'PACK', inputs, [of(type, shape.toSpliced(at, 0, count))], {
    options: { values_count: count, axis },
  });
}

function unpack(type: TensorTypeName, axis: number, shape: readonly number[]): OpCase {
  const at = (axis + shape.length) % shape.length;
  const outputs = Array.from({ length: shape[at] }, () => of(type, shape.toSpliced(at, 1)));
  return opCase(`unpack ${type} ${shape.join('x')} along ${axis}`, 'UNPACK', [of(type, shape)], outputs, {
    options: { num: shape[at], axis },
  });
}

const stacks = [
  ...(['i8', 'i16', 'i32', 'i64', 'f32'] as const).map((type) => pack(type, 0, 3, [2, 4])),
  pack('i8', 1, 2, [3, 4]),
  pack('i8', -1, 2, [3, 4]),
  pack('f32', 2, 3, [2, 2, 3]),
  ...(['i8', 'i16', 'i32', 'f32'] as const).map((type) => unpack(type, 0, [3, 4])),
  unpack('i8', 1, [2, 3, 4]),
  unpack('i8', -1, [2, 3, 4]),
  unpack('f32', -2, [2, 3, 4]),
];

interface GatherSpec {
  readonly type?: TensorTypeName;
  readonly input: readonly number[];
  readonly positions: Tensor;
  readonly axis?: number;
  readonly batchDims?: number;
  readonly output: readonly number[];
}

const gather = (name: string, spec: GatherSpec) =>
  opCase(
    `gather ${name}`,
    'GATHER',
    [of(spec.type ?? 'i8', spec.input), spec.positions],
    [of(spec.type ?? 'i8', spec.output)],
    { options: { axis: spec.axis ?? 0, batch_dims: spec.batchDims ?? 0 } },
  );

const gathers = [
  gather('i8 rows', { input: [5, 3], positions: ints(4, 0, 0, 2), output: [4, 3] }),
  gather('f32 rows', { type: 'f32', input: [5, 3], positions: ints(1, 3), output: [2, 3] }),
  gather('i8 columns', { input: [2, 5], positions: ints(3, 3, 1), axis: 1, output: [2, 3] }),
  gather('i8 negative axis', { input: [2, 3, 5], positions: ints(0, 4), axis: -1, output: [2, 3, 2] }),
  gather('i8 matrix of positions', {
    input: [4, 2],
    positions: matrix([
      [0, 3],
      [2, 1],
    ]),
    output: [2, 2, 2],
  }),
  gather('i8 scalar position', { input: [4, 3], positions: scalar('i32', 2), output: [3] }),
  gather('i8 batches', {
    input: [2, 4],
    positions: matrix([
      [0, 3, 1],
      [2, 2, 0],
    ]),
    axis: 1,
    batchDims: 1,
    output: [2, 3],
  }),
];

const gatherByInput = opCase(
  'gather f32 positions at run time',
  'GATHER',
  [of('f32', [5, 2]), tensor('i32', [3])],
  [of('f32', [3, 2])],
  {
    options: { axis: 0 },
    inputs: ['random', { min: 0, max: 4 }],
  },
);

const gatherOtherTypes = [
  ...(['i16', 'i32', 'u8', 'bool'] as const).map((type) =>
    opCase(`gather ${type} rows`, 'GATHER', [of(type, [4, 3]), ints(3, 1, 1)], [of(type, [3, 3])], {
      options: { axis: 0 },
      reference: 'tflite',
    }),
  ),
  opCase(
    'gather i8 positions of 64 bits',
    'GATHER',
    [of('i8', [4, 3]), { ...ints(2, 0), type: 'i64' }],
    [of('i8', [4, 2])],
    { options: { axis: 1 }, reference: 'tflite' },
  ),
];

const gatherBatchesByInput = opCase(
  'gather i8 batches of positions at run time',
  'GATHER',
  [of('i8', [2, 3, 4, 2]), tensor('i32', [2, 2, 3])],
  [of('i8', [2, 3, 2, 3, 2])],
  {
    options: { axis: 2, batch_dims: 1 },
    inputs: ['random', { min: 0, max: 3 }],
  },
);

function pads(): OpCase[] {
  const margins = (rows: readonly (readonly number[])[], shape: readonly number[]) =>
    [matrix(rows), shape.map((size, i) => size + rows[i][0] + rows[i][1])] as const;
  const image = margins(
    [
      [0, 0],
      [1, 2],
      [2, 0],
      [0, 0],
    ],
    [1, 3, 4, 2],
  );
  const square = margins(
    [
      [1, 1],
      [2, 1],
    ],
    [3, 4],
  );
  const all = margins(
    [
      [1, 0],
      [0, 2],
      [1, 1],
      [2, 1],
    ],
    [1, 2, 2, 2],
  );
  const line = margins([[3, 2]], [4]);
  const five = margins(
    [
      [0, 1],
      [1, 0],
      [0, 0],
      [1, 1],
      [0, 1],
    ],
    [1, 2, 2, 1, 2],
  );
  const typed = (['i8', 'i16', 'i32', 'f32'] as const).flatMap((type) => [
    opCase(`pad ${type} image`, 'PAD', [of(type, [1, 3, 4, 2]), image[0]], [of(type, image[1])]),
    opCase(`pad ${type} rank 2`, 'PAD', [of(type, [3, 4]), square[0]], [of(type, square[1])]),
    opCase(
      `padv2 ${type} all sides`,
      'PADV2',
      [of(type, [1, 2, 2, 2]), all[0], constant(of(type, []), [3])],
      [of(type, all[1])],
    ),
  ]);
  return [
    ...typed,
    opCase('pad i8 all sides', 'PAD', [of('i8', [1, 2, 2, 2]), all[0]], [of('i8', all[1])]),
    opCase('pad i8 rank 1', 'PAD', [of('i8', [4]), line[0]], [of('i8', line[1])]),
    opCase('pad i8 rank 5', 'PAD', [of('i8', [1, 2, 2, 1, 2]), five[0]], [of('i8', five[1])]),
    opCase('padv2 i8 value at run time', 'PADV2', [of('i8', [3, 4]), square[0], of('i8', [1])], [of('i8', square[1])]),
    opCase(
      'padv2 f32 value at run time',
      'PADV2',
      [of('f32', [3, 4]), square[0], of('f32', [])],
      [of('f32', square[1])],
    ),
    opCase('pad i8 zero point 127', 'PAD', [of('i8', [3, 4], 127), square[0]], [of('i8', square[1], 127)]),
    opCase('pad u8 image', 'PAD', [of('u8', [1, 3, 4, 2]), image[0]], [of('u8', image[1])], { reference: 'tflite' }),
  ];
}

function mirrorPads(): OpCase[] {
  const mirror = (
    name: string,
    type: TensorTypeName,
    mode: 'REFLECT' | 'SYMMETRIC',
    shape: readonly number[],
    rows: readonly (readonly number[])[],
  ) =>
    opCase(
      `mirror pad ${type} ${mode} ${name}`,
      'MIRROR_PAD',
      [of(type, shape), matrix(rows)],
      [
        of(
          type,
          shape.map((size, i) => size + rows[i][0] + rows[i][1]),
        ),
      ],
      { options: { mode } },
    );
  return (['REFLECT', 'SYMMETRIC'] as const).flatMap((mode) =>
    (['i8', 'f32'] as const).flatMap((type) => [
      mirror('rank 1', type, mode, [5], [[3, 2]]),
      mirror(
        'rank 2',
        type,
        mode,
        [3, 4],
        [
          [2, 1],
          [0, 3],
        ],
      ),
      mirror(
        'image',
        type,
        mode,
        [1, 3, 4, 2],
        [
          [0, 0],
          [1, 2],
          [2, 1],
          [0, 0],
        ],
      ),
    ]),
  );
}

const repeats = [
  ...(['i8', 'i32', 'f32'] as const).map((type) =>
    opCase(`broadcast to ${type}`, 'BROADCAST_TO', [of(type, [2, 1, 3]), ints(2, 4, 3)], [of(type, [2, 4, 3])]),
  ),
  opCase('broadcast to i16', 'BROADCAST_TO', [of('i16', [1, 3]), ints(2, 3)], [of('i16', [2, 3])]),
  opCase('broadcast to i8 from one', 'BROADCAST_TO', [of('i8', [1]), ints(2, 3)], [of('i8', [2, 3])]),
  opCase('broadcast to i8 more dimensions', 'BROADCAST_TO', [of('i8', [1, 1]), ints(2, 3, 2)], [of('i8', [2, 3, 2])]),
  opCase(
    'broadcast to i8 rank 5',
    'BROADCAST_TO',
    [of('i8', [1, 2, 1, 2, 1]), ints(2, 2, 2, 2, 2)],
    [of('i8', [2, 2, 2, 2, 2])],
  ),
  opCase('fill f32', 'FILL', [ints(2, 3), tensor('f32', [])], [of('f32', [2, 3])]),
  opCase('fill i32', 'FILL', [ints(2, 3), tensor('i32', [])], [of('i32', [2, 3])]),
  opCase('fill i8', 'FILL', [ints(2, 2, 2), of('i8', [])], [of('i8', [2, 2, 2])]),
  opCase('fill f32 constant', 'FILL', [ints(5), scalar('f32', 2.5)], [of('f32', [5])]),
  ...(['i8', 'i32', 'f32', 'bool', 'u8'] as const).map((type) =>
    opCase(`tile ${type}`, 'TILE', [of(type, [2, 3]), ints(2, 3)], [of(type, [4, 9])], { reference: 'tflite' }),
  ),
  opCase('tile i8 rank 4', 'TILE', [of('i8', [1, 2, 1, 3]), ints(2, 1, 3, 1)], [of('i8', [2, 2, 3, 3])], {
    reference: 'tflite',
  }),
];

export const cases: readonly OpCase[] = [
  ...reshapes,
  ...transposes,
  ...joins,
  ...stacks,
  ...gathers,
  gatherByInput,
  ...gatherOtherTypes,
  gatherBatchesByInput,
  ...pads(),
  ...mirrorPads(),
  ...repeats,
];
