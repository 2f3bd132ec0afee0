/**
 * Places intervals (bytes alive during a span of steps) so that no two that are alive together overlap, in as few bytes as
 * possible: first fit in several orders, then branch and bound over the places that matter, until the lower bound (the
 * most bytes alive at once) is met or the budget is spent. Deterministic.
 */
import { alignUp, type Interval } from './memory.ts';

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
  const inTime = firstFit(intervals, sortedBy(intervals, BY_START), true);
  if (intervals.length > MOST_INTERVALS) return inTime;
  const bound = peakBytes(intervals);
  let best = inTime;
  for (const compare of ORDERS) {
    if (best.bytes <= bound) return best;
    const placed = firstFit(intervals, sortedBy(intervals, compare), false);
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

/** Each interval as low as it can lie among those before it. `inTime` says that they are ordered by their starts. */
function firstFit(intervals: readonly Interval[], order: readonly number[], inTime: boolean): Placement {
  const offsets = new Array<number>(intervals.length).fill(0);
  let placed: Placed[] = [];
  let ended = 0;
  let bytes = 0;
  for (const index of order) {
    const me = intervals[index] as Interval;
    if (inTime && me.start >= ended) {
      placed = placed.filter(({ end }) => end >= me.start);
      // Not worth a pass over all again before half as many could have ended as are still alive.
      ended = me.start + placed.length / 16;
    }
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
