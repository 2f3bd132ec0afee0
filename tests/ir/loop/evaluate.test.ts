import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { suite } from 'uvu';
import { callFunction, Machine } from '../../../ir/loop/evaluate.ts';
import { compileOp } from '../../../ir/loop/evaluate-ops.ts';
import { instruction, OPCODES, type RegisterValue } from '../../../ir/loop/instructions.ts';
import { parseFunc, parseProgram } from '../../../ir/loop/parse.ts';
import type { Expr } from '../../../ir/loop/types.ts';
import { Random } from '../../support/random.ts';

const test = suite('evaluate');

/** Runs a kernel with `x: in i8[8]`, `y: out i32[4]` and a body given as text; answers with y. */
function run(body: string, x: readonly number[] = [1, -2, 3, -4, 5, -6, 7, -8]): number[] {
  const fn = parseFunc(`func k(x: in i8[8], y: out i32[4]) { ${body} }`);
  const y = new Int32Array(4);
  callFunction(fn, [], [new Uint8Array(Int8Array.from(x).buffer), new Uint8Array(y.buffer)], []);
  return Array.from(y);
}

test('statements', () => {
  deepEqual(run('for i in 0..4 { store y.i32[i] = x.i8[i * 2] * 10 }'), [10, 30, 50, 70]);
  deepEqual(run('for i in -3..5 step 3 { store y.i32[i32.div_s(i + 3, 3)] = i }'), [-3, 0, 3, 0]);
  deepEqual(run('var s: i32 = 0 for i in 0..8 { set s = s + x.i8[i] } store y.i32[0] = s'), [-4, 0, 0, 0]);
  deepEqual(
    run('for i in 0..4 { if x.i8[i] > 0 { store y.i32[i] = 1 } else { store y.i32[i] = -1 } }'),
    [1, -1, 1, -1],
  );
  deepEqual(run('let a = 5 let b = a * a store y.i32[1] = b - a'), [0, 20, 0, 0]);
  deepEqual(run('for i in 0..2 { for j in 0..2 { store y.i32[i * 2 + j] = i * 10 + j } }'), [0, 1, 10, 11]);
  deepEqual(run('var f: f32 = 0.5:f32 set f = f32.mul(f, 5:f32) store y.f32[0] = f'), [0x40200000, 0, 0, 0]);
  deepEqual(run('let v = i16x8.extend_low_i8x16_s(x.low64[0]) store y.v128[0] = v'), [
    0xfffe0001 | 0,
    0xfffc0003 | 0,
    0xfffa0005 | 0,
    0xfff80007 | 0,
  ]);
});

test('accesses at any alignment', () => {
  const x = [1, 2, 3, 4, 5, 6, -7, -8];
  deepEqual(run('store y.i32[0] = x.i32[1]', x), [0x05040302, 0, 0, 0]);
  deepEqual(run('store y.i32[0] = x.u16[5] store y.i32[1] = x.i16[5]', x), [0xf906, 0xf906 - 0x10000, 0, 0]);
  deepEqual(run('store y.i32[0] = x.u8[7] store y.i32[1] = x.i8[7]', x), [248, -8, 0, 0]);
  deepEqual(run('store y.v128[0] = x.splat8[7]', x), new Array(4).fill(0xf8f8f8f8 | 0));
  deepEqual(run('store y.v128[0] = x.splat16[1]', x), [0x03020302, 0x03020302, 0x03020302, 0x03020302]);
  deepEqual(run('store y.v128[0] = x.splat32[3]', x), new Array(4).fill(0xf9060504 | 0));
  deepEqual(run('store y.v128[0] = x.low64[0]', x), [0x04030201, 0xf8f90605 | 0, 0, 0]);
  deepEqual(run('store y.v128[0] = x.i8x8_s[0]', x), [0x00020001, 0x00040003, 0x00060005, 0xfff8fff9 | 0]);
  deepEqual(run('store y.v128[0] = x.u8x8_u[0]', x), [0x00020001, 0x00040003, 0x00060005, 0x00f800f9]);
  deepEqual(run('store y.v128[0] = x.i16x4_s[0]', x), [0x0201, 0x0403, 0x0605, 0xf8f9 - 0x10000]);
  deepEqual(run('store y.low64[1] = i32x4.splat(7)', x), [0, 7, 7, 0]);
  deepEqual(run('store y.i8[1] = 511 store y.i16[2] = -1', x), [0, 255, 65535, 0]);
  deepEqual(run('store y.i64[1] = i64.extend_i32_s(-2)', x), [0, -2, -1, 0]);
});

test('helpers', () => {
  const square = parseFunc('func square(a: i32) -> i32 { var r: i32 = a set r = r * a return r }');
  const twice = parseFunc('func twice(a: i32) -> i32 { return call.i32 square(call.i32 square(a)) }');
  equal(callFunction(twice, [square], [], [3]), 81);
  const wide = parseFunc(
    'func wide(a: i64, b: f32, c: f64) -> f64 { return f64.add(c, f64.add(f64.convert_i64_s(a), f64.promote_f32(b))) }',
  );
  equal(callFunction(wide, [], [], [2n, 0.5, 0.25]), 2.75);
});

function failure(body: string): string {
  try {
    run(body);
  } catch (error) {
    return (error as Error).message;
  }
  return 'no error';
}

test('errors name the function, the text and the values', () => {
  equal(
    failure('for i in 0..9 { store y.i32[0] = x.i8[i] }'),
    'k: x.i8[i]: index 8 is out of bounds: 1 bytes of x: i8[8]',
  );
  equal(failure('store y.i32[0] = x.i32[5]'), 'k: x.i32[5]: index 5 is out of bounds: 4 bytes of x: i8[8]');
  equal(
    failure('store y.v128[1] = x.splat8[0]'),
    'k: store y.v128[1] = x.splat8[0]: index 1 is out of bounds: 16 bytes of y: i32[4]',
  );
  equal(failure('store y.i32[-1] = 0'), 'k: store y.i32[-1] = 0: index -1 is out of bounds: 4 bytes of y: i32[4]');
  equal(failure('store x.i8[0] = 1'), 'k: store x.i8[0] = 1: x is in, which may not be stored to');
  equal(failure('let a = 2147483647 let b = a + 1'), 'k: a + 1: i32 overflow: 2147483648');
  equal(failure('let a = 65536 let b = a * a'), 'k: a * a: i32 overflow: 4294967296');
  equal(failure('let a = i32.div_s(1, x.i8[0] - 1)'), 'k: i32.div_s(1, x.i8[0] - 1): i32 division by zero');
  equal(failure('let a = i32.shl(1, x.i8[7])'), 'k: i32.shl(1, x.i8[7]): shift by -8, which is not in [0, 32)');
  equal(
    failure('let a = i64.mul(4294967296:i64, 4294967296:i64)'),
    'k: i64.mul(4294967296:i64, 4294967296:i64): i64 overflow: 18446744073709551616',
  );
});

test('buffers must fit', () => {
  const fn = parseFunc('func k(x: in i32[2]) { let a = x.i32[0] }');
  throws(() => callFunction(fn, [], [new Uint8Array(7)], []), /k: buffer x: i32\[2\] needs 8 bytes, found 7/);
  throws(() => callFunction(fn, [], [new Uint8Array(9).subarray(1)], []), /at byte offset 1, which 4 does not divide/);
  throws(() => callFunction(fn, [], [], []), /k takes 1 buffers and 0 scalars, found 0 and 0/);
  const rom = parseFunc('func k(x: rom i32[2]) { store x.i32[0] = 1 }');
  throws(() => callFunction(rom, [], [new Uint8Array(8)], []), /x is rom, which may not be stored to/);
});

test('functions that the verifier would refuse do not run', () => {
  const ping = parseFunc('func ping(a: i32) -> i32 { return call.i32 pong(a) }');
  const pong = parseFunc('func pong(a: i32) -> i32 { return call.i32 ping(a) }');
  throws(() => callFunction(ping, [pong], [], [1]), /ping: calls itself \(ping -> pong -> ping\)/);
  throws(() => callFunction(ping, [], [], [1]), /there is no function pong/);
  const early = parseFunc('func f(a: i32) -> i32 { if a { return 1 } return a }');
  throws(() => callFunction(early, [], [], [1]), /return is allowed only as the last statement/);
  const stuck = parseFunc('func f(a: i32) -> i32 { for i in 0..4 step 0 { } return a }');
  throws(() => callFunction(stuck, [], [], [1]), /the step must be positive/);
});

const COUNTER = `program "counter" {
  arena 16 align 4 state 4
  input "x" i8[2] shape [2] type "i8"
  output "y" i32[2] shape [2] type "i32"
  rom w: i16[2] =
    "AwD+/w=="
  func scale(x: in i8[2], w: rom i16[2], t: out i32[2], offset: i32) {
    for i in 0..2 {
      store t.i32[i] = x.i8[i] * w.i16[i] + offset
    }
  }
  func count(s: inout i32[1], t: in i32[2], y: out i32[2]) {
    store s.i32[0] = s.i32[0] + 1
    for i in 0..2 {
      store y.i32[i] = t.i32[i] + s.i32[0]
    }
  }
  func clear(s: out i32[1]) {
    store s.i32[0] = 100
  }
  run {
    ;; MUL 0
    call scale(input 0, rom w, arena 8, 1000)
    call count(arena 0, arena 8, output 0)
  }
  reset {
    call clear(arena 0)
  }
}`;

const bytes = (values: readonly number[]) => new Uint8Array(Int8Array.from(values).buffer);
const words = (memory: Uint8Array | undefined) => Array.from(new Int32Array((memory as Uint8Array).slice().buffer));

test('a machine keeps its state until it is reset', () => {
  const machine = new Machine(parseProgram(COUNTER));
  deepEqual(words(machine.run([bytes([5, 6])])[0]), [1116, 1089]);
  deepEqual(words(machine.run([bytes([0, 0])])[0]), [1102, 1102]);
  machine.reset();
  const [first] = machine.run([bytes([0, 0])]);
  deepEqual(words(first), [1101, 1101]);
  machine.run([bytes([1, 1])]);
  deepEqual(words(first), [1101, 1101], 'an output is a copy');
});

test('memory that nothing was stored to holds poison, outputs too', () => {
  const text = `program "p" {
    arena 8 align 4 state 0
    output "y" i32[2] shape [2] type "i32"
    func peek(a: in i32[2], y: out i32[2]) { store y.i32[0] = a.i32[1] }
    func poke(a: out i32[2]) { store a.i32[1] = 7 }
    run { call peek(arena 0, output 0) call poke(arena 0) }
    reset { }
  }`;
  const machine = new Machine(parseProgram(text));
  const poison = 0xa5a5a5a5 | 0;
  deepEqual(words(machine.run([])[0]), [poison, poison]);
  deepEqual(words(machine.run([])[0]), [poison, poison]);
});

test('a machine refuses inputs and calls that do not fit', () => {
  const machine = new Machine(parseProgram(COUNTER));
  throws(() => machine.run([]), /counter has 1 inputs, found 0/);
  throws(() => machine.run([bytes([1])]), /counter: input 0 \(x\) needs 2 bytes \(i8\[2\]\), found 1/);
  const edited = (from: string, to: string) => () => new Machine(parseProgram(COUNTER.replace(from, to)));
  throws(edited('arena 8, 1000', 'arena 12, 1000'), /call scale\(.*\): t needs 8 bytes from 12, found 16 in all/);
  throws(
    edited('arena 8, 1000', 'arena 6, 1000'),
    /buffer t: i32\[2\] is bound at byte offset 6, which 4 does not divide/,
  );
  throws(edited('rom w, arena 8', 'rom v, arena 8'), /w has no such place to lie in/);
  throws(edited('1000', '1000:i64'), /offset takes a constant of type i32/);
  throws(edited('call clear', 'call nope'), /call nope\(arena 0\): there is no function nope/);
  const overflow = new Machine(parseProgram(COUNTER.replace('1000', '2147483647')));
  throws(
    () => overflow.run([bytes([1, 1])]),
    /^Error: scale \(MUL 0\): x.i8\[i\] \* w.i16\[i\] \+ offset: i32 overflow: 2147483650$/,
  );
});

/** Operands that reach the corners of an instruction and its errors. */
function operandsOf(random: Random, type: string): RegisterValue {
  if (type === 'v128') return random.bytes(16);
  if (type === 'i64') return random.pick([0n, -1n, 5n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 40n]);
  if (type === 'i32') return random.pick([0, 1, -1, 7, 2 ** 31 - 1, -(2 ** 31), random.bits() | 0]);
  return random.pick([0, -0, 1.5, NaN, Infinity, -2.25, 1e10, 0.10000000149011612]);
}

test('closures give what the records say, errors included', () => {
  const random = new Random(5);
  const attempt = (f: () => unknown): unknown => {
    try {
      return f();
    } catch (error) {
      return (error as Error).constructor;
    }
  };
  for (const name of OPCODES) {
    const { params, imm, evaluate } = instruction(name);
    for (let round = 0; round < 100; round++) {
      const operands = params.map((type) => operandsOf(random, type));
      const constants = Array.from({ length: imm?.count ?? 0 }, () => random.int(1, (imm?.bound ?? 1) - 1));
      const isConst = random.chance(0.5) && params[1] !== 'v128';
      const args = operands.map((value, i): Expr => {
        const type = params[i] === 'v128' ? 'i32' : (params[i] as 'i32');
        return i === 1 && isConst ? { kind: 'const', type, value: value as number } : { kind: 'var', name: 'a', type };
      });
      const closure = compileOp(
        { kind: 'op', op: name, args, imm: constants },
        operands.map((value) => () => value),
      );
      const expected = attempt(() => evaluate(...operands, ...constants));
      const found = attempt(closure);
      deepEqual(found, expected, `${name}(${operands}; ${constants})`);
      ok(typeof found !== 'number' || Object.is(found, expected), `${name}(${operands}): ${found}, ${expected}`);
    }
  }
});

test.run();
