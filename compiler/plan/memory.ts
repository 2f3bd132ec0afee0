/**
 * The memory plan: in which order the steps of an inference run, and where in the one arena each buffer lies.
 *
 * The order is chosen for the smallest peak (order.ts), steps that may work in place do when their input dies there, and
 * offsets are found by search (offsets.ts). The result is data; `memoryChart` of report/ prints it.
 */
import { liveBytes, placeBuffers } from './offsets.ts';
import { chooseOrder } from './order.ts';
import { alignUp, type Interval, type MemoryBuffer, type MemoryProblem, type MemoryStep } from './problem.ts';

export interface MemoryPlan {
  /** Indices into the problem's steps. Copies to a persistent value of what lies there already are left out. */
  readonly order: readonly number[];
  /** Arena offset of every buffer, persistent value and successor, in bytes. */
  readonly offsets: ReadonlyMap<string, number>;
  /** Bytes of each of them. */
  readonly sizes: ReadonlyMap<string, number>;
  /** Arena offsets of each step's scratch memory, by step index. */
  readonly scratch: ReadonlyMap<number, readonly number[]>;
  /** Which values took over the memory of another (`written value -> read value`). */
  readonly inPlace: ReadonlyMap<string, string>;
  readonly bytes: number;
  readonly persistentBytes: number;
  /** Bytes live during each step, in the plan's order, persistent ones included. */
  readonly live: readonly number[];
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
  const placed = placeBuffers(intervals);
  const base = intervals.reduce((offset, { align }) => alignUp(offset, align), persistent.bytes);
  const offsets = new Map(persistent.offsets);
  for (const [value, state] of problem.successors) offsets.set(value, persistent.offsets.get(state) as number);
  const roots = new Map([...groups.intervals.keys()].map((root, i) => [root, base + (placed.offsets[i] as number)]));
  for (const [value, root] of groups.rootOf) offsets.set(value, roots.get(root) as number);
  return {
    order,
    offsets,
    sizes: sizesOf(problem),
    scratch: scratchOffsets(order, steps, placed.offsets.slice(groups.intervals.size), base),
    inPlace,
    bytes: intervals.length === 0 ? persistent.bytes : base + placed.bytes,
    persistentBytes: persistent.bytes,
    live: liveBytes(intervals, steps.length).map((bytes) => persistent.bytes + bytes),
  };
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

/** A written value takes over a read one's memory when the step allows it and the read value dies there. */
function chooseInPlace(problem: MemoryProblem, steps: readonly MemoryStep[], lives: Lifetimes): Map<string, string> {
  const inPlace = new Map<string, string>();
  const taken = new Set<string>();
  steps.forEach((step, position) => {
    for (const [read, write] of step.inPlace) {
      if (!problem.buffers.has(write) || inPlace.has(write) || taken.has(read)) continue;
      if (lives.get(read)?.end !== position) continue;
      inPlace.set(write, read);
      taken.add(read);
    }
  });
  return inPlace;
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
    });
  }
  return { intervals, rootOf };
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
  base: number,
): Map<number, number[]> {
  const result = new Map<number, number[]>();
  let next = 0;
  steps.forEach((step, position) => {
    const mine = step.scratch.map(() => base + (offsets[next++] as number));
    result.set(order[position] as number, mine);
  });
  return result;
}
