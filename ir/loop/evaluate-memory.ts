/** Buffers of the interpreter: binding them to bytes, and loads and stores as closures that check their bounds. */
import type { RegisterValue } from './instructions.ts';
import {
  ACCESS_BYTES,
  type Access,
  type BufferParam,
  ELEM_BYTES,
  type Elem,
  FIRST_ACCESSES,
  type FirstAccess,
} from './types.ts';

type View =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array;

const VIEWS = {
  i8: Int8Array,
  u8: Uint8Array,
  i16: Int16Array,
  u16: Uint16Array,
  i32: Int32Array,
  i64: BigInt64Array,
  f32: Float32Array,
  f64: Float64Array,
} as const satisfies Record<Elem, unknown>;

/** The memory behind a buffer parameter during a call, as the views that accesses need. */
export interface Memory {
  readonly bytes: Uint8Array;
  readonly data: DataView;
  readonly view: View;
}

/** A buffer parameter; `memory` is set anew for every call. */
export interface BufferSlot {
  readonly param: BufferParam;
  memory: Memory;
}

const NOTHING: Memory = { bytes: new Uint8Array(0), data: new DataView(new ArrayBuffer(0)), view: new Uint8Array(0) };

export function bufferSlot(param: BufferParam): BufferSlot {
  return { param, memory: NOTHING };
}

/** Throws when `bytes` is not exactly the parameter's length or starts at an address its elements may not start at. */
export function memoryFor(fn: string, param: BufferParam, bytes: Uint8Array): Memory {
  const size = ELEM_BYTES[param.elem];
  const where = `${fn}: buffer ${param.name}: ${param.elem}[${param.length}]`;
  if (bytes.length !== param.length * size) {
    throw new Error(`${where} needs ${param.length * size} bytes, found ${bytes.length}`);
  }
  if (bytes.byteOffset % size !== 0) {
    throw new Error(
      `${where} is bound at byte offset ${bytes.byteOffset}, which ${size} does not divide; copy it first`,
    );
  }
  return {
    bytes,
    data: new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
    view: new VIEWS[param.elem](bytes.buffer as ArrayBuffer, bytes.byteOffset, param.length),
  };
}

export type Thunk = () => RegisterValue;
export type NumberThunk = () => number;
/** Throws the error of a failed access at `index`. */
type Fail = (index: number) => never;

/** The number of indices at which an access of a buffer is in bounds: 0 when the buffer is too short or too narrow for it. */
export function accessCount(param: BufferParam, access: Access): number {
  const size = ELEM_BYTES[param.elem];
  if (size < 4 && (access === 'i32_ordered' || access === 'i64_ordered')) return 0;
  return Math.max(0, Math.floor((param.length * size - ACCESS_BYTES[access]) / size) + 1);
}

/** One closure per element type, so that each site sees one kind of typed array. */
const OWN_LOADS = {
  i8: (s: BufferSlot, i: NumberThunk, n: number, fail: Fail) => () => {
    const at = i();
    return at >>> 0 < n ? (s.memory.view[at] as number) : fail(at);
  },
  u8: (s: BufferSlot, i: NumberThunk, n: number, fail: Fail) => () => {
    const at = i();
    return at >>> 0 < n ? (s.memory.view[at] as number) : fail(at);
  },
  i16: (s: BufferSlot, i: NumberThunk, n: number, fail: Fail) => () => {
    const at = i();
    return at >>> 0 < n ? (s.memory.view[at] as number) : fail(at);
  },
  u16: (s: BufferSlot, i: NumberThunk, n: number, fail: Fail) => () => {
    const at = i();
    return at >>> 0 < n ? (s.memory.view[at] as number) : fail(at);
  },
  i32: (s: BufferSlot, i: NumberThunk, n: number, fail: Fail) => () => {
    const at = i();
    return at >>> 0 < n ? (s.memory.view[at] as number) : fail(at);
  },
  i64: (s: BufferSlot, i: NumberThunk, n: number, fail: Fail) => () => {
    const at = i();
    return at >>> 0 < n ? (s.memory.view[at] as bigint) : fail(at);
  },
  f32: (s: BufferSlot, i: NumberThunk, n: number, fail: Fail) => () => {
    const at = i();
    return at >>> 0 < n ? (s.memory.view[at] as number) : fail(at);
  },
  f64: (s: BufferSlot, i: NumberThunk, n: number, fail: Fail) => () => {
    const at = i();
    return at >>> 0 < n ? (s.memory.view[at] as number) : fail(at);
  },
} satisfies Record<Elem, unknown>;

function splatBytes(memory: Memory, at: number, size: number): Uint8Array {
  const out = new Uint8Array(16);
  for (let i = 0; i < 16; i++) out[i] = memory.bytes[at + (i % size)] as number;
  return out;
}

/** The first bytes of a vector and zeros behind them, for each number of bytes. */
const READ_FIRST = Object.fromEntries(
  FIRST_ACCESSES.map((access) => {
    const bytes = ACCESS_BYTES[access];
    const read = (m: Memory, at: number) => {
      const out = new Uint8Array(16);
      out.set(m.bytes.subarray(at, at + bytes));
      return out;
    };
    return [access, read];
  }),
) as Record<FirstAccess, (memory: Memory, at: number) => Uint8Array>;

const WRITE_FIRST = Object.fromEntries(
  FIRST_ACCESSES.map((access) => {
    const bytes = ACCESS_BYTES[access];
    return [access, (m: Memory, at: number, value: Uint8Array) => m.bytes.set(value.subarray(0, bytes), at)];
  }),
) as Record<FirstAccess, (memory: Memory, at: number, value: Uint8Array) => void>;

/** Reads at a byte offset that has been checked. */
const READ: Readonly<Record<Access, (memory: Memory, at: number) => RegisterValue>> = {
  i8: (m, at) => m.data.getInt8(at),
  u8: (m, at) => m.data.getUint8(at),
  i16: (m, at) => m.data.getInt16(at, true),
  u16: (m, at) => m.data.getUint16(at, true),
  i32: (m, at) => m.data.getInt32(at, true),
  i64: (m, at) => m.data.getBigInt64(at, true),
  f32: (m, at) => m.data.getFloat32(at, true),
  f64: (m, at) => m.data.getFloat64(at, true),
  i8_ordered: (m, at) => m.data.getInt8(at),
  u8_ordered: (m, at) => m.data.getUint8(at),
  i32_ordered: (m, at) => m.data.getInt32(at, true),
  i64_ordered: (m, at) => m.data.getBigInt64(at, true),
  v128: (m, at) => m.bytes.slice(at, at + 16),
  v128_ordered: (m, at) => m.bytes.slice(at, at + 16),
  i8x8_s: (m, at) => {
    const lanes = new Int16Array(8);
    for (let i = 0; i < 8; i++) lanes[i] = m.data.getInt8(at + i);
    return new Uint8Array(lanes.buffer);
  },
  u8x8_u: (m, at) => {
    const lanes = new Int16Array(8);
    for (let i = 0; i < 8; i++) lanes[i] = m.data.getUint8(at + i);
    return new Uint8Array(lanes.buffer);
  },
  i16x4_s: (m, at) => {
    const lanes = new Int32Array(4);
    for (let i = 0; i < 4; i++) lanes[i] = m.data.getInt16(at + 2 * i, true);
    return new Uint8Array(lanes.buffer);
  },
  i8x4_s: (m, at) => {
    const lanes = new Int32Array(4);
    for (let i = 0; i < 4; i++) lanes[i] = m.data.getInt8(at + i);
    return new Uint8Array(lanes.buffer);
  },
  splat8: (m, at) => splatBytes(m, at, 1),
  splat16: (m, at) => splatBytes(m, at, 2),
  splat32: (m, at) => splatBytes(m, at, 4),
  low64: (m, at) => {
    const out = new Uint8Array(16);
    out.set(m.bytes.subarray(at, at + 8));
    return out;
  },
  ...READ_FIRST,
};

export function compileLoad(slot: BufferSlot, access: Access, index: NumberThunk, fail: Fail): Thunk {
  const { elem } = slot.param;
  const count = accessCount(slot.param, access);
  if (access === elem) return OWN_LOADS[elem](slot, index, count, fail);
  const size = ELEM_BYTES[elem];
  const read = READ[access];
  return () => {
    const at = index();
    return at >>> 0 < count ? read(slot.memory, at * size) : fail(at);
  };
}

type Store<V> = (s: BufferSlot, i: NumberThunk, v: () => V, n: number, fail: Fail) => () => void;

const OWN_STORES = {
  i8: ((s, i, v, n, fail) => () => {
    const at = i();
    if (at >>> 0 >= n) fail(at);
    s.memory.view[at] = v();
  }) as Store<number>,
  i32: ((s, i, v, n, fail) => () => {
    const at = i();
    if (at >>> 0 >= n) fail(at);
    s.memory.view[at] = v();
  }) as Store<number>,
  f32: ((s, i, v, n, fail) => () => {
    const at = i();
    if (at >>> 0 >= n) fail(at);
    s.memory.view[at] = v();
  }) as Store<number>,
};

type StoreAccess = Elem | 'v128' | 'low64' | FirstAccess;

/** Writes at a byte offset that has been checked; integers keep their low bits. */
const WRITE: Readonly<Record<StoreAccess, (memory: Memory, at: number, value: never) => void>> = {
  i8: (m, at, value: number) => m.data.setInt8(at, value),
  u8: (m, at, value: number) => m.data.setUint8(at, value),
  i16: (m, at, value: number) => m.data.setInt16(at, value, true),
  u16: (m, at, value: number) => m.data.setUint16(at, value, true),
  i32: (m, at, value: number) => m.data.setInt32(at, value, true),
  i64: (m, at, value: bigint) => m.data.setBigInt64(at, value, true),
  f32: (m, at, value: number) => m.data.setFloat32(at, value, true),
  f64: (m, at, value: number) => m.data.setFloat64(at, value, true),
  v128: (m, at, value: Uint8Array) => m.bytes.set(value, at),
  low64: (m, at, value: Uint8Array) => m.bytes.set(value.subarray(0, 8), at),
  ...WRITE_FIRST,
};

/** The value is computed after the index. Throws on an access that only loads may use. */
export function compileStore(
  slot: BufferSlot,
  access: Access,
  index: NumberThunk,
  value: Thunk,
  fail: Fail,
): () => void {
  const { elem } = slot.param;
  const count = accessCount(slot.param, access);
  if (access === elem && (access === 'i8' || access === 'i32' || access === 'f32')) {
    return OWN_STORES[access](slot, index, value as NumberThunk, count, fail);
  }
  if (!Object.hasOwn(WRITE, access)) throw new Error(`${slot.param.name}: stores may not use ${access}`);
  const size = ELEM_BYTES[elem];
  const write = WRITE[access as StoreAccess] as (memory: Memory, at: number, value: RegisterValue) => void;
  return () => {
    const at = index();
    if (at >>> 0 >= count) fail(at);
    write(slot.memory, at * size, value());
  };
}
