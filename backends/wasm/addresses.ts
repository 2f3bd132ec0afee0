/**
 * Index arithmetic at compile time: which part of an index is a constant that a load or store can carry as its offset.
 *
 * WebAssembly adds an offset to the unsigned pointer without wrapping, so a constant may leave the pointer only when what
 * is left is known not to be negative. The i32 sums and products of an index are exact by the laws of loop IR.
 */
import { add, i32, mul, sub } from '../../ir/loop/build.ts';
import { instruction, type Opcode } from '../../ir/loop/instructions.ts';
import type { Expr } from '../../ir/loop/types.ts';

/** What is known of the i32 variables in scope. */
export interface Knowledge {
  /** The constant that a variable stands for, if it does. */
  readonly constantOf: (name: string) => number | undefined;
  /** A number that the variable is never below; -Infinity when nothing is known. */
  readonly lowerBoundOf: (name: string) => number;
}

/** The value of an i32 expression whose leaves are constants or known variables. */
export function constantValue(e: Expr, known: Knowledge): number | undefined {
  if (e.kind === 'const') return e.type === 'i32' ? (e.value as number) : undefined;
  if (e.kind === 'var') return e.type === 'i32' ? known.constantOf(e.name) : undefined;
  if (e.kind !== 'op') return undefined;
  const { params, result, evaluate } = instruction(e.op);
  if (result !== 'i32' || params.some((type) => type !== 'i32')) return undefined;
  const args = e.args.map((arg) => constantValue(arg, known));
  if (args.includes(undefined)) return undefined;
  try {
    return evaluate(...args, ...e.imm) as number;
  } catch {
    return undefined; // a division by zero, say, in a branch that is never taken
  }
}

/** A number that the i32 expression is never below; -Infinity when nothing is known. */
export function lowerBound(e: Expr, known: Knowledge): number {
  const value = constantValue(e, known);
  if (value !== undefined) return value;
  if (e.kind === 'var') return known.lowerBoundOf(e.name);
  if (e.kind === 'load') return e.access === 'u8' || e.access === 'u16' ? 0 : Number.NEGATIVE_INFINITY;
  return e.kind === 'op' ? lowerBoundOfOp(e.op, e.args, known) : Number.NEGATIVE_INFINITY;
}

function lowerBoundOfOp(op: Opcode, args: readonly Expr[], known: Knowledge): number {
  const low = (index: number): number => lowerBound(args[index] as Expr, known);
  const unlessNegative = (...indices: number[]): number => (indices.every((i) => low(i) >= 0) ? 0 : -Infinity);
  switch (op) {
    case 'i32.add':
      return low(0) + low(1);
    case 'i32.mul':
    case 'i32.div_s':
      return unlessNegative(0, 1);
    case 'i32.rem_s':
    case 'i32.shr_s':
      return unlessNegative(0);
    case 'i32.and':
      return low(0) >= 0 || low(1) >= 0 ? 0 : -Infinity;
    case 'i32.min_s':
      return Math.min(low(0), low(1));
    case 'i32.max_s':
      return Math.max(low(0), low(1));
    case 'i32.select':
      return Math.min(low(1), low(2));
    default:
      return -Infinity;
  }
}

/** An index as `rest + offset`; both are zero or more, and no `rest` is zero. */
export interface SplitIndex {
  readonly rest: Expr | undefined;
  readonly offset: number;
}

export function splitIndex(index: Expr, known: Knowledge): SplitIndex {
  const { rest, offset } = split(index, known);
  const restValue = constantValue(rest, known);
  if (restValue !== undefined) return { rest: undefined, offset: restValue + offset };
  return offset > 0 && lowerBound(rest, known) >= 0 ? { rest, offset } : { rest: index, offset: 0 };
}

function split(e: Expr, known: Knowledge): { readonly rest: Expr; readonly offset: number } {
  const value = constantValue(e, known);
  if (value !== undefined) return { rest: i32(0), offset: value };
  if (e.kind !== 'op') return { rest: e, offset: 0 };
  const [a, b] = e.args as readonly [Expr, Expr];
  if (e.op === 'i32.add' || e.op === 'i32.sub') {
    const left = split(a, known);
    const right = split(b, known);
    return e.op === 'i32.add'
      ? { rest: add(left.rest, right.rest), offset: left.offset + right.offset }
      : { rest: sub(left.rest, right.rest), offset: left.offset - right.offset };
  }
  if (e.op === 'i32.mul') {
    const factor = constantValue(b, known) ?? constantValue(a, known);
    const other = constantValue(b, known) === undefined ? b : a;
    if (factor === undefined) return { rest: e, offset: 0 };
    const inner = split(other, known);
    return { rest: mul(inner.rest, factor), offset: inner.offset * factor };
  }
  return { rest: e, offset: 0 };
}

/** What a condition that holds says of the variables it names: `name >= low` for each pair. */
export function boundsFrom(cond: Expr): readonly (readonly [name: string, low: number])[] {
  if (cond.kind !== 'op') return [];
  if (cond.op === 'i32.and') return cond.args.flatMap(boundsFrom);
  if (cond.op !== 'i32.ge_s' && cond.op !== 'i32.gt_s') return [];
  const [a, b] = cond.args as readonly [Expr, Expr];
  if (a.kind !== 'var' || b.kind !== 'const') return [];
  return [[a.name, (b.value as number) + (cond.op === 'i32.gt_s' ? 1 : 0)]];
}
