/** Between real numbers and what a tensor of some type stores. */
import { dataFromBytes } from '../../ir/tensor/bytes.ts';
import { roundAway } from '../../ir/tensor/fixed-point.ts';
import { halfToFloat } from '../../ir/tensor/ops/quant.ts';
import {
  affineOf,
  byteSize,
  elementCount,
  integerRange,
  isFloat,
  newData,
  type Quant,
  stridesOf,
  type TensorData,
  type TensorType,
  typeText,
} from '../../ir/tensor/types.ts';
import { decodeElements } from './elements.ts';
import { DataError } from './error.ts';

/**
 * Real numbers as the type stores them: floats rounded to nearest; affine integers as the `quantize` op rounds and
 * saturates; Qm.n likewise; plain integers and bools must be whole and in range. Throws DataError naming `source`.
 */
export function encodeReals(type: TensorType, reals: ArrayLike<number>, source: string): TensorData {
  const data = newData(type.dtype, reals.length);
  const store = encoder(type, source);
  for (let i = 0; i < reals.length; i++) data[i] = store(reals[i] as number, i) as never;
  return data;
}

function encoder(type: TensorType, source: string): (x: number, index: number) => number | bigint {
  const { dtype, quant } = type;
  if (dtype === 'f32') return Math.fround;
  if (dtype === 'f16') return halfBits;
  if (quant.kind === 'none') return exactly(type, source);
  const [low, high] = integerRange(dtype);
  const { step, zeroPoint } = gridOf(type, source);
  return (x, index) => {
    if (Number.isNaN(x)) throw valueFault(source, index, `a number for ${typeText(type)}`, 'NaN');
    return Math.min(Math.max(roundAway(Math.fround(Math.fround(x) / step)) + zeroPoint, low), high);
  };
}

/** The distance of neighbouring reals and the integer that is zero. */
function gridOf(type: TensorType, source: string): { readonly step: number; readonly zeroPoint: number } {
  const { quant } = type;
  if (quant.kind === 'affine' && quant.scale.length === 1) {
    const { scale, zeroPoint } = affineOf(type);
    return { step: scale, zeroPoint };
  }
  if (quant.kind === 'fixed' && quant.fraction.length === 1) {
    return { step: 2 ** -(quant.fraction[0] as number), zeroPoint: 0 };
  }
  throw new DataError({ file: source, expected: 'an input with one scale', found: typeText(type) });
}

/** Stored integers as they are; also those of quantized types, whose meaning the caller does not ask for. */
export function encodeStored(type: TensorType, values: ArrayLike<number>, source: string): TensorData {
  if (isFloat(type.dtype)) return encodeReals(type, values, source);
  const store = exactly(type, source);
  const data = newData(type.dtype, values.length);
  for (let i = 0; i < values.length; i++) data[i] = store(values[i] as number, i) as never;
  return data;
}

function exactly(type: TensorType, source: string): (x: number, index: number) => number | bigint {
  const [low, high] = integerRange(type.dtype);
  return (x, index) => {
    if (Number.isInteger(x) && x >= low && x <= high) return type.dtype === 'i64' ? BigInt(x) : x;
    throw valueFault(source, index, `whole numbers of ${low} to ${high} for ${typeText(type)}`, String(x));
  };
}

/**
 * The bytes of an input: as it stores them, or, for an integer input, four for each element: f32 reals, which are encoded.
 * Throws DataError naming `source`.
 */
export function encodeBytes(type: TensorType, bytes: Uint8Array, source: string): TensorData {
  if (bytes.length === byteSize(type)) {
    const data = dataFromBytes(type, bytes);
    return type.dtype === 'bool' ? encodeStored(type, data as Uint8Array, source) : data;
  }
  const count = elementCount(type.shape);
  if (!isFloat(type.dtype) && bytes.length === 4 * count) {
    return encodeReals(type, decodeElements(bytes, 'f4', count, true), source);
  }
  const orFloats = isFloat(type.dtype) ? '' : `, or ${4 * count} of real numbers as f32`;
  throw new DataError({
    file: source,
    expected: `${byteSize(type)} bytes for ${typeText(type)}${orFloats}`,
    found: String(bytes.length),
  });
}

/** The real numbers that stored data stands for. */
export function realsOf(type: TensorType, data: TensorData): Float64Array {
  const { dtype, quant } = type;
  const real = new Float64Array(data.length);
  const meaning = dtype === 'f16' ? halfToFloat : undefined;
  const entry = entryOf(type);
  for (let i = 0; i < data.length; i++) {
    const stored = Number(data[i]);
    real[i] = meaning === undefined ? realValue(quant, stored, entry(i)) : meaning(stored);
  }
  return real;
}

/** Which scale belongs to an element: its index along the axis of the quantization. */
function entryOf({ shape, quant }: TensorType): (index: number) => number {
  const axis = 'axis' in quant ? quant.axis : undefined;
  if (axis === undefined) return () => 0;
  const [stride, extent] = [stridesOf(shape)[axis] as number, shape[axis] as number];
  return (index) => Math.floor(index / stride) % extent;
}

function realValue(quant: Quant, stored: number, entry: number): number {
  const at = (list: readonly number[]) => (list.length === 1 ? list[0] : list[entry]) as number;
  switch (quant.kind) {
    case 'none':
      return stored;
    case 'affine':
      return at(quant.scale) * (stored - at(quant.zeroPoint));
    case 'fixed':
      return stored * 2 ** -at(quant.fraction);
    case 'binary':
      return stored === 0 ? -at(quant.alpha) : at(quant.alpha);
    case 'ternary':
      return stored * at(quant.alpha);
    case 'codebook':
      return quant.table[stored] as number;
  }
}

/** The IEEE 754 binary16 nearest to x, ties to even. */
function halfBits(x: number): number {
  const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0;
  const size = Math.abs(x);
  if (Number.isNaN(x)) return 0x7e00;
  if (size >= 65520) return sign | 0x7c00;
  // Numbers below 2^-14 share the spacing of the smallest exponent.
  const exponent = size < 2 ** -14 ? -14 : Math.floor(Math.log2(size));
  const units = size / 2 ** (exponent - 10);
  const whole = Math.floor(units);
  const rest = units - whole;
  const rounded = rest > 0.5 || (rest === 0.5 && whole % 2 === 1) ? whole + 1 : whole;
  // `rounded` has the leading one, which adds to the exponent's field; below 2^-14 there is none.
  return sign | (((exponent + 14) << 10) + rounded);
}

function valueFault(source: string, index: number, expected: string, found: string): DataError {
  return new DataError({
    file: source,
    place: `number ${index}`,
    expected,
    found,
    advice: 'see preprocess: scale, offset, mean, std, values',
  });
}
