/** What the windows of neighbouring outputs read along one axis, and where it lies in scratch memory. */
import { type Axis, reach } from '../../axis.ts';

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
