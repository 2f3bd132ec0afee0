/**
 * A ring of padded rows: scratch memory with the image rows that one output row's windows reach, staged for the products
 * and with the zero point where they lie outside the image. Each image row is staged once.
 *
 * Rows are counted from the first row of padding. Row v lies in slot v mod `slots`.
 */
import { add, affine, type Buffer, i32, inRange, mul, op, sub } from '../../../../ir/loop/build.ts';
import { ELEM_BYTES, type Expr } from '../../../../ir/loop/types.ts';
import type { WindowGeometry } from '../../../../ir/tensor/ops/conv.ts';
import type { TensorType } from '../../../../ir/tensor/types.ts';
import { elemOf, type KernelBuilder, type Overlap, type Site } from '../../kernel.ts';
import { overlapOf } from '../../overlap.ts';

/** How pixels are staged. */
export interface PixelStage {
  /** Staged elements of a pixel. */
  readonly lanes: number;
  /** Stages `pixels` neighbouring pixels from element `from` of the image to element `to` of the ring. */
  copy(from: Expr, to: Expr, pixels: number): void;
  /** Stages `pixels` pixels of the zero point. */
  fill(to: Expr, pixels: number): void;
}

export interface RowRing {
  readonly rowLength: number;
  /** Fills the padding at the ends of all rows, once per call of the kernel. */
  fillEnds(): void;
  /** Stages what output row `oy` of image `n` needs and the row before did not. */
  advance(n: Expr, oy: Expr): void;
  /** Stages, before output row 0, the rows that `advance` takes for staged. */
  begin(n: Expr): void;
  /** Index of the first element of the padded row under window row `ky` of output row `oy`. */
  row(oy: Expr, ky: Expr): Expr;
}

/** Rows that a window spans. */
function span(g: WindowGeometry): number {
  return (g.window[0] - 1) * g.dilation[0] + 1;
}

/** Pixels of a padded row. */
function rowPixels(g: WindowGeometry): number {
  return (g.output.width - 1) * g.stride[1] + (g.window[1] - 1) * g.dilation[1] + 1;
}

/** Elements of scratch memory that the ring takes. */
export function ringLength(g: WindowGeometry, lanes: number): number {
  return span(g) * rowPixels(g) * lanes;
}

export function rowRing(k: KernelBuilder, g: WindowGeometry, stage: PixelStage): RowRing {
  const slots = span(g);
  const width = rowPixels(g);
  const rowLength = width * stage.lanes;
  const left = Math.min(g.padding.left, width);
  const inside = Math.max(0, Math.min(g.input.width, width - left));
  const slotOf = (v: Expr): Expr => (slots === 1 ? i32(0) : mul(op('i32.rem_s', [v, i32(slots)]), rowLength));
  const fresh = Math.min(g.stride[0], slots);

  const stageRow = (n: Expr, v: Expr): void => {
    const slot = k.let('slot', slotOf(v));
    const iy = k.let('iy', sub(v, g.padding.top));
    const copy = () => {
      if (inside === 0) return;
      const from = affine([
        [n, g.input.height * g.input.width * g.input.channels],
        [iy, g.input.width * g.input.channels],
      ]);
      stage.copy(from, add(slot, left * stage.lanes), inside);
    };
    const last = (g.output.height - 1) * g.stride[0] + slots - 1 - g.padding.top;
    const alwaysInside = g.padding.top === 0 && last < g.input.height;
    k.if(alwaysInside ? 1 : inRange(iy, 0, g.input.height), copy, () => {
      if (inside > 0) stage.fill(add(slot, left * stage.lanes), inside);
    });
  };

  return {
    rowLength,
    fillEnds() {
      // All of the ring, which takes less code than the ends of its rows.
      if (inside < width) stage.fill(i32(0), slots * width);
    },
    begin: (n) => k.for('v', 0, slots - fresh, (v) => stageRow(n, v)),
    advance: (n, oy) =>
      k.for('fresh', slots - fresh, slots, (j) => stageRow(n, k.let('v', affine([[oy, g.stride[0]]], j)))),
    row: (oy, ky) => slotOf(affine([[oy, g.stride[0]]], mul(ky, g.dilation[0]))),
  };
}

/**
 * How far the input must begin above the output of a kernel that stages through a ring: while an output row is stored,
 * nothing above the last row staged for it is needed any more.
 */
export function ringOverlap(site: Site, g: WindowGeometry): readonly Overlap[] {
  const [x, y] = [site.inputs[0] as TensorType, site.outputs[0] as TensorType];
  const read = g.input.width * g.input.channels * ELEM_BYTES[elemOf(x)];
  const stored = g.output.width * g.output.channels * ELEM_BYTES[elemOf(y)];
  let distance = Number.NEGATIVE_INFINITY;
  for (let n = 0; n < g.batch; n++) {
    for (let oy = 0; oy < g.output.height; oy++) {
      const staged = Math.min(oy * g.stride[0] + span(g) - g.padding.top, g.input.height);
      // After the last row of an image the next image's first row is what is still to be read.
      const needed = n * g.input.height + Math.max(0, oy === g.output.height - 1 ? g.input.height : staged);
      if (needed >= g.batch * g.input.height) continue;
      distance = Math.max(distance, (n * g.output.height + oy + 1) * stored - needed * read);
    }
  }
  return overlapOf(site, 0, distance);
}

export function ringInPlace(site: Site, g: WindowGeometry): readonly (readonly [number, number])[] {
  const sameBytes =
    g.input.height * g.input.width * g.input.channels === g.output.height * g.output.width * g.output.channels;
  return sameBytes && ringOverlap(site, g).some(({ distance }) => distance <= 0) ? [[0, 0]] : [];
}

/** Scratch memory for a ring, with room for reads that run up to `beyond` elements past its end. */
export function ringBuffer(
  k: KernelBuilder,
  g: WindowGeometry,
  elem: 'i8' | 'i16',
  lanes: number,
  beyond: number,
): Buffer {
  return k.scratch('rows', elem, ringLength(g, lanes) + beyond);
}
