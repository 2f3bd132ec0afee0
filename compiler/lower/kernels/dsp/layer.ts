/** A layer of products with known weights, as the kernels of dual multiplies take it apart. */

import type { Multiplier } from '../../../../ir/tensor/fixed-point.ts';
import type { WindowGeometry } from '../../../../ir/tensor/ops/conv.ts';
import { biasValues, type OutputStage } from '../../../../ir/tensor/ops/shared.ts';
import type { TensorType } from '../../../../ir/tensor/types.ts';
import type { Site } from '../../kernel.ts';
import {
  type AccumulatorRange,
  accumulatorRange,
  type ShortScale,
  shortScale,
  steadyResult,
  within,
} from '../../proved-scale.ts';
import type { Source } from './gather.ts';
import { type ChannelWeights, type Packing, packable } from './packing.ts';

type Product = 'conv2d' | 'fully_connected';

export interface Layer {
  readonly source: Source;
  readonly groups: number;
  /** Output channels of one group. */
  readonly channels: number;
  /** Of every output channel, in the order of the window's taps and channels. */
  readonly weights: readonly ChannelWeights[];
  /** What every sum begins with: the bias with the input's zero point folded in. */
  readonly starts: readonly number[];
  /** Of the whole sums. */
  readonly ranges: readonly AccumulatorRange[];
  readonly stage: OutputStage;
  /** The short form of the stage, or why it is not proved. */
  readonly scale: ShortScale | string;
  /** How the reference sums up, which decides how it scales. */
  readonly accumulator: 'i32' | 'i64';
  readonly packing: Packing;
}

/** Inputs, as they are stored. */
export const BYTE = { low: -128, high: 127 } as const;
const HALFWORD = { low: -32768, high: 32767 } as const;

/** Zero points of a quantized type. */
function zeroPoints(type: TensorType): readonly number[] {
  return type.quant.kind === 'affine' ? type.quant.zeroPoint : [0];
}

/** True, or why a node does not multiply `dtype` by constant weights of 8 bits on a core with dual multiplies. */
export function refusal<K extends Product>(site: Site<K>, dtype: 'i8' | 'i16'): true | string {
  const [x, w] = site.inputs as [TensorType, TensorType];
  if (!site.target.dsp) return `${site.target.name} has no dual multiplies`;
  if (x.dtype !== dtype || w.dtype !== 'i8') return `multiplies ${x.dtype} by ${w.dtype}, not ${dtype} by i8`;
  if (site.constant(1) === undefined) return 'weights are not constant';
  if (site.inputs[2] !== undefined && site.constant(2) === undefined) return 'biases are not constant';
  return zeroPoints(w).every((zero) => zero === 0) || 'weights have a zero point';
}

export interface LayerShape {
  readonly g: WindowGeometry;
  /** Weights per output channel: `taps` of the window times `depth` channels. */
  readonly taps: number;
  readonly depth: number;
  readonly stage: OutputStage;
  readonly accumulator: 'i32' | 'i64';
}

/** The layer of a node that is not refused. */
export function layerOf<K extends Product>(site: Site<K>, { g, taps, depth, stage, accumulator }: LayerShape): Layer {
  const [x, , biasType] = site.inputs as [TensorType, TensorType, TensorType | undefined];
  const data = site.constant(1)?.data as Int8Array;
  const biasData = site.constant(2)?.data;
  const { channels } = g.output;
  const bias = biasValues(biasType && biasData ? { type: biasType, data: biasData } : undefined, channels);
  const zeroPoint = zeroPoints(x)[0] as number;
  const size = taps * depth;
  const weights = Array.from({ length: channels }, (_, c) => data.subarray(c * size, (c + 1) * size));
  const ends = x.dtype === 'i8' ? BYTE : HALFWORD;
  const layer: Sums = {
    source: { g, depth, zeroPoint, elem: x.dtype === 'i8' ? 'i8' : 'i16' },
    groups: g.input.channels / depth,
    channels: channels / (g.input.channels / depth),
    weights,
    starts: weights.map((of, c) => (bias[c] as number) - zeroPoint * of.reduce((sum, w) => sum + w, 0)),
    ranges: weights.map((of, c) => accumulatorRange(of, bias[c] as number, { ...ends, zeroPoint })),
    stage,
  };
  const settled = accumulator === 'i32' ? withSteadyChannels(layer) : layer;
  const scale = accumulator === 'i32' ? shortScale(settled.stage, settled.ranges) : 'scales sums of 64 bits';
  const packing = x.dtype === 'i8' && pairsPack(settled) ? 'pairs' : 'quads';
  return { ...settled, scale, accumulator, packing };
}

/** A layer before it is decided how it is computed. */
type Sums = Omit<Layer, 'scale' | 'accumulator' | 'packing'>;

/** Shifts of steady channels: results of 8 bits, shifted so far and once more, stay within 24 bits. */
const STEADY_SHIFTS = [2, 13] as const;

/**
 * Gives channels whose results are all the same, whatever the inputs, weights of zero, a start, and a factor of 2^-(s + 1)
 * that make this result: their own biases may be as large as they like. s is a shift that other channels have too.
 */
function withSteadyChannels(layer: Sums): Sums {
  const { stage, ranges, weights, starts } = layer;
  const steady = ranges.map((range, channel) => steadyResult(stage, range, channel));
  if (steady.every((result) => result === undefined)) return layer;
  const multipliers = ranges.map((_, c) => stage.multipliers[stage.multipliers.length === 1 ? 0 : c] as Multiplier);
  const shifts = multipliers.filter((_, c) => steady[c] === undefined).map(({ shift }) => -shift);
  const shift = Math.min(STEADY_SHIFTS[1], Math.max(STEADY_SHIFTS[0], ...shifts));
  const start = (result: number) => result * 2 ** (shift + 1);
  return {
    ...layer,
    weights: weights.map((of, c) => (steady[c] === undefined ? of : new Int8Array(of.length))),
    starts: starts.map((of, c) => (steady[c] === undefined ? of : start(steady[c]))),
    ranges: ranges.map((of, c) => {
      const result = steady[c];
      return result === undefined ? of : { low: start(result), high: start(result) };
    }),
    stage: {
      ...stage,
      multipliers: multipliers.map((of, c) => (steady[c] === undefined ? of : { multiplier: 2 ** 30, shift: -shift })),
    },
  };
}

/** The channels of a group in pairs; pair number `pair` begins here. The last pairs repeat the last two channels. */
export function firstOfPair(pair: number, channels: number): number {
  return Math.max(0, Math.min(2 * pair, channels - 2));
}

/** Whether all channels can share halfwords with the next. */
function pairsPack({ groups, channels, weights }: Sums): boolean {
  for (let group = 0; group < groups && channels > 1; group++) {
    for (let pair = 0; 2 * pair < channels; pair++) {
      const first = group * channels + firstOfPair(pair, channels);
      if (!packable(weights[first] as ChannelWeights, weights[first + 1] as ChannelWeights)) return false;
    }
  }
  return true;
}

/** True, or why sums in 32 bits are not those of the reference. */
export function verdictOn({ ranges }: Layer): true | string {
  return ranges.every((range) => within(range, 32)) || 'a sum may leave 32 bits';
}
