/** Visiting and rebuilding expressions and statements. */
import type { Expr, Stmt } from './types.ts';

/** The direct operands of an expression, in the order in which they are computed. */
export function operands(e: Expr): readonly Expr[] {
  switch (e.kind) {
    case 'const':
    case 'var':
      return [];
    case 'load':
      return [e.index];
    case 'op':
    case 'call':
      return e.args;
  }
}

/** Calls `visit` for every expression in `e`, an operand before the expression that uses it. */
export function visitExpr(e: Expr, visit: (e: Expr) => void): void {
  for (const operand of operands(e)) visitExpr(operand, visit);
  visit(e);
}

/** The expressions that a statement itself computes (not those of its body), in the order in which they are computed. */
export function expressionsOf(s: Stmt): readonly Expr[] {
  switch (s.kind) {
    case 'let':
    case 'set':
    case 'return':
      return [s.value];
    case 'var':
      return [s.init];
    case 'store':
      return [s.index, s.value];
    case 'if':
      return [s.cond];
    case 'for':
    case 'comment':
      return [];
  }
}

/** The statement lists inside a statement. */
export function bodiesOf(s: Stmt): readonly (readonly Stmt[])[] {
  if (s.kind === 'for') return [s.body];
  return s.kind === 'if' ? [s.body, s.orElse] : [];
}

/** Calls `visit` for every statement, a loop or branch before its body. */
export function visitStmts(body: readonly Stmt[], visit: (s: Stmt) => void): void {
  for (const s of body) {
    visit(s);
    for (const inner of bodiesOf(s)) visitStmts(inner, visit);
  }
}

/** Calls `visit` for every expression of every statement. */
export function visitAllExprs(body: readonly Stmt[], visit: (e: Expr) => void): void {
  visitStmts(body, (s) => {
    for (const e of expressionsOf(s)) visitExpr(e, visit);
  });
}

/** Rebuilds `e` from its leaves up: `map` is given each expression with its operands already mapped. */
export function mapExpr(e: Expr, map: (e: Expr) => Expr): Expr {
  switch (e.kind) {
    case 'const':
    case 'var':
      return map(e);
    case 'load':
      return map({ ...e, index: mapExpr(e.index, map) });
    case 'op':
    case 'call':
      return map({ ...e, args: e.args.map((arg) => mapExpr(arg, map)) });
  }
}

/**
 * Rebuilds statements from the innermost out. `mapStmt` may answer with any number of statements; `mapE` is applied to
 * whole expressions (combine it with `mapExpr` to reach their parts).
 */
export function mapStmts(
  body: readonly Stmt[],
  mapE: (e: Expr) => Expr,
  mapStmt: (s: Stmt) => readonly Stmt[] = (s) => [s],
): readonly Stmt[] {
  const rebuild = (s: Stmt): Stmt => {
    switch (s.kind) {
      case 'let':
      case 'set':
      case 'return':
        return { ...s, value: mapE(s.value) };
      case 'var':
        return { ...s, init: mapE(s.init) };
      case 'store':
        return { ...s, index: mapE(s.index), value: mapE(s.value) };
      case 'for':
        return { ...s, body: mapStmts(s.body, mapE, mapStmt) };
      case 'if': {
        const inner = (stmts: readonly Stmt[]) => mapStmts(stmts, mapE, mapStmt);
        return { ...s, cond: mapE(s.cond), body: inner(s.body), orElse: inner(s.orElse) };
      }
      case 'comment':
        return s;
    }
  };
  return body.flatMap((s) => mapStmt(rebuild(s)));
}
