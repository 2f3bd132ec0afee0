/** What a depthwise convolution with dual multiplies knows of its layer. */
import type { Multiplier } from '../../../../ir/tensor/fixed-point.ts';
import { type ConvAttrs, convGeometry, convStage, type WindowGeometry } from '../../../../ir/tensor/ops/conv.ts';
import { biasValues, type OutputStage } from '../../../../ir/tensor/ops/shared.ts';
import { affineOf, integerRange, type TensorType } from '../../../../ir/tensor/types.ts';
import type { Site } from '../../kernel.ts';
import { type AccumulatorRange, accumulatorRange, steadyResult, within } from '../../proved-scale.ts';
import { type PlanePlan, planPlane } from './depthwise-plan.ts';

export type Depthwise = Site<'depthwise_conv2d'>;
/** What the kernel knows of its layer. */
export interface Layer {
  readonly g: WindowGeometry;
  readonly plane: PlanePlan;
  readonly stage: OutputStage;
  readonly accumulator: 'i32' | 'i64';
  readonly zeroPoint: number;
  /** The stored weights, by tap and then by output channel. */
  readonly weights: ArrayLike<number>;
  /** The bias with the input's zero point folded in. */
  readonly starts: readonly number[];
  readonly ranges: readonly AccumulatorRange[];
}

function* weightsOf(w: ArrayLike<number>, channel: number, channels: number): Iterable<number> {
  for (let i = channel; i < w.length; i += channels) yield w[i] as number;
}

/** The layer of a node that is not refused. */
export function layerOf({ inputs, outputs, attrs, constant }: Depthwise): Layer {
  const [x, w, biasType] = inputs as [TensorType, TensorType, TensorType | undefined];
  const y = outputs[0] as TensorType;
  const g = convGeometry(x, w, y, attrs as ConvAttrs);
  const { channels } = g.output;
  const weights = constant(1)?.data as ArrayLike<number>;
  const given = constant(2);
  const bias = biasValues(biasType && given ? { type: biasType, data: given.data } : undefined, channels);
  const { zeroPoint } = affineOf(x);
  const [low, high] = integerRange(x.dtype);
  const starts: number[] = [];
  const ranges: AccumulatorRange[] = [];
  for (let c = 0; c < channels; c++) {
    const own = [...weightsOf(weights, c, channels)];
    const sum = own.reduce((total, value) => total + value, 0);
    starts.push((bias[c] as number) - zeroPoint * sum);
    ranges.push(accumulatorRange(own, bias[c] as number, { low, high, zeroPoint }));
  }
  const stage = convStage(x, w, y, attrs as ConvAttrs);
  const { accumulator } = attrs;
  const layer = { g, plane: planPlane(g), stage, accumulator, zeroPoint, weights, starts, ranges };
  return accumulator === 'i32' ? withSteadyChannels(layer) : layer;
}

/** Gives channels that have one result whatever the inputs no weights, and a start and a factor of 1/8 that make it. */
function withSteadyChannels(layer: Layer): Layer {
  const { stage, weights, starts, ranges } = layer;
  const results = ranges.map((range, c) => steadyResult(stage, range, c));
  if (results.every((result) => result === undefined)) return layer;
  const isSteady = (c: number) => results[c] !== undefined;
  const steadyStart = (c: number) => 8 * (results[c] as number);
  const multipliers = starts.map((_, c) =>
    isSteady(c)
      ? { multiplier: 2 ** 30, shift: -2 }
      : (stage.multipliers[stage.multipliers.length === 1 ? 0 : c] as Multiplier),
  );
  return {
    ...layer,
    stage: { ...stage, multipliers },
    weights: Array.from(weights, (value, i) => (isSteady(i % starts.length) ? 0 : value)),
    starts: starts.map((start, c) => (isSteady(c) ? steadyStart(c) : start)),
    ranges: ranges.map((range, c) => (isSteady(c) ? { low: steadyStart(c), high: steadyStart(c) } : range)),
  };
}

/** Why a node is not one of constant weights for dual multiplies. */
export function nodeRefusal(site: Depthwise): string | undefined {
  const [x, w, bias] = site.inputs as [TensorType, TensorType, TensorType | undefined];
  if (!site.target.dsp) return 'needs dual 16-bit multiplies';
  if (x.dtype !== 'i8' && x.dtype !== 'i16') return `not for ${x.dtype}`;
  if (site.constant(1) === undefined) return 'needs constant weights';
  if (bias !== undefined && site.constant(2) === undefined) return 'needs a constant bias';
  if (w.quant.kind !== 'affine' || w.quant.zeroPoint.some((zero) => zero !== 0)) return 'needs symmetric weights';
  const { accumulator, starts, ranges } = layerOf(site);
  if (accumulator === 'i64' && !ranges.every((range) => within(range, 32))) return 'an accumulator needs 64 bits';
  return starts.some((start) => Math.abs(start) >= 2 ** 30) ? 'a bias may reach 2^30' : undefined;
}
