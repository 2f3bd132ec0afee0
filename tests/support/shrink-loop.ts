/** Makes a failing random function smaller, so that what it fails on can be read. */
import { typeOf } from '../../ir/loop/build.ts';
import type { Expr, Func, Stmt } from '../../ir/loop/types.ts';
import { verifyFunc } from '../../ir/loop/verify.ts';
import { operands } from '../../ir/loop/walk.ts';
import type { LoopCase } from './random-loop.ts';

/** Instructions by which random functions replace NaN: an operand of them must not stand in for them. */
const GUARDS: ReadonlySet<string> = new Set(['f32.select', 'f64.select', 'v128.and', 'f32x4.eq']);

function zero(e: Expr): Expr | undefined {
  const type = typeOf(e);
  if (type === 'v128') return undefined;
  return { kind: 'const', type, value: type === 'i64' ? 0n : 0 };
}

/** Simpler expressions of the same type: zero, an operand, or the same with a simpler operand. */
function* simplerExprs(e: Expr): Generator<Expr> {
  const constant = zero(e);
  if (constant !== undefined && e.kind !== 'const') yield constant;
  const isGuard = e.kind === 'op' && GUARDS.has(e.op);
  for (const operand of isGuard ? [] : operands(e)) if (typeOf(operand) === typeOf(e)) yield operand;
  if (e.kind === 'load') for (const index of simplerExprs(e.index)) yield { ...e, index };
  if (e.kind !== 'op' && e.kind !== 'call') return;
  for (let i = 0; i < e.args.length; i++) {
    for (const arg of simplerExprs(e.args[i] as Expr)) yield { ...e, args: e.args.with(i, arg) };
  }
}

function* simplerStmts(s: Stmt): Generator<readonly Stmt[]> {
  yield [];
  switch (s.kind) {
    case 'let':
    case 'set':
    case 'return':
      for (const value of simplerExprs(s.value)) yield [{ ...s, value }];
      break;
    case 'var':
      for (const init of simplerExprs(s.init)) yield [{ ...s, init }];
      break;
    case 'store':
      for (const value of simplerExprs(s.value)) yield [{ ...s, value }];
      for (const index of simplerExprs(s.index)) yield [{ ...s, index }];
      break;
    case 'for':
      yield s.body;
      if (s.start + s.step < s.end) yield [{ ...s, end: s.start + 1 }];
      if (s.unroll) yield [{ ...s, unroll: false }];
      for (const body of simplerBodies(s.body)) yield [{ ...s, body }];
      break;
    case 'if':
      yield s.body;
      yield s.orElse;
      for (const cond of simplerExprs(s.cond)) yield [{ ...s, cond }];
      for (const body of simplerBodies(s.body)) yield [{ ...s, body }];
      for (const orElse of simplerBodies(s.orElse)) yield [{ ...s, orElse }];
      break;
    case 'comment':
      break;
  }
}

function* simplerBodies(body: readonly Stmt[]): Generator<readonly Stmt[]> {
  for (let size = body.length >> 1; size > 1; size >>= 1) {
    for (let at = 0; at + size <= body.length; at += size) yield [...body.slice(0, at), ...body.slice(at + size)];
  }
  for (let i = body.length - 1; i >= 0; i--) {
    for (const stmts of simplerStmts(body[i] as Stmt)) yield [...body.slice(0, i), ...stmts, ...body.slice(i + 1)];
  }
}

/**
 * The smallest case found for which `fails` still answers true, after at most `attempts` calls of it. Only valid
 * functions are tried, and NaN bits stay unseen.
 */
export function shrink(start: LoopCase, fails: (candidate: LoopCase) => boolean, attempts = 2000): LoopCase {
  let best = start;
  let left = attempts;
  const smaller = (): LoopCase | undefined => {
    for (const body of simplerBodies(best.fn.body)) {
      if (left === 0) return undefined;
      const fn: Func = { ...best.fn, body };
      if (verifyFunc(fn, best.helpers).length > 0) continue;
      left--;
      const candidate = { ...best, fn };
      if (fails(candidate)) return candidate;
    }
    return undefined;
  };
  for (let next = smaller(); next !== undefined; next = smaller()) best = next;
  return best;
}
