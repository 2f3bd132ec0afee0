/** Statements and functions as C text. */
import { typeOf } from '../../ir/loop/build.ts';
import {
  ACCESS_BYTES,
  type Access,
  type Elem,
  type Func,
  type Param,
  type ScalarType,
  type Type,
} from '../../ir/loop/types.ts';
import { compoundAssignment, type Names, printCast, printCondition, printExpr } from './expression.ts';
import { C_ELEM } from './literals.ts';
import { STORE_FIRST, STORE_VECTOR } from './spell-vector.ts';
import { commentLines, signature, wrapLine } from './text.ts';
import type { TidyFor, TidyStmt } from './tidy.ts';

const C_SCALAR: Readonly<Record<ScalarType, string>> = { i32: 'int32_t', i64: 'int64_t', f32: 'float', f64: 'double' };

export function cType(type: Type): string {
  return type === 'v128' ? 'mcc_v128' : C_SCALAR[type];
}

/** The lines of a body, indented. */
export function printBody(body: readonly TidyStmt[], names: Names, indent: string): string[] {
  return body.flatMap((stmt) => printStmt(stmt, names, indent));
}

function printStmt(stmt: TidyStmt, names: Names, indent: string): string[] {
  const line = (text: string) => wrapLine(`${indent}${text}`);
  switch (stmt.kind) {
    case 'let':
      return line(`const ${cType(typeOf(stmt.value))} ${names.local(stmt.name)} = ${printExpr(stmt.value, names)};`);
    case 'var':
      return line(`${cType(stmt.type)} ${names.local(stmt.name)} = ${printExpr(stmt.init, names)};`);
    case 'set': {
      const compound = compoundAssignment(stmt.name, stmt.value, names);
      return line(`${names.local(stmt.name)} ${compound ?? `= ${printExpr(stmt.value, names)}`};`);
    }
    case 'store':
      return line(printStore(stmt, names));
    case 'return':
      return line(`return ${printExpr(stmt.value, names)};`);
    case 'comment':
      return commentLines([stmt.text], indent);
    case 'block':
      return [`${indent}{`, ...printBody(stmt.body, names, `${indent}  `), `${indent}}`];
    case 'for':
      return [...line(forHead(stmt, names)), ...printBody(stmt.body, names, `${indent}  `), `${indent}}`];
    case 'if':
      return printIf(stmt, names, indent);
  }
}

function forHead(loop: TidyFor, names: Names): string {
  const i = names.local(loop.name);
  const [start, end, by] = [loop.start, loop.end, loop.step].map((bound) => printExpr(bound, names));
  const step = by === '1' ? `++${i}` : `${i} += ${by}`;
  return `for (int32_t ${i} = ${start}; ${i} < ${end}; ${step}) {`;
}

function printIf(stmt: Extract<TidyStmt, { kind: 'if' }>, names: Names, indent: string): string[] {
  const [only] = stmt.orElse;
  const chained = stmt.orElse.length === 1 && only?.kind === 'if' ? printIf(only, names, indent) : undefined;
  const lines = [
    ...wrapLine(`${indent}if (${printCondition(stmt.cond, names)}) {`),
    ...printBody(stmt.body, names, `${indent}  `),
  ];
  if (chained !== undefined) return [...lines, `${indent}} else ${chained[0]?.trimStart()}`, ...chained.slice(1)];
  if (stmt.orElse.length > 0) lines.push(`${indent}} else {`, ...printBody(stmt.orElse, names, `${indent}  `));
  return [...lines, `${indent}}`];
}

/** Elements narrower than a register are stored modulo 2^n; the cast says so. */
const NARROW: ReadonlySet<Elem> = new Set<Elem>(['i8', 'u8', 'i16', 'u16']);

const STORES: Readonly<Partial<Record<Access, string>>> = STORE_VECTOR;

function printStore(stmt: Extract<TidyStmt, { kind: 'store' }>, names: Names): string {
  const { elem } = names.buffer(stmt.buffer);
  const at = `${names.local(stmt.buffer)}[${printExpr(stmt.index, names)}]`;
  if (stmt.access === elem && NARROW.has(elem)) return `${at} = ${printCast(C_ELEM[elem], stmt.value, names)};`;
  const value = printExpr(stmt.value, names);
  if (stmt.access.startsWith('first')) return `${STORE_FIRST}(&${at}, ${value}, ${ACCESS_BYTES[stmt.access]});`;
  return stmt.access === elem
    ? `${at} = ${value};`
    : `${STORES[stmt.access] ?? `mcc_store_${stmt.access}`}(&${at}, ${value});`;
}

/** A whole function. `buffers` says which parameters are known to overlap nothing that is written. */
export function printFunction(fn: Func, body: readonly TidyStmt[], names: Names, options: FunctionOptions): string[] {
  const head = fn.result === null ? 'MCC_KERNEL' : `static inline ${cType(fn.result)}`;
  const params = fn.params.map((param) => printParam(param, names, options));
  const used = options.used;
  const idle = fn.params.filter((param) => !used.has(param.name)).map((param) => `  (void)${names.local(param.name)};`);
  return [
    ...commentLines(fn.doc, ''),
    ...signature(`${head} ${names.fn(fn.name)}`, params, ' {'),
    ...idle,
    ...printBody(body, names, '  '),
    '}',
  ];
}

export interface FunctionOptions {
  /** Names that the body reads or touches. */
  readonly used: ReadonlySet<string>;
  /** The buffers that may be `restrict`. Constant data always may. */
  readonly disjoint: ReadonlySet<string>;
}

function printParam(param: Param, names: Names, options: FunctionOptions): string {
  const name = names.local(param.name);
  if (param.kind === 'scalar') return `${cType(param.type)} ${name}`;
  const constant = param.access === 'in' || param.access === 'rom' ? 'const ' : '';
  const restrict = options.disjoint.has(param.name) || param.access === 'rom' ? 'MCC_RESTRICT ' : '';
  return `${constant}${C_ELEM[param.elem]} *${restrict}${name}`;
}
