/** The layers of a quantized graph beside those they were made from, for methods that change their integers. */
import type { Graph, ValueName } from '../../ir/tensor/graph.ts';
import { typeOfValue } from '../../ir/tensor/graph.ts';
import { DENSE, type Tensor } from '../../ir/tensor/types.ts';
import { type Layer, layerOf, layersOf } from './layers.ts';
import type { Quantized } from './quantize/quantize.ts';

export interface LayerPair {
  readonly float: Layer;
  readonly integer: Layer;
}

/** In the order of the graph; layers that stayed floats are left out. */
export function layerPairs({ graph, float, integers }: Quantized): LayerPair[] {
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  return layersOf(float).flatMap((layer) => {
    const node = producers.get(integers.get(layer.name) as ValueName);
    const integer = node === undefined ? 'is no layer' : layerOf(graph, node);
    return typeof integer === 'string' ? [] : [{ float: layer, integer }];
  });
}

/** Steps of the weights, one per output channel. */
export function weightScales(graph: Graph, { weights, rows }: Layer): number[] {
  const { quant } = typeOfValue(graph, weights);
  if (quant.kind !== 'affine') throw new TypeError(`%${weights} is not affine`);
  return Array.from({ length: rows }, (_, r) => quant.scale[quant.scale.length === 1 ? 0 : r]);
}

/** The graph with other contents, and types, for constants that it has. */
export function withConstants(graph: Graph, changed: ReadonlyMap<ValueName, Tensor>): Graph {
  const types = new Map(graph.types);
  const constants = new Map(graph.constants);
  for (const [name, { type, data }] of changed) {
    types.set(name, type);
    constants.set(name, { data, encoding: DENSE });
  }
  return { ...graph, types, constants };
}
