/** Tensor elements to the little-endian bytes that a .tflite file stores. */
import type { TensorTypeName } from './schema.ts';

export type TensorData = ArrayLike<number> | ArrayLike<bigint>;

interface Typed {
  readonly name?: string;
  readonly type: TensorTypeName;
  readonly shape: readonly number[];
  readonly sparsity?: unknown;
}

const CONSTRUCTORS = {
  f32: Float32Array,
  f64: Float64Array,
  i32: Int32Array,
  u32: Uint32Array,
  i16: Int16Array,
  u16: Uint16Array,
  i8: Int8Array,
  u8: Uint8Array,
  bool: Uint8Array,
} as const;

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/**
 * The bytes of `data`. Types below 8 bits are packed, first element in the lowest bits.
 * Throws when the number of elements is not what the shape says (sparse tensors store fewer, so they go unchecked).
 */
export function encodeTensorData(tensor: Typed, data: TensorData): Uint8Array {
  const expected = elementCount(tensor.shape);
  if (tensor.sparsity === undefined && tensor.type !== 'string' && data.length !== expected) {
    throw new Error(`tensor ${tensor.name ?? ''}: ${data.length} elements for shape [${tensor.shape.join(', ')}]`);
  }
  return encodeElements(tensor.type, data);
}

function encodeElements(type: TensorTypeName, data: TensorData): Uint8Array {
  switch (type) {
    case 'i64':
    case 'u64':
      return bytesOf(BigInt64Array.from(Array.from<number | bigint>(data), (value) => BigInt(value)));
    case 'f16':
      return bytesOf(Uint16Array.from(numbers(data), halfBits));
    case 'i4':
    case 'u4':
      return pack(numbers(data), 4);
    case 'i2':
      return pack(numbers(data), 2);
    case 'resource':
    case 'string':
      return Uint8Array.from(numbers(data));
    default:
      return bytesOf(CONSTRUCTORS[type].from(numbers(data)));
  }
}

const numbers = (data: TensorData): number[] => Array.from<number | bigint>(data).map(Number);

const bytesOf = (view: ArrayBufferView): Uint8Array => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

function pack(values: readonly number[], bits: number): Uint8Array {
  const perByte = 8 / bits;
  const bytes = new Uint8Array(Math.ceil(values.length / perByte));
  const mask = (1 << bits) - 1;
  for (const [i, value] of values.entries()) {
    bytes[Math.floor(i / perByte)] |= (value & mask) << ((i % perByte) * bits);
  }
  return bytes;
}

/** The IEEE 754 binary16 nearest to `value` (ties to even), as its bits. */
export function halfBits(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (magnitude >= 65520) return sign | 0x7c00;
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude)));
  const step = 2 ** (exponent - 10);
  const steps = roundTiesToEven(magnitude / step);
  // A subnormal has exponent field 0; for the rest the leading one of `steps` (1024) carries into the field.
  return sign | (magnitude < 2 ** -14 ? steps : ((exponent + 14) << 10) + steps);
}

function roundTiesToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
