/**
 * Divides intervals among several memories. What moves the most bytes for the room it takes goes into the cheapest memory
 * that it fits into beside what is there; ties in cost go to the memory that is listed first.
 */
import { leastBytes, type Placement, placeBuffers, placeQuickly } from './offsets.ts';
import { alignUp, type Interval, type MemoryRegion, type Sharing } from './problem.ts';

/** The buffers do not fit into the memories. */
export class DivisionError extends Error {
  override name = 'DivisionError';
}

/** Where each interval lies. */
export interface Division {
  /** Index of the region of each interval. */
  readonly regions: readonly number[];
  /** Within its region. */
  readonly offsets: readonly number[];
  /** Bytes in use of each region. */
  readonly bytes: readonly number[];
}

export interface DivisionProblem {
  readonly intervals: readonly Interval[];
  readonly sharings: readonly Sharing[];
  readonly regions: readonly MemoryRegion[];
  /** Bytes of the first region that are taken from the start. */
  readonly reserved: number;
}

/** Throws DivisionError where they do not fit. */
export function divide(problem: DivisionProblem): Division {
  const { intervals, regions, reserved } = problem;
  const [first] = regions;
  if (reserved > (first?.bytes ?? 0)) {
    throw new DivisionError(`the state of ${reserved} bytes must fit into the first memory, ${first?.name}`);
  }
  const indices = intervals.map((_, i) => i);
  const worth = (i: number) => {
    const { moved = 0, bytes } = intervals[i] as Interval;
    return moved / Math.max(1, bytes);
  };
  const byWorth = indices.toSorted((a, b) => worth(b) - worth(a) || a - b);
  // Where that leaves no room for something large: the largest first.
  const bySize = indices.toSorted(
    (a, b) => (intervals[b] as Interval).bytes - (intervals[a] as Interval).bytes || a - b,
  );
  const division = assign(problem, byWorth) ?? assign(problem, bySize);
  if (division !== undefined) return division;
  const sizes = regions.map(({ name, bytes }) => `${name} (${bytes} bytes)`).join(', ');
  throw new DivisionError(`the buffers do not fit into ${sizes}`);
}

function assign(problem: DivisionProblem, order: readonly number[]): Division | undefined {
  const { intervals, regions } = problem;
  const cheapest = regions.map((_, r) => r).toSorted((a, b) => weightOf(problem, a) - weightOf(problem, b) || a - b);
  const members = regions.map((): number[] => []);
  for (const index of order) {
    const home = cheapest.find((r) => fits(problem, r, [...(members[r] as number[]), index]));
    if (home === undefined) return undefined;
    members[home]?.push(index);
  }
  const offsets = new Array<number>(intervals.length).fill(0);
  const regionOf = new Array<number>(intervals.length).fill(0);
  const bytes = regions.map((_, r) => {
    const mine = (members[r] as number[]).toSorted((a, b) => a - b);
    const placed = place(problem, r, mine);
    mine.forEach((index, i) => {
      offsets[index] = placed.offsets[i] as number;
      regionOf[index] = r;
    });
    return placed.bytes;
  });
  return { regions: regionOf, offsets, bytes };
}

function weightOf({ regions }: DivisionProblem, region: number): number {
  return (regions[region] as MemoryRegion).weight;
}

function fits(problem: DivisionProblem, region: number, members: readonly number[]): boolean {
  const room = (problem.regions[region] as MemoryRegion).bytes;
  const mine = ownOf(
    problem,
    region,
    members.toSorted((a, b) => a - b),
  );
  if (placeQuickly(mine.intervals, mine.sharings).bytes + mine.base <= room) return true;
  const steps = mine.intervals.reduce((most, { end }) => Math.max(most, end + 1), 0);
  const least = leastBytes(mine.intervals, mine.sharings, steps).reduce((a, b) => Math.max(a, b), 0);
  return least + mine.base <= room && placeBuffers(mine.intervals, mine.sharings).bytes + mine.base <= room;
}

interface Own {
  readonly intervals: readonly Interval[];
  readonly sharings: readonly Sharing[];
  /** Where the first of them may begin. */
  readonly base: number;
}

/** The problem of one region. */
function ownOf({ intervals, sharings, reserved }: DivisionProblem, region: number, members: readonly number[]): Own {
  const local = new Map(members.map((index, i) => [index, i]));
  const own = sharings.flatMap((sharing) => {
    const [upper, lower] = [local.get(sharing.upper), local.get(sharing.lower)];
    return upper === undefined || lower === undefined ? [] : [{ ...sharing, upper, lower }];
  });
  const mine = members.map((index) => intervals[index] as Interval);
  const base = region === 0 ? mine.reduce((offset, { align }) => alignUp(offset, align), reserved) : 0;
  return { intervals: mine, sharings: own, base };
}

function place(problem: DivisionProblem, region: number, members: readonly number[]): Placement {
  const { intervals, sharings, base } = ownOf(problem, region, members);
  const placed = placeBuffers(intervals, sharings);
  return { offsets: placed.offsets.map((offset) => base + offset), bytes: base + placed.bytes };
}
