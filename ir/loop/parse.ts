/**
 * Reads the text that `print.ts` writes; the grammar is in README.md. Line breaks and spaces are free except in comments.
 *
 * The parser resolves names, because a reference has the type of its definition, and refuses what it cannot represent:
 * unknown instructions, accesses, types, buffers and registers. Everything else is the verifier's business. All errors
 * are `ParseError`s and name line, column, what was expected and what was found.
 */
import { typeOf } from './build.ts';
import { instruction, isOpcode, type Opcode } from './instructions.ts';
import { Reader, type Token } from './lex.ts';
import { COMPARISON_LEVEL, INFIX } from './print.ts';
import {
  ACCESS_BYTES,
  type Access,
  type Argument,
  type BufferParam,
  type Call,
  ELEM_BYTES,
  type Elem,
  type Expr,
  type Func,
  type Param,
  type Port,
  type Program,
  type Region,
  type Rom,
  type ScalarType,
  type Stmt,
  type Type,
} from './types.ts';

export { ParseError } from './lex.ts';

const SCALAR_TYPES: readonly ScalarType[] = ['i32', 'i64', 'f32', 'f64'];
const TYPES: readonly Type[] = [...SCALAR_TYPES, 'v128'];
const ELEMS = Object.keys(ELEM_BYTES) as readonly Elem[];
const MODES: readonly BufferParam['access'][] = ['rom', 'inout', 'in', 'out'];
/** Deeper nesting than any kernel has; without a limit a hostile text would overflow the stack. */
const MAX_DEPTH = 1000;

const OPERATORS: ReadonlyMap<string, { readonly op: Opcode; readonly level: number }> = new Map(
  Object.entries(INFIX).map(([op, { symbol, level }]) => [symbol, { op: op as Opcode, level }]),
);

class Parser {
  readonly reader: Reader;
  private registers = new Map<string, Type>();
  private buffers = new Set<string>();
  private depth = 0;

  constructor(source: string) {
    this.reader = new Reader(source);
  }

  /** Parses the whole text. */
  all<T>(parse: () => T): T {
    const value = parse();
    if (this.reader.peek().kind !== 'end') this.reader.expected('the end of the text');
    return value;
  }

  func(): Func {
    const { reader } = this;
    const doc = this.comments();
    reader.expect('func');
    const name = reader.name('the name of a function');
    this.registers = new Map();
    this.buffers = new Set();
    const params = this.list('(', ')', () => this.param());
    const result = reader.accept('->') ? reader.oneOf(TYPES, 'a register type') : null;
    return { name, doc, params, result, body: this.body() };
  }

  private comments(): string[] {
    const lines: string[] = [];
    while (this.reader.peek().kind === 'comment') lines.push(this.comment());
    return lines;
  }

  private comment(): string {
    const text = this.reader.next().text.slice(2);
    const escaped = text.startsWith(' ') ? text.slice(1) : text;
    return escaped.replace(/\\([\\nr])/g, (_, c: string) => (c === 'n' ? '\n' : c === 'r' ? '\r' : '\\'));
  }

  /** Elements between brackets, with commas between them. */
  private list<T>(open: string, close: string, parse: () => T): T[] {
    const { reader } = this;
    const items: T[] = [];
    reader.expect(open);
    if (reader.accept(close)) return items;
    do items.push(parse());
    while (reader.accept(','));
    if (!reader.accept(close)) reader.expected(`\`,\` or \`${close}\``);
    return items;
  }

  private param(): Param {
    const { reader } = this;
    const name = reader.name('the name of a parameter');
    reader.expect(':');
    const access = MODES.find((mode) => reader.is(mode));
    if (access === undefined) {
      const type = reader.oneOf(TYPES, 'rom, in, out, inout or a register type');
      this.registers.set(name, type);
      return { kind: 'scalar', name, type };
    }
    reader.next();
    const { elem, length } = this.extent();
    this.buffers.add(name);
    return { kind: 'buffer', name, elem, length, access };
  }

  /** `i8[64]` */
  private extent(): { elem: Elem; length: number } {
    const { reader } = this;
    const elem = reader.oneOf(ELEMS, 'an element type');
    reader.expect('[');
    const length = reader.integer('a length');
    reader.expect(']');
    return { elem, length };
  }

  private body(): Stmt[] {
    const { reader } = this;
    reader.expect('{');
    const outer = new Map(this.registers);
    const body: Stmt[] = [];
    this.enter();
    while (!reader.accept('}')) body.push(this.stmt());
    this.depth--;
    this.registers = outer;
    return body;
  }

  private enter(): void {
    if (++this.depth <= MAX_DEPTH) return;
    this.reader.fail(this.reader.peek(), `expected at most ${MAX_DEPTH} levels of nesting, found more`);
  }

  private stmt(): Stmt {
    const { reader } = this;
    const token = reader.peek();
    if (token.kind === 'comment') return { kind: 'comment', text: this.comment() };
    if (reader.accept('let')) return this.letStmt();
    if (reader.accept('var')) return this.varStmt();
    if (reader.accept('set')) return this.setStmt();
    if (reader.accept('store')) return this.storeStmt();
    if (reader.accept('for')) return this.forStmt();
    if (reader.accept('if')) return this.ifStmt();
    if (reader.accept('return')) return { kind: 'return', value: this.expr() };
    return reader.expected('let, var, set, store, for, if, return, a comment or `}`');
  }

  private letStmt(): Stmt {
    const name = this.reader.name('the name of a let');
    this.reader.expect('=');
    const value = this.expr();
    this.registers.set(name, typeOf(value));
    return { kind: 'let', name, value };
  }

  private varStmt(): Stmt {
    const name = this.reader.name('the name of a var');
    this.reader.expect(':');
    const type = this.reader.oneOf(TYPES, 'a type');
    this.reader.expect('=');
    const init = this.expr();
    this.registers.set(name, type);
    return { kind: 'var', name, type, init };
  }

  private setStmt(): Stmt {
    const token = this.reader.peek();
    const name = this.reader.name('the name of a var');
    if (!this.registers.has(name)) this.reader.fail(token, `expected a register defined here, found \`${name}\``);
    this.reader.expect('=');
    return { kind: 'set', name, value: this.expr() };
  }

  private storeStmt(): Stmt {
    const { buffer, access } = this.target(this.reader.next());
    const index = this.index();
    this.reader.expect('=');
    return { kind: 'store', buffer, access, index, value: this.expr() };
  }

  /** `x.i8`, a buffer and how to access it. */
  private target(token: Token): { buffer: string; access: Access } {
    const [buffer = '', access = '', ...rest] = token.text.split('.');
    if (token.kind !== 'name' || access === '' || rest.length > 0) {
      this.reader.expected('a buffer with an access, such as `x.i8`', token);
    }
    if (!this.buffers.has(buffer)) this.reader.fail(token, `expected a buffer parameter, found \`${buffer}\``);
    if (!Object.hasOwn(ACCESS_BYTES, access)) {
      const known = Object.keys(ACCESS_BYTES).join(', ');
      this.reader.fail(token, `expected an access of ${buffer} (${known}), found \`${access}\``);
    }
    return { buffer, access: access as Access };
  }

  private index(): Expr {
    this.reader.expect('[');
    const index = this.expr();
    this.reader.expect(']');
    return index;
  }

  private forStmt(): Stmt {
    const { reader } = this;
    const name = reader.name('the name of a loop variable');
    reader.expect('in');
    const start = reader.integer('the start');
    reader.expect('..');
    const end = reader.integer('the end');
    const step = reader.accept('step') ? reader.integer('the step') : 1;
    const unroll = reader.accept('unroll');
    const outer = new Map(this.registers);
    this.registers.set(name, 'i32');
    const body = this.body();
    this.registers = outer;
    return { kind: 'for', name, start, end, step, unroll, body };
  }

  private ifStmt(): Stmt {
    const cond = this.expr();
    const body = this.body();
    const orElse = this.reader.accept('else') ? this.body() : [];
    return { kind: 'if', cond, body, orElse };
  }

  /** An expression of operators of `level` and higher, by precedence climbing. */
  expr(level = 0): Expr {
    const { reader } = this;
    let left = this.primary();
    for (let links = 1; ; links++) {
      const token = reader.peek();
      const operator = token.kind === 'symbol' ? OPERATORS.get(token.text) : undefined;
      if (operator === undefined || operator.level < level) return left;
      if (links > MAX_DEPTH) reader.fail(token, `expected at most ${MAX_DEPTH} operators in a row, found more`);
      reader.next();
      left = { kind: 'op', op: operator.op, args: [left, this.expr(operator.level + 1)], imm: [] };
      if (operator.level === COMPARISON_LEVEL && OPERATORS.get(reader.peek().text)?.level === COMPARISON_LEVEL) {
        reader.expected(`parentheses around the comparison \`${token.text}\` before another`);
      }
    }
  }

  private primary(): Expr {
    this.enter();
    const value = this.unnested();
    this.depth--;
    return value;
  }

  private unnested(): Expr {
    const reader: Reader = this.reader;
    const token = reader.peek();
    if (reader.accept('(')) {
      const inner = this.expr();
      reader.expect(')');
      return inner;
    }
    const special = (token.text === 'nan' || token.text === 'inf') && reader.peek(1).text === ':';
    if (token.kind === 'number' || reader.is('-') || special) return this.constant();
    if (token.kind !== 'name') return reader.expected('an expression');
    reader.next();
    if (reader.is('[')) return { kind: 'load', ...this.target(token), index: this.index() };
    if (reader.is('(')) return this.instruction(token);
    if (token.text.startsWith('call.')) return this.call(token);
    const type = this.registers.get(token.text);
    if (type === undefined) reader.expected('a register defined here', token);
    return { kind: 'var', name: token.text, type };
  }

  private instruction(token: Token): Expr {
    const reader: Reader = this.reader;
    const op = token.text;
    if (!isOpcode(op)) reader.expected('an instruction', token);
    reader.expect('(');
    const { params, imm } = instruction(op);
    const args = params.map((_, i) => {
      if (i > 0) reader.expect(',');
      return this.expr();
    });
    const constants = Array.from({ length: imm?.count ?? 0 }, (_, i) => {
      reader.expect(i === 0 ? ';' : ',');
      return reader.integer(`constant ${i} of ${op}`);
    });
    reader.expect(')');
    return { kind: 'op', op, args, imm: constants };
  }

  private call(token: Token): Expr {
    const type = TYPES.find((candidate) => token.text === `call.${candidate}`);
    if (type === undefined) this.reader.expected('`call.` with a scalar type, such as `call.i32`', token);
    const fn = this.reader.name('the name of a helper');
    return { kind: 'call', fn, type, args: this.list('(', ')', () => this.expr()) };
  }

  /** `5`, `-5:i64`, `0.1:f32`, `nan:f64` */
  private constant(): Expr & { kind: 'const' } {
    const { reader } = this;
    const sign = reader.accept('-') ? '-' : '';
    const token = reader.next();
    const isFloatName = token.text === 'nan' || token.text === 'inf';
    if (token.kind !== 'number' && !(token.kind === 'name' && isFloatName)) reader.expected('a number', token);
    const type = reader.accept(':') ? reader.oneOf(SCALAR_TYPES, 'a scalar type') : 'i32';
    const whole = /^[0-9]+$/.test(token.text);
    if ((type === 'i32' || type === 'i64') && !whole) reader.expected('a whole number', token);
    const text = sign + token.text;
    if (type === 'i64') return { kind: 'const', type, value: this.fitting64(BigInt(text), token) };
    const value = token.text === 'nan' ? Number.NaN : Number(text.replace('inf', 'Infinity'));
    if (type === 'f32') return { kind: 'const', type, value: Math.fround(value) };
    if (type === 'i32' && (value !== (value | 0) || Object.is(value, -0)))
      reader.expected('a number of 32 bits', token);
    return { kind: 'const', type, value };
  }

  private fitting64(value: bigint, token: Token): bigint {
    return BigInt.asIntN(64, value) === value ? value : this.reader.expected('a number of 64 bits', token);
  }

  rom(): Rom {
    const { reader } = this;
    reader.expect('rom');
    const name = reader.name('the name of a rom');
    reader.expect(':');
    const { elem, length } = this.extent();
    reader.expect('=');
    if (reader.is('elided')) {
      reader.fail(
        reader.peek(),
        `expected the bytes of rom ${name}, found that they were elided when this was printed`,
      );
    }
    const chunks: Buffer[] = [];
    do chunks.push(this.base64());
    while (reader.peek().kind === 'string');
    return { name, elem, length, bytes: Uint8Array.from(Buffer.concat(chunks)) };
  }

  private base64(): Buffer {
    const token = this.reader.peek();
    const text = this.reader.string('a string of base64');
    const bytes = Buffer.from(text, 'base64');
    return bytes.toString('base64') === text ? bytes : this.reader.expected('a string of base64', token);
  }

  program(): Program {
    const { reader } = this;
    reader.expect('program');
    const name = reader.string('the name of the program as a string');
    reader.expect('{');
    reader.expect('arena');
    const arenaBytes = reader.integer('the size of the arena');
    reader.expect('align');
    const arenaAlign = reader.integer('the alignment of the arena');
    reader.expect('state');
    const stateBytes = reader.integer('the size of the state');
    const regions = this.while('region', () => this.region());
    const inputs = this.while('input', () => this.port('input'));
    const outputs = this.while('output', () => this.port('output'));
    const roms = this.while('rom', () => this.rom());
    const functions: Func[] = [];
    while (reader.is('func') || reader.peek().kind === 'comment') functions.push(this.func());
    const run = this.calls('run');
    const reset = this.calls('reset');
    reader.expect('}');
    const memory = { arenaBytes, arenaAlign, stateBytes, ...(regions.length === 0 ? {} : { regions }) };
    return { name, functions, roms, inputs, outputs, ...memory, run, reset };
  }

  private while<T>(keyword: string, parse: () => T): T[] {
    const items: T[] = [];
    while (this.reader.is(keyword)) items.push(parse());
    return items;
  }

  private region(): Region {
    const { reader } = this;
    reader.expect('region');
    const name = reader.string('the name of the region as a string');
    const from = reader.integer('where the region begins');
    reader.expect('bytes');
    return { name, from, bytes: reader.integer('the size of the region') };
  }

  private port(keyword: string): Port {
    const { reader } = this;
    reader.expect(keyword);
    const name = reader.string(`the name of the ${keyword} as a string`);
    const { elem, length } = this.extent();
    reader.expect('shape');
    const shape = this.list('[', ']', () => reader.integer('an extent'));
    reader.expect('type');
    return { name, elem, length, shape, type: reader.string('the tensor type as a string') };
  }

  private calls(keyword: string): Call[] {
    const { reader } = this;
    reader.expect(keyword);
    reader.expect('{');
    const calls: Call[] = [];
    while (!reader.accept('}')) {
      const doc = reader.peek().kind === 'comment' ? this.comment() : '';
      if (!reader.accept('call')) reader.expected('`call` or `}`');
      const fn = reader.name('the name of a kernel');
      calls.push({ fn, args: this.list('(', ')', () => this.argument()), doc });
    }
    return calls;
  }

  private portOffset(): { offset?: number } {
    return this.reader.accept('+') ? { offset: this.reader.integer('an offset') } : {};
  }

  private argument(): Argument {
    const { reader } = this;
    if (reader.accept('arena')) return { kind: 'arena', offset: reader.integer('an offset') };
    if (reader.accept('rom')) return { kind: 'rom', name: reader.name('the name of a rom') };
    if (reader.accept('input')) {
      return { kind: 'input', index: reader.integer('the number of an input'), ...this.portOffset() };
    }
    if (reader.accept('output')) {
      return { kind: 'output', index: reader.integer('the number of an output'), ...this.portOffset() };
    }
    const token = reader.peek();
    const number = token.kind === 'number' || reader.is('-') || reader.is('nan') || reader.is('inf');
    if (!number) reader.expected('arena, rom, input, output or a constant');
    const { type, value } = this.constant();
    return { kind: 'scalar', type, value };
  }
}

/** Throws a `ParseError`. */
export function parseFunc(source: string): Func {
  const parser = new Parser(source);
  return parser.all(() => parser.func());
}

/** Throws a `ParseError`, also on roms whose bytes were elided. */
export function parseRom(source: string): Rom {
  const parser = new Parser(source);
  return parser.all(() => parser.rom());
}

/** Throws a `ParseError`, also on roms whose bytes were elided. */
export function parseProgram(source: string): Program {
  const parser = new Parser(source);
  return parser.all(() => parser.program());
}
