/** Parts of tensors. */
import { typeText } from '../../../../ir/tensor/types.ts';
import type { Converter, Converters, NodeContext } from '../node.ts';
import type { Value } from '../values.ts';

/** A bound counted from the front and brought into what a step in this direction may start or end at. */
function settled(bound: number, extent: number, low: number, high: number): number {
  return Math.min(Math.max(bound < 0 ? bound + extent : bound, low), high);
}

const slice: Converter = (node) => {
  const x = node.input(0);
  const { shape } = x.type;
  const starts = node.intsOf('starts', 1) ?? node.refuse('starts', 'none');
  const ends = node.intsOf('ends', 2) ?? node.refuse('ends', 'none');
  const axes = node.axes(node.intsOf('axes', 3) ?? starts.map((_, i) => i), shape.length);
  const steps = node.version < 10 ? starts.map(() => 1) : (node.optionalNumbers(4, 'steps') ?? starts.map(() => 1));
  if (ends.length !== starts.length || axes.length !== starts.length || steps.length !== starts.length) {
    return node.refuse('as many ends, axes and steps as starts', `${starts.length} starts and others`);
  }
  const start = shape.map(() => 0);
  const size = [...shape];
  const stride = shape.map(() => 1);
  axes.forEach((axis, i) => {
    const extent = shape[axis];
    const step = steps[i];
    if (step === 0) node.refuse('steps other than 0', '0');
    const first = step > 0 ? settled(starts[i], extent, 0, extent) : settled(starts[i], extent, 0, extent - 1);
    const last = step > 0 ? settled(ends[i], extent, 0, extent) : settled(ends[i], extent, -1, extent - 1);
    // Steps larger than the axis all mean the same, and the IR's are bounded by it.
    stride[axis] = Math.min(Math.max(step, -extent), Math.max(extent, 1)) || 1;
    start[axis] = first;
    size[axis] = Math.max(0, Math.ceil((last - first) / step));
  });
  return sliced(node, x, start, size, stride);
};

/** A slice, or an empty constant where nothing is left. */
export function sliced(
  node: NodeContext,
  x: Value,
  start: readonly number[],
  size: readonly number[],
  stride: readonly number[],
): Value {
  if (!size.includes(0)) return node.ops.slice(x, start, size, [...stride]);
  return node.ops.constant(x.element, size, x.data === undefined ? new Int8Array(0) : x.data.slice(0, 0));
}

function splitSizes(node: NodeContext, extent: number): number[] {
  const stated = node.intsOf('split', 1);
  const sum = stated?.reduce((a, b) => a + b, 0);
  if (stated !== undefined) {
    if (sum !== extent || stated.some((part) => part < 0)) node.refuse(`parts of ${extent} in all`, `[${stated}]`);
    return stated;
  }
  const count = node.version >= 18 ? node.attributes.int('num_outputs', node.outputCount) : node.outputCount;
  const chunk = Math.ceil(extent / count);
  return Array.from({ length: count }, (_, i) => Math.max(0, Math.min(chunk, extent - i * chunk)));
}

const split: Converter = (node) => {
  const x = node.input(0);
  const { shape } = x.type;
  const axis = node.axis(node.attributes.int('axis', 0), shape.length);
  const sizes = splitSizes(node, shape[axis]);
  return parts(node, x, axis, sizes);
};

/** Consecutive parts of the given extents. */
export function parts(node: NodeContext, x: Value, axis: number, sizes: readonly number[]): Value[] {
  let from = 0;
  return sizes.map((count) => {
    const start = x.type.shape.map((_, i) => (i === axis ? from : 0));
    from += count;
    return sliced(
      node,
      x,
      start,
      x.type.shape.with(axis, count),
      start.map(() => 1),
    );
  });
}

const concat: Converter = (node) => {
  const inputs = node.inputs();
  const axis = node.axis(node.attributes.int('axis', 0), inputs[0].type.shape.length);
  return joined(node, inputs, axis);
};

/** Parts one after another; those without elements add nothing. */
export function joined(node: NodeContext, inputs: readonly Value[], axis: number): Value {
  const rank = inputs[0].type.shape.length;
  const odd = inputs.find(({ type }) => type.shape.length !== rank);
  if (odd !== undefined) return node.refuse(`tensors of rank ${rank}`, typeText(odd.type));
  const filled = inputs.filter(({ type }) => !type.shape.includes(0));
  return filled.length === 0 ? inputs[0] : node.ops.concat(filled, axis);
}

export const SLICE: Converters = { Slice: slice, Split: split, Concat: concat };
