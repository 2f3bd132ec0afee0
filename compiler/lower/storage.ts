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
  /** Copies to make after all nodes have run, in this order. */
  readonly copies: readonly Copy[];
}

export function assignStorage(graph: Graph): StorageMap {
  const of = new Map<ValueName, Storage>();
  graph.inputs.forEach((name, index) => {
    of.set(name, { kind: 'input', index });
  });
  for (const state of graph.states) of.set(state.name, { kind: 'state', name: state.name });
  for (const name of graph.constants.keys()) of.set(name, { kind: 'rom' });
  const renames = new Set<Node>();
  for (const node of graph.nodes) {
    const source = node.inputs[0] === undefined ? undefined : of.get(node.inputs[0]);
    const target = node.outputs[0] as ValueName;
    if (opRecord(node.op).traits.alias === true && source !== undefined && mayRename(graph, target, source, of)) {
      renames.add(node);
      rename(graph, target, source, of);
    } else {
      for (const value of node.outputs) of.set(value, ownStorage(graph, value));
    }
  }
  return { of, renames, copies: [...outputCopies(graph, of), ...stateCopies(graph, of)] };
}

function outputIndex(graph: Graph, value: ValueName): number | undefined {
  const index = graph.outputs.indexOf(value);
  return index < 0 ? undefined : index;
}

function ownStorage(graph: Graph, value: ValueName): Storage {
  const index = outputIndex(graph, value);
  return index === undefined ? { kind: 'arena', name: value } : { kind: 'output', index };
}

/** A rename may turn arena memory into an output buffer, but cannot make one buffer of two that the caller owns. */
function mayRename(graph: Graph, target: ValueName, source: Storage, of: ReadonlyMap<ValueName, Storage>): boolean {
  if (source.kind === 'rom' || source.kind === 'state') return false;
  if (outputIndex(graph, target) === undefined) return true;
  return source.kind === 'arena' && ![...of.values()].some((other) => sameStorage(other, ownStorage(graph, target)));
}

function rename(graph: Graph, target: ValueName, source: Storage, of: Map<ValueName, Storage>): void {
  const index = outputIndex(graph, target);
  if (index === undefined) {
    of.set(target, source);
    return;
  }
  const output: Storage = { kind: 'output', index };
  for (const [value, storage] of of) if (sameStorage(storage, source)) of.set(value, output);
  of.set(target, output);
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

/** States take their next values when all nodes have read the old ones; a state that becomes another state goes through the arena. */
function stateCopies(graph: Graph, of: ReadonlyMap<ValueName, Storage>): Copy[] {
  const parked: Copy[] = [];
  const assigned: Copy[] = [];
  for (const state of graph.states) {
    if (state.next === state.name) continue;
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
