/** Kernels for cores with the dual 16-bit multiplies of Armv7E-M: Cortex-M4, M7 and M33. */
import type { OpName } from '../../../../ir/tensor/ops/index.ts';
import type { Kernel } from '../../kernel.ts';
import { DSP_CONV_KERNELS } from './conv.ts';
import { DSP_DEPTHWISE_KERNELS } from './depthwise.ts';
import { DSP_MATMUL_KERNELS } from './matmul.ts';
import { DSP_MEAN_KERNELS } from './mean.ts';
import { DSP_POOL_KERNELS } from './pool.ts';
import { DSP_QUANTIZE_KERNELS } from './quantize.ts';
import { DSP_RESCALE_KERNELS } from './rescale.ts';
import { DSP_SUM_KERNELS } from './sum.ts';

export const DSP_KERNELS: { readonly [K in OpName]?: readonly Kernel<K>[] } = {
  ...DSP_CONV_KERNELS,
  ...DSP_DEPTHWISE_KERNELS,
  ...DSP_MATMUL_KERNELS,
  ...DSP_MEAN_KERNELS,
  ...DSP_POOL_KERNELS,
  ...DSP_QUANTIZE_KERNELS,
  ...DSP_RESCALE_KERNELS,
  ...DSP_SUM_KERNELS,
};
