/** Random functions, many in one file, compiled by several compilers, against the interpreter. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { FunctionBuilder } from '../../../ir/loop/build.ts';
import type { Argument, Call, Expr, Func, Program } from '../../../ir/loop/types.ts';
import { mapExpr, mapStmts } from '../../../ir/loop/walk.ts';
import { randomFunction } from '../../support/random-loop.ts';
import { skipUnlessCommand } from '../../support/toolchains.ts';
import { COMPILERS, CROSS_COMPILERS, compileOnly, runC, runInterpreter } from './support.ts';

const suite = makeSuite('backends/c: random functions');

const COUNT = Number(process.env.MCC_RANDOM_COUNT ?? 16);
const FIRST = Number(process.env.MCC_RANDOM_SEED ?? 1);

/** The function under another name, calling helpers whose names begin with that name. */
function renamed(fn: Func, name: string, owner: string): Func {
  const rename = (e: Expr): Expr => (e.kind === 'call' ? { ...e, fn: `${owner}_${e.fn}` } : e);
  return { ...fn, name, body: mapStmts(fn.body, (e) => mapExpr(e, rename)) };
}

/** `to[i] = from[i]`, byte by byte. */
function copy(name: string, length: number): Func {
  const f = new FunctionBuilder(name, ['Copies bytes.']);
  const from = f.buffer('from', 'u8', length, 'in');
  const to = f.buffer('to', 'u8', length, 'out');
  f.for('i', 0, length, (i) => f.store(to, i, from.at(i)));
  return f.finish();
}

interface Batch {
  readonly program: Program;
  /** Where the buffers of each seed's function end in the output. */
  readonly ends: readonly number[];
}

/** All buffers lie in the arena, which is filled from one constant first and is the output at the end. */
function batch(first: number, count: number): Batch {
  const functions: Func[] = [];
  const calls: Call[] = [];
  const contents: { readonly offset: number; readonly bytes: Uint8Array }[] = [];
  const ends: number[] = [];
  let total = 0;
  for (let seed = first; seed < first + count; seed++) {
    const { fn, helpers, buffers } = randomFunction(seed);
    const name = `seed${seed}`;
    functions.push(
      ...helpers.map((helper) => renamed(helper, `${name}_${helper.name}`, name)),
      renamed(fn, name, name),
    );
    const args = buffers.map((bytes): Argument => {
      const offset = total;
      contents.push({ offset, bytes });
      total += Math.ceil(bytes.length / 16) * 16;
      return { kind: 'arena', offset };
    });
    calls.push({ fn: name, args, doc: name });
    ends.push(total);
  }
  const bytes = new Uint8Array(total);
  for (const { offset, bytes: part } of contents) bytes.set(part, offset);
  const arena: Argument = { kind: 'arena', offset: 0 };
  const program: Program = {
    name: 'random',
    functions: [...functions, copy('fill', total), copy('show', total)],
    roms: [{ name: 'contents', elem: 'u8', length: total, bytes }],
    inputs: [],
    outputs: [{ name: 'buffers', elem: 'u8', length: total, shape: [total], type: 'bytes' }],
    arenaBytes: total,
    arenaAlign: 16,
    stateBytes: 0,
    run: [
      { fn: 'fill', args: [{ kind: 'rom', name: 'contents' }, arena], doc: '' },
      ...calls,
      { fn: 'show', args: [arena, { kind: 'output', index: 0 }], doc: '' },
    ],
    reset: [],
  };
  return { program, ends };
}

const { program: PROGRAM, ends: ENDS } = batch(FIRST, COUNT);
const [EXPECTED] = runInterpreter(PROGRAM, []) as [Uint8Array];

for (const compiler of COMPILERS) {
  suite(`${COUNT} functions with ${compiler.name}`, () => {
    if (skipUnlessCommand(compiler.command, `C random functions, ${compiler.name}`)) return;
    if (compiler.runner && skipUnlessCommand(compiler.runner, `C random functions, ${compiler.name}`)) return;
    const [found] = runC(PROGRAM, 'random', compiler, []) as [Uint8Array];
    const at = found.findIndex((byte, i) => byte !== EXPECTED[i]);
    const seed = FIRST + ENDS.findIndex((end) => at < end);
    const command = `MCC_RANDOM_SEED=${seed} MCC_RANDOM_COUNT=1 node --import ./tools/ts.mjs tests/backends/c/random.test.ts`;
    assert.is(at, -1, `seed ${seed} differs; run ${command}`);
    assert.is(found.length, EXPECTED.length);
  });
}

for (const compiler of CROSS_COMPILERS) {
  suite(`compiles without a warning for ${compiler.name}`, () => {
    if (skipUnlessCommand(compiler.command, `C random functions, ${compiler.name}`)) return;
    compileOnly(PROGRAM, 'random', compiler);
  });
}

suite.run();
