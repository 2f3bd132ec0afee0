/** Several memories: every buffer in one of them, within its size, what is used most where access is cheapest. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { planMemory } from '../../compiler/plan/memory.ts';
import type { Interval, MemoryProblem, MemoryRegion } from '../../compiler/plan/problem.ts';
import { DivisionError, divide } from '../../compiler/plan/regions.ts';
import { Random } from '../support/random.ts';

const AGAIN = 'node --import ./tools/ts.mjs tests/plan/regions.test.ts';
const suite = makeSuite('regions');

const region = (name: string, bytes: number, weight = 1): MemoryRegion => ({ name, bytes, weight });
const interval = (bytes: number, start: number, end: number, moved: number): Interval => ({
  bytes,
  start,
  end,
  moved,
  align: 4,
});

suite('what moves the most for its size goes into the cheaper memory', () => {
  const intervals = [interval(60, 0, 1, 60), interval(60, 0, 1, 6000), interval(20, 0, 1, 100)];
  const regions = [region('slow', 200, 3), region('fast', 80)];
  const { regions: homes, bytes } = divide({ intervals, sharings: [], regions, reserved: 0 });
  assert.equal(homes, [0, 1, 1]);
  assert.equal(bytes, [60, 80]);
});

suite('among memories that cost the same, the first listed', () => {
  const intervals = [interval(40, 0, 0, 1), interval(40, 1, 1, 2), interval(40, 1, 1, 3)];
  const { regions } = divide({ intervals, sharings: [], regions: [region('a', 40), region('b', 40)], reserved: 0 });
  assert.equal(regions, [0, 1, 0]);
});

suite('something large that its worth would leave without room takes it first', () => {
  const intervals = [interval(10, 0, 0, 1000), interval(100, 0, 0, 1)];
  const { regions } = divide({ intervals, sharings: [], regions: [region('a', 100), region('b', 10, 2)], reserved: 0 });
  assert.equal(regions, [1, 0]);
});

suite('buffers that may overlap do within one memory', () => {
  const intervals = [interval(100, 0, 1, 10), interval(100, 1, 2, 10)];
  const sharings = [{ upper: 0, lower: 1, distance: 8, sameOffset: false }];
  const { regions, bytes } = divide({
    intervals,
    sharings,
    regions: [region('a', 108), region('b', 100)],
    reserved: 0,
  });
  assert.equal(regions, [0, 0]);
  assert.equal(bytes, [108, 0]);
});

suite('what does not fit is refused', () => {
  const two = [region('a', 40), region('b', 40)];
  assert.throws(
    () => divide({ intervals: [interval(50, 0, 0, 1)], sharings: [], regions: two, reserved: 0 }),
    (error: Error) =>
      error instanceof DivisionError && /do not fit into a \(40 bytes\), b \(40 bytes\)/.test(error.message),
  );
  assert.throws(
    () => divide({ intervals: [], sharings: [], regions: two, reserved: 41 }),
    (error: Error) =>
      error instanceof DivisionError && /state of 41 bytes must fit into the first memory, a/.test(error.message),
  );
});

suite('random buffers: none alive together overlap in one memory, none reach over its end', () => {
  for (let seed = 1; seed <= 100; seed++) {
    const r = new Random(seed);
    const intervals = Array.from({ length: r.int(1, 15) }, () => {
      const start = r.int(0, 8);
      return interval(r.int(0, 50), start, start + r.int(0, 3), r.int(0, 1000));
    });
    const regions = [region('a', r.int(20, 120)), region('b', r.int(20, 200), r.int(1, 3)), region('c', 2000, 4)];
    const reserved = r.int(0, 20);
    const found = divide({ intervals, sharings: [], regions, reserved });
    const message = `seed ${seed}; ${AGAIN}`;
    intervals.forEach((a, i) => {
      const home = found.regions[i] as number;
      const from = found.offsets[i] as number;
      assert.ok(from + a.bytes <= (found.bytes[home] as number), message);
      assert.ok(home !== 0 || from >= reserved || a.bytes === 0, message);
      assert.is(from % a.align, 0, message);
      intervals.slice(0, i).forEach((b, j) => {
        const other = found.offsets[j] as number;
        const apart = found.regions[j] !== home || a.start > b.end || b.start > a.end;
        const disjoint = from >= other + b.bytes || other >= from + a.bytes || a.bytes === 0 || b.bytes === 0;
        assert.ok(apart || disjoint, `${i} and ${j}; ${message}`);
      });
    });
    found.bytes.forEach((bytes, i) => {
      assert.ok(bytes <= (regions[i] as MemoryRegion).bytes, message);
    });
  }
});

suite('a plan says which part of the arena is which memory', () => {
  const buffer = (bytes: number, moved: number) => ({ bytes, align: 4, moved });
  const step = { scratch: [], inPlace: [], overlaps: [] };
  const problem: MemoryProblem = {
    steps: [
      { ...step, name: 'a', reads: [], writes: ['a'] },
      { ...step, name: 'b', reads: ['a'], writes: ['b'], scratch: [buffer(8, 5000)] },
      { ...step, name: 'c', reads: ['b', 's'], writes: ['s'] },
    ],
    buffers: new Map([
      ['a', buffer(40, 40)],
      ['b', buffer(24, 400)],
    ]),
    persistent: new Map([['s', buffer(4, 8)]]),
    successors: new Map(),
    division: { regions: [region('fast', 40), region('slow', 100, 2)], align: 16 },
  };
  const plan = planMemory(problem);
  assert.equal(plan.regions, [
    { name: 'fast', from: 0, bytes: 36 },
    { name: 'slow', from: 48, bytes: 40 },
  ]);
  assert.is(plan.offsets.get('s'), 0);
  assert.is(plan.offsets.get('a'), 48);
  assert.ok((plan.offsets.get('b') as number) < 40);
  assert.is(plan.bytes, 88);
});

suite.run();
