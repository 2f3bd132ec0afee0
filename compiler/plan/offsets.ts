/**
 * Places intervals (bytes alive during a span of steps) so that no two that are alive together overlap, in as few bytes as
 * possible: first fit in several orders, then branch and bound over the places that matter, until the lower bound (the
 * most bytes alive at once) is met or the budget of tries is spent. Deterministic.
 */
import { alignUp, type Interval } from './memory.ts';

export interface Placement {
  readonly offsets: readonly number[];
  readonly bytes: number;
}

const SEARCH_BUDGET = 20_000;

export function placeBuffers(intervals: readonly Interval[]): Placement {
  const bound = peakBytes(intervals);
  let best = ORDERS.map((compare) => firstFit(intervals, sortedBy(intervals, compare))).reduce((a, b) =>
    b.bytes < a.bytes ? b : a,
  );
  if (best.bytes > bound) best = search(intervals, best, bound);
  return best;
}

/** The most bytes alive at one step: no placement needs less. */
export function peakBytes(intervals: readonly Interval[]): number {
  return intervals.reduce(
    (peak, at) =>
      Math.max(
        peak,
        intervals.filter((i) => i.start <= at.start && at.start <= i.end).reduce((sum, i) => sum + i.bytes, 0),
      ),
    0,
  );
}

type Compare = (a: Interval, b: Interval) => number;

const duration = (i: Interval): number => i.end - i.start + 1;

const ORDERS: readonly Compare[] = [
  (a, b) => b.bytes - a.bytes || a.start - b.start,
  (a, b) => b.bytes * duration(b) - a.bytes * duration(a),
  (a, b) => duration(b) - duration(a) || b.bytes - a.bytes,
  (a, b) => a.start - b.start || b.bytes - a.bytes,
];

function sortedBy(intervals: readonly Interval[], compare: Compare): number[] {
  const indices = intervals.map((_, i) => i);
  return indices.sort((a, b) => compare(intervals[a] as Interval, intervals[b] as Interval) || a - b);
}

function overlapInTime(a: Interval, b: Interval): boolean {
  return a.start <= b.end && b.start <= a.end;
}

/**
 * Free offsets of an interval among those already placed, lowest first: against the bottom of the arena, against its top
 * when that is to be at `top`, and just above or below a neighbour.
 */
function freeOffsets(
  intervals: readonly Interval[],
  offsets: readonly (number | undefined)[],
  index: number,
  top: number,
): number[] {
  const me = intervals[index] as Interval;
  const neighbours = intervals
    .map((other, i) => ({ other, offset: offsets[i] }))
    .filter(({ other, offset }) => offset !== undefined && other !== me && overlapInTime(me, other))
    .map(({ other, offset }) => ({ from: offset as number, to: (offset as number) + other.bytes }))
    .sort((a, b) => a.from - b.from);
  const below = (limit: number) => Math.floor((limit - me.bytes) / me.align) * me.align;
  const candidates = [0, below(top), ...neighbours.flatMap(({ from, to }) => [alignUp(to, me.align), below(from)])];
  return [...new Set(candidates)]
    .filter((offset) => offset >= 0 && neighbours.every(({ from, to }) => offset + me.bytes <= from || offset >= to))
    .sort((a, b) => a - b);
}

function firstFit(intervals: readonly Interval[], order: readonly number[]): Placement {
  const offsets: (number | undefined)[] = intervals.map(() => undefined);
  let bytes = 0;
  for (const index of order) {
    const offset = freeOffsets(intervals, offsets, index, 0)[0] as number;
    offsets[index] = offset;
    bytes = Math.max(bytes, offset + (intervals[index] as Interval).bytes);
  }
  return { offsets: offsets as number[], bytes };
}

/** Depth-first over all free places of each interval, largest first, cutting what cannot beat the best so far. */
function search(intervals: readonly Interval[], seed: Placement, bound: number): Placement {
  const order = sortedBy(intervals, ORDERS[0] as Compare);
  const offsets: (number | undefined)[] = intervals.map(() => undefined);
  let best = seed;
  let budget = SEARCH_BUDGET;
  const visit = (depth: number, bytes: number): void => {
    if (bytes >= best.bytes || best.bytes <= bound || budget-- <= 0) return;
    const index = order[depth];
    if (index === undefined) {
      best = { offsets: offsets.map((offset) => offset as number), bytes };
      return;
    }
    for (const offset of freeOffsets(intervals, offsets, index, bound)) {
      offsets[index] = offset;
      visit(depth + 1, Math.max(bytes, offset + (intervals[index] as Interval).bytes));
      offsets[index] = undefined;
    }
  };
  visit(0, 0);
  return best;
}
