/** Applies patches. A run of passes works on one copy of the graph, so that a patch costs no more than what it touches. */
import type { Constant, Graph, Node, State, ValueName } from '../../ir/tensor/graph.ts';
import type { TensorType } from '../../ir/tensor/types.ts';
import type { Facts, Patch } from './pass.ts';

/** A patch that contradicts the graph: a fault of the rule that made it. */
export class PatchError extends Error {
  override name = 'PatchError';
}

/** A private copy of a graph that patches change, with the facts about it. */
export class GraphEditor implements Facts {
  readonly producers = new Map<ValueName, Node>();
  readonly consumers = new Map<ValueName, Node[]>();
  readonly types: Map<ValueName, TensorType>;
  readonly constants: Map<ValueName, Constant>;
  /** The nodes in order, in one slot for each of the original ones: what replaces a node stands in its slot. */
  readonly slots: Node[][] = [];
  states: readonly State[];
  private readonly base: Graph;
  private readonly outputs: ReadonlySet<ValueName>;
  private readonly slotOf = new Map<Node, number>();
  private nextValues: ReadonlySet<ValueName>;

  constructor(graph: Graph) {
    this.base = graph;
    this.types = new Map(graph.types);
    this.constants = new Map(graph.constants);
    this.states = graph.states;
    this.outputs = new Set(graph.outputs);
    this.nextValues = new Set(graph.states.map((state) => state.next));
    graph.nodes.forEach((node, slot) => {
      this.slots.push([]);
      this.insert(slot, 0, node);
    });
  }

  isUsed(value: ValueName): boolean {
    return this.isKept(value) || this.consumers.has(value);
  }

  isKept(value: ValueName): boolean {
    return this.outputs.has(value) || this.nextValues.has(value);
  }

  isOutput(value: ValueName): boolean {
    return this.outputs.has(value);
  }

  /** The graph as it is now, for as long as no further patch is applied. */
  view(): Graph {
    const { slots, types, constants, states } = this;
    return {
      ...this.base,
      types,
      constants,
      states,
      get nodes() {
        return slots.flat();
      },
    };
  }

  /** A copy that later patches do not change. */
  snapshot(): Graph {
    return {
      ...this.base,
      types: new Map(this.types),
      constants: new Map(this.constants),
      states: this.states,
      nodes: this.slots.flat(),
    };
  }

  /** Throws PatchError when the patch drops what is not there, defines a name twice, or replaces an output of the graph. */
  apply(patch: Patch): void {
    this.checkReplacements(patch);
    const place = this.dropNodes(patch.drop?.nodes ?? []);
    this.dropConstants(patch.drop?.constants ?? []);
    this.dropStates(patch.drop?.states ?? []);
    for (const node of patch.swap?.keys() ?? []) for (const name of node.outputs) this.types.delete(name);
    for (const [name, type] of patch.add?.types ?? []) {
      if (this.types.has(name)) throw new PatchError(`defines %${name}, which is defined already`);
      this.types.set(name, type);
    }
    for (const [name, constant] of patch.add?.constants ?? []) this.constants.set(name, constant);
    // Before nodes are added: an added node may read the value that all others no longer read.
    for (const [from, to] of patch.replace ?? []) this.replaceValue(from, to);
    for (const [from, to] of patch.swap ?? []) this.swapNode(from, to);
    const added = patch.add?.nodes ?? [];
    if (place === undefined && added.length > 0) throw new PatchError('adds nodes without dropping any');
    added.forEach((node, i) => {
      if (place !== undefined) this.insert(place.slot, place.at + i, node);
    });
  }

  private checkReplacements(patch: Patch): void {
    for (const [from, to] of patch.replace ?? []) {
      if (this.outputs.has(from)) throw new PatchError(`replaces %${from}, an output of the graph`);
      if (patch.replace?.has(to)) throw new PatchError(`replaces %${from} by %${to}, which is replaced itself`);
    }
  }

  /** Returns where the first of the nodes stood. */
  private dropNodes(nodes: readonly Node[]): { readonly slot: number; readonly at: number } | undefined {
    const slots = nodes.map((node) => this.slotOf.get(node));
    if (slots.includes(undefined)) throw new PatchError('drops a node that is not there');
    const slot = (slots as number[]).reduce((first, other) => Math.min(first, other), this.slots.length);
    const at = this.slots[slot]?.findIndex((node) => nodes.includes(node)) ?? 0;
    for (const node of nodes) {
      this.remove(node);
      for (const name of node.outputs) this.types.delete(name);
    }
    return nodes.length === 0 ? undefined : { slot, at };
  }

  private dropConstants(names: readonly ValueName[]): void {
    for (const name of names) {
      if (!this.constants.delete(name)) throw new PatchError(`drops the constant %${name}, which is not there`);
      this.types.delete(name);
    }
  }

  private dropStates(names: readonly ValueName[]): void {
    if (names.length === 0) return;
    const dropped = new Set(names);
    for (const name of names) {
      if (!this.states.some((state) => state.name === name))
        throw new PatchError(`drops the state %${name}, which is not there`);
      this.types.delete(name);
    }
    this.setStates(this.states.filter((state) => !dropped.has(state.name)));
  }

  private setStates(states: readonly State[]): void {
    this.states = states;
    this.nextValues = new Set(states.map((state) => state.next));
  }

  private swapNode(from: Node, to: Node): void {
    const slot = this.slotOf.get(from);
    if (slot === undefined) throw new PatchError('swaps a node that is not there');
    const at = (this.slots[slot] as Node[]).indexOf(from);
    this.remove(from);
    this.insert(slot, at, to);
  }

  private replaceValue(from: ValueName, to: ValueName): void {
    const renamed = (name: ValueName) => (name === from ? to : name);
    for (const node of [...(this.consumers.get(from) ?? [])]) {
      this.swapNode(node, { ...node, inputs: node.inputs.map(renamed) } as Node);
    }
    if (this.nextValues.has(from))
      this.setStates(this.states.map((state) => ({ ...state, next: renamed(state.next) })));
  }

  private insert(slot: number, at: number, node: Node): void {
    (this.slots[slot] as Node[]).splice(at, 0, node);
    this.slotOf.set(node, slot);
    for (const name of node.outputs) this.producers.set(name, node);
    for (const name of new Set(node.inputs)) {
      const readers = this.consumers.get(name);
      if (readers === undefined) this.consumers.set(name, [node]);
      else readers.push(node);
    }
  }

  private remove(node: Node): void {
    const nodes = this.slots[this.slotOf.get(node) as number] as Node[];
    nodes.splice(nodes.indexOf(node), 1);
    this.slotOf.delete(node);
    for (const name of node.outputs) if (this.producers.get(name) === node) this.producers.delete(name);
    for (const name of new Set(node.inputs)) {
      const readers = this.consumers.get(name) as Node[];
      if (readers.length === 1) this.consumers.delete(name);
      else readers.splice(readers.indexOf(node), 1);
    }
  }
}
