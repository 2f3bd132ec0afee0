/**
 * One body for kernels that are the same but for their numbers: where those differ (trip counts, strides, zero points) the
 * body reads a parameter, and each call passes its own. Firmware with many layers of few kinds gets a fraction of the code.
 */
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
  for (const member of functions.filter(({ fn }) => fn.result === null)) {
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
  /** By position of the number: its place in `distinct`, or undefined where all members have the same. */
  readonly parameter: readonly (number | undefined)[];
  /** The values of one parameter, by member. */
  readonly distinct: readonly (readonly number[])[];
}

function columnsOf(rows: readonly (readonly number[])[]): Columns {
  const places = new Map<string, number>();
  const distinct: number[][] = [];
  const parameter = (rows[0] as readonly number[]).map((first, position) => {
    const column = rows.map((row) => row[position] as number);
    if (column.every((value) => value === first)) return undefined;
    const key = column.join();
    const known = places.get(key);
    if (known !== undefined) return known;
    places.set(key, distinct.length);
    distinct.push(column);
    return distinct.length - 1;
  });
  return { parameter, distinct };
}

function mergedBody(members: readonly Prepared[], { parameter, distinct }: Columns): Prepared {
  const [{ fn, body }] = members as [Prepared];
  const taken = namesIn(fn, body);
  const free = (name: string): string => (taken.has(name) ? free(`${name}_`) : name);
  const params = distinct.map((_, i): ScalarParam => ({ kind: 'scalar', name: free(`n${i}`), type: 'i32' }));
  let position = 0;
  const replace = (value: number): Expr => {
    const place = parameter[position++];
    return place === undefined
      ? { kind: 'const', type: 'i32', value }
      : { kind: 'var', name: (params[place] as ScalarParam).name, type: 'i32' };
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
  return body.map((stmt) => mapStmt(stmt, replace));
}

function mapStmt(stmt: TidyStmt, replace: Replace): TidyStmt {
  switch (stmt.kind) {
    case 'let':
    case 'set':
    case 'return':
      return { ...stmt, value: mapExpr(stmt.value, replace) };
    case 'var':
      return { ...stmt, init: mapExpr(stmt.init, replace) };
    case 'store':
      return { ...stmt, index: mapExpr(stmt.index, replace), value: mapExpr(stmt.value, replace) };
    case 'for': {
      const [start, end, step] = [stmt.start, stmt.end, stmt.step].map((bound) => mapExpr(bound, replace));
      return { ...stmt, start, end, step, body: mapNumbers(stmt.body, replace) };
    }
    case 'if':
      return {
        ...stmt,
        cond: mapExpr(stmt.cond, replace),
        body: mapNumbers(stmt.body, replace),
        orElse: mapNumbers(stmt.orElse, replace),
      };
    case 'block':
      return { ...stmt, body: mapNumbers(stmt.body, replace) };
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
    case 'op':
      // Division by a constant is a multiplication; by a parameter it would be a division.
      if (e.op === 'i32.div_s' || e.op === 'i32.rem_s')
        return { ...e, args: [mapExpr(e.args[0] as Expr, replace), e.args[1] as Expr] };
      return { ...e, args: e.args.map((arg) => mapExpr(arg, replace)) };
  }
}
