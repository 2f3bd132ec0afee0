/** The op table: every op of tensor IR, by name. A closed union; code that maps over it does not compile with one missing. */
import type { OpRecord } from '../op.ts';
import { BATCH_MATMUL_OPS } from './batch-matmul.ts';
import { BINARY_OPS } from './binary.ts';
import { BITWISE_OPS } from './bitwise.ts';
import { COMPARE_OPS } from './compare.ts';
import { CONV_OPS } from './conv.ts';
import { FUNCTION_OPS } from './functions.ts';
import { MATMUL_OPS } from './matmul.ts';
import { MODULO_OPS } from './modulo.ts';
import { MOVEMENT_OPS } from './movement.ts';
import { POOL_OPS } from './pool.ts';
import { QUANT_OPS } from './quant.ts';
import { RECURRENT_OPS } from './recurrent.ts';
import { REDUCE_OPS } from './reduce.ts';
import { RESAMPLE_OPS } from './resample.ts';
import { RESIZE_OPS } from './resize.ts';
import { SCATTER_OPS } from './scatter.ts';
import { SOFTMAX_OPS } from './softmax.ts';
import { TOP_K_OPS } from './top-k.ts';
import { TRANSPOSE_CONV_OPS } from './transpose-conv.ts';
import { UNARY_OPS } from './unary.ts';

export const OPS = {
  ...CONV_OPS,
  ...TRANSPOSE_CONV_OPS,
  ...MATMUL_OPS,
  ...BATCH_MATMUL_OPS,
  ...BINARY_OPS,
  ...MODULO_OPS,
  ...BITWISE_OPS,
  ...COMPARE_OPS,
  ...UNARY_OPS,
  ...FUNCTION_OPS,
  ...SOFTMAX_OPS,
  ...POOL_OPS,
  ...REDUCE_OPS,
  ...MOVEMENT_OPS,
  ...SCATTER_OPS,
  ...TOP_K_OPS,
  ...RESIZE_OPS,
  ...RESAMPLE_OPS,
  ...QUANT_OPS,
  ...RECURRENT_OPS,
} as const;

export type OpName = keyof typeof OPS;
export type Attrs<K extends OpName> = (typeof OPS)[K] extends OpRecord<infer A> ? A : never;

export const OP_NAMES = Object.keys(OPS) as readonly OpName[];

export function opRecord(name: OpName): OpRecord {
  return OPS[name];
}

export function isOpName(name: string): name is OpName {
  return Object.hasOwn(OPS, name);
}
