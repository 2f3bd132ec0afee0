/** Kernels that no node asks for: copying a whole value and clearing one. */
import { FunctionBuilder, i32 } from '../../ir/loop/build.ts';
import type { Access, Elem } from '../../ir/loop/types.ts';
import { elementCount, type TensorData, type TensorType } from '../../ir/tensor/types.ts';
import { type Binding, type BuiltKernel, elemOf } from './kernel.ts';

/**
 * Floats move as integers, which keeps every bit of a NaN; the buffers stay those of floats, so that C compilers see one
 * type per buffer.
 */
function accessOf(elem: Elem): Access {
  return elem === 'f32' ? 'i32' : elem;
}

/** y = x, where x is the operand or, when given, the constant `data`. */
export function buildCopy(type: TensorType, data?: TensorData): BuiltKernel {
  const elem = elemOf(type);
  const length = elementCount(type.shape);
  const f = new FunctionBuilder('copy', [`copies ${length} elements`]);
  const x = f.buffer('x', elem, length, data === undefined ? 'in' : 'rom');
  const y = f.buffer('y', elem, length, 'out');
  const access = accessOf(elem);
  f.for('i', 0, length, (i) => f.store(y, i, x.at(i, access), access));
  const source: Binding =
    data === undefined ? { kind: 'input', index: 0 } : { kind: 'rom', elem, data, name: 'initial' };
  return { func: f.finish(), helpers: [], bindings: [source, { kind: 'output', index: 0 }], inPlace: [], overlap: [] };
}

/** y = 0 */
export function buildFill(type: TensorType): BuiltKernel {
  const elem = elemOf(type);
  const length = elementCount(type.shape);
  const f = new FunctionBuilder('clear', [`clears ${length} elements`]);
  const y = f.buffer('y', elem, length, 'out');
  f.for('i', 0, length, (i) => f.store(y, i, i32(0), accessOf(elem)));
  return { func: f.finish(), helpers: [], bindings: [{ kind: 'output', index: 0 }], inPlace: [], overlap: [] };
}
