/** The nodes that could follow when one value gets another layout. */
import {
  type Graph,
  inputTypes,
  type Node,
  outputTypes,
  typeOfValue,
  type ValueName,
} from '../../../../ir/tensor/graph.ts';
import type { Facts } from '../../pass.ts';
import type { Families } from './families.ts';
import { isIdentity, type Layout } from './permutation.ts';
import { type Known, type Relayout, relayout } from './relayout.ts';

export interface Region {
  /** The nodes that may change, each on its own, with what they change to. */
  readonly nodes: ReadonlyMap<Node, Relayout>;
  /** The layouts of the values that changed nodes make or read. */
  readonly layouts: ReadonlyMap<ValueName, Layout>;
}

/** Walks from node to node as long as each says the layouts of its other values, without contradiction. */
class RegionWalk {
  readonly nodes = new Map<Node, Relayout>();
  readonly layouts = new Map<ValueName, Layout>();
  readonly #seen = new Set<Node>();
  readonly #queue: ValueName[] = [];
  readonly #graph: Graph;
  readonly #facts: Facts;
  readonly #families: Families;

  constructor(graph: Graph, facts: Facts, families: Families) {
    this.#graph = graph;
    this.#facts = facts;
    this.#families = families;
  }

  run(value: ValueName, layout: Layout): Region {
    this.#assign(value, layout);
    for (const next of this.#queue) {
      const producer = this.#facts.producers.get(next);
      if (producer !== undefined) this.#visit(producer, next, 'outputs');
      for (const consumer of this.#facts.consumers.get(next) ?? []) this.#visit(consumer, next, 'inputs');
    }
    return this;
  }

  #assign(value: ValueName, layout: Layout): void {
    if (this.layouts.has(value)) return;
    this.layouts.set(value, layout);
    if (!isIdentity(layout)) this.#queue.push(value);
  }

  #visit(node: Node, value: ValueName, side: Known['side']): void {
    if (this.#families.permuting.has(node)) return;
    const index = node[side].indexOf(value);
    const layout = this.layouts.get(value) as Layout;
    if (this.#seen.has(node)) return;
    const site = { node, inputs: inputTypes(this.#graph, node), outputs: outputTypes(this.#graph, node) };
    const changed = relayout(site, { side, index, layout });
    if (changed === undefined) return;
    this.#seen.add(node);
    const implied = this.#impliedBy(node, changed);
    const isConsistent = implied.every(([name, wanted]) => {
      const known = this.layouts.get(name);
      return known === undefined || known.join() === wanted.join();
    });
    if (!isConsistent || !this.#keepsEncodings(node, changed)) return;
    this.nodes.set(node, changed);
    for (const [name, wanted] of implied) this.#assign(name, wanted);
  }

  /** Constants are permuted at once, and operands of lower rank get axes first: neither says anything about other nodes. */
  #impliedBy(node: Node, { inputs, outputs }: Relayout): [ValueName, Layout][] {
    const operands = node.inputs.flatMap((name, i): [ValueName, Layout][] => {
      const layout = inputs[i];
      const isOwn = layout?.length === typeOfValue(this.#graph, name).shape.length;
      return layout === undefined || !isOwn || this.#graph.constants.has(name) ? [] : [[name, layout]];
    });
    return [...operands, ...node.outputs.map((name, i): [ValueName, Layout] => [name, outputs[i]])];
  }

  #keepsEncodings(node: Node, { inputs }: Relayout): boolean {
    return node.inputs.every((name, i) => {
      const constant = this.#graph.constants.get(name);
      return constant === undefined || inputs[i] === undefined || constant.encoding.kind === 'dense';
    });
  }
}

export function regionOf(graph: Graph, facts: Facts, families: Families, value: ValueName, layout: Layout): Region {
  return new RegionWalk(graph, facts, families).run(value, layout);
}
