import { deepEqual, equal, throws } from 'node:assert/strict';
import { suite } from 'uvu';
import { type Counts, OP_CLASSES, sumCounts, weighted } from '../../../ir/loop/cost.ts';
import { countFunc, countProgram } from '../../../ir/loop/count.ts';
import { parseFunc, parseProgram } from '../../../ir/loop/parse.ts';

const test = suite('counts of executed operations');

/** The classes that are counted at all. */
function nonZero(counts: Counts): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0));
}

function count(body: string, helpers: Parameters<typeof countFunc>[1] = []): Record<string, number> {
  return nonZero(countFunc(parseFunc(`func k(t: rom i8[99], x: in i8[99], y: out i32[99]) { ${body} }`), helpers));
}

test('loops multiply what is inside; each buffer that a loop walks through has one pointer', () => {
  deepEqual(count('for i in 0..10 { store y.i32[i] = x.i8[i] }'), { load1: 10, store4: 10, branch: 10, alu: 20 });
  deepEqual(count('for i in 0..10 { store y.i32[i] = x.i8[i + 1] + x.i8[i + 2] }'), {
    load1: 20,
    store4: 10,
    branch: 10,
    alu: 30,
  });
  deepEqual(count('for i in 1..10 step 4 { let a = x.i32[i] }'), { load4: 3, branch: 3, alu: 3 });
});

test('the copies of an unrolled body are a constant apart', () => {
  deepEqual(count('for i in 0..10 unroll { store y.i32[i] = x.i8[i] }'), { load1: 10, store4: 10 });
  deepEqual(count('for i in 0..3 { for j in 0..5 unroll { let v = x.i8[i * 5 + j] } }'), {
    load1: 15,
    branch: 3,
    alu: 3,
  });
});

test('what does not vary in a loop is computed before it, once', () => {
  deepEqual(count('let a = x.i32[0] for i in 0..10 unroll { store y.i32[i] = a * 3 }'), {
    load4: 1,
    mul: 1,
    store4: 10,
  });
  deepEqual(count('for i in 0..10 unroll { store y.i32[i] = t.i8[3] }'), { load1: 1, store4: 10 });
  deepEqual(count('let a = t.i8[0] let b = t.i8[0]'), { load1: 1 });
  deepEqual(count('let a = x.i8[0] let b = x.i8[0]'), { load1: 2 });
});

test('a register that is set counts each time', () => {
  deepEqual(count('var a: i32 = 0 for i in 0..10 unroll { set a = a * 3 }'), { mul: 10 });
});

test('a product that is added is one multiply-accumulate', () => {
  deepEqual(count('let a = x.i8[0] * x.i8[1] + 3'), { load1: 2, mac: 1 });
  deepEqual(count('let a = i32.add_wrap(5, i32.mul_wrap(x.i8[0], 7))'), { load1: 1, mac: 1 });
  deepEqual(count('let a = x.i8[0] * 2 * 3'), { load1: 1, mul: 2 });
  deepEqual(count('let a = x.i8[0] * 2 + x.i8[1] * 3'), { load1: 2, mul: 1, mac: 1 });
});

test('the halves of a 64-bit register are free', () => {
  const half = 'i32.wrap_i64(i64.shr_s(a, 32:i64))';
  deepEqual(count(`let a = x.i64[0] store y.i32[0] = i32.wrap_i64(a) store y.i32[1] = ${half}`), {
    load8: 1,
    store4: 2,
  });
});

test('what loops decide counts as often as it holds', () => {
  const body = 'for i in 0..4 unroll { for j in 0..5 unroll { if i32.and(j >= 1, j < 4) { store y.i32[0] = 1 } } }';
  equal(count(body).store4, 12);
  equal(count('for i in 0..10 unroll { if i < 3 { store y.i32[0] = 1 } else { store y.i16[0] = 1 } }').store4, 3);
  equal(count('for i in 0..10 unroll { if i < 3 { store y.i32[0] = 1 } else { store y.i16[0] = 1 } }').store2, 7);
  const named = 'for i in 0..10 unroll { let a = i * 2 if a < 9 { store y.i32[0] = 1 } }';
  equal(count(named).store4, 5);
});

test('arms that data decides count half each, a single one whole', () => {
  deepEqual(count('if x.i8[0] { store y.i32[0] = 1 } else { store y.i16[0] = 1 }'), {
    load1: 1,
    branch: 1,
    store4: 0.5,
    store2: 0.5,
  });
  deepEqual(count('if x.i8[0] { store y.i32[0] = 1 }'), { load1: 1, branch: 1, store4: 1 });
});

test('calls bring the counts of the helper', () => {
  const h = parseFunc('func h(a: i64) -> i64 { return i64.mul(a, 3:i64) }');
  const body = 'for i in 0..4 unroll { store y.i64[i] = call.i64 h(call.i64 h(5:i64)) }';
  deepEqual(count(body, [h]), { call: 8, i64mul: 8, store8: 4 });
  throws(() => count(body), /there is no function h to count/);
});

test('programs count per call, and weights make one figure of the sum', () => {
  const program = parseProgram(`program "p" {
    arena 16 align 4 state 0
    func a(y: out i32[4]) { for i in 0..4 unroll { store y.i32[i] = 1 } }
    func b(y: inout i32[4]) { store y.i32[0] = i32.clz(y.i32[1]) }
    run { call a(arena 0) call b(arena 0) call a(arena 0) }
    reset { call a(arena 0) }
  }`);
  const calls = countProgram(program);
  deepEqual(
    calls.map(({ call, counts }) => [call.fn, counts.store4]),
    [
      ['a', 4],
      ['b', 1],
      ['a', 4],
    ],
  );
  const sum = sumCounts(calls.map(({ counts }) => counts));
  deepEqual(nonZero(sum), { store4: 9, load4: 1, alu: 1 });
  const table = Object.fromEntries(OP_CLASSES.map((name) => [name, name === 'store4' ? 2 : 10])) as Record<
    (typeof OP_CLASSES)[number],
    number
  >;
  equal(weighted(sum, table), 9 * 2 + 10 + 10);
});

test.run();
