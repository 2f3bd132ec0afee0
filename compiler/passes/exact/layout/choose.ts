/** Which nodes of a region to change, so that transposes move the fewest bytes: a minimum cut. */
import { type Graph, type Node, typeOfValue, type ValueName } from '../../../../ir/tensor/graph.ts';
import type { TensorType } from '../../../../ir/tensor/types.ts';
import type { Facts } from '../../pass.ts';
import { type Families, familyCost, type Heights, heightOf, keyOf, moveCost, type View } from './families.ts';
import { FlowNetwork, SINK, SOURCE } from './min-cut.ts';
import { between, canonical, compose, identity, type Layout } from './permutation.ts';
import type { Region } from './region.ts';
import type { Relayout } from './relayout.ts';

/** Who reads a root in one layout. */
interface Demand {
  readonly layout: Layout;
  /** The height of those who do in any case, if there are any. */
  always: number | undefined;
  /** Nodes that do if they stay as they are, and those that do if they change. */
  readonly staying: Node[];
  readonly changing: Node[];
}

/** Nodes to change together, and what it saves. */
export interface Choice {
  readonly nodes: ReadonlySet<Node>;
  /** In units of `costOf` the graph; not counted are reshapes that come to move axes of extent 1 only. */
  readonly saved: number;
  /** All whose transposes become others. Choices without a common root do not touch each other. */
  readonly roots: ReadonlySet<ValueName>;
}

class Cut {
  readonly #graph: Graph;
  readonly #facts: Facts;
  readonly #families: Families;
  readonly #region: Region;
  readonly #heights: Heights;
  readonly #network = new FlowNetwork();
  /** On the source's side: the node changes. */
  readonly #vertices = new Map<Node, number>();
  readonly #demands = new Map<ValueName, readonly Demand[]>();

  constructor(graph: Graph, facts: Facts, families: Families, heights: Heights, region: Region) {
    this.#graph = graph;
    this.#facts = facts;
    this.#families = families;
    this.#region = region;
    this.#heights = heights;
    for (const node of region.nodes.keys()) {
      this.#vertices.set(node, this.#network.vertex());
      for (const value of [...node.inputs, ...node.outputs]) {
        const root = families.views.get(value)?.root;
        if (root !== undefined && !this.#demands.has(root)) this.#demands.set(root, this.#demandsOn(root));
      }
    }
  }

  choice(): Choice {
    for (const node of this.#vertices.keys()) this.#network.edge(this.#vertex(node), SINK, this.#spreadCost(node));
    for (const [root, demands] of this.#demands) this.#addRoot(root, demands);
    const before = this.#costWith(new Set());
    const [fewest, most] = this.#network.sourceSides().map((side): Choice => {
      const nodes = new Set([...this.#vertices].flatMap(([node, vertex]) => (side.has(vertex) ? [node] : [])));
      return { nodes, saved: before - this.#costWith(nodes), roots: new Set(this.#demands.keys()) };
    });
    return most.saved > fewest.saved ? most : fewest;
  }

  #costWith(changing: ReadonlySet<Node>): number {
    let cost = [...changing].reduce((sum, node) => sum + this.#spreadCost(node), 0);
    for (const [root, demands] of this.#demands) {
      const type = typeOfValue(this.#graph, root);
      const producer = this.#facts.producers.get(root);
      const isChanged = producer !== undefined && changing.has(producer);
      const made = isChanged ? (this.#region.layouts.get(root) as Layout) : identity(type.shape.length);
      const needs = demands.flatMap((demand) => {
        const readers = [
          ...demand.staying.filter((node) => !changing.has(node)),
          ...demand.changing.filter((node) => changing.has(node)),
        ];
        if (demand.always === undefined && readers.length === 0) return [];
        const heights = readers.map((node) => heightOf(this.#heights, node));
        return [{ layout: demand.layout, height: Math.max(demand.always ?? 0, ...heights) }];
      });
      cost += familyCost(type, made, needs);
    }
    return cost;
  }

  /** Variable operands of lower rank are moved for the node alone. */
  #spreadCost(node: Node): number {
    const { inputs } = this.#region.nodes.get(node) as Relayout;
    return node.inputs.reduce((sum, name, i) => {
      const layout = inputs[i];
      const type = typeOfValue(this.#graph, name);
      if (layout === undefined || this.#graph.constants.has(name) || layout.length === type.shape.length) return sum;
      const shape = [...new Array<number>(layout.length - type.shape.length).fill(1), ...type.shape];
      return sum + moveCost({ ...type, shape }, layout);
    }, 0);
  }

  #vertex(node: Node): number {
    return this.#vertices.get(node) as number;
  }

  #addRoot(root: ValueName, demands: readonly Demand[]): void {
    const type = typeOfValue(this.#graph, root);
    const producer = this.#facts.producers.get(root);
    const stays = identity(type.shape.length);
    const isMade = producer !== undefined && this.#vertices.has(producer);
    const changed = isMade ? (this.#region.layouts.get(root) as Layout) : stays;
    for (const demand of demands) {
      const isStaying = keyOf(demand.layout) === keyOf(stays);
      const isChanged = keyOf(demand.layout) === keyOf(canonical(changed, type.shape));
      if (isStaying && isChanged) continue;
      if (isStaying) this.#addIfMoved(producer as Node, demand, this.#cost(type, changed, demand.layout));
      else if (isChanged) this.#addIfLeft(producer as Node, demand, this.#cost(type, stays, demand.layout));
      else this.#addDemand(demand, this.#cost(type, stays, demand.layout));
    }
  }

  #cost(type: TensorType, from: Layout, to: Layout): number {
    const moved = between(from, to);
    return moveCost({ ...type, shape: from.map((axis) => type.shape[axis]) }, moved);
  }

  #demandsOn(root: ValueName): readonly Demand[] {
    const type = typeOfValue(this.#graph, root);
    const demands = new Map<string, Demand>();
    const demandOf = (layout: Layout): Demand => {
      const wanted = canonical(layout, type.shape);
      const demand = demands.get(keyOf(wanted)) ?? { layout: wanted, always: undefined, staying: [], changing: [] };
      demands.set(keyOf(wanted), demand);
      return demand;
    };
    const always = (layout: Layout, height: number) => {
      const demand = demandOf(layout);
      demand.always = Math.max(demand.always ?? 0, height);
    };
    for (const value of this.#families.members.get(root) ?? []) {
      const { layout } = this.#families.views.get(value) as View;
      if (this.#facts.isKept(value)) always(layout, 0);
      for (const node of this.#facts.consumers.get(value) ?? []) {
        if (this.#families.permuting.has(node)) continue;
        node.inputs.forEach((name, i) => {
          if (name !== value) return;
          const wanted = this.#region.nodes.get(node)?.inputs[i];
          if (wanted === undefined || wanted.length !== type.shape.length) {
            always(layout, heightOf(this.#heights, node));
          } else {
            demandOf(layout).staying.push(node);
            demandOf(compose(layout, wanted)).changing.push(node);
          }
        });
      }
    }
    return [...demands.values()];
  }

  /** A transpose for whoever reads the layout that the producer gives if it stays; those who change as well read others. */
  #addIfMoved(producer: Node, { always, staying }: Demand, cost: number): void {
    if (always !== undefined) this.#network.edge(this.#vertex(producer), SINK, cost);
    else if (staying.length > 0) this.#addFanOut(this.#vertex(producer), staying, cost);
  }

  /** A transpose for whoever reads the layout that the producer gives if it changes. */
  #addIfLeft(producer: Node, { always, changing }: Demand, cost: number): void {
    if (always !== undefined) this.#network.edge(SOURCE, this.#vertex(producer), cost);
    else if (changing.length > 0) this.#addFanIn(changing, this.#vertex(producer), cost);
  }

  /**
   * A transpose that is there if anyone reads the layout. Where some do if they stay and others if they change, no cut says
   * so, and it is left out: the choice may miss something then, but what it costs is counted afterwards.
   */
  #addDemand({ always, staying, changing }: Demand, cost: number): void {
    if (always !== undefined) return;
    if (changing.length === 0) this.#addFanOut(SOURCE, staying, cost);
    else if (staying.length === 0) this.#addFanIn(changing, SINK, cost);
  }

  /** The cost is due if `from` is on the source's side and one of the nodes is not. */
  #addFanOut(from: number, nodes: readonly Node[], cost: number): void {
    const middle = this.#network.vertex();
    this.#network.edge(from, middle, cost);
    for (const node of nodes) this.#network.edge(middle, this.#vertex(node), Number.POSITIVE_INFINITY);
  }

  /** The cost is due if one of the nodes is on the source's side and `to` is not. */
  #addFanIn(nodes: readonly Node[], to: number, cost: number): void {
    const middle = this.#network.vertex();
    for (const node of nodes) this.#network.edge(this.#vertex(node), middle, Number.POSITIVE_INFINITY);
    this.#network.edge(middle, to, cost);
  }
}

/** The nodes of the region that had better change: the fewest of them or the most, where bytes make no difference. */
export function chosenFrom(graph: Graph, facts: Facts, families: Families, heights: Heights, region: Region): Choice {
  return new Cut(graph, facts, families, heights, region).choice();
}
