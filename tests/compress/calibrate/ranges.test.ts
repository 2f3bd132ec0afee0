import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { type RangeOptions, rangeOf, rangeOptions } from '../../../compiler/compress/calibrate/ranges.ts';
import { ValueStatistics } from '../../../compiler/compress/calibrate/statistics.ts';
import { activationGrid, onGrid, type Range } from '../../../compiler/compress/quantize/grid.ts';
import { Random } from '../../support/random.ts';
import { normals } from '../support.ts';

const suite = makeSuite('ranges');

const gridFor = (range: Range) => activationGrid(range, { dtype: 'i8', symmetric: false, powerOfTwo: false });

function statisticsOf(...samples: ArrayLike<number>[]): ValueStatistics {
  const statistics = new ValueStatistics();
  for (const sample of samples) statistics.add(sample);
  return statistics;
}

function range(statistics: ValueStatistics, given: { method: RangeOptions['method']; percentile?: number }): Range {
  return rangeOf(statistics, rangeOptions.parse(given), gridFor);
}

/** Mean square error of the values themselves, not of their histogram. */
function errorOf(values: ArrayLike<number>, { low, high }: Range): number {
  const grid = gridFor({ low, high });
  return Array.from(values, (x) => (onGrid(x, grid) - x) ** 2).reduce((sum, e) => sum + e, 0) / values.length;
}

suite('min-max takes all that was seen, and 0', () => {
  assert.equal(range(statisticsOf([1, 2], [0.5, 7]), { method: 'min-max' }), { low: 0, high: 7 });
  assert.equal(range(statisticsOf([-3, -2]), { method: 'min-max' }), { low: -3, high: 0 });
});

suite('the moving average weighs a sample by 0.1 and those before by 0.9', () => {
  const { low, high } = range(statisticsOf([-1, 1], [-2, 11], [-1, 1]), { method: 'moving-average' });
  // 1; 0.9 * 1 + 0.1 * 11 = 2; 0.9 * 2 + 0.1 * 1 = 1.9, and as much below.
  assert.ok(Math.abs(high - 1.9) < 1e-12);
  assert.ok(Math.abs(low - -1.09) < 1e-12);
});

suite('a percentile leaves out its share at each end', () => {
  const values = Float32Array.from({ length: 10000 }, (_, i) => (i - 5000) / 5000);
  const { low, high } = range(statisticsOf(values), { method: 'percentile', percentile: 0.9 });
  assert.ok(Math.abs(low - -0.9) < 0.002, `${low}`);
  assert.ok(Math.abs(high - 0.9) < 0.002, `${high}`);
  assert.equal(range(statisticsOf([0, 5]), { method: 'percentile', percentile: 1 }), { low: 0, high: 5 });
});

suite('mse gives a smaller error than min-max where there are outliers, and never a larger one', () => {
  // Clipping one of 200,000 values from 6 to 4.8 costs 1.2^2 / 200000 = 7e-6; steps of 9.3 instead of 10.5 / 255 gain 3e-5.
  const values = normals(new Random(3), 200000);
  values[17] = 6;
  const statistics = statisticsOf(values);
  const whole = range(statistics, { method: 'min-max' });
  const best = range(statistics, { method: 'mse' });
  assert.ok(best.high < 5.5, `${best.high}`);
  assert.ok(errorOf(values, best) < 0.9 * errorOf(values, whole));
  // The same value among 1,000 is worth its range.
  const few = values.slice(0, 1000);
  const kept = range(statisticsOf(few), { method: 'mse' });
  assert.ok(errorOf(few, kept) <= 1.01 * errorOf(few, range(statisticsOf(few), { method: 'min-max' })));
  assert.ok(kept.high > 5.5, `${kept.high}`);
});

suite('kl clips a long thin tail and leaves a uniform distribution whole', () => {
  const values = normals(new Random(5), 50000);
  for (let i = 0; i < 5; i++) values[i] = 30 + i;
  const clipped = range(statisticsOf(values), { method: 'kl' });
  assert.ok(clipped.high < 10, `${clipped.high}`);
  assert.ok(clipped.high > 2, `${clipped.high}`);
  const uniform = Float32Array.from({ length: 50000 }, (_, i) => (i + 0.5) / 50000);
  assert.ok(range(statisticsOf(uniform), { method: 'kl' }).high > 0.98);
});

suite('a value that is always 0 has the empty range', () => {
  for (const method of ['min-max', 'moving-average', 'percentile', 'mse', 'kl'] as const) {
    const { low, high } = range(statisticsOf([0, 0, 0]), { method });
    assert.ok(low + 0 === 0 && high + 0 === 0, method);
  }
});

suite.run();
