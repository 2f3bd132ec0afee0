import { deepStrictEqual, equal, ok } from 'node:assert/strict';
import { suite } from 'uvu';
import { ParseError, parseFunc, parseProgram, parseRom } from '../../../ir/loop/parse.ts';
import { printFunc, printProgram, printRom } from '../../../ir/loop/print.ts';
import type { Argument, Program, Rom, ScalarType } from '../../../ir/loop/types.ts';
import { Random } from '../../support/random.ts';
import { randomFunction } from '../../support/random-loop.ts';

const test = suite('parse');

/** A program around a random function: roms and ports of its buffers, and a call of it. */
function randomProgram(seed: number): Program {
  const { fn, helpers, buffers } = randomFunction(seed);
  const random = new Random(seed);
  const roms: Rom[] = [];
  const args = fn.params.map((param, i): Argument => {
    if (param.kind === 'scalar')
      return { kind: 'scalar', type: param.type as ScalarType, value: param.type === 'i64' ? 5n : -0 };
    if (param.access !== 'rom') return { kind: 'arena', offset: random.int(0, 999) };
    roms.push({ name: param.name, elem: param.elem, length: param.length, bytes: buffers[i] as Uint8Array });
    return { kind: 'rom', name: param.name };
  });
  const port = { name: 'a\tb', elem: 'i8', length: 4, shape: [2, 2], type: 'tensor "x" ü' } as const;
  const floats: Argument[] = [NaN, -0, 0.1, -Infinity].map((value) => ({ kind: 'scalar', type: 'f64', value }));
  return {
    name: `p${seed}`,
    functions: [...helpers, fn],
    roms,
    inputs: [port],
    outputs: [port, port],
    arenaBytes: 5000,
    arenaAlign: 16,
    stateBytes: 8,
    ...(seed % 2 === 0
      ? {}
      : {
          regions: [
            { name: 'fast "1"', from: 0, bytes: 100 },
            { name: 'b', from: 112, bytes: 0 },
          ],
        }),
    run: [
      { fn: fn.name, args, doc: 'line\nend' },
      {
        fn: fn.name,
        args: [
          { kind: 'input', index: 0, offset: 3 },
          { kind: 'output', index: 1, offset: 16 },
        ],
        doc: '',
      },
    ],
    reset: [{ fn: 'x', args: [...floats, { kind: 'input', index: 0 }, { kind: 'output', index: 1 }], doc: '' }],
  };
}

test('parse(print(x)) is x, and print(parse(t)) is t', () => {
  for (let seed = 0; seed < 60; seed++) {
    const { fn, helpers } = randomFunction(seed);
    for (const f of [fn, ...helpers]) {
      const text = printFunc(f);
      deepStrictEqual(parseFunc(text), f, `randomFunction(${seed})`);
      equal(printFunc(parseFunc(text)), text);
    }
    const program = randomProgram(seed);
    const text = printProgram(program);
    deepStrictEqual(parseProgram(text), program, `randomProgram(${seed})`);
    equal(printProgram(parseProgram(text)), text);
  }
});

test('spaces and line ends are free', () => {
  const text = 'func f(a:i32)->i32{let b=a*2+1 return b}';
  equal(printFunc(parseFunc(text)), 'func f(a: i32) -> i32 {\n  let b = a * 2 + 1\n  return b\n}\n');
});

test('roms of any length read back', () => {
  for (const length of [0, 1, 2, 3, 71, 72, 73, 1000]) {
    const rom: Rom = { name: 'r', elem: 'u8', length, bytes: new Random(length).bytes(length) };
    deepStrictEqual(parseRom(printRom(rom)), rom);
  }
});

/** The message of the error that parsing ends in. */
function failure(parse: (text: string) => unknown, text: string): string {
  try {
    parse(text);
  } catch (error) {
    ok(error instanceof ParseError, `${(error as Error).stack}`);
    return error.message;
  }
  return 'no error';
}

test('errors say where, what was expected and what was found', () => {
  const body = (text: string) => `func f(x: in i8[4], n: i32) {\n  ${text}\n}`;
  const cases: readonly (readonly [string, string])[] = [
    ['', 'line 1, column 1: expected `func`, found the end of the text'],
    [
      'func f(x: on i8[4]) { }',
      'line 1, column 11: expected rom, in, out, inout or a register type (i32, i64, f32, f64, v128), found `on`',
    ],
    [
      'func f(x: in i7[4]) { }',
      'line 1, column 14: expected an element type (i8, u8, i16, u16, i32, i64, f32, f64), found `i7`',
    ],
    ['func f(x: in i8[4.5]) { }', 'line 1, column 17: expected a length, a whole number, found `4.5`'],
    ['func f() { } x', 'line 1, column 14: expected the end of the text, found `x`'],
    [body('let a = m'), 'line 2, column 11: expected a register defined here, found `m`'],
    [body('let a = i32.foo(n)'), 'line 2, column 11: expected an instruction, found `i32.foo`'],
    [body('let a = i32.clz(n, n)'), 'line 2, column 20: expected `)`, found `,`'],
    [body('let a = i32.ssat(n)'), 'line 2, column 21: expected `;`, found `)`'],
    [body('let a = z.i8[0]'), 'line 2, column 11: expected a buffer parameter, found `z`'],
    [body('let a = x[0]'), 'line 2, column 11: expected a buffer with an access, such as `x.i8`, found `x`'],
    [
      body('let a = n < 1 < 2'),
      'line 2, column 17: expected parentheses around the comparison `<` before another, found `<`',
    ],
    [body('let a = 4294967296'), 'line 2, column 11: expected a number of 32 bits, found `4294967296`'],
    [
      body('let a = -9223372036854775809:i64'),
      'line 2, column 12: expected a number of 64 bits, found `9223372036854775809`',
    ],
    [body('let a = 1.5'), 'line 2, column 11: expected a whole number, found `1.5`'],
    [body('set m = 1'), 'line 2, column 7: expected a register defined here, found `m`'],
    [body('for i in 0 to 4 { }'), 'line 2, column 14: expected `..`, found `to`'],
    [
      body('goto a'),
      'line 2, column 3: expected let, var, set, store, for, if, return, a comment or `}`, found `goto`',
    ],
    [body('let a = "x"'), 'line 2, column 11: expected an expression, found the string "x"'],
    [body('let a = n $ 1'), 'line 2, column 13: expected a name, number, string or symbol, found "$"'],
    [body('for i in 0..2 { let t = i } let u = t'), 'line 2, column 39: expected a register defined here, found `t`'],
  ];
  for (const [text, message] of cases) equal(failure(parseFunc, text), message, text);
  equal(
    failure(parseRom, 'rom w: i8[4] = elided 4'),
    'line 1, column 16: expected the bytes of rom w, found that they were elided when this was printed',
  );
  equal(
    failure(parseRom, 'rom w: i8[4] = "A&=="'),
    'line 1, column 16: expected a string of base64, found the string "A&=="',
  );
  equal(
    failure(parseProgram, 'program p {'),
    'line 1, column 9: expected the name of the program as a string, found `p`',
  );
});

test('texts nested too deeply are refused', () => {
  const deep = (before: string, open: string, inner: string, close: string) =>
    `func f(a: i32) -> i32 { ${before}${open.repeat(9999)}${inner}${close.repeat(9999)} return a }`;
  for (const text of [
    deep('', 'if a {', '', '}'),
    deep('let b = ', '(', 'a', ')'),
    deep('let b = ', '', 'a', ' + a'),
    deep('let b = ', 'i32.clz(', 'a', ')'),
  ]) {
    ok(/expected at most 1000 (levels of nesting|operators in a row), found more/.test(failure(parseFunc, text)));
  }
});

/** A text with a few characters or pieces of itself moved, doubled, dropped or replaced. */
function mutate(random: Random, text: string): string {
  let result = text;
  const edits = random.int(1, 3);
  for (let i = 0; i < edits; i++) {
    const at = random.int(0, result.length - 1);
    const end = Math.min(result.length, at + random.int(1, 12));
    const other = random.int(0, result.length - 1);
    const piece = result.slice(other, other + random.int(1, 12));
    const junk = random.pick([
      '(',
      ')',
      '{',
      '}',
      '"',
      ';;',
      '..',
      '-',
      '0x',
      '1e999',
      '\\',
      '\n',
      '\u2028',
      '💡',
      'nan:',
      ':i64',
    ]);
    const put = random.pick(['', piece, junk]);
    result = result.slice(0, at) + put + result.slice(random.chance(0.5) ? at : end);
  }
  return result;
}

test('mutated texts end in a value or a clean error', () => {
  const random = new Random(77);
  let failures = 0;
  for (let seed = 0; seed < 30; seed++) {
    const text = printProgram(randomProgram(seed)).slice(0, 4000);
    for (let i = 0; i < 40; i++) {
      const mutant = i === 0 ? text : mutate(random, text);
      if (failure(parseProgram, mutant) !== 'no error') failures++;
    }
  }
  ok(failures > 600, `only ${failures} of 1200 mutants were refused`);
  let accepted = 0;
  const small = printFunc(
    parseFunc('func f(x: in i8[4], n: i32) -> i32 { let a = n * 2 + x.i8[1] return i32.ssat(a; 8) }'),
  );
  for (let i = 0; i < 4000; i++) {
    const mutant = mutate(random, small);
    if (failure(parseFunc, mutant) !== 'no error') continue;
    accepted++;
    const canonical = printFunc(parseFunc(mutant));
    equal(printFunc(parseFunc(canonical)), canonical, mutant);
  }
  ok(accepted > 100, `only ${accepted} of 4000 mutants were accepted`);
});

test.run();
