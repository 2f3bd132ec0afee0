/** Comparisons, logicals, SELECT and SELECT_V2. */
import type { OpCase } from '../../../support/opcases.ts';
import { opCase, type Tensor, tensor } from '../../../support/tflite/build-case.ts';
import type { TensorTypeName } from '../../../support/tflite/schema.ts';

const COMPARISONS = ['EQUAL', 'NOT_EQUAL', 'LESS', 'LESS_EQUAL', 'GREATER', 'GREATER_EQUAL'] as const;
type Shapes = readonly [left: readonly number[], right: readonly number[], output: readonly number[]];

const SAME: Shapes = [
  [2, 3, 8],
  [2, 3, 8],
  [2, 3, 8],
];
const BROADCASTS: readonly (readonly [string, Shapes])[] = [
  ['scalar right', [[2, 3, 4], [], [2, 3, 4]]],
  ['one element left', [[1], [3, 4], [3, 4]]],
  ['channels right', [[1, 2, 3, 4], [4], [1, 2, 3, 4]]],
  [
    'both ways',
    [
      [2, 1, 4, 1],
      [1, 3, 1, 2],
      [2, 3, 4, 2],
    ],
  ],
];
/** Few enough values that equal pairs occur. */
const FEW = [
  { min: -3, max: 3 },
  { min: -3, max: 3 },
] as const;

function compare(
  op: (typeof COMPARISONS)[number],
  name: string,
  left: Tensor,
  right: Tensor,
  output: readonly number[],
  inputs?: readonly { readonly min: number; readonly max: number }[],
): OpCase {
  const fullName = `${op.toLowerCase().replace('_', ' ')} ${name}`;
  return opCase(fullName, op, [left, right], [tensor('bool', output)], inputs === undefined ? {} : { inputs });
}

function comparisonsOf(op: (typeof COMPARISONS)[number]): OpCase[] {
  const plain = (type: TensorTypeName, [left, right, output]: Shapes, name: string, inputs?: typeof FEW) =>
    compare(op, `${type} ${name}`, tensor(type, left), tensor(type, right), output, inputs);
  const int8 = ([left, right, output]: Shapes, name: string, scales: readonly number[], inputs?: typeof FEW) =>
    compare(
      op,
      `i8 ${name}`,
      tensor('i8', left, scales[0], -3),
      tensor('i8', right, scales[1], scales[2]),
      output,
      inputs,
    );
  return [
    int8(SAME, 'same quantization', [0.05, 0.05, -3], FEW),
    int8(SAME, 'other scale and zero point', [0.05, 0.031, 20]),
    int8(SAME, 'coarse against fine', [0.5, 0.05, 0], FEW),
    plain('i32', SAME, 'few values', FEW),
    plain('i64', SAME, 'few values', FEW),
    plain('f32', SAME, 'random'),
    ...(op === 'EQUAL' || op === 'NOT_EQUAL' ? [plain('bool', SAME, 'random')] : []),
    ...BROADCASTS.flatMap(([name, shapes]) => [
      int8(shapes, name, [0.05, 0.05, -3], FEW),
      plain('i32', shapes, name, FEW),
    ]),
  ];
}

/** tflite-micro rescales 16-bit operands by multipliers that it never sets. */
const greaterInt16 = opCase(
  'greater i16',
  'GREATER',
  [tensor('i16', [2, 12]), tensor('i16', [2, 12])],
  [tensor('bool', [2, 12])],
  {
    inputs: FEW,
    reference: 'tflite',
  },
);

/** Only TensorFlow Lite compares uint8. */
const comparisonsOfTflite = COMPARISONS.map((op) => ({
  ...compare(op, 'u8', tensor('u8', [2, 30], 0.05, 120), tensor('u8', [2, 30], 0.031, 90), [2, 30]),
  reference: 'tflite' as const,
}));

const logicals = (['LOGICAL_AND', 'LOGICAL_OR'] as const).flatMap((op) =>
  [['same', SAME] as const, ...BROADCASTS].map(([name, [left, right, output]]) =>
    opCase(
      `${op.toLowerCase().replace('_', ' ')} ${name}`,
      op,
      [tensor('bool', left), tensor('bool', right)],
      [tensor('bool', output)],
    ),
  ),
);

const not = opCase('logical not', 'LOGICAL_NOT', [tensor('bool', [2, 9])], [tensor('bool', [2, 9])]);

function select(name: string, type: TensorTypeName, condition: readonly number[], shapes: Shapes): OpCase {
  const [x, y, output] = shapes.map((shape) => (type === 'f32' ? tensor(type, shape) : tensor(type, shape, 0.05, 0)));
  return opCase(`select v2 ${type} ${name}`, 'SELECT_V2', [tensor('bool', condition), x, y], [output]);
}

const selects = (['i8', 'i16', 'f32'] as const).flatMap((type) => [
  select('same', type, [2, 3, 8], SAME),
  select('condition of one element', type, [1], SAME),
  select('condition per channel', type, [8], SAME),
  select('condition per row', type, [2, 1, 1], SAME),
  select('scalar x', type, [3, 4], [[], [3, 4], [3, 4]]),
  select('all broadcast', type, [2, 1, 1], [[3, 1], [4], [2, 3, 4]]),
  select(
    'rank 5',
    type,
    [2, 1, 2, 1, 1],
    [
      [1, 2, 1, 1, 3],
      [2, 2, 2, 1, 3],
      [2, 2, 2, 1, 3],
    ],
  ),
]);

/** SELECT needs equal shapes, except that a condition of rank 1 picks whole rows. */
const selectsOfTflite = [
  opCase(
    'select f32 same',
    'SELECT',
    [tensor('bool', [2, 5]), tensor('f32', [2, 5]), tensor('f32', [2, 5])],
    [tensor('f32', [2, 5])],
    { reference: 'tflite' },
  ),
  opCase(
    'select i8 same',
    'SELECT',
    [tensor('bool', [2, 5]), tensor('i8', [2, 5], 0.05, 3), tensor('i8', [2, 5], 0.05, 3)],
    [tensor('i8', [2, 5], 0.05, 3)],
    { reference: 'tflite' },
  ),
  opCase(
    'select f32 rows',
    'SELECT',
    [tensor('bool', [4]), tensor('f32', [4, 3]), tensor('f32', [4, 3])],
    [tensor('f32', [4, 3])],
    { reference: 'tflite' },
  ),
];

const selectV2OfTflite = (['i32', 'u8', 'bool'] as const).map((type) => ({
  ...opCase(
    `select v2 ${type} rows and channels`,
    'SELECT_V2',
    [tensor('bool', [2, 1]), tensor(type, [3]), tensor(type, [2, 3])],
    [tensor(type, [2, 3])],
  ),
  reference: 'tflite' as const,
}));

export const cases: readonly OpCase[] = [
  ...COMPARISONS.flatMap(comparisonsOf),
  greaterInt16,
  ...logicals,
  not,
  ...selects,
  ...selectsOfTflite,
  ...comparisonsOfTflite,
  ...selectV2OfTflite,
];
