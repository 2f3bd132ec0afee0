/** SOFTMAX and LOG_SOFTMAX in every pair of types that the reference kernels define. */
import type { OpCase } from '../../../support/opcases.ts';
import { opCase, tensor } from '../../../support/tflite/build-case.ts';

const softmaxInt8 = (name: string, shape: readonly number[], scale: number, beta: number) =>
  opCase(name, 'SOFTMAX', [tensor('i8', shape, scale, -5)], [tensor('i8', shape, 1 / 256, -128)], {
    options: { beta },
  });

export const cases: readonly OpCase[] = [
  softmaxInt8('int8 rank 2', [2, 10], 0.05, 1),
  softmaxInt8('int8 rank 1', [7], 0.1, 1),
  softmaxInt8('int8 rank 4', [1, 2, 3, 5], 0.02, 1),
  softmaxInt8('int8 steep', [3, 6], 0.4, 1),
  softmaxInt8('int8 flat', [3, 6], 0.0007, 1),
  softmaxInt8('int8 beta 2', [3, 6], 0.03, 2),
  softmaxInt8('int8 beta 0.25', [3, 6], 0.2, 0.25),
  softmaxInt8('int8 one class', [4, 1], 0.1, 1),
  softmaxInt8('int8 long row', [1, 300], 0.03, 1),
];
