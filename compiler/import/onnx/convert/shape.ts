/** Operators that read or change shapes alone. */
import { elementCount, typeText } from '../../../../ir/tensor/types.ts';
import type { Converter, Converters, NodeContext } from '../node.ts';

const MAX_RANK = 8;
const MAX_ELEMENTS = 2 ** 28;

/** A shape that the file computes; refuses what no tensor can have. */
export function checkShapeOf(node: NodeContext, shape: readonly number[]): number[] {
  const fits = shape.every((extent) => Number.isInteger(extent) && extent >= 0) && elementCount(shape) <= MAX_ELEMENTS;
  if (!fits || shape.length > MAX_RANK) node.refuse(`a shape of at most ${MAX_RANK} extents`, `[${shape}]`);
  return [...shape];
}

const shapeOf: Converter = (node) => {
  const { shape } = boundShape(node);
  const bound = (at: number) => Math.min(Math.max(at < 0 ? at + shape.length : at, 0), shape.length);
  const start = bound(node.attributes.int('start', 0));
  const end = bound(node.attributes.int('end', shape.length));
  const part = shape.slice(start, Math.max(start, end));
  return node.ops.i32s(part, [part.length], 'int64');
};

function boundShape(node: NodeContext): { readonly shape: readonly number[] } {
  return node.input(0).type;
}

const size: Converter = (node) => ({ ...node.ops.i32(elementCount(boundShape(node).shape)), element: 'int64' });

/** 0 keeps the extent of x (unless allowzero), one -1 is what is left. */
const reshape: Converter = (node) => {
  const x = node.input(0);
  const wanted = node.attributes.ints('shape') ?? node.numbers(1, 'the shape');
  const allowZero = node.attributes.flag('allowzero', false);
  const shape = wanted.map((extent, axis) => (extent === 0 && !allowZero ? (x.type.shape[axis] ?? 0) : extent));
  const open = shape.indexOf(-1);
  if (open !== -1) {
    const rest = elementCount(shape.filter((_, axis) => axis !== open));
    shape[open] = rest === 0 ? 0 : elementCount(x.type.shape) / rest;
  }
  return node.ops.reshape(x, checkShapeOf(node, shape));
};

const flatten: Converter = (node) => {
  const x = node.input(0);
  const { shape } = x.type;
  const stated = node.attributes.int('axis', 1);
  const axis = stated < 0 ? stated + shape.length : stated;
  if (axis < 0 || axis > shape.length)
    return node.refuse(`an axis within the rank of ${typeText(x.type)}`, `${stated}`);
  return node.ops.reshape(x, [elementCount(shape.slice(0, axis)), elementCount(shape.slice(axis))]);
};

const squeeze: Converter = (node) => {
  const x = node.input(0);
  const { shape } = x.type;
  const stated = node.intsOf('axes', 1);
  const axes = stated && node.axes(stated, shape.length);
  const bad = axes?.find((axis) => shape[axis] !== 1);
  if (bad !== undefined) return node.refuse('axes of extent 1', `axis ${bad} of ${typeText(x.type)}`);
  return node.ops.reshape(
    x,
    shape.filter((extent, axis) => (axes === undefined ? extent !== 1 : !axes.includes(axis))),
  );
};

const unsqueeze: Converter = (node) => {
  const x = node.input(0);
  const stated = node.intsOf('axes', 1) ?? node.refuse('axes', 'none');
  const rank = x.type.shape.length + stated.length;
  const axes = node.axes(stated, rank);
  const rest = [...x.type.shape];
  const shape = Array.from({ length: rank }, (_, axis) => (axes.includes(axis) ? 1 : (rest.shift() as number)));
  return node.ops.reshape(x, checkShapeOf(node, shape));
};

/** A copy: only the name is new. */
const identity: Converter = (node) => node.bound(0);

/** In inference it changes nothing, and the mask says so. */
const dropout: Converter = (node) => {
  const x = node.input(0);
  node.attributes.ignore('seed', 'ratio', 'is_test');
  const training = node.version >= 12 && node.inputCount > 2 ? (node.optionalNumbers(2, 'training_mode')?.[0] ?? 0) : 0;
  const ratio = node.version >= 12 ? (node.optionalNumbers(1, 'ratio')?.[0] ?? 0.5) : 0;
  if (training !== 0 && ratio !== 0) return node.refuse('inference (training_mode false)', 'training, which is random');
  return [x, node.ops.constant('bool', x.type.shape, new Uint8Array(elementCount(x.type.shape)).fill(1))];
};

export const SHAPE: Converters = {
  Shape: shapeOf,
  Size: size,
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Identity: identity,
  Dropout: dropout,
};
