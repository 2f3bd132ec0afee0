/**
 * Both factors of a channel in one word. Multipliers lie in [2^30, 2^31); where the powers of a layer are among four
 * neighbouring ones, the two bits above the multiplier's last 30 say which, and no table of powers is needed.
 */
import { type FunctionBuilder, op } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import type { Factors } from '../../proved-scale.ts';

export interface FactorCode {
  /** By channel, as they are given. */
  readonly words: readonly number[];
  decode(f: FunctionBuilder, word: Expr): readonly [multiplier: Expr, power: Expr];
}

const HIDDEN = 2 ** 30;

/** Undefined where a factor does not fit. */
export function factorCode(factors: readonly Factors[]): FactorCode | undefined {
  const exponents = factors.map(([, power]) => Math.log2(power));
  const least = Math.min(...exponents);
  const fits = factors.every(([multiplier]) => multiplier >= HIDDEN) && exponents.every((e) => e < least + 4);
  if (!fits) return undefined;
  return {
    words: factors.map(([m], i) => (m - HIDDEN) | (((exponents[i] as number) - least) << 30)),
    decode: (f, word) => [
      f.let('factor', op('i32.or', [op('i32.and', [word, HIDDEN - 1]), HIDDEN])),
      f.let('power', op('i32.shl', [2 ** least, op('i32.shr_u', [word, 30])])),
    ],
  };
}
