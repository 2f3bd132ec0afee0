/** Programs that try instructions and accesses on many values, and the comparison of what came out. */
import { FunctionBuilder, op } from '../../../ir/loop/build.ts';
import { instruction, type Opcode, type RegisterValue } from '../../../ir/loop/instructions.ts';
import {
  ACCESS_TYPE,
  type Access,
  type Argument,
  type Call,
  ELEM_BYTES,
  type Elem,
  type Func,
  type Program,
  type Rom,
  STORABLE,
  type Type,
} from '../../../ir/loop/types.ts';

/** A fixed stream of numbers: mulberry32. */
function randomBits(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) | 0;
  };
}

const I32 = [
  0,
  1,
  -1,
  2,
  3,
  31,
  127,
  -128,
  255,
  32767,
  -32768,
  65535,
  0x7f80ff01,
  2 ** 31 - 1,
  -(2 ** 31),
  -(2 ** 31) + 1,
];
const F = [
  0, -0, 0.5, -0.5, 1.5, 2.5, -2.5, 0.1, 1e-45, 1.2e-38, 8388607.5, 4503599627370495.5, -2147483648, 2147483648, 9.3e18,
  -1e30, 3.4e38,
];
const SPECIAL = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

/** Picks a value of the type, edge values half of the time. */
function pick(type: Type, next: () => number, bound: number): RegisterValue {
  const edge = (next() & 1) === 0;
  const choice = next() >>> 0;
  if (type === 'v128') return pickVector(choice, next);
  if (type === 'i32') {
    if (bound > 0) return edge ? choice % 4 : choice % bound;
    return edge ? (I32[choice % I32.length] as number) : next() >> (choice & 31);
  }
  if (type === 'i64') {
    if (bound > 0) return BigInt(choice % bound);
    const wide = (BigInt(next()) << 32n) | BigInt(next() >>> 0);
    return edge ? BigInt(I32[choice % I32.length] as number) << BigInt(choice & 32) : wide >> BigInt(choice & 63);
  }
  return type === 'f32' ? Math.fround(pickFloat(next)) : pickFloat(next);
}

/** Lanes of floats, of halfwords at their limits, or of anything. */
function pickVector(choice: number, next: () => number): Uint8Array {
  if ((choice & 3) === 0) return new Uint8Array(Float32Array.from({ length: 4 }, () => pickFloat(next)).buffer);
  if ((choice & 3) === 1) {
    const limit = () => [-32768, 32767, 0, 1, -1, -32767, 0x7f80][(next() >>> 0) % 7] as number;
    return new Uint8Array(Int16Array.from({ length: 8 }, limit).buffer);
  }
  return new Uint8Array(Int32Array.from({ length: 4 }, next).buffer);
}

function pickFloat(next: () => number): number {
  const choice = next() >>> 0;
  if ((choice & 15) === 0) return SPECIAL[(choice >>> 4) % 3] as number;
  if ((choice & 3) === 0) return F[(choice >>> 4) % F.length] as number;
  return (next() / 2 ** 31) * 2 ** (((choice >>> 4) % 80) - 40);
}

/** The operand that counts bits, and how many there are. */
function countBound(name: Opcode, operand: number): number {
  if (operand !== 1) return 0;
  if (/^i64\.sh|^i64\.shr/.test(name)) return 64;
  if (/^i16x8\.sh[lr]/.test(name)) return 16;
  return /^i32(x4)?\.sh[lr]|rdivpot|sqshl/.test(name) ? 32 : 0;
}

const ELEM_OF: Readonly<Record<Type, Elem>> = { i32: 'i32', i64: 'i64', f32: 'f32', f64: 'f64', v128: 'u8' };
const bytesOf = (type: Type) => (type === 'v128' ? 16 : ELEM_BYTES[ELEM_OF[type]]);

function pack(type: Type, values: readonly RegisterValue[]): Uint8Array {
  const size = bytesOf(type);
  const out = new Uint8Array(values.length * size);
  const view = new DataView(out.buffer);
  values.forEach((value, i) => {
    if (value instanceof Uint8Array) out.set(value, i * size);
    else if (typeof value === 'bigint') view.setBigInt64(i * size, value, true);
    else if (type === 'i32') view.setInt32(i * size, value, true);
    else if (type === 'f32') view.setFloat32(i * size, value, true);
    else view.setFloat64(i * size, value, true);
  });
  return out;
}

/** Operands for which the instruction keeps its promises. */
function operands(name: Opcode, imm: readonly number[], cases: number, next: () => number): RegisterValue[][] {
  const { params, evaluate } = instruction(name);
  const rows: RegisterValue[][] = [];
  while (rows.length < cases) {
    const row = params.map((type, i) => pick(type, next, countBound(name, i)));
    try {
      evaluate(...row, ...imm);
      rows.push(row);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  return rows;
}

/** Constants to try: the first and last lane, the smallest and largest width, two between; a few shuffles. */
function immediates(name: Opcode, next: () => number): number[][] {
  const { imm } = instruction(name);
  if (imm === undefined) return [[]];
  if (imm.count > 1) return [1, 2, 3].map(() => Array.from({ length: imm.count }, () => (next() >>> 0) % imm.bound));
  const least = name.endsWith('sat') ? 1 : 0;
  return [...new Set([least, imm.bound >> 2, imm.bound >> 1, imm.bound - 1])].map((value) => [value]);
}

export interface Piece {
  readonly label: string;
  readonly fn: Func;
  readonly roms: readonly Rom[];
  /** What the results are, to tell NaN from NaN. */
  readonly result: 'f32' | 'f64' | 'bytes';
  readonly bytes: number;
}

/** `out[i] = op(a[i], b[i], …)` */
function instructionPiece(name: Opcode, imm: readonly number[], cases: number, next: () => number): Piece {
  const { params, result } = instruction(name);
  const rows = operands(name, imm, cases, next);
  const id = [name, ...imm.slice(0, 2)].join('_');
  const f = new FunctionBuilder(id, []);
  const step = (type: Type) => (type === 'v128' ? 16 : 1);
  const inputs = params.map((type, k) => f.buffer(`in${k}`, ELEM_OF[type], cases * step(type), 'rom'));
  const out = f.buffer('out', ELEM_OF[result], cases * step(result), 'out');
  f.for('i', 0, cases, (i) => {
    const at = (type: Type) => (type === 'v128' ? op('i32.mul', [i, 16]) : i);
    const args = params.map((type, k) => inputs[k]?.at(at(type), type === 'v128' ? 'v128' : ELEM_OF[type]) ?? 0);
    f.store(out, at(result), op(name, args, imm), result === 'v128' ? 'v128' : ELEM_OF[result]);
  });
  const roms = params.map((type, k): Rom => {
    const bytes = pack(
      type,
      rows.map((row) => row[k] as RegisterValue),
    );
    return { name: `${id}_${k}`, elem: ELEM_OF[type], length: cases * step(type), bytes };
  });
  const floats = name.startsWith('f32x4.') || result === 'f32' ? 'f32' : result === 'f64' ? 'f64' : 'bytes';
  return { label: id, fn: f.finish(), roms, result: floats, bytes: cases * bytesOf(result) };
}

/** Loads through one access from a buffer of another type, at every alignment that has, and stores what came; nothing where the elements are too narrow for it. */
export function accessPieces(elem: Elem, access: Access): readonly Piece[] {
  if (access.endsWith('_ordered') && ELEM_BYTES[elem] < 4) return [];
  const next = randomBits(elem.length * 131 + access.length);
  const type = ACCESS_TYPE[access];
  const length = 64;
  const count = 24;
  const id = `load_${elem}_${access}`;
  const f = new FunctionBuilder(id, []);
  const source = f.buffer('in', elem, length, 'rom');
  const wide = type === 'v128' ? 16 : bytesOf(type);
  const store: Access = STORABLE.has(access) ? access : type;
  const out = f.buffer('out', 'u8', count * wide, 'out');
  f.for('i', 0, count * wide, (i) => f.store(out, i, 0));
  f.for('i', 0, count, (i) => f.store(out, op('i32.mul', [i, wide]), source.at(i, access), store));
  const bytes = Uint8Array.from({ length: length * ELEM_BYTES[elem] }, () => next() & 0x3f);
  return [
    { label: id, fn: f.finish(), roms: [{ name: id, elem, length, bytes }], result: 'bytes', bytes: count * wide },
  ];
}

/** All pieces in one program, whose only output is their results one behind the other. */
export function programOf(pieces: readonly Piece[]): { readonly program: Program; readonly starts: readonly number[] } {
  const starts: number[] = [];
  let total = 0;
  const calls = pieces.map((piece): Call => {
    starts.push(total);
    const args: Argument[] = piece.roms.map((rom) => ({ kind: 'rom', name: rom.name }));
    const call = { fn: piece.fn.name, args: [...args, { kind: 'arena' as const, offset: total }], doc: piece.label };
    total += Math.ceil(piece.bytes / 16) * 16;
    return call;
  });
  const copy = new FunctionBuilder('copy', ['Brings the results out.']);
  const from = copy.buffer('from', 'u8', total, 'in');
  const to = copy.buffer('to', 'u8', total, 'out');
  copy.for('i', 0, total, (i) => copy.store(to, i, from.at(i)));
  const last: Call = {
    fn: 'copy',
    args: [
      { kind: 'arena', offset: 0 },
      { kind: 'output', index: 0 },
    ],
    doc: '',
  };
  const program: Program = {
    name: 'instructions',
    functions: [...pieces.map((piece) => piece.fn), copy.finish()],
    roms: pieces.flatMap((piece) => piece.roms),
    inputs: [],
    outputs: [{ name: 'results', elem: 'u8', length: total, shape: [total], type: 'bytes' }],
    arenaBytes: total,
    arenaAlign: 16,
    stateBytes: 0,
    run: [...calls, last],
    reset: [],
  };
  return { program, starts };
}

/** The first element that differs, other than one NaN from another. */
function difference(piece: Piece, expected: Uint8Array, found: Uint8Array): string | undefined {
  const size = piece.result === 'f32' ? 4 : piece.result === 'f64' ? 8 : 1;
  const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const number = (bytes: Uint8Array, at: number) =>
    size === 4
      ? view(bytes).getFloat32(at, true)
      : size === 8
        ? view(bytes).getFloat64(at, true)
        : view(bytes).getUint8(at);
  for (let at = 0; at < expected.length; at += size) {
    const a = expected.subarray(at, at + size);
    const b = found.subarray(at, at + size);
    if (Buffer.compare(a, b) === 0) continue;
    if (Number.isNaN(number(expected, at)) && Number.isNaN(number(found, at))) continue;
    const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
    return `${piece.label} at byte ${at}: expected ${hex(a)}, found ${hex(b)}`;
  }
  return undefined;
}

/** One piece for each of the instructions and their constants to try. The same every time. */
export function instructionPieces(names: readonly Opcode[], cases: number): Piece[] {
  const next = randomBits(20260801);
  return names.flatMap((name) => immediates(name, next).map((imm) => instructionPiece(name, imm, cases, next)));
}

/** What differs, piece by piece. */
export function differences(
  pieces: readonly Piece[],
  starts: readonly number[],
  expected: Uint8Array,
  found: Uint8Array,
): string[] {
  return pieces.flatMap((piece, i) => {
    const start = starts[i] as number;
    const part = (bytes: Uint8Array) => bytes.subarray(start, start + piece.bytes);
    return difference(piece, part(expected), part(found)) ?? [];
  });
}
