/**
 * Converters call tensors after what made them (`serving_default_image:0`); a signature says what the model's author calls
 * its inputs and outputs (`image`).
 */
import type { Graph, Node, ValueName } from '../../../ir/tensor/graph.ts';
import { printable } from '../builder.ts';
import type { SourceOperator } from '../imported-model.ts';
import type { ModelRecord, SubgraphRecord, TensorMapRecord } from './schema.ts';

/** A graph whose inputs and outputs were renamed, or were not. */
export interface NamedGraph {
  readonly graph: Graph;
  readonly layers: readonly SourceOperator[];
  /** Tensor names of the renamed values. */
  readonly tensorNames: ReadonlyMap<ValueName, string>;
}

/**
 * The graph of the main subgraph with its inputs and outputs named by the only signature there is for it. Tensor names
 * stay when the signature leaves one out, gives two names to one value or one name to two, or takes another value's.
 */
export function nameBySignature(
  graph: Graph,
  layers: readonly SourceOperator[],
  subgraph: SubgraphRecord,
  model: ModelRecord,
): NamedGraph {
  const unchanged = { graph, layers, tensorNames: new Map<ValueName, string>() };
  const signatures = model.signature_defs.filter((signature) => signature.subgraph_index === 0);
  const inputs = portNames(subgraph.inputs, signatures[0]?.inputs ?? []);
  const outputs = portNames(subgraph.outputs, signatures[0]?.outputs ?? []);
  if (signatures.length !== 1 || inputs === undefined || outputs === undefined) return unchanged;
  const names = new Map<ValueName, string>();
  const tensorNames = new Map<ValueName, string>();
  const ports = [...graph.inputs, ...graph.outputs];
  const tensors = [...subgraph.inputs, ...subgraph.outputs];
  for (const [i, name] of [...inputs, ...outputs].entries()) {
    const value = ports[i];
    if ((names.get(value) ?? name) !== name) return unchanged;
    names.set(value, name);
    const tensorName = subgraph.tensors[tensors[i]].name;
    if (value !== name && tensorName !== '' && !tensorNames.has(name)) tensorNames.set(name, tensorName);
  }
  const isFree = (name: string) => names.has(name) || !graph.types.has(name);
  if (new Set(names.values()).size !== names.size || ![...names.values()].every(isFree)) return unchanged;
  return { ...renamed(graph, layers, names), tensorNames };
}

/** The name of each tensor, or undefined unless each has exactly one. */
function portNames(tensors: readonly number[], entries: readonly TensorMapRecord[]): readonly string[] | undefined {
  const names = new Map(entries.map((entry) => [entry.tensor_index, printable(entry.name)]));
  const found = tensors.map((tensor) => names.get(tensor) ?? '');
  return names.size === entries.length && found.every((name) => name !== '') ? found : undefined;
}

function renamed(
  graph: Graph,
  layers: readonly SourceOperator[],
  names: ReadonlyMap<ValueName, string>,
): { readonly graph: Graph; readonly layers: readonly SourceOperator[] } {
  const all = (values: readonly ValueName[]) => values.map((value) => names.get(value) ?? value);
  const keys = <T>(map: ReadonlyMap<ValueName, T>) =>
    new Map(Array.from(map, ([value, entry]) => [names.get(value) ?? value, entry]));
  return {
    graph: {
      ...graph,
      inputs: all(graph.inputs),
      outputs: all(graph.outputs),
      states: graph.states.map(({ name, initial, next }) => {
        const [newName, newNext] = all([name, next]);
        return { name: newName, initial, next: newNext };
      }),
      constants: keys(graph.constants),
      nodes: graph.nodes.map(
        (node) => ({ ...node, inputs: all(node.inputs), outputs: all(node.outputs) }) as unknown as Node,
      ),
      types: keys(graph.types),
    },
    layers: layers.map((layer) => ({ ...layer, outputs: all(layer.outputs) })),
  };
}
