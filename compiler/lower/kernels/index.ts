/**
 * The kernels of every op, best first; the last of each list does every node on every target. An op without kernels does
 * not compile. Kernels for a kind of core stand before the general ones; each says by its site's target where it applies.
 */
import type { OpName } from '../../../ir/tensor/ops/index.ts';
import type { Kernel } from '../kernel.ts';
import { BATCH_MATMUL_KERNELS } from './batch-matmul.ts';
import { BINARY_KERNELS } from './binary.ts';
import { BITWISE_KERNELS } from './bitwise.ts';
import { COMPARE_KERNELS } from './compare.ts';
import { CONV_KERNELS } from './conv.ts';
import { DSP_KERNELS } from './dsp/index.ts';
import { FUNCTION_KERNELS } from './functions.ts';
import { MATMUL_KERNELS } from './matmul.ts';
import { MODULO_KERNELS } from './modulo.ts';
import { MOVEMENT_KERNELS } from './movement.ts';
import { MVE_KERNELS } from './mve/index.ts';
import { NARROW_KERNELS } from './narrow/index.ts';
import { POOL_KERNELS } from './pool.ts';
import { QUANT_KERNELS } from './quant.ts';
import { RECURRENT_KERNELS } from './recurrent.ts';
import { REDUCE_KERNELS } from './reduce.ts';
import { RESAMPLE_KERNELS } from './resample.ts';
import { RESIZE_KERNELS } from './resize.ts';
import { SCATTER_KERNELS } from './scatter.ts';
import { SIMD_KERNELS } from './simd/index.ts';
import { SOFTMAX_KERNELS } from './softmax.ts';
import { TOP_K_KERNELS } from './top-k.ts';
import { TRANSPOSE_CONV_KERNELS } from './transpose-conv.ts';
import { UNARY_KERNELS } from './unary.ts';

const GENERAL_KERNELS: { readonly [K in OpName]: readonly Kernel<K>[] } = {
  ...CONV_KERNELS,
  ...TRANSPOSE_CONV_KERNELS,
  ...MATMUL_KERNELS,
  ...BATCH_MATMUL_KERNELS,
  ...BINARY_KERNELS,
  ...MODULO_KERNELS,
  ...BITWISE_KERNELS,
  ...COMPARE_KERNELS,
  ...UNARY_KERNELS,
  ...FUNCTION_KERNELS,
  ...SOFTMAX_KERNELS,
  ...POOL_KERNELS,
  ...REDUCE_KERNELS,
  ...MOVEMENT_KERNELS,
  ...SCATTER_KERNELS,
  ...TOP_K_KERNELS,
  ...RESIZE_KERNELS,
  ...RESAMPLE_KERNELS,
  ...QUANT_KERNELS,
  ...RECURRENT_KERNELS,
};

/** Best first: Helium before the dual multiplies that its cores have too. */
const TUNED_KERNELS = [MVE_KERNELS, DSP_KERNELS, SIMD_KERNELS, NARROW_KERNELS] as const;

export function kernelsOf<K extends OpName>(op: K): readonly Kernel<K>[] {
  const tuned = TUNED_KERNELS.flatMap((kernels) => (kernels[op] ?? []) as readonly Kernel<K>[]);
  return [...tuned, ...(GENERAL_KERNELS[op] as readonly Kernel<K>[])];
}
