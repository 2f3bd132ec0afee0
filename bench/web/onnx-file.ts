/** ONNX files: the messages of onnx.proto3 that benchmarks need, as protocol buffers write them. */

/** Wire types: varint, eight bytes, length and bytes, four bytes. */
const VARINT = 0;
const BYTES = 2;
const FIXED32 = 5;

function varint(value: number): number[] {
  const out: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest >= 128n) {
    out.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return [...out, Number(rest)];
}

const encoder = new TextEncoder();

class Message {
  private readonly parts: Uint8Array[] = [];

  int(field: number, value: number): this {
    return this.raw(field, VARINT, Uint8Array.from(varint(value)));
  }

  float(field: number, value: number): this {
    return this.raw(field, FIXED32, new Uint8Array(Float32Array.of(value).buffer));
  }

  bytes(field: number, value: Uint8Array | string | Message): this {
    const content = typeof value === 'string' ? encoder.encode(value) : value instanceof Message ? value.done() : value;
    return this.raw(field, BYTES, Buffer.concat([Uint8Array.from(varint(content.length)), content]));
  }

  each<T>(values: readonly T[], add: (message: this, value: T) => void): this {
    for (const value of values) add(this, value);
    return this;
  }

  done(): Uint8Array {
    return Buffer.concat(this.parts);
  }

  private raw(field: number, wire: number, content: Uint8Array): this {
    this.parts.push(Uint8Array.from(varint(field * 8 + wire)), content);
    return this;
  }
}

/** Numbers of TensorProto.DataType. */
const DATA_TYPES = { f32: 1, u8: 2, i8: 3, i32: 6, i64: 7 } as const;
export type OnnxType = keyof typeof DATA_TYPES;

export interface OnnxPort {
  readonly name: string;
  readonly type: OnnxType;
  readonly shape: readonly number[];
}

export interface OnnxConstant extends OnnxPort {
  readonly bytes: Uint8Array;
}

export type OnnxAttribute = number | readonly number[] | { readonly float: number };

export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

export interface OnnxGraph {
  readonly inputs: readonly OnnxPort[];
  readonly outputs: readonly OnnxPort[];
  readonly constants: readonly OnnxConstant[];
  readonly nodes: readonly OnnxNode[];
}

const OPSET = 13;
const IR_VERSION = 8;
/** Numbers of AttributeProto.AttributeType. */
const [FLOAT, INT, INTS] = [1, 2, 7];

function attributeMessage(name: string, value: OnnxAttribute): Message {
  const message = new Message().bytes(1, name);
  if (typeof value === 'number') return message.int(3, value).int(20, INT);
  if ('float' in value) return message.float(2, value.float).int(20, FLOAT);
  return message.each(value, (m, one) => m.int(8, one)).int(20, INTS);
}

function nodeMessage({ op, inputs, outputs, attributes = {} }: OnnxNode): Message {
  return new Message()
    .each(inputs, (m, name) => m.bytes(1, name))
    .each(outputs, (m, name) => m.bytes(2, name))
    .bytes(4, op)
    .each(Object.entries(attributes), (m, [name, value]) => m.bytes(5, attributeMessage(name, value)));
}

function portMessage({ name, type, shape }: OnnxPort): Message {
  const dimensions = new Message().each(shape, (m, extent) => m.bytes(1, new Message().int(1, extent)));
  const tensor = new Message().int(1, DATA_TYPES[type]).bytes(2, dimensions);
  return new Message().bytes(1, name).bytes(2, new Message().bytes(1, tensor));
}

function constantMessage({ name, type, shape, bytes }: OnnxConstant): Message {
  return new Message()
    .each(shape, (m, extent) => m.int(1, extent))
    .int(2, DATA_TYPES[type])
    .bytes(8, name)
    .bytes(9, bytes);
}

/** The bytes of the .onnx file. */
export function writeOnnx({ inputs, outputs, constants, nodes }: OnnxGraph): Uint8Array {
  const graph = new Message()
    .each(nodes, (m, node) => m.bytes(1, nodeMessage(node)))
    .bytes(2, 'model')
    .each(constants, (m, constant) => m.bytes(5, constantMessage(constant)))
    .each(inputs, (m, port) => m.bytes(11, portMessage(port)))
    .each(outputs, (m, port) => m.bytes(12, portMessage(port)));
  return new Message().int(1, IR_VERSION).bytes(7, graph).bytes(8, new Message().bytes(1, '').int(2, OPSET)).done();
}
