/** Tensor records of the file as types and constant data of the IR. */
import { dataFromBytes } from '../../../ir/tensor/bytes.ts';
import {
  DTYPE_FACTS,
  type DType,
  elementCount,
  NO_QUANT,
  type Quant,
  type TensorData,
  type TensorType,
} from '../../../ir/tensor/types.ts';
import { MAX_TENSOR_BYTES, type Place, within } from '../place.ts';
import type { ModelFile } from './model-file.ts';
import type { QuantizationRecord, TensorRecord, TensorTypeName } from './schema.ts';
import { densify } from './sparsity.ts';

const DTYPES: Readonly<Partial<Record<TensorTypeName, DType>>> = {
  FLOAT32: 'f32',
  FLOAT16: 'f16',
  INT64: 'i64',
  INT32: 'i32',
  INT16: 'i16',
  INT8: 'i8',
  UINT8: 'u8',
  INT4: 'i4',
  UINT4: 'u4',
  INT2: 'i2',
  BOOL: 'bool',
};

/** The tensor's type with `shape` in place of the file's, which may have been made for another batch. */
export function tensorType(model: ModelFile, tensor: TensorRecord, shape: readonly number[], place: Place): TensorType {
  const dtype = DTYPES[tensor.type];
  if (dtype === undefined) {
    return model.refuse(within(place, 'field type'), `one of ${Object.keys(DTYPES).join(', ')}`, tensor.type);
  }
  return {
    dtype,
    shape,
    quant: quantOf(model, tensor.quantization, dtype, shape, within(place, 'field quantization')),
  };
}

/** Floats and booleans keep none: their scales mean nothing. */
function quantOf(
  model: ModelFile,
  record: QuantizationRecord | undefined,
  dtype: DType,
  shape: readonly number[],
  place: Place,
): Quant {
  if (dtype === 'f32' || dtype === 'f16' || dtype === 'bool' || record === undefined || record.scale.length === 0) {
    return NO_QUANT;
  }
  if (record.details !== 0) model.refuse(place, 'one scale, or one per channel', 'custom or blockwise quantization');
  const { scale } = record;
  const bad = scale.find((s) => !(s > 0 && s < Number.POSITIVE_INFINITY));
  if (bad !== undefined) model.refuse(within(place, 'scale'), 'positive finite scales', `${bad}`);
  const zeroPoint = zeroPoints(model, record, dtype, within(place, 'zero_point'));
  if (scale.length === 1) return { kind: 'affine', scale, zeroPoint };
  // Converters write the filters' dimension into the bias too, which has only one.
  const axis = shape.length === 1 ? 0 : record.quantized_dimension;
  if (!(axis >= 0 && axis < shape.length)) {
    model.refuse(within(place, 'quantized_dimension'), `a dimension of shape [${shape.join(', ')}]`, `${axis}`);
  }
  if (shape[axis] !== scale.length) {
    model.refuse(within(place, 'scale'), `1 or ${shape[axis]} scales for dimension ${axis}`, `${scale.length}`);
  }
  return { kind: 'affine', scale, zeroPoint, axis };
}

/** One zero point per scale; the file may have one for all, or none, which means 0. */
function zeroPoints(model: ModelFile, record: QuantizationRecord, dtype: DType, place: Place): number[] {
  const count = record.scale.length;
  const given = record.zero_point;
  if (given.length > 1 && given.length !== count)
    model.refuse(place, `0, 1 or ${count} zero points`, `${given.length}`);
  const [low, high] = DTYPE_FACTS[dtype === 'i64' ? 'i32' : dtype].range ?? [0, 0];
  const bad = given.find((z) => z < BigInt(low) || z > BigInt(high));
  if (bad !== undefined) model.refuse(place, `zero points from ${low} to ${high}`, `${bad}`);
  return Array.from({ length: count }, (_, i) => Number(given[given.length === 1 ? 0 : i] ?? 0n));
}

/** Decodes constants; tensors that share a buffer share the decoded elements, so a small file cannot ask for much memory. */
export class Constants {
  readonly #model: ModelFile;
  readonly #dense = new Map<string, TensorData>();
  readonly #sparse = new Map<TensorRecord, TensorData>();
  #sparseAllowance = MAX_TENSOR_BYTES;

  constructor(model: ModelFile) {
    this.#model = model;
  }

  /** The elements of a constant tensor, or undefined when the tensor has no data. */
  read(tensor: TensorRecord, type: TensorType, place: Place): TensorData | undefined {
    const bytes = this.#model.bufferBytes(tensor, place);
    const count = elementCount(type.shape);
    if (bytes === undefined) return undefined;
    if (tensor.sparsity === undefined) return this.#decode(tensor, type, bytes, count, place);
    const known = this.#sparse.get(tensor);
    if (known !== undefined) return known;
    const size = count * Math.max(DTYPE_FACTS[type.dtype].bits / 8, 1);
    this.#sparseAllowance -= size;
    if (this.#sparseAllowance < 0) {
      this.#model.refuse(place, `sparse tensors of at most ${MAX_TENSOR_BYTES} bytes in all`, `${size} bytes more`);
    }
    const stored = Math.floor((bytes.length * 8) / DTYPE_FACTS[type.dtype].bits);
    const values = this.#decode(tensor, type, bytes, stored, place);
    const data = densify(this.#model, tensor.sparsity, type, values, within(place, 'field sparsity'));
    this.#sparse.set(tensor, data);
    return data;
  }

  #decode(tensor: TensorRecord, type: TensorType, bytes: Uint8Array, count: number, place: Place): TensorData {
    const size = Math.ceil((count * DTYPE_FACTS[type.dtype].bits) / 8);
    if (bytes.length !== size) {
      const shape = type.shape.join(', ');
      this.#model.refuse(
        within(place, 'field buffer'),
        `${size} bytes for ${type.dtype} of shape [${shape}]`,
        `${bytes.length}`,
      );
    }
    // Packed types may leave bits of the last byte unused, so the count is not given by the bytes.
    const key = `${tensor.buffer} ${type.dtype} ${count}`;
    const known = this.#dense.get(key);
    if (known !== undefined) return known;
    const elements = dataFromBytes({ dtype: type.dtype, shape: [count], quant: NO_QUANT }, bytes);
    const data = type.dtype === 'bool' ? (elements as Uint8Array).map((byte) => (byte === 0 ? 0 : 1)) : elements;
    this.#dense.set(key, data);
    return data;
  }
}
