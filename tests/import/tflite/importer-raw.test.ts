/** Forms of the file that only few converters write: made here field by field. */
import { Builder, type Offset } from 'flatbuffers';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ImportError } from '../../../compiler/import/error.ts';
import { importTflite } from '../../../compiler/import/tflite/import.ts';
import { BUILTIN_OPERATORS, type BuiltinOperator } from '../../../compiler/import/tflite/opcodes.ts';

const test = suite('rare forms of tflite files');

const RESHAPE = 22;
const CUSTOM = 32;
/** Stands for an offset that is known only when the file is complete. */
const PLACEHOLDER = 0x1122334455667788n;

interface Code {
  readonly old: number;
  readonly code: number;
  readonly custom?: string;
}

interface RawBuffer {
  readonly data?: readonly number[];
  readonly offset?: bigint;
  readonly size?: bigint;
}

function ints(b: Builder, values: readonly number[]): Offset {
  b.startVector(4, values.length, 4);
  for (const value of values.toReversed()) b.addInt32(value);
  return b.endVector();
}

function tables(b: Builder, offsets: readonly Offset[]): Offset {
  b.startVector(4, offsets.length, 4);
  for (const offset of offsets.toReversed()) b.addOffset(offset);
  return b.endVector();
}

function tensor(b: Builder, shape: readonly number[], type: number, buffer: number): Offset {
  const extents = ints(b, shape);
  b.startObject(11);
  b.addFieldOffset(0, extents, 0);
  b.addFieldInt8(1, type, 0);
  b.addFieldInt32(2, buffer, 0);
  return b.endObject();
}

function rawBuffer(b: Builder, { data, offset = 0n, size = 0n }: RawBuffer): Offset {
  const bytes = data === undefined ? 0 : b.createByteVector(Uint8Array.from(data));
  b.startObject(3);
  b.addFieldOffset(0, bytes, 0);
  b.addFieldInt64(1, offset, 0n);
  b.addFieldInt64(2, size, 0n);
  return b.endObject();
}

/** x[4] to y[2, 2] by an operator of the given code, whose second input has the given buffer. */
function model(code: Code, buffer: RawBuffer): Uint8Array {
  const b = new Builder(1024);
  const custom = code.custom === undefined ? 0 : b.createString(code.custom);
  b.startObject(4);
  b.addFieldInt8(0, code.old, 0);
  b.addFieldOffset(1, custom, 0);
  b.addFieldInt32(3, code.code, 0);
  const codes = tables(b, [b.endObject()]);
  const tensors = tables(b, [tensor(b, [4], 0, 0), tensor(b, [2], 2, 1), tensor(b, [2, 2], 0, 0)]);
  const [inputs, outputs, arguments_, results] = [ints(b, [0]), ints(b, [2]), ints(b, [0, 1]), ints(b, [2])];
  b.startObject(14);
  b.addFieldOffset(1, arguments_, 0);
  b.addFieldOffset(2, results, 0);
  const operators = tables(b, [b.endObject()]);
  b.startObject(5);
  b.addFieldOffset(0, tensors, 0);
  b.addFieldOffset(1, inputs, 0);
  b.addFieldOffset(2, outputs, 0);
  b.addFieldOffset(3, operators, 0);
  const subgraphs = tables(b, [b.endObject()]);
  const buffers = tables(b, [rawBuffer(b, {}), rawBuffer(b, buffer)]);
  b.startObject(8);
  b.addFieldInt32(0, 3, 0);
  b.addFieldOffset(1, codes, 0);
  b.addFieldOffset(2, subgraphs, 0);
  b.addFieldOffset(4, buffers, 0);
  b.finish(b.endObject(), 'TFL3');
  return b.asUint8Array().slice();
}

const shapeBytes = [2, 0, 0, 0, 2, 0, 0, 0];

function message(bytes: Uint8Array): string {
  try {
    importTflite(bytes, { name: 'm' });
  } catch (error) {
    if (error instanceof ImportError) return error.message;
    throw error;
  }
  return 'imported';
}

test('operator codes in the old field, in the new one, and in both', () => {
  for (const code of [
    { old: RESHAPE, code: 0 },
    { old: RESHAPE, code: RESHAPE },
    { old: 127, code: RESHAPE },
  ]) {
    const { layers } = importTflite(model(code, { data: shapeBytes }), { name: 'm' });
    assert.equal(layers, [{ index: 0, opcode: 'RESHAPE', outputs: ['tensor_2'] }], JSON.stringify(code));
  }
});

test('custom operators are refused by name', () => {
  const found = message(model({ old: CUSTOM, code: CUSTOM, custom: 'MyOwn' }, { data: shapeBytes }));
  assert.match(found, /operator 0 CUSTOM "MyOwn" \(tensor 0, tensor 1 -> tensor 2\)/);
  assert.match(found, /expected a TFLite operator that can be imported, found CUSTOM "MyOwn"/);
  assert.match(found, /Convert the model with TFLite builtin operators only\. `mcc ops`/);
});

test('operators that are not supported are refused with what to use instead', () => {
  const refusal = (name: BuiltinOperator) => {
    const code = BUILTIN_OPERATORS.indexOf(name);
    return message(model({ old: Math.min(code, 127), code }, { data: shapeBytes }));
  };
  assert.match(refusal('GELU'), /operator that can be imported, found GELU\n.*TANH.*`mcc ops`/);
  assert.match(
    refusal('RANK'),
    /operator that can be imported, found RANK\n.*Rebuild the model without it\. `mcc ops`/,
  );
});

test('codes that no operator has', () => {
  assert.match(
    message(model({ old: 127, code: 9999 }, { data: shapeBytes })),
    /an operator of TFLite, found code 9999/,
  );
});

/** `tail` after the tables, and the buffer's offset set to where it begins. */
function withTail(bytes: Uint8Array, tail: readonly number[]): Uint8Array {
  const whole = Buffer.concat([bytes, Uint8Array.from(tail)]);
  const raw = Buffer.alloc(8);
  raw.writeBigUInt64LE(PLACEHOLDER);
  const at = whole.indexOf(raw);
  assert.ok(at >= 0, 'the placeholder must be in the file');
  whole.writeBigUInt64LE(BigInt(bytes.length), at);
  return whole;
}

test('buffers behind the tables', () => {
  const bytes = model({ old: RESHAPE, code: RESHAPE }, { offset: PLACEHOLDER, size: 8n });
  const { graph } = importTflite(withTail(bytes, shapeBytes), { name: 'm' });
  assert.equal(graph.types.get(graph.outputs[0])?.shape, [2, 2]);
  assert.match(
    message(withTail(bytes, shapeBytes.slice(0, 7))),
    /field buffer\n {2}expected \d+ bytes of file, found 8 bytes/,
  );
});

test.run();
