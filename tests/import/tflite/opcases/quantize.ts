/** QUANTIZE, DEQUANTIZE and CAST between every pair of types that the reference kernels define. */
import type { InputSpec, OpCase, Reference } from '../../../support/opcases.ts';
import { constant, opCase, type Tensor, tensor } from '../../../support/tflite/build-case.ts';
import { Random, randomElements } from '../../../support/tflite/random.ts';
import type { TensorTypeName } from '../../../support/tflite/schema.ts';

type Quant = readonly [scale: number, zeroPoint: number];
const every8Bits: InputSpec = [Array.from({ length: 256 }, (_, i) => i - 128)];
const every8BitsUnsigned: InputSpec = [Array.from({ length: 256 }, (_, i) => i)];
/** Halves of the scale 0.05 among them, where rounding shows, and the largest whose quotients the reference defines. */
const floats: InputSpec = [
  [...Array.from({ length: 240 }, (_, i) => Math.fround((i - 120) * 0.075)), 1e6, -1e6, 0, -0, 0.025, -0.025].map(
    Math.fround,
  ),
];
const wide: InputSpec = { min: -40000, max: 40000 };

function quantize(
  name: string,
  from: TensorTypeName,
  to: TensorTypeName,
  input: Quant | null,
  output: Quant,
  inputs: InputSpec = 'random',
  reference: Reference = 'tflm',
): OpCase {
  const count = Array.isArray(inputs) ? inputs[0].length : 90;
  const source = input === null ? tensor(from, [1, count]) : tensor(from, [1, count], ...input);
  return opCase(`quantize ${from} to ${to} ${name}`.trim(), 'QUANTIZE', [source], [tensor(to, [1, count], ...output)], {
    inputs: [inputs],
    reference,
  });
}

const quantizations = [
  quantize('', 'f32', 'i8', null, [0.05, -7], floats),
  quantize('zero point at the end', 'f32', 'i8', null, [0.05, -128], floats),
  quantize('scale of two', 'f32', 'i8', null, [0.125, 0], floats),
  quantize('', 'f32', 'i16', null, [0.0005, 0], floats),
  quantize('with zero point', 'f32', 'i16', null, [0.0005, 100], floats),
  quantize('', 'f32', 'u8', null, [0.05, 121], floats, 'tflite'),
  quantize('finer', 'i8', 'i8', [0.05, -7], [0.021, 10], every8Bits),
  quantize('coarser', 'i8', 'i8', [0.05, -7], [0.3, 10], every8Bits),
  quantize('same scale', 'i8', 'i8', [0.05, -7], [0.05, 10], every8Bits),
  quantize('same', 'i8', 'i8', [0.05, -7], [0.05, -7], every8Bits),
  quantize('much finer', 'i8', 'i8', [0.5, 0], [0.01, 0], every8Bits),
  quantize('half', 'i8', 'i8', [0.05, 0], [0.1, 0], every8Bits),
  quantize('', 'i8', 'u8', [0.05, -7], [0.05, 121], every8Bits),
  quantize('rescaled', 'i8', 'u8', [0.05, -7], [0.07, 100], every8Bits),
  quantize('', 'u8', 'i8', [0.05, 121], [0.05, -7], every8BitsUnsigned),
  quantize('rescaled', 'u8', 'i8', [0.05, 121], [0.03, 20], every8BitsUnsigned),
  quantize('', 'i8', 'i16', [0.05, -7], [0.0004, 0], every8Bits),
  quantize('same scale', 'i8', 'i16', [0.05, -7], [0.05, 0], every8Bits),
  quantize('', 'i8', 'i32', [0.05, -7], [0.0001, 0], every8Bits),
  quantize('', 'i16', 'i8', [1 / 4096, 0], [0.06, -7]),
  quantize('with zero point', 'i16', 'i8', [1 / 4096, 50], [0.01, 5]),
  quantize('', 'i16', 'i16', [1 / 4096, 0], [1 / 3000, 0]),
  quantize('finer', 'i16', 'i16', [1 / 4096, 0], [1 / 9000, 0]),
  quantize('', 'i16', 'i32', [1 / 4096, 0], [1 / 100000, 0]),
  quantize('', 'i32', 'i8', [0.0002, 0], [0.06, -7], wide),
  quantize('', 'i32', 'i16', [0.0002, 0], [0.0003, 0], wide),
];

function dequantize(name: string, from: TensorTypeName, quant: Quant, inputs: InputSpec = 'random'): OpCase {
  const count = Array.isArray(inputs) ? inputs[0].length : 90;
  return opCase(
    `dequantize ${from} ${name}`.trim(),
    'DEQUANTIZE',
    [tensor(from, [1, count], ...quant)],
    [tensor('f32', [1, count])],
    {
      inputs: [inputs],
    },
  );
}

const half: Tensor = tensor('f16', [3, 7]);
const perChannel: Tensor = {
  ...tensor('i8', [3, 5]),
  scale: [0.05, 0.01, 0.3].map(Math.fround),
  zeroPoint: [0, 0, 0],
  axis: 0,
};
const dequantizations = [
  dequantize('', 'i8', [0.05, -7], every8Bits),
  dequantize('other scale', 'i8', [0.0371, 127], every8Bits),
  dequantize('', 'u8', [0.05, 121], every8BitsUnsigned),
  dequantize('', 'i16', [1 / 4096, 0]),
  dequantize('with zero point', 'i16', [0.0003, 12]),
  opCase(
    'dequantize f16 constant',
    'DEQUANTIZE',
    [constant(half, [...randomElements(new Random('half'), tensor('f32', [3, 5])), 65504, 6e-8, 1e-5, 0, -0, 2049])],
    [tensor('f32', [3, 7])],
    { reference: 'tflite' },
  ),
  opCase(
    'dequantize i8 per channel constant',
    'DEQUANTIZE',
    [constant(perChannel, randomElements(new Random('per channel'), perChannel))],
    [tensor('f32', [3, 5])],
    { reference: 'tflite' },
  ),
];

/** Float to integer conversions are defined only where the integer part fits. */
const CAST_INPUTS: Readonly<Partial<Record<TensorTypeName, InputSpec>>> = {
  f32: [[0, -0, 0.9, -0.9, 1.5, -1.5, 2.5, -2.5, 99.99, -99.99, 127.5, -128.5].map(Math.fround)],
  i32: [[0, 1, -1, 127, 128, -128, -129, 255, 256, 40000, -40000, 2147483647, -2147483648, 16777217]],
};
const unsigned: InputSpec = [[0, 1, 127, 128, 255, 256, 65535, 65536, 2147483647, 4294967295, 16777217]];

function cast(from: TensorTypeName, to: TensorTypeName, given?: InputSpec, reference: Reference = 'tflm'): OpCase {
  const inputs = given ?? CAST_INPUTS[from] ?? 'random';
  const count = Array.isArray(inputs) ? inputs[0].length : 40;
  return opCase(`cast ${from} to ${to}`, 'CAST', [tensor(from, [1, count])], [tensor(to, [1, count])], {
    options: { in_data_type: from, out_data_type: to },
    inputs: [inputs],
    reference,
  });
}

const casts = [
  ...(['i8', 'i16', 'i32', 'bool'] as const).flatMap((from) =>
    (['i8', 'i16', 'i32', 'u32', 'f32'] as const).filter((to) => to !== from).map((to) => cast(from, to)),
  ),
  ...(['i8', 'i16', 'i32', 'f32'] as const).map((to) => cast('u32', to, unsigned)),
  ...(['i16', 'i32'] as const).map((to) => cast('f32', to)),
  cast('f32', 'i8', [[0, -0, 0.9, -0.9, 1.5, -1.5, 2.5, -2.5, 99.99, -99.99, 127.5, -128.5].map(Math.fround)]),
  ...(['f32', 'i32', 'i8'] as const).map((from) => cast(from, 'bool', CAST_INPUTS[from] ?? every8Bits, 'tflite')),
  ...(['i8', 'i32', 'f32', 'bool'] as const).map((to) => cast('u8', to, every8BitsUnsigned, 'tflite')),
  ...(['i8', 'i16', 'i32', 'bool'] as const).map((from) =>
    cast(from, 'u8', from === 'i8' || from === 'i16' ? [[0, 1, 127, -1, -128]] : CAST_INPUTS[from], 'tflite'),
  ),
  cast('f32', 'u32', [[0, 0.9, 1.5, 2.5, 99.99, 70000.7].map(Math.fround)]),
];

export const cases: readonly OpCase[] = [...quantizations, ...dequantizations, ...casts];
