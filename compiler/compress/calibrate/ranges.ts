/** From statistics of a value to the range that its integers cover. */
import { z } from 'zod';
import { type Grid, onGrid, type Range } from '../quantize/grid.ts';
import { BINS, type Histogram } from './histogram.ts';
import type { ValueStatistics } from './statistics.ts';

/**
 * - `min-max`: everything that was seen. Krishnamoorthi 2018, "Quantizing deep convolutional networks for efficient
 *   inference", section 3.1.
 * - `moving-average`: exponential averages of the samples' ranges. Jacob et al. 2018, section 3.1.
 * - `percentile`: leaves out (1 - percentile) of the values, half at each end. Wu et al. 2020, "Integer Quantization for
 *   Deep Learning Inference", section 5.1.
 * - `mse`: least mean square error over the histogram, clipping included. Shin, Hwang, Sung 2016, "Fixed-Point Performance
 *   Analysis of Recurrent Neural Networks", section 3; Nagel et al. 2021, "A White Paper on Neural Network Quantization", 3.1.
 * - `kl`: least Kullback-Leibler divergence between histogram and quantized histogram. Migacz 2017, "8-bit Inference with
 *   TensorRT", GTC.
 */
export const rangeOptions = z.discriminatedUnion('method', [
  z.strictObject({ method: z.literal('min-max') }),
  z.strictObject({ method: z.literal('moving-average') }),
  z.strictObject({ method: z.literal('percentile'), percentile: z.number().min(0.5).max(1).default(0.9999) }),
  z.strictObject({ method: z.literal('mse') }),
  z.strictObject({ method: z.literal('kl') }),
]);
export type RangeOptions = z.infer<typeof rangeOptions>;

/** The range always holds 0. `gridFor` says what becomes of a range, for methods that compare grids. */
export function rangeOf(statistics: ValueStatistics, options: RangeOptions, gridFor: (range: Range) => Grid): Range {
  const { min, max, averageMin, averageMax, histogram } = statistics;
  const seen = withZero(min, max);
  switch (options.method) {
    case 'min-max':
      return seen;
    case 'moving-average':
      return withZero(averageMin, averageMax);
    case 'percentile':
      return percentileRange(statistics, options.percentile);
    case 'mse':
      return leastErrorRange(histogram, seen, gridFor);
    case 'kl':
      return divergenceRange(histogram, seen, gridFor(seen));
  }
}

function withZero(low: number, high: number): Range {
  return { low: Math.min(low, 0), high: Math.max(high, 0) };
}

function percentileRange({ histogram, count, min, max }: ValueStatistics, percentile: number): Range {
  const allowed = ((1 - percentile) / 2) * count;
  let [low, high] = [0, BINS - 1];
  for (let below = histogram.counts[low]; low < BINS / 2 && below <= allowed; ) below += histogram.counts[++low];
  for (let above = histogram.counts[high]; high >= BINS / 2 && above <= allowed; ) above += histogram.counts[--high];
  return {
    low: low >= BINS / 2 ? 0 : Math.max(Math.min(min, 0), histogram.edge(low)),
    high: high < BINS / 2 ? 0 : Math.min(Math.max(max, 0), histogram.edge(high + 1)),
  };
}

/** The sum over the histogram of the squared distance to the grid. */
export function squaredError(histogram: Histogram, grid: Grid): number {
  let error = 0;
  for (let bin = 0; bin < BINS; bin++) {
    const count = histogram.counts[bin];
    if (count === 0) continue;
    const x = histogram.middle(bin);
    error += count * (onGrid(x, grid) - x) ** 2;
  }
  return error;
}

/** Parts of the range that are tried: first of both ends together, then of each end alone. */
const PARTS = Array.from({ length: 50 }, (_, i) => (50 - i) / 50);

function leastErrorRange(histogram: Histogram, seen: Range, gridFor: (range: Range) => Grid): Range {
  let best = seen;
  let least = Number.POSITIVE_INFINITY;
  const attempt = (range: Range) => {
    const error = squaredError(histogram, gridFor(range));
    if (error < least) [best, least] = [range, error];
  };
  for (const part of PARTS) attempt({ low: seen.low * part, high: seen.high * part });
  for (const part of PARTS) attempt({ low: seen.low * part, high: best.high });
  for (const part of PARTS) attempt({ low: best.low, high: seen.high * part });
  return best;
}

/** What a bin counts as where the quantized distribution has nothing and the original has something. */
const LEAST_PROBABILITY = 1e-4;

/**
 * Migacz's search on magnitudes: the threshold for which the clipped distribution differs least from itself quantized to
 * the grid's levels. Values of both signs share a threshold. Exact zeros take no part. Fewer values than bins are no
 * distribution: their range is what was seen.
 */
function divergenceRange(histogram: Histogram, seen: Range, grid: Grid): Range {
  const half = BINS / 2;
  const magnitudes = new Float64Array(half);
  for (let i = 0; i < half; i++) magnitudes[i] = histogram.counts[half + i] + histogram.counts[half - 1 - i];
  const largest = Math.max(-seen.low, seen.high);
  const levels = Math.max(1, Math.floor(largest / grid.scale));
  const used = Math.min(half, Math.floor(largest / histogram.width) + 1);
  if (magnitudes.reduce((sum, count) => sum + count, 0) < used) return seen;
  let best = used;
  let least = Number.POSITIVE_INFINITY;
  for (let bins = Math.min(levels, used); bins <= used; bins++) {
    const divergence = clippedDivergence(magnitudes, bins, used, levels);
    if (divergence < least) [best, least] = [bins, divergence];
  }
  const threshold = best * histogram.width;
  return { low: Math.max(seen.low, -threshold), high: Math.min(seen.high, threshold) };
}

/** KL divergence of the first `bins` bins, the rest added to the last, from themselves averaged over `levels` levels. */
function clippedDivergence(counts: Float64Array, bins: number, used: number, levels: number): number {
  let total = 0;
  for (let i = 0; i < used; i++) total += counts[i];
  let inside = 0;
  for (let i = 0; i < bins; i++) inside += counts[i];
  if (inside === 0) return Number.POSITIVE_INFINITY;
  let divergence = 0;
  for (let level = 0; level < levels; level++) {
    const start = Math.floor((level * bins) / levels);
    const end = Math.floor(((level + 1) * bins) / levels);
    let sum = 0;
    let filled = 0;
    for (let i = start; i < end; i++) {
      sum += counts[i];
      if (counts[i] > 0) filled++;
    }
    for (let i = start; i < end; i++) {
      const p = (counts[i] + (i === bins - 1 ? total - inside : 0)) / total;
      if (p === 0) continue;
      const q = counts[i] > 0 ? sum / filled / inside : LEAST_PROBABILITY;
      divergence += p * Math.log(p / q);
    }
  }
  return divergence;
}
