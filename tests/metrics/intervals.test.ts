/** Intervals against published figures, and against plain computations of the same definitions. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bootstrap, delong, mean, wilson } from '../../compiler/metrics/intervals.ts';
import { Random } from '../support/random.ts';

const test = suite('intervals');
const near = (found: number, expected: number, apart: number) =>
  assert.ok(Math.abs(found - expected) <= apart, `expected ${expected}, found ${found}`);

test('Wilson: the table of Newcombe (Statistics in Medicine 17, 1998), method 3', () => {
  const table = [
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ] as const;
  for (const [successes, count, low, high] of table) {
    const interval = wilson(successes, count);
    near(interval.low, low, 0.00005);
    near(interval.high, high, 0.00005);
  }
  assert.is(wilson(20, 20).high, 1);
});

/** The area and its variance by comparing every pair. */
function pairwise(positives: readonly number[], negatives: readonly number[]) {
  const win = (x: number, y: number) => (x > y ? 1 : x === y ? 0.5 : 0);
  const v10 = positives.map((x) => mean(negatives.map((y) => win(x, y))));
  const v01 = negatives.map((y) => mean(positives.map((x) => win(x, y))));
  const variance = (values: readonly number[]) => {
    return values.reduce((sum, value) => sum + (value - mean(values)) ** 2, 0) / (values.length - 1);
  };
  return { value: mean(v10), error: Math.sqrt(variance(v10) / v10.length + variance(v01) / v01.length) };
}

test('DeLong: as by comparing all pairs, ties too', () => {
  const random = new Random(1);
  for (let round = 0; round < 20; round++) {
    const draw = (count: number, shift: number) => Array.from({ length: count }, () => random.int(0, 9) + shift);
    const [positives, negatives] = [draw(random.int(2, 40), 2), draw(random.int(2, 40), 0)];
    const expected = pairwise(positives, negatives);
    const found = delong(positives, negatives);
    near(found.value, expected.value, 1e-12);
    near(found.low, Math.max(0, expected.value - 1.959964 * expected.error), 1e-6);
    near(found.high, Math.min(1, expected.value + 1.959964 * expected.error), 1e-6);
  }
  assert.equal(delong([1], [0, 0]), { value: 1, low: 0, high: 1, method: 'DeLong' });
});

test('bootstrap: near the normal interval of a mean, the same for the same seed', () => {
  const random = new Random(2);
  const values = Array.from({ length: 400 }, () => random.unit());
  const statistic = (indices: Uint32Array) => mean(Array.from(indices, (i) => values[i] as number));
  const { low, high, method } = bootstrap(values.length, statistic, 7);
  // The standard deviation of the uniform distribution is 1 / sqrt(12).
  const half = 1.96 / Math.sqrt(12 * values.length);
  near(low, mean(values) - half, half / 4);
  near(high, mean(values) + half, half / 4);
  assert.is(method, 'bootstrap, seed 7');
  assert.equal(bootstrap(values.length, statistic, 7), { low, high, method });
  assert.not.equal(bootstrap(values.length, statistic, 8).low, low);
});

test.run();
