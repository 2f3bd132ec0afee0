/** What convolution and fully connected layers have in common for the kernels of dual multiplies. */
import type { WindowGeometry } from '../../../../ir/tensor/ops/conv.ts';
import { biasValues, type OutputStage } from '../../../../ir/tensor/ops/shared.ts';
import type { TensorType } from '../../../../ir/tensor/types.ts';
import type { Site } from '../../kernel.ts';
import { canPack, type Layer, sumsFit } from './product.ts';

type Product = 'conv2d' | 'fully_connected';

/** Zero points of a quantized type. */
function zeroPoints(type: TensorType): readonly number[] {
  return type.quant.kind === 'affine' ? type.quant.zeroPoint : [0];
}

/** True, or why a node is not one of 8 bits with constant weights for a core with dual multiplies. */
export function refusal<K extends Product>(site: Site<K>): true | string {
  const [x, w] = site.inputs as [TensorType, TensorType];
  if (!site.target.dsp) return `${site.target.name} has no dual multiplies`;
  if (x.dtype !== 'i8' || w.dtype !== 'i8') return `multiplies ${x.dtype} by ${w.dtype}, not i8 by i8`;
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
}

/** The layer of a node that is not refused. */
export function layerOf<K extends Product>(site: Site<K>, { g, taps, depth, stage }: LayerShape): Layer {
  const [x, , biasType] = site.inputs as [TensorType, TensorType, TensorType | undefined];
  const data = site.constant(1)?.data as Int8Array;
  const bias = site.constant(2);
  const { channels } = g.output;
  const size = taps * depth;
  return {
    source: { g, depth, zeroPoint: zeroPoints(x)[0] as number },
    groups: g.input.channels / depth,
    weights: Array.from({ length: channels }, (_, channel) => data.subarray(channel * size, (channel + 1) * size)),
    bias: biasValues(biasType && bias ? { type: biasType, data: bias.data } : undefined, channels),
    stage,
  };
}

/** True, or why the weights of a layer do not go into pairs. */
export function verdictOn(layer: Layer): true | string {
  const packs = canPack(layer);
  return packs === true ? sumsFit(layer) : packs;
}
