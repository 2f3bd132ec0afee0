/** The kernels of every op, best first; the last of each list does every node. An op without kernels does not compile. */
import type { OpName } from '../../../ir/tensor/ops/index.ts';
import type { Kernel } from '../kernel.ts';
import { BATCH_MATMUL_KERNELS } from './batch-matmul.ts';
import { BINARY_KERNELS } from './binary.ts';
import { COMPARE_KERNELS } from './compare.ts';
import { CONV_KERNELS } from './conv.ts';
import { MATMUL_KERNELS } from './matmul.ts';
import { MOVEMENT_KERNELS } from './movement.ts';
import { POOL_KERNELS } from './pool.ts';
import { QUANT_KERNELS } from './quant.ts';
import { RECURRENT_KERNELS } from './recurrent.ts';
import { REDUCE_KERNELS } from './reduce.ts';
import { RESIZE_KERNELS } from './resize.ts';
import { SOFTMAX_KERNELS } from './softmax.ts';
import { TRANSPOSE_CONV_KERNELS } from './transpose-conv.ts';
import { UNARY_KERNELS } from './unary.ts';

export const KERNELS: { readonly [K in OpName]: readonly Kernel<K>[] } = {
  ...CONV_KERNELS,
  ...TRANSPOSE_CONV_KERNELS,
  ...MATMUL_KERNELS,
  ...BATCH_MATMUL_KERNELS,
  ...BINARY_KERNELS,
  ...COMPARE_KERNELS,
  ...UNARY_KERNELS,
  ...SOFTMAX_KERNELS,
  ...POOL_KERNELS,
  ...REDUCE_KERNELS,
  ...MOVEMENT_KERNELS,
  ...RESIZE_KERNELS,
  ...QUANT_KERNELS,
  ...RECURRENT_KERNELS,
};

export function kernelsOf<K extends OpName>(op: K): readonly Kernel<K>[] {
  return KERNELS[op] as readonly Kernel<K>[];
}
