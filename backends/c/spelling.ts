/** The ways in which an instruction becomes C text. */
export type Spelling =
  /** `a + b`. `bool`: a comparison, int 0 or 1 in C and bool in C++. */
  | { readonly form: 'infix'; readonly symbol: string; readonly level: number; readonly type: 'value' | 'bool' }
  /** `-a`, `(float)a`, … written directly before the operand. */
  | { readonly form: 'prefix'; readonly text: string }
  /** `name(a, b)`; the instruction's constants follow its operands. */
  | { readonly form: 'call'; readonly name: string }
  /** `c ? a : b` */
  | { readonly form: 'select' };

/** C's precedence levels, tightest first. */
export const LEVEL = {
  primary: 16,
  unary: 15,
  multiplicative: 13,
  additive: 12,
  shift: 11,
  relational: 10,
  equality: 9,
  and: 8,
  xor: 7,
  or: 6,
  logicalAnd: 5,
  logicalOr: 4,
  conditional: 3,
} as const;

const LEVEL_OF: Readonly<Record<string, number>> = {
  '*': LEVEL.multiplicative,
  '/': LEVEL.multiplicative,
  '%': LEVEL.multiplicative,
  '+': LEVEL.additive,
  '-': LEVEL.additive,
  '>>': LEVEL.shift,
  '<': LEVEL.relational,
  '<=': LEVEL.relational,
  '>': LEVEL.relational,
  '>=': LEVEL.relational,
  '==': LEVEL.equality,
  '!=': LEVEL.equality,
  '&': LEVEL.and,
  '^': LEVEL.xor,
  '|': LEVEL.or,
};

function infixOf(symbol: string, type: 'value' | 'bool'): Spelling {
  const level = LEVEL_OF[symbol];
  if (level === undefined) throw new RangeError(`no precedence known for ${symbol}`);
  return { form: 'infix', symbol, level, type };
}

export function infix(symbol: '*' | '/' | '%' | '+' | '-' | '>>' | '&' | '^' | '|'): Spelling {
  return infixOf(symbol, 'value');
}

/** A comparison: int 0 or 1 in C, bool in C++. */
export function compare(symbol: '<' | '<=' | '>' | '>=' | '==' | '!='): Spelling {
  return infixOf(symbol, 'bool');
}

export function prefix(text: string): Spelling {
  return { form: 'prefix', text };
}

export function call(name: string): Spelling {
  return { form: 'call', name };
}

export const SELECT: Spelling = { form: 'select' };
