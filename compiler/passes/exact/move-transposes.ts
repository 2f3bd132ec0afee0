import { z } from 'zod';
import type { Graph, Node, ValueName } from '../../../ir/tensor/graph.ts';
import { definePass, type Facts, type NodeSite, type Patch } from '../pass.ts';
import { chosenFrom } from './layout/choose.ts';
import {
  costOf,
  type Families,
  familiesOf,
  type Heights,
  heightsOf,
  keyOf,
  movedBytes,
  permutationOf,
} from './layout/families.ts';
import { inverse, type Layout } from './layout/permutation.ts';
import { type Changes, patchBetween, rebuilt } from './layout/rebuild.ts';
import { regionOf } from './layout/region.ts';

const NOTHING: Changes = new Map();
const AS_MANY = 'in other layouts, the ops around it would need no less transposing';

/** Nodes to change, and the roots of all values that they touch. */
interface Move {
  readonly changes: Changes;
  readonly roots: ReadonlySet<ValueName>;
}

/** What is known about a graph until a patch changes it. */
class LayoutFacts {
  readonly #graph: Graph;
  readonly #facts: Facts;
  readonly #families: Families;
  readonly #heights: Heights;
  readonly #cost: number;
  /** What was found for values with layouts that were tried for them or for a value of their region. */
  readonly #tried = new Map<string, Move | string>();
  readonly #answers = new Map<Node, Move | string>();
  #merged: Graph | string | undefined;
  /** What was found last, for which a patch is asked next. */
  #moved: { readonly at: Node; readonly answer: Graph | string } | undefined;

  constructor({ nodes, ...graph }: Graph, facts: Facts) {
    // The graph under change makes its list of nodes anew each time.
    this.#graph = { ...graph, nodes: [...nodes] };
    this.#facts = facts;
    const kept = new Set([...graph.outputs, ...graph.states.map(({ next }) => next)]);
    this.#families = familiesOf(this.#graph, kept);
    this.#heights = heightsOf(this.#graph);
    this.#cost = costOf(this.#graph);
  }

  /** The graph with each transpose made once, from what it is a transpose of in the end; or why it stays as it is. */
  merged(): Graph | string {
    this.#merged ??= this.#built(NOTHING) ?? 'no two transposes are the same or follow one another';
    return this.#merged;
  }

  /** The graph after the changes, if that costs less. */
  #built(changes: Changes): Graph | undefined {
    const after = rebuilt(this.#graph, this.#families, changes);
    return costOf(after) < this.#cost ? after : undefined;
  }

  /**
   * The graph with nodes around the transpose in other layouts, and those around others that do not touch these, which saves
   * building it many times; or why not.
   */
  moved(node: Node): Graph | string {
    if (this.#moved?.at !== node) this.#moved = { at: node, answer: this.#findMoved(node) };
    return this.#moved.answer;
  }

  #findMoved(node: Node): Graph | string {
    const first = this.#moveAt(node);
    if (typeof first === 'string') return first;
    const together = new Map(first.changes);
    const roots = new Set(first.roots);
    for (const other of this.#families.permuting) {
      const move = this.#moveAt(other);
      if (typeof move === 'string' || [...move.roots].some((root) => roots.has(root))) continue;
      for (const [changed, change] of move.changes) together.set(changed, change);
      for (const root of move.roots) roots.add(root);
    }
    return this.#built(together) ?? this.#built(first.changes) ?? AS_MANY;
  }

  #moveAt(node: Node): Move | string {
    const old = this.#answers.get(node);
    if (old !== undefined) return old;
    const answer = this.#findMove(node);
    this.#answers.set(node, answer);
    return answer;
  }

  #findMove(node: Node): Move | string {
    if (!this.#families.permuting.has(node)) return 'it makes an output that equals another value, or a constant';
    const layout = permutationOf(this.#graph, node) as Layout;
    const tries: [ValueName, Layout][] = [
      [node.outputs[0], inverse(layout)],
      [node.inputs[0], layout],
    ];
    let reason = 'no op around it works in another layout';
    for (const [value, wanted] of tries) {
      const old = this.#tried.get(`${value} ${keyOf(wanted)}`);
      const found = old ?? this.#try(value, wanted);
      if (typeof found !== 'string') return found;
      if (found === AS_MANY) reason = found;
    }
    return reason;
  }

  #try(value: ValueName, layout: Layout): Move | string {
    const region = regionOf(this.#graph, this.#facts, this.#families, value, layout);
    if (region.nodes.size === 0) return 'no op';
    const { nodes, saved, roots } = chosenFrom(this.#graph, this.#facts, this.#families, this.#heights, region);
    const changes = new Map([...region.nodes].filter(([node]) => nodes.has(node)));
    const answer = saved > 0 ? { changes, roots } : AS_MANY;
    for (const [name, tried] of region.layouts) this.#tried.set(`${name} ${keyOf(tried)}`, answer);
    return answer;
  }

  patchTo(after: Graph): Patch {
    const [before, then] = [this.#cost, costOf(after)].map(movedBytes);
    const why = `transposes move ${then} bytes instead of ${before}`;
    return { ...patchBetween(this.#graph, after), why };
  }
}

const FACTS = new WeakMap<Facts, LayoutFacts>();

function factsOf({ graph, facts }: NodeSite): LayoutFacts {
  const known = FACTS.get(facts) ?? new LayoutFacts(graph, facts);
  FACTS.set(facts, known);
  return known;
}

function rule(name: string, answer: (known: LayoutFacts, node: Node) => Graph | string) {
  return {
    name,
    at: 'node' as const,
    on: ['transpose', 'reshape'] as const,
    when(site: NodeSite): true | string {
      if (permutationOf(site.graph, site.node) === undefined) return 'it does not permute axes';
      const found = answer(factsOf(site), site.node);
      return typeof found === 'string' ? found : true;
    },
    rewrite(site: NodeSite): Patch {
      const known = factsOf(site);
      FACTS.delete(site.facts);
      return known.patchTo(answer(known, site.node) as Graph);
    },
  };
}

export const moveTransposes = definePass({
  name: 'exact/move-transposes',
  doc:
    'transpose, op, … → op in another layout, transpose, …, when fewer bytes are transposed then in the whole graph, or as ' +
    'many by fewer nodes or later: ops for which a layout is as good as another take the one that a minimum cut between the others ' +
    'gives them, and transposes stand only where layouts differ.',
  kind: 'exact',
  options: z.strictObject({}),
  rules: [rule('merge', (known) => known.merged()), rule('move', (known, node) => known.moved(node))],
});
