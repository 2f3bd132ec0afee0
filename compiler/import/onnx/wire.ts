/**
 * Protobuf messages as plain objects. A message is described by its fields; fields without a description are skipped,
 * so that files of later schema versions read. Strings, bytes and nested messages are views of the file: what is decoded
 * is never larger than a constant times the file.
 */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

type ScalarKind = 'int' | 'float' | 'double' | 'string' | 'bytes';

export interface FieldSpec<T = unknown> {
  readonly kind: ScalarKind | 'message';
  readonly repeated: boolean;
  /** Called late, since messages contain each other. */
  readonly message?: () => MessageSpec<T>;
  readonly initial: () => unknown;
}

/** Field numbers, names and kinds of one message. */
export type MessageSpec<T> = { readonly [K in keyof T]: readonly [number: number, field: FieldSpec] };

/** Deepest nesting of messages: graphs in attributes of nodes of graphs. */
const MAX_DEPTH = 200;

const nothing = () => undefined;
const scalar = (kind: ScalarKind, initial: () => unknown = nothing): FieldSpec => ({ kind, repeated: false, initial });
const list = (kind: ScalarKind): FieldSpec => ({ kind, repeated: true, initial: () => [] });

/** Integers of 64 bits become numbers: exact below 2^53, else rounded, which still says that they are out of range. */
export const int = scalar('int', () => 0);
export const optionalInt = scalar('int');
export const ints = list('int');
export const float = scalar('float', () => 0);
export const floats = list('float');
export const doubles = list('double');
export const text = scalar('string', () => '');
export const texts = list('string');
export const bytes = scalar('bytes');
export const byteLists = list('bytes');

export function message<T>(spec: () => MessageSpec<T>): FieldSpec<T> {
  return { kind: 'message', repeated: false, message: spec, initial: nothing };
}

export function messages<T>(spec: () => MessageSpec<T>): FieldSpec<T> {
  return { kind: 'message', repeated: true, message: spec, initial: () => [] };
}

const WIRE_TYPES: Readonly<Record<FieldSpec['kind'], WireType>> = {
  int: WireType.Varint,
  float: WireType.Bit32,
  double: WireType.Bit64,
  string: WireType.LengthDelimited,
  bytes: WireType.LengthDelimited,
  message: WireType.LengthDelimited,
};

/** A file that is not what its schema says: where, as a path of field names, and why. */
export class WireError extends Error {
  override name = 'WireError';
}

/** Decodes one message. Throws WireError. */
export function decode<T>(spec: MessageSpec<T>, data: Uint8Array, path = 'message', depth = 0): T {
  if (depth > MAX_DEPTH) throw new WireError(`${path}: messages nested deeper than ${MAX_DEPTH}`);
  const fields = Object.entries(spec) as [string, readonly [number, FieldSpec]][];
  const byNumber = new Map(fields.map(([name, [number, field]]) => [number, { name, field }]));
  const result: Record<string, unknown> = {};
  for (const [name, [, field]] of fields) result[name] = field.initial();
  const reader = new BinaryReader(data);
  try {
    while (reader.pos < reader.len) {
      const [number, wire] = reader.tag();
      const known = byNumber.get(number);
      if (known === undefined) {
        reader.skip(wire, number);
        continue;
      }
      const at = `${path}.${known.name}`;
      const values = readField(reader, known.field, wire, at, depth);
      if (known.field.repeated) for (const value of values) (result[known.name] as unknown[]).push(value);
      else result[known.name] = values.at(-1);
    }
  } catch (error) {
    if (error instanceof WireError) throw error;
    throw new WireError(`${path}: ${(error as Error).message}`);
  }
  return result as T;
}

function readField(reader: BinaryReader, field: FieldSpec, wire: WireType, at: string, depth: number): unknown[] {
  const expected = WIRE_TYPES[field.kind];
  if (wire === expected) return [readValue(reader, field, at, depth)];
  const packed = field.repeated && wire === WireType.LengthDelimited;
  if (!packed) throw new WireError(`${at}: wire type ${wire} where ${expected} belongs`);
  const inner = new BinaryReader(reader.bytes());
  const values: unknown[] = [];
  while (inner.pos < inner.len) values.push(readValue(inner, field, at, depth));
  return values;
}

function readValue(reader: BinaryReader, field: FieldSpec, at: string, depth: number): unknown {
  switch (field.kind) {
    case 'int':
      return Number(reader.int64());
    case 'float':
      return reader.float();
    case 'double':
      return reader.double();
    case 'string':
      return reader.string();
    case 'bytes':
      return reader.bytes();
    case 'message':
      return decode((field.message as () => MessageSpec<unknown>)(), reader.bytes(), at, depth + 1);
  }
}
