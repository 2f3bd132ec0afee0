/** Operators that take parts of a tensor. */

import type { Operand } from '../../builder.ts';
import type { Options } from '../options.ts';
import type { ConvertContext, Converters } from './context.ts';
import { movedInput, onlyNumber, perAxis } from './moved.ts';

/** What is taken of one axis. */
interface Part {
  readonly start: number;
  readonly stride: number;
  readonly size: number;
}

const all = (extent: number): Part => ({ start: 0, stride: 1, size: extent });

/** Adds the slice that computes output `index`, in `shape`; taking everything is no more than a reshape. */
function take(
  context: ConvertContext,
  x: Operand,
  parts: readonly Part[],
  index = 0,
  shape: readonly number[] = parts.map((part) => part.size),
): void {
  const empty = parts.findIndex((part) => part.size < 1);
  if (empty >= 0) context.refuse('a part of at least one element along every axis', `none along axis ${empty}`);
  const isWhole = parts.every(({ start, stride, size }, axis) => {
    return start === 0 && size === x.type.shape[axis] && (stride === 1 || size === 1);
  });
  if (isWhole) {
    context.output('reshape', [x.value], { shape: [...shape] }, { index });
    return;
  }
  const attrs = {
    start: parts.map((part) => part.start),
    stride: parts.map((part) => part.stride),
    size: parts.map((part) => part.size),
  };
  context.output('slice', [x.value], attrs, { index, shape });
}

/** A size of -1 reaches to the end. */
function slice(context: ConvertContext): void {
  const x = movedInput(context, 0);
  const { shape } = x.type;
  const begin = perAxis(context, 1, 'the begin', shape.length);
  const size = perAxis(context, 2, 'the size', shape.length);
  const parts = shape.map((extent, axis) => {
    const start = begin[axis];
    const count = size[axis] === -1 ? extent - start : size[axis];
    if (start < 0 || start + count > extent) {
      context.refuse(`a part of 0..${extent - 1} along axis ${axis}`, `${count} places from ${start}`);
    }
    return { start, stride: 1, size: count };
  });
  take(context, x, parts);
}

/** One entry of begin, end and strides. */
interface Entry {
  readonly begin: number;
  readonly end: number;
  readonly stride: number;
  /** The bit that stands for this entry in the masks. */
  readonly bit: number;
}

type Masks = Options<'StridedSliceOptions'>;

/** Negative places count from the end; what lies outside is cut, to one past the last in the direction of the stride. */
function placed(place: number, extent: number, stride: number): number {
  const counted = place < 0 ? place + extent : place;
  return stride > 0 ? Math.min(Math.max(counted, 0), extent) : Math.min(Math.max(counted, -1), extent - 1);
}

function stridedPart(context: ConvertContext, { begin, end, stride, bit }: Entry, extent: number, masks: Masks): Part {
  if (stride === 0) context.refuse('strides other than 0', '0');
  const [first, past] = stride > 0 ? [0, extent] : [extent - 1, -1];
  const start = (masks.begin_mask & bit) !== 0 ? first : placed(begin, extent, stride);
  if ((masks.shrink_axis_mask & bit) !== 0) {
    const isInside = start >= 0 && start < extent;
    if (!isInside) context.refuse(`a place in 0..${extent - 1} where an axis is dropped`, `${begin}`);
    return { start, stride: 1, size: 1 };
  }
  const stop = masks.offset ? end + start : end;
  const behind = (masks.end_mask & bit) !== 0 ? past : placed(stop, extent, stride);
  return { start, stride, size: Math.max(Math.ceil((behind - start) / stride), 0) };
}

/**
 * Entries stand for the axes in order, except that one with an ellipsis bit stands for as many whole axes as are left over,
 * and one with a new-axis bit for none: it makes an axis of extent 1. Axes behind the last entry stay whole.
 */
function stridedSlice(context: ConvertContext): void {
  const x = movedInput(context, 0);
  const masks = context.options('StridedSliceOptions');
  const begin = context.constantNumbers(1, 'the begin');
  const end = perAxis(context, 2, 'the end', begin.length);
  const strides = perAxis(context, 3, 'the strides', begin.length);
  const entries = begin.map((first, i): Entry => ({ begin: first, end: end[i], stride: strides[i], bit: 1 << i }));
  const isEllipsis = ({ bit }: Entry) => (masks.ellipsis_mask & bit) !== 0;
  const isNew = (entry: Entry) => !isEllipsis(entry) && (masks.new_axis_mask & entry.bit) !== 0;
  const own = entries.filter((entry) => !isEllipsis(entry) && !isNew(entry)).length;
  const extents = x.type.shape;
  if (own > extents.length) context.refuse(`at most ${extents.length} entries of begin`, `${own}`);
  if (entries.filter(isEllipsis).length > 1) context.refuse('at most one ellipsis', `mask ${masks.ellipsis_mask}`);
  const parts: Part[] = [];
  const shape: number[] = [];
  const takeWhole = (count: number) => {
    for (const extent of extents.slice(parts.length, parts.length + count)) {
      parts.push(all(extent));
      shape.push(extent);
    }
  };
  for (const entry of entries) {
    if (isEllipsis(entry)) takeWhole(extents.length - own);
    else if (isNew(entry)) shape.push(1);
    else {
      const part = stridedPart(context, entry, extents[parts.length], masks);
      parts.push(part);
      if ((masks.shrink_axis_mask & entry.bit) === 0) shape.push(part.size);
    }
  }
  takeWhole(extents.length - parts.length);
  take(context, x, parts, 0, shape);
}

/** Cuts the operator's input `index` along an axis into its outputs, of the given sizes. */
function cut(context: ConvertContext, index: number, axis: number, sizes: readonly number[]): void {
  const { shape } = context.input(index, 'the tensor').type;
  let start = 0;
  sizes.forEach((size, output) => {
    const x = movedInput(context, index, output);
    take(context, x, shape.map(all).with(axis, { start, stride: 1, size }), output);
    start += size;
  });
}

function split(context: ConvertContext): void {
  const { shape } = context.input(1, 'the tensor').type;
  const axis = context.axis(onlyNumber(context, 0, 'the axis'), shape.length);
  const count = context.outputs.length;
  if (shape[axis] % count !== 0) context.refuse(`an extent in multiples of ${count}`, `${shape[axis]}`);
  cut(context, 1, axis, new Array<number>(count).fill(shape[axis] / count));
}

/** One size may be -1, which is what the others leave. */
function splitV(context: ConvertContext): void {
  const { shape } = context.input(0, 'the tensor').type;
  const axis = context.axis(onlyNumber(context, 2, 'the axis'), shape.length);
  const given = perAxis(context, 1, 'the sizes', context.outputs.length);
  const rest = shape[axis] - given.reduce((sum, size) => sum + Math.max(size, 0), 0);
  const sizes = given.map((size) => (size === -1 ? rest : size));
  if (given.filter((size) => size === -1).length > 1 || sizes.reduce((sum, size) => sum + size, 0) !== shape[axis]) {
    context.refuse(`sizes that sum to ${shape[axis]}`, `[${given.join(', ')}]`);
  }
  cut(context, 0, axis, sizes);
}

/** Slices of one place along the axis, which is then dropped. */
function unpack(context: ConvertContext): void {
  const { shape } = context.input(0, 'the tensor').type;
  const axis = context.axis(context.options('UnpackOptions').axis, shape.length);
  const count = context.outputs.length;
  if (shape[axis] !== count) context.refuse(`extent ${count}, one per output, along axis ${axis}`, `${shape[axis]}`);
  for (let start = 0; start < count; start++) {
    const x = movedInput(context, 0, start);
    const parts = shape.map(all).with(axis, { start, stride: 1, size: 1 });
    take(context, x, parts, start, shape.toSpliced(axis, 1));
  }
}

export const SLICE_CONVERTERS = {
  SLICE: slice,
  STRIDED_SLICE: stridedSlice,
  SPLIT: split,
  SPLIT_V: splitV,
  UNPACK: unpack,
} satisfies Converters;
