/**
 * Prepares a function for printing: repeats the bodies of loops that ask for it, folds what that makes known, and drops
 * what nothing reads. The result computes the same.
 */
import type { Expr, For, Func, Stmt } from '../../ir/loop/types.ts';
import { foldExpr, type Known } from './fold.ts';

/** A loop is repeated as long as it makes no more statements than this; a longer one stays a loop. */
const UNROLL_LIMIT = 512;

/** `{ … }` around the statements of one repetition, so that its names are its own. */
export interface Block {
  readonly kind: 'block';
  readonly body: readonly TidyStmt[];
}

export type TidyStmt =
  | Exclude<Stmt, { kind: 'for' } | { kind: 'if' }>
  | (Omit<For, 'body'> & { readonly body: readonly TidyStmt[] })
  | {
      readonly kind: 'if';
      readonly cond: Expr;
      readonly body: readonly TidyStmt[];
      readonly orElse: readonly TidyStmt[];
    }
  | Block;

export function tidy(fn: Func): TidyStmt[] {
  let body = foldBody(fn.body, new Map());
  for (;;) {
    const used = new Set<string>();
    readsOf(body, used);
    const kept = dropUnread(body, used);
    if (countStatements(kept) === countStatements(body)) return kept;
    body = kept;
  }
}

function foldBody(body: readonly Stmt[], known: Known): TidyStmt[] {
  return body.flatMap((stmt) => foldStmt(stmt, known));
}

function foldStmt(stmt: Stmt, known: Known): TidyStmt[] {
  switch (stmt.kind) {
    case 'let':
    case 'set':
    case 'return':
      return [{ ...stmt, value: foldExpr(stmt.value, known) }];
    case 'var':
      return [{ ...stmt, init: foldExpr(stmt.init, known) }];
    case 'store':
      return [{ ...stmt, index: foldExpr(stmt.index, known), value: foldExpr(stmt.value, known) }];
    case 'comment':
      return [stmt];
    case 'if':
      return foldIf(stmt, known);
    case 'for':
      return foldFor(stmt, known);
  }
}

function foldIf(stmt: Extract<Stmt, { kind: 'if' }>, known: Known): TidyStmt[] {
  const cond = foldExpr(stmt.cond, known);
  if (cond.kind === 'const') return scoped(foldBody(cond.value !== 0 ? stmt.body : stmt.orElse, known));
  return [{ kind: 'if', cond, body: foldBody(stmt.body, known), orElse: foldBody(stmt.orElse, known) }];
}

function foldFor(loop: For, known: Known): TidyStmt[] {
  const body = foldBody(loop.body, known);
  const trips = Math.max(0, Math.ceil((loop.end - loop.start) / loop.step));
  if (trips === 0) return [];
  if (!loop.unroll || trips * countStatements(body) > UNROLL_LIMIT) return [{ ...loop, body }];
  return Array.from({ length: trips }, (_, trip) => {
    const index: Expr = { kind: 'const', type: 'i32', value: loop.start + trip * loop.step };
    return scoped(foldBody(loop.body, new Map([...known, [loop.name, index]])));
  }).flat();
}

/** In braces when it declares names. */
function scoped(body: TidyStmt[]): TidyStmt[] {
  return body.some((stmt) => stmt.kind === 'let' || stmt.kind === 'var') ? [{ kind: 'block', body }] : body;
}

export function countStatements(body: readonly TidyStmt[]): number {
  let count = 0;
  for (const stmt of body) {
    count += 1;
    if (stmt.kind === 'for' || stmt.kind === 'block') count += countStatements(stmt.body);
    if (stmt.kind === 'if') count += countStatements(stmt.body) + countStatements(stmt.orElse);
  }
  return count;
}

/** Adds the names that are read, other than by assignments to themselves. Buffers count as read when touched. */
export function readsOf(body: readonly TidyStmt[], into: Set<string>): void {
  for (const stmt of body) {
    if (stmt.kind === 'set') {
      const own = new Set<string>();
      readsOfExpr(stmt.value, own);
      own.delete(stmt.name);
      for (const name of own) into.add(name);
    } else if (stmt.kind === 'let' || stmt.kind === 'return') readsOfExpr(stmt.value, into);
    else if (stmt.kind === 'var') readsOfExpr(stmt.init, into);
    else if (stmt.kind === 'store') {
      into.add(stmt.buffer);
      readsOfExpr(stmt.index, into);
      readsOfExpr(stmt.value, into);
    } else if (stmt.kind === 'for' || stmt.kind === 'block') readsOf(stmt.body, into);
    else if (stmt.kind === 'if') {
      readsOfExpr(stmt.cond, into);
      readsOf(stmt.body, into);
      readsOf(stmt.orElse, into);
    }
  }
}

function readsOfExpr(e: Expr, into: Set<string>): void {
  if (e.kind === 'var') into.add(e.name);
  else if (e.kind === 'load') {
    into.add(e.buffer);
    readsOfExpr(e.index, into);
  } else if (e.kind === 'op' || e.kind === 'call') for (const arg of e.args) readsOfExpr(arg, into);
}

/** Without the definitions and assignments of names that nothing reads, and without the loops and ifs that this empties. */
function dropUnread(body: readonly TidyStmt[], used: ReadonlySet<string>): TidyStmt[] {
  return body.flatMap((stmt): TidyStmt[] => {
    switch (stmt.kind) {
      case 'let':
      case 'var':
      case 'set':
        return used.has(stmt.name) ? [stmt] : [];
      case 'for':
      case 'block': {
        const inner = dropUnread(stmt.body, used);
        return inner.every((s) => s.kind === 'comment') ? [] : [{ ...stmt, body: inner }];
      }
      case 'if': {
        const inner = dropUnread(stmt.body, used);
        const orElse = dropUnread(stmt.orElse, used);
        return inner.length + orElse.length === 0 ? [] : [{ ...stmt, body: inner, orElse }];
      }
      default:
        return [stmt];
    }
  });
}
