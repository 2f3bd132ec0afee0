/** Kernels for 128-bit SIMD: WebAssembly, AArch64 and x86-64. */
import type { OpName } from '../../../../ir/tensor/ops/index.ts';
import type { Kernel } from '../../kernel.ts';

export const SIMD_KERNELS: { readonly [K in OpName]?: readonly Kernel<K>[] } = {};
