/**
 * One body for kernels that are the same but for their numbers: where those differ (trip counts, strides, zero points) the
 * body reads a parameter, and each call passes its own. Firmware with many layers of few kinds gets a fraction of the code.
 */
import { add, i32, mul, sub } from '../../ir/loop/build.ts';
import type { Expr, Func, ScalarParam } from '../../ir/loop/types.ts';
import { type TidyStmt, visitTidy } from './tidy.ts';

export interface Prepared {
  readonly fn: Func;
  readonly body: readonly TidyStmt[];
}

export interface SharedCall {
  /** The function to call instead. */
  readonly fn: string;
  /** What it takes behind the arguments that it had. */
  readonly numbers: readonly number[];
}

export interface Shared {
  readonly functions: readonly Prepared[];
  /** By the name of a function that is gone, or takes more than it did. */
  readonly calls: ReadonlyMap<string, SharedCall>;
}

/** More than these cost more at each call, and in spilled registers, than the code they save. */
const MOST_PARAMETERS = 24;

export function shareBodies(functions: readonly Prepared[]): Shared {
  const groups = new Map<string, { readonly member: Prepared; readonly numbers: readonly number[] }[]>();
  // Scalar helpers are called within expressions, with what they take.
  for (const given of functions.filter(({ fn }) => fn.result === null)) {
    const member = { fn: given.fn, body: mapBody(given.body, withFactors, withOffset) };
    const numbers: number[] = [];
    const skeleton = skeletonOf(member, numbers);
    const group = groups.get(skeleton);
    if (group === undefined) groups.set(skeleton, [{ member, numbers }]);
    else group.push({ member, numbers });
  }
  const merged = new Map<string, Prepared>();
  const calls = new Map<string, SharedCall>();
  for (const group of groups.values()) {
    if (group.length < 2) continue;
    const columns = columnsOf(group.map(({ numbers }) => numbers));
    if (columns.distinct.length > MOST_PARAMETERS) continue;
    const name = (group[0] as (typeof group)[number]).member.fn.name;
    merged.set(
      name,
      mergedBody(
        group.map(({ member }) => member),
        columns,
      ),
    );
    group.forEach(({ member }, i) => {
      calls.set(member.fn.name, { fn: name, numbers: columns.distinct.map((column) => column[i] as number) });
    });
  }
  const kept = functions.filter(({ fn }) => (calls.get(fn.name)?.fn ?? fn.name) === fn.name);
  return { functions: kept.map((one) => merged.get(one.fn.name) ?? one), calls };
}

/** Which numbers differ between the members. */
interface Columns {
  /** By position of the number: what it is made of, or undefined where all members have the same. */
  readonly parts: readonly (Derived | undefined)[];
  /** The values of one parameter, by member. */
  readonly distinct: readonly Column[];
}

type Column = readonly number[];

/** How a number is made of the parameters; each of `of` is a place in `distinct`. */
type Derived =
  | { readonly kind: 'product'; readonly of: readonly number[]; readonly factor: number; readonly offset: number }
  | { readonly kind: 'sum'; readonly of: readonly [number, number]; readonly sign: 1 | -1 };

function columnsOf(rows: readonly (readonly number[])[]): Columns {
  const all = (rows[0] as readonly number[]).map((_, position) => rows.map((row) => row[position] as number));
  const differing = all.filter((column) => column.some((value) => value !== column[0]));
  const byText = new Map(differing.map((column) => [column.join(), column]));
  const bases = basesOf([...byText.values()]);
  const distinct = [...byText.values()].filter((column) => bases.includes(column));
  const derived = new Map([...byText].map(([text, column]) => [text, derivedFrom(column, distinct)]));
  return { parts: all.map((column) => derived.get(column.join())), distinct };
}

/** Those that do not follow from others. What a column is a multiple of stands before it. */
function basesOf(columns: readonly Column[]): Column[] {
  const size = (column: Column) => column.reduce((sum, value) => sum + Math.abs(value), 0);
  const bases: Column[] = [];
  for (const column of [...columns].sort((a, b) => size(a) - size(b))) {
    if (derivedFrom(column, bases) === undefined) bases.push(column);
  }
  return bases;
}

function derivedFrom(column: Column, bases: readonly Column[]): Derived | undefined {
  const places = bases.map((_, i) => i);
  const pairs = places.flatMap((i) => places.slice(0, i + 1).map((j): [number, number] => [i, j]));
  const candidates: Derived[] = [
    ...places.map((i) => lineThrough(column, bases[i] as Column, [i])),
    ...pairs.map((of) => ({ kind: 'product', of, factor: ratio(column, bases, of), offset: 0 }) as const),
    ...pairs.flatMap(([i, j]) =>
      (
        [
          [i, j, 1],
          [i, j, -1],
          [j, i, -1],
        ] as const
      ).map(([a, b, sign]) => ({ kind: 'sum', of: [a, b], sign }) as const),
    ),
  ];
  return candidates.find((one) => isCheap(one) && column.every((value, i) => value === numberOf(one, bases, i)));
}

/** The line through two of a column's points over another column; the columns differ somewhere. */
function lineThrough(column: Column, base: Column, of: readonly [number]): Derived {
  const [x, y] = [base[0] as number, column[0] as number];
  const other = base.findIndex((value) => value !== x);
  const factor = ((column[other] as number) - y) / ((base[other] as number) - x);
  return { kind: 'product', of, factor, offset: y - factor * x };
}

function ratio(column: Column, bases: readonly Column[], of: readonly number[]): number {
  return of.reduce((rest, place) => rest / (bases[place]?.[0] as number), column[0] as number);
}

function numberOf(derived: Derived, bases: readonly Column[], member: number): number {
  const values = derived.of.map((place) => bases[place]?.[member] as number);
  if (derived.kind === 'sum') return (values[0] as number) + derived.sign * (values[1] as number);
  return values.reduce((x, value) => x * value, derived.factor) + derived.offset;
}

/** What neighbours lie apart; larger offsets are chance. */
const MOST_OFFSET = 8;

/** Worth computing rather than passing: no more than a multiplication, a shift and an addition. */
function isCheap(derived: Derived): boolean {
  if (derived.kind === 'sum') return true;
  const { of, factor, offset } = derived;
  const isShift = factor >= 1 && Number.isInteger(Math.log2(factor));
  if (of.length > 1) return isShift;
  return Number.isInteger(factor) && factor > 0 && (offset === 0 || (isShift && Math.abs(offset) <= MOST_OFFSET));
}

function derivedExpr(derived: Derived, variable: (place: number) => Expr): Expr {
  const values = derived.of.map(variable) as [Expr, ...Expr[]];
  if (derived.kind === 'sum') return (derived.sign === 1 ? add : sub)(values[0], values[1] as Expr);
  return add(mul(values.reduce(mul), derived.factor), derived.offset);
}

function mergedBody(members: readonly Prepared[], { parts, distinct }: Columns): Prepared {
  const [{ fn, body }] = members as [Prepared];
  const taken = namesIn(fn, body);
  const free = (name: string): string => (taken.has(name) ? free(`${name}_`) : name);
  const params = distinct.map((_, i): ScalarParam => ({ kind: 'scalar', name: free(`n${i}`), type: 'i32' }));
  const variable = (i: number): Expr => ({ kind: 'var', name: (params[i] as ScalarParam).name, type: 'i32' });
  let position = 0;
  const replace = (value: number): Expr => {
    const part = parts[position++];
    return part === undefined ? i32(value) : derivedExpr(part, variable);
  };
  const others = members.length - 1;
  const doc = [`${fn.doc[0]}, and ${others} like it, whose numbers the calls pass`, ...fn.doc.slice(1)];
  return { fn: { ...fn, doc, params: [...fn.params, ...params] }, body: mapNumbers(body, replace) };
}

/** What a function calls its parameters and variables. */
function namesIn({ params }: Func, body: readonly TidyStmt[]): ReadonlySet<string> {
  const names = new Set(params.map(({ name }) => name));
  visitTidy(body, (stmt) => {
    if (stmt.kind === 'let' || stmt.kind === 'var' || stmt.kind === 'for') names.add(stmt.name);
  });
  return names;
}

/** The text of a function without its numbers, which are appended to `numbers` in the order in which `mapNumbers` visits them. */
function skeletonOf({ fn, body }: Prepared, numbers: number[]): string {
  const take = (value: number): Expr => {
    numbers.push(value);
    return NUMBER;
  };
  const params = fn.params.map((param) => (param.kind === 'buffer' ? { ...param, length: 0 } : param));
  return JSON.stringify([fn.result, params, mapNumbers(body, take)], plainText);
}

const NUMBER: Expr = { kind: 'var', name: '#', type: 'i32' };

function plainText(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  return Object.is(value, -0) ? '-0' : value;
}

type Replace = (value: number) => Expr;

function mapNumbers(body: readonly TidyStmt[], replace: Replace): TidyStmt[] {
  return mapBody(body, (e) => mapExpr(e, replace));
}

type MapExpr = (e: Expr) => Expr;

/** `mapLet` is for values that get a name. */
function mapBody(body: readonly TidyStmt[], map: MapExpr, mapLet = map): TidyStmt[] {
  return body.map((stmt) => mapStmt(stmt, map, mapLet));
}

function mapStmt(stmt: TidyStmt, map: MapExpr, mapLet: MapExpr): TidyStmt {
  switch (stmt.kind) {
    case 'let':
      return { ...stmt, value: mapLet(stmt.value) };
    case 'set':
    case 'return':
      return { ...stmt, value: map(stmt.value) };
    case 'var':
      return { ...stmt, init: map(stmt.init) };
    case 'store':
      return { ...stmt, index: map(stmt.index), value: map(stmt.value) };
    case 'for': {
      const [start, end, step] = [map(stmt.start), map(stmt.end), map(stmt.step)];
      return { ...stmt, start, end, step, body: mapBody(stmt.body, map, mapLet) };
    }
    case 'if':
      return {
        ...stmt,
        cond: map(stmt.cond),
        body: mapBody(stmt.body, map, mapLet),
        orElse: mapBody(stmt.orElse, map, mapLet),
      };
    case 'block':
      return { ...stmt, body: mapBody(stmt.body, map, mapLet) };
    case 'comment':
      return stmt;
  }
}

function mapExpr(e: Expr, replace: Replace): Expr {
  switch (e.kind) {
    case 'const':
      return e.type === 'i32' ? replace(e.value as number) : e;
    case 'var':
      return e;
    case 'load':
      return { ...e, index: mapExpr(e.index, replace) };
    case 'call':
      return { ...e, args: e.args.map((arg) => mapExpr(arg, replace)) };
    case 'op': {
      const [first, second] = e.args as [Expr, Expr];
      // Division by a constant is a multiplication; by a parameter it would be a division.
      if (e.op === 'i32.div_s' || e.op === 'i32.rem_s') return { ...e, args: [mapExpr(first, replace), second] };
      const args = e.args.map((arg) => mapExpr(arg, replace));
      // What `withFactors` and `withOffset` made explicit, and all members have.
      const neutral = e.op === 'i32.mul' ? 1 : e.op === 'i32.add' ? 0 : undefined;
      const isNeutral = neutral !== undefined && args[1]?.kind === 'const' && args[1].value === neutral;
      return isNeutral ? (args[0] as Expr) : { ...e, args };
    }
  }
}

/** Gives each term of a sum one factor, 1 where it has none: layers with one channel multiply no index by their number. */
function withFactors(e: Expr): Expr {
  switch (e.kind) {
    case 'const':
    case 'var':
      return e;
    case 'load':
      return { ...e, index: term(e.index) };
    case 'call':
      return { ...e, args: e.args.map(withFactors) };
    case 'op':
      return { ...e, args: e.args.map(e.op === 'i32.add' ? term : withFactors) };
  }
}

/** A sum also ends in an offset, 0 where it has none: windows without padding take nothing from a position. */
function withOffset(e: Expr): Expr {
  const value = withFactors(e);
  if (value.kind !== 'op' || value.op !== 'i32.add' || value.args[1]?.kind === 'const') return value;
  return { kind: 'op', op: 'i32.add', args: [value, i32(0)], imm: [] };
}

function term(e: Expr): Expr {
  if (e.kind !== 'var' && !isMultiple(e)) return withFactors(e);
  let [base, factor]: [Expr, number] = [e, 1];
  while (isMultiple(base)) [base, factor] = [base.args[0] as Expr, factor * constantOf(base.args[1] as Expr)];
  return { kind: 'op', op: 'i32.mul', args: [withFactors(base), i32(factor)], imm: [] };
}

function isMultiple(e: Expr): e is Extract<Expr, { kind: 'op' }> {
  return e.kind === 'op' && e.op === 'i32.mul' && e.args[1]?.kind === 'const';
}

function constantOf(e: Expr): number {
  return e.kind === 'const' ? Number(e.value) : Number.NaN;
}
