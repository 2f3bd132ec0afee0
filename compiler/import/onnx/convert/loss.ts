/** Losses of classifiers. */
import { elementCount } from '../../../../ir/tensor/types.ts';
import type { Converter, Converters, NodeContext } from '../node.ts';
import type { Value } from '../values.ts';
import { widened } from './arithmetic.ts';

const REDUCTIONS = ['mean', 'sum', 'none'] as const;

/** Scores [n, c, ..] of logarithms, targets [n, ..]. */
function negativeLikelihood(node: NodeContext, scores: Value, target: Value, weight: Value | undefined): Value {
  const { ops, attributes } = node;
  const reduction = attributes.choice('reduction', REDUCTIONS, 'mean');
  const ignored = attributes.has('ignore_index') ? attributes.int('ignore_index', 0) : undefined;
  const labels = widened(node, target);
  const classes = ops.reshape(labels, labels.type.shape.toSpliced(1, 0, 1));
  const isIgnored = ignored === undefined ? undefined : ops.compare('equal', labels, ops.i32(ignored));
  const ignoredRow = isIgnored && ops.reshape(isIgnored, classes.type.shape);
  const places = ignoredRow === undefined ? classes : ops.select(ignoredRow, ops.i32(0), classes);
  const chosen = ops.one('gather_elements', [scores, places], { axis: 1 }, 'f32');
  const losses = ops.unary('neg', ops.reshape(chosen, labels.type.shape));
  const factors = weight === undefined ? undefined : ops.gather(weight, ops.reshape(places, labels.type.shape), 0);
  const kept = (value: Value) => (isIgnored === undefined ? value : ops.select(isIgnored, ops.f32(0), value));
  const weighted = kept(factors === undefined ? losses : ops.mul(losses, factors));
  if (reduction === 'none') return weighted;
  const axes = labels.type.shape.map((_, axis) => axis);
  const sum = ops.reduce('sum', weighted, axes, false);
  if (reduction === 'sum') return sum;
  if (factors === undefined && isIgnored === undefined) return ops.div(sum, ops.f32(elementCount(labels.type.shape)));
  const shares = kept(factors ?? ops.f32(1, labels.type.shape));
  return ops.div(sum, ops.reduce('sum', shares, axes, false));
}

const negativeLogLikelihoodLoss: Converter = (node) =>
  negativeLikelihood(node, node.input(0), node.input(1), node.optional(2));

const softmaxCrossEntropyLoss: Converter = (node) => {
  const { ops } = node;
  const scores = node.input(0);
  const last = scores.type.shape.length - 1;
  const rows = ops.one('log_softmax', [ops.moveAxis(scores, 1, last)], {});
  const logs = ops.moveAxis(rows, last, 1);
  return [negativeLikelihood(node, logs, node.input(1), node.optional(2)), logs];
};

export const LOSS: Converters = {
  NegativeLogLikelihoodLoss: negativeLogLikelihoodLoss,
  SoftmaxCrossEntropyLoss: softmaxCrossEntropyLoss,
};
