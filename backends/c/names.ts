/** C identifiers made from names of any kind: legal in C and in C++, never a keyword or a common macro, unique in their scope. */

const WORDS = `
  auto break case char const continue default do double else enum extern float for goto if inline int long register
  restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
  alignas alignof and and_eq asm atomic_cancel atomic_commit atomic_noexcept bitand bitor bool catch char8_t char16_t
  char32_t class compl concept consteval constexpr constinit const_cast co_await co_return co_yield decltype delete
  dynamic_cast explicit export false friend module import mutable namespace new noexcept not not_eq nullptr operator or
  or_eq private protected public reflexpr reinterpret_cast requires static_assert static_cast synchronized template this
  thread_local throw true try typeid typename typeof using virtual wchar_t xor xor_eq final override
  near far huge interrupt asm linux unix i386 arm vector pixel errno stdin stdout stderr assert memcpy memset NULL
  int8_t uint8_t int16_t uint16_t int32_t uint32_t int64_t uint64_t intptr_t uintptr_t size_t ptrdiff_t
`;

/** Keywords of C99, C11 and C++20, macros that compilers predefine outside strict mode, and library names. */
const RESERVED: ReadonlySet<string> = new Set(WORDS.split(/\s+/).filter((word) => word !== ''));

/** Names that start so belong to us or to the implementation. */
const OWNED = /^(_|mcc_|MCC_|INT\d|UINT\d|INT_|FLT_|DBL_)/;

/** Letters, digits and single underscores, starting with a letter. Different names may give the same identifier. */
export function identifier(name: string): string {
  const plain = name
    .replace(/[^A-Za-z0-9_]/g, '_')
    .replace(/_+/g, '_')
    .replace(/^_|_$/g, '');
  const text = plain === '' ? 'x' : plain;
  return /^[0-9]/.test(text) || OWNED.test(text) ? `v_${text}` : text;
}

/** Hands out identifiers, each once. */
export class Scope {
  private readonly taken: Set<string>;

  constructor(taken: Iterable<string> = []) {
    this.taken = new Set(taken);
  }

  /** `identifier(name)`, with a number behind it when that is a keyword or already in use. */
  claim(name: string): string {
    const base = identifier(name);
    let candidate = base;
    for (let n = 2; RESERVED.has(candidate) || this.taken.has(candidate); n++) candidate = `${base}_${n}`;
    this.taken.add(candidate);
    return candidate;
  }
}

/** True for text that can stand before every symbol of a model. */
export function isPrefix(text: string): boolean {
  return /^[A-Za-z][A-Za-z0-9_]*$/.test(text) && !text.includes('__') && !RESERVED.has(text) && !OWNED.test(text);
}
