/** The memory plan: hand-made problems with known answers, laws on random ones, and time on large ones. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { type MemoryPlan, planMemory } from '../../compiler/plan/memory.ts';
import type { MemoryProblem, MemoryStep } from '../../compiler/plan/problem.ts';
import { Random } from '../support/random.ts';

const AGAIN = 'node --import ./tools/ts.mjs tests/plan/memory.test.ts';
const suite = makeSuite('memory plan');

interface StepText {
  readonly reads?: string;
  readonly writes?: string;
  readonly inPlace?: string;
  /** `a>b 16`: b may begin 16 bytes or more below a. */
  readonly overlaps?: string;
  readonly scratch?: number;
}

/** `reads: 'a b'`, `inPlace: 'a>c'`; every buffer has its size in `bytes`, all others live elsewhere. */
function problem(
  steps: readonly StepText[],
  bytes: Readonly<Record<string, number>>,
  persistent: Readonly<Record<string, number>> = {},
  successors: Readonly<Record<string, string>> = {},
): MemoryProblem {
  const words = (text = '') => text.split(' ').filter((word) => word !== '');
  const buffers = (sizes: Readonly<Record<string, number>>) =>
    new Map(Object.entries(sizes).map(([name, size]) => [name, { bytes: size, align: 4 }]));
  return {
    steps: steps.map((step, i) => ({
      name: `step ${i}`,
      reads: words(step.reads),
      writes: words(step.writes),
      scratch: step.scratch === undefined ? [] : [{ bytes: step.scratch, align: 8 }],
      inPlace: words(step.inPlace).map((pair) => pair.split('>') as [string, string]),
      overlaps: (step.overlaps ?? '').split(',').flatMap((text) => {
        const [, read, write, distance] = /^\s*(\w+)>(\w+) (-?\d+)$/.exec(text) ?? [];
        return read && write ? [{ read, write, distance: Number(distance) }] : [];
      }),
    })),
    buffers: buffers(bytes),
    persistent: buffers(persistent),
    successors: new Map(Object.entries(successors)),
  };
}

interface Span {
  readonly what: string;
  readonly from: number;
  readonly to: number;
}

/** What holds something during each step, by the problem's own definition of when values live. */
function spansAt({ steps, buffers, persistent }: MemoryProblem, plan: MemoryPlan, position: number): Span[] {
  const ordered = plan.order.map((index) => steps[index] as MemoryStep);
  const uses = (value: string) =>
    ordered.flatMap((s, i) => (s.reads.includes(value) || s.writes.includes(value) ? [i] : []));
  const spans: Span[] = [];
  const add = (what: string, offset: number, bytes: number) => spans.push({ what, from: offset, to: offset + bytes });
  for (const [value, { bytes }] of persistent) add(value, plan.offsets.get(value) as number, bytes);
  for (const [value, { bytes }] of buffers) {
    const at = uses(value);
    const alive = at.length > 0 && Math.min(...at) <= position && position <= Math.max(...at);
    if (alive) add(value, plan.offsets.get(value) as number, bytes);
  }
  const step = plan.order[position] as number;
  steps[step]?.scratch.forEach(({ bytes }, i) => {
    add(`scratch ${i}`, plan.scratch.get(step)?.[i] as number, bytes);
  });
  return spans;
}

/** Whether the step allows what it writes to lie over what it reads, as the two do. */
function mayOverlap({ inPlace, overlaps }: MemoryStep, read: Span, written: Span): boolean {
  const isPair = (a: string, b: string) => a === read.what && b === written.what;
  return (
    (read.from === written.from && inPlace.some(([a, b]) => isPair(a, b))) ||
    overlaps.some((pair) => isPair(pair.read, pair.write) && read.from - written.from >= pair.distance)
  );
}

/** Every law a plan must keep; the message names the first that is broken. */
function assertSound(given: MemoryProblem, plan: MemoryPlan, message = AGAIN): void {
  const { steps, buffers, persistent, successors } = given;
  assert.equal(
    [...plan.order].sort((a, b) => a - b),
    steps.map((_, i) => i),
    `every step once; ${message}`,
  );
  const at = new Map(plan.order.map((index, position) => [index, position]));
  steps.forEach((step, i) => {
    for (const value of step.reads) {
      steps.forEach((other, j) => {
        if (i === j) return;
        const writesValue = other.writes.includes(value);
        const overwrites = writesValue || other.writes.some((written) => successors.get(written) === value);
        if (persistent.has(value) && overwrites)
          assert.ok((at.get(i) as number) < (at.get(j) as number), `${value} is read before it changes; ${message}`);
        if (!persistent.has(value) && writesValue)
          assert.ok((at.get(j) as number) < (at.get(i) as number), `${value} is written before it is read; ${message}`);
      });
    }
  });
  for (const [value, { align, bytes }] of [...buffers, ...persistent]) {
    const offset = plan.offsets.get(value);
    if (offset === undefined) continue;
    assert.is(offset % align, 0, `${value} is aligned; ${message}`);
    assert.ok(offset >= 0 && offset + bytes <= plan.bytes, `${value} lies in the arena; ${message}`);
  }
  plan.order.forEach((index, position) => {
    const step = steps[index] as MemoryStep;
    const spans = spansAt(given, plan, position);
    const sum = spans.reduce((total, { from, to }) => total + to - from, 0);
    const shared = spans.flatMap((a, i) =>
      spans.slice(0, i).flatMap((b) => {
        if (a.from >= b.to || b.from >= a.to || a.from === a.to || b.from === b.to) return [];
        const allowed = mayOverlap(step, a, b) || mayOverlap(step, b, a);
        assert.ok(allowed, `step ${index}: ${a.what} and ${b.what} overlap; ${message}`);
        return [Math.min(a.to, b.to) - Math.max(a.from, b.from)];
      }),
    );
    const live = sum - shared.reduce((a, b) => a + b, 0);
    assert.ok(live <= plan.bytes, `step ${index} holds ${live} bytes, the arena has ${plan.bytes}; ${message}`);
    assert.ok((plan.live[position] as number) >= live, `step ${index} reports ${plan.live[position]} of ${live} bytes`);
  });
}

function planned(given: MemoryProblem): MemoryPlan {
  const plan = planMemory(given);
  assertSound(given, plan);
  return plan;
}

suite('no step, no buffer: no memory', () => {
  assert.is(planned(problem([], {})).bytes, 0);
  assert.is(planned(problem([{ reads: 'input', writes: 'output' }], {})).bytes, 0);
});

suite('a chain takes its hungriest pair', () => {
  const chain = [{ writes: 'a' }, { reads: 'a', writes: 'b' }, { reads: 'b', writes: 'c' }, { reads: 'c' }];
  const plan = planned(problem(chain, { a: 100, b: 200, c: 60 }));
  assert.is(plan.bytes, 300);
  assert.equal(plan.order, [0, 1, 2, 3]);
  assert.equal(plan.live, [100, 300, 260, 60]);
});

suite('a chain in place takes one buffer', () => {
  const steps = [
    { writes: 'a' },
    { reads: 'a', writes: 'b', inPlace: 'a>b' },
    { reads: 'b', writes: 'c', inPlace: 'b>c' },
  ];
  const plan = planned(problem(steps, { a: 64, b: 64, c: 64 }));
  assert.is(plan.bytes, 64);
  assert.equal(
    [...plan.inPlace],
    [
      ['b', 'a'],
      ['c', 'b'],
    ],
  );
});

suite('nothing is written over that is read again', () => {
  const steps = [
    { writes: 'a' },
    { reads: 'a', writes: 'b', inPlace: 'a>b' },
    { reads: 'a b', writes: 'c', inPlace: 'a>c b>c' },
  ];
  const plan = planned(problem(steps, { a: 64, b: 64, c: 64 }));
  assert.is(plan.bytes, 128);
  assert.is(plan.inPlace.has('b'), false);
});

suite('one dying value is taken over by one result only', () => {
  const steps = [{ writes: 'a' }, { reads: 'a', writes: 'b c', inPlace: 'a>b a>c' }, { reads: 'b c' }];
  assert.is(planned(problem(steps, { a: 32, b: 32, c: 32 })).bytes, 64);
});

suite('a chain that overlaps takes its largest buffer and the distances', () => {
  const steps = [
    { writes: 'a' },
    { reads: 'a', writes: 'b', overlaps: 'a>b 16' },
    { reads: 'b', writes: 'c', overlaps: 'b>c 4' },
    { reads: 'c', writes: 'd', overlaps: 'c>d 24' },
    { reads: 'd' },
  ];
  const plan = planned(problem(steps, { a: 1000, b: 1000, c: 1000, d: 1000 }));
  assert.is(plan.bytes, 1044);
  assert.equal(plan.live, [1000, 1016, 1004, 1024, 1000]);
});

suite('a result that grows past its input lies below it, one that shrinks may begin above', () => {
  const grows = [{ writes: 'a' }, { reads: 'a', writes: 'b', overlaps: 'a>b 108' }, { reads: 'b' }];
  assert.is(planned(problem(grows, { a: 100, b: 200 })).bytes, 208);
  // b may begin up to 60 above a, so that both fit beside c, which lies over neither.
  const shrinks = [
    { writes: 'a' },
    { reads: 'a', writes: 'b', overlaps: 'a>b -60' },
    { reads: 'b', writes: 'c' },
    { reads: 'c' },
  ];
  assert.is(planned(problem(shrinks, { a: 100, b: 40, c: 60 })).bytes, 100);
});

suite('nothing overlaps that is read again', () => {
  const steps = [{ writes: 'a' }, { reads: 'a', writes: 'b', overlaps: 'a>b 0' }, { reads: 'a b' }];
  assert.is(planned(problem(steps, { a: 64, b: 64 })).bytes, 128);
});

suite('in place with results of another size: the memory of the larger is free again where the smaller lives on', () => {
  const steps = [
    { writes: 'a' },
    { reads: 'a', writes: 'b', inPlace: 'a>b' },
    { reads: 'b', writes: 'c' },
    { reads: 'b c' },
  ];
  assert.is(planned(problem(steps, { a: 100, b: 20, c: 80 })).bytes, 100);
});

suite('a step that may overlap comes where its input dies', () => {
  const steps = [
    { writes: 'a' },
    { reads: 'a', writes: 'b', overlaps: 'a>b 8' },
    { reads: 'a', writes: 'c' },
    { reads: 'b c' },
  ];
  const plan = planned(problem(steps, { a: 100, b: 100, c: 20 }));
  assert.is(plan.bytes, 128);
  assert.equal(plan.order, [0, 2, 1, 3]);
});

suite('a diamond runs the branch first that swells before it shrinks', () => {
  // Branch b, e leaves 10 bytes behind, c, d leaves 90 after a peak of 190, on top of which the 10 would lie.
  const steps = [
    { reads: 'input', writes: 'b' },
    { reads: 'b', writes: 'e' },
    { reads: 'input', writes: 'c' },
    { reads: 'c', writes: 'd' },
    { reads: 'd e', writes: 'output' },
  ];
  const plan = planned(problem(steps, { b: 30, e: 10, c: 100, d: 90 }));
  assert.is(plan.bytes, 190);
  assert.equal(plan.order, [2, 3, 0, 1, 4]);
});

suite('the given order stays where no other is better', () => {
  const steps = [{ writes: 'b' }, { writes: 'a' }, { reads: 'a b' }];
  assert.equal(planned(problem(steps, { a: 8, b: 8 })).order, [0, 1, 2]);
});

suite('scratch memory lives during its step only, aligned as it asks', () => {
  const steps = [{ writes: 'a', scratch: 40 }, { reads: 'a', writes: 'b', scratch: 8 }, { reads: 'b' }];
  const plan = planned(problem(steps, { a: 12, b: 12 }));
  assert.is(plan.bytes, 52);
  for (const offsets of plan.scratch.values()) assert.ok(offsets.every((offset) => offset % 8 === 0));
});

suite('buffers of no bytes harm nothing', () => {
  const steps = [
    { writes: 'a' },
    { reads: 'a', writes: 'b', inPlace: 'a>b' },
    { reads: 'b', writes: 'c' },
    { reads: 'c' },
  ];
  assert.is(planned(problem(steps, { a: 0, b: 0, c: 16 })).bytes, 16);
});

suite('persistent values come first and are shared with nothing', () => {
  const steps = [{ reads: 's', writes: 'a', inPlace: 's>a' }, { reads: 'a' }];
  const plan = planned(problem(steps, { a: 24 }, { s: 24, t: 6 }));
  assert.is(plan.offsets.get('s'), 0);
  assert.is(plan.offsets.get('t'), 24);
  assert.is(plan.persistentBytes, 30);
  assert.is(plan.bytes, 56);
});

suite('a persistent value is written after all that read it, whatever the order given', () => {
  const steps = [
    { reads: 'input', writes: 'a' },
    { reads: 's', writes: 'b' },
    { reads: 'a b', writes: 'c' },
    { reads: 'c', writes: 's' },
  ];
  planned(problem(steps, { a: 4, b: 400, c: 4 }, { s: 400 }));
});

suite('a successor lies on its persistent value, after that is read for the last time', () => {
  const steps = [
    { reads: 's', writes: 'a' },
    { reads: 's', writes: 'n', inPlace: 's>n' },
    { reads: 'n a', writes: 'b' },
  ];
  const plan = planned(problem(steps, { a: 8, b: 8 }, { s: 16 }, { n: 's' }));
  assert.is(plan.offsets.get('n'), plan.offsets.get('s'));
  assert.is(plan.bytes, 32);
});

suite('first fit alone would waste: search finds the lower bound', () => {
  // Alive at once: 0: a b, 1: b c, 2: c d, 3: d a' ...; sizes that leave holes unless big ones lie at the far ends.
  const steps = [
    { writes: 'a b' },
    { reads: 'a', writes: 'c' },
    { reads: 'b', writes: 'd' },
    { reads: 'c', writes: 'e' },
    { reads: 'd e' },
  ];
  const plan = planned(problem(steps, { a: 40, b: 24, c: 56, d: 40, e: 36 }));
  assert.is(plan.bytes, Math.max(...plan.live));
});

/** Steps that read some of the values before them; some may work in place, some have scratch memory, some touch states. */
function randomProblem(r: Random, count: number): MemoryProblem {
  const states = Array.from({ length: r.int(0, 3) }, (_, i) => `s${i}`);
  const sizes: Record<string, number> = {};
  const steps: StepText[] = [];
  for (let i = 0; i < count; i++) {
    const known = Object.keys(sizes).slice(-6);
    const reads = [...new Set(Array.from({ length: r.int(0, 3) }, () => (known.length > 0 ? r.pick(known) : 'input')))];
    const state = states.length > 0 && r.chance(0.2) ? [r.pick(states)] : [];
    const writes = Array.from({ length: r.chance(0.2) ? 2 : 1 }, (_, k) => `v${i}_${k}`);
    for (const value of writes) sizes[value] = r.chance(0.1) ? 0 : r.int(1, 200);
    const pairs = reads.filter(() => r.chance(0.5)).map((read) => `${read}>${writes[0]}`);
    const overlaps = reads.filter(() => r.chance(0.5)).map((read) => `${read}>${r.pick(writes)} ${r.int(-50, 100)}`);
    steps.push({
      reads: [...reads, ...state].join(' '),
      writes: writes.join(' '),
      inPlace: pairs.join(' '),
      overlaps: overlaps.join(),
      ...(r.chance(0.2) ? { scratch: r.int(0, 64) } : {}),
    });
  }
  const last = Object.keys(sizes).at(-1) as string;
  const assigned = states.filter(() => r.chance(0.7)).map((state) => ({ reads: last, writes: state }));
  return problem([...steps, ...assigned], sizes, Object.fromEntries(states.map((state) => [state, r.int(1, 50)])));
}

suite('random problems keep every law', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const given = randomProblem(new Random(seed), 1 + (seed % 24));
    assertSound(given, planMemory(given), `seed ${seed}; ${AGAIN}`);
  }
});

suite('equal problems get equal plans', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const plans = [0, 1].map(() => planMemory(randomProblem(new Random(seed), 30)));
    assert.equal(plans[0], plans[1], `seed ${seed}`);
  }
});

function chain(length: number, sharing: 'apart' | 'in place' | 'overlapping'): MemoryProblem {
  const steps = Array.from({ length }, (_, i) => ({
    reads: i === 0 ? '' : `v${i - 1}`,
    writes: `v${i}`,
    inPlace: sharing === 'in place' && i > 0 ? `v${i - 1}>v${i}` : '',
    overlaps: sharing === 'overlapping' && i > 0 ? `v${i - 1}>v${i} ${i % 40}` : '',
  }));
  return problem(steps, Object.fromEntries(steps.map(({ writes }, i) => [writes, 100 + (i % 7) * 8])));
}

/** `count` independent values, all read by the last step. */
function fan(count: number): MemoryProblem {
  const names = Array.from({ length: count }, (_, i) => `v${i}`);
  const steps = [...names.map((name, i) => ({ writes: name, scratch: 8 * (i % 5) })), { reads: names.join(' ') }];
  return problem(steps, Object.fromEntries(names.map((name, i) => [name, 4 + (i % 13)])));
}

/** A long trunk with a branch at every step, so that much can come next at any time and no order is best at a glance. */
function comb(count: number): MemoryProblem {
  const steps = Array.from({ length: count }, (_, i) => [
    { reads: i === 0 ? '' : `t${i - 1}`, writes: `t${i}` },
    { reads: `t${i}`, writes: `b${i}` },
  ]).flat();
  const names = steps.map(({ writes }) => writes);
  const last = { reads: names.filter((name) => name.startsWith('b')).join(' ') };
  return problem([...steps, last], Object.fromEntries(names.map((name, i) => [name, 8 + ((i * 37) % 91)])));
}

const LARGE: readonly (readonly [string, MemoryProblem, number])[] = [
  ['a chain of 1,000 steps', chain(1000, 'apart'), 2],
  ['a chain of 1,000 steps in place', chain(1000, 'in place'), 2],
  ['a chain of 1,000 steps that overlap', chain(1000, 'overlapping'), 2],
  ['1,000 values alive at once', fan(1000), 2],
  ['a comb of 1,000 steps', comb(500), 2],
  ['a chain of 20,000 steps', chain(20_000, 'apart'), 5],
  ['a chain of 20,000 steps in place', chain(20_000, 'in place'), 5],
  ['a chain of 20,000 steps that overlap', chain(20_000, 'overlapping'), 5],
  ['10,000 values alive at once', fan(10_000), 5],
];

for (const [name, given, seconds] of LARGE) {
  // Ten times what it takes on a quiet machine: what grows too fast takes minutes.
  const limit = 10 * seconds;
  suite(`${name}: at most ${limit} s of processor time`, () => {
    const before = process.cpuUsage();
    const plan = planMemory(given);
    const { user, system } = process.cpuUsage(before);
    const took = (user + system) / 1e6;
    assert.ok(took <= limit, `${took.toFixed(1)} s; ${AGAIN}`);
    assert.ok(plan.bytes >= Math.max(...plan.live.slice(0, 50_000)));
  });
}

suite.run();
