/**
 * Constant tables as they lie in the file: shorter, or such that they compress better. A function of the module writes them
 * out in full when it is instantiated.
 *
 * - `bytes`: each element in as few bytes as hold all of its table; all first bytes, then all second ones, and so on. Bytes
 *   of which each fourth is zero, as in weights of three taps, are written as words.
 * - `powers`: the exponents of powers of two.
 * - `ratio`: each element is the one before it, scaled, plus what is stored; for tables that fall off exponentially.
 */
import { add, type Buffer, FunctionBuilder, i64, op } from '../../ir/loop/build.ts';
import type { Elem, Expr, Func, Rom } from '../../ir/loop/types.ts';

type WideElem = 'i16' | 'u16' | 'i32';

type Coding =
  | { readonly kind: 'bytes'; readonly width: number; readonly signed: boolean }
  | { readonly kind: 'powers' }
  /** x[i + 1] = ((x[i] * ratio + 2^30) >> 31) + stored[i + 1] */
  | { readonly kind: 'ratio'; readonly width: number; readonly first: number; readonly ratio: number };

/** Tables that lie side by side in memory, and are written there by one loop. */
export interface PackedTables {
  readonly elem: WideElem;
  readonly coding: Coding;
  readonly roms: readonly Rom[];
}

/** Fewer elements than this are not worth a loop. */
const LEAST_ELEMENTS = 64;
/** What is stored of an element that is predicted must be that much shorter. */
const MOST_RESIDUAL_BYTES = 2;

function isWide(elem: Elem): elem is WideElem {
  return elem === 'i16' || elem === 'u16' || elem === 'i32';
}

/** Tables of integers by element and coding, and those that lie in the file as they are. */
export function packingOf(roms: readonly Rom[]): {
  readonly plain: readonly Rom[];
  readonly packed: readonly PackedTables[];
} {
  const groups = new Map<string, PackedTables & { readonly roms: Rom[] }>();
  for (const rom of roms) {
    const elem = isThreeOfFour(rom) ? 'i32' : rom.elem;
    if (!isWide(elem)) continue;
    const coding = elem === rom.elem ? codingOf(elem, valuesOf(elem, rom.bytes)) : THREE_BYTES;
    const key = `${elem} ${JSON.stringify(coding)} ${coding.kind === 'ratio' ? rom.name : ''}`;
    const group = groups.get(key) ?? { elem, coding, roms: [] };
    group.roms.push(rom);
    groups.set(key, group);
  }
  const elements = ({ roms: members }: PackedTables) => members.reduce((sum, { length }) => sum + length, 0);
  const packed = [...groups.values()].filter((group) => elements(group) >= LEAST_ELEMENTS);
  const names = new Set(packed.flatMap((group) => group.roms.map(({ name }) => name)));
  return { plain: roms.filter(({ name }) => !names.has(name)), packed };
}

const THREE_BYTES: Coding = { kind: 'bytes', width: 3, signed: false };

function isThreeOfFour({ elem, bytes }: Rom): boolean {
  return elem === 'i8' && bytes.length % 4 === 0 && bytes.every((byte, i) => i % 4 !== 3 || byte === 0);
}

/** The elements, as signed numbers. */
function valuesOf(elem: WideElem, bytes: Uint8Array): Int16Array | Int32Array {
  const { buffer } = bytes.slice();
  return elem === 'i32' ? new Int32Array(buffer) : new Int16Array(buffer);
}

function codingOf(elem: WideElem, values: Int16Array | Int32Array): Coding {
  if (elem !== 'i32') return { kind: 'bytes', width: widthOf(values), signed: true };
  if (values.every((value) => value > 0 && (value & (value - 1)) === 0)) return { kind: 'powers' };
  return ratioOf(values as Int32Array) ?? { kind: 'bytes', width: widthOf(values), signed: true };
}

/** The fewest bytes whose sign extension gives every value. */
function widthOf(values: Iterable<number>): number {
  let bits = 8;
  for (const value of values) while (value < -(2 ** (bits - 1)) || value >= 2 ** (bits - 1)) bits += 8;
  return bits / 8;
}

function ratioOf(values: Int32Array): Coding | undefined {
  const [first, second] = values as unknown as [number, number];
  const last = values.findLastIndex((value) => value > 0);
  if (values.length < LEAST_ELEMENTS || last < 1 || second <= 0 || first <= second) return undefined;
  // Of the first two, and of both ends.
  const ratios = [second / first, ((values[last] as number) / first) ** (1 / last)];
  const codings = ratios.map((quotient): Coding & { readonly kind: 'ratio' } => {
    const ratio = Math.min(Math.round(quotient * 2 ** 31), 2 ** 31 - 1);
    return { kind: 'ratio', width: widthOf(residuals(values, first, ratio)), first, ratio };
  });
  const [best] = codings.toSorted((a, b) => a.width - b.width);
  return best !== undefined && best.width <= MOST_RESIDUAL_BYTES ? best : undefined;
}

function residuals(values: Int32Array, first: number, ratio: number): number[] {
  return Array.from(values, (value, i) => {
    if (i === 0) return 0;
    const before = BigInt(i === 1 ? first : (values[i - 1] as number));
    return value - Number((before * BigInt(ratio) + (1n << 30n)) >> 31n);
  });
}

/** What stands for tables in the file; `bytes` are theirs, side by side. */
export function packedBytes({ elem, coding }: PackedTables, bytes: Uint8Array): Uint8Array {
  const values = valuesOf(elem, bytes);
  switch (coding.kind) {
    case 'bytes':
      return planesOf(values, coding.width);
    case 'powers':
      // Between tables there may be zeros, whatever is made of them.
      return Uint8Array.from(values, (value) => Math.log2(Math.max(1, value)));
    case 'ratio':
      return planesOf(residuals(values as Int32Array, coding.first, coding.ratio), coding.width);
  }
}

function planesOf(values: ArrayLike<number>, width: number): Uint8Array {
  const count = values.length;
  return Uint8Array.from({ length: count * width }, (_, at) => {
    const plane = Math.floor(at / count);
    return (values[at - plane * count] as number) >> (8 * plane);
  });
}

/** Writes out `count` elements. */
export function expansion(name: string, { elem, coding }: PackedTables, count: number): Func {
  const width = coding.kind === 'powers' ? 1 : coding.width;
  const f = new FunctionBuilder(name, [`${count} elements of ${width} bytes each`]);
  const packed = f.buffer('packed', 'u8', count * width, 'in');
  const values = f.buffer('values', elem, count, 'out');
  switch (coding.kind) {
    case 'bytes':
      f.for('i', 0, count, (i) => f.store(values, i, joined(packed, i, count, width, coding.signed)));
      break;
    case 'powers':
      f.for('i', 0, count, (i) => f.store(values, i, op('i32.shl', [1, packed.at(i)])));
      break;
    case 'ratio':
      writeByRatio(f, coding, values, count, (i) => joined(packed, i, count, width, true));
  }
  return f.finish();
}

/** An element out of its bytes; `signed`: the last of them is. */
function joined(packed: Buffer, i: Expr, count: number, width: number, signed: boolean): Expr {
  let value: Expr = packed.at(add(i, (width - 1) * count), signed ? 'i8' : 'u8');
  for (let plane = width - 2; plane >= 0; plane--) {
    value = op('i32.or', [op('i32.shl', [value, 8]), packed.at(add(i, plane * count))]);
  }
  return value;
}

function writeByRatio(
  f: FunctionBuilder,
  { first, ratio }: Extract<Coding, { kind: 'ratio' }>,
  values: Buffer,
  count: number,
  stored: (i: Expr) => Expr,
): void {
  f.store(values, 0, first);
  const value = f.variable('value', first);
  f.for('i', 1, count, (i) => {
    const product = op('i64.mul', [op('i64.extend_i32_s', [value.value]), i64(ratio)]);
    const scaled = op('i64.shr_s', [op('i64.add', [product, i64(2 ** 30)]), i64(31)]);
    f.set(value, add(op('i32.wrap_i64', [scaled]), stored(i)));
    f.store(values, i, value.value);
  });
}
