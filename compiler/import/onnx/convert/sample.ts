/** Images read at places that are computed: each corner around a place is gathered and weighed. */
import { elementCount, typeText } from '../../../../ir/tensor/types.ts';
import type { Converter, Converters, NodeContext } from '../node.ts';
import type { Value } from '../values.ts';
import { widened } from './arithmetic.ts';

type Padding = 'zeros' | 'border' | 'reflection';

interface Sampler {
  /** [n, .., c], channels last. */
  readonly image: Value;
  readonly extents: readonly number[];
  readonly padding: Padding;
  readonly alignCorners: boolean;
}

/** Rows of the image at whole places, one tensor [n, p] per axis, as [n, p, c]; places outside follow the padding. */
function pixelsAt(
  node: NodeContext,
  { image, extents, padding, alignCorners }: Sampler,
  places: readonly Value[],
): Value {
  const { ops } = node;
  const [batch] = image.type.shape;
  const channels = image.type.shape.at(-1) as number;
  const count = places[0].type.shape[1];
  const inside = places.map((place, axis) => placeWithin(node, place, extents[axis], padding, alignCorners));
  const index = inside.reduce(
    (so, { place }, axis) => ops.add(ops.mul(so, ops.i32(extents[axis])), place),
    ops.i32s(
      Array.from({ length: batch }, (_, n) => n),
      [batch, 1],
    ),
  );
  const rows = ops.gather(
    ops.reshape(image, [batch * elementCount(extents), channels]),
    ops.reshape(index, [batch * count]),
    0,
  );
  const pixels = ops.reshape(rows, [batch, count, channels]);
  return inside.reduce(
    (so, { valid }) => (valid === undefined ? so : ops.select(ops.reshape(valid, [batch, count, 1]), so, ops.f32(0))),
    pixels,
  );
}

/** A whole place (f32) as an index, and where it lies in the image when outside is zero. */
function placeWithin(node: NodeContext, place: Value, extent: number, padding: Padding, alignCorners: boolean) {
  const { ops } = node;
  const last = extent - 1;
  const clamped = (x: Value) => ops.cast(ops.min(ops.max(x, ops.f32(0)), ops.f32(last)), 'i32');
  if (padding === 'border') return { place: clamped(place), valid: undefined };
  if (padding === 'reflection')
    return { place: clamped(ops.unary('round', reflected(node, place, extent, alignCorners))), valid: undefined };
  const low = ops.compare('greater_equal', place, ops.f32(0));
  const high = ops.compare('less_equal', place, ops.f32(last));
  return { place: clamped(place), valid: ops.logic('logical_and', low, high) };
}

/** x folded back at the borders, as often as needed. */
function reflected(node: NodeContext, x: Value, extent: number, alignCorners: boolean): Value {
  const { ops } = node;
  const [low, high] = alignCorners ? [0, extent - 1] : [-0.5, extent - 0.5];
  const span = high - low;
  if (span === 0) return ops.mul(x, ops.f32(0));
  const distance = ops.unary('abs', ops.sub(x, ops.f32(low)));
  const folded = ops.one('floor_mod', [distance, ops.f32(2 * span)], {});
  const back = ops.select(ops.compare('greater', folded, ops.f32(span)), ops.sub(ops.f32(2 * span), folded), folded);
  return ops.add(back, ops.f32(low));
}

/** Weights of the taps around a place: how far they are from its floor, and what each counts for the remainder. */
type Taps = readonly { readonly offset: number; readonly weight: (node: NodeContext, t: Value) => Value }[];

const LINEAR: Taps = [
  { offset: 0, weight: ({ ops }, t) => ops.sub(ops.f32(1), t) },
  { offset: 1, weight: (_, t) => t },
];

/** Keys' cubic convolution with a = -0.75, as a polynomial of the distance. */
function cubicWeight({ ops }: NodeContext, d: Value, near: boolean): Value {
  const a = -0.75;
  const polynomial = (coefficients: readonly number[]) =>
    coefficients.slice(1).reduce<Value>((so, c) => ops.add(ops.mul(so, d), ops.f32(c)), ops.f32(coefficients[0]));
  return near ? polynomial([a + 2, -(a + 3), 0, 1]) : polynomial([a, -5 * a, 8 * a, -4 * a]);
}

const CUBIC: Taps = [-1, 0, 1, 2].map((offset) => ({
  offset,
  weight: (node: NodeContext, t: Value) => {
    const { ops } = node;
    const distance = offset <= 0 ? ops.sub(t, ops.f32(offset)) : ops.sub(ops.f32(offset), t);
    return cubicWeight(node, distance, offset === 0 || offset === 1);
  },
}));

/** All combinations of taps along the axes, weighed and summed. */
function interpolated(node: NodeContext, sampler: Sampler, places: readonly Value[], taps: Taps): Value {
  const terms = weighted(node, sampler, places, taps);
  return terms.slice(1).reduce((sum, term) => node.ops.add(sum, term), terms[0]);
}

/** The pixel of every combination of taps times its weight. */
function weighted(node: NodeContext, sampler: Sampler, places: readonly Value[], taps: Taps): Value[] {
  const { ops } = node;
  const floors = places.map((place) => ops.unary('floor', place));
  const rests = places.map((place, axis) => ops.sub(place, floors[axis]));
  const combine = (axis: number, chosen: readonly Value[], weight: Value | undefined): Value[] => {
    if (axis === places.length) {
      const pixels = pixelsAt(node, sampler, chosen);
      const factor = weight as Value;
      return [ops.mul(pixels, ops.reshape(factor, [...factor.type.shape, 1]))];
    }
    return taps.flatMap((tap) => {
      const own = tap.weight(node, rests[axis]);
      const at = tap.offset === 0 ? floors[axis] : ops.add(floors[axis], ops.f32(tap.offset));
      return combine(axis + 1, [...chosen, at], weight === undefined ? own : ops.mul(weight, own));
    });
  };
  return combine(0, [], undefined);
}

/** [n, c, ..] to [n, .., c] and what the sampler needs. */
function samplerOf(node: NodeContext, x: Value, padding: Padding, alignCorners: boolean): Sampler {
  return {
    image: node.ops.moveAxis(x, 1, x.type.shape.length - 1),
    extents: x.type.shape.slice(2),
    padding,
    alignCorners,
  };
}

const gridSample: Converter = (node) => {
  const { ops, attributes } = node;
  const [x, grid] = [node.input(0), node.input(1)];
  const rank = x.type.shape.length - 2;
  const mode = attributes.choice('mode', ['linear', 'bilinear', 'nearest', 'cubic', 'bicubic'], 'linear');
  const padding = attributes.choice('padding_mode', ['zeros', 'border', 'reflection'], 'zeros');
  const alignCorners = attributes.flag('align_corners', false);
  const output = grid.type.shape.slice(1, -1);
  if (grid.type.shape.at(-1) !== rank) return node.refuse(`a grid of ${rank} coordinates`, typeText(grid.type));
  const [batch, channels] = x.type.shape;
  const count = elementCount(output);
  const sampler = samplerOf(node, x, padding, alignCorners);
  // Coordinates stand innermost axis first.
  const places = sampler.extents.map((extent, axis) => {
    const n = ops.reshape(ops.part(grid, grid.type.shape.length - 1, rank - 1 - axis, 1), [batch, count]);
    const place = alignCorners
      ? ops.mul(ops.div(ops.add(n, ops.f32(1)), ops.f32(2)), ops.f32(extent - 1))
      : ops.div(ops.sub(ops.mul(ops.add(n, ops.f32(1)), ops.f32(extent)), ops.f32(1)), ops.f32(2));
    return mode === 'cubic' || mode === 'bicubic' ? place : settled(node, place, extent, padding, alignCorners);
  });
  const taps = mode === 'cubic' || mode === 'bicubic' ? CUBIC : LINEAR;
  const pixels =
    mode === 'nearest'
      ? pixelsAt(
          node,
          sampler,
          places.map((place) => ops.unary('round', place)),
        )
      : interpolated(node, sampler, places, taps);
  return { ...ops.moveAxis(ops.reshape(pixels, [batch, ...output, channels]), 1 + rank, 1), element: x.element };
};

/** The place itself is brought into the image before it is interpolated, but for zeros. */
function settled(node: NodeContext, place: Value, extent: number, padding: Padding, alignCorners: boolean): Value {
  const { ops } = node;
  const clamp = (x: Value) => ops.min(ops.max(x, ops.f32(0)), ops.f32(extent - 1));
  if (padding === 'border') return clamp(place);
  return padding === 'reflection' ? reflected(node, place, extent, alignCorners) : place;
}

const affineGrid: Converter = (node) => {
  const { ops } = node;
  const theta = node.input(0);
  const size = node.numbers(1, 'the size').slice(2);
  const alignCorners = node.attributes.flag('align_corners', false);
  const rank = size.length;
  const count = elementCount(size);
  const base = new Float32Array(count * (rank + 1));
  for (let i = 0; i < count; i++) {
    let rest = i;
    for (let axis = rank - 1; axis >= 0; axis--) {
      const at = rest % size[axis];
      rest = Math.floor(rest / size[axis]);
      base[i * (rank + 1) + (rank - 1 - axis)] = alignCorners
        ? size[axis] === 1
          ? 0
          : -1 + (2 * at) / (size[axis] - 1)
        : -1 + (2 * at + 1) / size[axis];
    }
    base[i * (rank + 1) + rank] = 1;
  }
  const grid = ops.matmul(ops.f32s(base, [1, count, rank + 1]), ops.transpose(theta, [0, 2, 1]));
  return ops.reshape(grid, [theta.type.shape[0], ...size, rank]);
};

/** Regions of the image at one size: means (or maxima) of points that are interpolated. */
const roiAlign: Converter = (node) => {
  const { ops, attributes } = node;
  const [x, rois, batches] = [node.input(0), node.input(1), node.input(2)];
  const [height, width] = [attributes.int('output_height', 1), attributes.int('output_width', 1)];
  const ratio = attributes.int('sampling_ratio', 0);
  const scale = attributes.float('spatial_scale', 1);
  const mode = attributes.choice('mode', ['avg', 'max'], 'avg');
  const standard = node.version >= 16 ? 'half_pixel' : 'output_half_pixel';
  const half =
    attributes.choice('coordinate_transformation_mode', ['half_pixel', 'output_half_pixel'], standard) === 'half_pixel';
  if (ratio < 1)
    return node.refuseAttribute(
      'sampling_ratio',
      'a number of points per bin',
      `${ratio}, which depends on the regions`,
    );
  const regions = rois.type.shape[0];
  const corner = (i: number) => {
    const scaled = ops.mul(ops.part(rois, 1, i, 1), ops.f32(scale));
    return half ? ops.sub(scaled, ops.f32(0.5)) : scaled;
  };
  const axis = (first: number, last: number, bins: number) => {
    const [start, end] = [corner(first), corner(last)];
    const length = half ? ops.sub(end, start) : ops.max(ops.sub(end, start), ops.f32(1));
    const bin = ops.div(length, ops.f32(bins));
    const offsets = Array.from({ length: bins * ratio }, (_, i) => Math.floor(i / ratio) + ((i % ratio) + 0.5) / ratio);
    return ops.add(start, ops.mul(bin, ops.f32s(offsets, [1, bins * ratio])));
  };
  const [ys, xs] = [axis(1, 3, height), axis(0, 2, width)];
  const [rows, columns] = [height * ratio, width * ratio];
  const spread = (value: Value, shape: readonly number[]) =>
    ops.reshape(ops.broadcast(ops.reshape(value, shape), [regions, rows, columns]), [regions, rows * columns]);
  const places = [spread(ys, [regions, rows, 1]), spread(xs, [regions, 1, columns])];
  const chosen = ops.gather(x, widened(node, batches), 0);
  const sampler = samplerOf(node, chosen, 'border', false);
  const clamped = places.map((place, i) => ops.min(ops.max(place, ops.f32(0)), ops.f32(sampler.extents[i] - 1)));
  // Maxima are taken of the weighed corners, not of their sums, as the operator's reference has it.
  const corners = weighted(node, sampler, clamped, LINEAR);
  const points = corners
    .slice(1)
    .reduce((so, next) => (mode === 'avg' ? ops.add(so, next) : ops.max(so, next)), corners[0]);
  const valid = places.map((place, i) =>
    ops.logic(
      'logical_and',
      ops.compare('greater_equal', place, ops.f32(-1)),
      ops.compare('less_equal', place, ops.f32(sampler.extents[i])),
    ),
  );
  const both = ops.reshape(ops.logic('logical_and', valid[0], valid[1]), [regions, rows * columns, 1]);
  const channels = x.type.shape[1];
  const bins = ops.reshape(ops.select(both, points, ops.f32(0)), [regions, height, ratio, width, ratio, channels]);
  const pooled = ops.reduce(mode === 'avg' ? 'mean' : 'reduce_max', bins, [2, 4], false);
  return ops.transpose(pooled, [0, 3, 1, 2]);
};

/** A convolution whose taps are moved by offsets: its columns are sampled, then multiplied with the filters. */
const deformConv: Converter = (node) => {
  const { ops, attributes } = node;
  const [x, w, offset, bias, mask] = [node.input(0), node.input(1), node.input(2), node.optional(3), node.optional(4)];
  node.expectRank(x, 4, 'an image');
  const [batch, channels] = x.type.shape;
  const [outputs, depth, kh, kw] = w.type.shape;
  const [oh, ow] = offset.type.shape.slice(2);
  const taps = kh * kw;
  const groups = attributes.int('group', 1);
  const offsetGroups = attributes.int('offset_group', 1);
  const stride = attributes.ints('strides') ?? [1, 1];
  const dilation = attributes.ints('dilations') ?? [1, 1];
  const pads = attributes.ints('pads') ?? [0, 0, 0, 0];
  attributes.ignore('kernel_shape');
  const moves = ops.reshape(offset, [batch, offsetGroups, taps, 2, oh * ow]);
  const base = (axis: number) =>
    Float32Array.from({ length: taps * oh * ow }, (_, i) => {
      const tap = Math.floor(i / (oh * ow));
      const place = i % (oh * ow);
      const [t, p] = axis === 0 ? [Math.floor(tap / kw), Math.floor(place / ow)] : [tap % kw, place % ow];
      return p * stride[axis] - pads[axis] + t * dilation[axis];
    });
  const each = channels / offsetGroups;
  const columns = Array.from({ length: offsetGroups }, (_, g) => {
    const sampler = samplerOf(node, ops.part(x, 1, g * each, each), 'zeros', true);
    const own = ops.part(moves, 1, g, 1);
    const places = [0, 1].map((axis) => {
      const moved = ops.reshape(ops.part(own, 3, axis, 1), [batch, taps * oh * ow]);
      return ops.add(moved, ops.f32s(base(axis), [1, taps * oh * ow]));
    });
    const pixels = interpolated(node, sampler, places, LINEAR);
    if (mask === undefined) return pixels;
    const factor = ops.part(ops.reshape(mask, [batch, offsetGroups, taps * oh * ow]), 1, g, 1);
    return ops.mul(pixels, ops.reshape(factor, [batch, taps * oh * ow, 1]));
  });
  // [batch, taps, places, channels] times filters by group.
  const all = ops.reshape(ops.concat(columns, 2), [batch, taps, oh * ow, channels]);
  const perGroup = outputs / groups;
  const results = Array.from({ length: groups }, (_, g) => {
    const part = ops.transpose(ops.part(all, 3, g * depth, depth), [0, 2, 3, 1]);
    const rows = ops.reshape(part, [batch, oh * ow, depth * taps]);
    const filters = ops.reshape(ops.part(w, 0, g * perGroup, perGroup), [perGroup, depth * taps]);
    return ops.matmul(rows, ops.transpose(filters, [1, 0]));
  });
  const sum = ops.concat(results, 2);
  const biased = bias === undefined ? sum : ops.add(sum, bias);
  return ops.reshape(ops.transpose(biased, [0, 2, 1]), [batch, outputs, oh, ow]);
};

/** Columns of blocks back into an image; where blocks overlap, they add up. */
const col2Im: Converter = (node) => {
  const { ops, attributes } = node;
  const x = node.input(0);
  const image = node.numbers(1, 'the image shape');
  const block = node.numbers(2, 'the block shape');
  const rank = image.length;
  const dilation = attributes.ints('dilations') ?? image.map(() => 1);
  const stride = attributes.ints('strides') ?? image.map(() => 1);
  const pads = attributes.ints('pads') ?? [...image, ...image].map(() => 0);
  const [batch, width, length] = x.type.shape;
  const taps = elementCount(block);
  const channels = width / taps;
  const blocks = image.map(
    (extent, i) => Math.floor((extent + pads[i] + pads[rank + i] - dilation[i] * (block[i] - 1) - 1) / stride[i]) + 1,
  );
  if (!Number.isInteger(channels) || elementCount(blocks) !== length) {
    return node.refuse(`columns of ${elementCount(blocks)} blocks of ${taps}`, typeText(x.type));
  }
  const padded = image.map((extent, i) => extent + pads[i] + pads[rank + i]);
  const digits = (value: number, extents: readonly number[]) => {
    let rest = value;
    return extents.map((_, i) => {
      const inner = elementCount(extents.slice(i + 1));
      const digit = Math.floor(rest / inner);
      rest %= inner;
      return digit;
    });
  };
  const places = Int32Array.from({ length: taps * length }, (_, i) => {
    const tap = digits(Math.floor(i / length), block);
    const at = digits(i % length, blocks);
    return padded.reduce((so, extent, axis) => so * extent + at[axis] * stride[axis] + tap[axis] * dilation[axis], 0);
  });
  const rows = ops.reshape(x, [batch * channels, taps * length]);
  const indices = ops.broadcast(ops.i32s(places, [1, taps * length]), rows.type.shape);
  const empty = ops.f32(0, [batch * channels, elementCount(padded)]);
  const sum = ops.one('scatter_elements', [empty, indices, rows], { axis: 1, reduction: 'add' });
  const whole = ops.reshape(sum, [batch, channels, ...padded]);
  return ops.slice(whole, [0, 0, ...pads.slice(0, rank)], [batch, channels, ...image]);
};

export const SAMPLE: Converters = {
  GridSample: gridSample,
  AffineGrid: affineGrid,
  RoiAlign: roiAlign,
  DeformConv: deformConv,
  Col2Im: col2Im,
};
