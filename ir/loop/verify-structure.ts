/** Laws of a single function that need no ranges: names, types, arities. */
import { typeOf } from './build.ts';
import { INSTRUCTIONS, type Instruction, isOpcode } from './instructions.ts';
import { printConst, printExpr, printHead } from './print.ts';
import {
  ACCESS_BYTES,
  ACCESS_TYPE,
  type BufferParam,
  ELEM_BYTES,
  type Expr,
  type Func,
  type ScalarType,
  STORABLE,
  type Stmt,
  type Type,
} from './types.ts';
import { operands } from './walk.ts';

/** Reports one violation; `path` is the statement's head behind the heads of the statements around it. */
export type Report = (path: readonly string[], message: string) => void;

export const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;

const I32_MIN = -(2 ** 31);
const I32_MAX = 2 ** 31 - 1;

export function isI32(value: number): boolean {
  return Number.isInteger(value) && value >= I32_MIN && value <= I32_MAX;
}

/** What is wrong with a constant, if anything. */
export function constError(type: ScalarType, value: number | bigint): string | undefined {
  const shown = `constant ${printConst(type, value)}`;
  if (type === 'i64') {
    const fits = typeof value === 'bigint' && BigInt.asIntN(64, value) === value;
    return fits ? undefined : `${shown} must be a bigint of 64 bits`;
  }
  if (typeof value === 'bigint') return `${shown} must be a number`;
  if (type === 'i32') {
    return isI32(value) && !Object.is(value, -0) ? undefined : `${shown} must be an integer of 32 bits`;
  }
  const exact = type === 'f64' || Number.isNaN(value) || Math.fround(value) === value;
  return exact ? undefined : `${shown} is no f32; round it first`;
}

/** The type of an expression that may be unsound. */
function typeOrI32(e: Expr): Type {
  if (e.kind === 'op' && !isOpcode(e.op)) return 'i32';
  return typeOf(e) ?? 'i32';
}

/** What a name stands for. Names never come to mean anything else within a function; `scope` tells where they may be used. */
interface Definition {
  readonly type: Type;
  readonly mutable: boolean;
}

class Checker {
  private readonly report: Report;
  private readonly fn: Func;
  private readonly functions: ReadonlyMap<string, Func>;
  private readonly everDefined = new Set<string>();
  private readonly scope = new Map<string, Definition>();
  private readonly buffers = new Map<string, BufferParam>();

  constructor(fn: Func, functions: ReadonlyMap<string, Func>, report: Report) {
    this.fn = fn;
    this.functions = functions;
    this.report = report;
  }

  check(): void {
    const { fn } = this;
    if (!IDENTIFIER.test(fn.name)) this.report([], `${JSON.stringify(fn.name)} is no identifier`);
    for (const param of fn.params) {
      const path = [`parameter ${param.name}`];
      this.claim(path, param.name);
      if (param.kind === 'scalar') this.scope.set(param.name, { type: param.type, mutable: false });
      else this.bufferParam(path, param);
    }
    this.body(fn.body, []);
    const returns = fn.body.at(-1)?.kind === 'return';
    if (fn.result !== null && !returns) this.report([], `a function that gives ${fn.result} must end in return`);
  }

  private bufferParam(path: readonly string[], param: BufferParam): void {
    this.buffers.set(param.name, param);
    if (this.fn.result !== null) this.report(path, 'a helper takes scalars only');
    if (!Number.isInteger(param.length) || param.length < 1 || param.length * ELEM_BYTES[param.elem] > I32_MAX) {
      this.report(path, `length ${param.length} must be a positive integer of at most 2^31 - 1 bytes`);
    }
  }

  /** Records that a name is defined; each name only once in a function, whatever the scopes. */
  private claim(path: readonly string[], name: string): void {
    if (!IDENTIFIER.test(name)) this.report(path, `${JSON.stringify(name)} is no identifier`);
    if (this.everDefined.has(name)) this.report(path, `${name} is defined twice`);
    this.everDefined.add(name);
  }

  private body(body: readonly Stmt[], path: readonly string[], before: () => void = () => {}): void {
    const outer = new Map(this.scope);
    before();
    body.forEach((s, i) => {
      const last = path.length === 0 && i === body.length - 1;
      this.stmt(s, [...path, printHead(s)], last);
    });
    this.scope.clear();
    for (const [name, definition] of outer) this.scope.set(name, definition);
  }

  private define(path: readonly string[], name: string, type: Type, mutable: boolean): void {
    this.claim(path, name);
    this.scope.set(name, { type, mutable });
  }

  private stmt(s: Stmt, path: readonly string[], last: boolean): void {
    switch (s.kind) {
      case 'let':
        this.expr(s.value, path);
        this.define(path, s.name, typeOrI32(s.value), false);
        break;
      case 'var':
        this.expect(s.init, s.type, path, `the initial value of ${s.name}`);
        this.define(path, s.name, s.type, true);
        break;
      case 'set':
        this.set(s, path);
        break;
      case 'store':
        this.store(s, path);
        break;
      case 'for':
        this.loopConstants(s, path);
        this.body(s.body, path, () => this.define(path, s.name, 'i32', false));
        break;
      case 'if':
        this.expect(s.cond, 'i32', path, 'the condition');
        this.body(s.body, path);
        this.body(s.orElse, [...path, 'else']);
        break;
      case 'return':
        this.returned(s.value, path, last);
        break;
      case 'comment':
        break;
    }
  }

  private set(s: Stmt & { kind: 'set' }, path: readonly string[]): void {
    const definition = this.scope.get(s.name);
    if (definition === undefined) this.report(path, `${s.name} is not defined here`);
    else if (!definition.mutable) this.report(path, `${s.name} is not a var, so it may not be set`);
    if (definition === undefined) this.expr(s.value, path);
    else this.expect(s.value, definition.type, path, `the value of ${s.name}`);
  }

  private store(s: Stmt & { kind: 'store' }, path: readonly string[]): void {
    const buffer = this.buffers.get(s.buffer);
    if (buffer === undefined) this.report(path, `${s.buffer} is no buffer of ${this.fn.name}`);
    else if (buffer.access === 'in' || buffer.access === 'rom') {
      this.report(path, `${s.buffer} is ${buffer.access}, which may not be stored to`);
    }
    if (!STORABLE.has(s.access)) this.report(path, `stores may not use the access ${s.access}`);
    this.expect(s.index, 'i32', path, 'the index');
    this.expect(s.value, ACCESS_TYPE[s.access] ?? 'i32', path, 'the stored value');
  }

  private loopConstants(s: Stmt & { kind: 'for' }, path: readonly string[]): void {
    if (![s.start, s.end, s.step].every(isI32)) this.report(path, 'start, end and step must be integers of 32 bits');
    else if (s.step <= 0) this.report(path, `the step must be positive, found ${s.step}`);
    else if (s.start >= s.end) this.report(path, `start ${s.start} must be below end ${s.end}`);
    else if (s.end - 1 + s.step > I32_MAX) this.report(path, 'the counter would overflow after the last trip');
  }

  private returned(value: Expr, path: readonly string[], last: boolean): void {
    if (this.fn.result === null) this.report(path, 'a kernel returns nothing');
    else this.expect(value, this.fn.result, path, 'the result');
    if (!last) this.report(path, 'return is allowed only as the last statement of a helper');
  }

  private expect(e: Expr, type: Type, path: readonly string[], what: string): void {
    if (!this.expr(e, path)) return;
    const found = typeOf(e);
    if (found !== type) this.report(path, `${what}, ${printExpr(e)}, must be ${type}, found ${found}`);
  }

  /** Whether the expression is sound enough to have a type. */
  private expr(e: Expr, path: readonly string[]): boolean {
    switch (e.kind) {
      case 'const': {
        const error = constError(e.type, e.value);
        if (error !== undefined) this.report(path, error);
        return error === undefined;
      }
      case 'var':
        return this.reference(e, path);
      case 'load':
        if (!this.buffers.has(e.buffer)) this.report(path, `${e.buffer} is no buffer of ${this.fn.name}`);
        if (!Object.hasOwn(ACCESS_BYTES, e.access)) this.report(path, `there is no access ${e.access}`);
        this.expect(e.index, 'i32', path, 'the index');
        return Object.hasOwn(ACCESS_BYTES, e.access);
      case 'op':
        return this.instruction(e, path);
      case 'call':
        return this.call(e, path);
    }
  }

  private reference(e: Expr & { kind: 'var' }, path: readonly string[]): boolean {
    const definition = this.scope.get(e.name);
    if (definition === undefined) {
      const isBuffer = this.buffers.has(e.name);
      this.report(path, isBuffer ? `${e.name} is a buffer, not a register` : `${e.name} is not defined here`);
    } else if (definition.type !== e.type) {
      this.report(path, `${e.name} is used as ${e.type}, but it is ${definition.type}`);
    }
    return definition?.type === e.type;
  }

  private instruction(e: Expr & { kind: 'op' }, path: readonly string[]): boolean {
    if (!isOpcode(e.op)) {
      this.report(path, `there is no instruction ${String((e as { op: unknown }).op)}`);
      return false;
    }
    const { params, imm }: Instruction = INSTRUCTIONS[e.op];
    if (e.args.length !== params.length) {
      this.report(path, `${printExpr(e)}: ${e.op} takes ${params.length} operands, found ${e.args.length}`);
    }
    e.args.forEach((arg, i) => {
      this.expect(arg, params[i] ?? typeOrI32(arg), path, `operand ${i} of ${e.op}`);
    });
    const [count, bound] = imm === undefined ? [0, 0] : [imm.count, imm.bound];
    const least = e.op === 'i32.ssat' ? 1 : 0;
    if (e.imm.length !== count) {
      this.report(path, `${printExpr(e)}: ${e.op} takes ${count} constants, found ${e.imm.length}`);
    } else if (!e.imm.every((value) => Number.isInteger(value) && value >= least && value < bound)) {
      this.report(path, `${printExpr(e)}: the constants of ${e.op} must lie in [${least}, ${bound})`);
    }
    return true;
  }

  private call(e: Expr & { kind: 'call' }, path: readonly string[]): boolean {
    const callee = this.functions.get(e.fn);
    for (const arg of callee === undefined ? operands(e) : []) this.expr(arg, path);
    if (callee === undefined) this.report(path, `there is no function ${e.fn}`);
    else if (callee.result === null) this.report(path, `${e.fn} is a kernel, which an expression may not call`);
    else if (callee.result !== e.type) this.report(path, `${e.fn} gives ${callee.result}, but ${e.type} is expected`);
    if (callee === undefined) return false;
    if (callee.params.length !== e.args.length) {
      this.report(path, `${e.fn} takes ${callee.params.length} arguments, found ${e.args.length}`);
    }
    e.args.forEach((arg, i) => {
      const param = callee.params[i];
      this.expect(arg, param?.kind === 'scalar' ? param.type : typeOrI32(arg), path, `argument ${i} of ${e.fn}`);
    });
    return callee.result === e.type;
  }
}

/** Checks one function's own laws; `functions` are those that it may call. */
export function checkStructure(fn: Func, functions: ReadonlyMap<string, Func>, report: Report): void {
  new Checker(fn, functions, report).check();
}
