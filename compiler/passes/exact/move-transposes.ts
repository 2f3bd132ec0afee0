import { z } from 'zod';
import type { Graph, Node, ValueName } from '../../../ir/tensor/graph.ts';
import { definePass, type Facts, type NodeSite, type Patch } from '../pass.ts';
import { nodesToChange } from './layout/choose.ts';
import { costOf, type Families, familiesOf, keyOf, movedBytes, permutationOf } from './layout/families.ts';
import { inverse, type Layout } from './layout/permutation.ts';
import { type Changes, patchBetween, rebuilt } from './layout/rebuild.ts';
import { type Region, regionOf } from './layout/region.ts';

const NOTHING: Changes = new Map();

/** What is known about a graph until a patch changes it. */
class LayoutFacts {
  readonly #graph: Graph;
  readonly #facts: Facts;
  readonly #families: Families;
  readonly #cost: number;
  /** Values with layouts that were tried for them or for a value of their region, in vain. */
  readonly #tried = new Set<string>();
  readonly #answers = new Map<Node, Graph | string>();
  #merged: Graph | undefined;

  constructor({ nodes, ...graph }: Graph, facts: Facts) {
    // The graph under change makes its list of nodes anew each time.
    this.#graph = { ...graph, nodes: [...nodes] };
    this.#facts = facts;
    const kept = new Set([...graph.outputs, ...graph.states.map(({ next }) => next)]);
    this.#families = familiesOf(this.#graph, kept);
    this.#cost = costOf(this.#graph);
  }

  /** The graph with each transpose made once, from what it is a transpose of in the end; or why it stays as it is. */
  merged(): Graph | string {
    this.#merged ??= rebuilt(this.#graph, this.#families, NOTHING);
    return costOf(this.#merged) < this.#cost ? this.#merged : 'no two transposes are the same or follow one another';
  }

  /** The graph with nodes around the transpose in other layouts, or why not. */
  moved(node: Node): Graph | string {
    const old = this.#answers.get(node);
    if (old !== undefined) return old;
    const answer = this.#move(node);
    this.#answers.set(node, answer);
    return answer;
  }

  #move(node: Node): Graph | string {
    if (!this.#families.permuting.has(node)) return 'it makes an output that equals another value, or a constant';
    const layout = permutationOf(this.#graph, node) as Layout;
    const tries: [ValueName, Layout][] = [
      [node.outputs[0], inverse(layout)],
      [node.inputs[0], layout],
    ];
    let reason = 'no op around it works in another layout';
    for (const [value, wanted] of tries) {
      if (this.#tried.has(`${value} ${keyOf(wanted)}`)) continue;
      const region = regionOf(this.#graph, this.#facts, this.#families, value, wanted);
      for (const [name, tried] of region.layouts) this.#tried.add(`${name} ${keyOf(tried)}`);
      if (region.nodes.size === 0) continue;
      const after = this.#changed(region);
      if (after !== undefined) return after;
      reason = 'in other layouts, the ops around it would need as many transposes';
    }
    return reason;
  }

  #changed(region: Region): Graph | undefined {
    const changing = nodesToChange(this.#graph, this.#facts, this.#families, region);
    if (changing.length === 0) return undefined;
    const changes: Changes = new Map([...region.nodes].filter(([node]) => changing.includes(node)));
    const after = rebuilt(this.#graph, this.#families, changes);
    return costOf(after) < this.#cost ? after : undefined;
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
    'many by fewer nodes: ops for which a layout is as good as another take the one that a minimum cut between the others ' +
    'gives them, and transposes stand only where layouts differ.',
  kind: 'exact',
  options: z.strictObject({}),
  rules: [rule('merge', (known) => known.merged()), rule('move', (known, node) => known.moved(node))],
});
