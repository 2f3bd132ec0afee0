/** Convolutions. */
import { elementCount, typeText } from '../../../../ir/tensor/types.ts';
import type { Converter, Converters, NodeContext } from '../node.ts';
import type { Value } from '../values.ts';
import { asTwoDimensional, paddingAttr, toChannelsFirst, toChannelsLast, type Windows, windowsOf } from './window.ts';

const TAIL = { activation: 'none', rounding: 'double', accumulator: 'i32' } as const;

function pair(values: readonly number[]): [number, number] {
  return [values[0], values[1]];
}

const conv: Converter = (node) => {
  const [x, w, bias] = [node.input(0), node.input(1), node.optional(2)];
  return { ...convolution(node, x, w, bias), element: x.element };
};

/** x [n, c, ..], w [m, c / groups, ..] */
export function convolution(
  node: NodeContext,
  x: Value,
  w: Value,
  bias: Value | undefined,
  groups = node.attributes.int('group', 1),
): Value {
  const extents = x.type.shape.slice(2);
  const window = w.type.shape.slice(2);
  if (x.type.shape.length < 3 || extents.length !== window.length) {
    return node.refuse('an image and filters of one rank', `${typeText(x.type)} and ${typeText(w.type)}`);
  }
  const stated = node.attributes.ints('kernel_shape');
  if (stated !== undefined && stated.join() !== window.join()) {
    node.refuseAttribute('kernel_shape', `the filters' [${window}]`, `[${stated}]`);
  }
  if (groups < 1 || x.type.shape[1] !== w.type.shape[1] * groups || w.type.shape[0] % groups !== 0) {
    return node.refuse(`filters for ${groups} groups`, `${typeText(x.type)} and ${typeText(w.type)}`);
  }
  return overWindows(node, x, w, bias, windowsOf(node, extents, window));
}

function overWindows(node: NodeContext, x: Value, w: Value, bias: Value | undefined, windows: Windows): Value {
  const { ops } = node;
  const rank = windows.window.length;
  if (rank === 2) return planar(node, x, w, bias, windows);
  if (rank === 1) {
    const [row, filters] = [x, w].map((value) => ops.reshape(value, value.type.shape.toSpliced(2, 0, 1)));
    const y = planar(node, row, filters, bias, asTwoDimensional(windows));
    return ops.reshape(y, y.type.shape.toSpliced(2, 1));
  }
  return overDepth(node, x, w, bias, windows);
}

function planar(node: NodeContext, x: Value, w: Value, bias: Value | undefined, windows: Windows): Value {
  const { ops } = node;
  const image = toChannelsLast(node, x);
  const attrs = {
    stride: pair(windows.stride),
    dilation: pair(windows.dilation),
    padding: paddingAttr(windows),
    ...TAIL,
  };
  const channels = x.type.shape[1];
  const isDepthwise = w.type.shape[1] === 1 && channels > 1;
  const filters = isDepthwise ? ops.transpose(w, [1, 2, 3, 0]) : ops.transpose(w, [0, 2, 3, 1]);
  const operands = bias === undefined ? [image, filters] : [image, filters, bias];
  return toChannelsFirst(node, ops.one(isDepthwise ? 'depthwise_conv2d' : 'conv2d', operands, attrs));
}

/** Axis 2 is written out: each tap of the filters' is a convolution over the others, and their sum is the result. */
function overDepth(node: NodeContext, x: Value, w: Value, bias: Value | undefined, windows: Windows): Value {
  const { ops } = node;
  const inner: Windows = {
    window: windows.window.slice(1),
    stride: windows.stride.slice(1),
    dilation: windows.dilation.slice(1),
    before: windows.before.slice(1),
    after: windows.after.slice(1),
    margin: windows.margin.slice(1),
    output: windows.output.slice(1),
  };
  const [taps, stride, dilation, depth] = [
    windows.window[0],
    windows.stride[0],
    windows.dilation[0],
    windows.output[0],
  ];
  const padded = paddedAxis(node, x, 2, windows.before[0], windows.after[0]);
  const terms = Array.from({ length: taps }, (_, tap) => {
    const start = padded.type.shape.map((_unused, axis) => (axis === 2 ? tap * dilation : 0));
    const strides = start.map((_unused, axis) => (axis === 2 ? stride : 1));
    const rows = ops.slice(padded, start, padded.type.shape.with(2, depth), strides);
    const batched = ops.moveAxis(rows, 2, 1);
    const [n, d, ...rest] = batched.type.shape;
    const filters = ops.reshape(ops.part(w, 2, tap, 1), w.type.shape.toSpliced(2, 1));
    const y = overWindows(node, ops.reshape(batched, [n * d, ...rest]), filters, tap === 0 ? bias : undefined, inner);
    return ops.moveAxis(ops.reshape(y, [n, d, ...y.type.shape.slice(1)]), 1, 2);
  });
  return terms.slice(1).reduce((sum, term) => ops.add(sum, term), terms[0]);
}

/** Zeros before and after along one axis. */
export function paddedAxis(node: NodeContext, x: Value, axis: number, before: number, after: number): Value {
  if (before === 0 && after === 0) return x;
  const margin = (count: number) => x.type.shape.map((_, i) => (i === axis ? count : 0));
  return node.ops.one('pad', [x, node.ops.cast(node.ops.f32(0), x.type.dtype)], {
    before: margin(before),
    after: margin(after),
  });
}

interface Transposed {
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  /** Rows cut off before the first of the output. */
  readonly before: readonly number[];
  readonly output: readonly number[];
}

const AUTO_PADS = ['NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID'] as const;

function transposedWindows(node: NodeContext, extents: readonly number[], window: readonly number[]): Transposed {
  const { attributes } = node;
  const rank = extents.length;
  const ones = () => new Array<number>(rank).fill(1);
  const zeros = () => new Array<number>(rank).fill(0);
  const stride = attributes.ints('strides') ?? ones();
  const dilation = attributes.ints('dilations') ?? ones();
  const extra = attributes.ints('output_padding') ?? zeros();
  const stated = attributes.ints('output_shape')?.slice(-rank);
  const mode = attributes.choice('auto_pad', AUTO_PADS, 'NOTSET');
  const pads = attributes.ints('pads') ?? [...zeros(), ...zeros()];
  if ([stride, dilation, extra].some((list) => list.length !== rank) || pads.length !== 2 * rank) {
    return node.refuse(`strides, dilations and pads for ${rank} axes`, 'others');
  }
  const full = extents.map(
    (extent, axis) => stride[axis] * (extent - 1) + extra[axis] + (window[axis] - 1) * dilation[axis] + 1,
  );
  const same = mode === 'SAME_UPPER' || mode === 'SAME_LOWER';
  const wanted = stated ?? (same ? extents.map((extent, axis) => extent * stride[axis]) : undefined);
  if (wanted === undefined) {
    const output = full.map((count, axis) => (mode === 'VALID' ? count : count - pads[axis] - pads[rank + axis]));
    return { stride, dilation, before: mode === 'VALID' ? zeros() : pads.slice(0, rank), output };
  }
  const total = full.map((count, axis) => Math.max(count - wanted[axis], 0));
  const before = total.map((cut) => (mode === 'SAME_UPPER' ? Math.floor(cut / 2) : cut - Math.floor(cut / 2)));
  return { stride, dilation, before, output: wanted };
}

const convTranspose: Converter = (node) => {
  const [x, w, bias] = [node.input(0), node.input(1), node.optional(2)];
  const extents = x.type.shape.slice(2);
  const window = w.type.shape.slice(2);
  node.attributes.ignore('kernel_shape');
  const groups = node.attributes.int('group', 1);
  if (extents.length < 1 || extents.length !== window.length || groups < 1 || x.type.shape[1] !== w.type.shape[0]) {
    return node.refuse('an image and filters that fit', `${typeText(x.type)} and ${typeText(w.type)}`);
  }
  const plan = transposedWindows(node, extents, window);
  const channels = x.type.shape[1] / groups;
  const each = Array.from({ length: groups }, (_, g) =>
    transposedGroup(
      node,
      node.ops.part(x, 1, g * channels, channels),
      node.ops.part(w, 0, g * channels, channels),
      plan,
    ),
  );
  const y = node.ops.concat(each, 1);
  if (bias === undefined) return y;
  return node.ops.add(y, node.ops.reshape(bias, [elementCount(bias.type.shape), ...extents.map(() => 1)]));
};

/** x [n, c, ..], w [c, m, ..] */
function transposedGroup(node: NodeContext, x: Value, w: Value, plan: Transposed): Value {
  const { ops } = node;
  if (plan.output.length > 2) return scatteredGroup(node, x, w, plan);
  const flat = plan.output.length === 1;
  const grown = (list: readonly number[], first: number) => pair(flat ? [first, ...list] : list);
  const [image, filters] = [x, w].map((value) =>
    flat ? ops.reshape(value, value.type.shape.toSpliced(2, 0, 1)) : value,
  );
  const spread = grown(plan.dilation, 1).reduce((so, step, i) => spreadAxis(node, so, 2 + i, step), filters);
  const [top, left] = grown(plan.before, 0);
  const y = ops.one('transpose_conv2d', [toChannelsLast(node, image), ops.transpose(spread, [1, 2, 3, 0])], {
    stride: grown(plan.stride, 1),
    padding: { top, left },
    output: grown(plan.output, 1),
    activation: 'none',
    rounding: 'double',
  });
  const result = toChannelsFirst(node, y);
  return flat ? ops.reshape(result, result.type.shape.toSpliced(2, 1)) : result;
}

/** step - 1 zeros between neighbours along an axis. */
function spreadAxis(node: NodeContext, x: Value, axis: number, step: number): Value {
  if (step === 1) return x;
  const { ops } = node;
  const extent = x.type.shape[axis];
  const split = ops.reshape(x, x.type.shape.toSpliced(axis + 1, 0, 1));
  const padded = ops.reshape(paddedAxis(node, split, axis + 1, 0, step - 1), x.type.shape.with(axis, extent * step));
  return ops.part(padded, axis, 0, (extent - 1) * step + 1);
}

/** Any number of axes: the image with zeros between its elements, convolved with the filters turned around. */
function scatteredGroup(node: NodeContext, x: Value, w: Value, plan: Transposed): Value {
  const { ops } = node;
  const rank = plan.output.length;
  const axes = plan.output.map((_, axis) => axis);
  const image = axes.reduce((so, axis) => spreadAxis(node, so, 2 + axis, plan.stride[axis]), x);
  const reach = axes.map((axis) => (w.type.shape[2 + axis] - 1) * plan.dilation[axis]);
  const turned = ops.slice(
    w,
    w.type.shape.map((extent, axis) => (axis < 2 ? 0 : extent - 1)),
    w.type.shape,
    w.type.shape.map((_, axis) => (axis < 2 ? 1 : -1)),
  );
  const before = axes.map((axis) => reach[axis] - plan.before[axis]);
  const after = axes.map((axis) => plan.output[axis] + reach[axis] - before[axis] - image.type.shape[2 + axis]);
  if ([...before, ...after].some((margin) => margin < 0))
    return node.refuse('pads within the reach of the filters', `[${plan.before}]`);
  const windows: Windows = {
    window: w.type.shape.slice(2),
    stride: new Array<number>(rank).fill(1),
    dilation: plan.dilation,
    before,
    after,
    margin: after,
    output: plan.output,
  };
  return overWindows(node, image, ops.transpose(turned, [1, 0, ...axes.map((axis) => axis + 2)]), undefined, windows);
}

export const CONV: Converters = { Conv: conv, ConvTranspose: convTranspose };
