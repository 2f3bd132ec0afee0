/**
 * Formulas over tensors: each call adds one op of the IR, or its result when all operands are known. Converters write
 * ONNX's definitions with these. Operands broadcast as in numpy.
 */
import type { Attrs, OpName } from '../../../ir/tensor/ops/index.ts';
import { type DType, elementCount, NO_QUANT, type TensorData, type TensorType } from '../../../ir/tensor/types.ts';
import type { GraphBuilder } from '../builder.ts';
import type { Place } from '../place.ts';
import { type Element, elementFacts, elementOfDtype } from './elements.ts';
import type { Literal } from './tensors.ts';
import type { Value } from './values.ts';

type Unary = {
  [K in OpName]: Attrs<K> extends Record<string, never> ? K : never;
}[OpName];
type Comparison = 'equal' | 'not_equal' | 'less' | 'less_equal' | 'greater' | 'greater_equal';
type Logic = 'logical_and' | 'logical_or';
type Reduction = 'sum' | 'mean' | 'reduce_max' | 'reduce_min';

export class Ops {
  readonly #builder: GraphBuilder;
  readonly #place: Place;
  /** What unnamed results are called after. */
  readonly #stem: string;

  constructor(builder: GraphBuilder, place: Place, stem: string) {
    this.#builder = builder;
    this.#place = place;
    this.#stem = stem;
  }

  /** Adds an op. Results have the dtype of operand 0 unless stated. Throws ImportError when operands do not fit. */
  emit<K extends OpName>(op: K, inputs: readonly Value[], attrs: Attrs<K>, dtypes?: readonly DType[]): Value[] {
    const application = this.#builder.apply(
      op,
      inputs.map(({ value }) => value),
      attrs,
      this.#place,
    );
    const results = application.shapes.map((_, i) => ({
      name: `${this.#stem}/${op}`,
      dtype: dtypes?.[i] ?? inputs[0].type.dtype,
      quant: NO_QUANT,
    }));
    const names = this.#builder.add(application, results, this.#place);
    return names.map((name) => {
      const operand = this.#builder.operand(name);
      const kept = inputs.find(({ type }) => type.dtype === operand.type.dtype)?.element;
      return { ...operand, element: kept ?? elementOfDtype(operand.type.dtype) };
    });
  }

  one<K extends OpName>(op: K, inputs: readonly Value[], attrs: Attrs<K>, dtype?: DType): Value {
    return this.emit(op, inputs, attrs, dtype === undefined ? undefined : [dtype])[0];
  }

  literal({ element, type, data }: Literal, name = 'constant'): Value {
    const value = this.#builder.constant(`${this.#stem}/${name}`, type, data);
    return { ...this.#builder.operand(value), element };
  }

  constant(element: Element, shape: readonly number[], data: TensorData): Value {
    const type: TensorType = { dtype: elementFacts(element).dtype, shape, quant: NO_QUANT };
    this.#builder.charge(type, this.#place);
    return this.literal({ element, type, data });
  }

  f32(value: number, shape: readonly number[] = []): Value {
    return this.constant('float', shape, new Float32Array(elementCount(shape)).fill(value));
  }

  f32s(values: ArrayLike<number>, shape: readonly number[] = [values.length]): Value {
    return this.constant('float', shape, Float32Array.from(values));
  }

  i32(value: number, shape: readonly number[] = []): Value {
    return this.constant('int32', shape, new Int32Array(elementCount(shape)).fill(value));
  }

  i32s(values: ArrayLike<number>, shape: readonly number[] = [values.length], element: Element = 'int32'): Value {
    return this.constant(element, shape, Int32Array.from(values));
  }

  /** A number of the type of `like`. */
  number(value: number, like: Value): Value {
    return like.type.dtype === 'f32' ? this.f32(value) : { ...this.i32(value), element: like.element };
  }

  unary(op: Unary, x: Value): Value {
    return this.one(op, [x], {} as never);
  }

  add(a: Value, b: Value): Value {
    return this.one('add', [a, b], { activation: 'none' });
  }

  sub(a: Value, b: Value): Value {
    return this.one('sub', [a, b], { activation: 'none' });
  }

  mul(a: Value, b: Value): Value {
    return this.one('mul', [a, b], { activation: 'none' });
  }

  div(a: Value, b: Value): Value {
    return this.one('div', [a, b], { activation: 'none', semantics: 'onnx' });
  }

  min(a: Value, b: Value): Value {
    return this.one('minimum', [a, b], { semantics: 'onnx' });
  }

  max(a: Value, b: Value): Value {
    return this.one('maximum', [a, b], { semantics: 'onnx' });
  }

  compare(op: Comparison, a: Value, b: Value): Value {
    return { ...this.one(op, [a, b], {}, 'bool'), element: 'bool' };
  }

  logic(op: Logic, a: Value, b: Value): Value {
    return this.one(op, [a, b], {});
  }

  select(condition: Value, yes: Value, no: Value): Value {
    return { ...this.one('select', [condition, yes, no], {}, yes.type.dtype), element: yes.element };
  }

  /** Another element type; exactly the values that the new type has are kept. */
  cast(x: Value, dtype: DType): Value {
    return x.type.dtype === dtype ? x : this.one('cast', [x], {}, dtype);
  }

  reshape(x: Value, shape: readonly number[]): Value {
    const same = shape.length === x.type.shape.length && shape.every((extent, axis) => extent === x.type.shape[axis]);
    return same ? x : this.one('reshape', [x], { shape: [...shape] });
  }

  transpose(x: Value, permutation: readonly number[]): Value {
    if (permutation.every((axis, i) => axis === i)) return x;
    return this.one('transpose', [x], { permutation: [...permutation] });
  }

  /** Moves axis `from` to `to`, the others keep their order. */
  moveAxis(x: Value, from: number, to: number): Value {
    const order = x.type.shape.map((_, axis) => axis).filter((axis) => axis !== from);
    return this.transpose(x, order.toSpliced(to, 0, from));
  }

  /** The places start, start + stride, ... of each axis. */
  slice(x: Value, start: readonly number[], size: readonly number[], stride = start.map(() => 1)): Value {
    const whole = start.every((first, axis) => first === 0 && size[axis] === x.type.shape[axis] && stride[axis] === 1);
    return whole ? x : this.one('slice', [x], { start: [...start], size: [...size], stride: [...stride] });
  }

  /** Places `from` to `from + count` of one axis. */
  part(x: Value, axis: number, from: number, count: number): Value {
    const start = x.type.shape.map((_, i) => (i === axis ? from : 0));
    return this.slice(x, start, x.type.shape.with(axis, count));
  }

  concat(parts: readonly Value[], axis: number): Value {
    return parts.length === 1 ? parts[0] : this.one('concat', parts, { axis });
  }

  broadcast(x: Value, shape: readonly number[]): Value {
    const same = shape.length === x.type.shape.length && shape.every((extent, axis) => extent === x.type.shape[axis]);
    return same ? x : this.one('broadcast_to', [x], { shape: [...shape] });
  }

  reduce(op: Reduction, x: Value, axes: readonly number[], keepDims: boolean): Value {
    const sorted = axes.toSorted((a, b) => a - b);
    return this.one(op, [x], { axes: sorted, keepDims });
  }

  /** a [.., i, k] times b [.., k, j], leading dimensions broadcast. */
  matmul(a: Value, b: Value): Value {
    return this.one('batch_matmul', [a, b], { transposeA: false, transposeB: false, rounding: 'double' });
  }

  /** Softmax along the innermost axis. */
  softmax(x: Value): Value {
    return this.one('softmax', [x], { beta: 1 });
  }

  gather(x: Value, indices: Value, axis: number, batchDims = 0): Value {
    return { ...this.one('gather', [x, indices], { axis, batchDims }, x.type.dtype), element: x.element };
  }
}
