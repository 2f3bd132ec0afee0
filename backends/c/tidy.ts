/**
 * Prepares a function for printing: repeats the bodies of loops that ask for it, folds what that makes known, and drops
 * what nothing reads. The result computes the same.
 */
import { i32 } from '../../ir/loop/build.ts';
import type { Expr, For, Func, Stmt } from '../../ir/loop/types.ts';
import { visitExpr } from '../../ir/loop/walk.ts';
import { foldCondition, foldExpr, type Known } from './fold.ts';

/** A loop is repeated as long as it makes no more statements than this; a longer one stays a loop. */
const UNROLL_LIMIT = 512;

/** `{ … }` around the statements of one repetition, so that its names are its own. */
export interface Block {
  readonly kind: 'block';
  readonly body: readonly TidyStmt[];
}

/** A loop whose bounds are constants, or parameters where several kernels share a body. */
export interface TidyFor extends Pick<For, 'kind' | 'name'> {
  readonly start: Expr;
  readonly end: Expr;
  readonly step: Expr;
  readonly body: readonly TidyStmt[];
}

export type TidyStmt =
  | Exclude<Stmt, { kind: 'for' } | { kind: 'if' }>
  | TidyFor
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
    const kept = dropUnread(body, new Set());
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
    case 'return':
      return [{ ...stmt, value: foldExpr(stmt.value, known) }];
    case 'set': {
      const value = foldExpr(stmt.value, known);
      return value.kind === 'var' && value.name === stmt.name ? [] : [{ ...stmt, value }];
    }
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
  const outcome = foldCondition(cond);
  if (outcome !== undefined) return scoped(foldBody(outcome ? stmt.body : stmt.orElse, known));
  return [{ kind: 'if', cond, body: foldBody(stmt.body, known), orElse: foldBody(stmt.orElse, known) }];
}

function foldFor(loop: For, known: Known): TidyStmt[] {
  const body = foldBody(loop.body, known);
  const trips = Math.max(0, Math.ceil((loop.end - loop.start) / loop.step));
  if (trips === 0) return [];
  if (!loop.unroll || trips * countStatements(body) > UNROLL_LIMIT) {
    const [start, end, step] = [i32(loop.start), i32(loop.end), i32(loop.step)];
    return [{ kind: 'for', name: loop.name, start, end, step, body }];
  }
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
  visitTidy(body, () => {
    count += 1;
  });
  return count;
}

/** The expressions that a statement itself computes. */
function expressionsOf(stmt: TidyStmt): readonly Expr[] {
  switch (stmt.kind) {
    case 'let':
    case 'set':
    case 'return':
      return [stmt.value];
    case 'var':
      return [stmt.init];
    case 'store':
      return [stmt.index, stmt.value];
    case 'if':
      return [stmt.cond];
    case 'for':
      return [stmt.start, stmt.end, stmt.step];
    default:
      return [];
  }
}

export function visitTidy(body: readonly TidyStmt[], visit: (stmt: TidyStmt) => void): void {
  for (const stmt of body) {
    visit(stmt);
    if (stmt.kind === 'for' || stmt.kind === 'block') visitTidy(stmt.body, visit);
    if (stmt.kind === 'if') {
      visitTidy(stmt.body, visit);
      visitTidy(stmt.orElse, visit);
    }
  }
}

/** The functions that a body calls, in the order of their calls. */
export function callsOf(body: readonly TidyStmt[]): ReadonlySet<string> {
  const names = new Set<string>();
  visitTidy(body, (stmt) => {
    for (const e of expressionsOf(stmt)) {
      visitExpr(e, (part) => {
        if (part.kind === 'call') names.add(part.fn);
      });
    }
  });
  return names;
}

/** The names that a body reads, other than by assignments to themselves, and the buffers that it touches. */
export function readsOf(body: readonly TidyStmt[]): ReadonlySet<string> {
  const names = new Set<string>();
  visitTidy(body, (stmt) => {
    if (stmt.kind === 'store') names.add(stmt.buffer);
    for (const e of expressionsOf(stmt)) {
      visitExpr(e, (part) => {
        if (part.kind === 'load') names.add(part.buffer);
        if (part.kind === 'var' && !(stmt.kind === 'set' && stmt.name === part.name)) names.add(part.name);
      });
    }
  });
  return names;
}

/**
 * Without the definitions and assignments of names that nothing reads, and without the loops and ifs that this empties.
 * Repetitions of a body use its names again, so each list of statements decides on the names that it defines itself;
 * `outer` are those read among the names defined around it.
 */
function dropUnread(body: readonly TidyStmt[], outer: ReadonlySet<string>): TidyStmt[] {
  const used = new Set(outer);
  const reads = readsOf(body);
  for (const stmt of body) {
    if ((stmt.kind === 'let' || stmt.kind === 'var') && !reads.has(stmt.name)) used.delete(stmt.name);
    else if (stmt.kind === 'let' || stmt.kind === 'var') used.add(stmt.name);
  }
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
