/**
 * Chooses the order of the steps for the smallest peak of live bytes: a breadth-first search over the sets of steps that
 * can have run, keeping the best way to reach each set. Exact while no level has more sets than the beam; a chain has one.
 */
import type { MemoryProblem, MemoryStep } from './memory.ts';

const BEAM = 64;
/** Larger graphs keep the model's own order: the search takes time quadratic in the number of steps. */
const MOST_STEPS = 1000;

interface Partial {
  readonly done: bigint;
  readonly order: readonly number[];
  readonly peak: number;
  readonly live: number;
  /** How many readers each live value still has. */
  readonly readers: ReadonlyMap<string, number>;
}

export function chooseOrder(problem: MemoryProblem): number[] {
  const { steps, persistent } = problem;
  if (steps.length > MOST_STEPS) return steps.map((_, i) => i);
  const writers = new Map(steps.flatMap((step, i) => step.writes.map((value) => [value, i] as const)));
  // A persistent value is read as it was before the inference: its readers come before its writer.
  const before = (value: string) => (persistent.has(value) ? [] : (writers.get(value) ?? []));
  const after = (value: string, writer: number) =>
    persistent.has(value) ? steps.flatMap((step, i) => (i !== writer && step.reads.includes(value) ? [i] : [])) : [];
  const needs = steps.map((step, i) =>
    maskOf([...step.reads.flatMap(before), ...step.writes.flatMap((value) => after(value, i))]),
  );
  let level: Partial[] = [{ done: 0n, order: [], peak: 0, live: 0, readers: readerCounts(steps) }];
  for (let count = 0; count < steps.length; count++) {
    const next = new Map<bigint, Partial>();
    for (const partial of level) {
      for (const index of ready(steps.length, needs, partial.done)) {
        const extended = extend(problem, partial, index);
        const known = next.get(extended.done);
        if (known === undefined || better(extended, known)) next.set(extended.done, extended);
      }
    }
    level = [...next.values()].sort(compare).slice(0, BEAM);
  }
  return [...(level[0]?.order ?? [])];
}

function maskOf(indices: readonly number[]): bigint {
  return indices.reduce((mask, index) => mask | (1n << BigInt(index)), 0n);
}

function readerCounts(steps: readonly MemoryStep[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const step of steps) for (const value of new Set(step.reads)) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

function ready(count: number, needs: readonly bigint[], done: bigint): number[] {
  const indices: number[] = [];
  for (let i = 0; i < count; i++) {
    if (((done >> BigInt(i)) & 1n) === 0n && ((needs[i] as bigint) & ~done) === 0n) indices.push(i);
  }
  return indices;
}

function extend(problem: MemoryProblem, partial: Partial, index: number): Partial {
  const step = problem.steps[index] as MemoryStep;
  const bytesOf = (value: string) => problem.buffers.get(value)?.bytes ?? 0;
  const readers = new Map(partial.readers);
  let dying = 0;
  const dead = new Set<string>();
  for (const value of new Set(step.reads)) {
    const left = (readers.get(value) as number) - 1;
    readers.set(value, left);
    if (left === 0) {
      dying += bytesOf(value);
      dead.add(value);
    }
  }
  const written = step.writes.reduce((sum, value) => sum + bytesOf(value), 0);
  const unread = step.writes.filter((value) => !readers.has(value)).reduce((sum, value) => sum + bytesOf(value), 0);
  const shared = step.inPlace
    .filter(([read]) => dead.has(read))
    .reduce((sum, [read, write]) => Math.max(sum, Math.min(bytesOf(read), bytesOf(write))), 0);
  const during = partial.live + written - shared + step.scratch.reduce((sum, s) => sum + s.bytes, 0);
  return {
    done: partial.done | (1n << BigInt(index)),
    order: [...partial.order, index],
    peak: Math.max(partial.peak, during),
    live: partial.live + written - dying - unread,
    readers,
  };
}

/** Smaller peak, then fewer live bytes, then the model's own order. */
function compare(a: Partial, b: Partial): number {
  if (a.peak !== b.peak) return a.peak - b.peak;
  if (a.live !== b.live) return a.live - b.live;
  const at = a.order.findIndex((index, i) => index !== b.order[i]);
  return at < 0 ? 0 : (a.order[at] as number) - (b.order[at] as number);
}

function better(a: Partial, b: Partial): boolean {
  return compare(a, b) < 0;
}
