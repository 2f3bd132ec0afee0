/** CONV_2D and DEPTHWISE_CONV_2D. */
import type { OpCase, Reference } from '../../../support/opcases.ts';
import { opCase, type Tensor, tensor } from '../../../support/tflite/build-case.ts';
import { type LinearTensors, linearTensors, windowOutputs } from '../../../support/tflite/linear.ts';
import { Random } from '../../../support/tflite/random.ts';
import type { TensorTypeName } from '../../../support/tflite/schema.ts';

interface ConvSpec {
  readonly type?: 'i8' | 'i16' | 'u8' | 'f32';
  readonly input: readonly [number, number, number, number];
  /** Output channels; for depthwise, the depth multiplier. */
  readonly channels: number;
  readonly kernel: readonly [number, number];
  readonly stride?: readonly [number, number];
  readonly dilation?: readonly [number, number];
  readonly padding?: 'SAME' | 'VALID';
  readonly activation?: 'NONE' | 'RELU' | 'RELU6' | 'RELU_N1_TO_1';
  readonly weightType?: TensorTypeName;
  readonly weightRange?: readonly [number, number];
  readonly weightZeroPoint?: number;
  readonly perChannel?: boolean;
  readonly bias?: TensorTypeName | 'none';
  readonly zeroPoints?: readonly [number, number];
  readonly scale?: number;
  readonly gain?: number;
  /** Stored inputs stay within ±limit. */
  readonly inputLimit?: number;
  /** Channels that one filter sees (grouped convolution); all when absent. */
  readonly groupDepth?: number;
  readonly reference?: Reference;
}

const BIAS = { i8: 'i32', u8: 'i32', i16: 'i64', f32: 'f32' } as const;

function inputTensor(spec: ConvSpec): Tensor {
  const type = spec.type ?? 'i8';
  if (type === 'f32') return tensor('f32', spec.input);
  const zeroPoint = type === 'i16' ? 0 : (spec.zeroPoints?.[0] ?? (type === 'u8' ? 131 : -7));
  return tensor(type, spec.input, spec.scale ?? (type === 'i16' ? 1 / 8192 : 0.03), zeroPoint);
}

function tensorsOf(name: string, spec: ConvSpec, depthwise: boolean): LinearTensors & { input: Tensor } {
  const type = spec.type ?? 'i8';
  const padding = spec.padding ?? 'SAME';
  const [batch, height, width, depth] = spec.input;
  const [kernelHeight, kernelWidth] = spec.kernel;
  const channels = depthwise ? depth * spec.channels : spec.channels;
  const filterDepth = spec.groupDepth ?? depth;
  const out = (axis: 0 | 1, length: number) =>
    windowOutputs(padding, length, spec.kernel[axis], spec.stride?.[axis] ?? 1, spec.dilation?.[axis] ?? 1);
  const input = inputTensor(spec);
  const linear = linearTensors(new Random(name), {
    input,
    weightShape: depthwise
      ? [1, kernelHeight, kernelWidth, channels]
      : [channels, kernelHeight, kernelWidth, filterDepth],
    channelAxis: depthwise ? 3 : 0,
    perChannel: spec.perChannel ?? type !== 'u8',
    weightType: spec.weightType ?? (type === 'u8' ? 'u8' : 'i8'),
    weightZeroPoint: spec.weightZeroPoint ?? (type === 'u8' ? 120 : 0),
    terms: kernelHeight * kernelWidth * (depthwise ? 1 : filterDepth),
    bias: spec.bias ?? BIAS[type],
    outputShape: [batch, out(0, height), out(1, width), channels],
    outputZeroPoint: type === 'i16' ? 0 : (spec.zeroPoints?.[1] ?? (type === 'u8' ? 127 : 4)),
    ...(spec.weightRange === undefined ? {} : { weightRange: spec.weightRange }),
    ...(spec.gain === undefined ? {} : { gain: spec.gain }),
    ...(spec.inputLimit === undefined ? {} : { inputDeviation: spec.inputLimit / Math.sqrt(3) }),
  });
  return { ...linear, input };
}

function convCase(name: string, spec: ConvSpec, depthwise: boolean): OpCase {
  const { input, weights, bias, output } = tensorsOf(name, spec, depthwise);
  const inputs = bias === null ? [input, weights] : [input, weights, bias];
  const common = {
    padding: spec.padding ?? 'SAME',
    stride_h: spec.stride?.[0] ?? 1,
    stride_w: spec.stride?.[1] ?? 1,
    dilation_h_factor: spec.dilation?.[0] ?? 1,
    dilation_w_factor: spec.dilation?.[1] ?? 1,
    fused_activation_function: spec.activation ?? 'NONE',
  } as const;
  const run = {
    reference: spec.reference ?? 'tflm',
    ...(spec.inputLimit === undefined ? {} : { inputs: [{ min: -spec.inputLimit, max: spec.inputLimit }] }),
  };
  if (!depthwise) return opCase(name, 'CONV_2D', inputs, [output], { options: common, ...run });
  const options = { ...common, depth_multiplier: spec.channels };
  return opCase(name, 'DEPTHWISE_CONV_2D', inputs, [output], { options, ...run });
}

const conv = (name: string, spec: ConvSpec) => convCase(`conv ${name}`, spec, false);
const depthwise = (name: string, spec: ConvSpec) => convCase(`depthwise ${name}`, spec, true);

const image = { input: [1, 6, 5, 3], channels: 4, kernel: [3, 3] } as const;
const planes = { input: [1, 6, 7, 5], channels: 1, kernel: [3, 3] } as const;

export const cases: readonly OpCase[] = [
  conv('int8 same', image),
  conv('int8 valid', { ...image, padding: 'VALID' }),
  conv('int8 stride 2', { ...image, stride: [2, 2] }),
  conv('int8 stride 2 valid', { ...image, stride: [2, 2], padding: 'VALID' }),
  conv('int8 stride 3x1', { ...image, stride: [3, 1] }),
  conv('int8 stride beyond kernel', {
    ...image,
    input: [1, 9, 9, 2],
    kernel: [2, 2],
    stride: [4, 3],
    padding: 'VALID',
  }),
  conv('int8 dilation 2', { ...image, input: [1, 8, 9, 2], dilation: [2, 2] }),
  conv('int8 dilation 1x3 valid', { ...image, input: [1, 5, 9, 2], dilation: [1, 3], padding: 'VALID' }),
  conv('int8 dilation 2 stride 2', { ...image, input: [1, 9, 9, 2], dilation: [2, 2], stride: [2, 2] }),
  conv('int8 kernel 1x1', { ...image, kernel: [1, 1] }),
  conv('int8 kernel 1x1 stride 2', { ...image, kernel: [1, 1], stride: [2, 2] }),
  conv('int8 kernel 4x2', { ...image, kernel: [4, 2] }),
  conv('int8 kernel 10x4 stride 2', { input: [1, 14, 5, 1], channels: 6, kernel: [10, 4], stride: [2, 2] }),
  conv('int8 kernel larger than image', { ...image, input: [1, 3, 2, 2], kernel: [5, 5] }),
  conv('int8 one dimension', { input: [1, 1, 20, 3], channels: 5, kernel: [1, 5], stride: [1, 2] }),
  conv('int8 batch 3', { ...image, input: [3, 4, 3, 3] }),
  conv('int8 deep', { input: [1, 2, 3, 67], channels: 9, kernel: [1, 1] }),
  conv('int8 one channel each', { input: [1, 5, 5, 1], channels: 1, kernel: [3, 3] }),
  conv('int8 per tensor', { ...image, perChannel: false }),
  conv('int8 no bias', { ...image, bias: 'none' }),
  conv('int8 relu', { ...image, activation: 'RELU' }),
  conv('int8 relu6', { ...image, activation: 'RELU6', zeroPoints: [3, -128] }),
  conv('int8 relu n1 to 1', { ...image, activation: 'RELU_N1_TO_1' }),
  conv('int8 zero points at the ends', { ...image, zeroPoints: [-128, 127] }),
  conv('int8 zero points at the other ends', { ...image, zeroPoints: [127, -128] }),
  conv('int8 saturating', { ...image, gain: 4 }),
  conv('int8 left shift', { ...image, kernel: [1, 1], weightRange: [-1, 1], inputLimit: 6, zeroPoints: [0, 0] }),
  conv('int8 tiny outputs', { ...image, gain: 0.02 }),
  conv('int8 grouped', { ...image, input: [1, 4, 5, 6], channels: 4, groupDepth: 3 }),
  conv('int4 weights', { ...image, weightType: 'i4' }),
  conv('int4 weights odd count', { input: [1, 4, 4, 3], channels: 3, kernel: [1, 1], weightType: 'i4' }),
  conv('int16 bias 64', { ...image, type: 'i16' }),
  conv('int16 bias 32', { ...image, type: 'i16', bias: 'i32' }),
  conv('int16 no bias', { ...image, type: 'i16', bias: 'none' }),
  conv('int16 valid stride 2', { ...image, type: 'i16', padding: 'VALID', stride: [2, 2] }),
  conv('int16 dilation 2', { ...image, type: 'i16', input: [1, 8, 7, 2], dilation: [2, 2] }),
  conv('int16 deep bias 64', { type: 'i16', input: [1, 1, 2, 300], channels: 3, kernel: [1, 1] }),
  conv('int16 relu', { ...image, type: 'i16', activation: 'RELU' }),
  conv('int16 relu6', { ...image, type: 'i16', activation: 'RELU6' }),
  conv('int16 saturating', { ...image, type: 'i16', gain: 4 }),
  conv('int16 saturating bias 32', { ...image, type: 'i16', gain: 4, bias: 'i32' }),
  conv('int16 left shift', { ...image, type: 'i16', kernel: [1, 1], weightRange: [-1, 1], inputLimit: 600 }),
  conv('float', { ...image, type: 'f32' }),
  conv('float relu6 valid stride 2', {
    ...image,
    type: 'f32',
    activation: 'RELU6',
    padding: 'VALID',
    stride: [2, 2],
  }),
  conv('float relu n1 to 1 dilation 2', { ...image, type: 'f32', activation: 'RELU_N1_TO_1', dilation: [2, 2] }),
  conv('float no bias', { ...image, type: 'f32', bias: 'none' }),
  conv('uint8', { ...image, type: 'u8', reference: 'tflite' }),
  conv('uint8 valid stride 2 relu', {
    ...image,
    type: 'u8',
    padding: 'VALID',
    stride: [2, 2],
    activation: 'RELU',
    reference: 'tflite',
  }),
  conv('uint8 dilation 2 relu6', {
    ...image,
    type: 'u8',
    dilation: [2, 2],
    activation: 'RELU6',
    reference: 'tflite',
  }),

  depthwise('int8 same', planes),
  depthwise('int8 valid', { ...planes, padding: 'VALID' }),
  depthwise('int8 stride 2', { ...planes, stride: [2, 2] }),
  depthwise('int8 stride 1x2 valid', { ...planes, stride: [1, 2], padding: 'VALID' }),
  depthwise('int8 dilation 2', { ...planes, input: [1, 8, 8, 3], dilation: [2, 2] }),
  depthwise('int8 dilation 2x1 stride 1x2', { ...planes, input: [1, 8, 8, 3], dilation: [2, 1], stride: [1, 2] }),
  depthwise('int8 multiplier 2', { ...planes, input: [1, 5, 4, 3], channels: 2 }),
  depthwise('int8 multiplier 8 of one channel', { ...planes, input: [1, 12, 5, 1], channels: 8, kernel: [10, 4] }),
  depthwise('int8 multiplier 3 stride 2 dilation 2', {
    ...planes,
    input: [1, 7, 7, 2],
    channels: 3,
    stride: [2, 2],
    dilation: [2, 2],
  }),
  depthwise('int8 kernel 1x5', { ...planes, kernel: [1, 5] }),
  depthwise('int8 whole image', { ...planes, input: [1, 3, 3, 9], padding: 'VALID' }),
  depthwise('int8 batch 2', { ...planes, input: [2, 4, 4, 3] }),
  depthwise('int8 many channels', { ...planes, input: [1, 3, 3, 37] }),
  depthwise('int8 no bias', { ...planes, bias: 'none' }),
  depthwise('int8 relu', { ...planes, activation: 'RELU' }),
  depthwise('int8 relu6', { ...planes, activation: 'RELU6', zeroPoints: [-128, -128] }),
  depthwise('int8 relu n1 to 1', { ...planes, activation: 'RELU_N1_TO_1' }),
  depthwise('int8 zero points at the ends', { ...planes, zeroPoints: [-128, 127] }),
  depthwise('int8 saturating', { ...planes, gain: 4 }),
  depthwise('int8 left shift', { ...planes, weightRange: [-1, 1], inputLimit: 3, zeroPoints: [0, 0] }),
  depthwise('int4 weights', { ...planes, weightType: 'i4' }),
  depthwise('int16', { ...planes, type: 'i16' }),
  depthwise('int16 no bias', { ...planes, type: 'i16', bias: 'none' }),
  depthwise('int16 multiplier 2 stride 2', { ...planes, type: 'i16', channels: 2, stride: [2, 2] }),
  depthwise('int16 relu', { ...planes, type: 'i16', activation: 'RELU', padding: 'VALID' }),
  depthwise('int16 saturating', { ...planes, type: 'i16', gain: 4 }),
  depthwise('float', { ...planes, type: 'f32' }),
  depthwise('float multiplier 2 stride 2 relu6', {
    ...planes,
    type: 'f32',
    channels: 2,
    stride: [2, 2],
    activation: 'RELU6',
  }),
  depthwise('float dilation 2 valid', { ...planes, type: 'f32', dilation: [2, 2], padding: 'VALID' }),
  depthwise('uint8', { ...planes, type: 'u8', reference: 'tflite' }),
  depthwise('uint8 multiplier 2 relu', {
    ...planes,
    type: 'u8',
    channels: 2,
    activation: 'RELU',
    reference: 'tflite',
  }),
];
