/** Comparisons, logic on booleans, and choice by a condition. */
import { z } from 'zod';
import { defineOp, type OpRecord, signature, signaturesFor } from '../op.ts';
import { affineOf, type DType, type Tensor, type TensorType } from '../types.ts';
import { broadcastShape, evaluateBroadcast } from './broadcast.ts';
import { type OperandScale, operandScale, perTensorFault, rescaled } from './rescale.ts';
import { reasonOf } from './shared.ts';

const noAttrs = z.strictObject({});
type NoAttrs = z.infer<typeof noAttrs>;
type Element = number | bigint;
type Test = (a: Element, b: Element) => boolean;

const BROADCAST = 'Operands are aligned at the innermost dimension; extents of 1 and missing ones repeat.';
const LEFT_SHIFT = 8;
/** Types whose scale counts; the stored integers of the others are compared as they are. */
const SCALED: readonly DType[] = ['i8', 'u8'];

/** What the operands are multiplied by before they are compared; undefined where stored values are compared. */
export function compareScales(inputs: readonly TensorType[]): readonly OperandScale[] | undefined {
  if (!SCALED.includes(inputs[0].dtype)) return undefined;
  return inputs.map((type) => operandScale(type, LEFT_SHIFT, affineOf(type).scale));
}

function inferBroadcast({ inputs }: { readonly inputs: readonly TensorType[] }): number[][] {
  return [broadcastShape(inputs.map((type) => type.shape))];
}

function comparison(sign: string, types: readonly DType[], commutative: boolean, test: Test): OpRecord<NoAttrs> {
  return defineOp<NoAttrs>({
    doc:
      `y = a ${sign} b as 0 or 1. i8, u8: each operand, less its zero point, is shifted left by ${LEFT_SHIFT} bits and ` +
      'multiplied by its scale in gemmlowp fixed point, so that real numbers less than 2^-8 apart may count as equal ' +
      '(scales of 1 and more, which the reference does not define, shift left too). ' +
      `Other integers are compared as stored. f32: IEEE 754, NaN equals nothing. ${BROADCAST}`,
    attrs: noAttrs,
    inputs: ['a', 'b'],
    outputs: ['y'],
    signatures: signaturesFor('T T -> bool', types),
    traits: { elementwise: true, ...(commutative ? { commutative } : {}) },
    infer: inferBroadcast,
    check({ inputs }) {
      if (!SCALED.includes(inputs[0].dtype)) return undefined;
      return perTensorFault(inputs) ?? reasonOf(() => compareScales(inputs));
    },
    evaluate({ inputs, outputs }) {
      const scales = compareScales(inputs.map(({ type }) => type));
      const real = (x: Element, i: number) => (scales === undefined ? x : rescaled(x as number, scales[i]));
      return [evaluateBroadcast<Element>(inputs, outputs[0], (a, b) => (test(real(a, 0), real(b, 1)) ? 1 : 0))];
    },
  });
}

const ORDERED: readonly DType[] = ['f32', 'i64', 'i32', 'i16', 'i8', 'u8'];
const WITH_BOOL: readonly DType[] = [...ORDERED, 'bool'];

const equal = comparison('==', WITH_BOOL, true, (a, b) => a === b);
const not_equal = comparison('!=', WITH_BOOL, true, (a, b) => a !== b);
const less = comparison('<', ORDERED, false, (a, b) => a < b);
const less_equal = comparison('<=', ORDERED, false, (a, b) => a <= b);
const greater = comparison('>', ORDERED, false, (a, b) => a > b);
const greater_equal = comparison('>=', ORDERED, false, (a, b) => a >= b);

function logical(word: string, evaluate: (a: number, b: number) => number): OpRecord<NoAttrs> {
  return defineOp<NoAttrs>({
    doc: `y = a ${word} b, as 0 or 1. ${BROADCAST}`,
    attrs: noAttrs,
    inputs: ['a', 'b'],
    outputs: ['y'],
    signatures: [signature('bool bool -> bool')],
    traits: { elementwise: true, commutative: true },
    infer: inferBroadcast,
    evaluate: ({ inputs, outputs }) => [evaluateBroadcast<number>(inputs, outputs[0], evaluate)],
  });
}

const logical_and = logical('and', (a, b) => a & b);
const logical_or = logical('or', (a, b) => a | b);
const logical_xor = logical('exclusive or', (a, b) => a ^ b);

const select = defineOp<NoAttrs>({
  doc: `y = condition ? a : b, element by element, as stored: scales are not looked at. ${BROADCAST}`,
  attrs: noAttrs,
  inputs: ['condition', 'a', 'b'],
  outputs: ['y'],
  signatures: signaturesFor('bool T T -> T', ['f32', 'f16', 'i64', 'i32', 'i16', 'i8', 'u8', 'bool']),
  traits: { elementwise: true },
  infer: inferBroadcast,
  evaluate({ inputs, outputs }) {
    const choose = (condition: Element, a: Element, b: Element) => (condition !== 0 ? a : b);
    return [evaluateBroadcast<Element>(inputs as readonly Tensor[], outputs[0], choose)];
  },
});

export const COMPARE_OPS = {
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  logical_and,
  logical_or,
  logical_xor,
  select,
} as const;
