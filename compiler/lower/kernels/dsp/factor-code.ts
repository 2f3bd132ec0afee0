/**
 * Both factors of a channel in one word, so that no table of powers is needed. Multipliers lie in [2^30, 2^31): the word holds
 * the bits below the highest, and its last four say which of 16 neighbouring powers goes with them. Two of these four are
 * bits of the multiplier, too, which therefore is up to two units beside the reference's: it is one that is proved to give
 * the same results, by the steps of narrow-thresholds.ts, for all accumulators of the channel.
 */
import { type FunctionBuilder, op } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import type { OutputStage } from '../../../../ir/tensor/ops/shared.ts';
import { boundsOf } from '../../narrow-thresholds.ts';
import type { AccumulatorRange, Factors } from '../../proved-scale.ts';

export interface FactorCode {
  /** By channel, as they are given. */
  readonly words: readonly number[];
  decode(f: FunctionBuilder, word: Expr): readonly [multiplier: Expr, power: Expr];
}

/** What the factors of the short form (proved-scale.ts) are used for. */
export interface FactorUse {
  readonly stage: OutputStage;
  /** By channel. */
  readonly ranges: readonly AccumulatorRange[];
}

const HIDDEN = 2 ** 30;
const CODES = 16;
/** The short form has exponents of up to 30. */
const USUAL_LEAST = 15;
/** Results of 8 bits have few steps to prove. */
const MOST_STEPS = 255;

/** Undefined where a factor does not fit; `factors` by channel. */
export function factorCode(factors: readonly Factors[], use: FactorUse): FactorCode | undefined {
  const { low, high } = use.stage;
  const exponents = factors.map(([, power]) => Math.log2(power));
  // The same for all layers as far as possible, so that they share their code.
  const least = Math.min(USUAL_LEAST, ...exponents);
  if (high - low > MOST_STEPS || !exponents.every((e) => e < least + CODES)) return undefined;
  const words: number[] = [];
  for (const [channel, [multiplier]] of factors.entries()) {
    const exponent = exponents[channel] as number;
    const code = exponent - least;
    const proved = provedMultiplier(multiplier, exponent, code >> 2, use, channel);
    if (proved === undefined) return undefined;
    words.push((((proved - HIDDEN) >> 2) << 4) | code);
  }
  return {
    words,
    decode: (f, word) => [
      f.let('factor', op('i32.or', [op('i32.shr_u', [word, 2]), HIDDEN])),
      f.let('power', op('i32.shl', [2 ** least, op('i32.and', [word, CODES - 1])])),
    ],
  };
}

/** A multiplier nearby that ends on two given bits and gives the same results. */
function provedMultiplier(
  multiplier: number,
  exponent: number,
  lastBits: number,
  { stage, ranges }: FactorUse,
  channel: number,
): number | undefined {
  const below = multiplier - ((multiplier - lastBits) & 3);
  const candidates = [below, below + 4].filter((m) => m >= HIDDEN && m < 2 * HIDDEN);
  if (candidates.includes(multiplier)) return multiplier;
  const bounds = boundsOf(stage, channel, ranges[channel] as AccumulatorRange);
  const isSame = (m: number) =>
    bounds.every(({ acc, value, reached }) => shortForm(acc, m, exponent, stage) >= value === reached);
  return candidates.find(isSame);
}

/** What the short form gives before its clamp. */
function shortForm(acc: number, multiplier: number, exponent: number, { zeroPoint, low }: OutputStage): number {
  // In two halves, so that no intermediate needs more bits than a number has.
  const [upper, lower] = [multiplier >>> 16, multiplier & 0xffff];
  const scaled = Math.floor((acc * upper + Math.floor((acc * lower + 2 ** 30) / 2 ** 16)) / 2 ** 15);
  const x = scaled < 0 && zeroPoint > low ? scaled - 1 : scaled;
  return zeroPoint + Math.floor(x * 2 ** (exponent - 32) + 0.5);
}
