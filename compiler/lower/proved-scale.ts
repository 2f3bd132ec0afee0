/**
 * Requantization in few instructions, for layers where ranges of their accumulators, known at compile time, prove it equal
 * to the reference.
 *
 * The reference rounds twice (gemmlowp): x = (acc * m + 2^30) >> 31, then x / 2^s to nearest with ties away from zero, then
 * plus the zero point, then a clamp. With |acc| < 2^30 and s in [2, 31] this is
 *
 *     x = SMMULR(2 * acc, m)            high word of the product, rounded: the first rounding
 *     x = x + (x >> 31)                 moves ties of negative x downwards, so that rounding up takes them away from zero
 *     y = SMMLAR(x, 2^(32 - s), zero)   zero + x / 2^s, rounded up on ties: the second rounding
 *
 * and a saturation. The middle step only matters for negative x, whose y is at most `zero`: where the clamp begins there,
 * as behind a ReLU, it is left out.
 */
import { clamp, type FunctionBuilder, type Operand, op } from '../../ir/loop/build.ts';
import type { Expr } from '../../ir/loop/types.ts';
import { type Multiplier, reducedMultiplier } from '../../ir/tensor/fixed-point.ts';
import { finish, type OutputStage } from '../../ir/tensor/ops/shared.ts';

/** The least and the largest value of an accumulator; both are reached by some input, or lie beyond those that are. */
export interface AccumulatorRange {
  readonly low: number;
  readonly high: number;
}

/**
 * Of bias + sum of (x - zeroPoint) * w over any inputs x in [xLow, xHigh]; exact below 2^53. An input that a window leaves
 * out counts as the zero point, which lies in that interval.
 */
export function accumulatorRange(
  weights: Iterable<number>,
  bias: number,
  x: { readonly low: number; readonly high: number; readonly zeroPoint: number },
): AccumulatorRange {
  let low = bias;
  let high = bias;
  for (const w of weights) {
    const ends = [w * (x.low - x.zeroPoint), w * (x.high - x.zeroPoint)] as const;
    low += Math.min(...ends);
    high += Math.max(...ends);
  }
  return { low, high };
}

export function within({ low, high }: AccumulatorRange, bits: number): boolean {
  return low >= -(2 ** (bits - 1)) && high < 2 ** (bits - 1);
}

export type Factors = readonly [multiplier: number, power: number];

/** The short form of a stage. */
export interface ShortScale {
  /** The factors of a channel: m and 2^(32 - s). */
  factors(channel: number): Factors;
  /** From twice the accumulator and the channel's factors to the stored value. */
  apply(f: FunctionBuilder, twice: Operand, multiplier: Operand, power: Operand): Expr;
}

/** The short form, or the reason why it is not proved for the accumulators of these ranges (one per channel). */
export function shortScale(stage: OutputStage, ranges: readonly AccumulatorRange[]): ShortScale | string {
  if (stage.rounding !== 'double') return `rounds ${stage.rounding}, not twice`;
  if (!ranges.every((range) => within(range, 31))) return 'an accumulator may reach 2^30';
  const shift = stage.multipliers.find(({ multiplier, shift: s }) => multiplier !== 0 && (s > -2 || s < -31));
  if (shift !== undefined) return `a factor is scaled by 2^${shift.shift}, not by 2^-31 to 2^-2`;
  const firstTies = stage.zeroPoint > stage.low;
  return {
    factors: (channel) => factorsOf(stage.multipliers[stage.multipliers.length === 1 ? 0 : channel] as Multiplier),
    apply(f, twice, multiplier, power) {
      const rounded = op('i32.mulhir_s', [twice, multiplier]);
      const x = firstTies ? tiesDown(f.let('scaled', rounded)) : rounded;
      return saturated(op('dsp.smmlar', [x, power, stage.zeroPoint]), stage);
    },
  };
}

function factorsOf({ multiplier, shift }: Multiplier): Factors {
  return multiplier === 0 ? [0, 1] : [multiplier, 2 ** (32 + shift)];
}

/** The short form of a stage whose reference scales sums of 64 bits by a factor of 16, where the sums have but 32 bits. */
export interface LongScale {
  factor(channel: number): number;
  /** From the accumulator and the channel's factor to the stored value. */
  apply(acc: Operand, factor: Operand): Expr;
}

/**
 * (acc * m + 2^(t - 1)) >> t, where t is 15 less the shift, is SMMULR(acc, m * 2^(32 - t)) as long as that factor fits: m has
 * 15 bits, so t in [16, 32]. The short form, or the reason why it is not proved.
 */
export function shortLongScale(stage: OutputStage, ranges: readonly AccumulatorRange[]): LongScale | string {
  if (stage.rounding === 'float') return 'rounds float';
  if (!ranges.every((range) => within(range, 32))) return 'an accumulator may reach 2^31';
  const far = stage.multipliers.find(({ multiplier, shift }) => multiplier !== 0 && (shift > -1 || shift < -17));
  if (far !== undefined) return `a factor is scaled by 2^${far.shift}, not by 2^-17 to 2^-1`;
  return {
    factor(channel) {
      const { multiplier, shift } = stage.multipliers[stage.multipliers.length === 1 ? 0 : channel] as Multiplier;
      return multiplier === 0 ? 0 : reducedMultiplier(multiplier) * 2 ** (17 + shift);
    },
    apply: (acc, factor) => saturated(op('dsp.smmlar', [acc, factor, stage.zeroPoint]), stage),
  };
}

/** x + (x >> 31), one instruction on Arm. */
function tiesDown(x: Expr): Expr {
  return op('i32.add_wrap', [x, op('i32.shr_s', [x, 31])]);
}

/** The clamp, as one saturation and what is left of it. */
function saturated(y: Expr, { low, high }: OutputStage): Expr {
  const bits = high <= 127 && low >= -128 ? 8 : 16;
  const end = 2 ** (bits - 1);
  if (low === 0 && high === end - 1) return op('i32.usat', [y], [bits - 1]);
  const narrow = op('i32.ssat', [y], [bits]);
  if (low > -end && high < end - 1) return clamp(y, low, high);
  if (low > -end) return op('i32.max_s', [narrow, low]);
  return high < end - 1 ? op('i32.min_s', [narrow, high]) : narrow;
}

/**
 * The stored value of a channel, less the zero point, where all accumulators of a range give the same; otherwise undefined.
 * Results grow with the accumulator as long as nothing is shifted out of it, so that those of both ends tell.
 */
export function steadyResult(stage: OutputStage, range: AccumulatorRange, channel: number): number | undefined {
  const { shift } = stage.multipliers[stage.multipliers.length === 1 ? 0 : channel] as Multiplier;
  if (stage.rounding !== 'double' || shift > 0 || !within(range, 32)) return undefined;
  const low = finish(range.low, channel, stage, 'i32');
  return low === finish(range.high, channel, stage, 'i32') ? low - stage.zeroPoint : undefined;
}

/** Whether an accumulator times a factor, plus the zero point, fits into i32 in the reference's own steps. */
export function scaledFits(stage: OutputStage, ranges: readonly AccumulatorRange[]): boolean {
  const left = Math.max(0, ...stage.multipliers.map(({ shift }) => shift));
  const bound = ranges.reduce((most, { low, high }) => Math.max(most, -low, high), 0);
  return bound * 2 ** left < 2 ** 31 - 2 ** 17;
}
