/** Which ops have an integer form that quantization uses, and how it ties the scales of operands and results together. */
import type { OpName } from '../../../ir/tensor/ops/index.ts';

export type OpForm =
  /** Activation times constant weights, plus a bias at the scale of the products. */
  | { readonly kind: 'layer' }
  /** Each float operand and result has a scale of its own. */
  | { readonly kind: 'free' }
  /** All float operands and results share one scale, because stored integers pass unchanged or are compared. */
  | { readonly kind: 'shared' }
  /** The op says what its results mean: scale and zero point by the type of the result. */
  | { readonly kind: 'fixed'; readonly results: Readonly<Partial<Record<'i8' | 'i16', FixedGrid>>> }
  /** Operand 1 is a constant of 8 bits whatever the activations. */
  | { readonly kind: 'slopes' }
  /** Stays in floats, for this reason. */
  | { readonly kind: 'float'; readonly reason: string };

export interface FixedGrid {
  readonly scale: number;
  readonly zeroPoint: number;
}

const layer: OpForm = { kind: 'layer' };
const free: OpForm = { kind: 'free' };
const shared: OpForm = { kind: 'shared' };
const noForm: OpForm = { kind: 'float', reason: 'has no integer form' };
const compares: OpForm = { kind: 'float', reason: 'compares, and a comparison of rounded numbers may turn around' };

const UNIT: OpForm = {
  kind: 'fixed',
  results: { i8: { scale: 2 ** -8, zeroPoint: -128 }, i16: { scale: 2 ** -15, zeroPoint: 0 } },
};

/** `noForm` where in doubt: the op stays in floats. Ops whose signatures lack the form for a type stay in floats too; the signatures say so. */
export const OP_FORMS: Readonly<Record<OpName, OpForm>> = {
  conv2d: layer,
  depthwise_conv2d: layer,
  transpose_conv2d: layer,
  fully_connected: layer,
  batch_matmul: free,
  add: free,
  sub: free,
  mul: free,
  div: free,
  squared_difference: free,
  minimum: shared,
  maximum: shared,
  equal: compares,
  not_equal: compares,
  less: compares,
  less_equal: compares,
  greater: compares,
  greater_equal: compares,
  logical_and: noForm,
  logical_or: noForm,
  logical_xor: noForm,
  logical_not: noForm,
  bitwise_and: noForm,
  bitwise_or: noForm,
  bitwise_xor: noForm,
  bitwise_not: noForm,
  shift_left: noForm,
  shift_right: noForm,
  truncated_mod: noForm,
  floor_mod: noForm,
  pow: noForm,
  select: shared,
  relu: free,
  // Stored values are clamped, not rescaled.
  relu6: shared,
  relu_n1_to_1: free,
  leaky_relu: free,
  prelu: { kind: 'slopes' },
  elu: free,
  hard_swish: free,
  logistic: UNIT,
  tanh: {
    kind: 'fixed',
    results: { i8: { scale: 2 ** -7, zeroPoint: 0 }, i16: { scale: 2 ** -15, zeroPoint: 0 } },
  },
  exp: free,
  log: noForm,
  sqrt: noForm,
  rsqrt: free,
  square: noForm,
  abs: free,
  neg: noForm,
  sin: noForm,
  cos: noForm,
  tan: noForm,
  asin: noForm,
  acos: noForm,
  atan: noForm,
  sinh: noForm,
  cosh: noForm,
  asinh: noForm,
  acosh: noForm,
  atanh: noForm,
  erf: noForm,
  softplus: noForm,
  sign: noForm,
  floor: noForm,
  ceil: noForm,
  round: noForm,
  softmax: UNIT,
  log_softmax: { kind: 'fixed', results: { i8: { scale: 2 ** -4, zeroPoint: 127 } } },
  l2_normalization: { kind: 'fixed', results: { i8: { scale: 2 ** -7, zeroPoint: 0 } } },
  average_pool2d: shared,
  max_pool2d: shared,
  sum: free,
  mean: free,
  reduce_prod: noForm,
  cumprod: noForm,
  reduce_max: shared,
  reduce_min: shared,
  arg_max: shared,
  arg_min: shared,
  cumsum: { kind: 'float', reason: 'starts its integer sums at minus the zero point' },
  reshape: shared,
  transpose: shared,
  slice: shared,
  concat: shared,
  broadcast_to: shared,
  tile: shared,
  gather: shared,
  gather_elements: shared,
  gather_nd: shared,
  // With a reduction they compute.
  scatter_elements: noForm,
  scatter_nd: noForm,
  top_k: shared,
  pad: shared,
  mirror_pad: shared,
  depth_to_space: shared,
  space_to_depth: shared,
  batch_to_space: shared,
  space_to_batch: shared,
  resize_nearest: shared,
  resize_bilinear: shared,
  resample: noForm,
  quantize: noForm,
  requantize: noForm,
  dequantize: noForm,
  cast: noForm,
  round_float: noForm,
  svdf: { kind: 'float', reason: 'has an integer form with states, which quantization does not make' },
  lstm: { kind: 'float', reason: 'has an integer form with states, which quantization does not make' },
};
