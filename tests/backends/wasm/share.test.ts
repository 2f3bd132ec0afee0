/** Kernels that differ in numbers alone become one, and compute the same. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { shareBodies } from '../../../backends/wasm/share.ts';
import { Machine } from '../../../ir/loop/evaluate.ts';
import { parseProgram } from '../../../ir/loop/parse.ts';
import type { Program } from '../../../ir/loop/types.ts';
import { assertValid } from '../../../ir/loop/verify.ts';
import { Random } from '../../support/random.ts';
import { instantiate } from './support.ts';

const test = suite('wasm: shared kernels');

/** Functions of one input and one output, called one after the other at places of their own. */
function programOf(functions: readonly string[]): Program {
  const names = functions.map((text) => /func (\w+)/.exec(text)?.[1] as string);
  const parsed = parseProgram(`program "p" {
    arena 16 align 16 state 0
    ${functions.join('\n')}
    run { ${names.map((name) => `call ${name}(arena 0, arena 0)`).join(' ')} }
    reset { }
  }`);
  const program: Program = {
    ...parsed,
    inputs: [{ name: 'x', elem: 'i8', length: 64, shape: [64], type: 'i8[64]' }],
    outputs: names.map((name) => ({ name, elem: 'i32', length: 64, shape: [64], type: 'i32[64]' })),
    run: parsed.run.map((one, index) => ({
      ...one,
      args: [{ kind: 'input', index: 0 } as const, { kind: 'output', index } as const],
    })),
  };
  assertValid(program);
  return program;
}

/** Rows of `width` elements, read `stride` apart; a second read lies `far` rows further. */
const rows = (name: string, [count, width, stride, factor]: readonly number[], body = '') =>
  `func ${name}(x: in i8[64], y: out i32[64]) {
  for z in 0..64 { store y.i32[z] = 0 }
  for row in 0..${count} {
    for i in 0..${width} step 2 {
      let a = x.i8[row * ${stride} + i]
      let b = x.i8[row * ${stride} + i + ${2 * (stride as number)}]
      store y.i32[row * ${width} + i] = a * ${factor} + b
    }
  }
  ${body}
}`;
const SHAPES = [
  [3, 4, 4, 7],
  [2, 8, 8, -3],
  [5, 6, 6, 100],
  [1, 2, 12, 0],
] as const;
const four = SHAPES.map((shape, i) => rows(`f${i}`, shape));

test('trip counts, strides and factors become parameters, multiples of one another one', () => {
  const { program, ranges } = shareBodies(programOf(four));
  assert.equal(
    program.functions.map(({ name }) => name),
    ['f0'],
  );
  // The trips of rows; width; stride, of which the distance of `b` is twice; factor.
  const [func] = program.functions;
  assert.is(func?.params.length, 2 + 4);
  assert.equal(
    program.run.map(({ fn }) => fn),
    ['f0', 'f0', 'f0', 'f0'],
  );
  assert.is(ranges.get('f0')?.size, 4);
  assert.match(func?.doc[0] as string, / and 3 like it, whose numbers the calls pass$/);
});

test('the shared body computes what each of them did', () => {
  const programs = [
    four,
    // Numbers that are alike in all, one kernel unlike the others, and a number that is 0 in the first.
    [...four, rows('g', [2, 4, 4, 1], 'store y.i32[63] = 1')],
    SHAPES.map(([count, width, stride], i) => rows(`h${i}`, [count, width, stride, i])),
  ].map(programOf);
  for (const program of programs) {
    const inputs = [new Random(3).bytes(64)];
    const expected = new Machine(program).run(inputs);
    for (const level of ['none', 'size', 'speed'] as const) {
      assert.equal(instantiate(program, level).run(inputs), expected, level);
    }
  }
});

test('fewer than four keep bodies of their own', () => {
  assert.is(shareBodies(programOf(four.slice(0, 3))).program.functions.length, 3);
});

test('divisors and shifts, which constants make cheap, are no parameters', () => {
  const by = (op: string) => (_: unknown, i: number) =>
    `func d${i}(x: in i8[64], y: out i32[64]) {
    for i in 0..64 { store y.i32[i] = ${op}(x.i8[i], ${i + 2}) }
  }`;
  for (const op of ['i32.div_s', 'i32.rem_s', 'i32.shl', 'i32.shr_s']) {
    assert.is(shareBodies(programOf(SHAPES.map(by(op)))).program.functions.length, 4, op);
  }
});

test('unrolled loops are no loops any more, and their trips no parameters', () => {
  const unrolled = (trips: number, i: number) => `func u${i}(x: in i8[64], y: out i32[64]) {
    for i in 0..${trips} unroll { store y.i32[i] = x.i8[i] * ${i + 5} }
  }`;
  assert.is(shareBodies(programOf([2, 3, 4, 5].map(unrolled))).program.functions.length, 4);
  assert.is(shareBodies(programOf([2, 2, 2, 2].map(unrolled))).program.functions.length, 1);
});

test('more than 16 numbers are not worth it', () => {
  const many = (count: number) => (_: unknown, i: number) => {
    const stores = Array.from(
      { length: count },
      (__, k) => `store y.i32[${k}] = x.i8[0] + ${(k + 3) ** (i + 2) % 1009}`,
    );
    return `func m${i}(x: in i8[64], y: out i32[64]) { ${stores.join(' ')} }`;
  };
  assert.is(shareBodies(programOf(SHAPES.map(many(17)))).program.functions.length, 4);
  assert.is(shareBodies(programOf(SHAPES.map(many(16)))).program.functions.length, 1);
});

test.run();
