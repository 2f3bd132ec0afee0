import { z } from 'zod';
import { type Constant, type Graph, type Node, typeOfValue, type ValueName } from '../../../ir/tensor/graph.ts';
import { DENSE, elementCount, NO_QUANT, type TensorType } from '../../../ir/tensor/types.ts';
import { elementOrder, permutedData } from '../exact/layout/permutation.ts';
import { freeName } from '../names.ts';
import { definePass, type Facts, type NodeSite } from '../pass.ts';

type Dense = Node<'fully_connected'>;

/** fully_connected(reshape(transpose(x))): the layers that read the rows, and where each column comes from in x. */
interface Match {
  readonly source: ValueName;
  readonly layers: readonly Dense[];
  /** Of the element of x's row that stands in each column. */
  readonly places: Int32Array;
}

/** Where the elements of the rows come from, when the transpose moves them only within rows of `depth` elements. */
function placesInRows(x: TensorType, permutation: readonly number[], depth: number): Int32Array | undefined {
  const shape = permutation.map((axis) => x.shape[axis]);
  let outer = 0;
  for (let rest = elementCount(shape); rest > depth; outer++) rest /= shape[outer];
  if (elementCount(shape.slice(outer)) !== depth) return undefined;
  const order = elementOrder(permutation, x.shape);
  const kept = elementOrder(permutation.slice(0, outer), x.shape);
  const first = order.toSorted((a, b) => a - b).slice(0, kept.length);
  if (kept.some((axis, i) => axis !== first[i])) return undefined;
  const row = x.shape.map((extent, axis) => (kept.includes(axis) ? 1 : extent));
  const type: TensorType = { dtype: 'i32', shape: row, quant: NO_QUANT };
  return permutedData(
    type,
    Int32Array.from({ length: depth }, (_, i) => i),
    permutation,
  ) as Int32Array;
}

function weightFault(graph: Graph, facts: Facts, { inputs }: Dense, value: ValueName): string | undefined {
  const [x, w, bias] = inputs;
  if (x !== value || w === value || bias === value) return `%${value} is no layer's input`;
  if (graph.constants.get(w)?.encoding.kind !== 'dense') return `%${w} is not a dense constant`;
  return facts.isKept(w) || facts.consumers.get(w)?.length !== 1 ? `%${w} is read elsewhere` : undefined;
}

function matchOf({ graph, facts, node }: NodeSite): Match | string {
  const [y] = node.outputs;
  const transpose = facts.producers.get(node.inputs[0]);
  if (transpose?.op !== 'transpose') return `%${node.inputs[0]} is not a transpose`;
  const readers = facts.consumers.get(y) ?? [];
  const layers = readers.filter((reader) => reader.op === 'fully_connected');
  if (facts.isKept(y) || layers.length === 0 || layers.length < readers.length) {
    return `not only fully connected layers read %${y}`;
  }
  for (const layer of layers) {
    const fault = weightFault(graph, facts, layer, y);
    if (fault !== undefined) return fault;
  }
  const depths = new Set(layers.map(({ inputs }) => typeOfValue(graph, inputs[1]).shape[1]));
  const [depth] = depths;
  const source = transpose.inputs[0];
  const places = depths.size === 1 && placesInRows(typeOfValue(graph, source), transpose.attrs.permutation, depth);
  return places ? { source, layers, places } : 'elements change rows';
}

function permutedWeights(graph: Graph, w: ValueName, places: Int32Array): Constant {
  const { data } = graph.constants.get(w) as Constant;
  const moved = data.slice();
  for (let start = 0; start < data.length; start += places.length) {
    places.forEach((place, column) => {
      moved[start + place] = data[start + column];
    });
  }
  return { data: moved, encoding: DENSE };
}

export const flattenWeights = definePass({
  name: 'import/flatten-weights',
  doc:
    'fully_connected(reshape(transpose(x)), w) → fully_connected(reshape(x), w with its columns in the order of x), when the ' +
    'transpose moves elements within rows and nothing else reads the rows or w: the sums are taken in another order.',
  kind: 'defining',
  options: z.strictObject({}),
  rules: [
    {
      name: 'permute',
      at: 'node',
      on: ['reshape'],
      when(site) {
        const found = matchOf(site);
        return typeof found === 'string' ? found : true;
      },
      rewrite(site) {
        const { graph, node } = site;
        const { source, layers, places } = matchOf(site) as Match;
        const swap = new Map<Node, Node>([[node, { ...node, inputs: [source] } as Node]]);
        const types = new Map([[node.outputs[0], typeOfValue(graph, node.outputs[0])]]);
        const constants = new Map<ValueName, Constant>();
        for (const layer of layers) {
          const [x, w, ...rest] = layer.inputs;
          const name = freeName(graph.types, `${w}_flat`);
          constants.set(name, permutedWeights(graph, w, places));
          types.set(name, typeOfValue(graph, w));
          types.set(layer.outputs[0], typeOfValue(graph, layer.outputs[0]));
          swap.set(layer, { ...layer, inputs: [x, name, ...rest] });
        }
        return { swap, add: { types, constants } };
      },
    },
  ],
});
