/** ADD, SUB, MUL, DIV, MINIMUM, MAXIMUM, SQUARED_DIFFERENCE. */
import type { InputSpec, OpCase, Reference } from '../../../support/opcases.ts';
import { constant, opCase, type Tensor, tensor } from '../../../support/tflite/build-case.ts';
import { Random, randomElements } from '../../../support/tflite/random.ts';
import type { TensorTypeName } from '../../../support/tflite/schema.ts';

type Fused = 'NONE' | 'RELU' | 'RELU6' | 'RELU_N1_TO_1';
type BinaryOp = 'ADD' | 'SUB' | 'MUL' | 'DIV' | 'MINIMUM' | 'MAXIMUM' | 'SQUARED_DIFFERENCE';
type Quant = readonly [scale: number, zeroPoint: number];

interface BinarySpec {
  readonly type?: TensorTypeName;
  readonly left?: readonly number[];
  readonly right?: readonly number[];
  readonly output?: readonly number[];
  readonly quant?: readonly [left: Quant, right: Quant, output: Quant];
  readonly activation?: Fused;
  readonly constantRight?: boolean;
  readonly inputs?: readonly InputSpec[];
  readonly reference?: Reference;
}

/** Scales at which the results of uniform operands spread over the output type. */
const QUANTS: Readonly<Record<BinaryOp, readonly [Quant, Quant, Quant]>> = {
  ADD: [
    [0.05, -3],
    [0.031, 12],
    [0.07, 5],
  ],
  SUB: [
    [0.05, -3],
    [0.031, 12],
    [0.07, 5],
  ],
  MUL: [
    [0.05, -3],
    [0.031, 12],
    [0.17, 5],
  ],
  DIV: [
    [0.05, -3],
    [0.031, -128],
    [0.02, 5],
  ],
  MINIMUM: [
    [0.05, -3],
    [0.05, -3],
    [0.05, -3],
  ],
  MAXIMUM: [
    [0.05, -3],
    [0.05, -3],
    [0.05, -3],
  ],
  SQUARED_DIFFERENCE: [
    [0.05, -3],
    [0.031, 12],
    [0.2, -100],
  ],
};

function quantized(type: TensorTypeName, shape: readonly number[], [scale, zeroPoint]: Quant): Tensor {
  if (type === 'i8') return tensor(type, shape, scale, zeroPoint);
  if (type === 'u8') return tensor(type, shape, scale, zeroPoint + 128);
  if (type === 'i16') return tensor(type, shape, scale / 256, 0);
  return tensor(type, shape);
}

function binary(op: BinaryOp, name: string, spec: BinarySpec): OpCase {
  const type = spec.type ?? 'i8';
  const left = spec.left ?? [2, 3, 5];
  const quant = spec.quant ?? QUANTS[op];
  const right = quantized(type, spec.right ?? left, quant[1]);
  const fixed = spec.constantRight ? constant(right, randomElements(new Random(name), right)) : right;
  const inputs = [quantized(type, left, quant[0]), fixed];
  const outputs = [quantized(type, spec.output ?? left, quant[2])];
  const run = { reference: spec.reference ?? 'tflm', ...(spec.inputs === undefined ? {} : { inputs: spec.inputs }) };
  const fullName = `${op.toLowerCase().replace('_', ' ')} ${name}`;
  if (spec.activation === undefined) return opCase(fullName, op, inputs, outputs, run);
  const options = { fused_activation_function: spec.activation };
  return opCase<'ADD'>(fullName, op as 'ADD', inputs, outputs, { options, ...run });
}

const BROADCASTS: readonly (readonly [string, BinarySpec])[] = [
  ['one element right', { left: [2, 3, 4], right: [1], output: [2, 3, 4] }],
  ['scalar right', { left: [2, 3, 4], right: [], output: [2, 3, 4] }],
  ['one element left', { left: [1], right: [2, 3, 4], output: [2, 3, 4] }],
  ['channels right', { left: [1, 3, 4, 5], right: [5], output: [1, 3, 4, 5] }],
  ['channels left', { left: [1, 1, 1, 5], right: [1, 3, 4, 5], output: [1, 3, 4, 5] }],
  ['both ways', { left: [2, 1, 4, 1], right: [1, 3, 1, 5], output: [2, 3, 4, 5] }],
  ['rank 2 with rank 4', { left: [3, 1], right: [2, 2, 1, 4], output: [2, 2, 3, 4] }],
  ['middle', { left: [2, 1, 3], right: [2, 4, 3], output: [2, 4, 3] }],
];

function broadcasts(op: BinaryOp, types: readonly TensorTypeName[], except: readonly string[] = []): OpCase[] {
  const shapes = BROADCASTS.filter(([name]) => !except.includes(name));
  return types.flatMap((type) => shapes.map(([name, spec]) => binary(op, `${type} ${name}`, { type, ...spec })));
}

const FUSED = ['RELU', 'RELU6', 'RELU_N1_TO_1'] as const;

function fused(op: BinaryOp, types: readonly TensorTypeName[], inputs?: readonly InputSpec[]): OpCase[] {
  const more = inputs === undefined ? {} : { inputs };
  return types.flatMap((type) =>
    FUSED.map((activation) => binary(op, `${type} ${activation}`, { type, activation, ...more })),
  );
}

const RANK_5 = { left: [2, 1, 2, 1, 3], right: [1, 2, 2, 2, 1], output: [2, 2, 2, 2, 3] } as const;
const nonZero = [
  { min: -100, max: 100 },
  { min: 1, max: 9 },
] as const;
const positive = ['random', { min: 0.25, max: 4 }] as const;
const sameScale = [
  [0.05, -3],
  [0.05, -3],
  [0.05, -3],
] as const;

const addAndSub = (['ADD', 'SUB'] as const).flatMap((op) => [
  binary(op, 'i8', {}),
  binary(op, 'i8 same scales', { quant: sameScale }),
  binary(op, 'i8 constant right', { constantRight: true }),
  binary(op, 'i8 zero points at the ends', {
    quant: [
      [0.05, -128],
      [0.03, 127],
      [0.08, -128],
    ],
  }),
  binary(op, 'i8 scales far apart', {
    quant: [
      [0.9, 3],
      [0.0004, -5],
      [0.9, 0],
    ],
  }),
  binary(op, 'i8 fine output', {
    quant: [
      [0.05, -3],
      [0.03, 12],
      [0.01, 5],
    ],
  }),
  binary(op, 'i8 coarse output', {
    quant: [
      [0.05, -3],
      [0.03, 12],
      [3, 5],
    ],
  }),
  binary(op, 'i8 long', { left: [300] }),
  binary(op, 'i16', { type: 'i16' }),
  binary(op, 'i16 fine output', {
    type: 'i16',
    quant: [
      [0.05, 0],
      [0.03, 0],
      [0.01, 0],
    ],
  }),
  binary(op, 'i16 scales far apart', {
    type: 'i16',
    quant: [
      [0.9, 0],
      [0.0004, 0],
      [0.9, 0],
    ],
  }),
  binary(op, 'i32', { type: 'i32', activation: 'NONE' }),
  binary(op, 'f32', { type: 'f32' }),
  binary(op, 'u8', { type: 'u8', reference: 'tflite' }),
  ...broadcasts(op, ['i8', 'i16', 'i32', 'f32']),
  ...fused(op, ['i8', 'i16', 'f32']),
]);

const multiplication = [
  binary('MUL', 'i8', {}),
  binary('MUL', 'i8 square of one constant', { constantRight: true }),
  binary('MUL', 'i8 zero points at the ends', {
    quant: [
      [0.05, -128],
      [0.03, 127],
      [0.2, 127],
    ],
  }),
  binary('MUL', 'i8 fine output', {
    quant: [
      [0.05, -3],
      [0.03, 12],
      [0.02, 5],
    ],
  }),
  binary('MUL', 'i8 left shift', {
    quant: [
      [1.5, 0],
      [1.25, 0],
      [0.4, 5],
    ],
    inputs: [
      { min: -4, max: 4 },
      { min: -4, max: 4 },
    ],
  }),
  binary('MUL', 'i16', { type: 'i16' }),
  binary('MUL', 'i16 fine output', {
    type: 'i16',
    quant: [
      [0.05, 0],
      [0.03, 0],
      [0.02, 0],
    ],
  }),
  binary('MUL', 'i32', { type: 'i32', activation: 'NONE' }),
  binary('MUL', 'f32', { type: 'f32' }),
  binary('MUL', 'u8', { type: 'u8', reference: 'tflite' }),
  ...broadcasts('MUL', ['i8', 'i16', 'i32', 'f32']),
  ...fused('MUL', ['i8', 'i16', 'f32']),
];

/**
 * Dividends of two or more steps, either side of the zero point. The reference shifts right by more bits the smaller
 * the dividend; at 32 and above, what it answers is undefined, so dividends (and the scales) keep it below.
 */
const above: InputSpec = { min: -1, max: 127 };
const below: InputSpec = { min: -128, max: -5 };
const divisors: InputSpec = { min: -127, max: 127 };

const division = [
  binary('DIV', 'i8', { inputs: [above, divisors] }),
  binary('DIV', 'i8 negative dividends', { inputs: [below, divisors] }),
  binary('DIV', 'i8 negative divisors', {
    quant: [
      [0.05, -3],
      [0.031, 127],
      [0.02, 5],
    ],
    inputs: [above, { min: -128, max: 126 }],
  }),
  binary('DIV', 'i8 large dividends, coarse output', {
    quant: [
      [0.5, -3],
      [0.05, -128],
      [0.5, 5],
    ],
    inputs: [
      { min: 64, max: 127 },
      { min: -108, max: 127 },
    ],
  }),
  binary('DIV', 'i8 channels right', {
    left: [1, 2, 3, 4],
    right: [4],
    output: [1, 2, 3, 4],
    inputs: [above, divisors],
  }),
  binary('DIV', 'i8 both ways', {
    left: [2, 1, 4],
    right: [1, 3, 1],
    output: [2, 3, 4],
    inputs: [below, divisors],
  }),
  binary('DIV', 'i32', { type: 'i32', activation: 'NONE', inputs: nonZero }),
  binary('DIV', 'f32', { type: 'f32', inputs: positive }),
  binary('DIV', 'f32 by zeros and others', { type: 'f32' }),
  binary('DIV', 'f32 both ways', {
    type: 'f32',
    left: [2, 1, 4],
    right: [1, 3, 1],
    output: [2, 3, 4],
    inputs: positive,
  }),
  ...fused('DIV', ['f32'], positive),
  ...fused('DIV', ['i8'], [above, divisors]),
];

const extrema = (['MINIMUM', 'MAXIMUM'] as const).flatMap((op) => [
  ...(['i8', 'i16', 'i32', 'i64', 'f32'] as const).map((type) => binary(op, type, { type })),
  ...broadcasts(op, ['i8', 'f32']),
  binary(op, 'i8 rank 5', RANK_5),
  binary(op, 'i32 channels right', { type: 'i32', left: [2, 3, 4], right: [4], output: [2, 3, 4] }),
]);

const squaredDifference = [
  binary('SQUARED_DIFFERENCE', 'i8', {}),
  binary('SQUARED_DIFFERENCE', 'i8 same scales', {
    quant: [
      [0.05, -3],
      [0.05, -3],
      [0.3, -128],
    ],
  }),
  binary('SQUARED_DIFFERENCE', 'i8 fine output', {
    quant: [
      [0.05, -3],
      [0.03, 12],
      [0.02, -128],
    ],
  }),
  binary('SQUARED_DIFFERENCE', 'i16', {
    type: 'i16',
    quant: [
      [0.05, 0],
      [0.03, 0],
      [0.2, 0],
    ],
  }),
  binary('SQUARED_DIFFERENCE', 'i32', { type: 'i32' }),
  binary('SQUARED_DIFFERENCE', 'f32', { type: 'f32' }),
  ...broadcasts('SQUARED_DIFFERENCE', ['i8', 'f32']),
];

/** Scales whose factors differ in their last bits between single and double precision, which decides many a tie. */
const TIES: Readonly<Partial<Record<BinaryOp, BinarySpec>>> = {
  SUB: {
    quant: [
      [0.2, 0],
      [0.05, 0],
      [0.3, 0],
    ],
  },
  MUL: {
    quant: [
      [0.05, 0],
      [0.35, 0],
      [0.07, 0],
    ],
  },
  DIV: {
    quant: [
      [0.3, 0],
      [0.2, 0],
      [0.2, 0],
    ],
  },
};

const ties = (Object.keys(TIES) as BinaryOp[]).flatMap((op) => {
  const range = op === 'DIV' ? { min: 8, max: 127 } : op === 'MUL' ? { min: -22, max: 22 } : { min: -128, max: 127 };
  const moved = { min: range.min + 128, max: range.max + 128 };
  const size = { left: [10, 1, 60], right: [1, 2, 60], output: [10, 2, 60] };
  return [
    binary(op, 'i8 ties', { ...TIES[op], ...size, inputs: [range, range] }),
    binary(op, 'u8 ties', { ...TIES[op], ...size, type: 'u8', inputs: [moved, moved], reference: 'tflite' }),
  ];
});

const highRanks = (['ADD', 'SUB', 'MUL'] as const).flatMap((op) =>
  (['i8', 'i16', 'f32'] as const).map((type) => binary(op, `${type} rank 5`, { type, ...RANK_5 })),
);

const bytes = [
  binary('DIV', 'u8', {
    type: 'u8',
    inputs: [
      { min: 127, max: 255 },
      { min: 1, max: 255 },
    ],
    reference: 'tflite',
  }),
  ...(['MINIMUM', 'MAXIMUM'] as const).map((op) => binary(op, 'u8', { type: 'u8', reference: 'tflite' })),
  ...(['ADD', 'SUB', 'MUL'] as const).flatMap((op) => [
    ...fused(op, ['u8']).map((c) => ({ ...c, reference: 'tflite' as const })),
    binary(op, 'u8 channels right', {
      type: 'u8',
      left: [2, 3, 4],
      right: [4],
      output: [2, 3, 4],
      reference: 'tflite',
    }),
  ]),
  ...(['SUB', 'MUL', 'DIV'] as const).flatMap((op) =>
    FUSED.map((activation) =>
      binary(op, `i32 ${activation}`, {
        type: 'i32',
        activation,
        inputs: [
          { min: -9, max: 9 },
          { min: 1, max: 3 },
        ],
      }),
    ),
  ),
];

export const cases: readonly OpCase[] = [
  ...addAndSub,
  ...multiplication,
  ...division,
  ...extrema,
  ...squaredDifference,
  ...ties,
  ...highRanks,
  ...bytes,
];
