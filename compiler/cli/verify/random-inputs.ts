/** Seeded inputs for comparing engines. */
import { bytesOf } from '../../../ir/tensor/bytes.ts';
import { type Graph, typeOfValue } from '../../../ir/tensor/graph.ts';
import { type DType, elementCount, newData, type TensorType } from '../../../ir/tensor/types.ts';

/** Numerical Recipes' linear congruential generator: uint32 state, the top byte of each step. */
function byteSource(seed: number): () => number {
  let state = (12345 + Math.imul(1000003, seed)) | 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state >>> 24;
  };
}

/** Integers cover their type (i32: -128 to 127, which keeps sums and indices meaningful), floats [-1, 1). */
export function randomInputs(graph: Graph, seed: number): Uint8Array[] {
  const next = byteSource(seed);
  return graph.inputs.map((name) => randomTensor(typeOfValue(graph, name), next));
}

function randomTensor(type: TensorType, next: () => number): Uint8Array {
  const data = newData(type.dtype, elementCount(type.shape));
  for (let i = 0; i < data.length; i++) data[i] = randomElement(type.dtype, next);
  return bytesOf(type, data);
}

function randomElement(dtype: DType, next: () => number): number {
  const byte = next();
  switch (dtype) {
    case 'f32':
      return (byte * 256 + next() - 32768) / 32768;
    case 'f16':
      return (byte & 0x80 ? 0x8000 : 0) | (0x3000 + (next() << 2));
    case 'i16':
      return ((byte << 8) | next()) - 32768;
    case 'bool':
    case 'i1':
      return byte & 1;
    case 'u8':
      return byte;
    case 'u4':
      return byte & 15;
    case 'i4':
      return (byte & 15) - 8;
    case 'i2':
      return (byte & 3) - 2;
    case 'i8':
    case 'i32':
    case 'i64':
      return byte - 128;
  }
}
