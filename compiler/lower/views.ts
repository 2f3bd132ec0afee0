/**
 * Slices and concatenations that need no kernel: a slice that is one run of its operand's bytes is a view of it, and the
 * operands of a concatenation whose parts follow one another may be made in their places.
 */
import { type Graph, type Node, typeOfValue, type ValueName } from '../../ir/tensor/graph.ts';
import { elementCount, stridesOf } from '../../ir/tensor/types.ts';

/** Kernels take buffers in the arena to begin at a multiple of this. */
const VIEW_ALIGN = 4;

/** The byte of the operand at which the result of a slice begins, or undefined where the result is not one run of bytes. */
export function sliceOffset(graph: Graph, node: Node, elemBytes: number): number | undefined {
  if (node.op !== 'slice') return undefined;
  const { shape } = typeOfValue(graph, node.inputs[0] as ValueName);
  const { start, stride, size } = node.attrs;
  // Along axes before the one that is cut a single index is taken, along those after it all.
  const cut = size.findIndex((extent) => extent !== 1);
  const isRun = size.every((extent, axis) => {
    if (axis < cut || cut < 0) return true;
    return axis === cut ? stride[axis] === 1 : extent === shape[axis] && start[axis] === 0 && stride[axis] === 1;
  });
  if (!isRun) return undefined;
  const strides = stridesOf(shape);
  return elemBytes * start.reduce((sum, first, axis) => sum + first * (strides[axis] as number), 0);
}

/** The byte of the result at which each operand of a concatenation begins, or undefined where they interleave. */
export function concatOffsets(graph: Graph, node: Node, elemBytes: number): readonly number[] | undefined {
  if (node.op !== 'concat') return undefined;
  const shapes = node.inputs.map((name) => typeOfValue(graph, name).shape);
  if (shapes.some((shape) => elementCount(shape.slice(0, node.attrs.axis)) !== 1)) return undefined;
  let next = 0;
  return shapes.map((shape) => {
    const offset = next;
    next += elementCount(shape) * elemBytes;
    return offset;
  });
}

export function isAligned(offset: number): boolean {
  return offset % VIEW_ALIGN === 0;
}
