/**
 * Places intervals (bytes alive during a span of steps) so that those alive together lie apart, or overlap as their step
 * allows, in as few bytes as possible: first fit in several orders, which are improved by trial, then branch and bound over
 * the places that matter, until the lower bound (the most bytes alive at once) is met or the budget is spent. Deterministic.
 */
import { alignUp, type Interval, mostShared, type Sharing } from './problem.ts';

export interface Placement {
  /** Of each interval, in bytes. */
  readonly offsets: readonly number[];
  readonly bytes: number;
}

/** Neighbours looked at by branch and bound. */
const SEARCH_BUDGET = 500_000;
/** Neighbours looked at for each order that is improved. */
const REORDER_BUDGET = 100_000;
/** Larger problems are not searched, and branch and bound recurses no deeper. */
const MOST_INTERVALS = 1000;
/** Problems with more intervals alive at once, summed over all, are placed by first fit in the order of time alone. */
const MOST_NEIGHBOURS = 500_000;

export function placeBuffers(intervals: readonly Interval[], sharings: readonly Sharing[]): Placement {
  const neighbours = neighboursOf(intervals, sharings);
  const seed = placeQuickly(intervals, sharings, neighbours);
  if (neighbours === undefined || intervals.length > MOST_INTERVALS) return seed;
  const steps = intervals.reduce((most, { end }) => Math.max(most, end + 1), 0);
  const bound = leastBytes(intervals, sharings, steps).reduce((a, b) => Math.max(a, b), 0);
  if (seed.bytes <= bound) return seed;
  const best = reorder(intervals, neighbours, seed, bound);
  return best.bytes <= bound ? best : search(intervals, neighbours, best, bound);
}

/** The best of first fit in several orders. */
export function placeQuickly(
  intervals: readonly Interval[],
  sharings: readonly Sharing[],
  neighbours: Neighbours | undefined = neighboursOf(intervals, sharings),
): Placement {
  let best = placeInTime(intervals);
  if (neighbours === undefined) return best;
  for (const compare of ORDERS) {
    const placed = firstFit(intervals, neighbours, sortedBy(intervals, compare));
    if (placed.bytes < best.bytes) best = placed;
  }
  return best;
}

/** The bytes alive at each step, less what could overlap there: no placement needs less. */
export function leastBytes(intervals: readonly Interval[], sharings: readonly Sharing[], steps: number): number[] {
  const live = liveBytes(intervals, steps);
  const savings = new Map<number, number>();
  for (const sharing of sharings) {
    const { bytes } = intervals[sharing.lower] as Interval;
    const distance = sharing.sameOffset ? 0 : sharing.distance;
    const saved = mostShared((intervals[sharing.upper] as Interval).bytes, bytes, distance);
    savings.set(sharing.lower, Math.min(bytes, (savings.get(sharing.lower) ?? 0) + saved));
  }
  for (const [lower, saved] of savings) {
    const { start } = intervals[lower] as Interval;
    live[start] = (live[start] as number) - saved;
  }
  return live;
}

/** Bytes alive at each step, each interval by itself. */
export function liveBytes(intervals: readonly Interval[], steps: number): number[] {
  const changes = new Array<number>(steps + 1).fill(0);
  for (const { start, end, bytes } of intervals) {
    changes[start] = (changes[start] as number) + bytes;
    changes[end + 1] = (changes[end + 1] as number) - bytes;
  }
  let live = 0;
  return changes.slice(0, steps).map((change) => {
    live += change;
    return live;
  });
}

/** Another interval that is alive with one, and where the one may not begin for its sake. */
interface Neighbour {
  readonly index: number;
  /** Offsets strictly between these two, counted from the other's offset, are taken ... */
  readonly from: number;
  readonly to: number;
  /** ... except the other's own offset. */
  readonly sameOffset: boolean;
}

/** Of each interval. */
type Neighbours = readonly (readonly Neighbour[])[];

/** Those alive with each interval, or undefined where they are too many to look at. */
function neighboursOf(intervals: readonly Interval[], sharings: readonly Sharing[]): Neighbours | undefined {
  const shared = new Map(sharings.map((sharing) => [sharing.upper * intervals.length + sharing.lower, sharing]));
  const neighbours = intervals.map((): Neighbour[] => []);
  let alive: number[] = [];
  let count = 0;
  const apart = (me: number, other: number): Neighbour => {
    const { bytes: mine } = intervals[me] as Interval;
    const { bytes } = intervals[other] as Interval;
    const below = shared.get(other * intervals.length + me);
    const above = shared.get(me * intervals.length + other);
    return {
      index: other,
      from: Math.max(-mine, below === undefined ? -mine : -below.distance),
      to: Math.min(bytes, above === undefined ? bytes : above.distance),
      sameOffset: (below ?? above)?.sameOffset === true,
    };
  };
  for (const me of sortedBy(intervals, BY_START)) {
    const { start, bytes } = intervals[me] as Interval;
    alive = alive.filter((other) => (intervals[other] as Interval).end >= start);
    if (bytes === 0) continue;
    count += alive.length;
    if (count > MOST_NEIGHBOURS) return undefined;
    for (const other of alive) {
      neighbours[me]?.push(apart(me, other));
      neighbours[other]?.push(apart(other, me));
    }
    alive.push(me);
  }
  return neighbours;
}

type Compare = (a: Interval, b: Interval) => number;

const duration = (i: Interval): number => i.end - i.start + 1;

const BY_START: Compare = (a, b) => a.start - b.start || b.bytes - a.bytes;
const BY_SIZE: Compare = (a, b) => b.bytes - a.bytes || a.start - b.start;
const ORDERS: readonly Compare[] = [
  BY_SIZE,
  (a, b) => b.bytes * duration(b) - a.bytes * duration(a),
  (a, b) => duration(b) - duration(a) || b.bytes - a.bytes,
  // From the last to the first: along a chain each lies a little above what is written over it.
  (a, b) => b.end - a.end || b.start - a.start,
];

function sortedBy(intervals: readonly Interval[], compare: Compare): number[] {
  const indices = intervals.map((_, i) => i);
  return indices.sort((a, b) => compare(intervals[a] as Interval, intervals[b] as Interval) || a - b);
}

/** In order of their starts, as a heap would: each in the lowest gap that holds it, which is free again after its end. */
function placeInTime(intervals: readonly Interval[]): Placement {
  const offsets = new Array<number>(intervals.length).fill(0);
  const byEnd = sortedBy(intervals, (a, b) => a.end - b.end);
  const gaps = new Gaps();
  let ended = 0;
  for (const index of sortedBy(intervals, BY_START)) {
    const me = intervals[index] as Interval;
    for (let other = byEnd[ended]; other !== undefined && intervals[other].end < me.start; other = byEnd[++ended]) {
      gaps.release(offsets[other], offsets[other] + intervals[other].bytes);
    }
    offsets[index] = gaps.take(me);
  }
  return { offsets, bytes: gaps.top };
}

/** The free memory below and above `top`, the end of what was ever taken. */
class Gaps {
  top = 0;
  /** Disjoint, ascending, not touching each other. */
  private readonly free: { from: number; to: number }[] = [];

  take({ bytes, align }: Interval): number {
    if (bytes === 0) return 0;
    const at = this.free.findIndex(({ from, to }) => alignUp(from, align) + bytes <= to);
    if (at < 0) return this.grow(bytes, align);
    const { from, to } = this.free[at];
    const offset = alignUp(from, align);
    const rest = [
      { from, to: offset },
      { from: offset + bytes, to },
    ].filter((gap) => gap.from < gap.to);
    this.free.splice(at, 1, ...rest);
    return offset;
  }

  release(from: number, to: number): void {
    if (from === to) return;
    let low = 0;
    for (let high = this.free.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (this.free[middle].from < from) low = middle + 1;
      else high = middle;
    }
    const before = this.free[low - 1];
    const after = this.free[low];
    const joinsBefore = before?.to === from;
    const joinsAfter = after?.from === to;
    const joined = { from: joinsBefore ? before.from : from, to: joinsAfter ? after.to : to };
    this.free.splice(joinsBefore ? low - 1 : low, Number(joinsBefore) + Number(joinsAfter), joined);
  }

  /** Takes memory at the top, and of the last gap where that reaches up to it. */
  private grow(bytes: number, align: number): number {
    const last = this.free.at(-1);
    const reaches = last?.to === this.top;
    const from = reaches ? last.from : this.top;
    const offset = alignUp(from, align);
    if (reaches) this.free.pop();
    if (from < offset) this.free.push({ from, to: offset });
    this.top = Math.max(this.top, offset + bytes);
    return offset;
  }
}

/** Each interval as low as it can lie among those before it. */
function firstFit(intervals: readonly Interval[], neighbours: Neighbours, order: readonly number[]): Placement {
  const offsets = new Array<number | undefined>(intervals.length).fill(undefined);
  let bytes = 0;
  for (const index of order) {
    const me = intervals[index] as Interval;
    const offset = lowestFree(me, takenRanges(neighbours[index] as readonly Neighbour[], offsets));
    offsets[index] = offset;
    bytes = Math.max(bytes, offset + me.bytes);
  }
  return { offsets: offsets as number[], bytes };
}

/** Offsets strictly between `from` and `to` are taken, but for `except`. */
interface Taken {
  readonly from: number;
  readonly to: number;
  readonly except: number | undefined;
}

/** What the neighbours that have an offset take, by the first offset taken. */
function takenRanges(neighbours: readonly Neighbour[], offsets: readonly (number | undefined)[]): Taken[] {
  const taken: Taken[] = [];
  for (const { index, from, to, sameOffset } of neighbours) {
    const offset = offsets[index];
    if (offset === undefined || from >= to) continue;
    taken.push({ from: offset + from, to: offset + to, except: sameOffset ? offset : undefined });
  }
  return taken.sort((a, b) => a.from - b.from);
}

function lowestFree(me: Interval, taken: readonly Taken[]): number {
  let lowest = 0;
  for (const { from, to } of taken) {
    if (lowest <= from) break;
    lowest = Math.max(lowest, alignUp(to, me.align));
  }
  for (const offset of exceptions(me, taken)) lowest = Math.min(lowest, offset);
  return lowest;
}

/** Offsets that are free only because a neighbour may begin at the very same. */
function exceptions({ align }: Interval, taken: readonly Taken[]): number[] {
  const found: number[] = [];
  for (const { except } of taken) {
    if (except === undefined || except % align !== 0) continue;
    if (taken.every((range) => range.except === except || except <= range.from || except >= range.to)) {
      found.push(except);
    }
  }
  return found;
}

/** Free offsets of an interval: the lowest and the highest of every gap; the last gap ends at `top` if there is room. */
function freeOffsets(me: Interval, taken: readonly Taken[], top: number): number[] {
  const offsets = new Set<number>(exceptions(me, taken));
  let bottom = 0;
  const gap = (highestOffset: number): void => {
    const lowest = alignUp(bottom, me.align);
    const highest = Math.floor(highestOffset / me.align) * me.align;
    if (lowest > highest) return;
    offsets.add(lowest);
    offsets.add(highest);
  };
  for (const { from, to } of taken) {
    gap(from);
    bottom = Math.max(bottom, to);
  }
  gap(top - me.bytes);
  offsets.add(alignUp(bottom, me.align));
  return [...offsets];
}

/**
 * First fit again and again: what reaches the top is placed earlier the next time, by ever other numbers of places. The
 * best order found is gone on from.
 */
function reorder(intervals: readonly Interval[], neighbours: Neighbours, seed: Placement, bound: number): Placement {
  const cost = neighbours.reduce((sum, { length }) => sum + length + 1, 0);
  let best = seed;
  for (const compare of ORDERS) {
    let order = sortedBy(intervals, compare);
    let mine = firstFit(intervals, neighbours, order);
    for (let round = 0; round < REORDER_BUDGET / cost && best.bytes > bound; round++) {
      const atTop = order.filter((i) => (mine.offsets[i] as number) + (intervals[i] as Interval).bytes === mine.bytes);
      const moved = atTop[round % atTop.length] as number;
      const place = order.indexOf(moved);
      const next = order.filter((i) => i !== moved);
      next.splice(Math.floor(place * ((round * 0.618034) % 1)), 0, moved);
      const placed = firstFit(intervals, neighbours, next);
      if (placed.bytes <= mine.bytes) [order, mine] = [next, placed];
      if (mine.bytes < best.bytes) best = mine;
    }
  }
  return best;
}

/** Depth-first over all free places of each interval, largest first, cutting what cannot beat the best so far. */
function search(intervals: readonly Interval[], neighbours: Neighbours, seed: Placement, bound: number): Placement {
  const order = sortedBy(intervals, BY_SIZE);
  const depthOf = new Map(order.map((index, depth) => [index, depth]));
  // Of those placed before an interval, the ones alive with it.
  const earlier = order.map((index, depth) =>
    (neighbours[index] as readonly Neighbour[]).filter((other) => (depthOf.get(other.index) as number) < depth),
  );
  const offsets = new Array<number>(intervals.length).fill(0);
  let best = seed;
  let budget = SEARCH_BUDGET;
  const visit = (depth: number, bytes: number): void => {
    if (bytes >= best.bytes || best.bytes <= bound || budget <= 0) return;
    const index = order[depth];
    if (index === undefined) {
      best = { offsets: [...offsets], bytes };
      return;
    }
    const me = intervals[index] as Interval;
    const placed = earlier[depth] as readonly Neighbour[];
    budget -= placed.length + 1;
    for (const offset of freeOffsets(me, takenRanges(placed, offsets), bound)) {
      offsets[index] = offset;
      visit(depth + 1, Math.max(bytes, offset + me.bytes));
    }
  };
  visit(0, 0);
  return best;
}
