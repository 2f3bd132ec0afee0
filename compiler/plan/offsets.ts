/**
 * Places intervals (bytes alive during a span of steps) so that no two that are alive together overlap, in as few bytes as
 * possible: first fit in several orders, then branch and bound over the places that matter, until the lower bound (the
 * most bytes alive at once) is met or the budget is spent. Deterministic.
 */
import { alignUp, type Interval } from './problem.ts';

export interface Placement {
  /** Of each interval, in bytes. */
  readonly offsets: readonly number[];
  readonly bytes: number;
}

/** Neighbours looked at by branch and bound. */
const SEARCH_BUDGET = 500_000;
/** Larger problems are placed by first fit in the order of time alone. */
const MOST_INTERVALS = 1000;

export function placeBuffers(intervals: readonly Interval[]): Placement {
  let best = placeInTime(intervals);
  if (intervals.length > MOST_INTERVALS) return best;
  const bound = peakBytes(intervals);
  for (const compare of ORDERS) {
    if (best.bytes <= bound) return best;
    const placed = firstFit(intervals, sortedBy(intervals, compare));
    if (placed.bytes < best.bytes) best = placed;
  }
  return best.bytes <= bound ? best : search(intervals, best, bound);
}

/** The most bytes alive at one step: no placement needs less. */
export function peakBytes(intervals: readonly Interval[]): number {
  const steps = intervals.reduce((most, { end }) => Math.max(most, end + 1), 0);
  return liveBytes(intervals, steps).reduce((a, b) => Math.max(a, b), 0);
}

/** Bytes alive at each step. */
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

type Compare = (a: Interval, b: Interval) => number;

const duration = (i: Interval): number => i.end - i.start + 1;

const BY_START: Compare = (a, b) => a.start - b.start || b.bytes - a.bytes;
const BY_SIZE: Compare = (a, b) => b.bytes - a.bytes || a.start - b.start;
const ORDERS: readonly Compare[] = [
  BY_SIZE,
  (a, b) => b.bytes * duration(b) - a.bytes * duration(a),
  (a, b) => duration(b) - duration(a) || b.bytes - a.bytes,
];

function sortedBy(intervals: readonly Interval[], compare: Compare): number[] {
  const indices = intervals.map((_, i) => i);
  return indices.sort((a, b) => compare(intervals[a] as Interval, intervals[b] as Interval) || a - b);
}

function overlapInTime(a: Interval, b: Interval): boolean {
  return a.start <= b.end && b.start <= a.end;
}

interface Placed extends Interval {
  readonly offset: number;
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
function firstFit(intervals: readonly Interval[], order: readonly number[]): Placement {
  const offsets = new Array<number>(intervals.length).fill(0);
  const placed: Placed[] = [];
  let bytes = 0;
  for (const index of order) {
    const me = intervals[index] as Interval;
    const offset = lowestGap(me, placed);
    offsets[index] = offset;
    bytes = Math.max(bytes, offset + me.bytes);
    placed.splice(countBelow(placed, offset), 0, { ...me, offset });
  }
  return { offsets, bytes };
}

/** How many of `placed`, sorted by offset, lie at `offset` or below. */
function countBelow(placed: readonly Placed[], offset: number): number {
  let low = 0;
  let high = placed.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((placed[middle] as Placed).offset <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** `placed` is sorted by offset. */
function lowestGap(me: Interval, placed: readonly Placed[]): number {
  let bottom = 0;
  for (const other of placed) {
    if (!overlapInTime(me, other)) continue;
    const fits = other.offset - bottom >= me.bytes && alignUp(bottom, me.align) + me.bytes <= other.offset;
    if (fits) break;
    bottom = Math.max(bottom, other.offset + other.bytes);
  }
  return alignUp(bottom, me.align);
}

/**
 * Free offsets of an interval, lowest first: the lowest and the highest of every gap between `neighbours`, which are those
 * alive with it; the last gap ends at `top` if the interval fits below that.
 */
function freeOffsets(me: Interval, neighbours: readonly Placed[], top: number): number[] {
  const offsets = new Set<number>();
  let bottom = 0;
  const gap = (end: number): void => {
    const lowest = alignUp(bottom, me.align);
    const highest = Math.floor((end - me.bytes) / me.align) * me.align;
    if (lowest > highest) return;
    offsets.add(lowest);
    offsets.add(highest);
  };
  for (const { offset, bytes } of [...neighbours].sort((a, b) => a.offset - b.offset)) {
    gap(offset);
    bottom = Math.max(bottom, offset + bytes);
  }
  gap(top);
  offsets.add(alignUp(bottom, me.align));
  return [...offsets];
}

/** Depth-first over all free places of each interval, largest first, cutting what cannot beat the best so far. */
function search(intervals: readonly Interval[], seed: Placement, bound: number): Placement {
  const order = sortedBy(intervals, BY_SIZE);
  const placed: (Placed | undefined)[] = intervals.map(() => undefined);
  // Of those placed before an interval, the ones alive with it.
  const earlier = order.map((index, depth) => {
    return order.slice(0, depth).filter((i) => overlapInTime(intervals[index] as Interval, intervals[i] as Interval));
  });
  let best = seed;
  let budget = SEARCH_BUDGET;
  const visit = (depth: number, bytes: number): void => {
    if (bytes >= best.bytes || best.bytes <= bound || budget <= 0) return;
    const index = order[depth];
    if (index === undefined) {
      best = { offsets: placed.map((interval) => (interval as Placed).offset), bytes };
      return;
    }
    const me = intervals[index] as Interval;
    const neighbours = (earlier[depth] as readonly number[]).map((i) => placed[i] as Placed);
    budget -= neighbours.length + 1;
    for (const offset of freeOffsets(me, neighbours, bound)) {
      placed[index] = { ...me, offset };
      visit(depth + 1, Math.max(bytes, offset + me.bytes));
    }
  };
  visit(0, 0);
  return best;
}
