/** How far a figure from a sample may lie from that of all data: intervals that hold it in 95 % of samples. */
import { randomNumbers } from '../data/random.ts';

export interface Interval {
  readonly low: number;
  readonly high: number;
  /** `Wilson`, `DeLong`, `bootstrap, seed 1`. */
  readonly method: string;
}

/** The 97.5 % quantile of the normal distribution. */
const Z = 1.959963984540054;
const RESAMPLES = 1000;

/** Of a proportion (Wilson, Probable inference, JASA 22, 1927): the score interval, without continuity correction. */
export function wilson(successes: number, count: number): Interval {
  const p = successes / count;
  const z2 = Z * Z;
  const centre = (p + z2 / (2 * count)) / (1 + z2 / count);
  const half = (Z / (1 + z2 / count)) * Math.sqrt((p * (1 - p)) / count + z2 / (4 * count * count));
  // Rounding must not push the ends beyond a proportion, nor off the exact 0 and 1.
  const low = successes === 0 ? 0 : Math.max(0, centre - half);
  return { low, high: successes === count ? 1 : Math.min(1, centre + half), method: 'Wilson' };
}

/**
 * The percentile bootstrap (Efron, 1979): `statistic` of a thousand samples of `count` indices drawn with replacement;
 * NaN where one has no value, which is left out.
 */
export function bootstrap(count: number, statistic: (indices: Uint32Array) => number, seed: number): Interval {
  const random = randomNumbers(seed);
  const indices = new Uint32Array(count);
  const values: number[] = [];
  for (let round = 0; round < RESAMPLES; round++) {
    for (let i = 0; i < count; i++) indices[i] = Math.floor(random() * count);
    const value = statistic(indices);
    if (!Number.isNaN(value)) values.push(value);
  }
  values.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const at = (quantile: number) => values[Math.round(quantile * (values.length - 1))] ?? Number.NaN;
  return { low: at(0.025), high: at(0.975), method: `bootstrap, seed ${seed}` };
}

export interface Auc extends Interval {
  readonly value: number;
}

/**
 * Area under the ROC curve, ties counting half, with the variance of DeLong et al. (Biometrics 44, 1988) computed from
 * midranks (Sun and Xu, IEEE Signal Processing Letters 21, 2014). Needs one score of each kind; with one only of a kind its
 * variance is unknown and the interval is [0, 1].
 */
export function delong(positives: ArrayLike<number>, negatives: ArrayLike<number>): Auc {
  const [m, n] = [positives.length, negatives.length];
  const all = midranks(Float64Array.from([...Array.from(positives), ...Array.from(negatives)]));
  const own = [midranks(Float64Array.from(positives)), midranks(Float64Array.from(negatives))] as const;
  // For each positive, the share of negatives below it; for each negative, the share of positives above it.
  const above = Float64Array.from({ length: m }, (_, i) => ((all[i] as number) - (own[0][i] as number)) / n);
  const below = Float64Array.from({ length: n }, (_, i) => 1 - ((all[m + i] as number) - (own[1][i] as number)) / m);
  const value = mean(above);
  if (m < 2 || n < 2) return { value, low: 0, high: 1, method: 'DeLong' };
  const half = Z * Math.sqrt(variance(above) / m + variance(below) / n);
  return { value, low: Math.max(0, value - half), high: Math.min(1, value + half), method: 'DeLong' };
}

/** Ranks from 1, equal values sharing the mean of theirs. */
function midranks(values: Float64Array): Float64Array {
  const order = Uint32Array.from(values.keys()).sort((a, b) => (values[a] as number) - (values[b] as number));
  const ranks = new Float64Array(values.length);
  for (let start = 0; start < order.length; ) {
    let end = start + 1;
    while (end < order.length && values[order[end] as number] === values[order[start] as number]) end++;
    for (let i = start; i < end; i++) ranks[order[i] as number] = (start + 1 + end) / 2;
    start = end;
  }
  return ranks;
}

export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] as number;
  return sum / values.length;
}

function variance(values: Float64Array): number {
  const centre = mean(values);
  let sum = 0;
  for (const value of values) sum += (value - centre) ** 2;
  return sum / (values.length - 1);
}
