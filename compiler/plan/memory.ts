/**
 * The memory plan: in which order the steps of an inference run, and where in the one arena each buffer lies.
 *
 * The order is chosen for the smallest peak (order.ts), steps that may work in place do when their input dies there, and
 * offsets are found by search (offsets.ts). The result is data; `memoryChart` of report/ prints it.
 */
import { placeBuffers } from './offsets.ts';
import { chooseOrder } from './order.ts';

/** One kernel call. Names are those of values; only values that are buffers of the problem take memory. */
export interface MemoryStep {
  readonly name: string;
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  /** Bytes of working memory that live only during the step. */
  readonly scratch: readonly MemoryBuffer[];
  /** Pairs of a read and a written value that may share memory. */
  readonly inPlace: readonly (readonly [read: string, write: string])[];
}

export interface MemoryBuffer {
  readonly bytes: number;
  readonly align: number;
}

export interface MemoryProblem {
  /** In an order in which every value is written before it is read. */
  readonly steps: readonly MemoryStep[];
  /** The values that live in the arena. */
  readonly buffers: ReadonlyMap<string, MemoryBuffer>;
  /** Values that live from one inference to the next; they lie at the start of the arena. */
  readonly persistent: ReadonlyMap<string, MemoryBuffer>;
}

export interface MemoryPlan {
  /** Indices into the problem's steps. Copies to a persistent value of what lies there already are left out. */
  readonly order: readonly number[];
  /** Arena offset of every buffer and persistent value, in bytes. */
  readonly offsets: ReadonlyMap<string, number>;
  /** Bytes of every buffer and persistent value. */
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

/** A piece of memory with the steps (positions in the order, inclusive) during which it holds something. */
export interface Interval extends MemoryBuffer {
  readonly start: number;
  readonly end: number;
}

export function alignUp(offset: number, align: number): number {
  return Math.ceil(offset / align) * align;
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
  const intervals = [...groups.values(), ...scratch];
  const placed = placeBuffers(intervals);
  // Only copies write persistent values.
  const needed = steps.flatMap((step, position) => (isIdle(step, inPlace, problem) ? [] : [position]));
  const base = alignUp(persistent.bytes, Math.max(1, ...intervals.map((interval) => interval.align)));
  const bytes = intervals.length === 0 ? persistent.bytes : base + placed.bytes;
  return {
    order: needed.map((position) => order[position]),
    offsets: valueOffsets(problem, groups, placed.offsets, base, persistent.offsets, inPlace),
    sizes: new Map([...problem.buffers, ...problem.persistent].map(([value, { bytes: size }]) => [value, size])),
    scratch: scratchOffsets(order, steps, placed.offsets.slice(groups.size), base),
    inPlace,
    bytes,
    persistentBytes: persistent.bytes,
    live: needed.map(
      (position) =>
        persistent.bytes +
        intervals.filter((i) => i.start <= position && position <= i.end).reduce((sum, i) => sum + i.bytes, 0),
    ),
  };
}

type Lifetimes = ReadonlyMap<string, { readonly start: number; readonly end: number }>;

function lifetimes(problem: MemoryProblem, steps: readonly MemoryStep[]): Lifetimes {
  const lives = new Map<string, { start: number; end: number }>();
  steps.forEach((step, position) => {
    for (const value of [...step.writes, ...step.reads]) {
      if (!problem.buffers.has(value) && !problem.persistent.has(value)) continue;
      lives.set(value, { start: lives.get(value)?.start ?? position, end: position });
    }
  });
  return lives;
}

/** A written value takes over a read one's memory when the step allows it and the read value, and all that already shares its memory, dies there. */
function chooseInPlace(problem: MemoryProblem, steps: readonly MemoryStep[], lives: Lifetimes): Map<string, string> {
  const inPlace = new Map<string, string>();
  const taken = new Set<string>();
  steps.forEach((step, position) => {
    for (const [read, write] of step.inPlace) {
      const from = problem.buffers.get(read) ?? problem.persistent.get(read);
      const to = problem.buffers.get(write);
      if (from === undefined || to === undefined || inPlace.has(write) || taken.has(read)) continue;
      const dies = problem.persistent.has(rootOf(read, inPlace))
        ? from.bytes === to.bytes && becomes(steps, read, write, position)
        : lives.get(read)?.end === position;
      if (!dies || from.align < to.align) continue;
      inPlace.set(write, read);
      taken.add(read);
    }
  });
  return inPlace;
}

/** Whether nothing reads a persistent value after `position`, and in the next inference it is what `write` is now. */
function becomes(steps: readonly MemoryStep[], read: string, write: string, position: number): boolean {
  const writers = steps.filter((step) => step.writes.includes(read));
  const isCopied = writers.length === 1 && writers[0].reads.length === 1 && writers[0].reads[0] === write;
  return isCopied && !steps.some((step, i) => i > position && step.reads.includes(read));
}

/** Whether the step copies a value to a persistent one in whose memory it already lies. */
function isIdle({ reads, writes }: MemoryStep, inPlace: ReadonlyMap<string, string>, problem: MemoryProblem): boolean {
  return writes.length === 1 && problem.persistent.has(writes[0]) && inPlace.get(reads[0]) === writes[0];
}

/** The value whose memory a value uses. */
function rootOf(value: string, inPlace: ReadonlyMap<string, string>): string {
  const from = inPlace.get(value);
  return from === undefined ? value : rootOf(from, inPlace);
}

function groupIntervals(
  problem: MemoryProblem,
  lives: Lifetimes,
  inPlace: ReadonlyMap<string, string>,
): Map<string, Interval> {
  const groups = new Map<string, Interval>();
  for (const [value, buffer] of problem.buffers) {
    const life = lives.get(value);
    const root = rootOf(value, inPlace);
    if (life === undefined || problem.persistent.has(root)) continue;
    const group = groups.get(root);
    groups.set(root, {
      bytes: Math.max(group?.bytes ?? 0, buffer.bytes),
      align: Math.max(group?.align ?? 1, buffer.align),
      start: Math.min(group?.start ?? life.start, life.start),
      end: Math.max(group?.end ?? life.end, life.end),
    });
  }
  return groups;
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

function valueOffsets(
  problem: MemoryProblem,
  groups: ReadonlyMap<string, Interval>,
  groupOffsets: readonly number[],
  base: number,
  persistent: ReadonlyMap<string, number>,
  inPlace: ReadonlyMap<string, string>,
): Map<string, number> {
  const roots = new Map([...groups.keys()].map((root, i) => [root, base + (groupOffsets[i] as number)]));
  const offsets = new Map(persistent);
  for (const value of problem.buffers.keys()) {
    const root = rootOf(value, inPlace);
    const offset = roots.get(root) ?? persistent.get(root);
    if (offset !== undefined) offsets.set(value, offset);
  }
  return offsets;
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
