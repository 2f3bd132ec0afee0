import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { timesSymmetric, upperFactor, upperInverse } from '../../../compiler/compress/round/matrix.ts';
import {
  adaround,
  better,
  gptq,
  nearest,
  type Rounding,
  roundingErrors,
} from '../../../compiler/compress/round/rounders.ts';
import { Random } from '../../support/random.ts';
import { normal, normals } from '../support.ts';

const suite = makeSuite('rounders');

/** Weights in steps, and moments of inputs that go together: a few causes, each in all inputs. */
function correlated(seed: number, rows: number, depth: number, causes: number, most = 7): Rounding {
  const r = new Random(seed);
  const mix = normals(r, depth * causes);
  const moments = { count: 500, sums: new Float64Array(depth), products: new Float64Array(depth * depth) };
  for (let n = 0; n < moments.count; n++) {
    const cause = normals(r, causes);
    const x = Array.from({ length: depth }, (_, i) => {
      let sum = 0.1 * normal(r);
      for (let c = 0; c < causes; c++) sum += mix[i * causes + c] * cause[c];
      return sum;
    });
    for (let i = 0; i < depth; i++) for (let j = 0; j < depth; j++) moments.products[i * depth + j] += x[i] * x[j];
  }
  return { steps: Float64Array.from(normals(r, rows * depth, most / 3)), most, depth, moments };
}

const total = (errors: Float64Array) => errors.reduce((sum, error) => sum + error, 0);

suite('the factor of a matrix gives it back, and the inverse undoes it', () => {
  const { moments, depth } = correlated(1, 1, 12, 5);
  const r = upperFactor(moments.products, depth);
  const inverse = upperInverse(r, depth);
  for (let i = 0; i < depth; i++) {
    for (let j = 0; j < depth; j++) {
      let [product, unit] = [0, 0];
      for (let k = 0; k < depth; k++) {
        product += r[i * depth + k] * r[j * depth + k];
        unit += r[i * depth + k] * inverse[k * depth + j];
      }
      assert.ok(Math.abs(product - moments.products[i * depth + j]) < 1e-8 * moments.products[0]);
      assert.ok(Math.abs(unit - (i === j ? 1 : 0)) < 1e-9, `${i},${j}: ${unit}`);
      if (j < i) assert.is(r[i * depth + j], 0);
    }
  }
});

suite('the errors are those of the sums themselves', () => {
  const inputs = [Float64Array.of(1, 2, -1), Float64Array.of(0, 3, 0.5)];
  const products = new Float64Array(9);
  for (const x of inputs) for (let i = 0; i < 3; i++) for (let j = 0; j < 3; j++) products[i * 3 + j] += x[i] * x[j];
  const rounding: Rounding = {
    steps: Float64Array.of(0.4, -1.3, 2.2),
    most: 7,
    depth: 3,
    moments: { count: 2, sums: new Float64Array(3), products },
  };
  const integers = Float64Array.of(1, -1, 2);
  // Errors 0.6, 0.3, -0.2: of the sums 1.4 and 0.8.
  assert.ok(Math.abs(roundingErrors(rounding, integers)[0] - (1.4 ** 2 + 0.8 ** 2) / 2) < 1e-12);
  assert.equal(nearest(rounding), Float64Array.of(0, -1, 2));
  assert.equal(timesSymmetric(Float64Array.of(0, 1, 0), products, 3), products.slice(3, 6));
});

for (const [name, round] of [
  ['gptq', (rounding: Rounding) => gptq(rounding, 0.01)],
  ['adaround', (rounding: Rounding) => adaround(rounding, 400)],
] as const) {
  suite(`${name} halves the error of correlated inputs`, () => {
    for (const seed of [1, 2, 3]) {
      const rounding = correlated(seed, 8, 24, 6);
      const [plain, learned] = [nearest(rounding), round(rounding)].map((q) => total(roundingErrors(rounding, q)));
      assert.ok(learned < 0.5 * plain, `seed ${seed}: ${plain} to ${learned}`);
    }
  });

  suite(`${name} gives integers of the grid, the same each time`, () => {
    const rounding = correlated(4, 3, 10, 3, 1);
    const integers = round(rounding);
    assert.ok(integers.every((q) => Number.isInteger(q) && Math.abs(q) <= 1));
    assert.equal(round(rounding), integers);
  });

  suite(`${name} stays finite where inputs are always 0`, () => {
    const rounding = correlated(5, 2, 6, 2);
    for (let i = 0; i < 6; i++) rounding.moments.products[2 * 6 + i] = rounding.moments.products[i * 6 + 2] = 0;
    assert.ok(round(rounding).every(Number.isInteger));
    rounding.moments.products.fill(0);
    assert.equal(better(rounding, nearest(rounding), round(rounding)), nearest(rounding));
  });
}

suite('nothing beats nearest where inputs have nothing to do with each other', () => {
  const rounding = correlated(6, 4, 8, 1);
  for (let i = 0; i < 8; i++) {
    for (let j = 0; j < 8; j++) rounding.moments.products[i * 8 + j] = i === j ? 500 : 0;
  }
  assert.equal(gptq(rounding, 0.01), nearest(rounding));
  assert.equal(adaround(rounding, 400), nearest(rounding));
});

suite.run();
