/** Metrics over the answers of a model. What is kept of each answer is a number or two, so any number of samples will do. */
import { DataError } from '../data/error.ts';
import { bootstrap, delong, type Interval, mean, wilson } from './intervals.ts';

export const METRIC_NAMES = ['top1', 'top5', 'topk', 'auc', 'f1', 'mse', 'psnr'] as const;
export type MetricName = (typeof METRIC_NAMES)[number];

export interface MetricOptions {
  /** Of topk. */
  readonly k: number;
  /** Of psnr: the largest value there can be. */
  readonly peak: number;
  /** Of the bootstrap. */
  readonly seed: number;
}

export interface Score {
  /** `top1`, `macro F1`, `AUC`. */
  readonly name: string;
  readonly value: number;
  readonly interval: Interval;
  /** A share of 1, to be shown in percent; decibels; or neither. */
  readonly unit: 'share' | 'dB' | undefined;
  readonly count: number;
}

/** One output of the model, as real numbers, and the sample's label. */
export interface Answer {
  /** Of the sample, for messages. */
  readonly name: string;
  readonly output: Float64Array;
  /** The output is one integer that is the number of a class (an arg_max at the end of the model). */
  readonly isClass: boolean;
  readonly label: Float64Array;
}

export interface Metric {
  /** Throws DataError naming the sample when output and label do not belong together. */
  add(answer: Answer): void;
  /** Of at least one answer. Throws DataError when they do not suffice. */
  score(): Score;
}

const METRICS: Readonly<Record<MetricName, (options: MetricOptions) => Metric>> = {
  top1: () => topK('top1', 1),
  top5: () => topK('top5', 5),
  topk: ({ k }) => topK(`top${k}`, k),
  auc: areaUnderCurve,
  f1: f1Score,
  mse: (options) => perSample('MSE', undefined, options, meanSquaredError),
  psnr: (options) =>
    perSample('PSNR', 'dB', options, (answer) => 10 * Math.log10(options.peak ** 2 / meanSquaredError(answer))),
};

export function makeMetric(name: MetricName, options: MetricOptions): Metric {
  return METRICS[name](options);
}

/** The share of samples whose class has one of the k largest outputs; of equal outputs the first counts as larger. */
function topK(name: string, k: number): Metric {
  let [hits, count] = [0, 0];
  return {
    add(answer) {
      count++;
      if (answer.isClass ? answer.output[0] === classOf(answer, undefined) : rankOf(answer) < k) hits++;
    },
    score: () => ({ name, value: hits / count, interval: wilson(hits, count), unit: 'share', count }),
  };
}

/** How many outputs come before that of the sample's class. NaN comes after all. */
function rankOf(answer: Answer): number {
  const { output } = answer;
  if (output.length < 2) {
    throw answerFault(answer, 'an output of two or more classes', `${output.length}`, 'use --metric f1 or auc');
  }
  const own = classOf(answer, output.length);
  const score = output[own] as number;
  if (Number.isNaN(score)) return output.length;
  let before = 0;
  for (let i = 0; i < output.length; i++) {
    const other = output[i] as number;
    if (other > score || (other === score && i < own)) before++;
  }
  return before;
}

/** A label of one number is a class; one of as many numbers as classes has its largest at the class. */
function classOf(answer: Answer, classes: number | undefined): number {
  const { label } = answer;
  const own = label.length === classes && label.length > 1 ? largest(label) : (label[0] as number);
  const isKnown = Number.isInteger(own) && own >= 0 && (classes === undefined || own < classes);
  if (isKnown && (label.length === 1 || label.length === classes)) return own;
  const expected = `a label that is ${classes === undefined ? 'a class' : `one of ${classes} classes`}`;
  const found = label.length === 1 ? String(own) : `${label.length} numbers`;
  throw answerFault(answer, expected, found, 'check --labels, and --classes for the order of their names');
}

function largest(values: Float64Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] as number) > (values[best] as number)) best = i;
  return best;
}

/** Of two classes: the score is the only output, or the second of two less the first. */
function areaUnderCurve(): Metric {
  const scores: [number[], number[]] = [[], []];
  return {
    add(answer) {
      const { output } = answer;
      if (output.length > 2 || answer.isClass) {
        throw answerFault(answer, 'an output of one score, or of two classes', `${output.length}`, 'use --metric f1');
      }
      const score = output.length === 1 ? (output[0] as number) : (output[1] as number) - (output[0] as number);
      if (Number.isNaN(score)) throw answerFault(answer, 'a score', 'NaN', 'the model has failed on this sample');
      scores[classOf(answer, 2) as 0 | 1].push(score);
    },
    score() {
      const [negatives, positives] = scores;
      if (negatives.length === 0 || positives.length === 0) {
        const found = `${negatives.length} and ${positives.length}`;
        throw new DataError({ file: 'labels', expected: 'samples of class 0 and of class 1', found });
      }
      const { value, ...interval } = delong(positives, negatives);
      return { name: 'AUC', value, interval, unit: undefined, count: negatives.length + positives.length };
    },
  };
}

/**
 * 2 TP / (2 TP + FP + FN). With one output (above 1/2 is class 1) or two: that of class 1. With more, or where the model
 * gives the class itself: the mean over all classes that occur among labels or answers.
 */
function f1Score({ seed }: MetricOptions): Metric {
  const truths: number[] = [];
  const answers: number[] = [];
  let isBinary = true;
  return {
    add(answer) {
      const { output, isClass } = answer;
      isBinary = !isClass && output.length <= 2;
      truths.push(classOf(answer, isClass ? undefined : Math.max(2, output.length)));
      const only = output[0] as number;
      answers.push(isClass ? only : output.length === 1 ? Number(only > 0.5) : largest(output));
    },
    score() {
      const count = truths.length;
      const classes = isBinary ? [1] : [...new Set([...truths, ...answers])].sort((a, b) => a - b);
      const of = (indices: Iterable<number>) => meanF1(truths, answers, indices, classes);
      const name = isBinary ? 'F1 of class 1' : 'macro F1';
      return { name, value: of(truths.keys()), interval: bootstrap(count, of, seed), unit: undefined, count };
    },
  };
}

/** The mean over those of the classes that the indexed samples have; 0 where they have none. */
function meanF1(
  truths: readonly number[],
  answers: readonly number[],
  indices: Iterable<number>,
  classes: readonly number[],
): number {
  const places = new Map(classes.map((name, place) => [name, place]));
  const [right, given, asked] = [0, 0, 0].map(() => new Uint32Array(classes.length)) as [
    Uint32Array,
    Uint32Array,
    Uint32Array,
  ];
  for (const i of indices) {
    const [truth, answer] = [places.get(truths[i] as number), places.get(answers[i] as number)];
    if (truth !== undefined) asked[truth]!++;
    if (answer !== undefined) given[answer]!++;
    if (truth !== undefined && truth === answer) right[truth]!++;
  }
  const scores = classes.flatMap((_, place) => {
    const total = (given[place] as number) + (asked[place] as number);
    return total === 0 ? [] : [(2 * (right[place] as number)) / total];
  });
  return scores.length === 0 ? 0 : mean(scores);
}

/** The mean of a number for each sample. */
function perSample(
  name: string,
  unit: Score['unit'],
  { seed }: MetricOptions,
  numberOf: (answer: Answer) => number,
): Metric {
  const values: number[] = [];
  return {
    add(answer) {
      values.push(numberOf(answer));
    },
    score() {
      const of = (indices: Uint32Array) => {
        let sum = 0;
        for (const i of indices) sum += values[i] as number;
        return sum / indices.length;
      };
      const interval = bootstrap(values.length, of, seed);
      return { name, value: mean(values), interval, unit, count: values.length };
    },
  };
}

function meanSquaredError(answer: Answer): number {
  const { output, label } = answer;
  if (output.length !== label.length) {
    const expected = `a label of ${output.length} numbers, as many as the output has`;
    throw answerFault(answer, expected, `${label.length}`, 'check --labels, or name another output with --output');
  }
  let sum = 0;
  for (let i = 0; i < output.length; i++) sum += ((output[i] as number) - (label[i] as number)) ** 2;
  return sum / output.length;
}

function answerFault({ name }: Answer, expected: string, found: string, advice: string): DataError {
  return new DataError({ file: name, expected, found, advice });
}
