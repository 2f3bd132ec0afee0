/** Tokens of loop IR text, and the reader that the parser takes them from. */

export type TokenKind = 'name' | 'number' | 'string' | 'comment' | 'symbol' | 'end';

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  /** Where it starts in the source. */
  readonly at: number;
}

/** Names hold dots, so that an opcode and `x.i8` are one token. Numbers have no sign: `-` is a symbol of its own. */
const TOKEN = new RegExp(
  [
    /[ \t\r\n]+/,
    /(?<comment>;;[^\n]*)/,
    /(?<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*)/,
    /(?<number>[0-9]+(?:\.(?!\.)[0-9]*)?(?:[eE][+-]?[0-9]+)?)/,
    /(?<string>"(?:[^"\\\n]|\\.)*")/,
    /(?<symbol>->|\.\.|==|!=|<=|>=|[-+*&<>=(){}[\]:;,])/,
  ]
    .map((part) => part.source)
    .join('|'),
  'y',
);

const KINDS = ['symbol', 'name', 'number', 'string', 'comment'] as const;

/** An error in a text, at a line and a column that count from 1. */
export class ParseError extends Error {
  readonly line: number;
  readonly column: number;

  constructor(source: string, at: number, message: string) {
    const before = source.slice(0, at).split('\n');
    const line = before.length;
    const column = (before.at(-1) as string).length + 1;
    super(`line ${line}, column ${column}: ${message}`);
    this.name = 'ParseError';
    this.line = line;
    this.column = column;
  }
}

function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  let at = 0;
  while (at < source.length) {
    const match = TOKEN.exec(source);
    if (match === null) {
      const found = JSON.stringify(String.fromCodePoint(source.codePointAt(at) as number));
      throw new ParseError(source, at, `expected a name, number, string or symbol, found ${found}`);
    }
    // Spaces match no group of a token's kind.
    const kind = KINDS.find((candidate) => match.groups?.[candidate] !== undefined);
    if (kind !== undefined) tokens.push({ kind, text: match[0], at });
    at = TOKEN.lastIndex;
  }
  tokens.push({ kind: 'end', text: '', at });
  return tokens;
}

function describe(token: Token): string {
  if (token.kind === 'end') return 'the end of the text';
  const shown = token.text.length > 40 ? `${token.text.slice(0, 40)}…` : token.text;
  return token.kind === 'string' ? `the string ${shown}` : `\`${shown}\``;
}

/** The tokens of a text with a position. */
export class Reader {
  private readonly source: string;
  private readonly tokens: readonly Token[];
  private position = 0;

  constructor(source: string) {
    this.source = source;
    this.tokens = tokenize(source);
  }

  peek(ahead = 0): Token {
    return this.tokens[Math.min(this.position + ahead, this.tokens.length - 1)] as Token;
  }

  next(): Token {
    const token = this.peek();
    this.position++;
    return token;
  }

  /** Fails at a token with what was expected instead of it. */
  expected(what: string, token = this.peek()): never {
    throw new ParseError(this.source, token.at, `expected ${what}, found ${describe(token)}`);
  }

  /** Fails at a token with a message of its own. */
  fail(token: Token, message: string): never {
    throw new ParseError(this.source, token.at, message);
  }

  is(text: string): boolean {
    const token = this.peek();
    return token.text === text && (token.kind === 'symbol' || token.kind === 'name');
  }

  /** Takes the token if it is this symbol or word. */
  accept(text: string): boolean {
    const found = this.is(text);
    if (found) this.position++;
    return found;
  }

  expect(text: string): Token {
    return this.is(text) ? this.next() : this.expected(`\`${text}\``);
  }

  /** A name without dots. */
  name(what: string): string {
    const token = this.peek();
    if (token.kind !== 'name' || token.text.includes('.')) this.expected(what);
    return this.next().text;
  }

  /** One of the words, which are names without dots. */
  oneOf<T extends string>(words: readonly T[], what: string): T {
    const word = words.find((candidate) => this.is(candidate));
    if (word === undefined) this.expected(`${what} (${words.join(', ')})`);
    this.position++;
    return word;
  }

  string(what: string): string {
    const token = this.peek();
    if (token.kind !== 'string') this.expected(what);
    this.position++;
    try {
      return JSON.parse(token.text) as string;
    } catch {
      return this.fail(token, `the string ${token.text} has an escape that JSON does not know`);
    }
  }

  /** A whole number that JavaScript holds exactly, with its sign. */
  integer(what: string): number {
    const start = this.peek();
    const negative = this.accept('-');
    const token = this.peek();
    const value = Number(token.text);
    if (token.kind !== 'number' || !/^[0-9]+$/.test(token.text) || !Number.isSafeInteger(value)) {
      this.expected(`${what}, a whole number`, token.kind === 'number' ? token : negative ? token : start);
    }
    this.position++;
    return negative && value !== 0 ? -value : value;
  }
}
