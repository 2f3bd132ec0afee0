import { deepEqual, deepStrictEqual, equal } from 'node:assert/strict';
import { suite } from 'uvu';
import { parseFunc } from '../../../ir/loop/parse.ts';
import { printExpr, printFunc, printHead } from '../../../ir/loop/print.ts';
import type { Expr, Stmt } from '../../../ir/loop/types.ts';
import { mapExpr, mapStmts, visitAllExprs, visitStmts } from '../../../ir/loop/walk.ts';
import { randomFunction } from '../../support/random-loop.ts';

const test = suite('walk');
const fn = parseFunc(
  `func f(x: in i8[4], y: out i8[4]) {
  let a = x.i8[1 + 2]
  for i in 0..2 { if a { store y.i8[i] = a } else { set y2 = 3 } }
}`.replace('set y2 = 3', 'let z = 3'),
);

test('visiting goes in the order of execution', () => {
  const heads: string[] = [];
  visitStmts(fn.body, (s) => heads.push(printHead(s)));
  deepEqual(heads, ['let a = x.i8[1 + 2]', 'for i in 0..2', 'if a', 'store y.i8[i] = a', 'let z = 3']);
  const exprs: string[] = [];
  visitAllExprs(fn.body, (e) => exprs.push(printExpr(e)));
  deepEqual(exprs, ['1', '2', '1 + 2', 'x.i8[1 + 2]', 'a', 'i', 'a', '3']);
});

test('mapping by the identity changes nothing', () => {
  for (let seed = 0; seed < 20; seed++) {
    const { body } = randomFunction(seed).fn;
    deepStrictEqual(
      mapStmts(body, (e) => mapExpr(e, (inner) => inner)),
      body,
    );
  }
});

test('mapping reaches every expression and statement', () => {
  const seven = (e: Expr): Expr => (e.kind === 'const' ? { ...e, value: 7 } : e);
  const noLets = (s: Stmt) =>
    s.kind === 'let' && s.name === 'z' ? [{ kind: 'comment', text: 'gone' } as const] : [s, s];
  const body = mapStmts(fn.body, (e) => mapExpr(e, seven), noLets);
  equal(body.length, 4);
  equal(
    printFunc({ ...fn, body: body.slice(1, 3) }),
    `func f(x: in i8[4], y: out i8[4]) {
  let a = x.i8[7 + 7]
  for i in 0..2 {
    if a {
      store y.i8[i] = a
      store y.i8[i] = a
    } else {
      ;; gone
    }
    if a {
      store y.i8[i] = a
      store y.i8[i] = a
    } else {
      ;; gone
    }
  }
}
`,
  );
});

test.run();
