/** Kernels for small cores without vectors or dual multiplies: Cortex-M0+, M3 and RV32. */
import type { OpName } from '../../../../ir/tensor/ops/index.ts';
import type { Kernel } from '../../kernel.ts';

export const NARROW_KERNELS: { readonly [K in OpName]?: readonly Kernel<K>[] } = {};
