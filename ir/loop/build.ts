/**
 * Builds loop IR. Kernels are written with it, so that they read like the loop nest they make:
 *
 *     const f = new FunctionBuilder('scale', ['y[i] = 3 * x[i]']);
 *     const x = f.buffer('x', 'i8', 64, 'in');
 *     const y = f.buffer('y', 'i16', 64, 'out');
 *     f.for('i', 0, 64, (i) => f.store(y, i, mul(x.at(i), 3)));
 *     f.finish();
 *
 * Plain numbers stand for i32 constants. The expression helpers fold constants and drop `+ 0`, `* 1` and `* 0`, so index
 * arithmetic can be written generally; they never fold floats, whose `+ 0` is not the identity.
 */
import { instruction, type Opcode } from './instructions.ts';
import {
  ACCESS_TYPE,
  type Access,
  type BufferParam,
  type Elem,
  type Expr,
  type Func,
  type Param,
  type Stmt,
  type Type,
} from './types.ts';

/** What kernels may write where an expression is meant: a number is an i32 constant. */
export type Operand = Expr | number;

export function expr(operand: Operand): Expr {
  return typeof operand === 'number' ? i32(operand) : operand;
}

export function i32(value: number): Expr {
  if (!Number.isInteger(value) || value < -(2 ** 31) || value >= 2 ** 31) {
    throw new RangeError(`not an i32 constant: ${value}`);
  }
  return { kind: 'const', type: 'i32', value: value + 0 };
}

export function i64(value: bigint | number): Expr {
  return { kind: 'const', type: 'i64', value: BigInt(value) };
}

/** Rounds to the nearest f32. */
export function f32(value: number): Expr {
  return { kind: 'const', type: 'f32', value: Math.fround(value) };
}

export function f64(value: number): Expr {
  return { kind: 'const', type: 'f64', value };
}

/** An instruction; `imm` are its constants (lane numbers and the like). */
export function op(name: Opcode, args: readonly Operand[], imm: readonly number[] = []): Expr {
  return { kind: 'op', op: name, args: args.map(expr), imm };
}

/** The type of the register an expression gives. */
export function typeOf(e: Expr): Type {
  switch (e.kind) {
    case 'const':
    case 'var':
    case 'call':
      return e.type;
    case 'load':
      return ACCESS_TYPE[e.access];
    case 'op':
      return instruction(e.op).result;
  }
}

function constant(e: Expr): number | undefined {
  return e.kind === 'const' && e.type === 'i32' ? (e.value as number) : undefined;
}

function fold2(name: Opcode, a: Operand, b: Operand): Expr {
  const left = expr(a);
  const right = expr(b);
  const x = constant(left);
  const y = constant(right);
  if (x !== undefined && y !== undefined) return i32(instruction(name).evaluate(x, y) as number);
  return op(name, [left, right]);
}

export function add(a: Operand, b: Operand): Expr {
  const left = expr(a);
  const right = expr(b);
  if (constant(left) === 0) return right;
  if (constant(right) === 0) return left;
  return fold2('i32.add', left, right);
}

export function sub(a: Operand, b: Operand): Expr {
  const left = expr(a);
  const right = expr(b);
  return constant(right) === 0 ? left : fold2('i32.sub', left, right);
}

export function mul(a: Operand, b: Operand): Expr {
  const left = expr(a);
  const right = expr(b);
  if (constant(left) === 0 || constant(right) === 0) return i32(0);
  if (constant(left) === 1) return right;
  if (constant(right) === 1) return left;
  return fold2('i32.mul', left, right);
}

/** Sum of products, for addresses: `affine([[y, 64], [x, 4]], 2)` is `y * 64 + x * 4 + 2`. */
export function affine(terms: readonly (readonly [Operand, number])[], offset: Operand = 0): Expr {
  return add(
    terms.reduce<Expr>((sum, [index, stride]) => add(sum, mul(index, stride)), i32(0)),
    offset,
  );
}

export function min(a: Operand, b: Operand): Expr {
  return fold2('i32.min_s', a, b);
}

export function max(a: Operand, b: Operand): Expr {
  return fold2('i32.max_s', a, b);
}

/** `min(max(x, low), high)`, leaving out a bound that i8-like ranges make idle is the caller's business. */
export function clamp(x: Operand, low: number, high: number): Expr {
  return min(max(x, low), high);
}

export function and(a: Operand, b: Operand): Expr {
  return fold2('i32.and', a, b);
}

/** `low <= x < high` as 0 or 1, in the form from which the verifier learns x's range inside an `if`. */
export function inRange(x: Operand, low: number, high: number): Expr {
  return and(fold2('i32.ge_s', x, low), fold2('i32.lt_s', x, high));
}

/** A named buffer parameter with a way to load from it. */
export interface Buffer {
  readonly param: BufferParam;
  readonly name: string;
  readonly length: number;
  /** Loads one element, or another access at that element. */
  at(index: Operand, access?: Access): Expr;
}

/** A mutable register. */
export interface Variable {
  readonly name: string;
  readonly type: Type;
  /** Its current value. */
  readonly value: Expr;
}

/** Collects the statements of one function; names are made unique by a number behind them. */
export class FunctionBuilder {
  readonly name: string;
  private readonly doc: readonly string[];
  private readonly params: Param[] = [];
  private readonly names = new Map<string, number>();
  private readonly mutable = new Set<string>();
  private body: Stmt[] = [];

  constructor(name: string, doc: readonly string[]) {
    this.name = name;
    this.doc = doc;
  }

  buffer(name: string, elem: Elem, length: number, access: BufferParam['access']): Buffer {
    const param: BufferParam = { kind: 'buffer', name: this.unique(name), elem, length, access };
    this.params.push(param);
    return {
      param,
      name: param.name,
      length,
      at: (index, how = elem) => ({ kind: 'load', buffer: param.name, access: how, index: expr(index) }),
    };
  }

  scalar(name: string, type: Type): Expr {
    const unique = this.unique(name);
    this.params.push({ kind: 'scalar', name: unique, type });
    return { kind: 'var', name: unique, type };
  }

  /** Names a value, computed once here. Constants and what has a name already pass through. */
  let(name: string, value: Operand): Expr {
    const e = expr(value);
    if (e.kind === 'const' || (e.kind === 'var' && !this.mutable.has(e.name))) return e;
    const unique = this.unique(name);
    this.body.push({ kind: 'let', name: unique, value: e });
    return { kind: 'var', name: unique, type: typeOf(e) };
  }

  variable(name: string, init: Operand): Variable {
    const e = expr(init);
    const type = typeOf(e);
    const unique = this.unique(name);
    this.mutable.add(unique);
    this.body.push({ kind: 'var', name: unique, type, init: e });
    return { name: unique, type, value: { kind: 'var', name: unique, type } };
  }

  set(variable: Variable, value: Operand): void {
    this.body.push({ kind: 'set', name: variable.name, value: expr(value) });
  }

  store(buffer: Buffer, index: Operand, value: Operand, access: Access = buffer.param.elem): void {
    this.body.push({ kind: 'store', buffer: buffer.name, access, index: expr(index), value: expr(value) });
  }

  /** `for (name = start; name < end; name += step)`. No trip: nothing. One trip: the body alone with a constant index. */
  for(name: string, start: number, end: number, body: (index: Expr) => void, options: ForOptions = {}): void {
    const step = options.step ?? 1;
    if (start >= end) return;
    if (start + step >= end && options.kept !== true) {
      body(i32(start));
      return;
    }
    const unique = this.unique(name);
    const inner = this.collect(() => body({ kind: 'var', name: unique, type: 'i32' }));
    this.body.push({ kind: 'for', name: unique, start, end, step, unroll: options.unroll ?? false, body: inner });
  }

  /** Loops over every index of `shape`, outermost first; an extent of 1 makes no loop. */
  forAll(names: readonly string[], shape: readonly number[], body: (indices: readonly Expr[]) => void): void {
    const nest = (axis: number, indices: readonly Expr[]): void => {
      const extent = shape[axis];
      if (extent === undefined) body(indices);
      else this.for(names[axis] ?? `i${axis}`, 0, extent, (index) => nest(axis + 1, [...indices, index]));
    };
    nest(0, []);
  }

  if(cond: Operand, body: () => void, orElse: () => void = () => {}): void {
    const test = expr(cond);
    const known = constant(test);
    if (known !== undefined) {
      (known !== 0 ? body : orElse)();
      return;
    }
    this.body.push({ kind: 'if', cond: test, body: this.collect(body), orElse: this.collect(orElse) });
  }

  /** What `body` would add, without adding it, and what it gives. The names are taken nevertheless. */
  capture(body: () => Expr): { readonly body: readonly Stmt[]; readonly value: Expr } {
    let value: Expr | undefined;
    const statements = this.collect(() => {
      value = body();
    });
    return { body: statements, value: value as unknown as Expr };
  }

  comment(text: string): void {
    this.body.push({ kind: 'comment', text });
  }

  /** A kernel, called for its stores. */
  finish(): Func {
    return { name: this.name, doc: this.doc, params: this.params, result: null, body: this.body };
  }

  /** A scalar helper that returns `value`. */
  finishWith(value: Operand): Func {
    const e = expr(value);
    const result = typeOf(e);
    const body: Stmt[] = [...this.body, { kind: 'return', value: e }];
    return { name: this.name, doc: this.doc, params: this.params, result, body };
  }

  private collect(body: () => void): Stmt[] {
    const outer = this.body;
    this.body = [];
    body();
    const inner = this.body;
    this.body = outer;
    return inner;
  }

  private unique(name: string): string {
    const seen = this.names.get(name) ?? 0;
    this.names.set(name, seen + 1);
    return seen === 0 ? name : this.unique(`${name}_${seen}`);
  }
}

export interface ForOptions {
  readonly step?: number;
  /** Asks the backend to repeat the body instead of looping. */
  readonly unroll?: boolean;
  /** A loop even for one trip, so that the code has one form for all shapes and may be shared. */
  readonly kept?: boolean;
}

/** Calls a scalar helper. */
export function call(fn: Func, args: readonly Operand[]): Expr {
  if (fn.result === null) throw new TypeError(`${fn.name} returns nothing`);
  return { kind: 'call', fn: fn.name, type: fn.result, args: args.map(expr) };
}
