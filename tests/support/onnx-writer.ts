/** Writes ONNX messages for tests, by the very specifications that the importer reads with. */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { MODEL, type ModelProto } from '../../compiler/import/onnx/schema.ts';
import type { FieldSpec, MessageSpec } from '../../compiler/import/onnx/wire.ts';

/** A message of which only some fields are given. */
export type Partly<T> = T extends readonly (infer Item)[]
  ? readonly Partly<Item>[]
  : T extends Uint8Array | number | string | undefined
    ? T
    : { readonly [K in keyof T]?: Partly<T[K]> };

export function writeOnnx(model: Partly<ModelProto>): Uint8Array {
  return encode(MODEL, model as Record<string, unknown>);
}

function encode<T>(spec: MessageSpec<T>, values: Readonly<Record<string, unknown>>): Uint8Array {
  const writer = new BinaryWriter();
  for (const [name, [number, field]] of Object.entries(spec) as [string, readonly [number, FieldSpec]][]) {
    const value = values[name];
    if (value === undefined) continue;
    for (const item of field.repeated ? (value as readonly unknown[]) : [value])
      writeField(writer, number, field, item);
  }
  return writer.finish();
}

function writeField(writer: BinaryWriter, number: number, field: FieldSpec, value: unknown): void {
  switch (field.kind) {
    case 'int':
      writer.tag(number, WireType.Varint).int64(BigInt(value as number));
      return;
    case 'float':
      writer.tag(number, WireType.Bit32).float(value as number);
      return;
    case 'double':
      writer.tag(number, WireType.Bit64).double(value as number);
      return;
    case 'string':
      writer.tag(number, WireType.LengthDelimited).string(value as string);
      return;
    case 'bytes':
      writer.tag(number, WireType.LengthDelimited).bytes(value as Uint8Array);
      return;
    case 'message': {
      const spec = (field.message as () => MessageSpec<unknown>)();
      writer.tag(number, WireType.LengthDelimited).bytes(encode(spec, value as Record<string, unknown>));
    }
  }
}
