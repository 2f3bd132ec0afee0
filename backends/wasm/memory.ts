/** Loads and stores, and where everything lies in the one memory of a module. */
import {
  type Access,
  ELEM_BYTES,
  FIRST_ACCESSES,
  type FirstAccess,
  type Func,
  type Program,
} from '../../ir/loop/types.ts';
import { type Constructors, type DataSegment, LOW_MEMORY_BYTES, type Ref } from './binaryen.ts';
import { expansion, packedBytes, packingOf } from './tables.ts';

type LoadBuilder = (w: Constructors, offset: number, align: number, pointer: Ref) => Ref;
type StoreBuilder = (w: Constructors, offset: number, align: number, pointer: Ref, value: Ref) => Ref;

/** Helium's predicated accesses touch bytes one by one, which takes more than an expression here. */
const heliumOnly = <T>(builder: (access: FirstAccess) => T) =>
  Object.fromEntries(FIRST_ACCESSES.map((access) => [access, builder(access)])) as Record<FirstAccess, T>;

const refused = (access: FirstAccess) => (): never => {
  throw new Error(`${access} is for targets with Helium; compile for a target of WebAssembly`);
};

export const LOAD: { readonly [K in Access]: LoadBuilder } = {
  i8: (w, offset, align, pointer) => w.i32.load8_s(offset, align, pointer),
  u8: (w, offset, align, pointer) => w.i32.load8_u(offset, align, pointer),
  i16: (w, offset, align, pointer) => w.i32.load16_s(offset, align, pointer),
  u16: (w, offset, align, pointer) => w.i32.load16_u(offset, align, pointer),
  i32: (w, offset, align, pointer) => w.i32.load(offset, align, pointer),
  i64: (w, offset, align, pointer) => w.i64.load(offset, align, pointer),
  f32: (w, offset, align, pointer) => w.f32.load(offset, align, pointer),
  f64: (w, offset, align, pointer) => w.f64.load(offset, align, pointer),
  u8_ordered: (w, offset, align, pointer) => w.i32.load8_u(offset, align, pointer),
  i8_ordered: (w, offset, align, pointer) => w.i32.load8_s(offset, align, pointer),
  i32_ordered: (w, offset, align, pointer) => w.i32.load(offset, align, pointer),
  i64_ordered: (w, offset, align, pointer) => w.i64.load(offset, align, pointer),
  v128: (w, offset, align, pointer) => w.v128.load(offset, align, pointer),
  v128_ordered: (w, offset, align, pointer) => w.v128.load(offset, align, pointer),
  i8x8_s: (w, offset, align, pointer) => w.v128.load8x8_s(offset, align, pointer),
  u8x8_u: (w, offset, align, pointer) => w.v128.load8x8_u(offset, align, pointer),
  i16x4_s: (w, offset, align, pointer) => w.v128.load16x4_s(offset, align, pointer),
  i8x4_s: (w, offset, align, pointer) =>
    w.i32x4.extend_low_i16x8_s(w.i16x8.extend_low_i8x16_s(w.v128.load32_zero(offset, align, pointer))),
  splat8: (w, offset, align, pointer) => w.v128.load8_splat(offset, align, pointer),
  splat16: (w, offset, align, pointer) => w.v128.load16_splat(offset, align, pointer),
  splat32: (w, offset, align, pointer) => w.v128.load32_splat(offset, align, pointer),
  low64: (w, offset, align, pointer) => w.v128.load64_zero(offset, align, pointer),
  ...heliumOnly(refused),
};

const loadOnly =
  (access: Access): StoreBuilder =>
  () => {
    throw new Error(`${access} is a way to load; nothing can be stored with it`);
  };

export const STORE: { readonly [K in Access]: StoreBuilder } = {
  i8: (w, offset, align, pointer, value) => w.i32.store8(offset, align, pointer, value),
  u8: (w, offset, align, pointer, value) => w.i32.store8(offset, align, pointer, value),
  i16: (w, offset, align, pointer, value) => w.i32.store16(offset, align, pointer, value),
  u16: (w, offset, align, pointer, value) => w.i32.store16(offset, align, pointer, value),
  i32: (w, offset, align, pointer, value) => w.i32.store(offset, align, pointer, value),
  i64: (w, offset, align, pointer, value) => w.i64.store(offset, align, pointer, value),
  f32: (w, offset, align, pointer, value) => w.f32.store(offset, align, pointer, value),
  f64: (w, offset, align, pointer, value) => w.f64.store(offset, align, pointer, value),
  v128: (w, offset, align, pointer, value) => w.v128.store(offset, align, pointer, value),
  low64: (w, offset, align, pointer, value) => w.v128.store64_lane(offset, align, 0, pointer, value),
  v128_ordered: loadOnly('v128_ordered'),
  u8_ordered: loadOnly('u8_ordered'),
  i8_ordered: loadOnly('i8_ordered'),
  i32_ordered: loadOnly('i32_ordered'),
  i64_ordered: loadOnly('i64_ordered'),
  i8x8_s: loadOnly('i8x8_s'),
  u8x8_u: loadOnly('u8x8_u'),
  i16x4_s: loadOnly('i16x4_s'),
  i8x4_s: loadOnly('i8x4_s'),
  ...heliumOnly(refused),
  splat8: loadOnly('splat8'),
  splat16: loadOnly('splat16'),
  splat32: loadOnly('splat32'),
};

/** Byte offsets in the module's memory of what its user deals with. */
export interface Layout {
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly arena: number;
  /** The size of the memory, in pages of 64 KiB. */
  readonly pages: number;
}

/** Where the arguments of calls lie. */
export interface Places extends Omit<Layout, 'pages'> {
  readonly roms: ReadonlyMap<string, number>;
}

/** Tables that a function writes out from `from` to `to` before anything else runs. */
export interface Expansion {
  readonly func: Func;
  readonly from: number;
  readonly to: number;
}

/** All of a module's memory. */
export interface Memory extends Layout, Places {
  readonly segments: readonly DataSegment[];
  readonly expansions: readonly Expansion[];
}

const ALIGNMENT = 16;
const PAGE_BYTES = 65536;
const MOST_PAGES = 65536;
/** A data segment costs about eight bytes, so shorter runs of zeros are cheaper written than skipped. */
const SHORTEST_GAP = 32;

/**
 * Inputs and outputs first, which then lie alike in all modules of one model; then constants (one run of data) and the
 * arena. Each lies at a multiple of 16. Packed tables lie over the arena until they are written out.
 * @throws Error when the model needs more than the 4 GiB that a WebAssembly memory may have.
 */
export function layoutOf(program: Program): Memory {
  let end = LOW_MEMORY_BYTES;
  const take = (bytes: number, align = ALIGNMENT): number => {
    const offset = Math.ceil(end / align) * align;
    end = offset + bytes;
    return offset;
  };
  const inputs = program.inputs.map((port) => take(port.length * ELEM_BYTES[port.elem]));
  const outputs = program.outputs.map((port) => take(port.length * ELEM_BYTES[port.elem]));
  const { plain, packed } = packingOf(program.roms);
  const roms = new Map(plain.map((rom) => [rom.name, take(rom.bytes.length)]));
  const constants = plain.map((rom) => ({ offset: roms.get(rom.name) as number, data: rom.bytes }));
  const written = packed.map((tables) => {
    const to = take(0);
    for (const rom of tables.roms) roms.set(rom.name, take(rom.bytes.length));
    const image = imageOf(tables.roms.map((rom) => ({ offset: (roms.get(rom.name) as number) - to, data: rom.bytes })));
    return { tables, to, image };
  });
  const arena = take(program.arenaBytes, Math.max(ALIGNMENT, program.arenaAlign));
  const packs: DataSegment[] = [];
  let from = arena;
  const expansions = written.map(({ tables, to, image }, i): Expansion => {
    const data = packedBytes(tables, image);
    const one = { func: expansion(`expand:${i}`, tables, image.length / ELEM_BYTES[tables.elem]), from, to };
    packs.push({ offset: from, data });
    from += data.length;
    return one;
  });
  const pages = Math.ceil(Math.max(end, from) / PAGE_BYTES);
  if (pages > MOST_PAGES) {
    throw new Error(`${program.name} needs ${end} bytes of memory; a WebAssembly module can have 4 GiB at most`);
  }
  // Behind the code, whose statistics are nearer to theirs than to those of weights, packed tables compress better.
  const segments = [packs, constants].flatMap((parts) => withoutZeros(imageOf(parts)));
  return { inputs, outputs, arena, pages, roms, segments, expansions };
}

function imageOf(parts: readonly DataSegment[]): Uint8Array {
  const image = new Uint8Array(Math.max(0, ...parts.map(({ offset, data }) => offset + data.length)));
  for (const { offset, data } of parts) image.set(data, offset);
  return image;
}

/** The constants without their longer runs of zeros, which fresh memory has already. */
function withoutZeros(image: Uint8Array): DataSegment[] {
  const segments: DataSegment[] = [];
  let start = -1;
  let end = -1; // of the last byte that is not zero
  for (let at = 0; at < image.length; at++) {
    if (image[at] === 0) continue;
    if (start < 0) start = at;
    else if (at - end >= SHORTEST_GAP) {
      segments.push({ offset: start, data: image.slice(start, end) });
      start = at;
    }
    end = at + 1;
  }
  if (start >= 0) segments.push({ offset: start, data: image.slice(start, end) });
  return segments;
}
