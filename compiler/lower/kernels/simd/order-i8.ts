/**
 * How channels and pixels are cut into tiles of one size. What does not fill a last tile is computed by one that ends at the
 * last channel or pixel and so makes some results again: code for smaller tiles would cost more than the time.
 */
import { add, type FunctionBuilder, i32, mul, op } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import type { Optimize } from '../../kernel.ts';
import { LANES, roundedUp } from './requantize-i8.ts';

/** Channels of a panel: two vectors of accumulators. */
export const PANEL = 8;

/** Channels in the order of the packed weights and tables: places, of which a panel has 8 that are neighbours. */
export interface ChannelOrder {
  readonly channels: number;
  /** A multiple of a panel's 8, or `least` where there are fewer channels than that. */
  readonly places: number;
  /** The channel at each place. Beyond fewer than 8 channels the last one is repeated. */
  readonly channelAt: readonly number[];
  /** The first channel of the panel that begins at a place. */
  first(place: Expr): Expr;
}

/** Fewer channels than a panel has take a multiple of `least` places. */
export function channelOrder(channels: number, least: 4 | 8 = LANES): ChannelOrder {
  const isSmall = channels < PANEL;
  const places = roundedUp(channels, isSmall ? least : PANEL);
  const last = channels - PANEL;
  return {
    channels,
    places,
    channelAt: Array.from({ length: places }, (_, place) =>
      isSmall ? Math.min(place, channels - 1) : Math.min(place - (place % PANEL), last) + (place % PANEL),
    ),
    first: (place) => {
      if (isSmall) return place;
      // Also where no panel is computed twice: kernels alike but for their numbers share code.
      return place.kind === 'const' ? i32(Math.min(Number(place.value), last)) : op('i32.min_s', [place, last]);
    },
  };
}

/** Tiles of so many pixels; `again`: the last begins before the end of the one before it, else it is a smaller one. */
export interface Tiling {
  readonly pixels: number;
  readonly again: boolean;
}

/** By how much faster code with a smaller last tile must be. */
const WORTH_CODE = 0.93;

/** The cheapest tiling of `count` pixels; `cost(n)` is what a tile of n pixels takes, for 1 to the most that fit. */
export function tilingOf(count: number, most: number, cost: (pixels: number) => number, optimize: Optimize): Tiling {
  const sizes = Array.from({ length: Math.min(most, count) }, (_, i) => Math.min(most, count) - i);
  const cheapest = (total: (pixels: number) => number) =>
    sizes.reduce((best, pixels) => (total(pixels) < total(best) ? pixels : best));
  const again = (pixels: number) => Math.ceil(count / pixels) * cost(pixels);
  const split = (pixels: number) =>
    Math.floor(count / pixels) * cost(pixels) + (count % pixels === 0 ? 0 : cost(count % pixels));
  const [whole, cut] = [cheapest(again), cheapest(split)];
  const isCut = optimize === 'speed' && split(cut) < again(whole) * WORTH_CODE;
  return isCut ? { pixels: cut, again: false } : { pixels: whole, again: true };
}

/** Runs over the tiles; `body` gets the first pixel and the number of pixels. */
export function forTiles(
  k: FunctionBuilder,
  name: string,
  count: number,
  { pixels, again }: Tiling,
  body: (first: Expr, pixels: number) => void,
): void {
  const rest = count % pixels;
  if (rest > 0 && !again) {
    k.for(name, 0, count - rest, (first) => body(first, pixels), { step: pixels });
    body(i32(count - rest), rest);
    return;
  }
  // The same whether or not a last tile is computed again, so that kernels alike but for their numbers share code.
  const tileAt = (tile: Expr) => {
    const first = mul(tile, pixels);
    body(tile.kind === 'const' ? add(first, 0) : k.let(name, op('i32.min_s', [first, count - pixels])), pixels);
  };
  k.for(`${name}_tile`, 0, Math.ceil(count / pixels), tileAt, { kept: pixels > 1 });
}

/** How many pixels may have been made before they are read once more. */
export function madeAgain(count: number, { pixels, again }: Tiling): number {
  return again && count % pixels !== 0 ? pixels - (count % pixels) : 0;
}
