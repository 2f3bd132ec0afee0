import { equal, match, ok, throws } from 'node:assert/strict';
import { suite } from 'uvu';
import { FunctionBuilder, f32, i32, inRange, op } from '../../../ir/loop/build.ts';
import type { Opcode } from '../../../ir/loop/instructions.ts';
import { parseFunc, parseProgram } from '../../../ir/loop/parse.ts';
import type { Access, Call, Expr, Func, Program, Stmt } from '../../../ir/loop/types.ts';
import { assertValid, printDiagnostic, verifyFunc, verifyProgram } from '../../../ir/loop/verify.ts';
import { randomFunction } from '../../support/random-loop.ts';

const structure = suite('names and types');
const values = suite('values');
const programs = suite('programs');

/** A kernel with one buffer of each access around a body given as text. */
function kernel(body: string): Func {
  return parseFunc(`func k(x: in i8[8], w: rom i16[4], y: out i32[8], z: inout f32[4], n: i32) {\n${body}\n}`);
}

function messages(fn: Func, helpers: readonly Func[] = []): string {
  return verifyFunc(fn, helpers).map(printDiagnostic).join('\n');
}

function valid(body: string): void {
  equal(messages(kernel(body)), '', body);
}

function invalid(body: string, expected: RegExp): void {
  match(messages(kernel(body)), expected, body);
}

/** The kernel with its body replaced by statements that the text form cannot spell. */
function raw(body: readonly Stmt[]): Func {
  return { ...kernel(''), body };
}

const x0: Expr = { kind: 'load', buffer: 'x', access: 'i8', index: i32(0) };
const storeY = (value: Expr): Stmt => ({ kind: 'store', buffer: 'y', access: 'i32', index: i32(0), value });
const unknown: Expr = { kind: 'var', name: 'q', type: 'i32' };

structure('law 1: names', () => {
  invalid('let a = 1 let a = 2', /^k: let a = 2: a is defined twice$/);
  invalid('let x = 1', /x is defined twice/);
  invalid('for i in 0..2 { let t = i } for i in 0..3 { let u = i }', /for i in 0..3: i is defined twice/);
  match(messages(raw([storeY(unknown)])), /^k: store y.i32\[0\] = q: q is not defined here$/);
  match(messages(raw([{ kind: 'let', name: 'a-b', value: i32(1) }])), /"a-b" is no identifier/);
  match(messages({ ...kernel(''), name: '9' }), /"9" is no identifier/);
  const inner: Stmt = { kind: 'if', cond: x0, body: [{ kind: 'let', name: 'q', value: i32(1) }], orElse: [] };
  match(messages(raw([inner, storeY(unknown)])), /q is not defined here/);
  match(messages(raw([storeY({ kind: 'var', name: 'x', type: 'i32' })])), /x is a buffer, not a register/);
  match(messages(raw([storeY({ kind: 'var', name: 'n', type: 'f32' })])), /n is used as f32, but it is i32/);
});

structure('law 2: types, constants, instructions', () => {
  invalid('store y.i32[0] = z.f32[0]', /the stored value, z.f32\[0\], must be i32, found f32/);
  invalid('if z.f32[0] { }', /the condition, z.f32\[0\], must be i32, found f32/);
  invalid('let a = x.i8[z.f32[0]]', /the index, z.f32\[0\], must be i32/);
  invalid('let a = i64.add(1, 2)', /operand 0 of i64.add, 1, must be i64, found i32/);
  invalid('var a: i64 = 1', /the initial value of a, 1, must be i64, found i32/);
  invalid('let a = i8x16.extract_lane_s(x.splat8[0]; 16)', /constants of i8x16.extract_lane_s must lie in \[0, 16\)/);
  invalid('let a = i32.ssat(n; 0)', /constants of i32.ssat must lie in \[1, 33\)/);
  const few: Expr = { kind: 'op', op: 'i32.add', args: [i32(1)], imm: [] };
  match(messages(raw([storeY(few)])), /i32.add takes 2 operands, found 1/);
  const noImm: Expr = { kind: 'op', op: 'i32.ssat', args: [x0], imm: [] };
  match(messages(raw([storeY(noImm)])), /i32.ssat takes 1 constants, found 0/);
  const strange: Expr = { kind: 'op', op: 'i32.nope' as Opcode, args: [], imm: [] };
  match(messages(raw([{ kind: 'let', name: 'a', value: strange }])), /there is no instruction i32.nope/);
  const constants: readonly (readonly [Expr, RegExp])[] = [
    [{ kind: 'const', type: 'i32', value: 2 ** 31 }, /must be an integer of 32 bits/],
    [{ kind: 'const', type: 'i32', value: -0 }, /must be an integer of 32 bits/],
    [{ kind: 'const', type: 'i64', value: 1 }, /must be a bigint of 64 bits/],
    [{ kind: 'const', type: 'i64', value: 2n ** 63n }, /must be a bigint of 64 bits/],
    [{ kind: 'const', type: 'f32', value: 0.1 }, /is no f32/],
    [{ kind: 'const', type: 'f64', value: 1n }, /must be a number/],
  ];
  for (const [value, expected] of constants) match(messages(raw([{ kind: 'let', name: 'a', value }])), expected);
});

structure('law 3: only vars are set', () => {
  invalid('let a = 1 set a = 2', /set a = 2: a is not a var/);
  invalid('for i in 0..4 { set i = 2 }', /i is not a var/);
  invalid('set n = 2', /n is not a var/);
  invalid('var a: i32 = 1 set a = 1:f32', /the value of a, 1:f32, must be i32, found f32/);
  match(messages(raw([{ kind: 'set', name: 'q', value: i32(1) }])), /q is not defined here/);
});

structure('law 4: buffers and accesses', () => {
  invalid('store x.i8[0] = 1', /x is in, which may not be stored to/);
  invalid('store w.i16[0] = 1', /w is rom, which may not be stored to/);
  invalid('store y.i8x8_s[0] = x.splat8[0]', /stores may not use the access i8x8_s/);
  const nowhere: Expr = { kind: 'load', buffer: 'q', access: 'i8', index: i32(0) };
  match(messages(raw([storeY(nowhere)])), /q is no buffer of k/);
  const access = { ...x0, access: 'i9' as Access } as Expr;
  match(messages(raw([{ kind: 'let', name: 'a', value: access }])), /there is no access i9/);
});

structure('law 5: loops', () => {
  invalid('for i in 0..4 step 0 { }', /the step must be positive, found 0/);
  invalid('for i in 4..4 { }', /start 4 must be below end 4/);
  invalid('for i in 0..2147483647 step 2 { }', /the counter would overflow/);
  const loop: Stmt = { kind: 'for', name: 'i', start: 0.5, end: 2, step: 1, unroll: false, body: [] };
  match(messages(raw([loop])), /must be integers of 32 bits/);
});

structure('law 6: returns and helpers', () => {
  invalid('return 1', /a kernel returns nothing/);
  match(messages(parseFunc('func h(a: i32) -> i32 { let b = a }')), /a function that gives i32 must end in return/);
  match(messages(parseFunc('func h(a: i32) -> i32 { return 1:f32 }')), /the result, 1:f32, must be i32, found f32/);
  match(messages(parseFunc('func h(a: i32) -> i32 { return 1 return a }')), /return is allowed only as the last/);
  match(messages(parseFunc('func h(a: i32) -> i32 { if a { return 1 } return a }')), /return is allowed only/);
  match(messages(parseFunc('func h(a: in i8[4]) -> i32 { return a.i8[0] }')), /a helper takes scalars only/);
  match(messages(parseFunc('func h(a: in i8[0]) { }')), /length 0 must be a positive integer/);
});

structure('law 7: calls', () => {
  const h = parseFunc('func h(a: i32) -> i32 { return a }');
  const caller = (text: string) => parseFunc(`func c(a: i32, f: f32) -> i32 { return ${text} }`);
  equal(messages(caller('call.i32 h(a)'), [h]), '');
  match(messages(caller('call.i32 g(a)'), [h]), /there is no function g/);
  match(messages(caller('call.i32 h(a, a)'), [h]), /h takes 1 arguments, found 2/);
  match(messages(caller('call.i32 h(f)'), [h]), /argument 0 of h, f, must be i32, found f32/);
  match(messages(caller('i32.wrap_i64(call.i64 h(a))'), [h]), /h gives i32, but i64 is expected/);
  match(messages(caller('call.i32 k()'), [kernel('')]), /k is a kernel, which an expression may not call/);
  const ping = parseFunc('func ping(a: i32) -> i32 { return call.i32 pong(a) }');
  const pong = parseFunc('func pong(a: i32) -> i32 { return call.i32 ping(a) }');
  match(messages(ping, [pong]), /^ping: the function calls itself\npong: the function calls itself$|pong: .*\nping: /);
});

values('law 8: accesses in bounds', () => {
  valid('for i in 0..8 { store y.i32[i] = x.i8[i] }');
  invalid(
    'for i in 0..9 { store y.i32[7] = x.i8[i] }',
    /for i in 0..9 > store .*: the index of an access to 1 bytes of x: i8\[8\], i, has the range \[0, 8\], which must lie in \[0, 7\]/,
  );
  invalid('store y.i32[n] = 0', /has the range \[-2147483648, 2147483647\]/);
  invalid('store y.i32[8] = 0', /\[8, 8\]/);
  invalid('let a = x.i8[-1]', /\[-1, -1\]/);
  valid('for i in 0..4 step 2 { let a = w.i16[i + 1] }');
  valid('let a = x.i32[4]');
  invalid('let a = x.i32[5]', /4 bytes of x: i8\[8\], 5, .* lie in \[0, 4\]/);
  invalid('let a = x.v128[0]', /16 bytes of x: i8\[8\] are more than the buffer holds/);
  valid('let a = y.v128[4]');
  invalid('let a = y.v128[5]', /lie in \[0, 4\]/);
  valid('store y.i32[i32.min_s(i32.max_s(n, 0), 7)] = 0');
  valid('store y.i32[n & 7] = 0');
  invalid('store y.i32[(n & 7) + 1] = 0', /\[1, 8\]/);
  valid('let a = y.i32[x.u8[0] * 0 + i32.shr_s(x.u8[1], 5)]');
});

values('conditions narrow registers', () => {
  valid('let a = n if (a >= 0) & (a < 8) { store y.i32[a] = 1 }');
  invalid('let a = n if a < 8 { store y.i32[a] = 1 }', /\[-2147483648, 7\]/);
  valid('let a = n if a < 0 { } else { if a < 8 { store y.i32[a] = 1 } }');
  invalid('let a = n if (a >= 0) & (a < 8) { } else { store y.i32[a] = 1 }', /else > store/);
  valid('if i32.lt_u(n, 8) { store y.i32[n] = 1 }');
  valid('store y.i32[i32.select(n < 0, 0, i32.select(n > 7, 7, n))] = 1');
  invalid('let a = i32.select(i32.lt_u(n, 8), x.i8[n], 0)', /x.i8\[n\]|index of an access/);
  valid('var v: i32 = n if i32.lt_u(v, 8) { store y.i32[v] = 1 set v = 100 }');
  invalid('var v: i32 = n if i32.lt_u(v, 8) { set v = 100 store y.i32[v] = 1 }', /\[100, 100\]/);
  const f = new FunctionBuilder('built', []);
  const out = f.buffer('out', 'i8', 4, 'out');
  const at = f.let('at', op('i32.sub_wrap', [f.scalar('s', 'i32'), 1]));
  f.if(inRange(at, 0, 4), () => f.store(out, at, 0));
  equal(messages(f.finish()), '');
});

values('vars keep what every path leaves in them', () => {
  valid('var v: i32 = 0 for i in 0..9 { store y.i32[v] = 1 set v = i32.min_s(v + 1, 7) }');
  invalid(
    'var v: i32 = 0 for i in 0..9 { store y.i32[v] = 1 set v = v + 1 }',
    /store y.i32\[v\] = 1: .*\[0, 2147483647\]/,
  );
  valid('var v: i32 = 3 if n { set v = 5 } else { set v = 1 } store y.i32[v] = 1');
  invalid('var v: i32 = 3 if n { set v = 8 } store y.i32[v] = 1', /\[3, 8\]/);
  invalid('var v: i32 = 0 for i in 0..3 { for j in 0..3 { store y.i32[v] = 1 } set v = 9 }', /\[0, 9\]/);
  valid('var v: i32 = 0 for i in 0..3 { set v = i } store y.i32[v] = 1');
});

values('helpers are analysed for the arguments of each call', () => {
  const shift = parseFunc('func shift(a: i32, s: i32) -> i32 { return i32.shr_s(a, s) & 7 }');
  const caller = (s: string) => parseFunc(`func c(y: out i32[8], n: i32) { store y.i32[call.i32 shift(n, ${s})] = 0 }`);
  equal(messages(caller('3'), [shift]), '');
  match(messages(caller('32'), [shift]), /^shift: return .*: the shift count of .* has the range \[32, 32\]/);
});

values('law 9: shift counts', () => {
  valid('let a = i32.shl(n, 31)');
  invalid(
    'let a = i32.shl(n, 32)',
    /the shift count of i32.shl\(n, 32\), 32, has the range \[32, 32\], which must lie in \[0, 31\]/,
  );
  invalid('let a = i32.shr_s(1, n)', /the shift count of/);
  valid('let a = i64.shr_s(5:i64, 63:i64)');
  invalid('let a = i64.shl(5:i64, 64:i64)', /\[0, 63\]/);
  invalid('let a = i16x8.shl(x.i8x8_s[0], 16)', /\[0, 15\]/);
  invalid('let a = i32.rdivpot(n, 32)', /\[0, 31\]/);
  invalid('let a = i32.sqshl(n, -1)', /\[0, 31\]/);
});

values('law 10: divisors', () => {
  valid('let a = i32.div_s(n, 3)');
  invalid('let a = i32.div_s(n, x.i8[0])', /the divisor of .* has the range \[-128, 127\], which must not hold 0/);
  invalid('let a = i32.rem_s(n, 0)', /must not hold 0/);
  invalid('let a = i32.div_s(n, -1)', /may be -2\^31 \/ -1, which overflows/);
  valid('let a = i32.rem_s(n, -1)');
  valid('if n > 0 { let a = i32.div_s(7, n) }');
  valid('let u = x.u8[0] if u != 0 { let a = i32.div_s(7, u) }');
});

values('random functions are valid', () => {
  for (let seed = 0; seed < 100; seed++) {
    const { fn, helpers } = randomFunction(seed);
    equal(messages(fn, helpers), '', `randomFunction(${seed})`);
  }
});

const PROGRAM = `program "p" {
  arena 64 align 8 state 8
  input "a" i8[8] shape [1, 8] type "i8"
  output "b" i32[8] shape [8] type "i32"
  rom w: i16[2] =
    "AQACAA=="
  func k(x: in i8[8], w: rom i16[2], y: out i32[8], n: i32) {
    store y.i32[n] = x.i8[0] + w.i16[1]
  }
  func init(y: out i32[2]) {
    store y.i32[0] = 0
  }
  run {
    ;; the operator
    call k(input 0, rom w, arena 8, 3)
    call k(arena 40, rom w, output 0, 7)
  }
  reset {
    call init(arena 0)
  }
}
`;

/** The program with `from` replaced by `to`. */
function edited(from: string, to: string): Program {
  ok(PROGRAM.includes(from), from);
  return parseProgram(PROGRAM.replace(from, to));
}

function programMessages(program: Program): string {
  return verifyProgram(program).map(printDiagnostic).join('\n');
}

programs('a valid program', () => {
  equal(programMessages(parseProgram(PROGRAM)), '');
  assertValid(parseProgram(PROGRAM));
});

programs('kernels are checked for the scalars that are passed', () => {
  match(programMessages(edited('output 0, 7', 'output 0, 8')), /^k: store .* has the range \[3, 8\]/);
});

programs('law 11: names, roms and ports', () => {
  match(programMessages(edited('func init', 'func k')), /function k: there are two of this name/);
  match(programMessages(edited('rom w: i16[2]', 'rom w: i16[3]')), /rom w: i16\[3\] needs 6 bytes, found 4/);
  match(programMessages(edited('shape [1, 8]', 'shape [1, 9]')), /input 0: shape \[1,9\] has 9 elements, length is 8/);
});

programs('law 12: memory', () => {
  match(programMessages(edited('align 8', 'align 12')), /alignment 12 is no power of two/);
  match(programMessages(edited('state 8', 'state 65')), /state of 65 bytes must lie within the 64 bytes/);
});

programs('laws 12 and 14: regions', () => {
  const regions = (text: string) => programMessages(edited('state 8', `state 8 ${text}`));
  equal(regions('region "a" 0 bytes 40 region "b" 40 bytes 24'), '');
  match(regions('region "a" 0 bytes 36 region "b" 40 bytes 24'), /at offset 8 lies in no one region/);
  match(regions('region "a" 0 bytes 48 region "b" 40 bytes 24'), /region b: bytes 40 to 64 must be aligned, ascending/);
  match(regions('region "a" 0 bytes 40 region "b" 44 bytes 8'), /region b: bytes 44 to 52 must be aligned/);
  match(regions('region "a" 0 bytes 65'), /region a: bytes 0 to 65 must be .* within the arena/);
});

programs('law 13: calls', () => {
  match(
    programMessages(edited('call init(arena 0)', 'call nope(arena 0)')),
    /reset > call nope\(arena 0\): there is no function nope/,
  );
  match(programMessages(edited('arena 8, 3)', 'arena 8)')), /k takes 4 arguments, found 3/);
  match(programMessages(edited('arena 8, 3)', 'arena 8, 3:i64)')), /n must be i32, found i64/);
  match(programMessages(edited('arena 8, 3)', 'arena 8, arena 0)')), /n is a scalar, found a place in arena/);
  match(programMessages(edited('call k(input 0', 'call k(5')), /x is a buffer, found a constant/);
  const helper = parseFunc('func init(y: i32) -> i32 { return y }');
  const base = parseProgram(PROGRAM);
  const functions = base.functions.map((fn) => (fn.name === 'init' ? helper : fn));
  match(programMessages({ ...base, functions }), /init is a helper; only kernels are called from reset/);
});

programs('law 14: places', () => {
  match(programMessages(edited('rom w, arena 8', 'arena 0, arena 8')), /w is rom, so it must lie in rom, found arena/);
  match(
    programMessages(edited('rom w, output 0', 'rom w, input 0')),
    /y is out, so it must lie in arena or output, found input/,
  );
  match(programMessages(edited('arena 8, 3', 'arena 36, 3')), /takes bytes 36 to 68 of arena, which has 64/);
  match(programMessages(edited('arena 8, 3', 'arena 10, 3')), /offset 10 of an arena aligned to 8 is not aligned to 4/);
  match(programMessages(edited('align 8', 'align 2')), /an arena aligned to 2 is not aligned to 4/);
  match(programMessages(edited('rom w, arena 8', 'rom v, arena 8')), /there is no rom v/);
  match(programMessages(edited('call k(input 0', 'call k(input 1')), /there is no input 1, only 1/);
  match(programMessages(edited('call k(input 0', 'call k(input 0 + 4')), /takes bytes 4 to 12 of input, which has 8/);
  match(
    programMessages(edited('rom w, output 0', 'rom w, output 0 + 2')),
    /at byte 2 of its output is not aligned to 4/,
  );
  match(programMessages(edited('call k(input 0', 'call k(rom w')), /elements of 1 bytes, its rom of 2/);
  match(programMessages(edited('call init(arena 0)', 'call init(output 0)')), /y lies in output, which reset has not/);
});

programs('assertValid throws all texts', () => {
  const program = edited('align 8', 'align 12');
  const bad: Call = { fn: 'nope', args: [], doc: '' };
  const check = () => assertValid({ ...program, run: [bad] });
  throws(check, /^Error: program p is invalid:\n {2}arena: .*\n {2}run > call nope\(\): there is no function nope$/);
});

structure('a stored constant of the right type is fine', () => {
  equal(messages(raw([{ kind: 'store', buffer: 'z', access: 'f32', index: i32(0), value: f32(1) }])), '');
});

structure.run();
values.run();
programs.run();
