/** Splits the text of a graph into tokens that know their place. */

export type TokenKind = 'word' | 'value' | 'number' | 'string' | 'punctuation' | 'end';

export interface Token {
  readonly kind: TokenKind;
  /** As written; for strings and values without quotes, escapes and `%`. */
  readonly text: string;
  readonly offset: number;
}

/** A text that is not a graph: where, what would be accepted there, and what stands there. */
export class ParseError extends Error {
  override name = 'ParseError';
  readonly line: number;
  readonly column: number;
  readonly expected: string;
  readonly found: string;

  constructor(place: { line: number; column: number }, expected: string, found: string) {
    super(`line ${place.line}, column ${place.column}: expected ${expected}, found ${found}`);
    this.line = place.line;
    this.column = place.column;
    this.expected = expected;
    this.found = found;
  }
}

/** Line and column of an offset, both from 1; columns count UTF-16 units. */
export function placeOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
}

const SPACE = /[ \t\r\n]*/y;
const WORD = /[A-Za-z_][A-Za-z0-9_-]*/y;
const NAME = /[A-Za-z0-9_./-]+/y;
const NUMBER = /-?(?:\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|Infinity)/y;
const PUNCTUATION = '{}[]():,=…';

export function isSimpleName(name: string): boolean {
  NAME.lastIndex = 0;
  return NAME.exec(name)?.[0] === name;
}

export function isWord(text: string): boolean {
  WORD.lastIndex = 0;
  return WORD.exec(text)?.[0] === text;
}

function matchAt(pattern: RegExp, text: string, offset: number): string | undefined {
  pattern.lastIndex = offset;
  return pattern.exec(text)?.[0];
}

/** Where the string literal that opens at `offset` ends, its closing quote included; undefined when it does not close. */
function stringEnd(text: string, offset: number): number | undefined {
  for (let i = offset + 1; i < text.length; i++) {
    const character = text[i];
    if (character === '"') return i + 1;
    if (character === '\n') return undefined;
    if (character === '\\') i++;
  }
  return undefined;
}

function scanString(text: string, offset: number): { value: string; end: number } {
  const end = stringEnd(text, offset);
  if (end === undefined) throw new ParseError(placeOf(text, offset), 'a string that ends on its line', 'no closing "');
  const literal = text.slice(offset, end);
  try {
    return { value: JSON.parse(literal) as string, end };
  } catch {
    throw new ParseError(placeOf(text, offset), 'a JSON string', shorten(literal));
  }
}

/** A piece of text for an error message. */
export function shorten(text: string): string {
  return text.length <= 40 ? text : `${text.slice(0, 37)}...`;
}

/** The token at `offset` and the offset behind it. Throws ParseError for characters that start no token. */
export function scan(text: string, from: number): { token: Token; end: number } {
  const offset = from + (matchAt(SPACE, text, from) as string).length;
  const character = text[offset];
  const token = (kind: TokenKind, content: string, end: number) => ({ token: { kind, text: content, offset }, end });
  if (character === undefined) return token('end', '', offset);
  if (character === '%') {
    if (text[offset + 1] === '"') {
      const { value, end } = scanString(text, offset + 1);
      return token('value', value, end);
    }
    const name = matchAt(NAME, text, offset + 1);
    if (name === undefined)
      throw new ParseError(placeOf(text, offset + 1), 'the name of a value', found(text, offset + 1));
    return token('value', name, offset + 1 + name.length);
  }
  if (character === '"') {
    const { value, end } = scanString(text, offset);
    return token('string', value, end);
  }
  const number = matchAt(NUMBER, text, offset);
  if (number !== undefined) return token('number', number, offset + number.length);
  const word = matchAt(WORD, text, offset);
  if (word !== undefined) return token('word', word, offset + word.length);
  if (PUNCTUATION.includes(character)) return token('punctuation', character, offset + 1);
  throw new ParseError(placeOf(text, offset), 'a token', found(text, offset));
}

function found(text: string, offset: number): string {
  const code = text.codePointAt(offset);
  return code === undefined ? 'the end of the text' : JSON.stringify(String.fromCodePoint(code));
}

export function tokenText(token: Token): string {
  switch (token.kind) {
    case 'end':
      return 'the end of the text';
    case 'value':
      return `%${shorten(token.text)}`;
    case 'string':
      return `the string ${shorten(JSON.stringify(token.text))}`;
    default:
      return `'${shorten(token.text)}'`;
  }
}
