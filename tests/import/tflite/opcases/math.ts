/** Elementwise functions: EXP LOG SQRT RSQRT SQUARE ABS NEG SIN COS FLOOR CEIL ROUND. */
import type { InputSpec, OpCase } from '../../../support/opcases.ts';
import { opCase, tensor } from '../../../support/tflite/build-case.ts';
import type { OperatorName } from '../../../support/tflite/schema.ts';

const HALVES = [0, -0, 0.5, 1.5, 2.5, 3.5, -0.5, -1.5, -2.5, 0.49999997, -0.49999997, 1e9, -1e9, 8388607.5, 4194303.25];
const anyFloats: InputSpec = [[...HALVES, 1, -1, 2.3, -2.3, 7.9, -7.9, 1e-7, -1e-7].map(Math.fround)];
const moderate: InputSpec = [
  [0, -0, 1, -1, 0.5, -0.5, 2, -2, 10, -10, 30, -30, 0.001, -0.001, 80, -80, 3.14].map(Math.fround),
];
const positive: InputSpec = [[1, 2, 0.5, 4, 9, 1e-3, 1e-10, 1e10, 3, 0.1, 7.7, 100, 12345.678].map(Math.fround)];

function float(op: OperatorName, inputs: InputSpec): OpCase {
  const count = (inputs as readonly (readonly number[])[])[0].length;
  return opCase(`${op.toLowerCase()} f32`, op, [tensor('f32', [1, count])], [tensor('f32', [1, count])], {
    inputs: [inputs],
  });
}

const every8Bits: InputSpec = [Array.from({ length: 256 }, (_, i) => i - 128)];
type Quant = readonly [scale: number, zeroPoint: number];
const int8 = (op: 'ABS' | 'RSQRT', name: string, input: Quant, output: Quant, inputs: InputSpec = every8Bits) => {
  const count = (inputs as readonly (readonly number[])[])[0].length;
  return opCase(
    `${op.toLowerCase()} i8 ${name}`,
    op,
    [tensor('i8', [1, count], ...input)],
    [tensor('i8', [1, count], ...output)],
    { inputs: [inputs] },
  );
};
/** TensorFlow Lite's tables: exp has no quantized form in tflite-micro. */
const quantizedExp = (type: 'i8' | 'i16', name: string, input: Quant, output: Quant) =>
  opCase(`exp ${type} ${name}`, 'EXP', [tensor(type, [2, 256], ...input)], [tensor(type, [2, 256], ...output)], {
    reference: 'tflite',
  });
const absInt16 = (name: string, input: number, output: number) =>
  opCase(`abs i16 ${name}`, 'ABS', [tensor('i16', [3, 40], input, 0)], [tensor('i16', [3, 40], output, 0)]);
/** All small values, where neighbours differ most, and the ends of every power of two. */
const rsqrtValues = [
  ...Array.from({ length: 130 }, (_, i) => i),
  ...Array.from({ length: 8 }, (_, i) => [-1, 0, 1].map((d) => 2 ** (i + 8) + d)).flat(),
].filter((value) => value < 2 ** 15);
const rsqrtInt16 = (name: string, input: number, output: number) => {
  const shape = [rsqrtValues.length];
  return opCase(`rsqrt i16 ${name}`, 'RSQRT', [tensor('i16', shape, input)], [tensor('i16', shape, output)], {
    inputs: [[rsqrtValues]],
  });
};
/** RSQRT is defined for values above the zero point only. */
const above = (zeroPoint: number): InputSpec => [Array.from({ length: 127 - zeroPoint }, (_, i) => zeroPoint + 1 + i)];

export const cases: readonly OpCase[] = [
  float('EXP', moderate),
  float('LOG', positive),
  float('SQRT', positive),
  float('RSQRT', positive),
  float('SQUARE', anyFloats),
  float('ABS', anyFloats),
  float('NEG', anyFloats),
  float('SIN', moderate),
  float('COS', moderate),
  float('FLOOR', anyFloats),
  float('CEIL', anyFloats),
  float('ROUND', anyFloats),
  int8('ABS', 'same quantization', [0.05, -7], [0.05, -7]),
  int8('ABS', 'zero point 0', [0.05, 0], [0.05, 0]),
  int8('ABS', 'rescaled', [0.05, -7], [0.03, -128]),
  int8('ABS', 'coarser', [0.05, 20], [0.11, 3]),
  absInt16('same scale', 0.001, 0.001),
  absInt16('rescaled', 0.001, 0.0007),
  quantizedExp('i8', '', [0.03, 20], [0.2, -128]),
  quantizedExp('i8', 'saturating', [0.05, -30], [0.5, -100]),
  quantizedExp('i16', '', [1 / 8192, 0], [1 / 512, 0]),
  quantizedExp('i16', 'saturating', [1 / 4096, 0], [1 / 256, 0]),
  opCase('abs i32', 'ABS', [tensor('i32', [2, 20])], [tensor('i32', [2, 20])], { reference: 'tflite' }),
  opCase('neg i32', 'NEG', [tensor('i32', [2, 20])], [tensor('i32', [2, 20])], { reference: 'tflite' }),
  int8('RSQRT', 'zero point -128', [0.05, -128], [0.03, -128], above(-128)),
  int8('RSQRT', 'zero point -20', [0.01, -20], [0.08, -100], above(-20)),
  int8('RSQRT', 'coarse', [2, -128], [0.006, -128], above(-128)),
  rsqrtInt16('', 0.001, 0.001),
  rsqrtInt16('fine', 1 / 32768, 0.0056),
  rsqrtInt16('coarse', 0.7, 1 / 32768),
  rsqrtInt16('saturating', 3e-5, 3e-5),
];
