/** The laws of verify.ts that one value obeys by itself: its type, its encoding, its data. */
import type { Constant } from './graph.ts';
import {
  DTYPE_FACTS,
  DTYPES,
  type DType,
  type Encoding,
  elementCount,
  encodingText,
  f32Text,
  integerRange,
  isFloat,
  newData,
  type Quant,
  type TensorData,
  type TensorType,
} from './types.ts';
import type { Law } from './verify.ts';

/** A broken law, without the place. */
export interface Fault {
  readonly law: Law;
  readonly expected: string;
  readonly found: string;
}

const MAX_RANK = 8;
const MAX_ELEMENTS = 2 ** 31 - 1;
const QUANTIZABLE: readonly DType[] = ['i64', 'i32', 'i16', 'i8', 'u8', 'i4', 'u4', 'i2'];
const QUANT_DTYPES: Readonly<Record<Quant['kind'], readonly DType[]>> = {
  none: DTYPES,
  affine: QUANTIZABLE,
  fixed: QUANTIZABLE,
  binary: ['i1'],
  ternary: ['i2'],
  codebook: ['u4', 'u8'],
};

export function typeFaults(type: TensorType): Fault[] {
  const shape = shapeFaults(type.shape);
  return shape.length > 0 ? shape : quantFaults(type);
}

function shapeFaults(shape: readonly number[]): Fault[] {
  const bad = shape.find((extent) => !Number.isInteger(extent) || extent < 1);
  if (bad !== undefined) {
    return [
      { law: 'extent', expected: 'extents that are integers of at least 1', found: `${bad} in [${shape.join(',')}]` },
    ];
  }
  if (shape.length > MAX_RANK) {
    return [{ law: 'size', expected: `at most ${MAX_RANK} dimensions`, found: `[${shape.join(',')}]` }];
  }
  if (elementCount(shape) > MAX_ELEMENTS) {
    return [{ law: 'size', expected: `at most ${MAX_ELEMENTS} elements`, found: `[${shape.join(',')}]` }];
  }
  return [];
}

function quantFaults(type: TensorType): Fault[] {
  const { quant, dtype } = type;
  const accepted = QUANT_DTYPES[quant.kind];
  if (!accepted.includes(dtype)) {
    return [{ law: 'quant-dtype', expected: `${quant.kind} quantization on ${accepted.join(', ')}`, found: dtype }];
  }
  switch (quant.kind) {
    case 'none':
      return [];
    case 'affine':
      return [
        ...lengthFaults(type, quant.axis, quant.scale, 'scale'),
        ...lengthFaults(type, quant.axis, quant.zeroPoint, 'zero point'),
        ...scaleFaults(quant.scale, 'scales'),
        ...zeroPointFaults(dtype, quant.zeroPoint),
      ];
    case 'fixed':
      return [...lengthFaults(type, quant.axis, quant.fraction, 'fraction'), ...fractionFaults(quant.fraction)];
    case 'binary':
    case 'ternary':
      return [...lengthFaults(type, quant.axis, quant.alpha, 'alpha'), ...scaleFaults(quant.alpha, 'alphas')];
    case 'codebook':
      return tableFaults(dtype, quant.table);
  }
}

function lengthFaults(type: TensorType, axis: number | undefined, values: readonly number[], what: string): Fault[] {
  const rank = type.shape.length;
  if (axis === undefined) {
    if (values.length === 1) return [];
    return [{ law: 'quant-axis', expected: `one ${what}, as no axis is given`, found: String(values.length) }];
  }
  const extent = Number.isInteger(axis) ? type.shape[axis] : undefined;
  if (extent === undefined) {
    return [{ law: 'quant-axis', expected: `an axis of a shape of rank ${rank}`, found: `axis ${axis}` }];
  }
  if (values.length === extent) return [];
  return [{ law: 'quant-axis', expected: `${extent} ${what}s along axis ${axis}`, found: String(values.length) }];
}

function isF32(x: number): boolean {
  return Object.is(Math.fround(x), x);
}

function scaleFaults(scales: readonly number[], what: string): Fault[] {
  const bad = scales.find((scale) => !(scale > 0 && Number.isFinite(scale) && isF32(scale)));
  if (bad === undefined) return [];
  return [{ law: 'scale', expected: `${what} that are finite f32 values above 0`, found: String(bad) }];
}

function zeroPointFaults(dtype: DType, zeroPoints: readonly number[]): Fault[] {
  const [low, high] = integerRange(dtype);
  const bad = zeroPoints.find((zero) => !Number.isInteger(zero) || Object.is(zero, -0) || zero < low || zero > high);
  if (bad === undefined) return [];
  return [{ law: 'zero-point', expected: `zero points of ${dtype}, integers in ${low}..${high}`, found: f32Text(bad) }];
}

function fractionFaults(fractions: readonly number[]): Fault[] {
  const bad = fractions.find((fraction) => !Number.isInteger(fraction) || Math.abs(fraction) > 126);
  if (bad === undefined) return [];
  return [{ law: 'fraction', expected: 'fraction bits that are integers in -126..126', found: String(bad) }];
}

function tableFaults(dtype: DType, table: readonly number[]): Fault[] {
  const entries = 2 ** DTYPE_FACTS[dtype].bits;
  if (table.length < 1 || table.length > entries) {
    return [
      { law: 'codebook', expected: `a table of 1..${entries} entries for ${dtype}`, found: String(table.length) },
    ];
  }
  const bad = table.find((entry) => !Number.isFinite(entry) || !isF32(entry));
  if (bad === undefined) return [];
  return [{ law: 'codebook', expected: 'table entries that are finite f32 values', found: String(bad) }];
}

/** Array class, length, and the values that dtype and quantization leave room for. */
export function dataFaults(type: TensorType, data: TensorData): Fault[] {
  const right = newData(type.dtype, 0);
  if (data.constructor !== right.constructor) {
    const expected = `data in a ${right.constructor.name} for ${type.dtype}`;
    return [{ law: 'data-array', expected, found: data.constructor.name }];
  }
  const count = elementCount(type.shape);
  if (data.length !== count) {
    return [
      { law: 'data-length', expected: `${count} values for [${type.shape.join(',')}]`, found: String(data.length) },
    ];
  }
  const [low, high] = storedRange(type);
  const bad = (data as readonly number[] & TensorData).findIndex((value) => value < low || value > high);
  if (bad < 0) return [];
  return [{ law: 'data-range', expected: `values in ${low}..${high}`, found: `${data[bad]} at index ${bad}` }];
}

/** The integers that may be stored; every value of the array class where nothing narrows it. */
function storedRange({ dtype, quant }: TensorType): readonly [number, number] {
  if (quant.kind === 'codebook') return [0, quant.table.length - 1];
  if (quant.kind === 'ternary') return [-1, 1];
  return isFloat(dtype) || dtype === 'i64' ? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] : integerRange(dtype);
}

/** Whether an encoding can hold a constant of the type and data, which are sound by themselves. */
export function encodingFaults(type: TensorType, constant: Constant): Fault[] {
  return faultsOfEncoding(constant.encoding, type, constant.data).map(({ expected, found }) => ({
    law: 'encoding',
    expected,
    found: `${found} in ${encodingText(constant.encoding)}`,
  }));
}

type Complaint = Omit<Fault, 'law'>;

function faultsOfEncoding(encoding: Encoding, type: TensorType, data: TensorData): Complaint[] {
  switch (encoding.kind) {
    case 'dense':
      return [];
    case 'sparse':
      return sparseFaults(encoding, type);
    case 'hashed':
      return hashedFaults(encoding, data);
    case 'low-rank':
      return lowRankFaults(encoding.rank, type.shape);
    case 'entropy':
      if (encoding.over.kind === 'entropy') {
        return [{ expected: 'an entropy code over bytes that are not entropy-coded', found: 'another entropy code' }];
      }
      return faultsOfEncoding(encoding.over, type, data);
  }
}

function sparseFaults(encoding: Encoding & { kind: 'sparse' }, { shape, quant }: TensorType): Complaint[] {
  if (quant.kind === 'binary' || quant.kind === 'codebook') {
    return [{ expected: 'a type with a stored zero', found: `${quant.kind} quantization` }];
  }
  if (encoding.index === 'relative' && !isIntegerIn(encoding.bits, 1, 16)) {
    return [{ expected: 'relative indices of 1..16 bits', found: String(encoding.bits) }];
  }
  if (encoding.index !== 'block') return [];
  const { block } = encoding;
  if (block.length === shape.length && block.every((extent, axis) => isIntegerIn(extent, 1, shape[axis] as number))) {
    return [];
  }
  return [{ expected: `a block of rank ${shape.length} within [${shape.join(',')}]`, found: `[${block.join(',')}]` }];
}

function hashedFaults({ seed, buckets }: Encoding & { kind: 'hashed' }, data: TensorData): Complaint[] {
  if (!isIntegerIn(seed, 0, 2 ** 32 - 1)) return [{ expected: 'a seed that is a u32', found: String(seed) }];
  const distinct = new Set<number | bigint>(data).size;
  if (isIntegerIn(buckets, distinct, 2 ** 31 - 1)) return [];
  return [{ expected: `at least ${distinct} buckets, one per distinct value`, found: String(buckets) }];
}

function lowRankFaults(rank: number, shape: readonly number[]): Complaint[] {
  if (shape.length !== 2) return [{ expected: 'a matrix', found: `[${shape.join(',')}]` }];
  const most = Math.min(...shape);
  return isIntegerIn(rank, 1, most) ? [] : [{ expected: `a rank of 1..${most}`, found: String(rank) }];
}

function isIntegerIn(x: number, low: number, high: number): boolean {
  return Number.isInteger(x) && x >= low && x <= high;
}
