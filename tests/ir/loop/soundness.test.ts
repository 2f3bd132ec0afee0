/** What the verifier accepts runs: random functions, and what is left of them after guards were taken out at random. */
import { equal, ok } from 'node:assert/strict';
import { suite } from 'uvu';
import { typeOf } from '../../../ir/loop/build.ts';
import { callFunction } from '../../../ir/loop/evaluate.ts';
import { OPCODES } from '../../../ir/loop/instructions.ts';
import { printFunc } from '../../../ir/loop/print.ts';
import { ACCESS_BYTES, type Expr, type Func, STORABLE } from '../../../ir/loop/types.ts';
import { verifyFunc } from '../../../ir/loop/verify.ts';
import { mapExpr, mapStmts, visitAllExprs, visitStmts } from '../../../ir/loop/walk.ts';
import { Random } from '../../support/random.ts';
import { type LoopCase, randomFunction } from '../../support/random-loop.ts';
import { shrink } from '../../support/shrink-loop.ts';

const test = suite('soundness');

/** The error that a function ends in. Overflow is the promise of checked arithmetic, which the verifier does not prove. */
function failure({ fn, helpers, buffers }: LoopCase): string | undefined {
  try {
    callFunction(
      fn,
      helpers,
      buffers.map((bytes) => bytes.slice()),
      [],
    );
    return undefined;
  } catch (error) {
    const { message } = error as Error;
    return / overflow: /.test(message) ? undefined : message;
  }
}

test('random functions use every instruction, access and statement, and run', () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 300; seed++) {
    const made = randomFunction(seed);
    equal(failure(made), undefined, `randomFunction(${seed})`);
    for (const fn of [made.fn, ...made.helpers]) {
      visitStmts(fn.body, (s) => seen.add(s.kind === 'store' ? `store ${s.access}` : s.kind));
      visitAllExprs(fn.body, (e) => seen.add(e.kind === 'op' ? e.op : e.kind === 'load' ? `load ${e.access}` : e.kind));
    }
  }
  const statements = ['let', 'var', 'set', 'for', 'if', 'comment', 'return', 'const', 'var', 'call'];
  const loads = Object.keys(ACCESS_BYTES).map((access) => `load ${access}`);
  const stores = [...STORABLE].map((access) => `store ${access}`);
  for (const what of [...OPCODES, ...statements, ...loads, ...stores])
    ok(seen.has(what), `no random function has ${what}`);
});

test('the same seed gives the same function', () => {
  equal(printFunc(randomFunction(5).fn), printFunc(randomFunction(5).fn));
});

/** Replaces some i32 expressions by an operand of theirs or by a constant nearby. */
function loosen(random: Random, fn: Func): Func {
  const change = (e: Expr): Expr => {
    if (!random.chance(0.02)) return e;
    if (e.kind === 'const' && e.type === 'i32') return { ...e, value: ((e.value as number) + random.int(-3, 3)) | 0 };
    if (e.kind !== 'op') return e;
    return e.args.find((arg) => typeOf(arg) === typeOf(e)) ?? e;
  };
  return { ...fn, body: mapStmts(fn.body, (e) => mapExpr(e, change)) };
}

test('loosened functions that pass the verifier run', () => {
  let accepted = 0;
  let refused = 0;
  let broken = 0;
  for (let seed = 0; seed < 400; seed++) {
    const made = randomFunction(seed);
    const random = new Random(seed);
    for (let i = 0; i < 3; i++) {
      const loosened = { ...made, fn: loosen(random, made.fn) };
      const error = failure(loosened);
      if (verifyFunc(loosened.fn, loosened.helpers).length > 0) {
        refused++;
        if (error !== undefined) broken++;
        continue;
      }
      accepted++;
      if (error === undefined) continue;
      const small = shrink(loosened, (candidate) => failure(candidate) !== undefined);
      equal(failure(small), undefined, `seed ${seed}: accepted by the verifier:\n${printFunc(small.fn)}`);
    }
  }
  ok(accepted > 200, `only ${accepted} loosened functions were accepted`);
  ok(refused > 100 && broken > 5, `only ${refused} were refused, ${broken} of which fail`);
});

test('shrinking keeps the failure and drops the rest', () => {
  const stores = ({ fn }: LoopCase) => printFunc(fn).includes('store o32');
  const large = Array.from({ length: 50 }, (_, seed) => randomFunction(seed)).find(stores);
  ok(large !== undefined, 'one of 50 random functions stores to o32');
  const small = shrink(large, stores);
  ok(small.fn.body.length === 1, printFunc(small.fn));
});

test.run();
