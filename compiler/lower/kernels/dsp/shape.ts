/**
 * Which block of outputs a product of windows and weights computes at once on a core with 14 registers: some pixels by some
 * pairs of channels, two accumulators each. Besides them live two pointers, the word of weights and what SXTB16 makes of it,
 * and the activations that are loaded, a word or a pair at a time.
 */

import type { Optimize } from '../../kernel.ts';
import type { Packing } from './packing.ts';

/** A register block and its loops. */
export interface Shape {
  /** Pixels side by side. */
  readonly lanes: number;
  /** Pairs of channels side by side. */
  readonly pairs: number;
  /** Steps of two inputs per trip, and trips per block of inputs. */
  readonly unroll: number;
  readonly trips: number;
  /** Activations, and weights, are loaded two words at a time. */
  readonly pairedX: boolean;
  readonly pairedW: boolean;
  /** The one pixel's inputs are widened where they are multiplied, each round anew, instead of once into a tile. */
  readonly direct: boolean;
}

/** How much there is of everything. */
export interface Extents {
  readonly pixels: number;
  /** Groups of channels. The last tile repeats pixels of the one before, whose inputs it finds only where there is one group. */
  readonly groups: number;
  /** Output channels of one group. */
  readonly channels: number;
  readonly steps: number;
  readonly blocks: number;
  readonly packing: Packing;
  /** Bytes that a tile may take. */
  readonly tileBytes: number;
  /** Steps at a time that need no tile. */
  readonly directSteps: number | undefined;
}

const REGISTERS = 14;
/** Two pointers and the extended word. */
const FIXED_REGISTERS = 3;
/** Quads keep two words of weights over two steps; and what is extended from both, where pixels take turns. */
const QUAD_REGISTERS = 3;
/** Instructions around a trip of the innermost loop, and per output and block of outputs for scaling and storing. */
const TRIP = 5;
const OUTPUT = 8;
const BLOCK = 16;
const LANES_AND_PAIRS = [
  [4, 1],
  [3, 1],
  [2, 2],
  [2, 1],
  [1, 4],
  [1, 3],
  [1, 2],
  [1, 1],
] as const;

/** How large the code may become. */
interface Limits {
  /** Pixels times pairs of channels. */
  readonly block: number;
  /** Steps per trip. */
  readonly unroll: number;
}
const SMALL: Limits = { block: 1, unroll: 1 };
const MEDIUM: Limits = { block: 2, unroll: 4 };
const LARGE: Limits = { block: 4, unroll: 8 };
/** Layers of fewer steps, two multiplications each, are no more than a small part of what a large layer takes. */
const LIGHT_STEPS = 2 ** 13;

function limitsOf({ pixels, groups, channels, steps }: Extents, optimize: Optimize): Limits {
  if (optimize === 'size') return SMALL;
  return pixels * groups * channels * steps < LIGHT_STEPS ? MEDIUM : LARGE;
}

/** The shape with the fewest instructions within the limits of what is optimized for. */
export function chooseShape(extents: Extents, optimize: Optimize): Shape {
  const { block, unroll: mostUnroll } = limitsOf(extents, optimize);
  const { pixels, groups } = extents;
  const allowed = LANES_AND_PAIRS.filter(
    ([lanes, pairs]) => lanes * pairs <= block && lanes <= pixels && (groups === 1 || pixels % lanes === 0),
  );
  const tiled = allowed.flatMap((size) => tiledShape(size, extents, mostUnroll));
  const fitting = tiled.filter(
    ({ lanes, unroll, trips }) => 4 * lanes * unroll * trips * extents.blocks <= extents.tileBytes,
  );
  const direct = allowed.flatMap((size) => directShape(size, extents, mostUnroll));
  const shapes = [...fitting, ...direct];
  return cheapest(shapes.length > 0 ? shapes : tiled.filter(({ lanes }) => lanes === 1), extents);
}

type Size = readonly [lanes: number, pairs: number];

/** The shape whose inputs come from a tile; nothing where registers are too few. */
function tiledShape([lanes, pairs]: Size, extents: Extents, mostUnroll: number): Shape[] {
  const room = REGISTERS - FIXED_REGISTERS - 2 * lanes * pairs;
  if (extents.packing === 'pairs') {
    // What takes more loads is paired first.
    const xFirst = lanes >= pairs;
    const pairedX = lanes * mostUnroll > 1 && (xFirst ? room >= 3 : room >= 4);
    const pairedW = pairs * mostUnroll > 1 && (xFirst ? room >= 4 : room >= 3);
    return [{ lanes, pairs, ...tripsOf(extents, mostUnroll, 1), pairedX, pairedW, direct: false }];
  }
  // Quads: one pixel by some pairs, or some pixels by one pair.
  const left = room - QUAD_REGISTERS;
  if (left < 1 || (lanes > 1 && pairs > 1)) return [];
  const trips = tripsOf(extents, Math.max(2, mostUnroll), 2);
  return [{ lanes, pairs, ...trips, pairedX: left >= 2 || lanes === 1, pairedW: true, direct: false }];
}

/** The shape for one pixel whose inputs come from where they lie: no step may read beyond them. */
function directShape([lanes, pairs]: Size, extents: Extents, mostUnroll: number): Shape[] {
  const { directSteps, packing, steps, blocks } = extents;
  if (directSteps === undefined || lanes > 1 || 2 * pairs > 6) return [];
  const multiple = packing === 'quads' ? 2 : directSteps;
  const unrolls = Array.from({ length: Math.max(multiple, mostUnroll) }, (_, i) => i + 1).filter(
    (unroll) => unroll % multiple === 0 && steps % (unroll * blocks) === 0,
  );
  const unroll = unrolls.at(-1);
  if (unroll === undefined) return [];
  return [{ lanes, pairs, unroll, trips: steps / blocks / unroll, pairedX: false, pairedW: true, direct: true }];
}

function cheapest(shapes: readonly Shape[], extents: Extents): Shape {
  return shapes.reduce((best, shape) => (costOf(shape, extents) < costOf(best, extents) ? shape : best));
}

/** Loops over the steps of a block: few steps are padded, few trips are made, and short ones are written out. */
function tripsOf({ steps, blocks }: Extents, most: number, multiple: number): Pick<Shape, 'unroll' | 'trips'> {
  const perBlock = Math.ceil(steps / blocks);
  let best = { unroll: multiple, trips: Math.ceil(perBlock / multiple) };
  for (let unroll = multiple; unroll <= most; unroll += multiple) {
    const made = { unroll, trips: Math.ceil(perBlock / unroll) };
    const cost = ({ unroll: u, trips }: typeof best) => trips * (u * 12 + TRIP);
    if (cost(made) <= cost(best)) best = made;
  }
  return best;
}

function costOf(shape: Shape, extents: Extents): number {
  const { lanes, pairs, unroll, trips, pairedX, pairedW, direct } = shape;
  const { pixels, channels, blocks } = extents;
  const tiles = Math.ceil(pixels / lanes);
  const groups = Math.ceil(channels / 2 / pairs);
  const loads = (direct ? 1.5 : pairedX ? lanes / 2 : lanes) + (pairedW ? pairs / 2 : pairs);
  const step = loads + (extents.packing === 'quads' ? 2 : 1) * pairs + 2 * lanes * pairs;
  const sums = blocks * trips * (unroll * step + TRIP);
  const widening = direct ? 0 : lanes * blocks * trips * unroll * 2.5;
  return tiles * (groups * (sums + BLOCK + 2 * lanes * pairs * OUTPUT) + widening);
}
