/** SOFTMAX, LOG_SOFTMAX and L2_NORMALIZATION in every pair of types that the reference kernels define. */
import type { OpCase, Reference } from '../../../support/opcases.ts';
import { opCase, tensor } from '../../../support/tflite/build-case.ts';
import type { TensorTypeName } from '../../../support/tflite/schema.ts';

type Quant = readonly [scale: number, zeroPoint: number];
const SOFTMAX_OUTPUT = { i8: [1 / 256, -128], u8: [1 / 256, 0], i16: [1 / 32768, 0] } as const;

function int8(name: string, shape: readonly number[], scale: number, beta: number): OpCase {
  return opCase(
    `softmax i8 ${name}`,
    'SOFTMAX',
    [tensor('i8', shape, scale, -5)],
    [tensor('i8', shape, ...SOFTMAX_OUTPUT.i8)],
    { options: { beta } },
  );
}

function mixed(
  name: string,
  from: 'i8' | 'i16' | 'u8',
  to: 'i8' | 'i16' | 'u8',
  shape: readonly number[],
  scale: number,
  beta = 1,
  reference: Reference = 'tflm',
): OpCase {
  const zeroPoint = { i8: -5, i16: 0, u8: 120 }[from];
  return opCase(
    `softmax ${from} to ${to} ${name}`,
    'SOFTMAX',
    [tensor(from, shape, scale, zeroPoint)],
    [from === 'i8' && to === 'i16' ? tensor(to, shape, 1 / 65536, -32768) : tensor(to, shape, ...SOFTMAX_OUTPUT[to])],
    { options: { beta }, reference },
  );
}

const softmax = [
  int8('rank 2', [2, 10], 0.05, 1),
  int8('rank 1', [7], 0.1, 1),
  int8('rank 4', [1, 2, 3, 5], 0.02, 1),
  int8('steep', [3, 6], 0.4, 1),
  int8('flat', [3, 6], 0.0007, 1),
  int8('beta 2', [3, 6], 0.03, 2),
  int8('beta 0.25', [3, 6], 0.2, 0.25),
  int8('one class', [4, 1], 0.1, 1),
  int8('two classes', [9, 2], 0.04, 1),
  int8('long row', [1, 300], 0.03, 1),
  mixed('rank 2', 'i8', 'i16', [3, 10], 0.05),
  mixed('flat', 'i8', 'i16', [3, 10], 0.003),
  mixed('beta 0.5', 'i8', 'i16', [3, 10], 0.1, 0.5),
  mixed('rank 2', 'i16', 'i16', [3, 10], 1 / 4096),
  mixed('steep', 'i16', 'i16', [3, 10], 1 / 512),
  mixed('flat', 'i16', 'i16', [3, 10], 1 / 65536),
  mixed('beta 2', 'i16', 'i16', [3, 10], 1 / 4096, 2),
  mixed('rank 4', 'i16', 'i16', [1, 2, 2, 6], 1 / 4096),
  mixed('rank 2', 'u8', 'u8', [3, 10], 0.05, 1, 'tflite'),
  mixed('steep', 'u8', 'u8', [3, 10], 0.4, 1, 'tflite'),
  mixed('long row', 'u8', 'u8', [2, 300], 0.01, 1, 'tflite'),
  opCase('softmax f32', 'SOFTMAX', [tensor('f32', [3, 10])], [tensor('f32', [3, 10])], { options: { beta: 1 } }),
  opCase('softmax f32 beta 0.5 rank 4', 'SOFTMAX', [tensor('f32', [1, 2, 3, 4])], [tensor('f32', [1, 2, 3, 4])], {
    options: { beta: 0.5 },
  }),
];

const quantized = (type: TensorTypeName, shape: readonly number[], [scale, zeroPoint]: Quant) =>
  tensor(type, shape, scale, zeroPoint);
const LOG_OUTPUT = [16 / 256, 127] as const;

function logSoftmax(name: string, shape: readonly number[], scale: number): OpCase {
  return opCase(
    `log softmax i8 ${name}`,
    'LOG_SOFTMAX',
    [quantized('i8', shape, [scale, -5])],
    [quantized('i8', shape, LOG_OUTPUT)],
  );
}

const logarithmic = [
  logSoftmax('rank 2', [3, 10], 0.05),
  logSoftmax('steep', [3, 10], 0.3),
  logSoftmax('flat', [3, 10], 0.002),
  logSoftmax('rank 4', [1, 2, 3, 4], 0.1),
  logSoftmax('long row', [1, 200], 0.02),
  opCase('log softmax f32', 'LOG_SOFTMAX', [tensor('f32', [3, 10])], [tensor('f32', [3, 10])]),
];

function l2(name: string, shape: readonly number[], input: Quant): OpCase {
  return opCase(
    `l2 normalization i8 ${name}`,
    'L2_NORMALIZATION',
    [quantized('i8', shape, input)],
    [quantized('i8', shape, [1 / 128, 0])],
    { options: {} },
  );
}

const normalization = [
  l2('rank 2', [4, 9], [0.05, -5]),
  l2('rank 4', [1, 3, 2, 5], [0.05, 30]),
  l2('one channel', [6, 1], [0.05, 3]),
  l2('long', [1, 200], [0.05, 0]),
  opCase(
    'l2 normalization u8',
    'L2_NORMALIZATION',
    [quantized('u8', [4, 9], [0.05, 120])],
    [quantized('u8', [4, 9], [1 / 128, 128])],
    { options: {}, reference: 'tflite' },
  ),
  opCase('l2 normalization f32', 'L2_NORMALIZATION', [tensor('f32', [3, 10])], [tensor('f32', [3, 10])], {
    options: {},
  }),
];

export const cases: readonly OpCase[] = [...softmax, ...logarithmic, ...normalization];
