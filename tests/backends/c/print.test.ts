/** How C text looks: precedence, assignments, literals, names, and the files as a whole. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { compoundAssignment, type Names, printCast, printExpr } from '../../../backends/c/expression.ts';
import { type EmittedFile, emitC } from '../../../backends/c/index.ts';
import { literal } from '../../../backends/c/literals.ts';
import { Scope } from '../../../backends/c/names.ts';
import { clamp, FunctionBuilder, f32, i32, i64, type Operand, op } from '../../../ir/loop/build.ts';
import type { Opcode } from '../../../ir/loop/instructions.ts';
import type { BufferParam, Expr, Program } from '../../../ir/loop/types.ts';
import { skipUnlessCommand } from '../../support/toolchains.ts';
import { COMPILERS, compileOnly } from './support.ts';

const suite = makeSuite('backends/c: text');

const x: BufferParam = { kind: 'buffer', name: 'x', elem: 'i8', length: 99, access: 'in' };
const NAMES: Names = { local: (name) => name, fn: (name) => name, buffer: () => x };

const a: Expr = { kind: 'var', name: 'a', type: 'i32' };
const b: Expr = { kind: 'var', name: 'b', type: 'i32' };
const c: Expr = { kind: 'var', name: 'c', type: 'i32' };
const wide: Expr = { kind: 'var', name: 'wide', type: 'i64' };
const real: Expr = { kind: 'var', name: 'real', type: 'f32' };
const two = (name: Opcode) => (left: Operand, right: Operand) => op(name, [left, right]);
const plus = two('i32.add');
const minus = two('i32.sub');
const times = two('i32.mul');
const divide = two('i32.div_s');
const and = two('i32.and');
const or = two('i32.or');
const shr = two('i32.shr_s');
const less = two('i32.lt_s');
const equal = two('i32.eq');
const not = (e: Expr) => op('i32.eq', [e, 0]);
const select = (t: Expr, yes: Operand, no: Operand) => op('i32.select', [t, yes, no]);
const fmul = two('f32.mul');
const fadd = two('f32.add');

const EXPRESSIONS: readonly (readonly [Expr, string])[] = [
  [plus(times(a, 64), b), 'a * 64 + b'],
  [times(plus(a, b), 64), '(a + b) * 64'],
  [minus(a, minus(b, c)), 'a - (b - c)'],
  [minus(minus(a, b), c), 'a - b - c'],
  [plus(a, plus(b, c)), 'a + (b + c)'],
  [times(a, divide(b, c)), 'a * (b / c)'],
  [divide(times(a, b), c), 'a * b / c'],
  [plus(a, -3), 'a - 3'],
  [minus(a, -3), 'a + 3'],
  [plus(a, -(2 ** 31)), 'a + INT32_MIN'],
  [minus(0, a), '-a'],
  [minus(0, minus(0, a)), '-(-a)'],
  [minus(0, plus(a, b)), '-(a + b)'],
  [shr(plus(a, b), 3), '(a + b) >> 3'],
  [plus(shr(a, 3), 1), '(a >> 3) + 1'],
  [shr(shr(a, 3), 1), '(a >> 3) >> 1'],
  [and(and(a, b), 255), 'a & b & 0xff'],
  [and(a, or(b, c)), 'a & (b | c)'],
  [or(and(a, b), c), '(a & b) | c'],
  [and(plus(a, 1), 7), '(a + 1) & 7'],
  [less(plus(a, 1), times(b, c)), 'a + 1 < b * c'],
  [equal(less(a, b), less(b, c)), '(a < b) == (b < c)'],
  [plus(less(a, b), 1), '(a < b) + 1'],
  [and(less(a, b), less(b, c)), 'a < b && b < c'],
  [and(and(less(a, b), less(b, c)), and(less(c, a), less(c, b))), 'a < b && b < c && c < a && c < b'],
  [or(and(less(a, b), less(b, c)), less(c, a)), '(a < b && b < c) || c < a'],
  [and(less(a, b), c), '(a < b) & c'],
  [select(less(a, b), 1, 2), 'a < b ? 1 : 2'],
  [select(a, b, c), 'a != 0 ? b : c'],
  [select(and(a, 1), b, c), '(a & 1) != 0 ? b : c'],
  [select(less(a, b), select(not(c), 1, 2), 3), 'a < b ? (c == 0 ? 1 : 2) : 3'],
  [plus(select(a, b, c), 1), '(a != 0 ? b : c) + 1'],
  [clamp(plus(a, b), -128, 127), 'mcc_clamp(a + b, -128, 127)'],
  [op('i32.min_s', [op('i32.max_s', [a, 5]), 3]), 'mcc_min(mcc_max(a, 5), 3)'],
  [op('i64.mul', [op('i64.extend_i32_s', [plus(a, b)]), i64(5)]), '(int64_t)(a + b) * 5'],
  [op('i64.extend_i32_u', [a]), '(int64_t)(uint32_t)a'],
  [op('i64.add', [wide, i64(2n ** 40n)]), 'wide + INT64_C(1099511627776)'],
  [op('i64.select', [a, i64(1), i64(-1)]), 'a != 0 ? INT64_C(1) : INT64_C(-1)'],
  [fadd(fmul(real, f32(0.1)), f32(-0)), 'real * 0.1f + -0.0f'],
  [op('f32.neg', [op('f32.neg', [real])]), '-(-real)'],
  [op('f32.sub', [f32(0), real]), '0.0f - real'],
  [op('i32.rem_s', [a, 3]), 'a % 3'],
  [op('i32.rem_s', [a, b]), 'mcc_rem(a, b)'],
  [{ kind: 'load', buffer: 'x', access: 'i8', index: plus(times(a, 8), b) }, 'x[a * 8 + b]'],
  [{ kind: 'load', buffer: 'x', access: 'i32', index: times(a, 4) }, 'mcc_load_i32(&x[a * 4])'],
  [{ kind: 'load', buffer: 'x', access: 'i8x8_s', index: a }, 'mcc_v128_load_i8x8(&x[a])'],
  [op('i32.ssat', [a], [8]), 'mcc_ssat(a, 8)'],
];

suite('expressions have the parentheses they need and no others', () => {
  for (const [e, text] of EXPRESSIONS) assert.is(printExpr(e, NAMES), text);
});

suite('a cast binds tighter than what it converts', () => {
  assert.is(printCast('int8_t', plus(a, b), NAMES), '(int8_t)(a + b)');
  assert.is(printCast('int8_t', a, NAMES), '(int8_t)a');
  assert.is(printCast('int8_t', i32(-3), NAMES), '(int8_t)(-3)');
});

suite('assignments are short where that means the same', () => {
  assert.is(compoundAssignment('a', plus(a, times(b, c)), NAMES), '+= b * c');
  assert.is(compoundAssignment('a', plus(times(b, c), a), NAMES), '+= b * c');
  assert.is(compoundAssignment('a', plus(a, -3), NAMES), '-= 3');
  assert.is(compoundAssignment('a', minus(b, a), NAMES), undefined);
  assert.is(compoundAssignment('a', plus(plus(a, b), c), NAMES), undefined);
  assert.is(compoundAssignment('a', less(a, b), NAMES), undefined);
});

suite('every f32 literal reads back as itself', () => {
  for (let i = 0; i < 20000; i++) {
    const bits = Math.imul(i, 0x9e3779b1) ^ (i << 7);
    const value = new Float32Array(Int32Array.of(bits).buffer)[0] as number;
    if (!Number.isFinite(value)) continue;
    const text = literal('f32', value);
    assert.match(text, /^-?\d+(\.\d+)?(e[+-]\d+)?f$/);
    assert.ok(Object.is(Math.fround(Number(text.slice(0, -1))), value), `${text} is not ${value}`);
  }
});

suite('identifiers are legal and unique', () => {
  const scope = new Scope(['taken']);
  const names = [
    'int',
    'class',
    'x',
    'x',
    'x_2',
    'a:0',
    'a/0',
    '9lives',
    '',
    '__reserved',
    'mcc_min',
    'INT8_MAX',
    'taken',
    'größe',
  ];
  const found = names.map((name) => scope.claim(name));
  assert.is(new Set(found).size, names.length);
  for (const name of found) assert.match(name, /^[A-Za-z][A-Za-z0-9_]*$/);
  assert.is(found.includes('int') || found.includes('class') || found.includes('mcc_min'), false);
});

/** A program whose every name is hostile. */
function hostile(): Program {
  const names = [
    'int',
    'register',
    'and',
    'template',
    'hostile_run',
    'arena',
    'memory',
    'exp',
    'linux',
    'NULL',
    'mcc_min',
    '1*/2',
  ];
  const functions = names.map((name, k) => {
    const f = new FunctionBuilder(name, [`*/ int main; /* ??/ \\`, `function ${k}`]);
    const from = f.buffer('for', 'i8', 4, 'in');
    const to = f.buffer('return', 'i8', 4, 'out');
    f.comment('*/ return; //\\');
    f.for('while', 0, 4, (i) => f.store(to, i, f.let('new', op('i32.min_s', [from.at(i), k]))));
    return f.finish();
  });
  return {
    name: 'a */ b',
    functions,
    roms: [{ name: 'empty', elem: 'i32', length: 0, bytes: new Uint8Array(0) }],
    inputs: ['int', 'arena'].map((name) => ({ name, elem: 'i8', length: 4, shape: [4], type: '*/' })),
    outputs: ['int', 'hostile_run'].map((name) => ({ name, elem: 'i8', length: 4, shape: [4], type: '\\' })),
    arenaBytes: 0,
    arenaAlign: 16,
    stateBytes: 0,
    run: names.map((fn, k) => ({
      fn,
      args: [
        { kind: 'input', index: k % 2 },
        { kind: 'output', index: k % 2 },
      ],
      doc: '*/ /*',
    })),
    reset: [],
  };
}

for (const compiler of COMPILERS.filter(({ name }) => /^(gcc|clang|g\+\+|clang\+\+)$/.test(name))) {
  suite(`hostile names compile with ${compiler.name}`, () => {
    if (skipUnlessCommand(compiler.command, `hostile names, ${compiler.name}`)) return;
    compileOnly(hostile(), 'hostile', compiler);
  });
}

suite('the same program gives the same bytes', () => {
  const emit = (): readonly EmittedFile[] => emitC(hostile(), { prefix: 'hostile', banner: ['made by a test'] }).files;
  assert.equal(emit(), emit());
});

suite('a prefix that is no C name is refused', () => {
  for (const prefix of ['', '9a', 'a-b', 'int', 'mcc_x', '_x', 'a__b']) {
    assert.throws(() => emitC(hostile(), { prefix, banner: [] }), /expected a C name/);
  }
});

suite('unrolled loops are repeated with their index put in', () => {
  const f = new FunctionBuilder('sum', []);
  const from = f.buffer('from', 'i8', 12, 'in');
  const to = f.buffer('to', 'i32', 4, 'out');
  f.for('y', 0, 4, (y) => {
    const acc = f.variable('acc', 0);
    f.for('k', 0, 3, (k) => f.set(acc, plus(acc.value, from.at(plus(times(k, 4), y)))), { unroll: true });
    f.store(to, y, acc.value);
  });
  const place = { kind: 'arena', offset: 0 } as const;
  const program: Program = {
    ...hostile(),
    functions: [f.finish()],
    arenaBytes: 32,
    run: [{ fn: 'sum', args: [{ kind: 'input', index: 0 }, place], doc: 'op 0' }],
  };
  const source = emitC(program, { prefix: 'p', banner: [] }).files.find((file) => file.name === 'p.c')?.text ?? '';
  const kernel = source.slice(source.indexOf('MCC_KERNEL'), source.indexOf('\n}\n') + 3);
  assert.is(
    kernel,
    `MCC_KERNEL p_sum(const int8_t *MCC_RESTRICT from, int32_t *MCC_RESTRICT to) {
  for (int32_t y = 0; y < 4; ++y) {
    int32_t acc = 0;
    acc += from[y];
    acc += from[y + 4];
    acc += from[y + 8];
    to[y] = acc;
  }
}
`,
  );
});

suite('a name that only some repetitions of a loop read is dropped from the others', () => {
  const f = new FunctionBuilder('pick', []);
  const from = f.buffer('from', 'i8', 4, 'in');
  const to = f.buffer('to', 'i8', 4, 'out');
  const body = (k: Expr): void => {
    const t = f.let('t', plus(from.at(k), 1));
    f.store(to, k, select(equal(k, 1), t, 7));
  };
  f.for('k', 0, 3, body, { unroll: true });
  const args = [{ kind: 'input', index: 0 } as const, { kind: 'output', index: 0 } as const];
  const program: Program = { ...hostile(), functions: [f.finish()], run: [{ fn: 'pick', args, doc: '' }] };
  const source = emitC(program, { prefix: 'p', banner: [] }).files.find((file) => file.name === 'p.c')?.text ?? '';
  assert.is(source.split('const int32_t t ').length - 1, 1);
});

suite.run();
