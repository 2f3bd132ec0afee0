/**
 * Short formulas for functions of few values. What becomes of one or two bytes can be computed for every value when the
 * kernel is built; a formula with one rounding replaces the reference's several where it gives the same result for all of
 * them. Slopes a little too steep do what the reference does with ties: they move them away from zero.
 */
import type { Multiplier } from '../../ir/tensor/fixed-point.ts';
import type { SumStage } from '../../ir/tensor/ops/binary.ts';
import { rescaled } from '../../ir/tensor/ops/rescale.ts';
import { finish } from '../../ir/tensor/ops/shared.ts';

/** y = clamp((left * a + right * b + bias) >> shift); no intermediate leaves i32, in whichever order it is added. */
export interface LinearSum {
  readonly left: number;
  readonly right: number;
  readonly bias: number;
  readonly shift: number;
}

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** What the two operands may store. */
export type Stored = readonly [Interval, Interval];

/** By how many units of the last place both slopes together are made steeper; where ties are many, it takes large ones. */
const STEEPER = [0, 1, 4, 16, 64, 256, 1024];
/** What is tried beside the nearest integers. */
const BESIDE = [0, 1, -1];
/** Shifts that are tried, from the largest on. */
const MOST_SHIFTS = 2;
const LIMIT = 2 ** 31;

function realOf({ multiplier, shift }: Multiplier): number {
  return multiplier * 2 ** (shift - 31);
}

function reach(slope: number, { low, high }: Interval): number {
  return Math.abs(slope) * Math.max(-low, high);
}

/** Whether no intermediate leaves i32, in whichever order the terms are added. */
export function staysWithin({ left, right, bias }: LinearSum, [a, b]: Stored): boolean {
  return reach(left, a) + reach(right, b) + Math.abs(bias) < LIMIT;
}

/** The sum (`sign` 1) or difference (-1) of bytes as a linear function, when one is equal for all stored values. */
export function fitSum(stage: SumStage, stored: Stored, sign: 1 | -1): LinearSum | undefined {
  const { operands, output } = stage;
  const scaled = stored.map(({ low, high }, i) =>
    Array.from({ length: high - low + 1 }, (_, x) => rescaled(low + x, operands[i as 0 | 1])),
  ) as [number[], number[]];
  const results = scaled[0].map((a) => Int32Array.from(scaled[1], (b) => finish(a + sign * b, 0, output, 'i32')));
  const [left, right] = operands.map(
    ({ leftShift, multiplier }) => realOf(multiplier) * 2 ** leftShift * realOf(output.multipliers[0] as Multiplier),
  ) as [number, number];
  const most = reach(left, stored[0]) + reach(right, stored[1]);
  const zero =
    Math.abs(output.zeroPoint) + 1 + left * Math.abs(operands[0].zeroPoint) + right * Math.abs(operands[1].zeroPoint);
  const largest = Math.min(30, Math.floor(31 - Math.log2(most + zero)));
  for (let shift = largest; shift > Math.max(0, largest - MOST_SHIFTS); shift--) {
    for (const [a, b] of slopesNear(left, sign * right, 2 ** shift)) {
      const bias = biasOf(results, stored, { left: a, right: b, shift }, output);
      if (bias === undefined) continue;
      const sum = { left: a, right: b, bias, shift };
      if (staysWithin(sum, stored)) return sum;
    }
  }
  return undefined;
}

/** Pairs of integers near two slopes times `unit`, the nearest first. */
function slopesNear(left: number, right: number, unit: number): readonly (readonly [number, number])[] {
  return STEEPER.flatMap((more) =>
    BESIDE.flatMap((i) =>
      BESIDE.map((j) => [Math.round(left * (unit + more)) + i, Math.round(right * (unit + more)) + j] as const),
    ),
  );
}

/** The least bias with which every pair of stored values gives its result. */
function biasOf(
  results: readonly Int32Array[],
  [a, b]: Stored,
  { left, right, shift }: Omit<LinearSum, 'bias'>,
  { low, high }: Interval,
): number | undefined {
  const unit = 2 ** shift;
  let least = Number.NEGATIVE_INFINITY;
  let most = Number.POSITIVE_INFINITY;
  for (const [i, row] of results.entries()) {
    const rowSum = left * (a.low + i);
    for (let j = 0; j < row.length; j++) {
      const result = row[j] as number;
      const rest = result * unit - rowSum - right * (b.low + j);
      if (result > low && rest > least) least = rest;
      if (result < high && rest + unit - 1 < most) most = rest + unit - 1;
    }
    if (least > most) return undefined;
  }
  // Without a lower or an upper end all results are the same clamp.
  return Number.isFinite(least) ? least : Number.isFinite(most) ? most : 0;
}

/** y = clamp(zero + the high word of x * factor, rounded by adding 2^31): SMMLAR and a saturation. */
export interface RoundedProduct {
  readonly factor: number;
  readonly zero: number;
}

/**
 * A function of the integers in `domain`, or of every `step`-th from its lower end on, as a rounded product, when one is
 * equal for all of them. `clamp` is what the results are limited to afterwards.
 */
export function fitProduct(
  resultOf: (x: number) => number,
  domain: Interval,
  zero: number,
  clamp: Interval,
  step = 1,
): RoundedProduct | undefined {
  let least = -LIMIT;
  let most = LIMIT - 1;
  for (let x = domain.low; x <= domain.high; x += step) {
    const result = resultOf(x);
    // 2^32 * (distance - 1/2) <= x * factor < 2^32 * (distance + 1/2)
    const from = result > clamp.low ? 2 ** 32 * (result - zero) - LIMIT : Number.NEGATIVE_INFINITY;
    const to = result < clamp.high ? 2 ** 32 * (result - zero) + LIMIT - 1 : Number.POSITIVE_INFINITY;
    if (x === 0 && (from > 0 || to < 0)) return undefined;
    if (x > 0) [least, most] = [Math.max(least, Math.ceil(from / x)), Math.min(most, Math.floor(to / x))];
    if (x < 0) [least, most] = [Math.max(least, Math.ceil(to / x)), Math.min(most, Math.floor(from / x))];
    if (least > most) return undefined;
  }
  return { factor: least + Math.floor((most - least) / 2), zero };
}
