/**
 * Chooses which runs of nodes to execute depth first, in strips of how many rows, so that no step needs more than a budget
 * of memory, at the least work done twice. Runs are judged by the bytes that must be alive at once; whether the offsets
 * work out, only a plan of the cut graph tells.
 */
import { type Graph, type Node, typeOfValue, type ValueName } from '../../../ir/tensor/graph.ts';
import { byteSize } from '../../../ir/tensor/types.ts';
import { heightOf, type Rows, rowAxis, rowsType } from './rows.ts';
import { extraWork, lastUses, type Needed, neededRows, resultOf, type Segment, stripsOf, type Uses } from './strips.ts';

/** Longer runs save little more: their strips overlap more and more. */
const MOST_NODES = 24;
/** Parts of a result begin at multiples of this, so that they can be made in their places. */
const PART_ALIGN = 4;

export interface DepthFirst {
  readonly segments: readonly Segment[];
  /** Multiply-accumulates done more than once. */
  readonly extraMacs: number;
}

/**
 * `least`: the bytes that each node needs by itself, by position. Undefined where no choice of runs and strips meets the
 * budget.
 */
export function chooseSegments(graph: Graph, least: readonly number[], budget: number): DepthFirst | undefined {
  const facts = new Facts(graph);
  // The best way to have run the first nodes, as in a shortest path.
  const best: (DepthFirst | undefined)[] = [{ segments: [], extraMacs: 0 }];
  const improve = (end: number, candidate: DepthFirst): void => {
    const known = best[end];
    if (known === undefined || candidate.extraMacs < known.extraMacs) best[end] = candidate;
  };
  for (let first = 0; first < graph.nodes.length; first++) {
    const before = best[first];
    if (before === undefined) continue;
    if ((least[first] as number) <= budget) improve(first + 1, before);
    let isOver = false;
    for (let last = first; last < Math.min(first + MOST_NODES, graph.nodes.length); last++) {
      isOver ||= (least[last] as number) > budget;
      if (!facts.worksByRows(last)) break;
      const rows = isOver && last > first ? facts.rowsWithin(first, last, budget) : undefined;
      if (rows === undefined) continue;
      const segment = { first, last, rows };
      const extraMacs = before.extraMacs + extraWork(graph, segment);
      improve(last + 1, { segments: [...before.segments, segment], extraMacs });
    }
  }
  return best[graph.nodes.length];
}

/** What the search asks of a graph over and over. */
class Facts {
  private readonly graph: Graph;
  private readonly uses: Uses;
  /** Bytes of values made before each node and read by it or later. */
  private readonly carried: readonly number[];

  constructor(graph: Graph) {
    this.graph = graph;
    this.uses = lastUses(graph);
    const changes = new Array<number>(graph.nodes.length + 2).fill(0);
    graph.nodes.forEach(({ outputs }, position) => {
      for (const value of outputs) {
        const bytes = this.arenaBytes(value);
        const end = this.uses.get(value) ?? position;
        changes[position + 1] = (changes[position + 1] as number) + bytes;
        changes[end + 1] = (changes[end + 1] as number) - bytes;
      }
    });
    let sum = 0;
    this.carried = changes.map((change) => {
      sum += change;
      return sum;
    });
  }

  worksByRows(position: number): boolean {
    const value = this.graph.nodes[position]?.outputs[0] as ValueName;
    if (rowAxis(typeOfValue(this.graph, value)) === undefined) return false;
    const segment = { first: position, last: position, rows: 1 };
    return neededRows(this.graph, segment, { from: 0, to: 1 }) !== undefined;
  }

  /** The most rows per strip with which a segment stays within the budget, or undefined. */
  rowsWithin(first: number, last: number, budget: number): number | undefined {
    const result = resultOf(this.graph, first, last, this.uses);
    if (result === undefined) return undefined;
    const room = budget - (this.carried[first] as number) - this.arenaBytes(result);
    const type = typeOfValue(this.graph, result);
    const rowBytes = byteSize(rowsType(type, { from: 0, to: 1 }));
    const candidates = Array.from({ length: Math.ceil(heightOf(type) / 2) }, (_, i) => i + 1).filter(
      (rows) => (rows * rowBytes) % PART_ALIGN === 0,
    );
    const fits = (rows: number): boolean => this.stripBytes({ first, last, rows }) <= room;
    // More rows need more memory.
    let [low, high] = [0, candidates.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (fits(candidates[middle] as number)) low = middle + 1;
      else high = middle;
    }
    return candidates[low - 1];
  }

  /** What the hungriest strip of a segment needs for the values between, if each may lie over its dying operand. */
  private stripBytes(segment: Segment): number {
    const strips = stripsOf(this.graph, segment);
    // All but the first and the last have whole halos on both sides.
    const typical = strips.slice(0, 2).map((rows) => neededRows(this.graph, segment, rows));
    return Math.max(
      ...typical.map((needed) => (needed === undefined ? Number.POSITIVE_INFINITY : this.peakOf(segment, needed))),
    );
  }

  private peakOf({ first, last }: Segment, needed: Needed): number {
    const alive = new Map<ValueName, number>();
    let live = 0;
    let peak = 0;
    this.graph.nodes.slice(first, last + 1).forEach((node: Node, i) => {
      const value = node.outputs[0] as ValueName;
      const type = rowsType(typeOfValue(this.graph, value), needed.get(value) as Rows);
      // The last one's rows belong to the whole result.
      const bytes = first + i === last ? 0 : byteSize(type);
      const dying = [...new Set(node.inputs)].filter((input) => alive.has(input) && this.uses.get(input) === first + i);
      const shared = Math.max(0, ...dying.map((input) => Math.min(alive.get(input) as number, bytes)));
      peak = Math.max(peak, live + bytes - shared);
      live += bytes;
      for (const input of dying) live -= alive.get(input) as number;
      alive.set(value, bytes);
    });
    return peak;
  }

  /** Results of the graph lie in the caller's memory. */
  private arenaBytes(value: ValueName): number {
    return this.graph.outputs.includes(value) ? 0 : byteSize(typeOfValue(this.graph, value));
  }
}
