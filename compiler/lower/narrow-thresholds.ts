/**
 * Requantization by one approximate product, proved equal to the reference for all accumulators of a range.
 *
 * The reference gives a stored value that never falls when the accumulator grows. So it is known by its steps: for each value
 * v within the clamp, the least accumulator t(v) that gives v or more. A form (S(acc) + r) >> t with an S that never falls
 * either is equal on the whole range if S(t(v)) + r >= v * 2^t and S(t(v) - 1) + r < v * 2^t for each of these at most 255
 * steps. Each bounds r, and any r within all bounds will do.
 *
 * The reference moves ties of negative values down by one unit of its first rounding, 2^(t - s) of the sum where s is the
 * layer's shift: S takes as much from negative accumulators unless the clamp begins at the zero point or above.
 */
import type { Multiplier } from '../../ir/tensor/fixed-point.ts';
import { finish, type OutputStage } from '../../ir/tensor/ops/shared.ts';
import type { AccumulatorRange } from './proved-scale.ts';

/** What makes the sum of a channel: `product` never falls as the accumulator grows. */
export interface SumForm {
  readonly product: (acc: number) => number;
  /** What negative accumulators add to it, 0 or less. */
  readonly negative: number;
  readonly shift: number;
}

/** An accumulator that gives `value` or more, or one that gives less. */
export interface Bound {
  readonly acc: number;
  readonly value: number;
  readonly reached: boolean;
}

/** All that a form has to hold to for the accumulators of a channel. */
export function boundsOf(stage: OutputStage, channel: number, range: AccumulatorRange): readonly Bound[] {
  const [low, high] = [range.low, range.high].map((acc) => finish(acc, channel, stage, 'i32')) as [number, number];
  const bounds: Bound[] = [];
  if (low > stage.low) bounds.push({ acc: range.low, value: low, reached: true });
  if (high < stage.high) bounds.push({ acc: range.high, value: high + 1, reached: false });
  let step = range.low;
  for (let value = low + 1; value <= high; value++) {
    step = stepTo(stage, channel, value, { low: step, high: range.high });
    bounds.push({ acc: step, value, reached: true }, { acc: step - 1, value, reached: false });
  }
  return bounds;
}

/** An r with which a form keeps all bounds, or undefined where there is none or a sum may leave 32 bits. */
export function provedAddend(bounds: readonly Bound[], range: AccumulatorRange, form: SumForm): number | undefined {
  const sum = (acc: number) => form.product(acc) + (acc < 0 ? form.negative : 0);
  let least = -(2 ** 31) + 1;
  let most = 2 ** 31 - 1;
  for (const { acc, value, reached } of bounds) {
    const end = value * 2 ** form.shift - sum(acc);
    if (reached) least = Math.max(least, end);
    else most = Math.min(most, end - 1);
  }
  if (least > most) return undefined;
  const addend = Math.floor((least + most) / 2);
  const fits = (x: number) => Math.abs(x) < 2 ** 31;
  return [range.low, range.high].every((acc) => fits(sum(acc)) && fits(sum(acc) + addend)) ? addend : undefined;
}

/** The least accumulator of the range that gives `value` or more, which its high end does; searched from where it should be. */
function stepTo(stage: OutputStage, channel: number, value: number, { low, high }: AccumulatorRange): number {
  const { multiplier, shift } = multiplierOf(stage, channel);
  const given = (acc: number) => finish(acc, channel, stage, 'i32') >= value;
  const guess = Math.round((value - 0.5 - stage.zeroPoint) / (multiplier * 2 ** (shift - 31)));
  let acc = Math.min(high, Math.max(low, guess));
  while (acc > low && given(acc - 1)) acc--;
  while (!given(acc)) acc++;
  return acc;
}

export function multiplierOf({ multipliers }: OutputStage, channel: number): Multiplier {
  return multipliers[multipliers.length === 1 ? 0 : channel] as Multiplier;
}
