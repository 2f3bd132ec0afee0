import { z } from 'zod';
import type { Activation } from '../../../ir/tensor/fixed-point.ts';
import { type Constant, type Graph, type Node, typeOfValue, type ValueName } from '../../../ir/tensor/graph.ts';
import { DENSE, elementCount, NO_QUANT, sameShape, type TensorType } from '../../../ir/tensor/types.ts';
import { freeName } from '../names.ts';
import { definePass, type NodeSite, type Patch } from '../pass.ts';

type Layer = Node<'conv2d' | 'depthwise_conv2d' | 'transpose_conv2d' | 'fully_connected'>;
type Arithmetic = Node<'add' | 'sub' | 'mul' | 'div'>;

/** A layer, what stands between, and a constant for each of its channels. */
interface Match {
  readonly layer: Layer;
  /** From the layer's result to the operand, with the same innermost dimension. */
  readonly reshape: Node<'reshape'> | undefined;
  /** One per channel. */
  readonly values: readonly number[];
}

function isLayer(node: Node | undefined): node is Layer {
  return ['conv2d', 'depthwise_conv2d', 'transpose_conv2d', 'fully_connected'].includes(node?.op ?? '');
}

/** The constant's value for each channel, which are the innermost dimension; undefined when it differs elsewhere too. */
function perChannel(graph: Graph, name: ValueName, channels: number): number[] | undefined {
  const constant = graph.constants.get(name);
  const { shape } = typeOfValue(graph, name);
  if (constant === undefined || elementCount(shape) !== (shape.at(-1) ?? 1)) return undefined;
  return Array.from({ length: channels }, (_, i) => Number(constant.data[constant.data.length === 1 ? 0 : i]));
}

function isReadOnce({ facts }: NodeSite, value: ValueName): boolean {
  return !facts.isKept(value) && facts.consumers.get(value)?.length === 1;
}

/** The layer whose result the node combines with a constant, or why there is none. */
function matchOf(site: NodeSite): Match | string {
  const { graph, facts } = site;
  const node = site.node as Arithmetic;
  const isCommutative = node.op === 'add' || node.op === 'mul';
  const [x, c] = isCommutative && graph.constants.has(node.inputs[0]) ? node.inputs.toReversed() : node.inputs;
  const type = typeOfValue(graph, node.outputs[0]);
  if (type.dtype !== 'f32') return 'it is not of f32';
  if (!sameShape(type.shape, typeOfValue(graph, x).shape)) return `%${x} is spread over another shape`;
  const channels = type.shape.at(-1) ?? 1;
  const values = perChannel(graph, c, channels);
  if (values === undefined) return `%${c} is no constant per channel`;
  if (!values.every(Number.isFinite)) return `%${c} is not finite`;
  const before = facts.producers.get(x);
  const reshape = before?.op === 'reshape' ? before : undefined;
  const source = reshape === undefined ? x : reshape.inputs[0];
  const layer = facts.producers.get(source);
  if (!isLayer(layer)) return `%${x} is no layer's result`;
  if (layer.attrs.activation !== 'none') return `%${source} has an activation`;
  if (typeOfValue(graph, source).shape.at(-1) !== channels) return `the channels of %${source} are reshaped`;
  if (!isReadOnce(site, x) || !isReadOnce(site, source)) return `%${source} is read elsewhere`;
  return { layer, reshape, values };
}

/** Dense f32 values that only the layer reads, or why they cannot change. */
function ownConstant({ graph, facts }: NodeSite, name: ValueName): Constant | string {
  const constant = graph.constants.get(name);
  if (constant === undefined) return `%${name} is not a constant`;
  if (constant.encoding.kind !== 'dense' || typeOfValue(graph, name).dtype !== 'f32')
    return `%${name} is not dense f32`;
  return facts.isKept(name) || facts.consumers.get(name)?.length !== 1 ? `%${name} is read elsewhere` : constant;
}

/** Depthwise weights have their channels innermost, the others outermost. */
function scaledWeights(layer: Layer, weights: ArrayLike<number>, factors: readonly number[]): Float32Array {
  const perFactor = weights.length / factors.length;
  const channelOf = (i: number) => (layer.op === 'depthwise_conv2d' ? i % factors.length : Math.floor(i / perFactor));
  return Float32Array.from(weights, (w, i) => w * factors[channelOf(i)]);
}

interface Factored {
  readonly match: Match;
  readonly weights: Float32Array;
  readonly bias: Float32Array | undefined;
}

function factored(site: NodeSite): Factored | string {
  const match = matchOf(site);
  if (typeof match === 'string') return match;
  const { layer } = match;
  const [, w, b] = layer.inputs;
  const weights = ownConstant(site, w);
  if (typeof weights === 'string') return weights;
  const bias = b === undefined ? undefined : ownConstant(site, b);
  if (typeof bias === 'string') return bias;
  const factors = site.node.op === 'div' ? match.values.map((value) => 1 / value) : match.values;
  const scaled = scaledWeights(layer, weights.data as Float32Array, factors);
  const offsets =
    bias === undefined ? undefined : Float32Array.from(bias.data as Float32Array, (v, i) => v * factors[i]);
  if (![...scaled, ...(offsets ?? [])].every(Number.isFinite)) return 'the weights would not be finite';
  return { match, weights: scaled, bias: offsets };
}

interface Offset {
  readonly match: Match;
  readonly bias: Float32Array;
}

function withOffset(site: NodeSite): Offset | string {
  const match = matchOf(site);
  if (typeof match === 'string') return match;
  const [, w, b] = match.layer.inputs;
  if (typeOfValue(site.graph, w).dtype !== 'f32') return `%${w} is not of f32`;
  const old = b === undefined ? undefined : site.graph.constants.get(b);
  if (b !== undefined && old?.encoding.kind !== 'dense') return `%${b} is not a dense constant`;
  const sign = site.node.op === 'sub' ? -1 : 1;
  const bias = Float32Array.from(match.values, (value, i) => Number(old?.data[i] ?? 0) + sign * value);
  return bias.every(Number.isFinite) ? { match, bias } : 'the bias would not be finite';
}

function f32(shape: readonly number[]): TensorType {
  return { dtype: 'f32', shape, quant: NO_QUANT };
}

/** The layer with new constants in the place of all. */
function patchOf(
  { graph, node }: NodeSite,
  { layer, reshape }: Match,
  bias: Float32Array | undefined,
  weights?: Float32Array,
): Patch {
  const [x, w, b] = layer.inputs;
  const [y] = node.outputs;
  const [middle] = layer.outputs;
  const types = new Map<ValueName, TensorType>([[y, typeOfValue(graph, y)]]);
  const constants = new Map<ValueName, Constant>();
  const inputs = [x, w];
  const add = (at: number, wanted: string, shape: readonly number[], data: Float32Array) => {
    const name = freeName(graph.types, wanted);
    inputs[at] = name;
    types.set(name, f32(shape));
    constants.set(name, { data, encoding: DENSE });
  };
  if (weights !== undefined) add(1, `${w}_scaled`, typeOfValue(graph, w).shape, weights);
  if (bias !== undefined) add(2, `${b ?? middle}_bias`, [bias.length], bias);
  const activation: Activation = (node as Arithmetic).attrs.activation;
  const changed = { ...layer, inputs, attrs: { ...layer.attrs, activation } } as Node;
  if (reshape === undefined) {
    const swap = new Map<Node, Node>([[node, { ...changed, outputs: node.outputs }]]);
    return { drop: { nodes: [layer] }, swap, add: { types, constants } };
  }
  types.set(middle, typeOfValue(graph, middle));
  const swap = new Map<Node, Node>([
    [layer, changed],
    [node, { ...reshape, outputs: node.outputs }],
  ]);
  return { drop: { nodes: [reshape] }, swap, add: { types, constants } };
}

export const scaleLayers = definePass({
  name: 'import/scale-layers',
  doc:
    'layer(x) * s → layer with weights and bias times s, and layer(x) + t → layer with t in its bias, when s and t are constants ' +
    'per channel of a convolution or fully connected layer of f32 that nothing else reads: what is left of batch normalization.',
  kind: 'defining',
  options: z.strictObject({}),
  rules: [
    {
      name: 'factor',
      at: 'node',
      on: ['mul', 'div'],
      when(site) {
        const found = factored(site);
        return typeof found === 'string' ? found : true;
      },
      rewrite(site) {
        const { match, bias, weights } = factored(site) as Factored;
        return patchOf(site, match, bias, weights);
      },
    },
    {
      name: 'offset',
      at: 'node',
      on: ['add', 'sub'],
      when(site) {
        const found = withOffset(site);
        return typeof found === 'string' ? found : true;
      },
      rewrite(site) {
        const { match, bias } = withOffset(site) as Offset;
        return patchOf(site, match, bias);
      },
    },
  ],
});
