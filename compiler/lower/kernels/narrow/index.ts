/** Kernels for small cores without vectors or dual multiplies: Cortex-M0+, M3 and RV32. */
import type { OpName } from '../../../../ir/tensor/ops/index.ts';
import type { Kernel } from '../../kernel.ts';
import { NARROW_CONV_KERNELS } from './conv.ts';
import { NARROW_DEPTHWISE_KERNELS } from './depthwise.ts';
import { NARROW_MATMUL_KERNELS } from './matmul.ts';
import { NARROW_MUL_KERNELS } from './mul.ts';

export const NARROW_KERNELS: { readonly [K in OpName]?: readonly Kernel<K>[] } = {
  ...NARROW_CONV_KERNELS,
  ...NARROW_DEPTHWISE_KERNELS,
  ...NARROW_MATMUL_KERNELS,
  ...NARROW_MUL_KERNELS,
};
