/** Windows that move over images: where they start, how far they reach, how many there are. */
import type { NodeContext } from '../node.ts';
import type { Value } from '../values.ts';

export interface Windows {
  readonly window: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  /** Rows before and after the image that windows reach, per axis. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** Rows after the image as the file states them, some of which windows may not reach, or reach beyond. */
  readonly margin: readonly number[];
  readonly output: readonly number[];
}

const AUTO_PADS = ['NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID'] as const;

function perAxis(node: NodeContext, name: string, rank: number, least: number): number[] {
  const stated = node.attributes.ints(name) ?? new Array<number>(rank).fill(1);
  if (stated.length !== rank || stated.some((value) => value < least || value > 2 ** 24)) {
    return node.refuseAttribute(name, `${rank} numbers of at least ${least}`, `[${stated}]`);
  }
  return stated;
}

/** The attributes strides, dilations, pads, auto_pad and ceil_mode for windows over the last axes of an image. */
export function windowsOf(node: NodeContext, extents: readonly number[], window: readonly number[]): Windows {
  const rank = extents.length;
  const stride = perAxis(node, 'strides', rank, 1);
  const dilation = perAxis(node, 'dilations', rank, 1);
  const reach = window.map((count, axis) => (count - 1) * dilation[axis] + 1);
  const { before, after } = paddingOf(node, extents, reach, stride);
  const ceil = node.attributes.flag('ceil_mode', false);
  const output = extents.map((extent, axis) => {
    const places = (extent + before[axis] + after[axis] - reach[axis]) / stride[axis];
    const count = (ceil ? Math.ceil(places) : Math.floor(places)) + 1;
    // A window that would start behind the image and its leading margin does not count.
    return ceil && (count - 1) * stride[axis] >= extent + before[axis] ? count - 1 : count;
  });
  if (output.some((count) => count < 1)) {
    return node.refuse(`windows that fit into [${extents}]`, `a reach of [${reach}]`);
  }
  // The margin that the last windows reach, which is less where some places are left over.
  const needed = extents.map((extent, axis) => (output[axis] - 1) * stride[axis] + reach[axis] - extent - before[axis]);
  return {
    window,
    stride,
    dilation,
    before,
    after: needed.map((margin) => Math.max(margin, 0)),
    margin: after,
    output,
  };
}

function paddingOf(
  node: NodeContext,
  extents: readonly number[],
  reach: readonly number[],
  stride: readonly number[],
): { readonly before: number[]; readonly after: number[] } {
  const rank = extents.length;
  const mode = node.attributes.choice('auto_pad', AUTO_PADS, 'NOTSET');
  const pads = node.attributes.ints('pads') ?? new Array<number>(2 * rank).fill(0);
  if (pads.length !== 2 * rank || pads.some((pad) => pad < 0 || pad > 2 ** 24)) {
    return node.refuseAttribute('pads', `${2 * rank} numbers of at least 0`, `[${pads}]`);
  }
  if (mode === 'NOTSET') return { before: pads.slice(0, rank), after: pads.slice(rank) };
  if (mode === 'VALID') return { before: extents.map(() => 0), after: extents.map(() => 0) };
  const total = extents.map((extent, axis) =>
    Math.max((Math.ceil(extent / stride[axis]) - 1) * stride[axis] + reach[axis] - extent, 0),
  );
  const less = total.map((margin) => Math.floor(margin / 2));
  const more = total.map((margin, axis) => margin - less[axis]);
  return mode === 'SAME_UPPER' ? { before: less, after: more } : { before: more, after: less };
}

/** [n, c, h, w] to [n, h, w, c]. */
export function toChannelsLast(node: NodeContext, x: Value): Value {
  return node.ops.transpose(x, [0, 2, 3, 1]);
}

/** [n, h, w, c] to [n, c, h, w]. */
export function toChannelsFirst(node: NodeContext, x: Value): Value {
  return node.ops.transpose(x, [0, 3, 1, 2]);
}

/** The windows of a one-dimensional image as those of an image of one row. */
export function asTwoDimensional(windows: Windows): Windows {
  if (windows.window.length !== 1) return windows;
  return {
    window: [1, ...windows.window],
    stride: [1, ...windows.stride],
    dilation: [1, ...windows.dilation],
    before: [0, ...windows.before],
    after: [0, ...windows.after],
    margin: [0, ...windows.margin],
    output: [1, ...windows.output],
  };
}

/** The `windows` attribute of image ops. */
export function paddingAttr({ before, after }: Windows) {
  return { top: before[0], bottom: after[0], left: before[1], right: after[1] };
}
