/**
 * Laws of values, proved by interval analysis: accesses in bounds, shift counts and divisors in their domain.
 *
 * The analysis walks a function once in order. A `let` has the range of its expression, a loop variable that of its
 * constants, a `var` that of its last value. Inside an `if` the registers compared in the condition are narrowed. For the
 * `var`s that a loop's body sets, ranges are found that hold at the start of every trip. Helpers are analysed anew for
 * each call with the ranges of its arguments.
 */
import { typeOf } from './build.ts';
import { accessCount } from './evaluate-memory.ts';
import type { Opcode } from './instructions.ts';
import { printExpr, printHead } from './print.ts';
import { contains, factsOf, fullRange, join, LOADED, meet, opRange, printRange, type Range, range } from './ranges.ts';
import { ACCESS_BYTES, type Access, type BufferParam, type Expr, type For, type Func, type Stmt } from './types.ts';
import type { Report } from './verify-structure.ts';
import { operands, visitStmts } from './walk.ts';

/** The ranges of the registers that hold integers. */
type Env = ReadonlyMap<string, Range>;

/** Which operand must lie in [0, bits). */
const SHIFTS: Readonly<Partial<Record<Opcode, number>>> = {
  'i32.shl': 32,
  'i32.shr_s': 32,
  'i32.shr_u': 32,
  'i64.shl': 64,
  'i64.shr_s': 64,
  'i32.rdivpot': 32,
  'i32.sqshl': 32,
  'i16x8.shl': 16,
  'i16x8.shr_s': 16,
  'i16x8.shr_u': 16,
  'i32x4.shl': 32,
  'i32x4.shr_s': 32,
  'i32x4.shr_u': 32,
};

const DIVISIONS: ReadonlySet<Opcode> = new Set<Opcode>(['i32.div_s', 'i32.rem_s']);

type Ranges = readonly (Range | undefined)[];
/** Gives the range of a helper's result; checks the helper too when `reporting`. */
type Callee = (name: string, args: Ranges, reporting: boolean) => Range | undefined;

/** What is shared by the analyses of all functions of a program: each helper is analysed once per ranges of arguments. */
export class FlowChecker {
  private readonly functions: ReadonlyMap<string, Func>;
  private readonly report: (fn: Func) => Report;
  private readonly results = new Map<string, { readonly result: Range | undefined; readonly reported: boolean }>();

  constructor(functions: ReadonlyMap<string, Func>, report: (fn: Func) => Report) {
    this.functions = functions;
    this.report = report;
  }

  /**
   * The range of a function's result for all scalars in these ranges, in the order of its scalar parameters. Checks it and
   * its callees when `reporting`.
   */
  check(fn: Func, scalars: Ranges, reporting: boolean): Range | undefined {
    const callee: Callee = (name, args, deep) => this.call(name, args, deep);
    return new FlowAnalysis(fn, this.report(fn), callee, reporting).run(scalars);
  }

  private call(name: string, args: Ranges, reporting: boolean): Range | undefined {
    const key = `${name}(${args.map((arg) => (arg === undefined ? '' : printRange(arg))).join()})`;
    const known = this.results.get(key);
    if (known !== undefined && (known.reported || !reporting)) return known.result;
    const result = this.check(this.functions.get(name) as Func, args, reporting);
    this.results.set(key, { result, reported: reporting });
    return result;
  }
}

/** `known` with those ends that `after` lies beyond moved to the ends of the type. */
function widened(known: Range, after: Range, full: Range): Range {
  return {
    low: after.low < known.low ? full.low : known.low,
    high: after.high > known.high ? full.high : known.high,
  };
}

class FlowAnalysis {
  private readonly fn: Func;
  private readonly report: Report;
  private readonly callee: Callee;
  private readonly buffers: ReadonlyMap<string, BufferParam>;
  private env = new Map<string, Range>();
  private result: Range | undefined;
  /** Above zero while only ranges are wanted: registers may then be taken to hold more than they ever do. */
  private silent: number;

  constructor(fn: Func, report: Report, callee: Callee, reporting: boolean) {
    this.silent = reporting ? 0 : 1;
    this.fn = fn;
    this.report = report;
    this.callee = callee;
    this.buffers = new Map(fn.params.flatMap((param) => (param.kind === 'buffer' ? [[param.name, param]] : [])));
  }

  run(scalars: Ranges): Range | undefined {
    const params = this.fn.params.filter((param) => param.kind === 'scalar');
    params.forEach((param, i) => {
      this.bind(param.name, scalars[i] ?? fullRange(param.type));
    });
    this.body(this.fn.body, []);
    return this.result;
  }

  private bind(name: string, known: Range | undefined): void {
    if (known === undefined) this.env.delete(name);
    else this.env.set(name, known);
  }

  private body(body: readonly Stmt[], path: readonly string[]): void {
    for (const s of body) this.stmt(s, path);
  }

  private stmt(s: Stmt, outer: readonly string[]): void {
    // Heads are long for large expressions: they are only printed where something can be reported.
    const path = this.silent > 0 ? outer : [...outer, printHead(s)];
    switch (s.kind) {
      case 'let':
      case 'set':
        this.check(s.value, path);
        this.bind(s.name, this.rangeOf(s.value, this.env));
        break;
      case 'var':
        this.check(s.init, path);
        this.bind(s.name, this.rangeOf(s.init, this.env));
        break;
      case 'store':
        this.access(s.buffer, s.access, s.index, path);
        this.check(s.index, path);
        this.check(s.value, path);
        break;
      case 'for':
        this.loop(s, path);
        break;
      case 'if':
        this.branch(s, path);
        break;
      case 'return':
        this.check(s.value, path);
        this.result = this.rangeOf(s.value, this.env);
        break;
      case 'comment':
        break;
    }
  }

  private loop(s: For, path: readonly string[]): void {
    const trips = Math.floor((s.end - 1 - s.start) / s.step);
    this.env.set(s.name, range(s.start, s.start + trips * s.step));
    const changed = this.changedIn(s.body, this.env);
    for (const [name, known] of this.atEveryTrip(s, changed, path)) this.env.set(name, known);
    const start = this.env;
    this.env = new Map(start);
    this.body(s.body, path);
    // A loop runs at least once, so that what its last trip leaves is all there is; names from inside go out of scope.
    const end = this.env;
    this.env = new Map([...start].map(([name, known]) => [name, changed.has(name) ? (end.get(name) ?? known) : known]));
  }

  /**
   * Ranges of the `var`s that a body sets which hold whenever a trip starts. Begins with what they hold before the loop;
   * an end that the body moves goes all the way to the end of the type. Once the body moves no end any more, the ranges
   * hold, and so do the tighter ones of before the loop joined with what the body leaves.
   */
  private atEveryTrip(
    s: For,
    changed: ReadonlyMap<string, Range>,
    path: readonly string[],
  ): ReadonlyMap<string, Range> {
    const before = this.env;
    const first = new Map([...changed].map(([name, full]) => [name, before.get(name) ?? full]));
    let assumed = first;
    for (let attempt = 0; changed.size > 0; attempt++) {
      const after = this.effect(s.body, assumed, path);
      const left = (name: string) => after.get(name) as Range;
      if ([...assumed].every(([name, known]) => contains(known, left(name)))) {
        return new Map([...first].map(([name, known]) => [name, join(known, left(name))]));
      }
      assumed = new Map(
        [...assumed].map(([name, known]) => {
          const full = changed.get(name) as Range;
          return [name, attempt < 3 ? widened(known, left(name), full) : full];
        }),
      );
    }
    return assumed;
  }

  /** What a body leaves in the `var`s of `assumed` when they hold that before it. Reports nothing. */
  private effect(body: readonly Stmt[], assumed: ReadonlyMap<string, Range>, path: readonly string[]) {
    const before = this.env;
    this.env = new Map([...before, ...assumed]);
    this.silent++;
    this.body(body, path);
    this.silent--;
    const after = new Map([...assumed].map(([name, known]) => [name, this.env.get(name) ?? known]));
    this.env = before;
    return after;
  }

  /** The integer `var`s from outside that a body sets, with what they hold when nothing is known. */
  private changedIn(body: readonly Stmt[], outside: Env): ReadonlyMap<string, Range> {
    const changed = new Map<string, Range>();
    visitStmts(body, (s) => {
      if (s.kind !== 'set' || !outside.has(s.name)) return;
      const full = fullRange(typeOf(s.value));
      if (full !== undefined) changed.set(s.name, full);
    });
    return changed;
  }

  private branch(s: Stmt & { kind: 'if' }, path: readonly string[]): void {
    this.check(s.cond, path);
    const before = this.env;
    const arm = (body: readonly Stmt[], holds: boolean, where: readonly string[]): Env | undefined => {
      const inside = this.assume(s.cond, holds, before);
      if (inside === undefined) return undefined;
      this.env = new Map(inside);
      this.body(body, where);
      return this.env;
    };
    const ends = [arm(s.body, true, path), arm(s.orElse, false, [...path, 'else'])].filter((end) => end !== undefined);
    this.env = new Map(before);
    for (const name of before.keys()) {
      const values = ends.map((end) => end.get(name)).filter((value) => value !== undefined);
      if (values.length > 0) this.env.set(name, values.reduce(join));
    }
  }

  /** The environment where `cond` is true or false; `undefined` when it never is. */
  private assume(cond: Expr, holds: boolean, env: Env): Env | undefined {
    const known = this.rangeOf(cond, env);
    if (known !== undefined && known.low === known.high && (known.low !== 0n) !== holds) return undefined;
    const narrowed = new Map(env);
    for (const fact of factsOf(cond, holds, (e) => this.rangeOf(e, env))) {
      const before = narrowed.get(fact.name);
      if (before === undefined) continue;
      const both = meet(before, fact.range);
      if (both === undefined) return undefined;
      narrowed.set(fact.name, both);
    }
    return narrowed;
  }

  private rangeOf(e: Expr, env: Env): Range | undefined {
    switch (e.kind) {
      case 'const':
        return e.type === 'i32' || e.type === 'i64' ? range(e.value, e.value) : undefined;
      case 'var':
        return env.get(e.name) ?? fullRange(e.type);
      case 'load':
        return LOADED[e.access];
      case 'call':
        return this.callee(
          e.fn,
          e.args.map((arg) => this.rangeOf(arg, env)),
          false,
        );
      case 'op':
        return this.opRange(e, env);
    }
  }

  private opRange(e: Expr & { kind: 'op' }, env: Env): Range | undefined {
    const [cond, a, b] = e.args;
    if ((e.op === 'i32.select' || e.op === 'i64.select') && cond !== undefined && a !== undefined && b !== undefined) {
      const arms = [[true, a] as const, [false, b] as const].flatMap(([holds, value]) => {
        const inside = this.assume(cond, holds, env);
        return inside === undefined ? [] : [this.rangeOf(value, inside)];
      });
      if (arms.every((arm) => arm !== undefined) && arms.length > 0) return arms.reduce(join);
    }
    return opRange(
      e.op,
      e.args.map((arg) => this.rangeOf(arg, env)),
      e.imm,
    );
  }

  /** Checks everything that computing `e` does. */
  private check(e: Expr, path: readonly string[]): void {
    if (this.silent > 0) return;
    for (const operand of operands(e)) this.check(operand, path);
    if (e.kind === 'load') this.access(e.buffer, e.access, e.index, path);
    if (e.kind === 'call') {
      const args = e.args.map((arg) => this.rangeOf(arg, this.env));
      this.callee(e.fn, args, true);
    }
    if (e.kind !== 'op') return;
    const bits = SHIFTS[e.op];
    const right = e.args[1];
    if (right === undefined) return;
    if (bits !== undefined) this.inDomain(right, range(0, bits - 1), `the shift count of ${printExpr(e)}`, path);
    if (DIVISIONS.has(e.op)) this.division(e, right, path);
  }

  private division(e: Expr & { kind: 'op' }, divisor: Expr, path: readonly string[]): void {
    const known = this.rangeOf(divisor, this.env) as Range;
    if (contains(known, range(0, 0))) {
      const found = `the divisor of ${printExpr(e)} has the range ${printRange(known)}`;
      this.report(path, `${found}, which must not hold 0`);
    }
    const dividend = this.rangeOf(e.args[0] as Expr, this.env) as Range;
    const least = range(-(2 ** 31), -(2 ** 31));
    if (e.op === 'i32.div_s' && contains(known, range(-1, -1)) && contains(dividend, least)) {
      this.report(path, `${printExpr(e)} may be -2^31 / -1, which overflows`);
    }
  }

  private access(name: string, access: Access, index: Expr, path: readonly string[]): void {
    if (this.silent > 0) return;
    const buffer = this.buffers.get(name) as BufferParam;
    const count = accessCount(buffer, access);
    const what = `${ACCESS_BYTES[access]} bytes of ${name}: ${buffer.elem}[${buffer.length}]`;
    if (count === 0)
      this.report(path, `${what} are more than the buffer holds, or wider than its elements are aligned`);
    else this.inDomain(index, range(0, count - 1), `the index of an access to ${what}`, path);
  }

  private inDomain(e: Expr, domain: Range, what: string, path: readonly string[]): void {
    const known = this.rangeOf(e, this.env);
    if (known === undefined || contains(domain, known)) return;
    const found = `${what}, ${printExpr(e)}, has the range ${printRange(known)}`;
    this.report(path, `${found}, which must lie in ${printRange(domain)}`);
  }
}
