/** Which layouts each op can work in, and how its attributes change. */
import type { Node } from '../../../../ir/tensor/graph.ts';
import type { Attrs, OpName } from '../../../../ir/tensor/ops/index.ts';
import { elementCount, isFloat, type TensorType } from '../../../../ir/tensor/types.ts';
import { identity, isIdentity, type Layout, permuted, without } from './permutation.ts';
import { regrouped } from './regroup.ts';

/** A node with the types of its operands and results. */
export interface TypedNode<K extends OpName = OpName> {
  readonly node: Node<K>;
  readonly inputs: readonly TensorType[];
  readonly outputs: readonly TensorType[];
}

/** The operand or result whose layout is known, with that layout. */
export interface Known {
  readonly side: 'inputs' | 'outputs';
  readonly index: number;
  readonly layout: Layout;
}

/** The node in other layouts. */
export interface Relayout {
  /** Undefined for operands that stay as they are. Layouts longer than the operand's rank count axes of extent 1 in front of it. */
  readonly inputs: readonly (Layout | undefined)[];
  readonly outputs: readonly Layout[];
  readonly attrs: Node['attrs'];
}

/** Undefined when what is known does not say all layouts, or the op cannot work in them, or would give other bits. */
type LayoutRule<K extends OpName> = (site: TypedNode<K>, known: Known) => Relayout | undefined;

/** The layout of a node's frame: the axes of a result, or of an operand where it has more. */
type FrameRule<K extends OpName> = (site: TypedNode<K>, known: Known) => Layout | undefined;

/** Ops all of whose layouts follow from that of the frame. */
function framed<K extends OpName>(
  frameOf: FrameRule<K>,
  apply: (site: TypedNode<K>, frame: Layout) => Relayout | undefined,
): LayoutRule<K> {
  return (site, known) => {
    const frame = frameOf(site, known);
    return frame === undefined || isIdentity(frame) ? undefined : apply(site, frame);
  };
}

/** Frames that operand 0 and the result have in common. */
function frameOfBoth({ inputs, outputs }: TypedNode, { side, index, layout }: Known): Layout | undefined {
  const rank = side === 'outputs' ? outputs[0].shape.length : inputs[index].shape.length;
  return layout.length === rank && (side === 'outputs' || index === 0) ? layout : undefined;
}

function frameOfInput(_: TypedNode, { side, index, layout }: Known): Layout | undefined {
  return side === 'inputs' && index === 0 ? layout : undefined;
}

/** Frames of results that operands are spread over. */
function frameOfResult({ inputs, outputs }: TypedNode, { side, index, layout }: Known): Layout | undefined {
  if (side === 'outputs') return layout;
  return inputs[index].shape.length === outputs[0].shape.length ? layout : undefined;
}

function spread(type: TensorType, rank: number, frame: Layout): Layout | undefined {
  return type.shape.length < rank && elementCount(type.shape) === 1 ? undefined : frame;
}

/** Operands are spread over the result. */
function broadcasting<K extends OpName>(attrs: (site: TypedNode<K>, frame: Layout) => Node['attrs']): LayoutRule<K> {
  return framed<K>(frameOfResult, (site, frame) => ({
    inputs: site.inputs.map((type) => spread(type, frame.length, frame)),
    outputs: [frame],
    attrs: attrs(site, frame),
  }));
}

const ELEMENTWISE: LayoutRule<OpName> = broadcasting(({ node }) => node.attrs);

/** Operand 0 and the result have the same axes; further operands are no images. */
function alongAxes<K extends OpName>(attrs: (attrs: Attrs<K>, frame: Layout) => Attrs<K>): LayoutRule<K> {
  return framed<K>(frameOfBoth, ({ node, inputs }, frame) => ({
    inputs: inputs.map((_, i) => (i === 0 ? frame : undefined)),
    outputs: [frame],
    attrs: attrs(node.attrs as Attrs<K>, frame) as Node['attrs'],
  }));
}

/** Rows of the innermost dimension. */
const ROWS = framed<'softmax' | 'log_softmax' | 'l2_normalization'>(frameOfBoth, ({ node }, frame) =>
  frame.at(-1) === frame.length - 1 ? { inputs: [frame], outputs: [frame], attrs: node.attrs } : undefined,
);

/** Whether elements are reduced in the same order, on which floats depend, if only in the sign of a zero. */
function reducesAlike({ shape, dtype }: TensorType, axes: readonly number[], frame: Layout): boolean {
  if (!isFloat(dtype)) return true;
  const reduced = frame.filter((axis) => axes.includes(axis) && shape[axis] !== 1);
  return reduced.every((axis, at) => at === 0 || axis > reduced[at - 1]);
}

const REDUCTION = framed<'sum' | 'mean' | 'reduce_max' | 'reduce_min' | 'reduce_prod'>(
  (site, known) => (site.node.attrs.keepDims ? frameOfBoth(site, known) : frameOfInput(site, known)),
  ({ node, inputs: [x] }, frame) => {
    const { axes, keepDims } = node.attrs;
    if (!reducesAlike(x, axes, frame)) return undefined;
    const moved = axes.map((axis) => frame.indexOf(axis)).sort((a, b) => a - b);
    return {
      inputs: [frame],
      outputs: [keepDims ? frame : without(frame, axes)],
      attrs: { ...node.attrs, axes: moved },
    };
  },
);

const PLACE = framed<'arg_max' | 'arg_min'>(frameOfInput, ({ node }, frame) => ({
  inputs: [frame],
  outputs: [without(frame, [node.attrs.axis])],
  attrs: { ...node.attrs, axis: frame.indexOf(node.attrs.axis) },
}));

const CONCAT = framed<'concat'>(frameOfResult, ({ node, inputs }, frame) => ({
  inputs: inputs.map(() => frame),
  outputs: [frame],
  attrs: { axis: frame.indexOf(node.attrs.axis) },
}));

const GATHER = framed<'gather'>(frameOfInput, ({ node, inputs: [, indices] }, frame) => {
  const { axis, batchDims } = node.attrs;
  if (batchDims !== 0) return undefined;
  const own = indices.shape.length;
  const block = Array.from({ length: own }, (_, i) => axis + i);
  const result = frame.flatMap((from) => (from === axis ? block : [from < axis ? from : from + own - 1]));
  return { inputs: [frame, undefined], outputs: [result], attrs: { ...node.attrs, axis: frame.indexOf(axis) } };
});

/** Operands and results have the same axes, along one of which something is done. */
const ALONG_AXIS = framed<'gather_elements' | 'top_k' | 'cumsum' | 'cumprod'>(
  frameOfResult,
  ({ node, inputs, outputs }, frame) => ({
    inputs: inputs.map(() => frame),
    outputs: outputs.map(() => frame),
    attrs: { ...node.attrs, axis: frame.indexOf(node.attrs.axis) },
  }),
);

/** The side that is known is taken as it is; the other one keeps its axes of extent 1 in their places. */
const RESHAPE: LayoutRule<'reshape'> = ({ inputs: [x], outputs: [y] }, { side, layout }) => {
  const isInput = side === 'inputs';
  const other = isInput ? regrouped(x.shape, y.shape, layout) : regrouped(y.shape, x.shape, layout);
  if (other === undefined || isIdentity(layout)) return undefined;
  const result = isInput ? other : layout;
  return { inputs: [isInput ? layout : other], outputs: [result], attrs: { shape: permuted(y.shape, result) } };
};

/** Batches change places, rows and columns do not. */
const BATCHES = framed<'batch_matmul'>(frameOfResult, ({ node, inputs }, frame) => {
  const rank = frame.length;
  if (frame[rank - 1] !== rank - 1 || frame[rank - 2] !== rank - 2) return undefined;
  return { inputs: inputs.map((type) => spread(type, rank, frame)), outputs: [frame], attrs: node.attrs };
});

/** A matrix may lie the other way if that is the way in which it is read: a by rows, b by columns. */
const MATRIX: LayoutRule<'batch_matmul'> = ({ node, inputs, outputs: [y] }, { side, index, layout }) => {
  const { transposeA, transposeB } = node.attrs;
  const swapped = [...identity(layout.length - 2), layout.length - 1, layout.length - 2];
  const isReadAcross = index === 0 ? transposeA : !transposeB;
  if (side === 'outputs' || layout.join() !== swapped.join() || !isReadAcross) return undefined;
  return {
    inputs: inputs.map((_, i) => (i === index ? layout : undefined)),
    outputs: [identity(y.shape.length)],
    attrs: { ...node.attrs, ...(index === 0 ? { transposeA: false } : { transposeB: true }) },
  };
};

const MATMUL: LayoutRule<'batch_matmul'> = (site, known) => MATRIX(site, known) ?? BATCHES(site, known);

/** Ops whose axes have roles, and those that are not worth moving. */
const FIXED = 'fixed';

interface Margins {
  readonly before: readonly number[];
  readonly after: readonly number[];
}
function permutedMargins({ before, after }: Margins, frame: Layout): { before: number[]; after: number[] } {
  return { before: permuted(before, frame), after: permuted(after, frame) };
}

type Rules = { readonly [K in OpName]: LayoutRule<K> | typeof FIXED };

const RULES: Rules = {
  conv2d: FIXED,
  depthwise_conv2d: FIXED,
  transpose_conv2d: FIXED,
  fully_connected: FIXED,
  batch_matmul: MATMUL,
  add: ELEMENTWISE,
  sub: ELEMENTWISE,
  mul: ELEMENTWISE,
  div: ELEMENTWISE,
  squared_difference: ELEMENTWISE,
  truncated_mod: ELEMENTWISE,
  floor_mod: ELEMENTWISE,
  pow: ELEMENTWISE,
  minimum: ELEMENTWISE,
  maximum: ELEMENTWISE,
  equal: ELEMENTWISE,
  not_equal: ELEMENTWISE,
  less: ELEMENTWISE,
  less_equal: ELEMENTWISE,
  greater: ELEMENTWISE,
  greater_equal: ELEMENTWISE,
  logical_and: ELEMENTWISE,
  logical_or: ELEMENTWISE,
  logical_xor: ELEMENTWISE,
  logical_not: ELEMENTWISE,
  bitwise_and: ELEMENTWISE,
  bitwise_or: ELEMENTWISE,
  bitwise_xor: ELEMENTWISE,
  bitwise_not: ELEMENTWISE,
  shift_left: ELEMENTWISE,
  shift_right: ELEMENTWISE,
  select: ELEMENTWISE,
  relu: ELEMENTWISE,
  relu6: ELEMENTWISE,
  relu_n1_to_1: ELEMENTWISE,
  leaky_relu: ELEMENTWISE,
  prelu: ELEMENTWISE,
  elu: ELEMENTWISE,
  hard_swish: ELEMENTWISE,
  logistic: ELEMENTWISE,
  tanh: ELEMENTWISE,
  exp: ELEMENTWISE,
  log: ELEMENTWISE,
  sqrt: ELEMENTWISE,
  rsqrt: ELEMENTWISE,
  square: ELEMENTWISE,
  abs: ELEMENTWISE,
  neg: ELEMENTWISE,
  sin: ELEMENTWISE,
  cos: ELEMENTWISE,
  tan: ELEMENTWISE,
  asin: ELEMENTWISE,
  acos: ELEMENTWISE,
  atan: ELEMENTWISE,
  sinh: ELEMENTWISE,
  cosh: ELEMENTWISE,
  asinh: ELEMENTWISE,
  acosh: ELEMENTWISE,
  atanh: ELEMENTWISE,
  erf: ELEMENTWISE,
  softplus: ELEMENTWISE,
  sign: ELEMENTWISE,
  round_float: ELEMENTWISE,
  floor: ELEMENTWISE,
  ceil: ELEMENTWISE,
  round: ELEMENTWISE,
  quantize: ELEMENTWISE,
  requantize: ELEMENTWISE,
  dequantize: ELEMENTWISE,
  cast: ELEMENTWISE,
  softmax: ROWS,
  log_softmax: ROWS,
  l2_normalization: ROWS,
  average_pool2d: FIXED,
  max_pool2d: FIXED,
  sum: REDUCTION,
  mean: REDUCTION,
  reduce_max: REDUCTION,
  reduce_min: REDUCTION,
  reduce_prod: REDUCTION,
  arg_max: PLACE,
  arg_min: PLACE,
  cumsum: ALONG_AXIS,
  cumprod: ALONG_AXIS,
  reshape: RESHAPE,
  transpose: FIXED,
  slice: alongAxes<'slice'>(({ start, stride, size }, frame) => ({
    start: permuted(start, frame),
    stride: permuted(stride, frame),
    size: permuted(size, frame),
  })),
  concat: CONCAT,
  broadcast_to: broadcasting<'broadcast_to'>(({ node }, frame) => ({ shape: permuted(node.attrs.shape, frame) })),
  tile: alongAxes<'tile'>(({ multiples }, frame) => ({ multiples: permuted(multiples, frame) })),
  gather: GATHER,
  gather_elements: ALONG_AXIS,
  gather_nd: FIXED,
  scatter_elements: FIXED,
  scatter_nd: FIXED,
  top_k: ALONG_AXIS,
  resample: alongAxes<'resample'>((attrs, frame) => ({ ...attrs, axis: frame.indexOf(attrs.axis) })),
  pad: alongAxes<'pad'>(permutedMargins),
  mirror_pad: alongAxes<'mirror_pad'>((attrs, frame) => ({ ...attrs, ...permutedMargins(attrs, frame) })),
  depth_to_space: FIXED,
  space_to_depth: FIXED,
  batch_to_space: FIXED,
  space_to_batch: FIXED,
  resize_nearest: FIXED,
  resize_bilinear: FIXED,
  svdf: FIXED,
  lstm: FIXED,
};

/** The node when the known operand or result gets the layout; undefined when it cannot work so, or does not change. */
export function relayout(site: TypedNode, known: Known): Relayout | undefined {
  const rule = RULES[site.node.op] as LayoutRule<OpName> | typeof FIXED;
  return rule === FIXED ? undefined : rule(site, known);
}
