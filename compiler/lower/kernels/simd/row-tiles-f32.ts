/**
 * How kernels of windows cut an output row into tiles of neighbouring pixels. At the ends of a row, where windows reach over
 * the image's edge, a tile is code of its own that leaves out what lies outside: which taps those are is known.
 */
import type { WindowGeometry } from '../../../../ir/tensor/ops/conv.ts';

/** Sizes of the tiles that cover so many pixels: as few as can be, as equal as can be, the larger ones first. */
export function tileSizes(pixels: number, most: number): number[] {
  const count = Math.ceil(pixels / most);
  const size = Math.floor(pixels / count);
  return Array.from({ length: count }, (_, i) => (i < pixels % count ? size + 1 : size));
}

export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

/** Columns of the window that the same pixels of a tile meet inside the image. */
export interface Columns {
  readonly first: number;
  readonly count: number;
  readonly pixels: readonly number[];
}

/** Tiles of an output row, `count` of one kind side by side. */
export interface RowTiles {
  readonly start: number;
  readonly pixels: number;
  readonly count: number;
  readonly columns: readonly Columns[];
}

function columnsOf(g: WindowGeometry, start: number, pixels: number): Columns[] {
  const list: Columns[] = [];
  for (let kx = 0; kx < g.window[1]; kx++) {
    const inside = upTo(pixels).filter((pixel) => {
      const ix = (start + pixel) * g.stride[1] - g.padding.left + kx * g.dilation[1];
      return ix >= 0 && ix < g.input.width;
    });
    const last = list.at(-1);
    if (last?.pixels.join() === inside.join()) list[list.length - 1] = { ...last, count: last.count + 1 };
    else if (inside.length > 0) list.push({ first: kx, count: 1, pixels: inside });
  }
  return list;
}

/** How an output row is cut. Tiles whose windows all lie inside the image are alike when they are of one size. */
export function rowTiles(g: WindowGeometry, most: number): RowTiles[] {
  const list: RowTiles[] = [];
  let start = 0;
  for (const pixels of tileSizes(g.output.width, most)) {
    const columns = columnsOf(g, start, pixels);
    const last = list.at(-1);
    if (last && isInside(g, last) && isInside(g, { columns, pixels }) && last.pixels === pixels) {
      list[list.length - 1] = { ...last, count: last.count + 1 };
    } else list.push({ start, pixels, count: 1, columns });
    start += pixels;
  }
  return list;
}

function isInside(g: WindowGeometry, { columns, pixels }: Pick<RowTiles, 'columns' | 'pixels'>): boolean {
  return columns.length === 1 && columns[0]?.count === g.window[1] && columns[0].pixels.length === pixels;
}

/** Each kind of tile is code of its own. */
const MOST_KINDS = 12;

/** The reason why a row has too many kinds of tiles, or undefined. */
export function rowTilesFault(g: WindowGeometry, most: number): string | undefined {
  const kinds = rowTiles(g, most).length;
  return kinds <= MOST_KINDS ? undefined : `a row has ${kinds} kinds of tiles; at most ${MOST_KINDS} become code`;
}
