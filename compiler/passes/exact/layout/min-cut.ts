/** Minimum cuts of directed networks with Dinic's algorithm: Dinic 1970, "Algorithm for solution of a problem of maximum flow". */

/** The two ends that a cut separates. */
export const SOURCE = 0;
export const SINK = 1;

/** A network over vertices 0 (source), 1 (sink) and those that `vertex` adds. Capacities are integers or Infinity. */
export class FlowNetwork {
  /** Edge e leads to `heads[e]`; e ^ 1 is its reverse. */
  readonly #heads: number[] = [];
  readonly #capacities: number[] = [];
  readonly #edges: number[][] = [[], []];

  vertex(): number {
    this.#edges.push([]);
    return this.#edges.length - 1;
  }

  edge(from: number, to: number, capacity: number): void {
    this.#edges[from].push(this.#heads.length);
    this.#heads.push(to);
    this.#capacities.push(capacity);
    this.#edges[to].push(this.#heads.length);
    this.#heads.push(from);
    this.#capacities.push(0);
  }

  /** The smallest and the largest set of vertices on the source's side of a minimum cut. */
  sourceSides(): readonly [smallest: ReadonlySet<number>, largest: ReadonlySet<number>] {
    for (;;) {
      const levels = this.#levels();
      if (levels[SINK] === undefined) {
        const smallest = levels.flatMap((level, vertex) => (level === undefined ? [] : [vertex]));
        const sinkSide = this.#reachingSink();
        return [new Set(smallest), new Set([...levels.keys()].filter((vertex) => !sinkSide.has(vertex)))];
      }
      const next = this.#edges.map(() => 0);
      while (this.#augment(levels, next)) {}
    }
  }

  /** Edges from the source along those with capacity left; undefined where none leads. */
  #levels(): (number | undefined)[] {
    const levels = new Array<number | undefined>(this.#edges.length).fill(undefined);
    levels[SOURCE] = 0;
    const queue = [SOURCE];
    for (const vertex of queue) {
      for (const edge of this.#edges[vertex]) {
        const head = this.#heads[edge];
        if (this.#capacities[edge] === 0 || levels[head] !== undefined) continue;
        levels[head] = (levels[vertex] as number) + 1;
        queue.push(head);
      }
    }
    return levels;
  }

  /** The vertices from which edges with capacity left lead to the sink. */
  #reachingSink(): ReadonlySet<number> {
    const reached = new Set([SINK]);
    for (const vertex of reached) {
      for (const edge of this.#edges[vertex]) if (this.#capacities[edge ^ 1] > 0) reached.add(this.#heads[edge]);
    }
    return reached;
  }

  /** Sends what one path of rising levels holds. Whether there was such a path. */
  #augment(levels: readonly (number | undefined)[], next: number[]): boolean {
    const path: number[] = [];
    let vertex = SOURCE;
    while (vertex !== SINK) {
      const edge = this.#edges[vertex][next[vertex]];
      if (edge === undefined) {
        const last = path.pop();
        if (last === undefined) return false;
        vertex = this.#heads[last ^ 1];
        next[vertex]++;
      } else if (this.#capacities[edge] > 0 && levels[this.#heads[edge]] === (levels[vertex] as number) + 1) {
        path.push(edge);
        vertex = this.#heads[edge];
      } else next[vertex]++;
    }
    const amount = Math.min(...path.map((edge) => this.#capacities[edge]));
    for (const edge of path) {
      this.#capacities[edge] -= amount;
      this.#capacities[edge ^ 1] += amount;
    }
    return true;
  }
}
