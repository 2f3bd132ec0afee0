/** Kernels for Helium: Cortex-M55. */
import type { OpName } from '../../../../ir/tensor/ops/index.ts';
import type { Kernel } from '../../kernel.ts';
import { MVE_CONV_KERNELS } from './conv.ts';
import { MVE_DEPTHWISE_KERNELS } from './depthwise.ts';
import { MVE_MATMUL_KERNELS } from './matmul.ts';
import { MVE_POOL_KERNELS } from './pool.ts';
import { MVE_PRODUCT_KERNELS } from './product-of-two.ts';
import { MVE_SUM_KERNELS } from './sum.ts';

export const MVE_KERNELS: { readonly [K in OpName]?: readonly Kernel<K>[] } = {
  conv2d: MVE_CONV_KERNELS,
  depthwise_conv2d: MVE_DEPTHWISE_KERNELS,
  fully_connected: MVE_MATMUL_KERNELS,
  ...MVE_POOL_KERNELS,
  ...MVE_PRODUCT_KERNELS,
  ...MVE_SUM_KERNELS,
};
