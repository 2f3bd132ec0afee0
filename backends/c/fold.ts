/**
 * Folds what is known: constants, and comparisons that the range of an element type decides. Unrolled bodies become short
 * by it, and compilers find nothing to warn about. No float is folded: what the target computes is what counts.
 */
import { instruction } from '../../ir/loop/instructions.ts';
import { printExpr } from '../../ir/loop/print.ts';
import type { Expr } from '../../ir/loop/types.ts';
import { type Range, rangeOf } from './range.ts';

type Op = Extract<Expr, { kind: 'op' }>;

/** What loop variables stand for inside a repeated body. */
export type Known = ReadonlyMap<string, Expr>;

export function foldExpr(e: Expr, known: Known): Expr {
  switch (e.kind) {
    case 'const':
      return e;
    case 'var':
      return known.get(e.name) ?? e;
    case 'load':
      return { ...e, index: foldExpr(e.index, known) };
    case 'call':
      return { ...e, args: e.args.map((arg) => foldExpr(arg, known)) };
    case 'op':
      return foldOp({ ...e, args: e.args.map((arg) => foldExpr(arg, known)) });
  }
}

function foldOp(e: Op): Expr {
  return foldConstants(e) ?? foldIdentity(e) ?? foldSelect(e) ?? foldComparison(e) ?? e;
}

function isInteger(type: string): type is 'i32' | 'i64' {
  return type === 'i32' || type === 'i64';
}

/** An instruction of integers whose operands are all constants. One that breaks its promise (overflow) stays as it is. */
function foldConstants(e: Op): Expr | undefined {
  const { params, result, evaluate } = instruction(e.op);
  if (!isInteger(result) || !params.every(isInteger)) return undefined;
  const values = e.args.map((arg) => (arg.kind === 'const' ? arg.value : undefined));
  if (values.includes(undefined)) return undefined;
  try {
    return { kind: 'const', type: result, value: evaluate(...values, ...e.imm) as number | bigint };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function constant(e: Expr | undefined): number | undefined {
  return e?.kind === 'const' && e.type === 'i32' ? (e.value as number) : undefined;
}

function i32(value: number): Expr {
  return { kind: 'const', type: 'i32', value };
}

/** `0 + x`, `x - 0`, `x * 1`, `x * 0`, and `(x + 2) + 3`, which is `x + 5`. */
function foldIdentity(e: Op): Expr | undefined {
  const [a, b] = e.args as [Expr, Expr];
  const x = constant(a);
  const y = constant(b);
  switch (e.op) {
    case 'i32.add':
      if (x === 0) return b;
      if (y === 0) return a;
      if (x !== undefined) return foldOp({ ...e, args: [b, a] });
      return y === undefined ? undefined : foldSum(a, y);
    case 'i32.sub':
      return y === 0 ? a : undefined;
    case 'i32.mul':
      if (x === 0 || y === 0) return i32(0);
      if (x === 1) return b;
      return y === 1 ? a : undefined;
    case 'i32.shl':
    case 'i32.shr_s':
    case 'i32.shr_u':
      return y === 0 ? a : undefined;
    default:
      return undefined;
  }
}

function foldSum(a: Expr, y: number): Expr | undefined {
  if (a.kind !== 'op' || a.op !== 'i32.add') return undefined;
  const inner = constant(a.args[1]);
  if (inner === undefined || Math.abs(inner + y) >= 2 ** 31) return undefined;
  return foldOp({ ...a, args: [a.args[0] as Expr, i32(inner + y)] });
}

function foldSelect(e: Op): Expr | undefined {
  if (!e.op.endsWith('.select')) return undefined;
  const test = foldCondition(e.args[0] as Expr);
  return test === undefined ? undefined : (e.args[test ? 1 : 2] as Expr);
}

/** Whether a condition is known to hold or to fail. */
export function foldCondition(e: Expr): boolean | undefined {
  const known = constant(e) ?? constant(foldComparison({ kind: 'op', op: 'i32.ne', args: [e, i32(0)], imm: [] }));
  return known === undefined ? undefined : known !== 0;
}

/** Whether the test always holds (1), never holds (0), or may do either. */
const DECIDE: Readonly<Record<string, (a: Range, b: Range) => 0 | 1 | undefined>> = {
  lt_s: (a, b) => (a[1] < b[0] ? 1 : a[0] >= b[1] ? 0 : undefined),
  le_s: (a, b) => (a[1] <= b[0] ? 1 : a[0] > b[1] ? 0 : undefined),
  gt_s: (a, b) => (a[0] > b[1] ? 1 : a[1] <= b[0] ? 0 : undefined),
  ge_s: (a, b) => (a[0] >= b[1] ? 1 : a[1] < b[0] ? 0 : undefined),
  eq: (a, b) => (a[1] < b[0] || a[0] > b[1] ? 0 : undefined),
  ne: (a, b) => (a[1] < b[0] || a[0] > b[1] ? 1 : undefined),
};

function foldComparison(e: Op): Expr | undefined {
  const [type, test] = e.op.split('.') as [string, string];
  const decide = DECIDE[test];
  if (decide === undefined || !isInteger(type)) return undefined;
  const [left, right] = e.args as [Expr, Expr];
  if (printExpr(left) === printExpr(right)) return i32(/^(eq|le_s|ge_s)$/.test(test) ? 1 : 0);
  if (differInBits(left, right) && (test === 'eq' || test === 'ne')) return i32(test === 'ne' ? 1 : 0);
  const outcome = decide(rangeOf(left), rangeOf(right));
  return outcome === undefined ? undefined : i32(outcome);
}

/** `x & mask` never equals what has other bits, nor `x | mask` what lacks some of them. */
function differInBits(a: Expr, b: Expr): boolean {
  const wanted = constant(b);
  if (wanted === undefined || a.kind !== 'op') return false;
  const mask = a.args.map(constant).find((value) => value !== undefined);
  if (mask === undefined) return false;
  return (a.op === 'i32.and' && (wanted & ~mask) !== 0) || (a.op === 'i32.or' && (mask & ~wanted) !== 0);
}
