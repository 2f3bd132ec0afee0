/**
 * Which rows of its operands a node needs for some rows of its result: the algebra of depth-first execution. Rows lie along
 * the outermost axis of more than one index, so that some of them are one run of bytes: those of an image, the samples of
 * a signal (an image of height 1), the images of a batch.
 */
import { type Graph, type Node, typeOfValue, type ValueName } from '../../../ir/tensor/graph.ts';
import type { OpName } from '../../../ir/tensor/ops/index.ts';
import { opRecord } from '../../../ir/tensor/ops/index.ts';
import type { Padding } from '../../../ir/tensor/ops/shared.ts';
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

/** The axis that rows lie along; undefined where there is a single element, or quantization varies from row to row. */
export function rowAxis({ shape, quant }: TensorType): number | undefined {
  const axis = shape.findIndex((extent) => extent !== 1);
  const isSplit = quant.kind !== 'none' && 'axis' in quant && quant.axis === axis;
  return axis < 0 || isSplit ? undefined : axis;
}

/** How many rows a value has. */
export function heightOf(type: TensorType): number {
  const axis = rowAxis(type);
  return axis === undefined ? 1 : (type.shape[axis] as number);
}

/** The type of some rows of a value. */
export function rowsType(type: TensorType, { from, to }: Rows): TensorType {
  const axis = rowAxis(type);
  return axis === undefined ? type : { ...type, shape: type.shape.with(axis, to - from) };
}

export function hull(a: Rows | undefined, b: Rows): Rows {
  return a === undefined ? b : { from: Math.min(a.from, b.from), to: Math.max(a.to, b.to) };
}

const WINDOWS: ReadonlySet<OpName> = new Set(['conv2d', 'depthwise_conv2d', 'average_pool2d', 'max_pool2d'] as const);

/** Undefined where rows of the result cannot be made from rows of the operands. */
export function workFor(graph: Graph, node: Node, rows: Rows): RowWork | undefined {
  const types = node.inputs.map((value) => typeOfValue(graph, value));
  const result = typeOfValue(graph, node.outputs[0] as ValueName);
  const axis = rowAxis(result);
  if (node.outputs.length !== 1 || axis === undefined) return undefined;
  const isConstant = node.inputs.map((value) => graph.constants.has(value));
  const own = { attrs: node.attrs, operands: isConstant.map((constant) => (constant ? undefined : rows)) };
  if (WINDOWS.has(node.op)) {
    const [x] = types as [TensorType];
    if (rowAxis(x) !== axis || axis > 2 || !isConstant.slice(1).every(Boolean)) return undefined;
    return axis === 0 ? own : windowWork(node, types, rows, axis);
  }
  if (node.op === 'reshape') {
    const [x] = types as [TensorType];
    if (rowAxis(x) === undefined || heightOf(x) !== heightOf(result)) return undefined;
    return { ...own, attrs: { shape: [...rowsType(result, rows).shape] } };
  }
  if (opRecord(node.op).traits.elementwise !== true) return undefined;
  const fits = types.every((type, i) =>
    isConstant[i] ? isRepeated(type, result, axis) : rowAxis(type) === axis && sameShape(type, result),
  );
  return fits ? own : undefined;
}

function sameShape(a: TensorType, b: TensorType): boolean {
  return a.shape.length === b.shape.length && a.shape.every((extent, axis) => extent === b.shape[axis]);
}

/** Whether an operand is the same for every row. */
function isRepeated({ shape }: TensorType, result: TensorType, axis: number): boolean {
  return (shape[axis - (result.shape.length - shape.length)] ?? 1) === 1;
}

interface WindowAttrs {
  readonly window?: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly dilation?: readonly [number, number];
  readonly padding: Padding;
  readonly counted?: Padding;
}

/** The rows under the windows, along the height (axis 1) or the width; those outside the image become padding. */
function windowWork(node: Node, types: readonly TensorType[], { from, to }: Rows, axis: number): RowWork | undefined {
  const [x, w] = types as [TensorType, TensorType | undefined];
  const { window, stride, dilation = [1, 1], padding, counted } = node.attrs as WindowAttrs;
  const along = axis - 1;
  const taps = window?.[along] ?? (w?.shape[axis] as number);
  const before = axis === 1 ? padding.top : padding.left;
  const step = stride[along] as number;
  const first = from * step - before;
  const last = (to - 1) * step - before + (taps - 1) * (dilation[along] as number) + 1;
  const inside = { from: Math.max(first, 0), to: Math.min(last, heightOf(x)) };
  if (inside.from >= inside.to) return undefined;
  const [start, end] = [inside.from - first, last - inside.to];
  const edges = axis === 1 ? { top: start, bottom: end } : { left: start, right: end };
  const kept = { ...padding, ...edges };
  const attrs = { ...node.attrs, padding: kept, ...countedWithin(counted, kept) } as Node['attrs'];
  return { attrs, operands: types.map((_, i) => (i === 0 ? inside : undefined)) };
}

/** Padding that counts lies next to the image: what is left of the padding counts first. */
function countedWithin(counted: Padding | undefined, { top, bottom, left, right }: Padding): { counted?: Padding } {
  if (counted === undefined) return {};
  return {
    counted: {
      top: Math.min(counted.top, top),
      bottom: Math.min(counted.bottom, bottom),
      left: Math.min(counted.left, left),
      right: Math.min(counted.right, right),
    },
  };
}
