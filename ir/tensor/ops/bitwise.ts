/** Logic and shifts on the 32 bits of plain i32. */
import { z } from 'zod';
import { defineOp, type OpRecord, signature } from '../op.ts';
import type { TensorType } from '../types.ts';
import { broadcastShape, evaluateBroadcast } from './broadcast.ts';
import { plainFault } from './shared.ts';

const noAttrs = z.strictObject({});
type NoAttrs = z.infer<typeof noAttrs>;

const BROADCAST = 'Operands are aligned at the innermost dimension; extents of 1 and missing ones repeat.';

function bitwise(doc: string, commutative: boolean, evaluate: (a: number, b: number) => number): OpRecord<NoAttrs> {
  return defineOp<NoAttrs>({
    doc: `${doc} ${BROADCAST}`,
    attrs: noAttrs,
    inputs: ['a', 'b'],
    outputs: ['y'],
    signatures: [signature('i32 i32 -> i32')],
    traits: { elementwise: true, ...(commutative ? { commutative } : {}) },
    infer: ({ inputs }) => [broadcastShape(inputs.map((type) => type.shape))],
    check: ({ inputs, outputs }) => plainFault([...inputs, ...outputs]),
    evaluate: ({ inputs, outputs }) => [evaluateBroadcast<number>(inputs, outputs[0], evaluate)],
  });
}

/** Counts are unsigned: those of 32 and more, and so all negative ones, shift everything out. */
function shift(doc: string, evaluate: (a: number, count: number) => number): OpRecord<NoAttrs> {
  return bitwise(`${doc} A count outside [0, 31] gives 0.`, false, (a, b) => (b < 0 || b > 31 ? 0 : evaluate(a, b)));
}

const bitwise_not = defineOp<NoAttrs>({
  doc: 'y = the complement of every bit of x, -1 - x.',
  attrs: noAttrs,
  inputs: ['x'],
  outputs: ['y'],
  signatures: [signature('i32 -> i32')],
  traits: { elementwise: true },
  infer: ({ inputs }) => [[...(inputs[0] as TensorType).shape]],
  check: ({ inputs, outputs }) => plainFault([...inputs, ...outputs]),
  evaluate: ({ inputs, outputs }) => [evaluateBroadcast<number>(inputs, outputs[0], (x: number) => ~x)],
});

export const BITWISE_OPS = {
  bitwise_and: bitwise('y = a and b, bit by bit.', true, (a, b) => a & b),
  bitwise_or: bitwise('y = a or b, bit by bit.', true, (a, b) => a | b),
  bitwise_xor: bitwise('y = a exclusive or b, bit by bit.', true, (a, b) => a ^ b),
  bitwise_not,
  shift_left: shift('y = a moved left by b bits; zeros come in, bits that leave are lost.', (a, count) => a << count),
  shift_right: shift('y = the 32 bits of a moved right by b bits; zeros come in.', (a, count) => (a >>> count) | 0),
} as const;
