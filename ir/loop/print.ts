/**
 * Loop IR as text: canonical, deterministic, and read back by `parse.ts` to an equal value. The grammar is in README.md.
 *
 * Expressions show the checked i32 arithmetic, the signed i32 comparisons and `i32.and` as infix operators, because index
 * arithmetic is most of what a kernel is; every other instruction is written out.
 */
import type { Opcode } from './instructions.ts';
import {
  type Argument,
  type Call,
  ELEM_BYTES,
  type Expr,
  type Func,
  offsetOf,
  type Param,
  type Port,
  type Program,
  type Rom,
  type ScalarType,
  type Stmt,
} from './types.ts';

/** The instructions that have an operator. Operators of one level associate to the left; comparisons do not associate. */
export const INFIX: Readonly<Partial<Record<Opcode, { readonly symbol: string; readonly level: number }>>> = {
  'i32.and': { symbol: '&', level: 1 },
  'i32.eq': { symbol: '==', level: 2 },
  'i32.ne': { symbol: '!=', level: 2 },
  'i32.lt_s': { symbol: '<', level: 2 },
  'i32.le_s': { symbol: '<=', level: 2 },
  'i32.gt_s': { symbol: '>', level: 2 },
  'i32.ge_s': { symbol: '>=', level: 2 },
  'i32.add': { symbol: '+', level: 3 },
  'i32.sub': { symbol: '-', level: 3 },
  'i32.mul': { symbol: '*', level: 4 },
};

/** The level of the operators that do not associate. */
export const COMPARISON_LEVEL = 2;

export interface PrintOptions {
  /** Leave out the bytes of roms. Such text is for people; the parser refuses it. */
  readonly elide?: boolean;
}

/** Bytes of a rom on one line of text: a multiple of 3, so that only the last line has base64 padding. */
const ROM_LINE_BYTES = 72;

/** A constant: `5`, `5:i64`, `0.1:f32`, `-0:f64`, `nan:f32`, `-inf:f32`. The f32 digits are the fewest that read back. */
export function printConst(type: ScalarType, value: number | bigint): string {
  if (typeof value === 'bigint') return `${value}:${type}`;
  if (type === 'i32') return String(value);
  return `${floatText(type, value)}:${type}`;
}

function floatText(type: ScalarType, value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf';
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  if (type === 'f64' || Math.fround(value) !== value) return String(value);
  for (let digits = 1; ; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return String(short);
  }
}

/** One expression. `level` is that of the operator around it: lower-binding operators get parentheses. */
export function printExpr(e: Expr, level = 0): string {
  switch (e.kind) {
    case 'const':
      return printConst(e.type, e.value);
    case 'var':
      return e.name;
    case 'load':
      return `${e.buffer}.${e.access}[${printExpr(e.index)}]`;
    case 'call':
      return `call.${e.type} ${e.fn}(${e.args.map((arg) => printExpr(arg)).join(', ')})`;
    case 'op':
      return printOp(e, level);
  }
}

function printOp(e: Expr & { kind: 'op' }, level: number): string {
  const infix = INFIX[e.op];
  const [left, right] = e.args;
  if (infix !== undefined && left !== undefined && right !== undefined) {
    const leftLevel = infix.level === COMPARISON_LEVEL ? infix.level + 1 : infix.level;
    const text = `${printExpr(left, leftLevel)} ${infix.symbol} ${printExpr(right, infix.level + 1)}`;
    return infix.level < level ? `(${text})` : text;
  }
  const constants = e.imm.length === 0 ? '' : `; ${e.imm.join(', ')}`;
  return `${e.op}(${e.args.map((arg) => printExpr(arg)).join(', ')}${constants})`;
}

/** The first line of a statement, without its body: what messages quote. */
export function printHead(s: Stmt): string {
  switch (s.kind) {
    case 'let':
      return `let ${s.name} = ${printExpr(s.value)}`;
    case 'var':
      return `var ${s.name}: ${s.type} = ${printExpr(s.init)}`;
    case 'set':
      return `set ${s.name} = ${printExpr(s.value)}`;
    case 'store':
      return `store ${s.buffer}.${s.access}[${printExpr(s.index)}] = ${printExpr(s.value)}`;
    case 'for': {
      const step = s.step === 1 ? '' : ` step ${s.step}`;
      return `for ${s.name} in ${s.start}..${s.end}${step}${s.unroll ? ' unroll' : ''}`;
    }
    case 'if':
      return `if ${printExpr(s.cond)}`;
    case 'return':
      return `return ${printExpr(s.value)}`;
    case 'comment':
      return printComment(s.text);
  }
}

/** Comments are one line: backslashes and line ends are escaped. */
function printComment(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
  return escaped === '' ? ';;' : `;; ${escaped}`;
}

function printBody(body: readonly Stmt[], indent: string): string[] {
  return body.flatMap((s) => printStmt(s, indent));
}

function printStmt(s: Stmt, indent: string): string[] {
  const head = indent + printHead(s);
  if (s.kind === 'for') return [`${head} {`, ...printBody(s.body, `${indent}  `), `${indent}}`];
  if (s.kind !== 'if') return [head];
  const body = [`${head} {`, ...printBody(s.body, `${indent}  `)];
  const orElse = s.orElse.length === 0 ? [] : [`${indent}} else {`, ...printBody(s.orElse, `${indent}  `)];
  return [...body, ...orElse, `${indent}}`];
}

function printParam(p: Param): string {
  return p.kind === 'scalar' ? `${p.name}: ${p.type}` : `${p.name}: ${p.access} ${p.elem}[${p.length}]`;
}

function funcLines(fn: Func, indent: string): string[] {
  const result = fn.result === null ? '' : ` -> ${fn.result}`;
  return [
    ...fn.doc.map((line) => indent + printComment(line)),
    `${indent}func ${fn.name}(${fn.params.map(printParam).join(', ')})${result} {`,
    ...printBody(fn.body, `${indent}  `),
    `${indent}}`,
  ];
}

export function printFunc(fn: Func): string {
  return `${funcLines(fn, '').join('\n')}\n`;
}

function romLines(rom: Rom, indent: string, options: PrintOptions): string[] {
  const head = `${indent}rom ${rom.name}: ${rom.elem}[${rom.length}] =`;
  if (options.elide === true) return [`${head} elided ${rom.length * ELEM_BYTES[rom.elem]}`];
  const lines: string[] = [];
  for (let at = 0; at < rom.bytes.length || at === 0; at += ROM_LINE_BYTES) {
    const base64 = Buffer.from(rom.bytes.subarray(at, at + ROM_LINE_BYTES)).toString('base64');
    lines.push(`${indent}  ${JSON.stringify(base64)}`);
  }
  return [head, ...lines];
}

export function printRom(rom: Rom, options: PrintOptions = {}): string {
  return `${romLines(rom, '', options).join('\n')}\n`;
}

function printArgument(arg: Argument): string {
  switch (arg.kind) {
    case 'arena':
      return `arena ${arg.offset}`;
    case 'rom':
      return `rom ${arg.name}`;
    case 'input':
    case 'output':
      return offsetOf(arg) === 0 ? `${arg.kind} ${arg.index}` : `${arg.kind} ${arg.index} + ${offsetOf(arg)}`;
    case 'scalar':
      return printConst(arg.type, arg.value);
  }
}

/** A call of an inference as its one line of text, without its doc. */
export function printCall(call: Call): string {
  return `call ${call.fn}(${call.args.map(printArgument).join(', ')})`;
}

function callLines(keyword: string, calls: readonly Call[]): string[] {
  const lines = calls.flatMap((call) => [
    ...(call.doc === '' ? [] : [`    ${printComment(call.doc)}`]),
    `    ${printCall(call)}`,
  ]);
  return [`  ${keyword} {`, ...lines, '  }'];
}

function portLine(keyword: string, port: Port): string {
  const shape = `shape [${port.shape.join(', ')}]`;
  return `  ${keyword} ${JSON.stringify(port.name)} ${port.elem}[${port.length}] ${shape} type ${JSON.stringify(port.type)}`;
}

export function printProgram(program: Program, options: PrintOptions = {}): string {
  const lines = [
    `program ${JSON.stringify(program.name)} {`,
    `  arena ${program.arenaBytes} align ${program.arenaAlign} state ${program.stateBytes}`,
    ...(program.regions ?? []).map(
      ({ name, from, bytes }) => `  region ${JSON.stringify(name)} ${from} bytes ${bytes}`,
    ),
    ...program.inputs.map((port) => portLine('input', port)),
    ...program.outputs.map((port) => portLine('output', port)),
    ...program.roms.flatMap((rom) => romLines(rom, '  ', options)),
    ...program.functions.flatMap((fn) => funcLines(fn, '  ')),
    ...callLines('run', program.run),
    ...callLines('reset', program.reset),
    '}',
  ];
  return `${lines.join('\n')}\n`;
}
