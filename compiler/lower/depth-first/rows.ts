/**
 * Which rows of its operands a node needs for some rows of its result: the algebra of depth-first execution. Images are
 * NHWC of batch 1, so that rows are runs of bytes.
 */
import { type Graph, type Node, typeOfValue, type ValueName } from '../../../ir/tensor/graph.ts';
import type { OpName } from '../../../ir/tensor/ops/index.ts';
import { opRecord } from '../../../ir/tensor/ops/index.ts';
import type { TensorType } from '../../../ir/tensor/types.ts';

/** Rows `from` to `to`, the last excluded. */
export interface Rows {
  readonly from: number;
  readonly to: number;
}

/** How a node makes some rows of its result. */
export interface RowWork {
  readonly attrs: Node['attrs'];
  /** The rows of each operand; undefined for those that are taken whole. */
  readonly operands: readonly (Rows | undefined)[];
}

const HEIGHT = 1;

export function isImage({ shape, quant }: TensorType): boolean {
  const isSplit = quant.kind !== 'none' && 'axis' in quant && quant.axis === HEIGHT;
  return shape.length === 4 && shape[0] === 1 && !isSplit;
}

export function heightOf(type: TensorType): number {
  return type.shape[HEIGHT] as number;
}

/** The type of some rows of an image. */
export function rowsType(type: TensorType, { from, to }: Rows): TensorType {
  return { ...type, shape: type.shape.with(HEIGHT, to - from) };
}

export function hull(a: Rows | undefined, b: Rows): Rows {
  return a === undefined ? b : { from: Math.min(a.from, b.from), to: Math.max(a.to, b.to) };
}

const WINDOWS: ReadonlySet<OpName> = new Set(['conv2d', 'depthwise_conv2d', 'average_pool2d', 'max_pool2d'] as const);

/** Undefined where rows of the result cannot be made from rows of the operands. */
export function workFor(graph: Graph, node: Node, rows: Rows): RowWork | undefined {
  const types = node.inputs.map((value) => typeOfValue(graph, value));
  const result = typeOfValue(graph, node.outputs[0] as ValueName);
  if (node.outputs.length !== 1 || !isImage(result)) return undefined;
  const isConstant = node.inputs.map((value) => graph.constants.has(value));
  if (WINDOWS.has(node.op)) return isConstant.slice(1).every(Boolean) ? windowWork(node, types, rows) : undefined;
  if (opRecord(node.op).traits.elementwise !== true) return undefined;
  const fits = types.every((type, i) => (isConstant[i] ? isRepeated(type) : isImage(type) && sameShape(type, result)));
  if (!fits) return undefined;
  return { attrs: node.attrs, operands: isConstant.map((constant) => (constant ? undefined : rows)) };
}

function sameShape(a: TensorType, b: TensorType): boolean {
  return a.shape.length === b.shape.length && a.shape.every((extent, axis) => extent === b.shape[axis]);
}

/** Whether an operand is the same for every row. */
function isRepeated({ shape }: TensorType): boolean {
  return shape.length < 3 || shape.at(-3) === 1;
}

interface WindowAttrs {
  readonly window?: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly dilation?: readonly [number, number];
  readonly padding: { readonly top: number; readonly bottom: number; readonly left: number; readonly right: number };
}

/** The rows under the windows; those that lie outside the image become padding. */
function windowWork(node: Node, types: readonly TensorType[], { from, to }: Rows): RowWork | undefined {
  const [x, w] = types as [TensorType, TensorType | undefined];
  if (!isImage(x)) return undefined;
  const { window, stride, dilation = [1, 1], padding } = node.attrs as WindowAttrs;
  const taps = window?.[0] ?? (w?.shape[1] as number);
  const first = from * stride[0] - padding.top;
  const last = (to - 1) * stride[0] - padding.top + (taps - 1) * dilation[0] + 1;
  const inside = { from: Math.max(first, 0), to: Math.min(last, heightOf(x)) };
  if (inside.from >= inside.to) return undefined;
  const top = inside.from - first;
  const bottom = last - inside.to;
  const attrs = { ...node.attrs, padding: { ...padding, top, bottom } } as Node['attrs'];
  return { attrs, operands: types.map((_, i) => (i === 0 ? inside : undefined)) };
}
