/** Functions of one element. */
import type { UnaryOp } from '../../../../ir/tensor/ops/unary.ts';
import type { Converter, Converters } from './context.ts';

type Plain = Exclude<UnaryOp, 'leaky_relu' | 'elu'>;

function plain(op: Plain): Converter {
  return (context) => context.output(op, [context.input(0, 'the tensor').value], {});
}

export const UNARY_CONVERTERS = {
  RELU: plain('relu'),
  RELU6: plain('relu6'),
  RELU_N1_TO_1: plain('relu_n1_to_1'),
  LEAKY_RELU: (context) => {
    const { alpha } = context.options('LeakyReluOptions');
    context.output('leaky_relu', [context.input(0, 'the tensor').value], { alpha });
  },
  PRELU: (context) => {
    const x = context.input(0, 'the tensor');
    const alpha = context.input(1, 'the slopes');
    context.output('prelu', [x.value, alpha.value], {});
  },
  ELU: (context) => context.output('elu', [context.input(0, 'the tensor').value], {}),
  HARD_SWISH: plain('hard_swish'),
  LOGISTIC: plain('logistic'),
  TANH: plain('tanh'),
  EXP: plain('exp'),
  LOG: plain('log'),
  SQRT: plain('sqrt'),
  RSQRT: plain('rsqrt'),
  SQUARE: plain('square'),
  ABS: plain('abs'),
  NEG: plain('neg'),
  SIN: plain('sin'),
  COS: plain('cos'),
  FLOOR: plain('floor'),
  CEIL: plain('ceil'),
  ROUND: plain('round'),
  LOGICAL_NOT: plain('logical_not'),
} satisfies Converters;
