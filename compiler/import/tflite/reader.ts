/**
 * Bounds-checked decoding of flatbuffers into plain objects.
 *
 * A table is described by its fields, each with its id and how to read it. Nothing in the file is trusted: every offset
 * and length is checked against the file before it is followed or allocated for. Offsets may point at the same bytes
 * many times, so the bytes decoded are counted too, and limited by the size of the file.
 */
import { ByteBuffer } from 'flatbuffers';
import { ImportError } from '../error.ts';
import { type Place, placeText, within } from '../place.ts';

/** One field of one table in the file; `position` is where its inline bytes start, or undefined when it is absent. */
export interface Slot {
  readonly position: number | undefined;
  readonly place: Place;
}

export interface Field<T> {
  readonly id: number;
  /** Inline bytes: the value itself, or the offset to it. */
  readonly size: number;
  readonly read: (file: Flatbuffer, slot: Slot) => T;
}

/** The fields of a table by name; fields the importer has no use for are left out. */
export type Table<T> = { readonly [Name in keyof T]: Field<T[Name]> };
// biome-ignore lint/suspicious/noExplicitAny: infers the fields of any table
export type Decoded<D extends Record<string, Field<any>>> = {
  readonly [Name in keyof D]: D[Name] extends Field<infer T> ? T : never;
};

export class Flatbuffer {
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly #buffer: ByteBuffer;
  #allowance: number;

  constructor(bytes: Uint8Array, file: string) {
    // A plain view: Node's Buffer has another `slice`.
    this.bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    this.file = file;
    this.#buffer = new ByteBuffer(this.bytes);
    this.#allowance = 4 * bytes.length + 65536;
  }

  fail(place: Place, expected: string, found: string): never {
    throw new ImportError({
      file: this.file,
      place: placeText(place),
      expected,
      found,
      advice: 'The file is damaged or was not written by a TFLite converter.',
    });
  }

  /** Checks that [position, position + size) lies in the file. */
  check(position: number, size: number, place: Place): void {
    if (position < 0 || position + size > this.bytes.length) {
      this.fail(
        place,
        `offsets within the ${this.bytes.length} bytes of the file`,
        `${size} bytes at offset ${position}`,
      );
    }
  }

  #charge(size: number, place: Place): void {
    this.#allowance -= size;
    if (this.#allowance < 0) {
      this.fail(
        place,
        'tables that do not refer to the same bytes over and over',
        'more content than the file can hold',
      );
    }
  }

  #u32(position: number, place: Place): number {
    this.check(position, 4, place);
    return this.#buffer.readUint32(position);
  }

  scalar<T>(position: number, size: number, place: Place, get: (buffer: ByteBuffer, position: number) => T): T {
    this.check(position, size, place);
    this.#charge(size, place);
    return get(this.#buffer, position);
  }

  /** Follows the forward offset at `position`. */
  follow(position: number, place: Place): number {
    const target = position + this.#u32(position, place);
    this.check(target, 4, place);
    this.#charge(4, place);
    return target;
  }

  /** Start and length of the vector that the offset at `position` leads to. */
  vector(position: number, itemSize: number, place: Place): { start: number; length: number } {
    const target = this.follow(position, place);
    const length = this.#u32(target, place);
    const room = this.bytes.length - target - 4;
    if (length * itemSize > room) {
      this.fail(place, `at most ${Math.floor(room / itemSize)} items before the end of the file`, `${length}`);
    }
    return { start: target + 4, length };
  }

  items<T>(position: number, size: number, place: Place, get: (buffer: ByteBuffer, position: number) => T): T[] {
    const { start, length } = this.vector(position, size, place);
    this.#charge(length * size, place);
    return Array.from({ length }, (_, i) => get(this.#buffer, start + i * size));
  }

  text(position: number, place: Place): string {
    const { start, length } = this.vector(position, 1, place);
    this.#charge(length, place);
    return new TextDecoder().decode(this.bytes.subarray(start, start + length));
  }

  /** Decodes the table at `position`. */
  table<T>(description: Table<T>, position: number, place: Place): T {
    this.check(position, 4, place);
    const vtable = position - this.#buffer.readInt32(position);
    this.check(vtable, 4, place);
    const vtableSize = this.#buffer.readUint16(vtable);
    const tableSize = this.#buffer.readUint16(vtable + 2);
    if (vtableSize < 4 || vtableSize % 2 !== 0 || tableSize < 4) {
      this.fail(place, 'a table', `a description of ${vtableSize} bytes for ${tableSize} bytes`);
    }
    this.check(vtable, vtableSize, place);
    this.check(position, tableSize, place);
    this.#charge(4, place);
    const decoded: Partial<T> = {};
    for (const name in description) {
      const field = description[name];
      const at = within(place, `field ${name}`);
      const entry = 4 + 2 * field.id;
      const offset = entry + 2 <= vtableSize ? this.#buffer.readUint16(vtable + entry) : 0;
      if (offset !== 0 && (offset < 4 || offset + field.size > tableSize)) {
        this.fail(at, `an offset within the table's ${tableSize} bytes`, `${offset}`);
      }
      decoded[name] = field.read(this, { position: offset === 0 ? undefined : position + offset, place: at });
    }
    return decoded as T;
  }
}

type Get<T> = (buffer: ByteBuffer, position: number) => T;

function scalarField<T>(id: number, size: number, initial: T, get: Get<T>): Field<T> {
  return {
    id,
    size,
    read: (file, { position, place }) => (position === undefined ? initial : file.scalar(position, size, place, get)),
  };
}

function vectorField<T>(id: number, size: number, get: Get<T>): Field<readonly T[]> {
  return {
    id,
    size: 4,
    read: (file, { position, place }) => (position === undefined ? [] : file.items(position, size, place, get)),
  };
}

export const bool = (id: number, initial = false) => scalarField(id, 1, initial, (b, at) => b.readUint8(at) !== 0);
export const u8 = (id: number) => scalarField(id, 1, 0, (b, at) => b.readUint8(at));
export const i8 = (id: number) => scalarField(id, 1, 0, (b, at) => b.readInt8(at));
export const i32 = (id: number, initial = 0) => scalarField(id, 4, initial, (b, at) => b.readInt32(at));
export const u32 = (id: number) => scalarField(id, 4, 0, (b, at) => b.readUint32(at));
export const f32 = (id: number) => scalarField(id, 4, 0, (b, at) => b.readFloat32(at));
export const u64 = (id: number) => scalarField(id, 8, 0n, (b, at) => b.readUint64(at));
export const u8s = (id: number) => vectorField(id, 1, (b, at) => b.readUint8(at));
export const u16s = (id: number) => vectorField(id, 2, (b, at) => b.readUint16(at));
export const i32s = (id: number) => vectorField(id, 4, (b, at) => b.readInt32(at));
export const i64s = (id: number) => vectorField(id, 8, (b, at) => b.readInt64(at));
export const f32s = (id: number) => vectorField(id, 4, (b, at) => b.readFloat32(at));

/** One of `names`, stored as its index in a byte or, in a few places, an i32; a number without a name is an error. */
export function enumeration<const Name extends string>(
  id: number,
  names: readonly (Name | undefined)[],
  initial: NoInfer<Name>,
): Field<Name> {
  return {
    id,
    size: 1,
    read(file, { position, place }) {
      if (position === undefined) return initial;
      const value = file.scalar(position, 1, place, (b, at) => b.readInt8(at));
      const name = names[value];
      if (name === undefined) {
        return file.fail(
          place,
          `one of ${names.flatMap((n, i) => (n === undefined ? [] : `${i} (${n})`)).join(', ')}`,
          `${value}`,
        );
      }
      return name;
    },
  };
}

/** Text; empty when absent. */
export function text(id: number): Field<string> {
  return {
    id,
    size: 4,
    read: (file, { position, place }) => (position === undefined ? '' : file.text(position, place)),
  };
}

/** A view of raw bytes, not copied; undefined when absent. */
export function blob(id: number): Field<Uint8Array | undefined> {
  return {
    id,
    size: 4,
    read(file, { position, place }) {
      if (position === undefined) return undefined;
      const { start, length } = file.vector(position, 1, place);
      return file.bytes.subarray(start, start + length);
    },
  };
}

export function table<T>(id: number, description: Table<T>): Field<T | undefined> {
  return {
    id,
    size: 4,
    read: (file, { position, place }) =>
      position === undefined ? undefined : file.table(description, file.follow(position, place), place),
  };
}

/** A vector of at most `limit` tables; in places they are called `item` and their index. */
export function tables<T>(id: number, item: string, limit: number, description: Table<T>): Field<readonly T[]> {
  return {
    id,
    size: 4,
    read(file, { position, place }) {
      if (position === undefined) return [];
      const { start, length } = file.vector(position, 4, place);
      if (length > limit) file.fail(place, `at most ${limit}`, `${length}`);
      return Array.from({ length }, (_, i) => {
        const at = within(place.parent, `${item} ${i}`);
        return file.table(description, file.follow(start + 4 * i, at), at);
      });
    },
  };
}

/** The union whose type is field `id` and whose value is field `id + 1`. */
export function union(id: number): { readonly type: Field<number>; readonly value: Field<number | undefined> } {
  return {
    type: u8(id),
    value: {
      id: id + 1,
      size: 4,
      read: (file, { position, place }) => (position === undefined ? undefined : file.follow(position, place)),
    },
  };
}
