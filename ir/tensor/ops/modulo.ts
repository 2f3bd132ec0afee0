/** Remainders, with the sign of the divisor or of the dividend. */
import { z } from 'zod';
import { defineOp, type OpRecord, signaturesFor } from '../op.ts';
import { broadcastShape, evaluateBroadcast } from './broadcast.ts';
import { fround, plainFault } from './shared.ts';

const noAttrs = z.strictObject({});
type NoAttrs = z.infer<typeof noAttrs>;

/** C's fmod; `%` is exact, and so is the rounding to f32, because the remainder is a multiple of the smaller last place. */
export function truncatedModF32(a: number, b: number): number {
  return fround(a % b);
}

/** C's %, with 0 where it is not defined: for a divisor of 0. */
export function truncatedModI32(a: number, b: number): number {
  return b === 0 ? 0 : (a % b) + 0;
}

function floorModF32(a: number, b: number): number {
  const rest = truncatedModF32(a, b);
  // NaN stays: both comparisons with it fail.
  if (rest === 0) return b < 0 ? -0 : 0;
  return rest < 0 !== b < 0 ? fround(rest + b) : rest;
}

function floorModI32(a: number, b: number): number {
  const rest = truncatedModI32(a, b);
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
}

type Values = (a: number, b: number) => number;

function modulo(doc: string, float: Values, integer: Values): OpRecord<NoAttrs> {
  return defineOp<NoAttrs>({
    doc:
      `${doc} f32: a divisor of 0, an infinite dividend and NaN give NaN. i32: a divisor of 0 gives 0. Operands are aligned ` +
      'at the innermost dimension; extents of 1 and missing ones repeat.',
    attrs: noAttrs,
    inputs: ['a', 'b'],
    outputs: ['y'],
    signatures: signaturesFor('T T -> T', ['f32', 'i32']),
    traits: { elementwise: true },
    infer: ({ inputs }) => [broadcastShape(inputs.map((type) => type.shape))],
    check: ({ inputs, outputs }) => plainFault([...inputs, ...outputs]),
    evaluate: ({ inputs, outputs }) => [
      evaluateBroadcast<number>(inputs, outputs[0], outputs[0].dtype === 'f32' ? float : integer),
    ],
  });
}

export const MODULO_OPS = {
  truncated_mod: modulo(
    "y = a - b * trunc(a / b), exactly: C's fmod and %. The result has the sign of a, as a zero too.",
    truncatedModF32,
    truncatedModI32,
  ),
  floor_mod: modulo(
    'y = a - b * floor(a / b): the remainder of truncated_mod, plus b where the signs of the two differ (in f32 that sum is ' +
      'rounded once, so that y may be b). The result has the sign of b, as a zero too.',
    floorModF32,
    floorModI32,
  ),
} as const;
