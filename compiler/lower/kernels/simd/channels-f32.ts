/**
 * Window operations in which an output channel is made of one input channel: depthwise convolution and pooling in float32.
 *
 *     for each output row, each tile of up to 8 pixels, each vector of 4 channels: accumulators = start; for each row of the
 *     window inside the image: load the row's weights, then each activation once, for all accumulators that take it
 *
 * Register plan for 16 vector registers: 8 accumulators, one row of weights, one activation. An accumulator takes its taps in
 * order. Where pixels are few a tile takes more channels. Channels that are no multiple of 4 end with a vector that begins
 * in the one before: it stores the same results again.
 */
import { add, affine, type Buffer, clamp, i32, inRange, mul, sub, type Variable } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import type { WindowGeometry } from '../../../../ir/tensor/ops/conv.ts';
import type { KernelBuilder } from '../../kernel.ts';
import { axisPadded, outputIndex } from '../../window.ts';
import { LANES } from './float-f32.ts';
import { type RowTiles, rowTiles, rowTilesFault } from './row-tiles-f32.ts';

/** What the accumulators of a window operation are made of. */
export interface ChannelSum {
  readonly x: Buffer;
  readonly y: Buffer;
  readonly start: () => Expr;
  /** A row of weights for four channels; operations without weights load none. */
  readonly weight?: (tap: Expr, channel: Expr) => Expr;
  readonly step: (sum: Expr, x: Expr, weight: Expr | undefined) => Expr;
  /** The stored results of four channels. */
  readonly finish: (sum: Expr, channel: Expr) => Expr;
}

const WIDEST_WINDOW = 16;
/** Window rows that are written out one by one, so that what they ask of the output row is asked once a row. */
const MOST_ROWS_WRITTEN_OUT = 3;
/** Multiply-adds of a row of the window that are written out. */
const MOST_STEPS = 48;

/** Pixels of a tile: accumulators, and a row of weights, in 15 registers. */
export function largestTile(g: WindowGeometry, isWeighted: boolean): number {
  return isWeighted ? Math.min(8, Math.max(4, 13 - g.window[1])) : 8;
}

/** The reason why a window operation is not for `buildChannels`, or undefined. */
export function channelsFault(g: WindowGeometry, isWeighted: boolean): string | undefined {
  if (g.input.channels !== g.output.channels) return 'makes several channels of one';
  if (g.input.channels < LANES) return `has less than ${LANES} channels`;
  if (g.window[1] > WIDEST_WINDOW) return `the window is wider than ${WIDEST_WINDOW}`;
  return rowTilesFault(g, largestTile(g, isWeighted));
}

/** A row of the window over an output row. */
interface WindowRow {
  /** 1 when it lies inside the image. */
  readonly inside: Expr | number;
  /** Index of the image row's first activation; that of some row where it lies outside. */
  readonly start: Expr;
  readonly firstTap: Expr;
}

function windowRow(k: KernelBuilder, g: WindowGeometry, n: Expr, oy: Expr, ky: Expr): WindowRow {
  const { height, width, channels } = g.input;
  const iy = k.let(
    'iy',
    sub(
      affine([
        [oy, g.stride[0]],
        [ky, g.dilation[0]],
      ]),
      g.padding.top,
    ),
  );
  const isPadded = axisPadded(g, 0);
  const row = isPadded ? clamp(iy, 0, height - 1) : iy;
  return {
    inside: isPadded ? k.let('inside', inRange(iy, 0, height)) : 1,
    start: k.let(
      'row',
      affine([
        [n, height * width * channels],
        [row, width * channels],
      ]),
    ),
    firstTap: mul(ky, g.window[1]),
  };
}

export function buildChannels(k: KernelBuilder, g: WindowGeometry, sum: ChannelSum): void {
  const tiles = rowTiles(g, largestTile(g, sum.weight !== undefined));
  const writtenOut = g.window[0] <= MOST_ROWS_WRITTEN_OUT;
  k.forAll(['n', 'oy'], [g.batch, g.output.height], ([n, oy]) => {
    const rowAt = (ky: Expr) => windowRow(k, g, n as Expr, oy as Expr, ky);
    const rows = writtenOut ? Array.from({ length: g.window[0] }, (_, ky) => rowAt(i32(ky))) : undefined;
    const forRows = (visit: (row: WindowRow) => void) => {
      if (rows !== undefined) rows.forEach(visit);
      else k.for('ky', 0, g.window[0], (ky) => visit(rowAt(ky)));
    };
    for (const tile of tiles) {
      k.for(
        'ox',
        tile.start,
        tile.start + tile.count * tile.pixels,
        (ox) => {
          const out = k.let('out', outputIndex(g, n as Expr, oy as Expr, ox, i32(0)));
          buildTile(k, g, sum, { tile, ox, out, forRows });
        },
        { step: tile.pixels },
      );
    }
  });
}

interface TilePlace {
  readonly tile: RowTiles;
  readonly ox: Expr;
  /** Index of the first pixel's first result. */
  readonly out: Expr;
  readonly forRows: (visit: (row: WindowRow) => void) => void;
}

function buildTile(k: KernelBuilder, g: WindowGeometry, sum: ChannelSum, { tile, ox, out, forRows }: TilePlace): void {
  const { channels } = g.input;
  // With a constant ox what leads to the tile is a constant too, and is negative where pixel 0 reaches over the edge.
  const isFixed = ox.kind === 'const';
  const fixed = isFixed ? ((ox.value as number) * g.stride[1] - g.padding.left) * channels : 0;
  const moving = isFixed ? i32(0) : k.let('moving', sub(mul(ox, g.stride[1] * channels), g.padding.left * channels));
  const steps = stepsOf(g, tile);
  const vectors = Math.max(1, Math.min(Math.floor(8 / tile.pixels), Math.floor(MOST_STEPS / steps.length)));
  forVectors(k, channels, vectors, (first, count) => {
    const sums = Array.from({ length: count }, () =>
      Array.from({ length: tile.pixels }, () => k.variable('acc', sum.start())),
    );
    forRows(({ inside, start, firstTap }) => {
      k.if(inside, () => {
        const from = k.let('from', add(add(start, moving), first));
        sums.forEach((accumulators, v) => {
          const at = (position: number) => sum.x.at(add(from, fixed + position * channels + v * LANES), 'v128');
          const weight = (kx: number) => sum.weight?.(add(firstTap, kx), add(first, v * LANES));
          addRow(k, sum, steps, accumulators, at, weight);
        });
      });
    });
    sums.forEach((accumulators, v) => {
      const channel = add(first, v * LANES);
      accumulators.forEach((acc, pixel) => {
        k.store(sum.y, add(out, add(channel, pixel * channels)), sum.finish(acc.value, channel), 'v128');
      });
    });
  });
}

/** Groups of `most` vectors of channels, then what remains. */
export function forVectors(
  k: KernelBuilder,
  channels: number,
  most: number,
  body: (first: Expr, vectors: number) => void,
): void {
  const whole = Math.floor(channels / LANES);
  const looped = whole - (whole % most);
  k.for('c', 0, looped * LANES, (c) => body(c, most), { step: most * LANES });
  if (looped < whole) body(i32(looped * LANES), whole - looped);
  if (channels % LANES !== 0) body(i32(channels - LANES), 1);
}

/** A tap of a pixel that meets the activation `position` pixels after the one that pixel 0's first tap meets. */
interface Step {
  readonly position: number;
  readonly kx: number;
  readonly pixel: number;
}

/** The taps of one row of the window in the order of the activations, so that each is loaded once. */
function stepsOf(g: WindowGeometry, { columns }: RowTiles): Step[] {
  return columns
    .flatMap(({ first, count, pixels }) =>
      Array.from({ length: count }, (_, i) => first + i).flatMap((kx) =>
        pixels.map((pixel) => ({ position: pixel * g.stride[1] + kx * g.dilation[1], kx, pixel })),
      ),
    )
    .sort((a, b) => a.position - b.position || a.kx - b.kx);
}

function addRow(
  k: KernelBuilder,
  { step }: ChannelSum,
  steps: readonly Step[],
  accumulators: readonly Variable[],
  at: (position: number) => Expr,
  weightOf: (kx: number) => Expr | undefined,
): void {
  const weights = new Map<number, Expr>();
  for (const kx of new Set(steps.map((one) => one.kx))) {
    const weight = weightOf(kx);
    if (weight !== undefined) weights.set(kx, k.let('w', weight));
  }
  for (const position of new Set(steps.map((one) => one.position))) {
    const x = k.let('x', at(position));
    for (const { kx, pixel } of steps.filter((one) => one.position === position)) {
      const acc = accumulators[pixel] as Variable;
      k.set(acc, step(acc.value, x, weights.get(kx)));
    }
  }
}
