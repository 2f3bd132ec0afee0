/** Layers of float activations and integer weights, as converters make them for small files, with the weights as floats. */
import { type Constant, type Graph, type Node, typeOfValue, type ValueName } from '../../ir/tensor/graph.ts';
import { dequantizeOperands } from '../../ir/tensor/ops/quant.ts';
import { DENSE, NO_QUANT, stridesOf, type TensorType } from '../../ir/tensor/types.ts';
import { layerOf } from './layers.ts';

/**
 * The graph with every float layer's weights in f32. Results differ in the last bits: integer weights are summed unscaled
 * and scaled once.
 */
export function withFloatWeights(graph: Graph): Graph {
  const types = new Map(graph.types);
  const constants = new Map(graph.constants);
  const made = new Map<ValueName, ValueName>();
  const widened = (name: ValueName): ValueName => {
    const known = made.get(name);
    if (known !== undefined) return known;
    let own = `${name}_f32`;
    while (types.has(own)) own += '_';
    const { type, constant } = widenedConstant(typeOfValue(graph, name), graph.constants.get(name) as Constant);
    types.set(own, type);
    constants.set(own, constant);
    made.set(name, own);
    return own;
  };
  const nodes = graph.nodes.map((node) => {
    if (!isHybrid(graph, node)) return node;
    return { ...node, inputs: node.inputs.map((name, i) => (i === 1 ? widened(name) : name)) } as Node;
  });
  if (made.size === 0) return graph;
  const read = new Set([...nodes.flatMap((node) => node.inputs), ...graph.outputs, ...graph.states.map((s) => s.next)]);
  for (const name of made.keys()) {
    if (read.has(name)) continue;
    constants.delete(name);
    types.delete(name);
  }
  return { ...graph, nodes, types, constants };
}

function isHybrid(graph: Graph, node: Node): boolean {
  const layer = layerOf(graph, node);
  if (typeof layer === 'string') return false;
  return typeOfValue(graph, layer.input).dtype === 'f32' && typeOfValue(graph, layer.weights).dtype === 'i8';
}

function widenedConstant(type: TensorType, constant: Constant): { type: TensorType; constant: Constant } {
  const [scale, zeroPoint] = dequantizeOperands(type);
  const { shape, quant } = type;
  const axis = quant.kind === 'affine' && quant.scale.length > 1 ? (quant.axis as number) : 0;
  const stride = stridesOf(shape)[axis];
  const data = Float32Array.from(constant.data as Int8Array, (q, i) => {
    const at = scale.data.length === 1 ? 0 : Math.floor(i / stride) % shape[axis];
    return Number(scale.data[at]) * (q - Number(zeroPoint.data[at]));
  });
  return { type: { dtype: 'f32', shape, quant: NO_QUANT }, constant: { data, encoding: DENSE } };
}
