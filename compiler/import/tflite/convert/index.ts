/** The converter of every supported operator; one without a converter does not compile. */
import type { SupportedOperator } from '../opcodes.ts';
import { BINARY_CONVERTERS } from './binary.ts';
import { COMPARE_CONVERTERS } from './compare.ts';
import type { Converter } from './context.ts';
import { CONTROL_CONVERTERS } from './control.ts';
import { CONV_CONVERTERS } from './conv.ts';
import { DENSIFY_CONVERTERS } from './densify.ts';
import { MATMUL_CONVERTERS } from './matmul.ts';
import { MOVEMENT_CONVERTERS } from './movement.ts';
import { POOL_CONVERTERS } from './pool.ts';
import { QUANT_CONVERTERS } from './quant.ts';
import { RECURRENT_CONVERTERS } from './recurrent.ts';
import { REDUCE_CONVERTERS } from './reduce.ts';
import { RESIZE_CONVERTERS } from './resize.ts';
import { SOFTMAX_CONVERTERS } from './softmax.ts';
import { UNARY_CONVERTERS } from './unary.ts';

export const CONVERTERS: { readonly [K in SupportedOperator]: Converter } = {
  ...CONV_CONVERTERS,
  ...MATMUL_CONVERTERS,
  ...BINARY_CONVERTERS,
  ...COMPARE_CONVERTERS,
  ...UNARY_CONVERTERS,
  ...SOFTMAX_CONVERTERS,
  ...POOL_CONVERTERS,
  ...REDUCE_CONVERTERS,
  ...MOVEMENT_CONVERTERS,
  ...RESIZE_CONVERTERS,
  ...QUANT_CONVERTERS,
  ...DENSIFY_CONVERTERS,
  ...RECURRENT_CONVERTERS,
  ...CONTROL_CONVERTERS,
};
