/** Expressions as C text, with no more parentheses than C and the compilers' warnings ask for. */
import { add } from '../../ir/loop/build.ts';
import type { Opcode } from '../../ir/loop/instructions.ts';
import { ACCESS_BYTES, type Access, type BufferParam, ELEM_BYTES, type Expr } from '../../ir/loop/types.ts';
import { literal } from './literals.ts';
import { isComparison } from './range.ts';
import { SPELL_MVE } from './spell-mve.ts';
import { SPELL_SCALAR } from './spell-scalar.ts';
import { LOAD_FIRST, LOAD_ORDERED, LOAD_VECTOR, SPELL_VECTOR } from './spell-vector.ts';
import { LEVEL, type Spelling } from './spelling.ts';

export const SPELL: { readonly [K in Opcode]: Spelling } = { ...SPELL_SCALAR, ...SPELL_VECTOR, ...SPELL_MVE };

/** What the names in a function are called in C. */
export interface Names {
  local(name: string): string;
  fn(name: string): string;
  buffer(name: string): BufferParam;
}

type Op = Extract<Expr, { kind: 'op' }>;

interface Text {
  readonly text: string;
  readonly level: number;
}

/** An expression standing alone: after `=`, in an index or as an argument. */
export function printExpr(e: Expr, names: Names): string {
  return print(e, names).text;
}

/** An expression as the condition of an `if` or `?:`. */
export function printCondition(e: Expr, names: Names): string {
  return condition(e, names).text;
}

/** An expression converted to another C type. */
export function printCast(type: string, e: Expr, names: Names): string {
  return prefixText(`(${type})`, print(e, names)).text;
}

/** The operator and right-hand text when `name = value` may be written `name op= right`. */
export function compoundAssignment(name: string, value: Expr, names: Names): string | undefined {
  if (value.kind !== 'op') return undefined;
  const spelling = SPELL[value.op];
  if (spelling.form !== 'infix' || spelling.type === 'bool') return undefined;
  const [a, b] = value.args as [Expr, Expr];
  const first = a.kind === 'var' && a.name === name;
  const second = b.kind === 'var' && b.name === name && COMMUTATIVE.has(spelling.symbol);
  if (!first && !second) return undefined;
  const [symbol, right] = signed(spelling.symbol, print(first ? b : a, names));
  return `${symbol}= ${right.text}`;
}

const COMMUTATIVE: ReadonlySet<string> = new Set(['+', '*', '&', '|', '^']);

const primary = (text: string): Text => ({ text, level: LEVEL.primary });

function print(e: Expr, names: Names): Text {
  switch (e.kind) {
    case 'const':
      return literalText(literal(e.type, e.value));
    case 'var':
      return primary(names.local(e.name));
    case 'load':
      return primary(printLoad(e.buffer, e.access, e.index, names));
    case 'call':
      return primary(`${names.fn(e.fn)}(${e.args.map((arg) => printExpr(arg, names)).join(', ')})`);
    case 'op':
      return printOp(e, names);
  }
}

function literalText(text: string): Text {
  return { text, level: text.startsWith('-') ? LEVEL.unary : LEVEL.primary };
}

/** The element itself, or a function that reads other bytes from its address on. */
function printLoad(buffer: string, access: Access, index: Expr, names: Names): string {
  if (access === 'v128_ordered') return printOrderedVector(buffer, index, names);
  if (ORDERED.has(access)) return printOrdered(buffer, access, index, names);
  const at = `${names.local(buffer)}[${printExpr(index, names)}]`;
  if (access === names.buffer(buffer).elem) return at;
  if (access.startsWith('first')) return `${LOAD_FIRST}(&${at}, ${ACCESS_BYTES[access]})`;
  return `${LOADS[access] ?? `mcc_load_${access}`}(&${at})`;
}

const ORDERED: ReadonlySet<Access> = new Set<Access>(['i8_ordered', 'u8_ordered', 'i32_ordered', 'i64_ordered']);
/** LDRD reaches so many bytes, by words; loads of bytes reach more. */
const ORDERED_REACH = 1020;

/** Loads whose addresses differ in a constant share the rest of it, and name the constant as such. */
function printOrdered(buffer: string, access: Access, index: Expr, names: Names): string {
  const [base, constant] = splitConstant(index);
  const bytes = constant * ELEM_BYTES[names.buffer(buffer).elem];
  const near = bytes >= 0 && bytes <= ORDERED_REACH && (ACCESS_BYTES[access] === 1 || bytes % 4 === 0);
  const at = `&${names.local(buffer)}[${printExpr(near ? base : index, names)}]`;
  return `mcc_load_${access}(${at}, ${near ? bytes : 0})`;
}

function splitConstant(index: Expr): readonly [Expr, number] {
  const zero: Expr = { kind: 'const', type: 'i32', value: 0 };
  if (index.kind === 'const') return [zero, index.value as number];
  if (index.kind !== 'op' || index.op !== 'i32.add') return [index, 0];
  const [base, last] = index.args as [Expr, Expr];
  if (last.kind === 'const') return [base, last.value as number];
  return [index, 0];
}

/** Helium's loads of bytes reach less far than this to both sides. */
const VECTOR_REACH = 128;

/** Farther ones share addresses by groups; none begins behind what is loaded, where the buffer may have ended. */
function printOrderedVector(buffer: string, index: Expr, names: Names): string {
  const [base, constant] = splitConstant(index);
  const size = ELEM_BYTES[names.buffer(buffer).elem];
  const bytes = constant * size;
  const group = bytes < 0 ? (bytes > -VECTOR_REACH ? 0 : bytes) : Math.floor(bytes / VECTOR_REACH) * VECTOR_REACH;
  const at = `&${names.local(buffer)}[${printExpr(add(base, group / size), names)}]`;
  return `${LOAD_ORDERED}(${at}, ${bytes - group})`;
}

const LOADS: Readonly<Partial<Record<Access, string>>> = LOAD_VECTOR;

function printOp(e: Op, names: Names): Text {
  if (isBool(e) && e.op === 'i32.and')
    return join(
      '&&',
      LEVEL.logicalAnd,
      e.args.map((arg) => print(arg, names)),
    );
  if (isBool(e) && e.op === 'i32.or')
    return join(
      '||',
      LEVEL.logicalOr,
      e.args.map((arg) => print(arg, names)),
    );
  const clamp = asClamp(e);
  if (clamp !== undefined) return callText('mcc_clamp', clamp, [], names);
  if (isPlainRemainder(e)) return infixText(e, '%', LEVEL.multiplicative, names);
  const spelling = SPELL[e.op];
  switch (spelling.form) {
    case 'call':
      return callText(spelling.name, e.args, e.imm, names);
    case 'prefix':
      return prefixText(spelling.text, print(e.args[0] as Expr, names));
    case 'select':
      return selectText(e, names);
    case 'infix':
      return infixText(e, spelling.symbol, spelling.level, names);
  }
}

/** `min(max(x, low), high)` with constant bounds in order, which is what clamping is. */
function asClamp(e: Op): readonly Expr[] | undefined {
  const [inner, high] = e.args;
  if (e.op !== 'i32.min_s' || inner?.kind !== 'op' || inner.op !== 'i32.max_s' || high?.kind !== 'const')
    return undefined;
  const [x, low] = inner.args;
  if (x === undefined || low?.kind !== 'const' || low.value > high.value) return undefined;
  return [x, low, high];
}

/** By a constant for which C defines it whatever the dividend. */
function isPlainRemainder(e: Op): boolean {
  const divisor = e.args[1];
  return e.op === 'i32.rem_s' && divisor?.kind === 'const' && divisor.value !== -1 && divisor.value !== 0;
}

function callText(name: string, args: readonly Expr[], imm: readonly number[], names: Names): Text {
  return primary(`${name}(${[...args.map((arg) => printSmall(arg, names)), ...imm.map(String)].join(', ')})`);
}

/** Where C converts to the type wanted, a 64-bit constant that fits an int needs no suffix. */
function printSmall(e: Expr, names: Names): string {
  return small(e, names).text;
}

function small(e: Expr, names: Names): Text {
  if (e.kind !== 'const' || e.type !== 'i64' || BigInt.asIntN(32, e.value as bigint) !== e.value)
    return print(e, names);
  return literalText(literal('i32', Number(e.value)));
}

function prefixText(text: string, operand: Text): Text {
  const inner = operand.level < LEVEL.unary || operand.text.startsWith('-') ? `(${operand.text})` : operand.text;
  return { text: `${text}${inner}`, level: LEVEL.unary };
}

function selectText(e: Op, names: Names): Text {
  const [test, yes, no] = e.args as [Expr, Expr, Expr];
  const wrap = (operand: Text) => (operand.level <= LEVEL.conditional ? `(${operand.text})` : operand.text);
  const parts = [condition(test, names), print(yes, names), print(no, names)].map(wrap);
  return { text: `${parts[0]} ? ${parts[1]} : ${parts[2]}`, level: LEVEL.conditional };
}

function condition(e: Expr, names: Names): Text {
  const text = print(e, names);
  if (isBool(e)) return text;
  return { text: `${within(text, LEVEL.relational, false)} != 0`, level: LEVEL.equality };
}

/** 0 or 1 from comparisons alone, so that `&` and `&&` agree. */
function isBool(e: Expr): boolean {
  if (e.kind !== 'op') return false;
  if (e.op === 'i32.and' || e.op === 'i32.or') return e.args.every(isBool);
  return isComparison(e.op);
}

function infixText(e: Op, symbol: string, level: number, names: Names): Text {
  const [a, b] = e.args as [Expr, Expr];
  if (symbol === '-' && isIntegerZero(a)) return prefixText('-', print(b, names));
  if (e.op === 'i32.and' || e.op === 'i32.or' || e.op === 'i32.xor')
    return join(
      symbol,
      level,
      e.args.map((arg) => masked(arg, names)),
    );
  if (a.kind === 'const' && b.kind === 'const') return join(symbol, level, [print(a, names), print(b, names)]);
  // C++ compilers warn where they find out that a comparison is compared with a constant.
  const isMixed = isComparison(e.op) && isBool(a) !== isBool(b);
  const operand = (x: Expr) => (isMixed && isBool(x) ? prefixText('(int32_t)', print(x, names)) : small(x, names));
  const [operator, right] = signed(symbol, operand(b));
  return join(operator, level, [operand(a), right]);
}

function isIntegerZero(e: Expr): boolean {
  return e.kind === 'const' && (e.value === 0n || (e.type === 'i32' && e.value === 0));
}

/** `+ -3` is `- 3`, and the other way round. */
function signed(symbol: string, right: Text): readonly [string, Text] {
  const negative = /^-(\d+)$/.exec(right.text);
  if (negative === null || (symbol !== '+' && symbol !== '-')) return [symbol, right];
  return [symbol === '+' ? '-' : '+', primary(negative[1] as string)];
}

/** Masks read best in hexadecimal. */
function masked(e: Expr, names: Names): Text {
  if (e.kind !== 'const' || e.value < 10) return print(e, names);
  return primary(`0x${Number(e.value).toString(16)}`);
}

/** Operands of one operator; the chain to the left goes without parentheses. */
function join(symbol: string, level: number, operands: readonly Text[]): Text {
  const [a, b] = operands as [Text, Text];
  return { text: `${within(a, level, true)} ${symbol} ${within(b, level, false)}`, level };
}

/**
 * Arithmetic follows C's grammar. Elsewhere compilers warn about what the grammar allows, so only simple operands go
 * without parentheses, and: arithmetic in comparisons, comparisons in `&&` and `||`, chains of one operator.
 */
function within(operand: Text, level: number, left: boolean): string {
  return operand.level >= LEVEL.unary || fits(operand.level, level, left) ? operand.text : `(${operand.text})`;
}

function fits(operand: number, level: number, left: boolean): boolean {
  if (level === LEVEL.logicalAnd || level === LEVEL.logicalOr) return operand >= LEVEL.equality || operand === level;
  if (level <= LEVEL.and) return left && operand === level;
  if (level <= LEVEL.relational) return operand >= LEVEL.additive;
  if (level === LEVEL.shift) return false;
  return left ? operand >= level : operand > level;
}
