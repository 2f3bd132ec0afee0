/**
 * Which block of outputs a product of windows and weights computes at once: `lanes` neighbouring pixels by `channels` output
 * channels, with an accumulator each. Besides them live two pointers and the operands of the block's one side and one of the
 * other.
 */
import type { NarrowCore } from '../../../targets/index.ts';
import { type Axis, layoutOf } from './axis.ts';

export interface Shape {
  readonly lanes: number;
  readonly channels: number;
  /** Activations are widened into words in scratch memory, for loads by twos. */
  readonly words: boolean;
}

/** How much there is of everything. */
export interface Extents {
  readonly along: Axis;
  readonly across: Axis;
  /** Lines of outputs. */
  readonly lines: number;
  /** Input channels of a window, and output channels, per group. */
  readonly depth: number;
  readonly channels: number;
  readonly groups: number;
}

/** Bytes of scratch memory that a tile of words may take; beyond, activations stay bytes. */
const MOST_TILE = 4096;
/** Instructions around a block of outputs, and per output for scaling and storing. */
const BLOCK = 20;
const OUTPUT = 8;

export function tileElements({ along, across, depth }: Extents, lanes: number): number {
  return layoutOf(along, lanes).width * across.window * depth;
}

/** The shape with the fewest instructions. */
export function chooseShape(extents: Extents, core: NarrowCore): Shape {
  const shapes: Shape[] = [];
  for (let lanes = 1; lanes <= Math.min(4, extents.along.output); lanes++) {
    for (let channels = 1; channels <= Math.min(8, extents.channels); channels++) {
      for (const words of core.pairedLoads ? [true, false] : [false]) {
        if (registersOf(lanes, channels, words) > core.registers) continue;
        if (words && 4 * tileElements(extents, lanes) > MOST_TILE) continue;
        shapes.push({ lanes, channels, words });
      }
    }
  }
  return shapes.reduce((best, shape) => (instructions(shape, extents) < instructions(best, extents) ? shape : best));
}

/** Accumulators, two pointers, and the operands that live while one of the other side is multiplied by all of them. */
function registersOf(lanes: number, channels: number, words: boolean): number {
  const held =
    words && lanes > 1 ? (lanes > 2 ? channels + 2 : 2 + 1) : Math.min(lanes, channels) + 1 + (words ? 1 : 0);
  return lanes * channels + 2 + held;
}

/** Executed by one inference, more or less. */
export function instructions({ lanes, channels, words }: Shape, extents: Extents): number {
  const { along, across, lines, depth, groups } = extents;
  const steps = along.window * across.window * depth;
  const rounds = Math.ceil(extents.channels / channels);
  const loads = (words ? Math.ceil(lanes / 2) / (lanes === 1 ? 2 : 1) : lanes) + channels;
  const block = steps * (loads + lanes * channels) * 1.06 + BLOCK + lanes * channels * OUTPUT;
  const gather = 2.2 * tileElements(extents, lanes);
  return lines * groups * Math.ceil(along.output / lanes) * (rounds * block + gather);
}
