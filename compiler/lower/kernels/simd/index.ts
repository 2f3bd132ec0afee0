/** Kernels for 128-bit SIMD: WebAssembly, AArch64 and x86-64. */
import type { OpName } from '../../../../ir/tensor/ops/index.ts';
import type { Kernel } from '../../kernel.ts';
import { BATCH_MATMUL_F32 } from './batch-matmul-f32.ts';
import { CONV_F32 } from './conv-f32.ts';
import { CONV_I8 } from './conv-i8.ts';
import { CHANNELS_F32 } from './depthwise-f32.ts';
import { DEPTHWISE_I8 } from './depthwise-i8.ts';
import { PIXEL_F32 } from './pixel-f32.ts';
import { POOL_I8 } from './pool-i8.ts';
import { SUM_I8 } from './sum-i8.ts';

export const SIMD_KERNELS: { readonly [K in OpName]?: readonly Kernel<K>[] } = {
  conv2d: [...CONV_I8.conv2d, ...CONV_F32.conv2d, ...PIXEL_F32.conv2d],
  transpose_conv2d: PIXEL_F32.transpose_conv2d,
  depthwise_conv2d: [...DEPTHWISE_I8.depthwise_conv2d, ...CHANNELS_F32.depthwise_conv2d],
  fully_connected: [...CONV_I8.fully_connected, ...CONV_F32.fully_connected],
  batch_matmul: BATCH_MATMUL_F32.batch_matmul,
  average_pool2d: [...POOL_I8.average_pool2d, ...CHANNELS_F32.average_pool2d],
  max_pool2d: [...POOL_I8.max_pool2d, ...CHANNELS_F32.max_pool2d],
  add: SUM_I8.add,
  sub: SUM_I8.sub,
};
