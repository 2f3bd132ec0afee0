/** A layer of 8-bit products with known weights, as the kernels of small cores take it apart. */
import type { WindowGeometry } from '../../../../ir/tensor/ops/conv.ts';
import type { OpName } from '../../../../ir/tensor/ops/index.ts';
import { biasValues, type OutputStage } from '../../../../ir/tensor/ops/shared.ts';
import type { TensorType } from '../../../../ir/tensor/types.ts';
import type { Site } from '../../kernel.ts';
import { type AccumulatorRange, accumulatorRange } from '../../proved-scale.ts';

export type Product = 'conv2d' | 'fully_connected' | 'depthwise_conv2d';

/** The weights that an output channel is made with, in the order of the window's taps and, per tap, of the channels. */
export type ChannelWeights = ArrayLike<number>;

export interface Layer {
  readonly g: WindowGeometry;
  /** Input channels that an output channel reads. */
  readonly depth: number;
  readonly groups: number;
  /** Output channels of one group. */
  readonly channels: number;
  readonly zeroPoint: number;
  readonly weights: readonly ChannelWeights[];
  /** What every sum begins with: the bias with the input's zero point folded in, modulo 2^32. */
  readonly starts: readonly number[];
  readonly ranges: readonly AccumulatorRange[];
  readonly stage: OutputStage;
}

/** Inputs, as they are stored. */
const BYTE = { low: -128, high: 127 } as const;

function zeroPoints(type: TensorType): readonly number[] {
  return type.quant.kind === 'affine' ? type.quant.zeroPoint : [0];
}

/** Why a node is not one of 8 bits for a small core, or undefined. */
export function narrowRefusal<K extends OpName>(site: Site<K>): string | undefined {
  const { target } = site;
  if (target.backend !== 'c' || target.narrow === undefined) return `${target.name} is not a small core`;
  if (target.dsp || target.vector !== 'none') return `${target.name} has better than single multiplies`;
  const dtype = (site.inputs[0] as TensorType).dtype;
  return dtype === 'i8' ? undefined : `not for ${dtype}`;
}

/** Why a node is not a product with known weights for a small core, or undefined. */
export function productRefusal<K extends Product>(site: Site<K>): string | undefined {
  const refused = narrowRefusal(site);
  if (refused !== undefined) return refused;
  const [, w, bias] = site.inputs as [TensorType, TensorType, TensorType | undefined];
  if (site.constant(1) === undefined) return 'needs constant weights';
  if (bias !== undefined && site.constant(2) === undefined) return 'needs a constant bias';
  return zeroPoints(w).every((zero) => zero === 0) ? undefined : 'needs symmetric weights';
}

export interface LayerShape {
  readonly g: WindowGeometry;
  readonly depth: number;
  readonly stage: OutputStage;
  readonly weights: readonly ChannelWeights[];
}

/** The layer of a node that is not refused. */
export function layerOf<K extends Product>(site: Site<K>, { g, depth, stage, weights }: LayerShape): Layer {
  const [x, , biasType] = site.inputs as [TensorType, TensorType, TensorType | undefined];
  const data = site.constant(2)?.data;
  const { channels } = g.output;
  const bias = biasValues(biasType && data ? { type: biasType, data } : undefined, channels);
  const zeroPoint = zeroPoints(x)[0] as number;
  const sums = weights.map((of) => Array.from(of).reduce((sum, w) => sum + w, 0));
  const groups = g.input.channels / depth;
  return {
    g,
    depth,
    groups,
    channels: channels / groups,
    zeroPoint,
    weights,
    starts: sums.map((sum, c) => ((bias[c] as number) - zeroPoint * sum) | 0),
    ranges: weights.map((of, c) => accumulatorRange(Array.from(of), bias[c] as number, { ...BYTE, zeroPoint })),
    stage,
  };
}

/** Channel c's weights where those of a channel lie together. */
export function rowsOf(data: ArrayLike<number>, channels: number): ChannelWeights[] {
  const all = Int8Array.from(Array.from(data));
  const size = all.length / channels;
  return Array.from({ length: channels }, (_, c) => all.subarray(c * size, (c + 1) * size));
}
