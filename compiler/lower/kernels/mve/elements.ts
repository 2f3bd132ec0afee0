/** Sixteen elements of int8 at a time as four vectors of words, and back. */
import { type FunctionBuilder, op } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import { type Clamp, packed } from './stage.ts';

/** The words of a vector of bytes: bytes 4i, 4i + 2, 4i + 1 and 4i + 3, in the order that narrowing puts together again. */
export function wordsOf(k: FunctionBuilder, bytes: Expr): readonly Expr[] {
  const even = k.let('even', op('mve.vmovlb_s8', [bytes]));
  const odd = k.let('odd', op('mve.vmovlt_s8', [bytes]));
  return [even, odd].flatMap((halves) => [op('mve.vmovlb_s16', [halves]), op('mve.vmovlt_s16', [halves])]);
}

export function bytesOfWords(k: FunctionBuilder, words: readonly Expr[], clamp: Clamp): Expr {
  return packed(k, (q) => words[q] as Expr, clamp);
}
