/** Kernels that differ in numbers alone become one, and compute the same. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { emitC } from '../../../backends/c/index.ts';
import { Machine } from '../../../ir/loop/evaluate.ts';
import { parseProgram } from '../../../ir/loop/parse.ts';
import type { Program } from '../../../ir/loop/types.ts';
import { assertValid } from '../../../ir/loop/verify.ts';
import { skipUnlessCommand } from '../../support/toolchains.ts';
import { COMPILERS, runC } from './support.ts';

const test = suite('backends/c: shared kernels');

/** Functions of one input and one output, called one after the other. */
function programOf(functions: readonly string[], calls: readonly string[]) {
  const parsed = parseProgram(`program "p" {
    arena 16 align 16 state 0
    ${functions.join('\n')}
    run { ${calls.map((name) => `call ${name}(arena 0, arena 0)`).join(' ')} }
    reset { }
  }`);
  const args = [{ kind: 'input', index: 0 } as const, { kind: 'output', index: 0 } as const];
  const program: Program = {
    ...parsed,
    inputs: [{ name: 'x', elem: 'i8', length: 8, shape: [8], type: 'i8[8]' }],
    outputs: [{ name: 'y', elem: 'i32', length: 8, shape: [8], type: 'i32[8]' }],
    run: parsed.run.map((one) => ({ ...one, args })),
  };
  assertValid(program);
  return program;
}

const widen = (name: string, count: number, factor: number) => `func ${name}(x: in i8[8], y: out i32[8]) {
  for i in 0..${count} { store y.i32[i] = x.i8[i] * ${factor} }
}`;
const halves = `func halves(x: in i8[8], y: out i32[8]) {
  for i in 0..8 { store y.i32[i] = i32.div_s(x.i8[i], 2) }
}`;
function textOf(program: ReturnType<typeof programOf>, share: boolean): string {
  return emitC(program, { prefix: 'p', banner: [], share }).files.find(({ name }) => name === 'p.c')?.text as string;
}

test('trip counts and factors become parameters, equal columns one', () => {
  const program = programOf([widen('a', 8, 8), widen('b', 4, 4), widen('c', 4, 3)], ['a', 'b', 'c']);
  const text = textOf(program, true);
  assert.is(text.match(/MCC_KERNEL/g)?.length, 1, text);
  assert.match(text, /p_a\(.*int32_t n0, int32_t n1\)/);
  assert.match(text, /p_a\(x, y, 8, 8\);\s.*p_a\(x, y, 4, 4\);\s.*p_a\(x, y, 4, 3\);/s);
  assert.is(textOf(program, false).match(/MCC_KERNEL/g)?.length, 3);
  const two = programOf([widen('a', 8, 8), widen('b', 4, 4)], ['a', 'b']);
  assert.match(textOf(two, true), /int32_t n0\)/);
});

test('parameters are named unlike what the body names', () => {
  const named = (name: string, factor: number) => `func ${name}(x: in i8[8], y: out i32[8]) {
    for n0 in 0..8 { store y.i32[n0] = x.i8[n0] * ${factor} }
  }`;
  const text = textOf(programOf([named('a', 8), named('b', 4)], ['a', 'b']), true);
  assert.match(text, /int32_t n0\) \{\s*for \(int32_t n0_2 = 0/);
});

test('other structures, and divisors, which constants make cheap, keep their own', () => {
  const thirds = halves.replace('halves', 'thirds').replace(', 2)', ', 3)');
  const text = textOf(programOf([widen('a', 8, 2), halves, thirds], ['a', 'halves', 'thirds']), true);
  assert.is(text.match(/MCC_KERNEL/g)?.length, 3, text);
});

/** Stores the first input times each of some numbers, and an element whose place has a factor and an offset. */
const several = (name: string, numbers: readonly number[]) =>
  `func ${name}(x: in i8[8], y: out i32[8]) { ${numbers.map((n) => `store y.i32[0] = x.i8[0] * ${n}`).join(' ')} }`;

test('more than 24 numbers are not worth it', () => {
  const many = (name: string, seed: number) =>
    several(
      name,
      Array.from({ length: 25 }, (_, i) => 1000 + (((i + 3) * (i + 3) * (i + 7) * seed) % 9973)),
    );
  const text = textOf(programOf([many('a', 311), many('b', 523)], ['a', 'b']), true);
  assert.is(text.match(/MCC_KERNEL/g)?.length, 2);
});

test('multiples, neighbours, products and sums of numbers are computed from these', () => {
  const functions = [several('a', [7, 11, 21, 9, 77, 18, 154]), several('b', [12, 5, 36, 14, 60, 17, 120])];
  const text = textOf(programOf(functions, ['a', 'b']), true);
  assert.match(text, /p_a\(.*int32_t n0, int32_t n1\)/);
  for (const made of ['n0 * 3', 'n0 + 2', 'n1 * n0', 'n1 + n0', 'n1 * n0 * 2'])
    assert.ok(text.includes(made), `${made}: ${text}`);
  assert.match(text, /p_a\(x, y, 7, 11\);\s.*p_a\(x, y, 12, 5\);/s);
  const unrelated = textOf(programOf([several('a', [7, 30]), several('b', [12, 17])], ['a', 'b']), true);
  assert.match(unrelated, /p_a\(x, y, 7, 30\);\s.*p_a\(x, y, 12, 17\);/s);
});

test('factors of 1 and offsets of 0 are numbers, too', () => {
  const strided = (name: string, factor: string, offset: string) => `func ${name}(x: in i8[8], y: out i32[8]) {
    for i in 0..2 {
      let at = i${factor}${offset}
      store y.i32[at] = x.i8[i]
    }
  }`;
  const functions = [strided('a', ' * 4', ' + i + 1'), strided('b', '', ' + i')];
  const text = textOf(programOf(functions, ['a', 'b']), true);
  assert.is(text.match(/MCC_KERNEL/g)?.length, 1, text);
  assert.match(text, /p_a\(x, y, 4, 1\);\s.*p_a\(x, y, 1, 0\);/s);
  const alone = textOf(programOf([strided('b', '', ' + i')], ['b']), true);
  assert.ok(alone.includes('at = i + i;'), alone);
});

test('the shared body computes what each of them did', () => {
  const compiler = COMPILERS.find(({ command }) => command === 'gcc');
  if (compiler === undefined || skipUnlessCommand('gcc', 'shared kernels')) return;
  const made = [several('d', [7, 11, 21, 9, 77, 18, 154]), several('e', [12, 5, 36, 14, 60, 17, 120])];
  const functions = [widen('a', 8, 8), widen('b', 4, 4), widen('c', 3, -7), ...made];
  const program = programOf(functions, ['a', 'b', 'c', 'd', 'e']);
  const inputs = [Uint8Array.from([1, 2, 3, 250, 5, 6, 7, 128])];
  assert.equal(
    runC(program, 'p', compiler, inputs).map((bytes) => [...bytes]),
    new Machine(program).run(inputs).map((bytes) => [...bytes]),
  );
});

test.run();
