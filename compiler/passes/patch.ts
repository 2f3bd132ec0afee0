/** Applies patches. Graphs are immutable; the result shares what did not change. */
import type { Graph, Node, ValueName } from '../../ir/tensor/graph.ts';
import type { Patch } from './pass.ts';

/** A patch that contradicts the graph: a fault of the rule that made it. */
export class PatchError extends Error {
  override name = 'PatchError';
}

/** Throws PatchError when the patch drops what is not there, defines a name twice, or replaces an output of the graph. */
export function applyPatch(graph: Graph, patch: Patch): Graph {
  const types = new Map(graph.types);
  const constants = new Map(graph.constants);
  const dropped = new Set(patch.drop?.nodes);
  const droppedStates = new Set(patch.drop?.states);
  checkReplacements(graph, patch);
  if ([...dropped].some((node) => !graph.nodes.includes(node))) throw new PatchError('drops a node that is not there');
  for (const name of patch.drop?.constants ?? []) {
    if (!constants.delete(name)) throw new PatchError(`drops the constant %${name}, which is not there`);
    types.delete(name);
  }
  for (const name of droppedStates) {
    if (!graph.states.some((state) => state.name === name))
      throw new PatchError(`drops the state %${name}, which is not there`);
    types.delete(name);
  }
  for (const node of dropped) for (const name of node.outputs) types.delete(name);
  for (const [name, type] of patch.add?.types ?? []) {
    if (types.has(name)) throw new PatchError(`defines %${name}, which is defined already`);
    types.set(name, type);
  }
  for (const [name, constant] of patch.add?.constants ?? []) constants.set(name, constant);
  const renamed = (name: ValueName) => patch.replace?.get(name) ?? name;
  return {
    ...graph,
    types,
    constants,
    states: graph.states
      .filter((state) => !droppedStates.has(state.name))
      .map((state) => ({ ...state, next: renamed(state.next) })),
    nodes: patchNodes(graph.nodes, dropped, patch.add?.nodes ?? [], renamed),
  };
}

function checkReplacements(graph: Graph, patch: Patch): void {
  for (const [from, to] of patch.replace ?? []) {
    if (graph.outputs.includes(from)) throw new PatchError(`replaces %${from}, an output of the graph`);
    if (patch.replace?.has(to)) throw new PatchError(`replaces %${from} by %${to}, which is replaced itself`);
  }
}

function patchNodes(
  nodes: readonly Node[],
  dropped: ReadonlySet<Node>,
  added: readonly Node[],
  renamed: (name: ValueName) => ValueName,
): Node[] {
  const place = nodes.findIndex((node) => dropped.has(node));
  if (place < 0 && added.length > 0) throw new PatchError('adds nodes without dropping any');
  return nodes.flatMap((node, i) => {
    if (dropped.has(node)) return i === place ? added : [];
    if (node.inputs.every((name) => renamed(name) === name)) return [node];
    return [{ ...node, inputs: node.inputs.map(renamed) } as Node];
  });
}
