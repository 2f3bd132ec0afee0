/**
 * Brings the inputs of a few pixels into a tile of halfwords, in the order in which SMLAD reads them.
 *
 * A pixel's inputs are runs of consecutive elements: a whole row of its window where nothing lies between the taps, one tap
 * otherwise. Four bytes become two words, (0, 2) by SXTB16 and (1, 3) by SXTB16 with ROR #8; what is left of a run at its
 * end is paired by PKHBT, the last of one run with that of the next. The tile holds, for each step of two inputs, one word
 * for each of its pixels. Elements of 16 bits are copied.
 *
 * A window that reaches over an edge is put together as it is stored first, with the zero point where there is no image.
 */
import { add, affine, and, type Buffer, inRange, min, mul, type Operand, op, sub } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import type { WindowGeometry } from '../../../../ir/tensor/ops/conv.ts';
import type { OpName } from '../../../../ir/tensor/ops/index.ts';
import type { KernelBuilder } from '../../kernel.ts';
import { axisPadded, padded } from '../../window.ts';
import type { Slots } from './packing.ts';

/** The bytes of one pixel: `count` runs of `length`, which meet the weights in this order. */
export interface Runs {
  readonly count: number;
  readonly length: number;
}

/** What is read. `depth` counts the channels of a group. */
export interface Source {
  readonly g: WindowGeometry;
  readonly elem: 'i8' | 'i16';
  readonly depth: number;
  readonly zeroPoint: number;
}

/** Whole rows of a window lie together where its taps touch and all channels are read. */
export function runsOf({ g, depth }: Source): Runs {
  const [kh, kw] = g.window;
  const joined = (g.dilation[1] === 1 || kw === 1) && (depth === g.input.channels || kw === 1);
  return joined ? { count: kh, length: kw * depth } : { count: kh * kw, length: depth };
}

/** Runs whose last elements, one each, share words of the tile. */
const MOST_SHARED = 16;

/** Whether runs of odd length give their last elements to words of two runs each, behind all others. */
function sharesLast({ count, length }: Runs): boolean {
  return length % 2 === 1 && count > 1 && count <= MOST_SHARED;
}

/** The weights that the tile's halfwords meet: bytes change places when they are widened, halfwords and single bytes keep them. */
export function slotsOf(runs: Runs, elem: Source['elem'], isSingly: boolean): Slots {
  const { count, length } = runs;
  const end = elem === 'i8' && !isSingly ? length & ~3 : 0;
  const run: number[] = [];
  for (let i = 0; i < end; i += 4) run.push(i, i + 2, i + 1, i + 3);
  for (let i = end; i + 1 < length; i += 2) run.push(i, i + 1);
  const last = length % 2 === 1 ? [length - 1] : [];
  const all = Array.from({ length: count }, (_, r) => r * length);
  if (!sharesLast(runs)) {
    const padded = last.length === 0 ? run : [...run, ...last, -1];
    return all.flatMap((start) => padded.map((i) => (i < 0 ? -1 : start + i)));
  }
  const shared = all.map((start) => start + length - 1);
  return [...all.flatMap((start) => run.map((i) => start + i)), ...shared, ...(count % 2 === 1 ? [-1] : [])];
}

/** Elements of scratch memory for windows that reach over an edge. */
function stageLength(source: Source): number {
  return padded(source.g) ? source.g.window[0] * source.g.window[1] * source.depth : 0;
}

interface Tile {
  readonly words: Buffer;
  /** Pixels side by side. */
  readonly lanes: number;
}

/** Where a pixel stands in the one image. */
export interface PixelPlace {
  readonly row: Expr;
  readonly ox: Expr;
}

/** Spells the widening of one pixel into one lane. */
export class Gather<K extends OpName> {
  private readonly k: KernelBuilder<K>;
  private readonly x: Buffer;
  private readonly tile: Tile;
  private readonly source: Source;
  private readonly stage: Buffer | undefined;
  /** Bytes are read one by one: slow code for rows of pixels, the same for all their lengths. */
  private readonly isSingly: boolean;
  /** Words of a window whose runs are all written one after another. */
  private readonly unrolled: number;

  constructor(k: KernelBuilder<K>, x: Buffer, tile: Tile, source: Source, isSingly: boolean) {
    this.k = k;
    this.x = x;
    this.tile = tile;
    this.source = source;
    this.isSingly = isSingly;
    this.unrolled = k.site.optimize === 'size' ? 2 : 8;
    const length = stageLength(source);
    this.stage = length === 0 ? undefined : k.scratch('stage', source.elem, length);
  }

  /** Pixels are counted through rows and images; `channel` is the first that is read, `place` where it is known. */
  pixel(pixel: Expr, channel: Operand, lane: Operand, place?: PixelPlace): void {
    const { k } = this;
    const { g } = this.source;
    const { height, width } = g.output;
    if (this.isSingly) {
      this.pairs(k.let('first', affine([[pixel, g.input.channels]], channel)), lane);
      return;
    }
    if (isRowOfPixels(this.source)) {
      this.widen(this.x, affine([[pixel, g.input.channels]], channel), g.input.channels, lane);
      return;
    }
    const row = place?.row ?? k.let('row', width === 1 ? pixel : op('i32.div_s', [pixel, width]));
    const ox = place?.ox ?? (width === 1 ? 0 : op('i32.rem_s', [pixel, width]));
    const n = g.batch === 1 ? 0 : k.let('n', height === 1 ? row : op('i32.div_s', [row, height]));
    const oy = g.batch === 1 ? row : height === 1 ? 0 : op('i32.rem_s', [row, height]);
    const iy = k.let('iy', sub(mul(oy, g.stride[0]), g.padding.top));
    const ix = k.let('ix', sub(mul(ox, g.stride[1]), g.padding.left));
    k.if(
      this.inside(iy, ix),
      () => this.widen(this.x, this.index(n, iy, ix, channel), undefined, lane),
      () => {
        this.fillStage(n, iy, ix, channel);
        if (this.stage !== undefined) this.widen(this.stage, 0, runsOf(this.source).length, lane);
      },
    );
  }

  private index(n: Operand, iy: Operand, ix: Operand, channel: Operand): Expr {
    const { height, width, channels } = this.source.g.input;
    return affine(
      [
        [n, height * width * channels],
        [iy, width * channels],
        [ix, channels],
      ],
      channel,
    );
  }

  /** Whether the window lies within the image, as far as it might not. Small code puts all of them together as bytes. */
  private inside(iy: Expr, ix: Expr): Operand {
    const { g } = this.source;
    if (this.k.site.optimize === 'size' && this.stage !== undefined) return 0;
    const room = (axis: 0 | 1, extent: number) => Math.max(0, extent - (g.window[axis] - 1) * g.dilation[axis]);
    const rows = axisPadded(g, 0) ? inRange(iy, 0, room(0, g.input.height)) : 1;
    const columns = axisPadded(g, 1) ? inRange(ix, 0, room(1, g.input.width)) : 1;
    if (rows === 1) return columns;
    return columns === 1 ? rows : and(rows, columns);
  }

  /** The window's bytes, with the zero point outside the image. */
  private fillStage(n: Operand, iy: Expr, ix: Expr, channel: Operand): void {
    const { k, stage, source } = this;
    if (stage === undefined) return;
    const { g, depth, zeroPoint, elem } = source;
    const [kh, kw] = g.window;
    const perWord = elem === 'i8' ? 4 : 2;
    const wide = depth % perWord === 0;
    const splat = elem === 'i8' ? Math.imul(zeroPoint & 0xff, 0x01010101) : Math.imul(zeroPoint & 0xffff, 0x10001);
    const access = wide ? 'i32' : elem;
    k.for('ky', 0, kh, (ky) => {
      const y = k.let('y_in', add(iy, mul(ky, g.dilation[0])));
      k.for('kx', 0, kw, (kx) => {
        const x = k.let('x_in', add(ix, mul(kx, g.dilation[1])));
        const to = k.let('to', affine([[ky, kw * depth]], mul(kx, depth)));
        const inImage = and(inRange(y, 0, g.input.height), inRange(x, 0, g.input.width));
        const each = (body: (c: Expr) => void) => k.for('c', 0, depth, body, { step: wide ? perWord : 1 });
        k.if(
          inImage,
          () => {
            const from = k.let('from', this.index(n, y, x, channel));
            each((c) => k.store(stage, add(to, c), this.x.at(add(from, c), access), access));
          },
          () => each((c) => k.store(stage, add(to, c), wide ? splat : zeroPoint, access)),
        );
      });
    });
  }

  /** The runs of one pixel from `start` on; run r begins `pitch` elements behind the one before (undefined: as in the image). */
  private widen(from: Buffer, start: Operand, pitch: number | undefined, lane: Operand): void {
    const { k, source, tile } = this;
    const { g } = source;
    const runs = runsOf(source);
    const { count, length } = runs;
    const first = k.let('first', start);
    const shares = sharesLast(runs);
    const perRun = shares ? (length - 1) / 2 : Math.ceil(length / 2);
    const [kh, kw] = count === g.window[0] ? [count, 1] : g.window;
    const [down, right] =
      pitch === undefined
        ? [g.dilation[0] * g.input.width * g.input.channels, g.dilation[1] * g.input.channels]
        : [kw * pitch, pitch];
    const begin = (ky: Operand, kx: Operand) =>
      affine(
        [
          ...([
            [ky, down],
            [kx, right],
          ] as const),
        ],
        first,
      );
    const isSmall = count * ((length + 3) >> 2) <= this.unrolled;
    const options = { unroll: isSmall };
    const body = (ky: Expr, kx: Expr) =>
      this.run(from, begin(ky, kx), mul(affine([[ky, kw]], kx), perRun), lane, shares ? length - 1 : length);
    k.for('ky', 0, kh, (ky) => k.for('kx', 0, kw, (kx) => body(ky, kx), options), options);
    if (!shares) return;
    const last = (r: number) => from.at(add(begin(Math.floor(r / kw), r % kw), length - 1), source.elem);
    for (let r = 0; r < count; r += 2) {
      const to = add(lane, (count * perRun + r / 2) * tile.lanes);
      k.store(tile.words, to, op('dsp.pkhbt', [last(r), last(Math.min(r + 1, count - 1))]));
    }
  }

  /** The one run of a pixel, two elements at a time; beside a single one stands itself, which meets no weight. */
  private pairs(first: Expr, lane: Operand): void {
    const { k, tile, x } = this;
    const { length } = runsOf(this.source);
    const forPair = (i: Expr) => {
      const even = k.let('even', mul(i, 2));
      const pair = [x.at(add(first, even)), x.at(add(first, min(add(even, 1), length - 1)))];
      k.store(tile.words, affine([[i, tile.lanes]], lane), op('dsp.pkhbt', pair));
    };
    k.for('i', 0, Math.ceil(length / 2), forPair, { kept: true });
  }

  /** One run of `length` elements, whose first word is that of step `step`. */
  private run(from: Buffer, start: Expr, step: Expr, lane: Operand, length: number): void {
    const { k, tile, source } = this;
    const perWord = source.elem === 'i8' ? 4 : 2;
    const words = Math.floor(length / perWord);
    const at = k.let('at', start);
    const to = k.let('to', affine([[step, tile.lanes]], lane));
    // A word of the image becomes as many words of the tile as it has pairs of elements.
    const pitch = (perWord / 2) * tile.lanes;
    const store = (offset: Operand, value: Expr) => k.store(tile.words, add(to, offset), value);
    const body = (i: Operand, extra: number): void => {
      const word = k.let('word', from.at(add(add(at, mul(i, perWord)), perWord * extra), 'i32'));
      const offset = add(mul(i, pitch), pitch * extra);
      if (source.elem === 'i16') {
        store(offset, word);
        return;
      }
      store(offset, op('dsp.sxtb16', [word]));
      store(add(offset, tile.lanes), op('dsp.sxtb16_ror8', [word]));
    };
    forWords(k, 0, words, body);
    const end = words * perWord;
    for (let i = end; i < length; i += 2) {
      // What stands beside a single element meets no weight.
      const beside = i + 1 < length ? i + 1 : Math.max(0, i - 1);
      const pair = [i, beside].map((j) => from.at(add(at, j), source.elem)) as [Expr, Expr];
      store(words * pitch + ((i - end) / 2) * tile.lanes, op('dsp.pkhbt', pair));
    }
  }
}

/** Words that are written one after another before a loop repeats. */
const UNROLLED = 4;

/**
 * Calls `body` for the words from `start` to `end`: some at a time, and what is left over. Counts beyond those that are
 * written out have two forms, with a rest and without, so that layers of many sizes share their code.
 */
export function forWords<K extends OpName>(
  k: KernelBuilder<K>,
  start: number,
  end: number,
  body: (i: Operand, extra: number) => void,
): void {
  if (k.site.optimize === 'size') {
    k.for('i', start, end, (i) => body(i, 0));
    return;
  }
  const repeated = end - ((end - start) % UNROLLED);
  const four = (i: Operand) => Array.from({ length: UNROLLED }, (_, extra) => body(i, extra));
  k.for('i', start, repeated, four, { step: UNROLLED, kept: true });
  k.for('i', repeated, end, (i) => body(i, 0), { unroll: repeated === start, kept: repeated > start });
}

/** A 1x1 window that moves by one pixel sees the whole batch as one row of pixels. */
export function isRowOfPixels({ g }: Source): boolean {
  return g.window[0] * g.window[1] * g.stride[0] * g.stride[1] === 1 && !padded(g);
}

/** The first element of the image that a pixel's window reads, or Infinity; for all pixels in order. */
export function firstElements(source: Source): number[] {
  const { g } = source;
  const { channels } = g.input;
  const axis = (which: 0 | 1, position: number): number => {
    const extent = which === 0 ? g.input.height : g.input.width;
    const before = which === 0 ? g.padding.top : g.padding.left;
    for (let tap = 0; tap < g.window[which]; tap++) {
      const at = position * g.stride[which] - before + tap * g.dilation[which];
      if (at >= 0) return at < extent ? at : Number.POSITIVE_INFINITY;
    }
    return Number.POSITIVE_INFINITY;
  };
  const columns = Array.from({ length: g.output.width }, (_, ox) => axis(1, ox));
  return Array.from({ length: g.batch * g.output.height }, (_, row) => {
    const n = Math.floor(row / g.output.height);
    const iy = axis(0, row % g.output.height);
    return columns.map((ix) => ((n * g.input.height + iy) * g.input.width + ix) * channels);
  }).flat();
}
