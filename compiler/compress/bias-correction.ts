/**
 * Bias correction: rounded weights and activations shift the mean of a layer's sums, which the bias takes back.
 *
 * - `analytic`: the shift that rounding of the weights makes for the mean inputs of the float graph. Nagel et al. 2019,
 *   "Data-Free Quantization Through Weight Equalization and Bias Correction", section 4.2; Finkelstein, Almog, Grobman
 *   2019, "Fighting Quantization Bias With Bias". Means come from calibration, not from batch normalization.
 * - `empirical`: the shift that is seen, whatever made it, with the layers before corrected already. Nagel et al. 2019,
 *   appendix D.
 *
 * Sums are linear in the inputs, so that means of inputs are all that either needs.
 */
import { roundAway } from '../../ir/tensor/fixed-point.ts';
import { type Graph, type Node, typeOfValue, type ValueName } from '../../ir/tensor/graph.ts';
import { integerRange, type Tensor } from '../../ir/tensor/types.ts';
import { referenceTaps, type Taps } from './calibrate/calibrate.ts';
import { type LayerPair, layerPairs, weightScales, withConstants } from './integer-layers.ts';
import { type Layer, layerOf, rowsOf } from './layers.ts';
import { type GroupMoments, gatherMoments, meansOf, momentsFault } from './moments.ts';
import type { Quantized } from './quantize/quantize.ts';
import { biasTensor, floatsOf } from './quantize/weights.ts';
import type { Samples } from './samples.ts';

export interface CorrectionOptions {
  readonly mode: 'empirical' | 'analytic';
  /** Most samples that means are taken over. */
  readonly samples: number;
  /** An engine for a graph; the reference unless given. */
  readonly tapsFor?: (graph: Graph) => Taps | Promise<Taps>;
}

export interface CorrectedLayer {
  readonly name: ValueName;
  /** Largest change of a bias, in real numbers. */
  readonly largest: number;
}

export interface CorrectionResult {
  readonly quantized: Quantized;
  readonly corrected: readonly CorrectedLayer[];
  readonly skipped: readonly { readonly name: ValueName; readonly reason: string }[];
}

export async function correctBiases(
  quantized: Quantized,
  samples: Samples,
  options: CorrectionOptions,
): Promise<CorrectionResult> {
  const { tapsFor = referenceTaps } = options;
  const pairs = layerPairs(quantized);
  const able = pairs.filter(({ float }) => momentsFault(float, false) === undefined);
  const floats = able.map(({ float }) => float);
  const taps = await tapsFor(quantized.float);
  const expected = await gatherMoments(quantized.float, floats, samples, { samples: options.samples, taps });
  let { graph } = quantized;
  const corrected: CorrectedLayer[] = [];
  for (const pair of able) {
    const layer = layerOf(graph, producerOf(graph, pair.integer.name)) as Layer;
    const wanted = meansOf(expected.get(pair.float) as readonly GroupMoments[]);
    const found = options.mode === 'analytic' ? wanted : await integerMeans(graph, layer, samples, options);
    const shifts = shiftsOf(quantized.float, graph, { float: pair.float, integer: layer }, wanted, found, options.mode);
    graph = withBias(graph, layer, shifts);
    corrected.push({ name: pair.float.name, largest: shifts.reduce((most, x) => Math.max(most, Math.abs(x)), 0) });
  }
  const skipped = pairs.flatMap(({ float }) => {
    const reason = momentsFault(float, false);
    return reason === undefined ? [] : [{ name: float.name, reason }];
  });
  return { quantized: { ...quantized, graph }, corrected, skipped };
}

function producerOf(graph: Graph, name: ValueName): Node {
  return graph.nodes.find((node) => node.outputs.includes(name)) as Node;
}

/** Mean columns that the integer layer reads now, from the part of the graph that leads to it. */
async function integerMeans(
  graph: Graph,
  layer: Layer,
  samples: Samples,
  { samples: most, tapsFor = referenceTaps }: CorrectionOptions,
): Promise<Float64Array[]> {
  const before = partUpTo(graph, layer);
  const taps = await tapsFor(before);
  const moments = await gatherMoments(before, [layer], samples, { samples: most, taps });
  return meansOf(moments.get(layer) as readonly GroupMoments[]);
}

/** The graph up to and with the layer, whose result is its only output. States keep what they start with. */
function partUpTo(graph: Graph, layer: Layer): Graph {
  const needed = new Set([layer.name]);
  const kept: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    kept.unshift(node);
    for (const name of node.inputs) needed.add(name);
  }
  for (const node of kept) for (const name of node.outputs) needed.add(name);
  const states = graph.states.filter(({ name }) => needed.has(name)).map((state) => ({ ...state, next: state.name }));
  const used = (name: ValueName) => needed.has(name) || graph.inputs.includes(name);
  return {
    ...graph,
    outputs: [layer.name],
    states,
    nodes: kept,
    constants: new Map([...graph.constants].filter(([name]) => used(name))),
    types: new Map([...graph.types].filter(([name]) => used(name))),
  };
}

/** By output channel: the mean of the integer layer's sums less that of the float layer's, in real numbers. */
function shiftsOf(
  float: Graph,
  graph: Graph,
  pair: LayerPair,
  wanted: readonly Float64Array[],
  found: readonly Float64Array[],
  mode: CorrectionOptions['mode'],
): number[] {
  const { rows, depth, rowsPerGroup } = pair.float;
  const weights = rowsOf(pair.float, floatsOf(float, pair.float.weights));
  const integers = rowsOf(pair.integer, graph.constants.get(pair.integer.weights)?.data as Int8Array);
  const scales = weightScales(graph, pair.integer);
  const steps = scales.map((scale) => scale * inputScale(graph, pair.integer));
  const given = pair.float.bias === undefined ? undefined : floatsOf(float, pair.float.bias);
  const own = pair.integer.bias === undefined ? undefined : graph.constants.get(pair.integer.bias)?.data;
  return Array.from({ length: rows }, (_, r) => {
    const group = Math.floor(r / rowsPerGroup);
    // What biases differ by already belongs to what is seen.
    let shift = mode === 'empirical' ? Number(own?.[r] ?? 0) * steps[r] - (given?.[r] ?? 0) : 0;
    for (let i = 0; i < depth; i++) {
      const at = r * depth + i;
      shift += integers[at] * scales[r] * found[group][i] - weights[at] * wanted[group][i];
    }
    return shift;
  });
}

function inputScale(graph: Graph, layer: Layer): number {
  const { quant } = typeOfValue(graph, layer.input);
  if (quant.kind !== 'affine') throw new TypeError(`%${layer.input} is not affine`);
  return quant.scale[0];
}

/** Takes the shifts from the bias; a layer without one gets one. */
function withBias(graph: Graph, layer: Layer, shifts: readonly number[]): Graph {
  const steps = weightScales(graph, layer).map((scale) => scale * inputScale(graph, layer));
  const old = layer.bias === undefined ? undefined : graph.constants.get(layer.bias)?.data;
  const isLong = old === undefined ? layer.node.op === 'transpose_conv2d' : old instanceof BigInt64Array;
  const [least, most] = integerRange('i32');
  const integers = shifts.map((shift, r) => {
    const value = Number(old?.[r] ?? 0) - roundAway(shift / steps[r]);
    return isLong ? value : Math.min(Math.max(value, least / 2), most / 2) | 0;
  });
  if (layer.bias !== undefined) {
    const tensor: Tensor = {
      type: typeOfValue(graph, layer.bias),
      data: isLong ? BigInt64Array.from(integers, BigInt) : Int32Array.from(integers),
    };
    return withConstants(graph, new Map([[layer.bias, tensor]]));
  }
  let name = `${layer.name}_bias`;
  while (graph.types.has(name)) name += '_';
  const shape = { dtype: 'f32', shape: [layer.rows], quant: { kind: 'none' } } as const;
  const tensor = biasTensor(shape, integers, steps, isLong);
  const nodes = graph.nodes.map((node) =>
    node === layer.node ? ({ ...node, inputs: [...node.inputs, name] } as Node) : node,
  );
  return withConstants({ ...graph, nodes }, new Map([[name, tensor]]));
}
