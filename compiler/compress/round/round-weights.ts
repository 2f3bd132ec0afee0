/** Rounds the weights of a quantized graph anew, layer by layer, from the moments of the float graph's activations. */
import { typeOfValue, type ValueName } from '../../../ir/tensor/graph.ts';
import type { Tensor } from '../../../ir/tensor/types.ts';
import type { Taps } from '../calibrate/calibrate.ts';
import { type LayerPair, layerPairs, weightScales, withConstants } from '../integer-layers.ts';
import { rowsOf, setRows } from '../layers.ts';
import { type GroupMoments, gatherMoments, momentsFault } from '../moments.ts';
import { mostWeight } from '../quantize/grid.ts';
import type { Quantized } from '../quantize/quantize.ts';
import { floatsOf } from '../quantize/weights.ts';
import type { Samples } from '../samples.ts';
import { better, type Rounding, roundingErrors } from './rounders.ts';

export interface RoundOptions {
  readonly rounder: (rounding: Rounding) => Float64Array;
  /** Positions per sample whose inputs count. */
  readonly positions: number;
  readonly seed: number;
  readonly taps?: Taps;
}

export interface RoundedLayer {
  readonly name: ValueName;
  /** Mean square of what rounding adds to the layer's sums, before and after. */
  readonly before: number;
  readonly after: number;
}

export interface RoundResult {
  readonly quantized: Quantized;
  readonly rounded: readonly RoundedLayer[];
  readonly skipped: readonly { readonly name: ValueName; readonly reason: string }[];
}

/** A row keeps its rounding where the new one is not better for its inputs. */
export async function roundWeights(
  quantized: Quantized,
  samples: Samples,
  options: RoundOptions,
): Promise<RoundResult> {
  const { float, graph } = quantized;
  const bits = new Map(quantized.layers.map((layer) => [layer.name, layer.bits]));
  const pairs = layerPairs(quantized);
  const fault = ({ float: layer }: LayerPair) => momentsFault(layer, true);
  const able = pairs.filter((pair) => fault(pair) === undefined);
  const { positions, seed, taps } = options;
  const moments = await gatherMoments(
    float,
    able.map((pair) => pair.float),
    samples,
    { products: true, positions, seed, ...(taps === undefined ? {} : { taps }) },
  );
  const changed = new Map<ValueName, Tensor>();
  const rounded = able.map((pair): RoundedLayer => {
    const groups = moments.get(pair.float) as readonly GroupMoments[];
    const most = mostWeight(bits.get(pair.float.name) ?? 8);
    const result = roundLayer(quantized, pair, groups, most, options.rounder);
    const type = typeOfValue(graph, pair.integer.weights);
    const data = new Int8Array(result.integers.length);
    setRows(pair.integer, data, result.integers);
    changed.set(pair.integer.weights, { type, data });
    return { name: pair.float.name, before: result.before, after: result.after };
  });
  const skipped = pairs.flatMap((pair) => {
    const reason = fault(pair);
    return reason === undefined ? [] : [{ name: pair.float.name, reason }];
  });
  return { quantized: { ...quantized, graph: withConstants(graph, changed) }, rounded, skipped };
}

function roundLayer(
  { float, graph }: Quantized,
  pair: LayerPair,
  groups: readonly GroupMoments[],
  most: number,
  rounder: (rounding: Rounding) => Float64Array,
) {
  const { rows, depth, rowsPerGroup } = pair.float;
  const scales = weightScales(graph, pair.integer);
  const steps = rowsOf(pair.float, floatsOf(float, pair.float.weights)).map(
    (w, i) => w / scales[Math.floor(i / depth)],
  );
  const integers = rowsOf(pair.integer, graph.constants.get(pair.integer.weights)?.data as Int8Array);
  let [before, after] = [0, 0];
  groups.forEach((moments, group) => {
    const start = group * rowsPerGroup * depth;
    const own = steps.subarray(start, start + rowsPerGroup * depth);
    const rounding: Rounding = { steps: own, most, depth, moments };
    const old = integers.slice(start, start + own.length);
    const best = better(rounding, old, rounder(rounding));
    integers.set(best, start);
    const weigh = (errors: Float64Array) =>
      errors.reduce((sum, error, r) => sum + error * scales[group * rowsPerGroup + r] ** 2, 0);
    before += weigh(roundingErrors(rounding, old));
    after += weigh(roundingErrors(rounding, best));
  });
  return { integers, before: before / rows, after: after / rows };
}
