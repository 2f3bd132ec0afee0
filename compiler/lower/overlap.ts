/**
 * How far above its output the input of a kernel must begin, so that nothing is stored over what is still to be loaded:
 * the largest distance, over all moments, from the first byte that is yet to be loaded up to the end of what has been
 * stored. `Kernel.overlap` declares it.
 *
 * Both buffers are walked from the first byte to the last. C compilers take elements of different types for different
 * memory unless one of the two is a byte, so only such pairs may overlap (`mayAlias`).
 */
import { ELEM_BYTES, type Elem } from '../../ir/loop/types.ts';
import type { WindowGeometry } from '../../ir/tensor/ops/conv.ts';
import { elementCount, type TensorType } from '../../ir/tensor/types.ts';
import { elemOf, type Overlap, type Site } from './kernel.ts';

/** Whether C lets memory be read as the one type and written as the other. */
function mayAlias(a: Elem, b: Elem): boolean {
  const unsigned = (elem: Elem) => elem.replace('i', 'u');
  return unsigned(a) === unsigned(b) || ELEM_BYTES[a] === 1 || ELEM_BYTES[b] === 1;
}

/** The overlap of one input with output 0, where C allows it and the input is computed. */
export function overlapOf(site: Site, input: number, distance: number): readonly Overlap[] {
  const [x, y] = [site.inputs[input] as TensorType, site.outputs[0] as TensorType];
  if (site.constant(input) !== undefined || !mayAlias(elemOf(x), elemOf(y))) return [];
  // An input that begins so far below ends where the output begins.
  const apart = -elementCount(x.shape) * ELEM_BYTES[elemOf(x)];
  return [{ input, output: 0, distance: Math.max(distance, apart) }];
}

/**
 * For kernels that load element after element of one or more inputs, each as many as output 0 has, and store each result
 * before they load the next. Inputs that are repeated get no overlap.
 */
export function elementwiseOverlap(site: Site): readonly Overlap[] {
  const y = site.outputs[0] as TensorType;
  return site.inputs.flatMap((x, input) => {
    if (site.constant(input) !== undefined || elementCount(x.shape) !== elementCount(y.shape)) return [];
    // Before element i is loaded, i results have been stored.
    const grows = ELEM_BYTES[elemOf(y)] - ELEM_BYTES[elemOf(x)];
    return overlapOf(site, input, Math.max(0, grows * (elementCount(y.shape) - 1)));
  });
}

/** How a kernel walks over the pixels of a window operation: image by image, row by row, from left to right. */
export interface PixelWalk {
  /**
   * So many pixels of a row may have been stored, in whole or in part, when the first of them is still read: 0 where a
   * pixel's window is read (into registers or scratch memory) before anything of the pixel is stored, 1 where one output
   * channel is stored before the window is read again for the next.
   */
  readonly ahead: number;
}

/** For kernels that make all channels of a pixel, or of some pixels of a row, before they go on to the next. */
export function windowDistance(g: WindowGeometry, x: TensorType, y: TensorType, { ahead }: PixelWalk): number {
  const read = g.input.channels * ELEM_BYTES[elemOf(x)];
  const stored = g.output.channels * ELEM_BYTES[elemOf(y)];
  return pixelDistance(g, (pixel, rowEnd, needed) => Math.min(pixel + ahead, rowEnd) * stored - needed * read);
}

/**
 * For kernels that make channel after channel of a pixel, each of `multiplier` output channels from one input channel alone
 * (depthwise convolution, pooling).
 */
export function channelwiseDistance(g: WindowGeometry, x: TensorType, y: TensorType): number {
  const { channels } = g.input;
  const multiplier = g.output.channels / channels;
  const [read, stored] = [ELEM_BYTES[elemOf(x)], ELEM_BYTES[elemOf(y)]];
  return pixelDistance(g, (pixel, _rowEnd, needed) => {
    // Channel c is read again while all but the last of its outputs have been stored.
    const at = (c: number) =>
      (pixel * channels + c) * multiplier * stored + (multiplier - 1) * stored - (needed * channels + c) * read;
    return Math.max(at(0), at(channels - 1));
  });
}

/**
 * The largest of `at` over all output pixels: `needed` is the first input pixel that this one or a later one reads, rows
 * end before pixel `rowEnd`. Pixels are counted through the whole batch. -Infinity where no pixel reads anything.
 */
function pixelDistance(g: WindowGeometry, at: (pixel: number, rowEnd: number, needed: number) => number): number {
  const { height, width } = g.output;
  const columns = Array.from({ length: width }, (_, ox) => firstTap(g, 1, ox));
  let distance = Number.NEGATIVE_INFINITY;
  let needed = Number.POSITIVE_INFINITY;
  for (let row = g.batch * height - 1; row >= 0; row--) {
    const n = Math.floor(row / height);
    const iy = firstTap(g, 0, row % height);
    for (let ox = width - 1; ox >= 0; ox--) {
      const first = (n * g.input.height + iy) * g.input.width + (columns[ox] as number);
      needed = Math.min(needed, first);
      if (needed < Number.POSITIVE_INFINITY) {
        distance = Math.max(distance, at(row * width + ox, (row + 1) * width, needed));
      }
    }
  }
  return distance;
}

/** The first position inside the image along an axis that the windows at an output position read; infinite if none. */
function firstTap(g: WindowGeometry, axis: 0 | 1, position: number): number {
  const before = axis === 0 ? g.padding.top : g.padding.left;
  const extent = axis === 0 ? g.input.height : g.input.width;
  const start = position * g.stride[axis] - before;
  const skipped = start < 0 ? Math.ceil(-start / g.dilation[axis]) : 0;
  const first = start + skipped * g.dilation[axis];
  return skipped < g.window[axis] && first < extent ? first : Number.POSITIVE_INFINITY;
}
