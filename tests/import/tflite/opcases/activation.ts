/** Activation functions. Integer cases feed every 8-bit value, and 16-bit values from end to end. */
import type { OpCase, Reference } from '../../../support/opcases.ts';
import { constant, opCase, type Tensor, tensor } from '../../../support/tflite/build-case.ts';
import { Random, randomElements } from '../../../support/tflite/random.ts';
import type { OperatorName, OptionsOf, TensorTypeName } from '../../../support/tflite/schema.ts';

type Quant = readonly [scale: number, zeroPoint: number];

const every8Bits = [Array.from({ length: 256 }, (_, i) => i - 128)];
const every8BitsUnsigned = [Array.from({ length: 256 }, (_, i) => i)];
/** The ends, the middle, and steps of 151 between (a prime, so that all low bits occur). */
const many16Bits = [[...Array.from({ length: 434 }, (_, i) => -32768 + 151 * i), -32768, -1, 0, 1, 32766, 32767]];
const floats = [
  [
    0, -0, 1, -1, 0.5, -0.5, 2.5, -2.5, 3, -3, 6, -6, 6.5, -6.5, 20, -20, 100, -100, 1e-8, -1e-8, 1e30, -1e30, 0.1,
    -0.1, 1.7, -1.7, 4.2, -4.2, 9.9, -9.9,
  ].map(Math.fround),
];
const INPUTS = { i8: every8Bits, u8: every8BitsUnsigned, i16: many16Bits, f32: floats } as const;
type UnaryType = keyof typeof INPUTS;

function unary<K extends OperatorName>(
  op: K,
  name: string,
  type: UnaryType,
  input: Quant | null,
  output: Quant | null,
  options?: OptionsOf<K>,
  reference: Reference = 'tflm',
): OpCase {
  const shape = [1, INPUTS[type][0].length];
  const made = (quant: Quant | null) => (quant === null ? tensor(type, shape) : tensor(type, shape, ...quant));
  const fullName = `${op.toLowerCase().replaceAll('_', ' ')} ${type} ${name}`.trim();
  return opCase(fullName, op, [made(input)], [made(output)], {
    inputs: [INPUTS[type]],
    reference,
    ...(options === undefined ? {} : { options }),
  });
}

const relus = (['RELU', 'RELU6'] as const).flatMap((op) => [
  unary(op, 'same quantization', 'i8', [0.05, -7], [0.05, -7]),
  unary(op, 'rescaled', 'i8', [0.1, 5], [0.04, -128]),
  unary(op, 'coarser', 'i8', [0.02, -20], [0.11, 30]),
  unary(op, 'zero point at the end', 'i8', [0.05, -128], [0.05, -128]),
  unary(op, 'same quantization', 'i16', [1 / 4096, 0], [1 / 4096, 0]),
  unary(op, 'rescaled', 'i16', [1 / 3000, 0], [1 / 5000, 0]),
  unary(op, '', 'f32', null, null),
]);
const moreRelus = [
  unary('RELU', 'quotient of scales', 'i16', [0.00026257100398652256, 0], [0.00042011361801996827, 0]),
  unary('RELU', '', 'u8', [0.05, 120], [0.04, 3], undefined, 'tflite'),
  unary('RELU6', '', 'u8', [0.05, 120], [0.04, 3], undefined, 'tflite'),
  unary('RELU_N1_TO_1', '', 'f32', null, null, undefined, 'tflite'),
  unary('RELU_N1_TO_1', '', 'i8', [0.02, -7], [0.02, -7], undefined, 'tflite'),
  unary('RELU_N1_TO_1', '', 'u8', [0.02, 117], [0.02, 117], undefined, 'tflite'),
];

const leaky = [
  unary('LEAKY_RELU', 'same quantization', 'i8', [0.05, -7], [0.05, -7], { alpha: 0.1 }),
  unary('LEAKY_RELU', 'rescaled', 'i8', [0.1, 5], [0.04, -100], { alpha: 0.3 }),
  unary('LEAKY_RELU', 'alpha above 1', 'i8', [0.03, 0], [0.05, 10], { alpha: 1.5 }),
  unary('LEAKY_RELU', 'negative alpha', 'i8', [0.03, 0], [0.05, 10], { alpha: -0.4 }),
  unary('LEAKY_RELU', 'alpha 0', 'i8', [0.03, 0], [0.05, 10], { alpha: 0 }),
  unary('LEAKY_RELU', '', 'i16', [1 / 4096, 0], [1 / 3500, 0], { alpha: 0.1 }),
  // The factor is 0.625 in single precision and a little more in double: products of 4 tell them apart.
  unary('LEAKY_RELU', 'product of scales', 'i16', [0.00021999205637257546, 0], [1 / 4096, 0], {
    alpha: 0.6936063766479492,
  }),
  unary('LEAKY_RELU', '', 'f32', null, null, { alpha: 0.2 }),
  unary('LEAKY_RELU', '', 'u8', [0.05, 120], [0.04, 60], { alpha: 0.2 }, 'tflite'),
];

const sigmoids = [
  unary('LOGISTIC', '', 'i8', [0.05, -7], [1 / 256, -128]),
  unary('LOGISTIC', 'steep', 'i8', [0.3, 20], [1 / 256, -128]),
  unary('LOGISTIC', 'flat', 'i8', [0.004, 0], [1 / 256, -128]),
  unary('LOGISTIC', 'positive only', 'i8', [0.02, -128], [1 / 256, -128]),
  unary('LOGISTIC', '', 'i16', [1 / 4096, 0], [1 / 32768, 0]),
  unary('LOGISTIC', 'other scale', 'i16', [0.0003, 0], [1 / 32768, 0]),
  unary('LOGISTIC', 'steep', 'i16', [0.01, 0], [1 / 32768, 0]),
  unary('LOGISTIC', '', 'f32', null, null),
  unary('LOGISTIC', '', 'u8', [0.05, 120], [1 / 256, 0], undefined, 'tflite'),
  unary('TANH', '', 'i8', [0.03, -7], [1 / 128, 0]),
  unary('TANH', 'steep', 'i8', [0.2, 20], [1 / 128, 0]),
  unary('TANH', 'flat', 'i8', [0.002, 0], [1 / 128, 0]),
  unary('TANH', '', 'i16', [1 / 4096, 0], [1 / 32768, 0]),
  unary('TANH', 'power of two below', 'i16', [1 / 8192, 0], [1 / 32768, 0]),
  unary('TANH', 'power of two above', 'i16', [1 / 2048, 0], [1 / 32768, 0]),
  unary('TANH', 'other scale', 'i16', [0.0003, 0], [1 / 32768, 0]),
  unary('TANH', 'steep', 'i16', [0.01, 0], [1 / 32768, 0]),
  unary('TANH', '', 'f32', null, null),
  unary('TANH', '', 'u8', [0.03, 120], [1 / 128, 128], undefined, 'tflite'),
];

const swishes = [
  unary('HARD_SWISH', '', 'i8', [0.05, -7], [0.05, -100]),
  unary('HARD_SWISH', 'coarse', 'i8', [0.2, 3], [0.1, -120]),
  unary('HARD_SWISH', 'fine', 'i8', [0.01, 10], [0.01, -20]),
  unary('HARD_SWISH', 'coarse output', 'i8', [0.04, 0], [0.3, 0]),
  unary('HARD_SWISH', '', 'f32', null, null),
  unary('HARD_SWISH', '', 'u8', [0.05, 120], [0.05, 20], undefined, 'tflite'),
  unary('ELU', '', 'i8', [0.03, -7], [0.03, -90]),
  unary('ELU', 'coarse', 'i8', [0.2, 3], [0.1, -100]),
  unary('ELU', '', 'f32', null, null),
];

interface PreluSpec {
  readonly type: 'i8' | 'i16' | 'f32' | 'u8';
  readonly shape?: readonly number[];
  readonly alpha: readonly number[];
  readonly input?: Quant;
  readonly alphaQuant?: Quant;
  readonly output?: Quant;
  readonly reference?: Reference;
}

function prelu(name: string, spec: PreluSpec): OpCase {
  const shape = spec.shape ?? [1, 4, 5, 6];
  const made = (type: TensorTypeName, dims: readonly number[], quant: Quant): Tensor =>
    type === 'f32' ? tensor(type, dims) : tensor(type, dims, ...quant);
  const alpha = made(spec.type === 'i16' ? 'i8' : spec.type, spec.alpha, spec.alphaQuant ?? [0.01, 3]);
  const inputs = [
    made(spec.type, shape, spec.input ?? [0.05, -7]),
    constant(alpha, randomElements(new Random(name), alpha)),
  ];
  const outputs = [made(spec.type, shape, spec.output ?? [0.06, 10])];
  return opCase(`prelu ${name}`, 'PRELU', inputs, outputs, { reference: spec.reference ?? 'tflm' });
}

const prelus = [
  prelu('i8 per channel', { type: 'i8', alpha: [1, 1, 6] }),
  prelu('i8 one alpha', { type: 'i8', alpha: [1] }),
  prelu('i8 alpha per position', { type: 'i8', alpha: [4, 5, 1] }),
  prelu('i8 full alpha', { type: 'i8', alpha: [1, 4, 5, 6] }),
  prelu('i8 fine output', { type: 'i8', alpha: [1, 1, 6], output: [0.02, -5] }),
  prelu('i8 large alpha', { type: 'i8', alpha: [1, 1, 6], alphaQuant: [0.05, 0], output: [0.1, 0] }),
  prelu('i16 per channel', {
    type: 'i16',
    alpha: [1, 1, 6],
    input: [1 / 4096, 0],
    alphaQuant: [0.01, 0],
    output: [1 / 4000, 0],
  }),
  prelu('f32 per channel', { type: 'f32', alpha: [1, 1, 6] }),
  prelu('f32 full alpha', { type: 'f32', alpha: [1, 4, 5, 6] }),
  prelu('u8 per channel', {
    type: 'u8',
    alpha: [1, 1, 6],
    input: [0.05, 120],
    alphaQuant: [0.01, 128],
    output: [0.06, 130],
    reference: 'tflite',
  }),
];

export const cases: readonly OpCase[] = [...relus, ...moreRelus, ...leaky, ...sigmoids, ...swishes, ...prelus];
