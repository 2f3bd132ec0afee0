/** The functions of a program as C text: those that its calls reach, each after the helpers it uses. */

import {
  type Argument,
  type BufferParam,
  ELEM_BYTES,
  type Func,
  offsetOf,
  type Place,
  type Program,
} from '../../ir/loop/types.ts';
import type { Names } from './expression.ts';
import { Scope } from './names.ts';
import { type Prepared, type Shared, shareBodies } from './share.ts';
import { printFunction } from './statement.ts';
import { callsOf, readsOf, type TidyStmt, tidy, visitTidy } from './tidy.ts';

/** What the symbols of the emitted file are called; kept apart from the names inside functions. */
export interface Symbols {
  readonly functions: ReadonlyMap<string, string>;
  readonly roms: ReadonlyMap<string, string>;
  /** All of the above and the public functions: no local may be called so. */
  readonly taken: ReadonlySet<string>;
}

export function symbolsOf(program: Program, prefix: string): Symbols {
  const scope = new Scope([`${prefix}_run`, `${prefix}_reset`]);
  const claim = (name: string) => scope.claim(`${prefix}_${name}`);
  const functions = new Map(program.functions.map((fn) => [fn.name, claim(fn.name)]));
  const roms = new Map(program.roms.map((rom) => [rom.name, claim(rom.name)]));
  return { functions, roms, taken: new Set([...functions.values(), ...roms.values()]) };
}

/** The functions to print and what calls them; `share` makes one of those that differ in numbers alone. Throws as `printFunctions`. */
export function prepareFunctions(program: Program, share: boolean): Shared {
  const functions = reachable(program);
  return share ? shareBodies(functions) : { functions, calls: new Map() };
}

export function printFunctions(program: Program, { functions, calls }: Shared, symbols: Symbols): string[][] {
  return functions.map(({ fn, body }) => {
    const callers = new Set([fn.name, ...[...calls].filter(([, to]) => to.fn === fn.name).map(([name]) => name)]);
    const options = { used: readsOf(body), disjoint: disjointParams(program, fn, callers) };
    return printFunction(fn, body, namesOf(fn, body, symbols), options);
  });
}

/** Throws when a function that is called does not exist or calls itself. */
function reachable(program: Program): Prepared[] {
  const byName = new Map(program.functions.map((fn) => [fn.name, fn]));
  const done = new Set<string>();
  const order: Prepared[] = [];
  const visit = (name: string, callers: readonly string[]): void => {
    if (callers.includes(name)) throw new Error(`${name}: calls itself (${[...callers, name].join(' -> ')})`);
    if (done.has(name)) return;
    const fn = byName.get(name);
    if (fn === undefined) throw new Error(`${callers.at(-1) ?? program.name}: calls ${name}, which does not exist`);
    const body = tidy(fn);
    for (const callee of callsOf(body)) visit(callee, [...callers, name]);
    done.add(name);
    order.push({ fn, body });
  };
  for (const call of [...program.run, ...program.reset]) visit(call.fn, []);
  return order;
}

function namesOf(fn: Func, body: readonly TidyStmt[], symbols: Symbols): Names {
  const scope = new Scope(symbols.taken);
  const locals = new Map<string, string>();
  const claim = (name: string) => {
    if (!locals.has(name)) locals.set(name, scope.claim(name));
  };
  for (const param of fn.params) claim(param.name);
  visitTidy(body, (stmt) => {
    if (stmt.kind === 'let' || stmt.kind === 'var' || stmt.kind === 'for') claim(stmt.name);
  });
  const buffers = new Map(fn.params.flatMap((p) => (p.kind === 'buffer' ? [[p.name, p] as const] : [])));
  const find = <T>(map: ReadonlyMap<string, T>, name: string, what: string): T => {
    const found = map.get(name);
    if (found === undefined) throw new Error(`${fn.name}: there is no ${what} ${name}`);
    return found;
  };
  return {
    local: (name) => find(locals, name, 'variable'),
    fn: (name) => find(symbols.functions, name, 'function'),
    buffer: (name) => find(buffers, name, 'buffer'),
  };
}

/**
 * The buffers of a function that share no byte with another in any call, unless nothing writes there: what `restrict`
 * promises.
 */
function disjointParams(program: Program, fn: Func, callers: ReadonlySet<string>): ReadonlySet<string> {
  const shared = new Set<string>();
  for (const call of [...program.run, ...program.reset]) {
    if (!callers.has(call.fn)) continue;
    const spans = fn.params.flatMap((param, i) => {
      const arg = call.args[i];
      return param.kind === 'buffer' && arg !== undefined && arg.kind !== 'scalar' ? [spanOf(param, arg)] : [];
    });
    for (const a of spans) {
      if (spans.some((b) => a !== b && (a.written || b.written) && overlap(a, b))) shared.add(a.param);
    }
  }
  return new Set(fn.params.map(({ name }) => name).filter((name) => !shared.has(name)));
}

interface Span {
  readonly param: string;
  readonly memory: string;
  readonly start: number;
  readonly end: number;
  readonly written: boolean;
}

function spanOf(param: BufferParam, place: Place): Span {
  const bytes = param.length * ELEM_BYTES[param.elem];
  const start = offsetOf(place);
  return {
    param: param.name,
    memory: memoryOf(place),
    start,
    end: start + bytes,
    written: param.access === 'out' || param.access === 'inout',
  };
}

function memoryOf(place: Argument & Place): string {
  if (place.kind === 'arena') return 'arena';
  return place.kind === 'rom' ? `rom ${place.name}` : `${place.kind} ${place.index}`;
}

function overlap(a: Span, b: Span): boolean {
  return a.memory === b.memory && a.start < b.end && b.start < a.end;
}
