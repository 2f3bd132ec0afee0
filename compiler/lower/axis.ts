/** The two axes of a window operation, one along which outputs are computed side by side, and one from line to line. */
import type { WindowGeometry } from '../../ir/tensor/ops/conv.ts';

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
