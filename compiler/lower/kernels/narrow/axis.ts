/** The two axes of a window operation, one along which outputs are computed side by side, and one from line to line. */
import type { WindowGeometry } from '../../../../ir/tensor/ops/conv.ts';
import { padded } from '../../window.ts';

export interface Axis {
  readonly input: number;
  readonly output: number;
  readonly window: number;
  readonly stride: number;
  readonly dilation: number;
  /** Padding before the first element. */
  readonly before: number;
  /** Pixels from one element to the next, in the input and in the output. */
  readonly inputStep: number;
  readonly outputStep: number;
  /** From one tap to the next among the window's taps. */
  readonly tapStep: number;
}

export function axisOf(g: WindowGeometry, axis: 0 | 1): Axis {
  const isRow = axis === 0;
  return {
    input: isRow ? g.input.height : g.input.width,
    output: isRow ? g.output.height : g.output.width,
    window: g.window[axis],
    stride: g.stride[axis],
    dilation: g.dilation[axis],
    before: isRow ? g.padding.top : g.padding.left,
    inputStep: isRow ? g.input.width : 1,
    outputStep: isRow ? g.output.width : 1,
    tapStep: isRow ? g.window[1] : 1,
  };
}

/** Elements that so many neighbouring outputs reach over. */
export function reach({ window, stride, dilation }: Axis, outputs: number): number {
  return (outputs - 1) * stride + (window - 1) * dilation + 1;
}

/** Whether some window reaches over an end. */
export function overhangs(axis: Axis): boolean {
  return axis.before > 0 || reach(axis, axis.output) > axis.input;
}

/** The first element within the image that the windows at an output position read, or Infinity. */
export function firstElement({ before, dilation, input, stride, window }: Axis, position: number): number {
  const start = position * stride - before;
  const skipped = start < 0 ? Math.ceil(-start / dilation) : 0;
  const first = start + skipped * dilation;
  return skipped < window && first < input ? first : Number.POSITIVE_INFINITY;
}

/** A 1x1 window that moves by one pixel sees the whole batch as one row of pixels. */
export function flattened(g: WindowGeometry): WindowGeometry {
  const isPointwise = g.window[0] * g.window[1] * g.stride[0] * g.stride[1] === 1;
  if (!isPointwise || padded(g)) return g;
  const width = g.batch * g.output.height * g.output.width;
  return { ...g, batch: 1, input: { ...g.input, height: 1, width }, output: { ...g.output, height: 1, width } };
}

/**
 * Where the elements that neighbouring outputs read lie in scratch memory, so that whatever tap is taken, those of
 * neighbouring outputs are neighbours too: by their remainder modulo the stride.
 */
export interface Layout {
  readonly width: number;
  /** The element at each place, counted from the first output's first; undefined where nothing is read. */
  readonly elements: readonly (number | undefined)[];
  /** The place of each tap's element for the first output. */
  readonly taps: readonly number[];
}

export function layoutOf({ window, stride, dilation }: Axis, outputs: number): Layout {
  const taps = Array.from({ length: window }, (_, tap) => tap * dilation);
  const phases = [...new Set(taps.map((element) => element % stride))];
  const length = outputs + Math.floor((taps[window - 1] as number) / stride);
  const places = taps.map((element) => phases.indexOf(element % stride) * length + Math.floor(element / stride));
  const elements: (number | undefined)[] = Array.from({ length: phases.length * length }, () => undefined);
  for (const [tap, place] of places.entries()) {
    for (let output = 0; output < outputs; output++) {
      elements[place + output] = (taps[tap] as number) + output * stride;
    }
  }
  return { width: elements.length, elements, taps: places };
}
