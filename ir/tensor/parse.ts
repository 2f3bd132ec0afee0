/**
 * The inverse of print.ts. The parser holds a text to its grammar, to attribute schemas, and to one definition per name;
 * everything else a graph must obey is verify.ts's to say.
 */
import { dataFromBytes } from './bytes.ts';
import type { Constant, Graph, Node, State, ValueName } from './graph.ts';
import { isOpName, OP_NAMES, type OpName, opRecord } from './ops/index.ts';
import { ParseError, placeOf, scan, shorten, type Token, tokenText } from './scan.ts';
import {
  DTYPE_FACTS,
  DTYPES,
  type DType,
  type Encoding,
  isFloat,
  NO_QUANT,
  newData,
  type Quant,
  type TensorData,
  type TensorType,
} from './types.ts';

/** Attributes and encodings nest no deeper than this. */
const MAX_DEPTH = 32;

/** Throws ParseError with line, column, what was expected and what was found. */
export function parseGraph(text: string): Graph {
  const parser = new Parser(text);
  const graph = parser.graph();
  parser.end();
  return graph;
}

/** A type alone, as `typeText` prints it. */
export function parseType(text: string): TensorType {
  const parser = new Parser(text);
  const type = parser.type();
  parser.end();
  return type;
}

/** An encoding alone, as `encodingText` prints it. */
export function parseEncoding(text: string): Encoding {
  const parser = new Parser(text);
  const encoding = parser.encoding();
  parser.end();
  return encoding;
}

class Parser {
  private readonly text: string;
  private token: Token;
  private next: number;
  private depth = 0;

  constructor(text: string) {
    this.text = text;
    const first = scan(text, 0);
    this.token = first.token;
    this.next = first.end;
  }

  graph(): Graph {
    this.word('graph');
    const name = this.takeKind(['word', 'string'], 'the name of the graph').text;
    const inputs: ValueName[] = [];
    const outputs: ValueName[] = [];
    const states: State[] = [];
    const constants = new Map<ValueName, Constant>();
    const nodes: Node[] = [];
    const types = new Map<ValueName, TensorType>();
    this.punctuation('{');
    while (!this.at('}')) {
      if (this.token.kind === 'value') nodes.push(this.node(types));
      else if (this.accept('input')) inputs.push(this.typedValue(types).name);
      else if (this.accept('const')) {
        const { name: value, type } = this.typedValue(types);
        const encoding = this.encoding();
        this.punctuation('=');
        constants.set(value, { data: this.data(type), encoding });
      } else if (this.accept('state')) states.push(this.state(types));
      else if (this.accept('output')) outputs.push(this.value());
      else this.fail("'input', 'const', 'state', 'output', a value or '}'");
    }
    this.punctuation('}');
    return { name, inputs, outputs, states, constants, nodes, types };
  }

  end(): void {
    if (this.token.kind !== 'end') this.fail('the end of the text');
  }

  type(): TensorType {
    const { text } = this.peekKind('word', `an element type (${DTYPES.join(', ')})`);
    if (!(DTYPES as readonly string[]).includes(text)) this.fail(`an element type (${DTYPES.join(', ')})`);
    this.take();
    return { dtype: text as DType, shape: this.list('[', ']', () => this.integer()), quant: this.quant() };
  }

  private quant(): Quant {
    const kind = this.token.text;
    if (this.token.kind !== 'word' || !['affine', 'fixed', 'binary', 'ternary', 'codebook'].includes(kind))
      return NO_QUANT;
    this.take();
    this.punctuation('(');
    const axis = this.axis();
    const first = this.oneOrList(kind === 'fixed' ? () => this.integer() : () => this.float());
    const quant = this.quantBody(kind, first, axis);
    this.punctuation(')');
    return quant;
  }

  private quantBody(kind: string, values: readonly number[], axis: { axis?: number }): Quant {
    switch (kind) {
      case 'affine': {
        this.punctuation(',');
        const zeroPoint = this.oneOrList(() => this.integer());
        const single = zeroPoint.length === 1 ? values.map(() => zeroPoint[0] as number) : zeroPoint;
        return { kind, scale: values, zeroPoint: single, ...axis };
      }
      case 'fixed':
        return { kind, fraction: values, ...axis };
      case 'binary':
      case 'ternary':
        return { kind, alpha: values, ...axis };
      default:
        return { kind: 'codebook', table: values };
    }
  }

  private axis(): { axis?: number } {
    if (!this.accept('axis')) return {};
    this.punctuation('=');
    const axis = this.integer();
    this.punctuation(',');
    return { axis };
  }

  encoding(): Encoding {
    const kind = this.peekKind('word', 'an encoding (dense, sparse, hashed, low-rank, entropy)').text;
    if (this.accept('dense')) return { kind: 'dense' };
    if (!['sparse', 'hashed', 'low-rank', 'entropy'].includes(kind)) {
      this.fail('an encoding (dense, sparse, hashed, low-rank, entropy)');
    }
    this.take();
    this.punctuation('(');
    const encoding = this.nested(() => this.encodingBody(kind));
    this.punctuation(')');
    return encoding;
  }

  private encodingBody(kind: string): Encoding {
    if (kind === 'sparse') return this.sparse();
    if (kind === 'low-rank') return { kind, rank: this.integer() };
    if (kind === 'hashed') {
      const seed = this.integer();
      this.punctuation(',');
      return { kind, seed, buckets: this.integer() };
    }
    const coder = this.token.text;
    if (coder !== 'huffman' && coder !== 'rans') return this.fail("'huffman' or 'rans'");
    this.take();
    this.punctuation(',');
    return { kind: 'entropy', coder, over: this.encoding() };
  }

  private sparse(): Encoding {
    if (this.accept('bitmap')) return { kind: 'sparse', index: 'bitmap' };
    if (this.accept('relative')) {
      this.punctuation(',');
      return { kind: 'sparse', index: 'relative', bits: this.integer() };
    }
    if (!this.accept('block')) this.fail("'bitmap', 'relative' or 'block'");
    this.punctuation(',');
    return { kind: 'sparse', index: 'block', block: this.list('[', ']', () => this.integer()) };
  }

  private state(types: Map<ValueName, TensorType>): State {
    const { name, type } = this.typedValue(types);
    this.punctuation('=');
    const initial = this.data(type);
    this.word('next');
    return { name, initial, next: this.value() };
  }

  private node(types: Map<ValueName, TensorType>): Node {
    const outputs = [this.definition(types)];
    while (this.accept(',')) {
      const output = this.definition(types);
      if (outputs.some((other) => other.name === output.name))
        this.failAt(output.token, 'a new name', `%${output.name} again`);
      outputs.push(output);
    }
    this.punctuation(':');
    outputs.forEach(({ name }, i) => {
      if (i > 0) this.punctuation(',');
      types.set(name, this.type());
    });
    this.punctuation('=');
    const op = this.opName();
    const inputs = this.list('(', ')', () => this.value());
    return { op, inputs, outputs: outputs.map(({ name }) => name), attrs: this.attrs(op) } as Node;
  }

  private opName(): OpName {
    const { text } = this.peekKind('word', 'an op');
    if (!isOpName(text)) return this.fail(`an op (${OP_NAMES.join(', ')})`);
    this.take();
    return text;
  }

  private attrs(op: OpName): unknown {
    const start = this.token;
    const given = this.at('{') ? this.json() : {};
    const parsed = opRecord(op).attrs.safeParse(given);
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0];
    const path = issue === undefined || issue.path.length === 0 ? '' : ` at ${issue.path.join('.')}`;
    return this.failAt(start, `attributes of ${op}`, `a fault${path}: ${issue?.message ?? 'unknown'}`);
  }

  /** JSON, and the numbers NaN, Infinity and -Infinity. */
  private json(): unknown {
    if (this.at('{')) {
      const entries = this.nested(() =>
        this.list('{', '}', () => {
          const key = this.takeKind(['string'], 'an attribute name in quotes').text;
          this.punctuation(':');
          return [key, this.json()] as const;
        }),
      );
      return Object.fromEntries(entries);
    }
    if (this.at('[')) return this.nested(() => this.list('[', ']', () => this.json()));
    const token = this.token;
    if (token.kind === 'number' || token.text === 'NaN') return this.float64();
    const words: Record<string, unknown> = { true: true, false: false, null: null };
    if (token.kind === 'word' && Object.hasOwn(words, token.text)) {
      this.take();
      return words[token.text];
    }
    return this.takeKind(['string'], 'a JSON value').text;
  }

  private data(type: TensorType): TensorData {
    const start = this.token;
    if (this.at('…')) {
      this.fail('data', "'…': this text was printed for reading; print the graph without `elide`");
    }
    if (this.at('[')) return this.listData(type.dtype);
    if (!this.accept('base64')) this.fail("'[' or 'base64'");
    const literal = this.takeKind(['string'], 'base64 in quotes');
    const bytes = Buffer.from(literal.text, 'base64');
    if (bytes.toString('base64') !== literal.text)
      this.failAt(literal, 'base64', shorten(JSON.stringify(literal.text)));
    try {
      return dataFromBytes(type, new Uint8Array(bytes));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return this.failAt(start, 'data of the declared type', error.message);
    }
  }

  private listData(dtype: DType): TensorData {
    if (dtype === 'i64') return BigInt64Array.from(this.list('[', ']', () => this.bigInteger()));
    const values = this.list('[', ']', () => (dtype === 'f32' ? this.float() : this.stored(dtype)));
    const data = newData(dtype, values.length);
    values.forEach((value, i) => {
      data[i] = value;
    });
    return data;
  }

  /** An integer that the array of `dtype` can hold. */
  private stored(dtype: DType): number {
    const token = this.token;
    const value = this.integer();
    const [low, high] = isFloat(dtype) ? [0, 65535] : (DTYPE_FACTS[dtype].range as readonly [number, number]);
    if (value < low || value > high) this.failAt(token, `a value of ${dtype}, ${low} to ${high}`, token.text);
    return value;
  }

  private typedValue(types: Map<ValueName, TensorType>): { name: ValueName; type: TensorType } {
    const { name } = this.definition(types);
    this.punctuation(':');
    const type = this.type();
    types.set(name, type);
    return { name, type };
  }

  private definition(types: ReadonlyMap<ValueName, TensorType>): { name: ValueName; token: Token } {
    const token = this.takeKind(['value'], 'a value (%name)');
    if (types.has(token.text)) this.failAt(token, 'a new name', `%${shorten(token.text)} again`);
    return { name: token.text, token };
  }

  private value(): ValueName {
    return this.takeKind(['value'], 'a value (%name)').text;
  }

  private integer(): number {
    const value = Number(this.token.text);
    if (this.token.kind !== 'number' || !Number.isSafeInteger(value)) this.fail('an integer');
    this.take();
    return value + 0;
  }

  private bigInteger(): bigint {
    if (this.token.kind !== 'number' || !/^-?\d{1,20}$/.test(this.token.text)) this.fail('a 64-bit integer');
    const value = BigInt(this.token.text);
    if (BigInt.asIntN(64, value) !== value) this.fail('a 64-bit integer');
    this.take();
    return value;
  }

  private float(): number {
    return Math.fround(this.float64());
  }

  private float64(): number {
    if (this.token.kind !== 'number' && this.token.text !== 'NaN') this.fail('a number');
    return Number(this.take().text);
  }

  private oneOrList(item: () => number): number[] {
    return this.at('[') ? this.list('[', ']', item) : [item()];
  }

  private list<T>(open: string, close: string, item: () => T): T[] {
    this.punctuation(open);
    const items: T[] = [];
    if (this.accept(close)) return items;
    do items.push(item());
    while (this.accept(','));
    if (!this.accept(close)) this.fail(`',' or '${close}'`);
    return items;
  }

  private nested<T>(body: () => T): T {
    if (this.depth === MAX_DEPTH) this.fail(`nesting of at most ${MAX_DEPTH} levels`, 'more');
    this.depth++;
    const result = body();
    this.depth--;
    return result;
  }

  private at(text: string): boolean {
    return this.token.text === text && (this.token.kind === 'word' || this.token.kind === 'punctuation');
  }

  private accept(text: string): boolean {
    if (!this.at(text)) return false;
    this.take();
    return true;
  }

  private word(text: string): void {
    if (!this.accept(text)) this.fail(`'${text}'`);
  }

  private punctuation(text: string): void {
    if (!this.accept(text)) this.fail(`'${text}'`);
  }

  private peekKind(kind: Token['kind'], what: string): Token {
    if (this.token.kind !== kind) this.fail(what);
    return this.token;
  }

  private takeKind(kinds: readonly Token['kind'][], what: string): Token {
    if (!kinds.includes(this.token.kind)) this.fail(what);
    return this.take();
  }

  private take(): Token {
    const taken = this.token;
    const { token, end } = scan(this.text, this.next);
    this.token = token;
    this.next = end;
    return taken;
  }

  private fail(expected: string, found = tokenText(this.token)): never {
    return this.failAt(this.token, expected, found);
  }

  private failAt(token: Token, expected: string, found: string): never {
    throw new ParseError(placeOf(this.text, token.offset), expected, found);
  }
}
