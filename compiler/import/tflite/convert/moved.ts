/** What the converters of moving operators share. */
import { sameQuant, typeText } from '../../../../ir/tensor/types.ts';
import type { Operand } from '../../builder.ts';
import type { ConvertContext } from './context.ts';

/** Input `index`, which moves to output `to`: both must stand for the same numbers. */
export function movedInput(context: ConvertContext, index: number, to = 0): Operand {
  const x = context.input(index, 'the tensor');
  const declared = context.outputs[to]?.type;
  if (declared !== undefined && (declared.dtype !== x.type.dtype || !sameQuant(declared.quant, x.type.quant))) {
    context.refuse(`an output with the element type and quantization of ${typeText(x.type)}`, typeText(declared));
  }
  return x;
}

/** Constant input `index`, which holds one integer. */
export function onlyNumber(context: ConvertContext, index: number, what: string): number {
  const numbers = context.constantNumbers(index, what);
  if (numbers.length !== 1) context.refuse(`one number as ${what} (input ${index})`, `${numbers.length}`);
  return numbers[0] as number;
}

/** Constant input `index`, which holds one integer per axis of a tensor. */
export function perAxis(context: ConvertContext, index: number, what: string, rank: number): number[] {
  const numbers = context.constantNumbers(index, what);
  if (numbers.length !== rank) context.refuse(`${rank} numbers as ${what} (input ${index})`, `${numbers.length}`);
  return numbers;
}
