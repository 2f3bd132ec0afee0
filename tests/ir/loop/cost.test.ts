import { deepEqual, equal, throws } from 'node:assert/strict';
import { suite } from 'uvu';
import { type Counts, classOf, countFunc, countProgram, cycles, OP_CLASSES, sumCounts } from '../../../ir/loop/cost.ts';
import { OPCODES } from '../../../ir/loop/instructions.ts';
import { parseFunc, parseProgram } from '../../../ir/loop/parse.ts';

const test = suite('cost');

/** The classes that are counted at all. */
function nonZero(counts: Counts): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0));
}

function count(body: string, helpers: Parameters<typeof countFunc>[1] = []): Record<string, number> {
  return nonZero(countFunc(parseFunc(`func k(x: in i8[99], y: out i32[99]) { ${body} }`), helpers));
}

test('loops multiply what is inside', () => {
  deepEqual(count('for i in 0..10 { store y.i32[i] = x.i8[i] }'), { load1: 10, store4: 10, branch: 10, alu: 10 });
  deepEqual(count('for i in 0..10 unroll { store y.i32[i] = x.i8[i] }'), { load1: 10, store4: 10 });
  deepEqual(count('for i in 1..10 step 4 { let a = x.i32[i] }'), { load4: 3, branch: 3, alu: 3 });
  deepEqual(count('for i in 0..3 unroll { for j in 0..5 unroll { let v = x.v128[i + j] } }'), { load16: 15, alu: 15 });
});

test('a product that is added is one multiply-accumulate', () => {
  deepEqual(count('let a = x.i8[0] * x.i8[1] + 3'), { load1: 2, mac: 1 });
  deepEqual(count('let a = i32.add_wrap(5, i32.mul_wrap(x.i8[0], 7))'), { load1: 1, mac: 1 });
  deepEqual(count('let a = x.i8[0] * 2 * 3'), { load1: 1, mul: 2 });
  deepEqual(count('let a = x.i8[0] * 2 + x.i8[1] * 3'), { load1: 2, mul: 1, mac: 1 });
});

test('both arms of an if count', () => {
  deepEqual(count('if x.i8[0] { store y.i32[0] = 1 } else { store y.i16[0] = 1 }'), {
    load1: 1,
    branch: 1,
    store4: 1,
    store2: 1,
  });
});

test('calls bring the counts of the helper', () => {
  const h = parseFunc('func h(a: i64) -> i64 { return i64.mul(a, 3:i64) }');
  const body = 'for i in 0..4 unroll { store y.i64[i] = call.i64 h(call.i64 h(5:i64)) }';
  deepEqual(count(body, [h]), { call: 8, i64mul: 8, store8: 4 });
  throws(() => count(body), /there is no function h to count/);
});

test('every instruction has the class of what it costs', () => {
  const examples = {
    alu: ['i32.and', 'i32.lt_s', 'i32.select', 'i32.ssat', 'i32.wrap_i64', 'dsp.sxtb16'],
    mul: ['i32.mul', 'i32.mul_wrap'],
    mac: ['dsp.smlad', 'dsp.smlabb', 'dsp.smlatt'],
    div: ['i32.div_s', 'i32.rem_s'],
    fixed: ['i32.sqrdmulh', 'i32.rdivpot', 'i32.mulhi_s'],
    i64: ['i64.add', 'i64.extend_i32_s', 'i64.shr_s'],
    i64mul: ['i64.mul', 'i64.mul_wrap'],
    f32: ['f32.mul', 'f32.lt', 'f32.convert_i32_s', 'f32.demote_f64'],
    f32div: ['f32.div', 'f32.sqrt'],
    f64: ['f64.mul', 'f64.promote_f32'],
    f64div: ['f64.div', 'f64.sqrt'],
    vector: ['i8x16.add', 'v128.and', 'i8x16.shuffle', 'f32x4.mul', 'i16x8.extend_low_i8x16_s'],
    vectorMac: ['i32x4.dot_i16x8_s', 'i32x4.sdot_i8x16', 'i32x4.usdot_i8x16', 'i16x8.extmul_low_i8x16_s'],
  } as const;
  for (const [name, ops] of Object.entries(examples)) for (const op of ops) equal(classOf(op), name, op);
  for (const op of OPCODES) equal(OP_CLASSES.includes(classOf(op)), true, op);
});

test('programs count per call, and cycles weigh the sum', () => {
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
  equal(cycles(sum, table), 9 * 2 + 10 + 10);
});

test.run();
