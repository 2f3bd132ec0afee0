/** Operators that move or repeat elements. */

import { broadcastShape } from '../../../../ir/tensor/ops/broadcast.ts';
import { elementCount, typeText } from '../../../../ir/tensor/types.ts';
import type { Converter, Converters, NodeContext } from '../node.ts';
import type { Value } from '../values.ts';
import { checkShapeOf } from './shape.ts';
import { joined } from './slice.ts';

const transpose: Converter = (node) => {
  const x = node.input(0);
  const rank = x.type.shape.length;
  return node.ops.transpose(x, node.attributes.ints('perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i));
};

const expand: Converter = (node) => {
  const x = node.input(0);
  const wanted = checkShapeOf(node, node.numbers(1, 'the shape'));
  return node.ops.broadcast(x, broadcastShape([x.type.shape, wanted]));
};

const tile: Converter = (node) => {
  const x = node.input(0);
  const multiples = node.numbers(1, 'the repeats');
  checkShapeOf(
    node,
    x.type.shape.map((extent, axis) => extent * (multiples[axis] ?? 1)),
  );
  return node.ops.one('tile', [x], { multiples });
};

/** Margins as [before, after] per axis, from the list that names all befores first. */
function margins(node: NodeContext, rank: number): { readonly before: number[]; readonly after: number[] } {
  const pads = node.intsOf('pads', 1) ?? node.refuse('pads', 'none');
  const stated = node.optionalNumbers(3, 'axes');
  const axes = stated === undefined ? Array.from({ length: rank }, (_, i) => i) : node.axes(stated, rank);
  if (pads.length !== 2 * axes.length) return node.refuse(`${2 * axes.length} pads`, `${pads.length}`);
  const before = new Array<number>(rank).fill(0);
  const after = new Array<number>(rank).fill(0);
  axes.forEach((axis, i) => {
    before[axis] = pads[i];
    after[axis] = pads[i + axes.length];
  });
  return { before, after };
}

const MODES = ['constant', 'reflect', 'edge', 'wrap'] as const;

const pad: Converter = (node) => {
  const { ops } = node;
  const x = node.input(0);
  const { shape } = x.type;
  const mode = node.attributes.choice('mode', MODES, 'constant');
  const { before, after } = margins(node, shape.length);
  // Negative margins cut off.
  const kept = ops.slice(
    x,
    before.map((margin) => Math.max(-margin, 0)),
    shape.map((extent, axis) => Math.max(extent + Math.min(before[axis], 0) + Math.min(after[axis], 0), 1)),
  );
  const added = {
    before: before.map((margin) => Math.max(margin, 0)),
    after: after.map((margin) => Math.max(margin, 0)),
  };
  if ([...added.before, ...added.after].every((margin) => margin === 0)) return kept;
  if (mode !== 'constant') return repeated(node, kept, added, mode);
  const value = node.attributes.has('value') ? ops.f32(node.attributes.float('value', 0)) : node.optional(2);
  if (value === undefined) return ops.one('pad', [kept, zero(node, kept)], added);
  return ops.one('pad', [kept, ops.reshape(value, [])], added);
};

function zero(node: NodeContext, like: Value): Value {
  return { ...node.ops.cast(node.ops.f32(0), like.type.dtype), element: like.element };
}

/** Margins made of the tensor's own elements, axis by axis, through the index of what each place shows. */
function repeated(
  node: NodeContext,
  x: Value,
  { before, after }: { readonly before: readonly number[]; readonly after: readonly number[] },
  mode: 'reflect' | 'edge' | 'wrap',
): Value {
  return x.type.shape.reduce((so, extent, axis) => {
    if (before[axis] === 0 && after[axis] === 0) return so;
    const count = before[axis] + extent + after[axis];
    const places = Array.from({ length: count }, (_, i) => shownPlace(i - before[axis], extent, mode));
    return node.ops.gather(so, node.ops.i32s(places), axis);
  }, x);
}

function shownPlace(place: number, extent: number, mode: 'reflect' | 'edge' | 'wrap'): number {
  if (mode === 'edge' || extent === 1) return Math.min(Math.max(place, 0), extent - 1);
  if (mode === 'wrap') return ((place % extent) + extent) % extent;
  const period = 2 * (extent - 1);
  const folded = ((place % period) + period) % period;
  return folded < extent ? folded : period - folded;
}

/** Blocks of channels become blocks of pixels. DCR: the block's place is the outer part of the channel, CRD: the inner. */
const depthToSpace: Converter = (node) => {
  const x = node.input(0);
  node.expectRank(x, 4, 'an image');
  const block = node.attributes.int('blocksize', 1);
  const mode = node.attributes.choice('mode', ['DCR', 'CRD'], 'DCR');
  const [n, c, h, w] = x.type.shape;
  const depth = c / block ** 2;
  if (!Number.isInteger(depth)) return node.refuse(`channels in blocks of ${block ** 2}`, typeText(x.type));
  const { ops } = node;
  const split = mode === 'DCR' ? [n, block, block, depth, h, w] : [n, depth, block, block, h, w];
  const order = mode === 'DCR' ? [0, 3, 4, 1, 5, 2] : [0, 1, 4, 2, 5, 3];
  return ops.reshape(ops.transpose(ops.reshape(x, split), order), [n, depth, h * block, w * block]);
};

const spaceToDepth: Converter = (node) => {
  const x = node.input(0);
  node.expectRank(x, 4, 'an image');
  const block = node.attributes.int('blocksize', 1);
  const [n, c, h, w] = x.type.shape;
  if (h % block !== 0 || w % block !== 0) return node.refuse(`an image in blocks of ${block}`, typeText(x.type));
  const { ops } = node;
  const split = ops.reshape(x, [n, c, h / block, block, w / block, block]);
  return ops.reshape(ops.transpose(split, [0, 3, 5, 1, 2, 4]), [n, c * block ** 2, h / block, w / block]);
};

/** Cut or padded with zeros to a size, the difference shared by both sides, the odd one at the end. */
const centerCropPad: Converter = (node) => {
  const x = node.input(0);
  const wanted = node.numbers(1, 'the shape');
  const rank = x.type.shape.length;
  const axes = node.axes(node.attributes.ints('axes') ?? x.type.shape.map((_, i) => i), rank);
  const start = x.type.shape.map(() => 0);
  const size = [...x.type.shape];
  const before = x.type.shape.map(() => 0);
  const after = x.type.shape.map(() => 0);
  axes.forEach((axis, i) => {
    const difference = wanted[i] - x.type.shape[axis];
    if (difference < 0) start[axis] = Math.floor(-difference / 2);
    size[axis] = Math.min(wanted[i], x.type.shape[axis]);
    before[axis] = Math.max(Math.floor(difference / 2), 0);
    after[axis] = Math.max(difference - before[axis], 0);
  });
  const cut = node.ops.slice(x, start, size);
  if ([...before, ...after].every((margin) => margin === 0)) return cut;
  return node.ops.one('pad', [cut, zero(node, cut)], { before, after });
};

/** The first `length` places of each sequence in reverse, the rest as they are. */
const reverseSequence: Converter = (node) => {
  const x = node.input(0);
  const lengths = node.numbers(1, 'the lengths');
  const batchAxis = node.attributes.int('batch_axis', 1);
  const timeAxis = node.attributes.int('time_axis', 0);
  const rows = lengths.map((length, batch) => {
    const row = node.ops.part(x, batchAxis, batch, 1);
    const steps = x.type.shape[timeAxis];
    const places = Array.from({ length: steps }, (_, i) => (i < length ? length - 1 - i : i));
    return node.ops.gather(row, node.ops.i32s(places), timeAxis);
  });
  return joined(node, rows, batchAxis);
};

/** The upper or lower triangle of the last two axes; the rest is 0. */
const trilu: Converter = (node) => {
  const x = node.input(0);
  const { shape } = x.type;
  if (shape.length < 2) return node.refuse('a tensor of matrices', typeText(x.type));
  const upper = node.attributes.flag('upper', true);
  const k = node.number(1, 'the diagonal', 0);
  const [rows, columns] = shape.slice(-2);
  if (elementCount(shape) === 0) return x;
  const kept = Uint8Array.from({ length: rows * columns }, (_, i) => {
    const offset = (i % columns) - Math.floor(i / columns);
    return (upper ? offset >= k : offset <= k) ? 1 : 0;
  });
  const mask = node.ops.constant('bool', [rows, columns], kept);
  return node.ops.select(mask, x, zero(node, x));
};

export const MOVEMENT: Converters = {
  Transpose: transpose,
  Expand: expand,
  Tile: tile,
  Pad: pad,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  CenterCropPad: centerCropPad,
  ReverseSequence: reverseSequence,
  Trilu: trilu,
};
