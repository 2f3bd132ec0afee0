/**
 * A histogram of a stream of floats in constant memory. It covers [-limit, limit) with limit a power of two that doubles when
 * a value lies outside, neighbours being merged in pairs. Bins have dyadic edges, so the counts are those that one pass
 * with the final limit would have given: the order of the stream and the places where it was cut do not matter.
 */

/** Bins over both signs; values of one sign still get half of them, eight for each step of 8 bits. */
export const BINS = 4096;
const HALF = BINS / 2;
/** The smallest limit: bins keep a width that is a normal f32. */
const LEAST_LIMIT = 2 ** -100;

/** Plain data, to be stored as JSON. */
export interface HistogramState {
  readonly limit: number;
  /** Values that are exactly 0, which every quantization represents exactly; they are in no bin. */
  readonly zeros: number;
  /** Pairs of bin and count, for bins that are not empty. */
  readonly counts: readonly (readonly [bin: number, count: number])[];
}

export class Histogram {
  limit = LEAST_LIMIT;
  zeros = 0;
  readonly counts = new Float64Array(BINS);

  /** All values are finite. */
  add(values: ArrayLike<number>): void {
    let largest = 0;
    for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]));
    this.cover(largest);
    const perUnit = HALF / this.limit;
    for (let i = 0; i < values.length; i++) {
      if (values[i] === 0) this.zeros++;
      else this.counts[HALF + Math.floor(values[i] * perUnit)]++;
    }
  }

  /** Doubles the limit until it is above `magnitude`; 2^n bins become one for n doublings. */
  private cover(magnitude: number): void {
    let doublings = 0;
    for (; magnitude >= this.limit; doublings++) this.limit *= 2;
    if (doublings === 0) return;
    const merged = new Float64Array(BINS);
    this.counts.forEach((count, bin) => {
      merged[HALF + Math.floor((bin - HALF) / 2 ** doublings)] += count;
    });
    this.counts.set(merged);
  }

  get width(): number {
    return this.limit / HALF;
  }

  /** The lower edge of a bin. */
  edge(bin: number): number {
    return (bin - HALF) * this.width;
  }

  /** The middle of a bin, which stands for its values. */
  middle(bin: number): number {
    return (bin - HALF + 0.5) * this.width;
  }

  state(): HistogramState {
    const counts: [number, number][] = [];
    this.counts.forEach((count, bin) => {
      if (count > 0) counts.push([bin, count]);
    });
    return { limit: this.limit, zeros: this.zeros, counts };
  }

  static of({ limit, zeros, counts }: HistogramState): Histogram {
    const histogram = new Histogram();
    histogram.limit = limit;
    histogram.zeros = zeros;
    for (const [bin, count] of counts) histogram.counts[bin] = count;
    return histogram;
  }
}
