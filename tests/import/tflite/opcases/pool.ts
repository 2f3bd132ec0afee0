/** AVERAGE_POOL_2D and MAX_POOL_2D. */
import type { OpCase, Reference } from '../../../support/opcases.ts';
import { opCase, tensor } from '../../../support/tflite/build-case.ts';
import { windowOutputs } from '../../../support/tflite/linear.ts';

interface PoolSpec {
  readonly input?: readonly [number, number, number, number];
  readonly filter?: readonly [number, number];
  readonly stride?: readonly [number, number];
  readonly padding?: 'SAME' | 'VALID';
  readonly activation?: 'NONE' | 'RELU' | 'RELU6' | 'RELU_N1_TO_1';
  readonly quant?: readonly [scale: number, zeroPoint: number];
}

const SHAPES: readonly (readonly [string, PoolSpec])[] = [
  ['same', {}],
  ['valid', { padding: 'VALID' }],
  ['stride 1', { stride: [1, 1] }],
  ['3x3 stride 2', { filter: [3, 3] }],
  ['2x3 stride 3x1 valid', { filter: [2, 3], stride: [3, 1], padding: 'VALID' }],
  ['global', { filter: [6, 7], stride: [6, 7], padding: 'VALID' }],
  ['global stride 1', { filter: [6, 7], stride: [1, 1], padding: 'VALID' }],
  ['larger than image', { input: [1, 3, 2, 4], filter: [5, 5], stride: [1, 1] }],
  ['batch 2', { input: [2, 4, 4, 3] }],
  ['one row', { input: [1, 1, 9, 2], filter: [1, 3], stride: [1, 2] }],
  ['many channels', { input: [1, 3, 3, 35], filter: [3, 3] }],
  ['relu', { activation: 'RELU' }],
  ['relu6', { activation: 'RELU6' }],
  ['relu n1 to 1', { activation: 'RELU_N1_TO_1' }],
];

type PoolType = 'i8' | 'i16' | 'f32' | 'u8';
const QUANT = { i8: [0.05, -9], i16: [1 / 4096, 0], u8: [0.05, 119] } as const;

function pool(op: 'AVERAGE_POOL_2D' | 'MAX_POOL_2D', type: PoolType, name: string, spec: PoolSpec): OpCase {
  const input = spec.input ?? [1, 6, 7, 3];
  const filter = spec.filter ?? [2, 2];
  const stride = spec.stride ?? [2, 2];
  const padding = spec.padding ?? 'SAME';
  const out = (axis: 0 | 1) => windowOutputs(padding, input[axis + 1], filter[axis], stride[axis]);
  const made = (shape: readonly number[]) =>
    type === 'f32' ? tensor(type, shape) : tensor(type, shape, ...(spec.quant ?? QUANT[type]));
  const reference: Reference = type === 'u8' ? 'tflite' : 'tflm';
  const fullName = `${op === 'MAX_POOL_2D' ? 'max' : 'average'} ${type} ${name}`;
  return opCase(fullName, op, [made(input)], [made([input[0], out(0), out(1), input[3]])], {
    options: {
      padding,
      stride_h: stride[0],
      stride_w: stride[1],
      filter_height: filter[0],
      filter_width: filter[1],
      fused_activation_function: spec.activation ?? 'NONE',
    },
    reference,
  });
}

export const cases: readonly OpCase[] = (['AVERAGE_POOL_2D', 'MAX_POOL_2D'] as const).flatMap((op): OpCase[] => [
  ...(['i8', 'i16', 'f32'] as const).flatMap((type) => SHAPES.map(([name, spec]) => pool(op, type, name, spec))),
  {
    ...pool(op, 'f32', 'special values', { input: [1, 1, 12, 1], filter: [1, 2], stride: [1, 2] }),
    inputs: [[[NaN, 1, 2, NaN, NaN, NaN, -3e38, 2e38, 1e-45, 1e-45, -0, 0]]],
  },
  {
    ...pool(op, 'f32', 'special values relu6', {
      input: [1, 1, 6, 1],
      filter: [1, 2],
      stride: [1, 2],
      activation: 'RELU6',
    }),
    inputs: [[[NaN, 1, -1, -0, Infinity, Infinity]]],
  },
  pool(op, 'i8', 'zero point at the end', { quant: [0.05, -128] }),
  pool(op, 'i8', 'relu6 coarse', { quant: [0.5, 3], activation: 'RELU6' }),
  ...SHAPES.map(([name, spec]) => pool(op, 'u8', name, spec)),
  pool(op, 'u8', '3x3 stride 2 relu', { filter: [3, 3], activation: 'RELU' }),
]);
