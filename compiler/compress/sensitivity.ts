/**
 * How much each layer's quantization alone changes the outputs: Wu, Judd, Zhang, Isaev, Micikevicius 2020, "Integer
 * Quantization for Deep Learning Inference", section 6 (one layer at a time); the ratio as the measure and the greedy
 * choice of widths: Pandey, Nagel, van Baalen, Huang, Patel, Blankevoort 2023, "A Practical Mixed Precision Algorithm for
 * Post-Training Quantization".
 */
import { evaluate } from '../../ir/tensor/evaluate.ts';
import type { Graph, ValueName } from '../../ir/tensor/graph.ts';
import { DENSE, type TensorData } from '../../ir/tensor/types.ts';
import type { Taps } from './calibrate/calibrate.ts';
import { type Layer, layersOf, rowsOf, setRows } from './layers.ts';
import { onGrid } from './quantize/grid.ts';
import type { QuantizeOptions } from './quantize/options.ts';
import { floatsOf, rowGrids } from './quantize/weights.ts';
import { forEachSample, type Sample, type Samples } from './samples.ts';

export interface Sensitivity {
  readonly name: ValueName;
  readonly weights: number;
  /** By width: noise at the outputs by signal, as powers, with this layer's weights alone at that width. */
  readonly noise: Readonly<Record<number, number>>;
}

export interface SensitivityOptions {
  readonly widths: readonly number[];
  /** Most samples. */
  readonly samples: number;
  readonly weights: QuantizeOptions['weights'];
  readonly scales: QuantizeOptions['scales'];
  readonly tapsFor?: (graph: Graph) => Taps | Promise<Taps>;
}

/** Layers whose weights are floats, in the graph's order. */
export async function measureSensitivity(
  graph: Graph,
  samples: Samples,
  options: SensitivityOptions,
): Promise<Sensitivity[]> {
  const kept: Sample[] = [];
  await forEachSample(graph, samples, (sample) => void kept.push(sample), options.samples);
  const expected = await outputsOf(graph, kept, options);
  const found: Sensitivity[] = [];
  for (const layer of layersOf(graph)) {
    if (!(graph.constants.get(layer.weights)?.data instanceof Float32Array)) continue;
    const noise: Record<number, number> = {};
    for (const width of options.widths) {
      const changed = await outputsOf(withRoundedWeights(graph, layer, width, options), kept, options);
      noise[width] = relativeNoise(expected, changed);
    }
    found.push({ name: layer.name, weights: layer.rows * layer.depth, noise });
  }
  return found;
}

type Outputs = readonly (readonly TensorData[])[];

async function outputsOf(graph: Graph, samples: readonly Sample[], { tapsFor }: SensitivityOptions): Promise<Outputs> {
  const taps: Taps = tapsFor === undefined ? (sample) => evaluate(graph, sample).values : await tapsFor(graph);
  const outputs: TensorData[][] = [];
  for (const sample of samples) {
    const values = await taps(sample);
    outputs.push(graph.outputs.map((name) => graph.constants.get(name)?.data ?? (values.get(name) as TensorData)));
  }
  return outputs;
}

/** Of float outputs; those of a port count by its own signal, so that every port weighs the same. */
function relativeNoise(expected: Outputs, found: Outputs): number {
  let noise = 0;
  expected[0].forEach((first, port) => {
    if (!(first instanceof Float32Array)) return;
    let [signal, difference] = [0, 0];
    expected.forEach((outputs, i) => {
      const [wanted, got] = [outputs[port] as Float32Array, found[i][port] as Float32Array];
      for (let at = 0; at < wanted.length; at++) {
        signal += wanted[at] ** 2;
        difference += (wanted[at] - got[at]) ** 2;
      }
    });
    if (signal > 0) noise += difference / signal;
  });
  return noise;
}

function withRoundedWeights(
  graph: Graph,
  layer: Layer,
  bits: number,
  { weights, scales }: Pick<SensitivityOptions, 'weights' | 'scales'>,
): Graph {
  const matrix = rowsOf(layer, floatsOf(graph, layer.weights));
  const grids = rowGrids(matrix, layer, bits, weights, scales === 'power-of-two');
  const data = new Float32Array(matrix.length);
  setRows(
    layer,
    data,
    matrix.map((w, i) => onGrid(w, grids[grids.length === 1 ? 0 : Math.floor(i / layer.depth)])),
  );
  const own = `${layer.weights}_rounded`;
  const type = graph.types.get(layer.weights);
  if (type === undefined) throw new TypeError(`%${layer.weights} has no type`);
  const nodes = graph.nodes.map((node) =>
    node === layer.node ? { ...layer.node, inputs: layer.node.inputs.map((name, i) => (i === 1 ? own : name)) } : node,
  ) as Graph['nodes'];
  return {
    ...graph,
    nodes,
    types: new Map([...graph.types, [own, type]]),
    constants: new Map([...graph.constants, [own, { data, encoding: DENSE }]]),
  };
}

export interface MixedWidths {
  readonly bits: Readonly<Record<ValueName, number>>;
  /** Of the weights at their widths. */
  readonly bytes: number;
  /** Noise by signal at the outputs, if the layers' noises add up. */
  readonly noise: number;
}

/**
 * All choices on the greedy path: from the widest widths on, the layer is narrowed next that adds least noise per byte it saves.
 * The first has all layers at the widest width, the last at the narrowest.
 */
export function greedyWidths(layers: readonly Sensitivity[], widths: readonly number[]): MixedWidths[] {
  const sorted = [...widths].sort((a, b) => b - a);
  const at = new Map(layers.map((layer) => [layer, 0]));
  const bytes = ({ weights }: Sensitivity, index: number) => Math.ceil((weights * sorted[index]) / 8);
  const stateOf = (): MixedWidths => {
    let [total, noise] = [0, 0];
    for (const [layer, index] of at) {
      total += bytes(layer, index);
      noise += layer.noise[sorted[index]];
    }
    const bits = Object.fromEntries([...at].map(([layer, index]) => [layer.name, sorted[index]]));
    return { bits, bytes: total, noise };
  };
  const path = [stateOf()];
  for (;;) {
    let best: { layer: Sensitivity; cost: number } | undefined;
    for (const [layer, index] of at) {
      if (index + 1 >= sorted.length) continue;
      const added = layer.noise[sorted[index + 1]] - layer.noise[sorted[index]];
      const cost = added / Math.max(bytes(layer, index) - bytes(layer, index + 1), 1);
      if (best === undefined || cost < best.cost) best = { layer, cost };
    }
    if (best === undefined) return path;
    at.set(best.layer, (at.get(best.layer) as number) + 1);
    path.push(stateOf());
  }
}

/** The layers whose weights at `width` do most harm, the worst first. */
export function mostSensitive(layers: readonly Sensitivity[], width: number, count: number): ValueName[] {
  const sorted = layers.toSorted((a, b) => b.noise[width] - a.noise[width]);
  return sorted.slice(0, count).map(({ name }) => name);
}
