/**
 * One body for kernels that are the same but for their numbers: where those differ (trip counts, strides, zero points) the
 * body reads a parameter, and each call passes its own. Models with many layers of few kinds get a fraction of the code.
 */
import { affine } from '../../ir/loop/build.ts';
import { type Range, range } from '../../ir/loop/ranges.ts';
import type { Call, Expr, For, Func, Program, ScalarParam, Stmt } from '../../ir/loop/types.ts';

/** A loop of a shared body. */
export interface SharedFor extends For {
  /** In the place of `start`, `end` and `step`; the index meets `stop` exactly. */
  readonly bounds?: { readonly start: Expr; readonly stop: Expr; readonly step: Expr };
  /** Of the index, in any of the kernels. */
  readonly indices?: Range;
}

/** What is known of the parameters that hold numbers, by function and name. */
export type NumberRanges = ReadonlyMap<string, ReadonlyMap<string, Range>>;

export interface Shared {
  readonly program: Program;
  readonly ranges: NumberRanges;
}

/** More than these cost more at each call, and in spilled registers, than the code they save. */
const MOST_PARAMETERS = 16;

/** The name of a parameter that holds a number; no name of loop IR begins so. */
function numberName(index: number): string {
  return `#${index}`;
}

export function isNumber(name: string): boolean {
  return name.startsWith('#');
}

/** What fewer kernels save is hardly more than their calls cost, in bytes of a compressed module. */
const FEWEST_MEMBERS = 4;

interface Member {
  readonly func: Func;
  /** The numbers of the body in the order in which `mapBody` visits them. */
  readonly numbers: readonly number[];
}

export function shareBodies(program: Program): Shared {
  const groups = new Map<string, Member[]>();
  for (const func of program.functions) {
    // Scalar helpers are called within expressions, with what they take.
    if (func.result !== null) continue;
    const numbers: number[] = [];
    const skeleton = skeletonOf(func, numbers);
    const group = groups.get(skeleton);
    if (group === undefined) groups.set(skeleton, [{ func, numbers }]);
    else group.push({ func, numbers });
  }
  const merged = new Map<string, Func>();
  const ranges = new Map<string, ReadonlyMap<string, Range>>();
  /** By function: what to call instead, and with what numbers behind the arguments. */
  const calls = new Map<string, { readonly fn: string; readonly numbers: readonly number[] }>();
  for (const members of groups.values()) {
    if (members.length < FEWEST_MEMBERS) continue;
    const columns = columnsOf(members.map(({ numbers }) => numbers));
    if (columns.parameters.length > MOST_PARAMETERS) continue;
    const { func, known } = mergedBody(members, columns);
    merged.set(func.name, func);
    ranges.set(func.name, known);
    members.forEach((member, i) => {
      calls.set(member.func.name, {
        fn: func.name,
        numbers: columns.parameters.map((column) => column[i] as number),
      });
    });
  }
  const renamed = (call: Call): Call => {
    const shared = calls.get(call.fn);
    if (shared === undefined) return call;
    const numbers = shared.numbers.map((value) => ({ kind: 'scalar', type: 'i32', value }) as const);
    return { ...call, fn: shared.fn, args: [...call.args, ...numbers] };
  };
  const functions = program.functions.flatMap((func) => {
    const shared = calls.get(func.name);
    if (shared === undefined) return [func];
    return shared.fn === func.name ? [merged.get(func.name) as Func] : [];
  });
  return {
    program: { ...program, functions, run: program.run.map(renamed), reset: program.reset.map(renamed) },
    ranges,
  };
}

/** Where the numbers of several kernels differ. */
interface Columns {
  /** By position of the number: the parameter it is a multiple of and by what, or undefined where all have the same. */
  readonly places: readonly ({ readonly parameter: number; readonly times: number } | undefined)[];
  /** The values of each parameter, by kernel. */
  readonly parameters: readonly (readonly number[])[];
}

function columnsOf(rows: readonly (readonly number[])[]): Columns {
  const positions = (rows[0] as readonly number[]).map((_, position) => rows.map((row) => row[position] as number));
  const differing = positions.filter((column) => column.some((value) => value !== column[0]));
  const distinct = [...new Map(differing.map((column) => [column.join(), column])).values()];
  // Small ones first, so that the others can be multiples of them.
  const size = (column: readonly number[]) => Math.max(...column.map(Math.abs));
  const parameters: (readonly number[])[] = [];
  const known = new Map<string, { readonly parameter: number; readonly times: number }>();
  for (const column of distinct.toSorted((a, b) => size(a) - size(b))) {
    const found = parameters.findIndex((base) => timesOf(column, base) !== undefined);
    if (found < 0) parameters.push(column);
    const parameter = found < 0 ? parameters.length - 1 : found;
    known.set(column.join(), {
      parameter,
      times: timesOf(column, parameters[parameter] as readonly number[]) as number,
    });
  }
  return { places: positions.map((column) => known.get(column.join())), parameters };
}

/** The whole number that one column is of another. */
function timesOf(column: readonly number[], base: readonly number[]): number | undefined {
  const place = base.findIndex((value) => value !== 0);
  const times = (column[place] as number) / (base[place] as number);
  return Number.isInteger(times) && base.every((value, i) => value * times === column[i]) ? times : undefined;
}

function mergedBody(
  members: readonly Member[],
  { places, parameters }: Columns,
): { readonly func: Func; readonly known: ReadonlyMap<string, Range> } {
  const [{ func }] = members as [Member];
  const params = parameters.map((_, i): ScalarParam => ({ kind: 'scalar', name: numberName(i), type: 'i32' }));
  const known = new Map(
    parameters.map((column, i) => [numberName(i), range(Math.min(...column), Math.max(...column))]),
  );
  const replace = (value: number, position: number): Expr => {
    const place = places[position];
    if (place === undefined) return { kind: 'const', type: 'i32', value };
    return affine([[{ kind: 'var', name: numberName(place.parameter), type: 'i32' }, place.times]]);
  };
  const indicesAt = (position: number): Range => {
    const ends = members.map(({ numbers }) => {
      const [start, stop, step] = numbers.slice(position, position + 3) as [number, number, number];
      return [start, stop - step] as const;
    });
    return range(Math.min(...ends.map(([first]) => first)), Math.max(...ends.map(([, last]) => last)));
  };
  const doc = [`${func.doc[0]}, and ${members.length - 1} like it, whose numbers the calls pass`, ...func.doc.slice(1)];
  const buffers = func.params.map((param, i) => {
    const lengths = members
      .map((member) => member.func.params[i])
      .map((one) => (one?.kind === 'buffer' ? one.length : 0));
    return param.kind === 'buffer' ? { ...param, length: Math.max(...lengths) } : param;
  });
  const body = new Numbers(replace, indicesAt).body(func.body);
  return { func: { ...func, doc, params: [...buffers, ...params], body }, known };
}

/** The text of a function without its numbers, which are appended to `numbers`. */
function skeletonOf(func: Func, numbers: number[]): string {
  const take = (value: number): Expr => {
    numbers.push(value);
    return NUMBER;
  };
  const params = func.params.map((param) => (param.kind === 'buffer' ? { ...param, length: 0 } : param));
  return JSON.stringify([params, new Numbers(take, () => EVERY).body(func.body)], plainText);
}

const NUMBER: Expr = { kind: 'var', name: '#', type: 'i32' };
const EVERY = range(0, 0);

function plainText(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  return Object.is(value, -0) ? '-0' : value;
}

/** Replaces the i32 constants of a body, and the bounds of loops that are not unrolled. */
class Numbers {
  private readonly replace: (value: number, position: number) => Expr;
  private readonly indicesAt: (position: number) => Range;
  private position = 0;

  constructor(replace: (value: number, position: number) => Expr, indicesAt: (position: number) => Range) {
    this.replace = replace;
    this.indicesAt = indicesAt;
  }

  body(stmts: readonly Stmt[]): Stmt[] {
    return stmts.map((stmt) => this.stmt(stmt));
  }

  private number(value: number): Expr {
    return this.replace(value, this.position++);
  }

  private stmt(stmt: Stmt): Stmt {
    switch (stmt.kind) {
      case 'let':
      case 'set':
      case 'return':
        return { ...stmt, value: this.expr(stmt.value) };
      case 'var':
        return { ...stmt, init: this.expr(stmt.init) };
      case 'store':
        return { ...stmt, index: this.expr(stmt.index), value: this.expr(stmt.value) };
      case 'for':
        return this.loop(stmt);
      case 'if':
        return { ...stmt, cond: this.expr(stmt.cond), body: this.body(stmt.body), orElse: this.body(stmt.orElse) };
      case 'comment':
        return stmt;
    }
  }

  private loop(stmt: For): SharedFor {
    const { start, end, step } = stmt;
    if (stmt.unroll || start >= end) return { ...stmt, body: this.body(stmt.body) };
    const indices = this.indicesAt(this.position);
    const stop = start + Math.ceil((end - start) / step) * step;
    const bounds = { start: this.number(start), stop: this.number(stop), step: this.number(step) };
    // The numbers themselves tell kernels apart no more.
    return { ...stmt, start: 0, end: 0, step: 0, bounds, indices, body: this.body(stmt.body) };
  }

  private expr(e: Expr): Expr {
    switch (e.kind) {
      case 'const':
        return e.type === 'i32' ? this.number(e.value as number) : e;
      case 'var':
        return e;
      case 'load':
        return { ...e, index: this.expr(e.index) };
      case 'call':
        return { ...e, args: e.args.map((arg) => this.expr(arg)) };
      case 'op':
        return { ...e, args: e.args.map((arg, i) => (i > 0 && BY_CONSTANT.test(e.op) ? arg : this.expr(arg))) };
    }
  }
}

/** Shifts and divisions are cheap by a constant. */
const BY_CONSTANT = /\.(?:shl|shr_[su]|div_s|rem_s)$/;
