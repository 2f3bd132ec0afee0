/** Functions of f32 that are computed alike for all of their arguments, and sign. */
import { z } from 'zod';
import { type FloatFunctionName, floatFunctionOf, POWER, powOf, precisionOf } from '../float-math.ts';
import { defineOp, type OpRecord, signature, signaturesFor } from '../op.ts';
import type { TensorType } from '../types.ts';
import { broadcastShape, evaluateBroadcast } from './broadcast.ts';
import { plainFault } from './shared.ts';

const noAttrs = z.strictObject({});
type NoAttrs = z.infer<typeof noAttrs>;

function sameShape({ inputs }: { readonly inputs: readonly TensorType[] }): number[][] {
  return [[...inputs[0].shape]];
}

function library(doc: string, name: FloatFunctionName): OpRecord<NoAttrs> {
  const f = floatFunctionOf(name);
  return defineOp<NoAttrs>({
    doc: `${doc} ${precisionOf(name)}`,
    attrs: noAttrs,
    inputs: ['x'],
    outputs: ['y'],
    signatures: [signature('f32 -> f32')],
    traits: { elementwise: true },
    infer: sameShape,
    evaluate: ({ inputs, outputs }) => [evaluateBroadcast<number>(inputs, outputs[0], f)],
  });
}

const sign = defineOp<NoAttrs>({
  doc: 'y = 1 for x > 0, -1 for x < 0, 0 for both zeros; NaN gives NaN.',
  attrs: noAttrs,
  inputs: ['x'],
  outputs: ['y'],
  signatures: signaturesFor('T -> T', ['f32', 'i32']),
  traits: { elementwise: true },
  infer: sameShape,
  check: ({ inputs, outputs }) => plainFault([...inputs, ...outputs]),
  evaluate: ({ inputs, outputs }) => [
    evaluateBroadcast<number>(inputs, outputs[0], (x: number) => (x > 0 ? 1 : x < 0 ? -1 : x === 0 ? 0 : x)),
  ],
});

/** a^b modulo 2^32 by squaring; only 1 and -1 have negative powers that are not 0. */
function powI32(a: number, b: number): number {
  if (b < 0) return a === 1 ? 1 : a === -1 ? 1 - 2 * (b & 1) : 0;
  let power = 1;
  for (let rest = b, square = a; rest > 0; rest >>= 1, square = Math.imul(square, square)) {
    if (rest & 1) power = Math.imul(power, square);
  }
  return power;
}

const pow = defineOp<NoAttrs>({
  doc:
    `y = a^b, within ${POWER.ulp} ulp of the exact value, so that powers which are f32 numbers are exact. Special values are ` +
    "those of C's pow: x^0 and 1^y are 1 even for NaN, other NaN stay; (-1)^infinity is 1; a negative finite number to a power " +
    'that is no integer is NaN; zeros and infinities keep their sign under odd integers only. i32: wraps; a^0 is 1, and a ' +
    'negative power is 1 / a^-b rounded towards zero, 0 of 0. Operands are aligned at the innermost dimension; extents of 1 ' +
    'and missing ones repeat.',
  attrs: noAttrs,
  inputs: ['a', 'b'],
  outputs: ['y'],
  signatures: signaturesFor('T T -> T', ['f32', 'i32']),
  traits: { elementwise: true },
  infer: ({ inputs }) => [broadcastShape(inputs.map((type) => type.shape))],
  check: ({ inputs, outputs }) => plainFault([...inputs, ...outputs]),
  evaluate: ({ inputs, outputs }) => [
    evaluateBroadcast<number>(inputs, outputs[0], outputs[0].dtype === 'f32' ? powOf : powI32),
  ],
});

export const FUNCTION_OPS = {
  tan: library('Tangent of x radians: NaN of infinities and NaN.', 'tan'),
  asin: library('Inverse sine in radians: NaN beyond -1 and 1 and of NaN.', 'asin'),
  acos: library('Inverse cosine in radians, from 0 to pi: NaN beyond -1 and 1 and of NaN.', 'acos'),
  atan: library('Inverse tangent in radians: pi / 2 of infinity; NaN of NaN.', 'atan'),
  sinh: library('Hyperbolic sine: infinite beyond 89.42; NaN of NaN.', 'sinh'),
  cosh: library('Hyperbolic cosine: infinite beyond 89.42; NaN of NaN.', 'cosh'),
  asinh: library('Inverse hyperbolic sine; NaN of NaN.', 'asinh'),
  acosh: library('Inverse hyperbolic cosine: NaN below 1 and of NaN.', 'acosh'),
  atanh: library('Inverse hyperbolic tangent: infinite of 1 and -1, NaN beyond and of NaN.', 'atanh'),
  erf: library('The error function, 2 / sqrt(pi) times the integral of e^-t^2 from 0 to x; NaN of NaN.', 'erf'),
  softplus: library('y = ln(1 + e^x), which neither overflows nor loses small results; NaN of NaN.', 'softplus'),
  sign,
  pow,
} as const;

/** The ops that are one f32 function. */
export type FunctionOp = Exclude<keyof typeof FUNCTION_OPS, 'sign' | 'pow'>;
