/**
 * Chooses the order of the steps for the smallest peak of live bytes: a breadth-first search over the sets of steps that
 * can have run, keeping the best way to reach each set. Exact while no level has more sets than the beam.
 */
import { type MemoryProblem, type MemoryStep, mostShared } from './problem.ts';

const BEAM = 64;
/** Sets tried per level, which bounds the time where many steps could come next. */
const MOST_TRIES = 512;
/** Larger problems keep the order they come in: the search takes time quadratic in the number of steps. */
const MOST_STEPS = 2000;

/** A step with its values as numbers. */
interface NumberedStep {
  readonly reads: readonly number[];
  readonly writes: readonly number[];
  /** Bytes by which what is written may overlap with a value that is read for the last time. */
  readonly shared: readonly { readonly read: number; readonly write: number; readonly bytes: number }[];
  readonly scratchBytes: number;
  /** Steps that may run only after this one. */
  readonly unlocks: readonly number[];
}

interface Numbered {
  readonly steps: readonly NumberedStep[];
  /** Arena bytes of each value; 0 for those that live elsewhere or always. */
  readonly bytes: readonly number[];
  /** How many steps read each value, and how many write it. */
  readonly readers: Int32Array;
  readonly writers: Int32Array;
  /** How many steps must run before each. */
  readonly waiting: Int32Array;
}

/** The steps of an order from its last to its first. */
interface Path {
  readonly last: number;
  readonly before: Path | undefined;
}

/** Some steps that have run. */
interface Prefix {
  readonly path: Path | undefined;
  readonly peak: number;
  readonly live: number;
  /** Two independent hashes of the set of steps, as one exact integer. */
  readonly hash: readonly [number, number];
  /** Steps that could run next, ascending. */
  readonly ready: readonly number[];
  /** How many readers and writers each value still has, and how many steps each step still waits for. */
  readonly readers: Int32Array;
  readonly writers: Int32Array;
  readonly waiting: Int32Array;
}

/** A prefix and one more step. */
interface Extension extends Pick<Prefix, 'peak' | 'live' | 'hash'> {
  readonly before: Prefix;
  readonly last: number;
}

/** Indices of the problem's steps; the order they come in where no other has a smaller peak. */
export function chooseOrder(problem: MemoryProblem): number[] {
  const given = problem.steps.map((_, i) => i);
  const numbered = numberedProblem(problem);
  const peak = given.reduce(
    (prefix, index) => advance(numbered, extend(numbered, prefix, index), true),
    start(numbered),
  ).peak;
  if (peak <= leastPeak(numbered) || given.length > MOST_STEPS) return given;
  const best = search(numbered);
  return best.peak < peak ? orderOf(best.path) : given;
}

/** What the hungriest single step needs: no order has a smaller peak. */
function leastPeak({ steps, bytes }: Numbered): number {
  return steps.reduce((peak, step) => {
    const touched = new Set([...step.reads, ...step.writes]);
    const sum = [...touched].reduce((total, value) => total + (bytes[value] as number), step.scratchBytes);
    return Math.max(
      peak,
      sum -
        sharedBytes(
          step,
          () => true,
          () => true,
        ),
    );
  }, 0);
}

function numberedProblem({ steps, buffers, persistent, successors }: MemoryProblem): Numbered {
  const numbers = new Map<string, number>();
  const bytes: number[] = [];
  const numberOf = (value: string): number => {
    const known = numbers.get(value);
    if (known !== undefined) return known;
    numbers.set(value, bytes.length);
    return bytes.push(buffers.get(value)?.bytes ?? 0) - 1;
  };
  const distinct = (values: readonly string[]) => [...new Set(values)].map(numberOf);
  const unlocks = dependencies(steps, persistent, successors);
  const result = steps.map(
    (step, i): NumberedStep => ({
      reads: distinct(step.reads),
      writes: distinct(step.writes),
      shared: sharedOf(step, numberOf, bytes),
      scratchBytes: step.scratch.reduce((sum, { bytes: size }) => sum + size, 0),
      unlocks: [...(unlocks[i] as ReadonlySet<number>)],
    }),
  );
  const readers = new Int32Array(bytes.length);
  const writers = new Int32Array(bytes.length);
  const waiting = new Int32Array(steps.length);
  for (const step of result) {
    for (const value of step.reads) readers[value] = (readers[value] as number) + 1;
    for (const value of step.writes) writers[value] = (writers[value] as number) + 1;
    for (const next of step.unlocks) waiting[next] = (waiting[next] as number) + 1;
  }
  return { steps: result, bytes, readers, writers, waiting };
}

function sharedOf(
  { inPlace, overlaps }: MemoryStep,
  numberOf: (value: string) => number,
  bytes: readonly number[],
): NumberedStep['shared'] {
  const pairs = [...inPlace.map(([read, write]) => ({ read, write, distance: 0 })), ...overlaps];
  return pairs.map(({ read, write, distance }) => {
    const [from, to] = [numberOf(read), numberOf(write)];
    return { read: from, write: to, bytes: mostShared(bytes[from] as number, bytes[to] as number, distance) };
  });
}

/**
 * For each step those that must come after it. A value is written before it is read, but a persistent one is read as it
 * was before the inference: all its readers come before the step that writes over it.
 */
function dependencies(
  steps: readonly MemoryStep[],
  persistent: MemoryProblem['persistent'],
  successors: MemoryProblem['successors'],
): Set<number>[] {
  const unlocks = steps.map(() => new Set<number>());
  const writers = new Map<string, number>();
  steps.forEach((step, i) => {
    for (const value of step.writes) writers.set(successors.get(value) ?? value, i);
  });
  const writersOfValues = new Map<string, number[]>();
  steps.forEach((step, i) => {
    for (const value of step.writes) writersOfValues.set(value, [...(writersOfValues.get(value) ?? []), i]);
  });
  steps.forEach((step, i) => {
    for (const value of step.reads) {
      if (!persistent.has(value)) {
        for (const writer of writersOfValues.get(value) ?? []) if (writer !== i) unlocks[writer]?.add(i);
        continue;
      }
      const writer = writers.get(value);
      if (writer !== undefined && writer !== i) unlocks[i]?.add(writer);
    }
  });
  return unlocks;
}

function start({ waiting, readers, writers }: Numbered): Prefix {
  const ready = Array.from(waiting.keys()).filter((i) => waiting[i] === 0);
  return {
    path: undefined,
    peak: 0,
    live: 0,
    hash: [0, 0],
    ready,
    readers: readers.slice(),
    writers: writers.slice(),
    waiting: waiting.slice(),
  };
}

function search(numbered: Numbered): Prefix {
  let level: readonly Prefix[] = [start(numbered)];
  for (let count = 0; count < numbered.steps.length; count++) {
    const found = new Map<number, Extension>();
    let tries = 0;
    for (const prefix of level) {
      if (tries >= MOST_TRIES) break;
      for (const index of prefix.ready.slice(0, MOST_TRIES)) {
        tries++;
        const extension = extend(numbered, prefix, index);
        const key = extension.hash[0] * 2 ** 21 + (extension.hash[1] >>> 11);
        const known = found.get(key);
        if (known === undefined || compare(extension, known) < 0) found.set(key, extension);
      }
    }
    const best = [...found.values()].sort(compare).slice(0, BEAM);
    level = best.map((extension) => advance(numbered, extension, false));
  }
  return level[0] as Prefix;
}

/** What the figures become when a step runs next. */
function extend({ steps, bytes, writers }: Numbered, before: Prefix, index: number): Extension {
  const step = steps[index] as NumberedStep;
  const dies = (value: number) => before.readers[value] === 1;
  // Of several that write parts of a value, the first makes room for the whole.
  const isBorn = (value: number) => before.writers[value] === writers[value];
  const born = step.writes.filter(isBorn);
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + (bytes[value] as number), 0);
  const written = sum(born);
  const during = before.live + written + step.scratchBytes - sharedBytes(step, dies, isBorn);
  const unread = born.filter((value) => before.readers[value] === 0);
  return {
    before,
    last: index,
    peak: Math.max(before.peak, during),
    live: before.live + written - sum(step.reads.filter(dies)) - sum(unread),
    hash: [(before.hash[0] ^ mixed(index)) >>> 0, (before.hash[1] ^ mixed(~index)) >>> 0],
  };
}

/** Bytes saved by writing over what is read for the last time. */
function sharedBytes(
  { shared }: NumberedStep,
  dies: (value: number) => boolean,
  isBorn: (value: number) => boolean,
): number {
  return shared.reduce((most, { read, write, bytes }) => {
    return dies(read) && isBorn(write) ? Math.max(most, bytes) : most;
  }, 0);
}

/** `reuse` counts on in the arrays of the prefix before, which is then of no more use. */
function advance({ steps }: Numbered, extension: Extension, reuse: boolean): Prefix {
  const { before, last, peak, live, hash } = extension;
  const step = steps[last] as NumberedStep;
  const readers = reuse ? before.readers : before.readers.slice();
  const writers = reuse ? before.writers : before.writers.slice();
  const waiting = reuse ? before.waiting : before.waiting.slice();
  for (const value of step.reads) readers[value] = (readers[value] as number) - 1;
  for (const value of step.writes) writers[value] = (writers[value] as number) - 1;
  const unlocked = step.unlocks.filter((next) => {
    waiting[next] = (waiting[next] as number) - 1;
    return waiting[next] === 0;
  });
  const ready = reuse ? [] : [...before.ready.filter((index) => index !== last), ...unlocked].sort((a, b) => a - b);
  return { path: { last, before: before.path }, peak, live, hash, ready, readers, writers, waiting };
}

/** Smaller peak, then fewer live bytes, then the order that steps come in. */
function compare(a: Extension, b: Extension): number {
  return a.peak - b.peak || a.live - b.live || a.last - b.last;
}

/** Spreads a number over 32 bits (the finalizer of MurmurHash3). */
function mixed(value: number): number {
  let x = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

function orderOf(path: Path | undefined): number[] {
  const order: number[] = [];
  for (let at = path; at !== undefined; at = at.before) order.push(at.last);
  return order.reverse();
}
