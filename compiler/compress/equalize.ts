/**
 * Cross-layer equalization: Nagel, van Baalen, Blankevoort, Welling 2019, "Data-Free Quantization Through Weight Equalization
 * and Bias Correction", section 4.1. Between two layers only what scales with its input stands (relu, pools, means), so the
 * channels of the first may be divided by any s > 0 and the weights of the second that read them multiplied by it. With
 * s = sqrt(r1 / r2) both have the same ranges r per channel, and one scale per tensor serves all channels well.
 */
import { type Graph, type Node, typeOfValue, type ValueName } from '../../ir/tensor/graph.ts';
import type { PadAttrs } from '../../ir/tensor/ops/pad.ts';
import type { PoolAttrs } from '../../ir/tensor/ops/pool.ts';
import type { SumAttrs } from '../../ir/tensor/ops/reduce.ts';
import { DENSE } from '../../ir/tensor/types.ts';
import { type Layer, layerOf, rowsOf, setRows } from './layers.ts';

/** Two layers whose channels may be scaled against each other. */
export interface EqualizedPair {
  readonly first: Layer;
  readonly second: Layer;
}

export interface Equalization {
  readonly graph: Graph;
  readonly pairs: readonly EqualizedPair[];
  /** Layers whose channels stay, with the reason. */
  readonly refused: readonly { readonly name: ValueName; readonly reason: string }[];
}

/** Sweeps over all pairs: a layer that belongs to two pairs settles within a few. */
const MOST_SWEEPS = 40;
/** Factors nearer to 1 than this end the sweeps. */
const SETTLED = 1e-3;

/** The float graph computes the same but for rounding. */
export function equalize(graph: Graph): Equalization {
  const readers = readersOf(graph);
  const pairs: EqualizedPair[] = [];
  const refused: { name: ValueName; reason: string }[] = [];
  for (const node of graph.nodes) {
    const layer = layerOf(graph, node);
    if (typeof layer === 'string') continue;
    const second = partnerOf(graph, layer, readers);
    if (typeof second === 'string') refused.push({ name: layer.name, reason: second });
    else pairs.push({ first: layer, second });
  }
  return { graph: pairs.length === 0 ? graph : scaled(graph, pairs), pairs, refused };
}

function readersOf(graph: Graph): Map<ValueName, Node[]> {
  const readers = new Map<ValueName, Node[]>();
  for (const node of graph.nodes) {
    for (const name of node.inputs) readers.set(name, [...(readers.get(name) ?? []), node]);
  }
  return readers;
}

/** The layer that alone reads the channels of `layer`, or why there is none. */
function partnerOf(graph: Graph, layer: Layer, readers: ReadonlyMap<ValueName, readonly Node[]>): Layer | string {
  const { activation } = layer.node.attrs;
  if (activation !== 'none' && activation !== 'relu') return `its activation ${activation} does not scale`;
  const own = constantFault(graph, layer, readers);
  if (own !== undefined) return own;
  const kept = new Set([...graph.outputs, ...graph.states.map(({ next }) => next)]);
  let value = layer.name;
  for (;;) {
    const [reader, ...others] = readers.get(value) ?? [];
    if (kept.has(value)) return `%${value} is an output or state`;
    if (reader === undefined || others.length > 0) return `%${value} has ${others.length + (reader ? 1 : 0)} readers`;
    const second = layerOf(graph, reader);
    if (typeof second !== 'string') return joined(graph, layer, second, value, readers);
    const fault = passingFault(graph, reader);
    if (fault !== undefined) return fault;
    value = reader.outputs[0];
  }
}

function constantFault(
  graph: Graph,
  layer: Layer,
  readers: ReadonlyMap<ValueName, readonly Node[]>,
): string | undefined {
  for (const name of [layer.weights, layer.bias]) {
    if (name === undefined) continue;
    if (readers.get(name)?.length !== 1) return `its constant %${name} has other readers`;
    if (typeOfValue(graph, name).dtype !== 'f32') return `its constant %${name} is no float`;
  }
  return undefined;
}

function joined(
  graph: Graph,
  first: Layer,
  second: Layer,
  value: ValueName,
  readers: ReadonlyMap<ValueName, readonly Node[]>,
): Layer | string {
  if (second.input !== value || second.weights === value) return `%${second.name} reads %${value} as weights`;
  const fault = constantFault(graph, second, readers);
  if (fault !== undefined) return fault;
  if (second.node.op === 'conv2d' && second.rowsPerGroup !== second.rows) return `%${second.name} has groups`;
  const isWhole =
    second.node.op === 'depthwise_conv2d'
      ? second.rows / second.rowsPerGroup === first.rows
      : second.depth % first.rows === 0;
  return isWhole ? second : `%${second.name} does not read whole pixels`;
}

/** Why scaling a channel of the operand does not scale the same channel of the result; undefined when it does. */
function passingFault(graph: Graph, node: Node): string | undefined {
  const where = `${node.op} %${node.outputs[0]}`;
  const rank = typeOfValue(graph, node.inputs[0]).shape.length;
  switch (node.op) {
    case 'relu':
    case 'resize_nearest':
      return undefined;
    case 'max_pool2d':
    case 'average_pool2d': {
      const { activation } = node.attrs as PoolAttrs;
      return activation === 'none' || activation === 'relu' ? undefined : `${where} clamps to ${activation}`;
    }
    case 'mean':
    case 'sum':
      return (node.attrs as SumAttrs).axes.includes(rank - 1) ? `${where} mixes channels` : undefined;
    case 'pad': {
      const { before, after } = node.attrs as PadAttrs;
      if (node.inputs.length > 1) return `${where} adds other numbers than 0`;
      return before[rank - 1] + after[rank - 1] > 0 ? `${where} adds channels` : undefined;
    }
    case 'reshape': {
      // Rows that end in whole pixels keep the channel of each element at its index modulo the channels.
      const channels = typeOfValue(graph, node.inputs[0]).shape.at(-1) as number;
      const inner = typeOfValue(graph, node.outputs[0]).shape.at(-1) as number;
      return inner % channels === 0 ? undefined : `${where} moves channels`;
    }
    default:
      return `${where} does not scale`;
  }
}

function scaled(graph: Graph, pairs: readonly EqualizedPair[]): Graph {
  const matrices = new Map<ValueName, Float64Array>();
  const biases = new Map<ValueName, Float64Array>();
  const matrix = (layer: Layer) => {
    const known =
      matrices.get(layer.weights) ?? rowsOf(layer, graph.constants.get(layer.weights)?.data as Float32Array);
    matrices.set(layer.weights, known);
    return known;
  };
  const bias = ({ bias: name }: Layer) => {
    if (name === undefined) return undefined;
    const known = biases.get(name) ?? Float64Array.from(graph.constants.get(name)?.data as Float32Array);
    biases.set(name, known);
    return known;
  };
  for (let sweep = 0, largest = 1; sweep < MOST_SWEEPS && largest > SETTLED; sweep++) {
    largest = 0;
    for (const { first, second } of pairs) {
      largest = Math.max(largest, equalizePair(first, second, matrix(first), bias(first), matrix(second)));
    }
  }
  const constants = new Map(graph.constants);
  for (const { first, second } of pairs) {
    for (const layer of [first, second]) {
      const data = new Float32Array(layer.rows * layer.depth);
      setRows(layer, data, matrix(layer));
      constants.set(layer.weights, { data, encoding: DENSE });
    }
  }
  for (const [name, values] of biases) constants.set(name, { data: Float32Array.from(values), encoding: DENSE });
  return { ...graph, constants };
}

/** Scales in place; returns how far the factor farthest from 1 is from it. */
function equalizePair(
  first: Layer,
  second: Layer,
  w1: Float64Array,
  b1: Float64Array | undefined,
  w2: Float64Array,
): number {
  let farthest = 0;
  for (let channel = 0; channel < first.rows; channel++) {
    const own = w1.subarray(channel * first.depth, (channel + 1) * first.depth);
    const read = placesOf(second, channel, first.rows);
    const [r1, r2] = [own.reduce(most, 0), read.reduce((sum, i) => most(sum, w2[i]), 0)];
    if (r1 === 0 || r2 === 0) continue;
    const factor = Math.sqrt(r1 / r2);
    farthest = Math.max(farthest, Math.abs(Math.log(factor)));
    for (let i = 0; i < own.length; i++) own[i] /= factor;
    if (b1 !== undefined) b1[channel] /= factor;
    for (const i of read) w2[i] *= factor;
  }
  return farthest;
}

const most = (largest: number, x: number) => Math.max(largest, Math.abs(x));

/** Where the rows of a layer hold the weights for an input channel. */
function placesOf(layer: Layer, channel: number, channels: number): number[] {
  const places: number[] = [];
  if (layer.node.op === 'depthwise_conv2d') {
    const start = channel * layer.rowsPerGroup * layer.depth;
    for (let i = 0; i < layer.rowsPerGroup * layer.depth; i++) places.push(start + i);
    return places;
  }
  for (let i = channel; i < layer.rows * layer.depth; i += channels) places.push(i);
  return places;
}
