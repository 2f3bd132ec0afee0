/**
 * Which memory each value of a graph lives in: the caller's input and output buffers, flash, state, or the arena. Ops that
 * only rename bytes (`alias`: reshape) share their input's storage and need no kernel, except where the two ends lie in
 * memory that the caller owns.
 */
import type { Graph, Node, ValueName } from '../../ir/tensor/graph.ts';
import { opRecord } from '../../ir/tensor/ops/index.ts';

export type Storage =
  | { readonly kind: 'input'; readonly index: number }
  | { readonly kind: 'output'; readonly index: number }
  | { readonly kind: 'rom' }
  | { readonly kind: 'state'; readonly name: ValueName }
  /** `name` is the first value that lives there. */
  | { readonly kind: 'arena'; readonly name: ValueName };

/** A copy of a whole value that no node makes. */
export interface Copy {
  readonly from: ValueName;
  readonly to: Storage;
}

export interface StorageMap {
  readonly of: ReadonlyMap<ValueName, Storage>;
  /** Alias nodes that need no kernel. */
  readonly renames: ReadonlySet<Node>;
  /** Arena values that are written over the state which they become, so that no copy is needed. */
  readonly successors: ReadonlyMap<ValueName, ValueName>;
  /** Copies to make after all nodes have run, in this order. */
  readonly copies: readonly Copy[];
}

/** Whether the kernel of a node may write output `to` over input `from`. */
export type MayReplace = (node: Node, from: number, to: number) => boolean;

export function assignStorage(graph: Graph, mayReplace: MayReplace): StorageMap {
  const of = new Map<ValueName, Storage>();
  graph.inputs.forEach((name, index) => {
    of.set(name, { kind: 'input', index });
  });
  for (const state of graph.states) of.set(state.name, { kind: 'state', name: state.name });
  for (const name of graph.constants.keys()) of.set(name, { kind: 'rom' });
  const ends = outputsOf(graph);
  const renames = new Set<Node>();
  for (const node of graph.nodes) {
    const source = node.inputs[0] === undefined ? undefined : of.get(node.inputs[0]);
    const target = node.outputs[0] as ValueName;
    if (opRecord(node.op).traits.alias === true && source !== undefined && mayRename(source, ends.get(target))) {
      renames.add(node);
      rename(target, source, ends.get(target), of);
    } else {
      for (const value of node.outputs) of.set(value, ends.get(value) ?? { kind: 'arena', name: value });
    }
  }
  const successors = stateSuccessors(graph, of, mayReplace);
  return { of, renames, successors, copies: [...outputCopies(graph, of), ...stateCopies(graph, of, successors)] };
}

/** The caller's buffer of every output; the first where one value is several outputs. */
function outputsOf(graph: Graph): Map<ValueName, Storage> {
  const ends = new Map<ValueName, Storage>();
  graph.outputs.forEach((name, index) => {
    if (!ends.has(name)) ends.set(name, { kind: 'output', index });
  });
  return ends;
}

/** A rename may turn arena memory into an output buffer, but cannot make one buffer of two that the caller owns. */
function mayRename(source: Storage, end: Storage | undefined): boolean {
  if (source.kind === 'rom' || source.kind === 'state') return false;
  return end === undefined || source.kind === 'arena';
}

function rename(target: ValueName, source: Storage, end: Storage | undefined, of: Map<ValueName, Storage>): void {
  of.set(target, end ?? source);
  if (end === undefined) return;
  for (const [value, storage] of of) if (sameStorage(storage, source)) of.set(value, end);
}

export function sameStorage(a: Storage, b: Storage): boolean {
  if (a.kind === 'arena' && b.kind === 'arena') return a.name === b.name;
  if (a.kind === 'state' && b.kind === 'state') return a.name === b.name;
  if ((a.kind === 'input' && b.kind === 'input') || (a.kind === 'output' && b.kind === 'output')) {
    return a.index === b.index;
  }
  return false;
}

function outputCopies(graph: Graph, of: ReadonlyMap<ValueName, Storage>): Copy[] {
  return graph.outputs.flatMap((from, index): Copy[] => {
    const to: Storage = { kind: 'output', index };
    return sameStorage(of.get(from) as Storage, to) ? [] : [{ from, to }];
  });
}

/**
 * A state's next value may be written over the state when nothing reads the old one later: no copy that ends the inference,
 * no node after the one that makes it, and that one only if its kernel may work in place.
 */
function stateSuccessors(
  graph: Graph,
  of: ReadonlyMap<ValueName, Storage>,
  mayReplace: MayReplace,
): Map<ValueName, ValueName> {
  const successors = new Map<ValueName, ValueName>();
  const makers = new Map(graph.nodes.flatMap((node, i) => node.outputs.map((value) => [value, i] as const)));
  const lastReaders = new Map(graph.nodes.flatMap((node, i) => node.inputs.map((value) => [value, i] as const)));
  const copied = new Set([
    ...graph.outputs,
    ...graph.states.flatMap(({ name, next }) => (name === next ? [] : [next])),
  ]);
  for (const { name, next } of graph.states) {
    const storage = of.get(next);
    const maker = makers.get(next);
    // Only a value that is the first of its memory: what is renamed from another has that one's maker.
    if (maker === undefined || storage?.kind !== 'arena' || storage.name !== next || successors.has(next)) continue;
    const node = graph.nodes[maker] as Node;
    const lastReader = lastReaders.get(name) ?? -1;
    const readsOld = node.inputs.flatMap((value, i) => (value === name ? [i] : []));
    const inPlace = readsOld.every((from) => mayReplace(node, from, node.outputs.indexOf(next)));
    if (!copied.has(name) && lastReader <= maker && inPlace) successors.set(next, name);
  }
  return successors;
}

/** States take their next values when all nodes have read the old ones; a state that becomes another state goes through the arena. */
function stateCopies(
  graph: Graph,
  of: ReadonlyMap<ValueName, Storage>,
  successors: ReadonlyMap<ValueName, ValueName>,
): Copy[] {
  const parked: Copy[] = [];
  const assigned: Copy[] = [];
  for (const state of graph.states) {
    if (state.next === state.name || successors.get(state.next) === state.name) continue;
    const to: Storage = { kind: 'state', name: state.name };
    if (of.get(state.next)?.kind !== 'state') assigned.push({ from: state.next, to });
    else {
      const name = `${state.name} next`;
      parked.push({ from: state.next, to: { kind: 'arena', name } });
      assigned.push({ from: name, to });
    }
  }
  return [...parked, ...assigned];
}
