/**
 * Which memory each value of a graph lives in: the caller's input and output buffers, flash, state, or the arena. Ops that
 * only rename bytes (`alias`: reshape) share their input's storage and need no kernel, except where the two ends lie in
 * memory that the caller owns. So do slices and concatenations that are views (views.ts).
 */
import { ELEM_BYTES } from '../../ir/loop/types.ts';
import { type Graph, type Node, typeOfValue, type ValueName } from '../../ir/tensor/graph.ts';
import { opRecord } from '../../ir/tensor/ops/index.ts';
import { elementCount } from '../../ir/tensor/types.ts';
import { elemOf } from './kernel.ts';
import { concatOffsets, isAligned, sliceOffset } from './views.ts';

/** `offset` counts bytes from the start of the memory. */
export type Storage =
  | { readonly kind: 'input'; readonly index: number; readonly offset: number }
  | { readonly kind: 'output'; readonly index: number; readonly offset: number }
  | { readonly kind: 'rom' }
  | { readonly kind: 'state'; readonly name: ValueName }
  /** `name` is the value that fills the memory. */
  | { readonly kind: 'arena'; readonly name: ValueName; readonly offset: number };

/** A copy of a whole value that no node makes. */
export interface Copy {
  readonly from: ValueName;
  readonly to: Storage;
}

export interface StorageMap {
  readonly of: ReadonlyMap<ValueName, Storage>;
  /** Nodes that need no kernel: aliases and views. */
  readonly renames: ReadonlySet<Node>;
  /** Whether some of them are slices or concatenations. */
  readonly hasViews: boolean;
  /** Arena values that are written over the state which they become, so that no copy is needed. */
  readonly successors: ReadonlyMap<ValueName, ValueName>;
  /** Copies to make after all nodes have run, in this order. */
  readonly copies: readonly Copy[];
}

/** Whether the kernel of a node may write output `to` over input `from`. */
export type MayReplace = (node: Node, from: number, to: number) => boolean;

/** Which nodes may be views. Views save copies, but hold on to whole buffers where copies need less. */
export const VIEWS = ['slices and concatenations', 'slices', 'none'] as const;
export type Views = (typeof VIEWS)[number];

export function assignStorage(graph: Graph, mayReplace: MayReplace, views: Views): StorageMap {
  const of = new Map<ValueName, Storage>();
  graph.inputs.forEach((name, index) => {
    of.set(name, { kind: 'input', index, offset: 0 });
  });
  for (const state of graph.states) of.set(state.name, { kind: 'state', name: state.name });
  for (const name of graph.constants.keys()) of.set(name, { kind: 'rom' });
  const ends = outputsOf(graph);
  const uses = usesOf(graph);
  const renames = new Set<Node>();
  let hasViews = false;
  graph.nodes.forEach((node, position) => {
    const source = node.inputs[0] === undefined ? undefined : of.get(node.inputs[0]);
    const target = node.outputs[0] as ValueName;
    if (
      opRecord(node.op).traits.alias === true &&
      source !== undefined &&
      mayRename(graph, source, target, ends.get(target))
    ) {
      renames.add(node);
      rename(target, source, ends.get(target), of);
      return;
    }
    for (const value of node.outputs) of.set(value, ends.get(value) ?? { kind: 'arena', name: value, offset: 0 });
    const isView =
      (views !== 'none' && viewSlice(graph, node, position, of, uses)) ||
      (views === 'slices and concatenations' && viewConcat(graph, node, of, uses));
    if (!isView) return;
    renames.add(node);
    hasViews = true;
  });
  const successors = stateSuccessors(graph, of, mayReplace, renames);
  const copies = [...outputCopies(graph, of), ...stateCopies(graph, of, successors)];
  return { of, renames, hasViews, successors, copies };
}

/** Positions of the nodes that read each value; one past the last for what is read after all nodes. */
function usesOf(graph: Graph): ReadonlyMap<ValueName, readonly number[]> {
  const uses = new Map<ValueName, number[]>();
  const use = (value: ValueName, position: number) => {
    const known = uses.get(value);
    if (known === undefined) uses.set(value, [position]);
    else known.push(position);
  };
  graph.nodes.forEach((node, position) => {
    for (const value of node.inputs) use(value, position);
  });
  for (const value of [...graph.outputs, ...graph.states.map(({ next }) => next)]) use(value, graph.nodes.length);
  return uses;
}

type Uses = ReturnType<typeof usesOf>;

function bytesOf(graph: Graph, value: ValueName): number {
  return elementCount(typeOfValue(graph, value).shape) * elemBytes(graph, value);
}

function elemBytes(graph: Graph, value: ValueName): number {
  return ELEM_BYTES[elemOf(typeOfValue(graph, value))];
}

/**
 * Makes the result of a slice a part of its operand's memory, which then stays as long as the result is read: only where
 * the next node is the last to read it, or another reads the operand no earlier.
 */
function viewSlice(graph: Graph, node: Node, position: number, of: Map<ValueName, Storage>, uses: Uses): boolean {
  const [from, to] = [node.inputs[0] as ValueName, node.outputs[0] as ValueName];
  const offset = sliceOffset(graph, node, elemBytes(graph, to));
  const source = of.get(from);
  if (offset === undefined || of.get(to)?.kind !== 'arena') return false;
  if (source?.kind === 'arena') {
    const lastRead = Math.max(...(uses.get(to) ?? []));
    const isNext = lastRead === position + 1 && lastRead < graph.nodes.length;
    const staysAnyway = (uses.get(from) ?? []).some((other) => other >= lastRead);
    if (!isAligned(source.offset + offset) || !(isNext || staysAnyway)) return false;
  } else if (source?.kind !== 'input') return false;
  of.set(to, { ...source, offset: source.offset + offset });
  return true;
}

/** Has the operands of a concatenation made in their places, where each fills memory that nothing else uses. */
function viewConcat(graph: Graph, node: Node, of: Map<ValueName, Storage>, uses: Uses): boolean {
  const target = of.get(node.outputs[0] as ValueName);
  const offsets = concatOffsets(graph, node, elemBytes(graph, node.outputs[0] as ValueName));
  if (offsets === undefined || (target?.kind !== 'arena' && target?.kind !== 'output')) return false;
  const isFree = node.inputs.every((value, i) => {
    const storage = of.get(value);
    const isOwn = storage?.kind === 'arena' && storage.name === value && uses.get(value)?.length === 1;
    return isOwn && isAligned(offsets[i] as number);
  });
  if (!isFree) return false;
  node.inputs.forEach((value, i) => {
    moveInto(value, { ...target, offset: target.offset + (offsets[i] as number) }, of);
  });
  return true;
}

/** Puts a value, and all that lies within its memory, into other memory. */
function moveInto(name: ValueName, place: Extract<Storage, { offset: number }>, of: Map<ValueName, Storage>): void {
  for (const [value, storage] of of) {
    if (storage.kind !== 'arena' || storage.name !== name) continue;
    of.set(value, { ...place, offset: place.offset + storage.offset });
  }
}

/** The caller's buffer of every output; the first where one value is several outputs. */
function outputsOf(graph: Graph): Map<ValueName, Storage> {
  const ends = new Map<ValueName, Storage>();
  graph.outputs.forEach((name, index) => {
    if (!ends.has(name)) ends.set(name, { kind: 'output', index, offset: 0 });
  });
  return ends;
}

/**
 * A rename may turn memory of the arena into an output buffer, all of it, but cannot make one buffer of two that the
 * caller owns.
 */
function mayRename(graph: Graph, source: Storage, target: ValueName, end: Storage | undefined): boolean {
  if (source.kind === 'rom' || source.kind === 'state') return false;
  if (end === undefined) return true;
  return source.kind === 'arena' && bytesOf(graph, source.name) === bytesOf(graph, target);
}

function rename(target: ValueName, source: Storage, end: Storage | undefined, of: Map<ValueName, Storage>): void {
  of.set(target, end ?? source);
  if (end?.kind === 'output' && source.kind === 'arena') moveInto(source.name, end, of);
}

/** Whether two values lie in the same memory, at whatever offsets. */
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
    const to: Storage = { kind: 'output', index, offset: 0 };
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
  renames: ReadonlySet<Node>,
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
    if (renames.has(node)) continue;
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
      parked.push({ from: state.next, to: { kind: 'arena', name, offset: 0 } });
      assigned.push({ from: name, to });
    }
  }
  return [...parked, ...assigned];
}
