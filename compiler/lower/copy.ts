/** Kernels that no node asks for: copying a whole value and clearing one. */
import { FunctionBuilder, i32 } from '../../ir/loop/build.ts';
import { ELEM_BYTES, type Elem } from '../../ir/loop/types.ts';
import { bytesOf } from '../../ir/tensor/bytes.ts';
import { elementCount, type TensorData, type TensorType } from '../../ir/tensor/types.ts';
import { type Binding, type BuiltKernel, elemOf } from './kernel.ts';

/** Bytes move as integers of the elements' size, as which the caller's buffers are accessed. */
function moved(type: TensorType): { elem: Elem; length: number } {
  const bytes = ELEM_BYTES[elemOf(type)];
  const elem = bytes === 4 ? 'i32' : bytes === 2 ? 'i16' : 'u8';
  return { elem, length: (bytes / ELEM_BYTES[elem]) * elementCount(type.shape) };
}

/** y = x, where x is the operand or, when given, the constant `data`. */
export function buildCopy(type: TensorType, data?: TensorData): BuiltKernel {
  const { elem, length } = moved(type);
  const f = new FunctionBuilder('copy', [`copies ${length} elements`]);
  const x = f.buffer('x', elem, length, data === undefined ? 'in' : 'rom');
  const y = f.buffer('y', elem, length, 'out');
  f.for('i', 0, length, (i) => f.store(y, i, x.at(i)));
  const source: Binding =
    data === undefined
      ? { kind: 'input', index: 0 }
      : { kind: 'rom', elem, data: asElem(bytesOf(type, data), elem), name: 'initial' };
  return { func: f.finish(), helpers: [], bindings: [source, { kind: 'output', index: 0 }], inPlace: [] };
}

function asElem(bytes: Uint8Array, elem: Elem): TensorData {
  if (elem === 'i32') return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  return elem === 'i16' ? new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2) : bytes;
}

/** y = 0 */
export function buildFill(type: TensorType): BuiltKernel {
  const { elem, length } = moved(type);
  const f = new FunctionBuilder('clear', [`clears ${length} elements`]);
  const y = f.buffer('y', elem, length, 'out');
  f.for('i', 0, length, (i) => f.store(y, i, i32(0)));
  return { func: f.finish(), helpers: [], bindings: [{ kind: 'output', index: 0 }], inPlace: [] };
}
