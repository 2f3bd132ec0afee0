/** Tensor values as raw little-endian bytes, the form of files, flash and buffers. */
import { DTYPE_FACTS, elementCount, newData, type TensorData, type TensorType, typeText } from './types.ts';

/** The bytes of dense data; types under 8 bits are packed, lowest bits first. The result never shares memory with `data`. */
export function bytesOf(type: TensorType, data: TensorData): Uint8Array {
  const { bits } = DTYPE_FACTS[type.dtype];
  if (bits >= 8) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  const packed = new Uint8Array(Math.ceil((data.length * bits) / 8));
  const mask = (1 << bits) - 1;
  for (let i = 0; i < data.length; i++) {
    const bit = i * bits;
    packed[bit >> 3] = (packed[bit >> 3] as number) | ((Number(data[i]) & mask) << (bit & 7));
  }
  return packed;
}

/** The inverse of `bytesOf`. Throws RangeError when the byte count is not the type's. */
export function dataFromBytes(type: TensorType, bytes: Uint8Array): TensorData {
  const { bits, range } = DTYPE_FACTS[type.dtype];
  const count = elementCount(type.shape);
  const expected = Math.ceil((count * bits) / 8);
  if (bytes.length !== expected) {
    throw new RangeError(`expected ${expected} bytes for ${typeText(type)}, found ${bytes.length}`);
  }
  const data = newData(type.dtype, count);
  if (bits >= 8) {
    new Uint8Array(data.buffer).set(bytes);
    return data;
  }
  const signed = range !== undefined && range[0] < 0;
  for (let i = 0; i < count; i++) {
    const bit = i * bits;
    const raw = ((bytes[bit >> 3] as number) >> (bit & 7)) & ((1 << bits) - 1);
    data[i] = signed && raw >> (bits - 1) ? raw - (1 << bits) : raw;
  }
  return data;
}
