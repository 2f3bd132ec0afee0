/**
 * Weights that are stored in another form: float16 behind DEQUANTIZE, sparse behind DENSIFY, and hybrid ones (8-bit
 * weights of a float layer). What a hybrid layer answers depends on how a runtime quantizes its inputs: the recorded
 * answers are one such choice, to be met within a tolerance.
 */
import type { OpCase } from '../../../support/opcases.ts';
import { constant, opCase, type Tensor, tensor } from '../../../support/tflite/build-case.ts';
import { Random } from '../../../support/tflite/random.ts';
import type { OpSpec, SparsitySpec, TensorSpec } from '../../../support/tflite-writer.ts';

const UNITS = 4;
const DEPTH = 6;
const named = (name: string, base: Tensor): TensorSpec => ({ name, ...base });
const input = named('x', tensor('f32', [2, DEPTH]));
const output = named('y', tensor('f32', [2, UNITS]));
const dense = named('weights', tensor('f32', [UNITS, DEPTH]));
const bias = named('bias', constant(tensor('f32', [UNITS]), [0.5, -0.25, 0, 1]));

/** A float FULLY_CONNECTED whose weights come out of `stages`, applied one after the other to the stored tensor. */
function behind(
  name: string,
  stored: TensorSpec,
  stages: readonly ('DENSIFY' | 'DEQUANTIZE')[],
  middle?: TensorSpec,
): OpCase {
  const tensors = [input, bias, output, stored, ...(middle === undefined ? [] : [middle]), dense];
  const weights = tensors.length - 1;
  const operators: OpSpec[] = stages.map((op, i) => ({
    op,
    inputs: [3 + i],
    outputs: [i === stages.length - 1 ? weights : 4 + i],
  }));
  operators.push({ op: 'FULLY_CONNECTED', inputs: [0, weights, 1], outputs: [2], options: {} });
  return {
    name,
    model: { subgraphs: [{ tensors, operators, inputs: [0], outputs: [2] }] },
    runs: 2,
    reference: 'tflite',
  };
}

const random = new Random('compressed weights');
const halves = random.floats(UNITS * DEPTH, -1, 1);
const int8Values = random.ints(UNITS * DEPTH, -127, 127);

/** 7 of 24 weights: row 0 has columns 1 and 4, row 1 none, row 2 columns 0, 2, 5, row 3 columns 3 and 4. */
const rows = (width: 8 | 16 | 32): SparsitySpec => ({
  traversalOrder: [0, 1],
  dimensions: [{ denseSize: UNITS }, { segments: [0, 2, 2, 5, 7], indices: [1, 4, 0, 2, 5, 3, 4], width }],
});
const sparseValues = [0.5, -1.25, 2, 0.75, -0.5, 1, -2];

/** The same weights by columns: columns 0 to 5 hold rows 2, 0, 2, 3, 0 and 3, 2. */
const columns: SparsitySpec = {
  traversalOrder: [1, 0],
  dimensions: [{ denseSize: DEPTH }, { segments: [0, 1, 2, 3, 4, 6, 7], indices: [2, 0, 2, 3, 0, 3, 2] }],
};
/** Blocks of 1x3: block row 0 has block 1, row 1 none, row 2 both, row 3 block 0. */
const blocks: SparsitySpec = {
  traversalOrder: [0, 1, 2],
  blockMap: [1],
  dimensions: [{ denseSize: UNITS }, { segments: [0, 1, 1, 3, 4], indices: [1, 0, 1, 0] }, { denseSize: 3 }],
};

const sparse = (type: 'f32' | 'f16' | 'i8', data: readonly number[], sparsity: SparsitySpec): TensorSpec => ({
  ...named('stored', type === 'i8' ? tensor(type, [UNITS, DEPTH], 0.02) : tensor(type, [UNITS, DEPTH])),
  data,
  sparsity,
});
const middle = (type: 'f16' | 'i8'): TensorSpec =>
  named('middle', type === 'i8' ? tensor(type, [UNITS, DEPTH], 0.02) : tensor(type, [UNITS, DEPTH]));

const stored = [
  behind('f16 behind dequantize', named('stored', constant(tensor('f16', [UNITS, DEPTH]), halves)), ['DEQUANTIZE']),
  behind('i8 behind dequantize', named('stored', constant(tensor('i8', [UNITS, DEPTH], 0.01, 3), int8Values)), [
    'DEQUANTIZE',
  ]),
  behind('sparse f32 by rows', sparse('f32', sparseValues, rows(32)), ['DENSIFY']),
  behind('sparse f32 by rows 16-bit indices', sparse('f32', sparseValues, rows(16)), ['DENSIFY']),
  behind('sparse f32 by rows 8-bit indices', sparse('f32', sparseValues, rows(8)), ['DENSIFY']),
  behind('sparse f32 by columns', sparse('f32', sparseValues, columns), ['DENSIFY']),
  behind('sparse f32 in blocks', sparse('f32', random.floats(12, -1, 1), blocks), ['DENSIFY']),
  behind('sparse f16', sparse('f16', sparseValues, rows(32)), ['DENSIFY', 'DEQUANTIZE'], middle('f16')),
  behind(
    'sparse i8 dequantized',
    sparse('i8', [50, -125, 100, 75, -50, 127, -127], rows(8)),
    ['DENSIFY', 'DEQUANTIZE'],
    middle('i8'),
  ),
];

/** Sparse int8 weights of an int8 layer: DENSIFY, then FULLY_CONNECTED. */
const sparseInt8Layer: OpCase = {
  name: 'sparse i8 layer',
  model: {
    subgraphs: [
      {
        tensors: [
          named('x', tensor('i8', [2, DEPTH], 0.05, -7)),
          sparse('i8', [50, -125, 100, 75, -50, 127, -127], rows(32)),
          middle('i8'),
          named('bias', constant(tensor('i32', [UNITS], 0.001), [500, -300, 0, 40])),
          named('y', tensor('i8', [2, UNITS], 0.2, 5)),
        ],
        operators: [
          { op: 'DENSIFY', inputs: [1], outputs: [2] },
          { op: 'FULLY_CONNECTED', inputs: [0, 2, 3], outputs: [4], options: {} },
        ],
        inputs: [0],
        outputs: [4],
      },
    ],
  },
  runs: 2,
  reference: 'tflite',
};

const perChannel = (shape: readonly number[], axis: number, scales: readonly number[]): Tensor => ({
  type: 'i8',
  shape,
  scale: scales.map(Math.fround),
  zeroPoint: scales.map(() => 0),
  axis,
});
const filter = (shape: readonly number[], axis: number, scales: readonly number[]): Tensor =>
  constant(
    perChannel(shape, axis, scales),
    new Random(`filter ${shape.join(' ')}`).ints(
      shape.reduce((a, b) => a * b),
      -127,
      127,
    ),
  );
const image = tensor('f32', [1, 5, 4, 3]);
const convOptions = { padding: 'SAME', stride_h: 1, stride_w: 1 } as const;

const hybrid = [
  opCase(
    'hybrid fully connected',
    'FULLY_CONNECTED',
    [
      tensor('f32', [2, DEPTH]),
      constant(tensor('i8', [UNITS, DEPTH], 0.01), int8Values),
      constant(tensor('f32', [UNITS]), [1, 0, -1, 0.5]),
    ],
    [tensor('f32', [2, UNITS])],
    { options: { asymmetric_quantize_inputs: true }, reference: 'tflite' },
  ),
  opCase(
    'hybrid conv per channel',
    'CONV_2D',
    [image, filter([4, 3, 3, 3], 0, [0.01, 0.004, 0.02, 0.008]), constant(tensor('f32', [4]), [1, 0, -1, 0.5])],
    [tensor('f32', [1, 5, 4, 4])],
    { options: convOptions, reference: 'tflite' },
  ),
  opCase(
    'hybrid depthwise per channel',
    'DEPTHWISE_CONV_2D',
    [image, filter([1, 3, 3, 3], 3, [0.01, 0.004, 0.02]), constant(tensor('f32', [3]), [1, 0, -1])],
    [tensor('f32', [1, 5, 4, 3])],
    { options: { ...convOptions, depth_multiplier: 1 }, reference: 'tflite' },
  ),
];

export const cases: readonly OpCase[] = [...stored, sparseInt8Layer, ...hybrid];
