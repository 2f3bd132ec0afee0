/** What calibration remembers of one float value of a graph: constant memory in the number of samples, storable as JSON. */
import { z } from 'zod';
import { BINS, Histogram } from './histogram.ts';

/**
 * The weight of what was seen before in the moving average of ranges: Jacob et al. 2018, "Quantization and Training of
 * Neural Networks for Efficient Integer-Arithmetic-Only Inference", section 3.1 ("close to 1" for steps of training; a
 * calibration has some hundred samples, not some hundred thousand).
 */
const MOMENTUM = 0.9;

const finite = z.number();

export const statisticsSchema = z.strictObject({
  samples: z.int().min(0),
  count: z.int().min(0),
  min: finite,
  max: finite,
  averageMin: finite,
  averageMax: finite,
  sum: finite,
  squares: finite,
  histogram: z.strictObject({
    limit: z.number().positive(),
    zeros: z.int().min(0),
    counts: z.array(
      z.tuple([
        z
          .int()
          .min(0)
          .max(BINS - 1),
        z.int().min(1),
      ]),
    ),
  }),
});
export type StatisticsState = z.infer<typeof statisticsSchema>;

export class ValueStatistics {
  samples = 0;
  count = 0;
  min = 0;
  max = 0;
  /** Exponential moving averages of the samples' ranges. */
  averageMin = 0;
  averageMax = 0;
  sum = 0;
  squares = 0;
  readonly histogram: Histogram;

  constructor(histogram = new Histogram()) {
    this.histogram = histogram;
  }

  /** All values of one sample; they are finite, and at least one. */
  add(values: ArrayLike<number>): void {
    let [low, high] = [values[0], values[0]];
    for (let i = 0; i < values.length; i++) {
      const x = values[i];
      if (x < low) low = x;
      if (x > high) high = x;
      this.sum += x;
      this.squares += x * x;
    }
    const isFirst = this.samples === 0;
    this.min = isFirst ? low : Math.min(this.min, low);
    this.max = isFirst ? high : Math.max(this.max, high);
    this.averageMin = isFirst ? low : MOMENTUM * this.averageMin + (1 - MOMENTUM) * low;
    this.averageMax = isFirst ? high : MOMENTUM * this.averageMax + (1 - MOMENTUM) * high;
    this.samples++;
    this.count += values.length;
    this.histogram.add(values);
  }

  get mean(): number {
    return this.sum / this.count;
  }

  /** Root of the mean square about the mean. */
  get deviation(): number {
    return Math.sqrt(Math.max(0, this.squares / this.count - this.mean ** 2));
  }

  state(): StatisticsState {
    const { samples, count, min, max, averageMin, averageMax, sum, squares } = this;
    const { limit, zeros, counts } = this.histogram.state();
    const bins = counts.map(([bin, seen]): [number, number] => [bin, seen]);
    return {
      samples,
      count,
      min,
      max,
      averageMin,
      averageMax,
      sum,
      squares,
      histogram: { limit, zeros, counts: bins },
    };
  }

  static of(state: StatisticsState): ValueStatistics {
    const { histogram, ...numbers } = state;
    return Object.assign(new ValueStatistics(Histogram.of(histogram)), numbers);
  }
}
