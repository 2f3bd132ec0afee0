/** Operators over the rows of the innermost dimension. */
import type { ConvertContext, Converters } from './context.ts';

function softmax(context: ConvertContext): void {
  context.output('softmax', [context.input(0, 'the logits').value], { beta: context.options('SoftmaxOptions').beta });
}

function logSoftmax(context: ConvertContext): void {
  context.output('log_softmax', [context.input(0, 'the logits').value], {});
}

function l2Normalization(context: ConvertContext): void {
  const fused = context.options('L2NormOptions').fused_activation_function;
  if (fused !== 'NONE') context.refuse('no fused activation', fused);
  context.output('l2_normalization', [context.input(0, 'the vectors').value], {});
}

export const SOFTMAX_CONVERTERS = {
  SOFTMAX: softmax,
  LOG_SOFTMAX: logSoftmax,
  L2_NORMALIZATION: l2Normalization,
} satisfies Converters;
