/**
 * The memory plan: in which order the steps of an inference run, and where in the one arena each buffer lies.
 *
 * The order is chosen for the smallest peak (order.ts), steps that may work in place do when their input dies there, and
 * offsets are found by search (offsets.ts), where a result may lie partly over an input that dies as far as its kernel
 * allows. The result is data; `memoryChart` of report/ prints it.
 */
import { leastBytes, liveBytes, type Placement, placeBuffers } from './offsets.ts';
import { chooseOrder } from './order.ts';
import {
  alignUp,
  type Interval,
  type MemoryBuffer,
  type MemoryProblem,
  type MemoryStep,
  type Sharing,
} from './problem.ts';
import { divide } from './regions.ts';

export interface MemoryPlan {
  /** Indices into the problem's steps. Copies to a persistent value of what lies there already are left out. */
  readonly order: readonly number[];
  /** Arena offset of every buffer, persistent value and successor, in bytes. */
  readonly offsets: ReadonlyMap<string, number>;
  /** Bytes of each of them. */
  readonly sizes: ReadonlyMap<string, number>;
  /** Arena offsets of each step's scratch memory, by step index. */
  readonly scratch: ReadonlyMap<number, readonly number[]>;
  /** Which values took over the whole memory of another (`written value -> read value`). */
  readonly inPlace: ReadonlyMap<string, string>;
  readonly bytes: number;
  /** Which ranges of the arena lie in which memory, in the order given; none where there is one memory. */
  readonly regions: readonly { readonly name: string; readonly from: number; readonly bytes: number }[];
  readonly persistentBytes: number;
  /** Bytes live during each step, in the plan's order, persistent ones included. */
  readonly live: readonly number[];
  /** Bytes that each step needs wherever buffers lie. */
  readonly least: readonly number[];
}

export function planMemory(problem: MemoryProblem): MemoryPlan {
  const order = chooseOrder(problem);
  const steps = order.map((index) => problem.steps[index] as MemoryStep);
  const lives = lifetimes(problem, steps);
  const inPlace = chooseInPlace(problem, steps, lives);
  const persistent = placePersistent(problem);
  const groups = groupIntervals(problem, lives, inPlace);
  const scratch = steps.flatMap((step, position) =>
    step.scratch.map((buffer): Interval => ({ ...buffer, start: position, end: position })),
  );
  const intervals = [...groups.intervals.values(), ...scratch];
  const sharings = chooseSharings(steps, lives, groups);
  const arranged = arrange(problem, intervals, sharings, persistent.bytes);
  const offsets = new Map(persistent.offsets);
  for (const [value, state] of problem.successors) offsets.set(value, persistent.offsets.get(state) as number);
  const roots = new Map([...groups.intervals.keys()].map((root, i) => [root, arranged.offsets[i] as number]));
  for (const [value, root] of groups.rootOf) offsets.set(value, roots.get(root) as number);
  return {
    order,
    offsets,
    sizes: sizesOf(problem),
    scratch: scratchOffsets(order, steps, arranged.offsets.slice(groups.intervals.size)),
    inPlace,
    bytes: arranged.bytes,
    regions: arranged.regions,
    persistentBytes: persistent.bytes,
    live: occupiedBytes(intervals, sharings, arranged, steps.length).map((bytes) => persistent.bytes + bytes),
    least: leastBytes(intervals, sharings, steps.length).map((bytes) => persistent.bytes + bytes),
  };
}

interface Arrangement extends Placement {
  readonly regions: MemoryPlan['regions'];
}

/** Offsets in the arena, above the persistent values at its start; where it is divided, the regions follow one another. */
function arrange(
  { division }: MemoryProblem,
  intervals: readonly Interval[],
  sharings: readonly Sharing[],
  reserved: number,
): Arrangement {
  if (division === undefined) {
    const placed = placeBuffers(intervals, sharings);
    const base = intervals.reduce((offset, { align }) => alignUp(offset, align), reserved);
    const bytes = intervals.length === 0 ? reserved : base + placed.bytes;
    return { offsets: placed.offsets.map((offset) => base + offset), bytes, regions: [] };
  }
  const divided = divide({ intervals, sharings, regions: division.regions, reserved });
  let end = 0;
  const regions = division.regions.map(({ name }, i) => {
    const from = alignUp(end, division.align);
    end = from + (divided.bytes[i] as number);
    return { name, from, bytes: divided.bytes[i] as number };
  });
  const offsets = divided.offsets.map((offset, i) => offset + (regions[divided.regions[i] as number]?.from as number));
  return { offsets, bytes: end, regions };
}

/** Bytes that hold something at each step: where two values overlap, they count once. */
function occupiedBytes(
  intervals: readonly Interval[],
  sharings: readonly Sharing[],
  { offsets }: Placement,
  steps: number,
): number[] {
  const live = liveBytes(intervals, steps);
  for (const { upper, lower } of sharings) {
    const [a, b] = [intervals[upper] as Interval, intervals[lower] as Interval];
    const [from, to] = [offsets[upper] as number, offsets[lower] as number];
    const common = Math.min(from + a.bytes, to + b.bytes) - Math.max(from, to);
    live[b.start] = (live[b.start] as number) - Math.max(0, common);
  }
  return live;
}

type Lifetimes = ReadonlyMap<string, { readonly start: number; readonly end: number }>;

/** Positions in the order from a buffer's first use to its last. */
function lifetimes(problem: MemoryProblem, steps: readonly MemoryStep[]): Lifetimes {
  const lives = new Map<string, { start: number; end: number }>();
  steps.forEach((step, position) => {
    for (const value of [...step.writes, ...step.reads]) {
      if (problem.buffers.has(value)) lives.set(value, { start: lives.get(value)?.start ?? position, end: position });
    }
  });
  return lives;
}

/** A written value takes over the memory of a read one of its size when the step allows it and the read value dies there. */
function chooseInPlace(problem: MemoryProblem, steps: readonly MemoryStep[], lives: Lifetimes): Map<string, string> {
  const inPlace = new Map<string, string>();
  const taken = new Set<string>();
  steps.forEach((step, position) => {
    for (const [read, write] of step.inPlace) {
      if (!problem.buffers.has(write) || inPlace.has(write) || taken.has(read)) continue;
      if (lives.get(read)?.end !== position || lives.get(write)?.start !== position) continue;
      if (bytesOf(problem, read) !== bytesOf(problem, write)) continue;
      inPlace.set(write, read);
      taken.add(read);
    }
  });
  return inPlace;
}

function bytesOf({ buffers }: MemoryProblem, value: string): number {
  return (buffers.get(value) as MemoryBuffer).bytes;
}

interface Groups {
  /** What the values of one piece of memory need together, under the name of the first. */
  readonly intervals: ReadonlyMap<string, Interval>;
  readonly rootOf: ReadonlyMap<string, string>;
}

function groupIntervals(problem: MemoryProblem, lives: Lifetimes, inPlace: ReadonlyMap<string, string>): Groups {
  const intervals = new Map<string, Interval>();
  const rootOf = new Map<string, string>();
  // In order of time, so that the root of what is taken over is known.
  for (const [value, life] of lives) {
    const from = inPlace.get(value);
    const root = from === undefined ? value : (rootOf.get(from) as string);
    const buffer = problem.buffers.get(value) as MemoryBuffer;
    const group = intervals.get(root);
    rootOf.set(value, root);
    intervals.set(root, {
      bytes: Math.max(group?.bytes ?? 0, buffer.bytes),
      align: Math.max(group?.align ?? 1, buffer.align),
      start: Math.min(group?.start ?? life.start, life.start),
      end: Math.max(group?.end ?? life.end, life.end),
      moved: (group?.moved ?? 0) + (buffer.moved ?? 0),
    });
  }
  return { intervals, rootOf };
}

/** Pairs of groups of which one ends where the other begins, in a step that allows them to overlap. */
function chooseSharings(steps: readonly MemoryStep[], lives: Lifetimes, { intervals, rootOf }: Groups): Sharing[] {
  const indexOf = new Map([...intervals.keys()].map((root, i) => [root, i]));
  const meets = (read: string, write: string, position: number): boolean =>
    lives.has(read) &&
    lives.has(write) &&
    intervals.get(rootOf.get(read) as string)?.end === position &&
    intervals.get(rootOf.get(write) as string)?.start === position;
  return steps.flatMap((step, position) => {
    const pairs = new Map<string, Sharing>();
    const allow = (read: string, write: string, rule: Pick<Sharing, 'distance' | 'sameOffset'>): void => {
      if (read === write || !meets(read, write, position)) return;
      const upper = indexOf.get(rootOf.get(read) as string) as number;
      const lower = indexOf.get(rootOf.get(write) as string) as number;
      const before = pairs.get(`${upper} ${lower}`);
      const distance = Math.min(rule.distance, before?.distance ?? Number.POSITIVE_INFINITY);
      const sameOffset = rule.sameOffset || before?.sameOffset === true;
      pairs.set(`${upper} ${lower}`, { upper, lower, distance, sameOffset });
    };
    for (const { read, write, distance } of step.overlaps) allow(read, write, { distance, sameOffset: distance <= 0 });
    for (const [read, write] of step.inPlace) {
      allow(read, write, { distance: Number.POSITIVE_INFINITY, sameOffset: true });
    }
    return [...pairs.values()];
  });
}

function placePersistent(problem: MemoryProblem): { bytes: number; offsets: Map<string, number> } {
  const offsets = new Map<string, number>();
  let bytes = 0;
  for (const [value, buffer] of problem.persistent) {
    bytes = alignUp(bytes, buffer.align);
    offsets.set(value, bytes);
    bytes += buffer.bytes;
  }
  return { bytes, offsets };
}

function sizesOf({ buffers, persistent, successors }: MemoryProblem): Map<string, number> {
  const sizes = new Map([...buffers, ...persistent].map(([value, { bytes }]) => [value, bytes]));
  for (const [value, state] of successors) sizes.set(value, (persistent.get(state) as MemoryBuffer).bytes);
  return sizes;
}

function scratchOffsets(
  order: readonly number[],
  steps: readonly MemoryStep[],
  offsets: readonly number[],
): Map<number, number[]> {
  const result = new Map<number, number[]>();
  let next = 0;
  steps.forEach((step, position) => {
    const mine = step.scratch.map(() => offsets[next++] as number);
    result.set(order[position] as number, mine);
  });
  return result;
}
