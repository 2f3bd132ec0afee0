/** Tensors of the file as constants: typed fields, raw bytes, or bytes of a file beside the model. */
import { elementCount, newData, type TensorData, type TensorType } from '../../../ir/tensor/types.ts';
import { checkShape, type Place, type SourceFile, within } from '../place.ts';
import {
  type Element,
  elementCodeText,
  elementFacts,
  elementOfCode,
  powerOfTwoValue,
  smallFloatValue,
} from './elements.ts';
import type { ExternalFiles } from './external.ts';
import type { SparseTensorProto, TensorProto } from './schema.ts';

export interface Literal {
  readonly element: Element;
  readonly type: TensorType;
  readonly data: TensorData;
}

const EXTERNAL = 1;
/** Integers from here on mean "to the end" in slices; int64 files write 2^63 - 1. */
const ENDLESS = 2 ** 53;

/** Throws ImportError for a type that has no counterpart. */
export function elementNamed(source: SourceFile, code: number, place: Place): Element {
  const element = elementOfCode(code);
  if (element !== undefined) return element;
  return source.refuse(place, 'numbers or booleans', elementCodeText(code));
}

/** Throws ImportError for damaged tensors and for types and values that have no counterpart. */
export function readTensor(source: SourceFile, tensor: TensorProto, external: ExternalFiles, place: Place): Literal {
  const element = elementNamed(source, tensor.data_type, within(place, 'data_type'));
  const { dtype } = elementFacts(element);
  checkShape(source, tensor.dims, dtype, within(place, 'dims'));
  const type: TensorType = { dtype, shape: [...tensor.dims], quant: { kind: 'none' } };
  const count = elementCount(type.shape);
  const raw = tensor.data_location === EXTERNAL ? external.read(tensor.external_data, place) : tensor.raw_data;
  const values = raw === undefined ? fieldValues(tensor, element, count) : rawValues(raw, element, count);
  if (values === undefined) {
    const found = raw === undefined ? 'another number of values' : `${raw.length} bytes`;
    return source.refuse(place, `${count} values of ${element}`, found);
  }
  return { element, type, data: settled(source, values, element, count, place) };
}

/** Values, or undefined when their number is wrong. Small types come as patterns. */
function rawValues(raw: Uint8Array, element: Element, count: number): ArrayLike<number> | undefined {
  const { bits } = elementFacts(element);
  if (raw.length !== Math.ceil((count * bits) / 8)) return undefined;
  if (bits < 8) return unpacked(raw, bits, count);
  const aligned = new Uint8Array(raw);
  switch (element) {
    case 'float':
      return new Float32Array(aligned.buffer);
    case 'double':
      return new Float64Array(aligned.buffer);
    case 'int64':
      return Array.from(new BigInt64Array(aligned.buffer), Number);
    case 'uint64':
      return Array.from(new BigUint64Array(aligned.buffer), Number);
    case 'int32':
      return new Int32Array(aligned.buffer);
    case 'uint32':
      return new Uint32Array(aligned.buffer);
    case 'int16':
      return new Int16Array(aligned.buffer);
    case 'int8':
      return new Int8Array(aligned.buffer);
    default:
      return bits === 16 ? new Uint16Array(aligned.buffer) : aligned;
  }
}

/** Several values in a byte, the first in the lowest bits. */
function unpacked(raw: ArrayLike<number>, bits: number, count: number): number[] {
  const perByte = 8 / bits;
  const mask = (1 << bits) - 1;
  return Array.from({ length: count }, (_, i) => (raw[Math.floor(i / perByte)] >> ((i % perByte) * bits)) & mask);
}

function fieldValues(tensor: TensorProto, element: Element, count: number): ArrayLike<number> | undefined {
  const { bits } = elementFacts(element);
  const fields: Partial<Record<Element, readonly number[]>> = {
    float: tensor.float_data,
    double: tensor.double_data,
    int64: tensor.int64_data,
    uint64: tensor.uint64_data,
    uint32: tensor.uint64_data,
  };
  const values = fields[element] ?? tensor.int32_data;
  if (bits < 8) return values.length === Math.ceil((count * bits) / 8) ? unpacked(values, bits, count) : undefined;
  return values.length === count ? values : undefined;
}

/** Values as the IR holds them; refuses integers that do not fit. */
function settled(
  source: SourceFile,
  values: ArrayLike<number>,
  element: Element,
  count: number,
  place: Place,
): TensorData {
  const { dtype, bits, range, ...facts } = elementFacts(element);
  const data = newData(dtype, count);
  if (element === 'float') {
    (data as Float32Array).set(values);
    return data;
  }
  const { float } = facts;
  for (let i = 0; i < count; i++) {
    const value = values[i];
    if (float !== undefined) data[i] = smallFloatValue(value, float);
    else if (element === 'float8e8m0') data[i] = powerOfTwoValue(value);
    else if (dtype === 'bool') data[i] = value === 0 ? 0 : 1;
    else if (dtype === 'i32') data[i] = fitted(source, value, place);
    else if (range !== undefined && range[0] < 0) data[i] = (value << (32 - bits)) >> (32 - bits);
    else data[i] = value;
  }
  return data;
}

function fitted(source: SourceFile, value: number, place: Place): number {
  if (value >= -(2 ** 31) && value < 2 ** 31) return value;
  if (Math.abs(value) < ENDLESS) source.refuse(place, 'integers of 32 bits', `${value}`);
  return value < 0 ? -(2 ** 31) : 2 ** 31 - 1;
}

/** A sparse tensor filled with zeros. Throws ImportError when it is damaged. */
export function readSparseTensor(
  source: SourceFile,
  sparse: SparseTensorProto,
  external: ExternalFiles,
  place: Place,
): Literal {
  const { values: stored, indices: stated, dims } = sparse;
  if (stored === undefined || stated === undefined) return source.refuse(place, 'values and indices', 'one of them');
  const values = readTensor(source, stored, external, within(place, 'values'));
  const indices = readTensor(source, stated, external, within(place, 'indices'));
  const type: TensorType = { ...values.type, shape: [...dims] };
  checkShape(source, type.shape, type.dtype, within(place, 'dims'));
  const count = elementCount(type.shape);
  const data = newData(type.dtype, count);
  const linear = indices.type.shape.length === 1;
  const width = linear ? 1 : dims.length;
  if (indices.data.length !== values.data.length * width) {
    source.refuse(within(place, 'indices'), `${values.data.length} places`, `${indices.data.length} numbers`);
  }
  for (let i = 0; i < values.data.length; i++) {
    let at = 0;
    for (let axis = 0; axis < width; axis++) {
      const index = Number(indices.data[i * width + axis]);
      const extent = linear ? count : dims[axis];
      if (index < 0 || index >= extent) source.refuse(within(place, 'indices'), `indices below ${extent}`, `${index}`);
      at = linear ? index : at * extent + index;
    }
    data[at] = values.data[i] as number;
  }
  return { element: values.element, type, data };
}
