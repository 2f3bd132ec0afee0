/** FULLY_CONNECTED, BATCH_MATMUL and TRANSPOSE_CONV. */
import type { OpCase, Reference } from '../../../support/opcases.ts';
import { constant, ints, opCase, type Tensor, tensor } from '../../../support/tflite/build-case.ts';
import { type LinearSpec, linearTensors } from '../../../support/tflite/linear.ts';
import { Random, randomElements } from '../../../support/tflite/random.ts';
import type { OptionsOf, TensorTypeName } from '../../../support/tflite/schema.ts';

type ActivationType = 'i8' | 'i16' | 'u8' | 'f32';
const BIAS = { i8: 'i32', u8: 'i32', i16: 'i64', f32: 'f32' } as const;
const INPUT_ZERO_POINT = { i8: -11, u8: 140, i16: 0, f32: 0 } as const;
const OUTPUT_ZERO_POINT = { i8: 6, u8: 120, i16: 0, f32: 0 } as const;

function activations(type: ActivationType, shape: readonly number[], zeroPoint?: number): Tensor {
  if (type === 'f32') return tensor(type, shape);
  return tensor(type, shape, type === 'i16' ? 1 / 8192 : 0.04, zeroPoint ?? INPUT_ZERO_POINT[type]);
}

interface DenseSpec extends Partial<Omit<LinearSpec, 'input'>> {
  readonly type?: ActivationType;
  readonly input: readonly number[];
  readonly units: number;
  /** Inputs that one unit sees; the last dimension of the input when absent. */
  readonly depth?: number;
  readonly inputZeroPoint?: number;
  readonly options?: OptionsOf<'FULLY_CONNECTED'>;
  readonly explicitNoBias?: boolean;
  readonly reference?: Reference;
  readonly inputLimit?: number;
}

function dense(name: string, spec: DenseSpec): OpCase {
  const type = spec.type ?? 'i8';
  const depth = spec.depth ?? spec.input.at(-1)!;
  const input = activations(type, spec.input, spec.inputZeroPoint);
  const rows = spec.input.reduce((product, size) => product * size, 1) / depth;
  const { weights, bias, output } = linearTensors(new Random(name), {
    outputZeroPoint: OUTPUT_ZERO_POINT[type],
    bias: BIAS[type],
    outputShape: [rows, spec.units],
    ...(type === 'u8' ? { weightType: 'u8', weightZeroPoint: 117 } : {}),
    ...(spec.inputLimit === undefined ? {} : { inputDeviation: spec.inputLimit / Math.sqrt(3) }),
    ...spec,
    input,
    weightShape: [spec.units, depth],
    channelAxis: 0,
    terms: depth,
  });
  const inputs =
    bias !== null ? [input, weights, bias] : spec.explicitNoBias ? [input, weights, null] : [input, weights];
  return opCase(`fully connected ${name}`, 'FULLY_CONNECTED', inputs, [output], {
    reference: spec.reference ?? 'tflm',
    options: spec.options ?? {},
    ...(spec.inputLimit === undefined ? {} : { inputs: [{ min: -spec.inputLimit, max: spec.inputLimit }] }),
  });
}

const relu = { fused_activation_function: 'RELU' } as const;
const relu6 = { fused_activation_function: 'RELU6' } as const;

const fullyConnected = [
  dense('int8', { input: [1, 20], units: 7 }),
  dense('int8 batch 3', { input: [3, 10], units: 5 }),
  dense('int8 per channel', { input: [2, 10], units: 6, perChannel: true }),
  dense('int8 long', { input: [1, 259], units: 3 }),
  dense('int8 one unit', { input: [1, 9], units: 1 }),
  dense('int8 one input', { input: [4, 1], units: 3 }),
  dense('int8 flattens', { input: [1, 2, 3, 4], units: 5, depth: 24 }),
  dense('int8 folds rows', { input: [1, 2, 3, 4], units: 5 }),
  dense('int8 keep dims', {
    input: [2, 3, 4],
    units: 5,
    outputShape: [2, 3, 5],
    options: { keep_num_dims: true },
  }),
  dense('int8 no bias', { input: [2, 10], units: 5, bias: 'none' }),
  dense('int8 explicit no bias', { input: [2, 10], units: 5, bias: 'none', explicitNoBias: true }),
  dense('int8 weights with zero point', { input: [2, 10], units: 5, weightZeroPoint: 9 }),
  dense('int8 relu', { input: [2, 10], units: 8, options: relu }),
  dense('int8 relu6', { input: [2, 10], units: 8, options: relu6, outputZeroPoint: -128 }),
  dense('int8 relu n1 to 1', {
    input: [2, 10],
    units: 8,
    options: { fused_activation_function: 'RELU_N1_TO_1' },
  }),
  dense('int8 zero points at the ends', { input: [2, 10], units: 8, inputZeroPoint: -128, outputZeroPoint: 127 }),
  dense('int8 saturating', { input: [2, 10], units: 8, gain: 3 }),
  dense('int8 left shift', { input: [2, 3], units: 8, weightRange: [-1, 1], inputLimit: 4, inputZeroPoint: 0 }),
  dense('int4 weights', { input: [2, 10], units: 5, weightType: 'i4' }),
  dense('int4 weights odd count', { input: [2, 9], units: 5, weightType: 'i4' }),
  dense('int16 bias 64', { type: 'i16', input: [2, 10], units: 6 }),
  dense('int16 bias 32', { type: 'i16', input: [2, 10], units: 6, bias: 'i32' }),
  dense('int16 no bias', { type: 'i16', input: [2, 10], units: 6, bias: 'none' }),
  dense('int16 per channel bias 64', { type: 'i16', input: [2, 10], units: 6, perChannel: true }),
  dense('int16 per channel bias 32', { type: 'i16', input: [2, 10], units: 6, perChannel: true, bias: 'i32' }),
  dense('int16 long bias 64', { type: 'i16', input: [1, 600], units: 3 }),
  dense('int16 relu', { type: 'i16', input: [2, 10], units: 6, options: relu }),
  dense('int16 saturating', { type: 'i16', input: [2, 10], units: 6, gain: 3 }),
  dense('float', { type: 'f32', input: [3, 20], units: 7 }),
  dense('float relu6', { type: 'f32', input: [3, 20], units: 7, options: relu6 }),
  dense('float no bias', { type: 'f32', input: [3, 20], units: 7, bias: 'none' }),
  dense('uint8', { type: 'u8', input: [2, 10], units: 6, reference: 'tflite' }),
  dense('uint8 relu', { type: 'u8', input: [2, 10], units: 6, options: relu, reference: 'tflite' }),
];

interface MatmulSpec {
  readonly type?: ActivationType;
  readonly left: readonly number[];
  readonly right: readonly number[];
  readonly output: readonly number[];
  readonly options?: OptionsOf<'BATCH_MATMUL'>;
  readonly constantRight?: boolean;
  readonly constantLeft?: boolean;
  readonly gain?: number;
}

function matmul(name: string, spec: MatmulSpec): OpCase {
  const type = spec.type ?? 'i8';
  const depth = spec.left.at(spec.options?.adj_x ? -2 : -1)!;
  const left = activations(type, spec.left);
  const right = type === 'f32' ? tensor(type, spec.right) : tensor(type, spec.right, 0.02, type === 'i16' ? 0 : 5);
  const scales = (left.scale?.[0] ?? 1) * (right.scale?.[0] ?? 1);
  const [deviation, aim] = type === 'i16' ? [18918, 12000] : [74, 50];
  const scale = (Math.sqrt(depth) * deviation ** 2 * scales) / aim / (spec.gain ?? 1);
  const output = type === 'f32' ? tensor(type, spec.output) : tensor(type, spec.output, scale, OUTPUT_ZERO_POINT[type]);
  const random = new Random(name);
  const fixed = (t: Tensor, isConstant?: boolean) => (isConstant ? constant(t, randomElements(random, t)) : t);
  const inputs = [fixed(left, spec.constantLeft), fixed(right, spec.constantRight)];
  return opCase(`batch matmul ${name}`, 'BATCH_MATMUL', inputs, [output], { options: spec.options ?? {} });
}

const square = { left: [2, 3, 5], right: [2, 5, 4], output: [2, 3, 4] } as const;
const batchMatmul = [
  matmul('int8', square),
  matmul('int8 rank 2', { left: [3, 5], right: [5, 4], output: [3, 4] }),
  matmul('int8 constant right', { ...square, constantRight: true }),
  matmul('int8 constant left', { ...square, constantLeft: true }),
  matmul('int8 adj x', { ...square, left: [2, 5, 3], options: { adj_x: true } }),
  matmul('int8 adj y', { ...square, right: [2, 4, 5], options: { adj_y: true } }),
  matmul('int8 adj both', { ...square, left: [2, 5, 3], right: [2, 4, 5], options: { adj_x: true, adj_y: true } }),
  matmul('int8 broadcast right', { left: [2, 3, 5], right: [5, 4], output: [2, 3, 4] }),
  matmul('int8 broadcast left', { left: [1, 3, 5], right: [3, 5, 4], output: [3, 3, 4] }),
  matmul('int8 broadcast both', { left: [2, 1, 3, 5], right: [1, 3, 5, 2], output: [2, 3, 3, 2] }),
  matmul('int8 rank 5', { left: [1, 2, 1, 3, 4], right: [2, 1, 2, 4, 2], output: [2, 2, 2, 3, 2] }),
  matmul('int8 saturating', { ...square, gain: 10 }),
  matmul('int16', { ...square, type: 'i16' }),
  matmul('int16 adj y constant right', {
    ...square,
    type: 'i16',
    right: [2, 4, 5],
    options: { adj_y: true },
    constantRight: true,
  }),
  matmul('float', { ...square, type: 'f32' }),
  matmul('float broadcast adj x', {
    type: 'f32',
    left: [2, 1, 5, 3],
    right: [3, 5, 4],
    output: [2, 3, 3, 4],
    options: { adj_x: true },
  }),
];

interface TransposeConvSpec {
  readonly type?: ActivationType;
  readonly input: readonly [number, number, number, number];
  readonly channels: number;
  readonly kernel: readonly [number, number];
  readonly stride?: readonly [number, number];
  readonly padding?: 'SAME' | 'VALID';
  readonly output?: readonly [number, number];
  readonly activation?: 'NONE' | 'RELU' | 'RELU6';
  readonly bias?: TensorTypeName | 'none';
  readonly perChannel?: boolean;
  readonly gain?: number;
  readonly reference?: Reference;
}

function transposeConv(name: string, spec: TransposeConvSpec): OpCase {
  const type = spec.type ?? 'i8';
  const [batch, height, width, depth] = spec.input;
  const [kernelHeight, kernelWidth] = spec.kernel;
  const [strideHeight, strideWidth] = spec.stride ?? [2, 2];
  const padding = spec.padding ?? 'SAME';
  const length = (size: number, stride: number, kernel: number) =>
    padding === 'SAME' ? size * stride : (size - 1) * stride + Math.max(kernel, stride);
  const [outputHeight, outputWidth] = spec.output ?? [
    length(height, strideHeight, kernelHeight),
    length(width, strideWidth, kernelWidth),
  ];
  const outputShape = [batch, outputHeight, outputWidth, spec.channels];
  const input = activations(type, spec.input);
  const { weights, bias, output } = linearTensors(new Random(name), {
    input,
    weightShape: [spec.channels, kernelHeight, kernelWidth, depth],
    channelAxis: 0,
    perChannel: spec.perChannel ?? type !== 'u8',
    ...(type === 'u8' ? { weightType: 'u8' as const, weightZeroPoint: 117 } : {}),
    terms: Math.max(1, (depth * kernelHeight * kernelWidth) / strideHeight / strideWidth),
    bias: spec.bias ?? 'none',
    outputShape,
    outputZeroPoint: OUTPUT_ZERO_POINT[type],
    ...(spec.gain === undefined ? {} : { gain: spec.gain }),
  });
  const inputs = [ints(...outputShape), weights, input, ...(bias === null ? [] : [bias])];
  return opCase(`transpose conv ${name}`, 'TRANSPOSE_CONV', inputs, [output], {
    options: {
      padding,
      stride_h: strideHeight,
      stride_w: strideWidth,
      fused_activation_function: spec.activation ?? 'NONE',
    },
    reference: spec.reference ?? 'tflm',
  });
}

const up = { input: [1, 3, 4, 3], channels: 2, kernel: [3, 3] } as const;
const transposed = [
  transposeConv('int8 same', up),
  transposeConv('int8 valid', { ...up, padding: 'VALID' }),
  transposeConv('int8 bias', { ...up, bias: 'i32' }),
  transposeConv('int8 stride 1', { ...up, stride: [1, 1] }),
  transposeConv('int8 stride 3x1 kernel 2x4', { ...up, stride: [3, 1], kernel: [2, 4] }),
  transposeConv('int8 odd output', { ...up, output: [5, 7] }),
  transposeConv('int8 valid longer output', { ...up, padding: 'VALID', output: [8, 10] }),
  transposeConv('int8 per tensor', { ...up, bias: 'i32', perChannel: false }),
  transposeConv('int8 batch 2', { ...up, input: [2, 2, 3, 2] }),
  transposeConv('int8 relu', { ...up, bias: 'i32', activation: 'RELU' }),
  transposeConv('int8 saturating', { ...up, bias: 'i32', gain: 3 }),
  transposeConv('int16 bias 64', { ...up, type: 'i16', bias: 'i64' }),
  transposeConv('int16 no bias', { ...up, type: 'i16' }),
  transposeConv('int16 valid', { ...up, type: 'i16', bias: 'i64', padding: 'VALID' }),
  transposeConv('float', { ...up, type: 'f32', bias: 'f32' }),
  transposeConv('float valid relu6', { ...up, type: 'f32', padding: 'VALID', activation: 'RELU6' }),
  transposeConv('uint8', { ...up, type: 'u8', bias: 'i32', reference: 'tflite' }),
];

export const cases: readonly OpCase[] = [...fullyConnected, ...batchMatmul, ...transposed];
