/**
 * Index arithmetic at compile time: which part of an index is a constant that a load or store can carry as its offset.
 *
 * WebAssembly adds an offset to the unsigned pointer without wrapping, so a constant may leave the pointer only when what
 * is left is known not to be negative. The i32 sums and products of an index are exact by the laws of loop IR.
 */
import { add, i32, mul, sub } from '../../ir/loop/build.ts';
import { instruction } from '../../ir/loop/instructions.ts';
import { fullRange, LOADED, opRange, type Range, range } from '../../ir/loop/ranges.ts';
import type { Expr } from '../../ir/loop/types.ts';
import { isNumber } from './share.ts';

/** What is known of the variables in scope. */
export interface Knowledge {
  /** The constant that a variable stands for, if it does. */
  readonly constantOf: (name: string) => number | undefined;
  /** Undefined when nothing is known. */
  readonly rangeOf: (name: string) => Range | undefined;
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

/** A range that holds every value of the expression; undefined for floats and vectors. */
export function rangeOf(e: Expr, known: Knowledge): Range | undefined {
  switch (e.kind) {
    case 'const':
      return e.type === 'i32' || e.type === 'i64' ? range(e.value, e.value) : undefined;
    case 'var':
      return known.rangeOf(e.name) ?? fullRange(e.type);
    case 'load':
      return LOADED[e.access];
    case 'call':
      return fullRange(e.type);
    case 'op':
      return opRange(
        e.op,
        e.args.map((arg) => rangeOf(arg, known)),
        e.imm,
      );
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
  const low = rangeOf(rest, known)?.low;
  return offset > 0 && low !== undefined && low >= 0n ? { rest, offset } : { rest: index, offset: 0 };
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

/** An index as the sum of what depends on nothing but numbers that the call passes, and of the rest. */
export function splitFixed(index: Expr): { readonly fixed: Expr | undefined; readonly moving: Expr | undefined } {
  const parts = parted(index);
  return parts.fixed !== undefined && holdsNumber(parts.fixed) ? parts : { fixed: undefined, moving: index };
}

function parted(e: Expr): { readonly fixed: Expr | undefined; readonly moving: Expr | undefined } {
  if (isFixed(e)) return { fixed: e, moving: undefined };
  if (e.kind !== 'op') return { fixed: undefined, moving: e };
  const [a, b] = e.args as readonly [Expr, Expr];
  if (e.op === 'i32.add') {
    const [left, right] = [parted(a), parted(b)];
    return { fixed: sum(left.fixed, right.fixed), moving: sum(left.moving, right.moving) };
  }
  if (e.op === 'i32.mul' && b.kind === 'const') {
    const { fixed, moving } = parted(a);
    return { fixed: fixed && mul(fixed, b), moving: moving && mul(moving, b) };
  }
  return { fixed: undefined, moving: e };
}

function sum(a: Expr | undefined, b: Expr | undefined): Expr | undefined {
  return a === undefined || b === undefined ? (a ?? b) : add(a, b);
}

const FIXED_OPS: ReadonlySet<string> = new Set(['i32.add', 'i32.sub', 'i32.mul']);

function isFixed(e: Expr): boolean {
  if (e.kind === 'const') return e.type === 'i32';
  if (e.kind === 'var') return isNumber(e.name);
  return e.kind === 'op' && FIXED_OPS.has(e.op) && e.args.every(isFixed);
}

function holdsNumber(e: Expr): boolean {
  return (e.kind === 'var' && isNumber(e.name)) || (e.kind === 'op' && e.args.some(holdsNumber));
}
