/** Metrics on answers small enough to judge by hand. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Answer, type MetricName, makeMetric } from '../../compiler/metrics/metric.ts';
import { messageOf } from '../data/writers.ts';

const test = suite('metric');
const OPTIONS = { k: 2, peak: 255, seed: 1 };
type Pair = readonly [output: readonly number[], label: number | readonly number[]];

function scoreOf(name: MetricName, pairs: readonly Pair[], isClass = false) {
  const metric = makeMetric(name, OPTIONS);
  pairs.forEach(([output, label], i) => {
    const own = Float64Array.from(typeof label === 'number' ? [label] : label);
    metric.add({ name: `sample ${i}`, output: Float64Array.from(output), isClass, label: own } satisfies Answer);
  });
  return metric.score();
}
const numberOf = (name: MetricName, pairs: readonly Pair[], isClass = false) => scoreOf(name, pairs, isClass).value;

test('top-k: of equal outputs the first is larger, NaN is never right', () => {
  const pairs: readonly Pair[] = [
    [[1, 3, 2], 1],
    [[1, 3, 2], 2],
    [[5, 5, 0], 0],
    [[5, 5, 0], 1],
  ];
  assert.is(numberOf('top1', pairs), 0.5);
  assert.is(numberOf('topk', pairs), 1);
  assert.is(scoreOf('topk', pairs).name, 'top2');
  assert.is(numberOf('top1', [[[Number.NaN, 0], 0]]), 0);
  assert.is(numberOf('top1', [[[Number.NaN, 0], 1]]), 1);
  assert.is(scoreOf('top1', pairs).interval.method, 'Wilson');
});

test('labels may be one-hot; models may give the class itself', () => {
  assert.is(
    numberOf('top1', [
      [
        [1, 3, 2],
        [0, 1, 0],
      ],
    ]),
    1,
  );
  assert.is(
    numberOf(
      'top1',
      [
        [[7], 7],
        [[7], 3],
      ],
      true,
    ),
    0.5,
  );
});

test('AUC: one score, or the second of two less the first', () => {
  const one: readonly Pair[] = [
    [[0.1], 0],
    [[0.4], 0],
    [[0.35], 1],
    [[0.8], 1],
  ];
  // The example of scikit-learn's roc_auc_score.
  assert.is(numberOf('auc', one), 0.75);
  assert.is(
    numberOf(
      'auc',
      one.map(([[score], label]): Pair => [[-(score as number) / 2, (score as number) / 2], label]),
    ),
    0.75,
  );
});

test('F1: macro over many classes, of class 1 over two', () => {
  const truths = [0, 1, 2, 0, 1, 2];
  const answers = [0, 2, 1, 0, 0, 1];
  const oneHot = (at: number) => [0, 1, 2].map((i) => Number(i === at));
  // The example of scikit-learn's f1_score: 0.26..., the mean of 0.8, 0 and 0.
  const score = scoreOf(
    'f1',
    truths.map((truth, i): Pair => [oneHot(answers[i] as number), truth]),
  );
  assert.is(score.value.toFixed(12), (0.8 / 3).toFixed(12));
  assert.is(score.name, 'macro F1');
  // Two right, one missed, one false alarm.
  const binary: readonly Pair[] = [
    [[0.9], 1],
    [[0.6], 1],
    [[0.5], 1],
    [[0.7], 0],
    [[0.1], 0],
  ];
  assert.is(scoreOf('f1', binary).name, 'F1 of class 1');
  assert.is(numberOf('f1', binary).toFixed(12), (4 / 6).toFixed(12));
});

test('MSE and PSNR: the mean over samples', () => {
  const pairs: readonly Pair[] = [
    [
      [1, 2],
      [1, 4],
    ],
    [
      [0, 0],
      [4, 0],
    ],
  ];
  assert.is(numberOf('mse', pairs), (2 + 8) / 2);
  const expected = (10 * Math.log10(255 ** 2 / 2) + 10 * Math.log10(255 ** 2 / 8)) / 2;
  assert.is(numberOf('psnr', pairs).toFixed(9), expected.toFixed(9));
  assert.is(numberOf('psnr', [[[1], [1]]]), Number.POSITIVE_INFINITY);
});

test('answers and labels that do not belong together are refused with what to do', async () => {
  const refusal = (name: MetricName, ...pairs: Pair[]) => messageOf(() => scoreOf(name, pairs));
  assert.match(
    await refusal('top1', [[1, 2], 2]),
    /^sample 0\n {2}expected a label that is one of 2 classes, found 2\n {2}check/,
  );
  assert.match(await refusal('top1', [[1, 2], 0.5]), /found 0\.5/);
  assert.match(
    await refusal('top1', [
      [1, 2],
      [1, 0, 0],
    ]),
    /found 3 numbers/,
  );
  assert.match(await refusal('top1', [[1], 0]), /two or more classes, found 1\n {2}use --metric f1 or auc/);
  assert.match(await refusal('auc', [[1, 2, 3], 0]), /one score, or of two classes, found 3/);
  assert.match(await refusal('auc', [[1], 1]), /samples of class 0 and of class 1, found 0 and 1/);
  assert.match(await refusal('auc', [[Number.NaN], 1]), /expected a score, found NaN/);
  assert.match(await refusal('mse', [[1, 2], [1]]), /a label of 2 numbers, as many as the output has, found 1/);
});

test.run();
