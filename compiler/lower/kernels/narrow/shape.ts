/**
 * Which block of outputs a product of windows and weights computes at once: `lanes` neighbouring pixels by `channels` output
 * channels, with an accumulator each. Besides them live two pointers and the operands of the block's one side and one of the
 * other.
 */
import type { NarrowCore } from '../../../targets/index.ts';
import type { Axis } from '../../axis.ts';
import { layoutOf } from './axis.ts';
import { bytesOn, type Elements } from './elements.ts';

export interface Shape {
  readonly lanes: number;
  readonly channels: number;
  readonly elements: Elements;
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
/** Pixels side by side, at most. */
const MOST_LANES = 6;
/** Sums beside the operands in the 8 registers of Armv6-M that multiply and load. */
const MOST_SUMS = 4;
/** Instructions around a block of outputs, and per output for scaling and storing. */
const BLOCK = 20;
const OUTPUT = 8;

export function tileElements({ along, across, depth }: Extents, lanes: number): number {
  return layoutOf(along, lanes).width * across.window * depth;
}

/** The shape with the fewest instructions. */
export function chooseShape(extents: Extents, core: NarrowCore): Shape {
  const shapes: Shape[] = [];
  for (let lanes = 1; lanes <= Math.min(MOST_LANES, extents.along.output); lanes++) {
    for (let channels = 1; channels <= Math.min(8, extents.channels); channels++) {
      if (fits(lanes, channels, false, core)) shapes.push({ lanes, channels, elements: bytesOn(core) });
      const hasRoom = core.pairedLoads && 4 * tileElements(extents, lanes) <= MOST_TILE;
      if (hasRoom && fits(lanes, channels, true, core)) shapes.push({ lanes, channels, elements: 'words' });
    }
  }
  const cost = (shape: Shape) => instructions(shape, extents, core);
  return shapes.reduce((best, shape) => (cost(shape) < cost(best) ? shape : best));
}

/** Whether the elements of a step are held while its weights are loaded one by one, or the other way round. */
export function holdsElements({ lanes, channels, elements }: Shape): boolean {
  return elements === 'words' ? lanes <= 2 : lanes < channels;
}

/** Accumulators, two pointers, and the operands that live while one of the other side is multiplied by all of them. */
function fits(lanes: number, channels: number, words: boolean, core: NarrowCore): boolean {
  // What a product overwrites is loaded again for the next: elements, or with a single one the weights.
  if (core.multiply === 'overwrites') return Math.min(lanes, channels) === 1 && lanes * channels <= MOST_SUMS;
  const one = words ? 2 : 1;
  const held = words ? (lanes <= 2 ? 2 + 1 : channels + one) : Math.min(lanes, channels) + one;
  return lanes * channels + 2 + held <= core.registers;
}

/** Executed by one inference, more or less. */
export function instructions({ lanes, channels, elements }: Shape, extents: Extents, core: NarrowCore): number {
  const { along, across, lines, depth, groups } = extents;
  const steps = along.window * across.window * depth;
  const rounds = Math.ceil(extents.channels / channels);
  const loadsX = elements === 'words' ? (lanes === 1 ? 0.5 : Math.ceil(lanes / 2)) : lanes;
  const loadsW = channels * (core.multiply === 'overwrites' ? 2 : 1);
  const products = lanes * channels * (core.multiply === 'accumulates' ? 1 : 2);
  const block = steps * (loadsX + loadsW + products) * 1.06 + BLOCK + lanes * channels * OUTPUT;
  const gather = 2.2 * tileElements(extents, lanes);
  return lines * groups * Math.ceil(along.output / lanes) * (rounds * block + gather);
}
