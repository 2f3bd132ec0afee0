/**
 * Tensor types: shape, element type, and what real number a stored integer means.
 *
 * Compression lives here: a pass that makes a tensor smaller changes its dtype, its quantization, or (constants only) its
 * encoding, and the verifier holds every later pass to it.
 */

/** Element types. i64 exists only until constants fold; i4, u4, i2 and i1 hold one value per array slot while evaluated. */
export const DTYPES = ['f32', 'f16', 'i64', 'i32', 'i16', 'i8', 'u8', 'i4', 'u4', 'i2', 'i1', 'bool'] as const;
export type DType = (typeof DTYPES)[number];

/** What real number a stored integer q means. Scales are f32 values. `axis` counts from the outermost dimension. */
export type Quant =
  | { readonly kind: 'none' }
  /** scale[i] * (q - zeroPoint[i]); one entry, or one per index along `axis`. */
  | {
      readonly kind: 'affine';
      readonly scale: readonly number[];
      readonly zeroPoint: readonly number[];
      readonly axis?: number;
    }
  /** Qm.n: q * 2^-fraction[i]. */
  | { readonly kind: 'fixed'; readonly fraction: readonly number[]; readonly axis?: number }
  /** i1: bit 0 is -alpha, bit 1 is +alpha. */
  | { readonly kind: 'binary'; readonly alpha: readonly number[]; readonly axis?: number }
  /** i2 in {-1, 0, 1}: q * alpha. */
  | { readonly kind: 'ternary'; readonly alpha: readonly number[]; readonly axis?: number }
  /** u4 or u8: table[q]. */
  | { readonly kind: 'codebook'; readonly table: readonly number[] };

/** How the bytes of a constant lie in flash. It changes bytes, never values. */
export type Encoding =
  /** Row-major; types under 8 bits packed, lowest bits first. */
  | { readonly kind: 'dense' }
  /** Zeros (real zeros: the zero point) left out, their places kept as a bitmap, as run lengths of `bits` bits, or per block. */
  | { readonly kind: 'sparse'; readonly index: 'bitmap' }
  | { readonly kind: 'sparse'; readonly index: 'relative'; readonly bits: number }
  | { readonly kind: 'sparse'; readonly index: 'block'; readonly block: readonly number[] }
  /** Every value is one of `buckets` shared ones, chosen by a hash of its index. */
  | { readonly kind: 'hashed'; readonly seed: number; readonly buckets: number }
  /** A matrix kept as the product of two of inner dimension `rank`. */
  | { readonly kind: 'low-rank'; readonly rank: number }
  /** The bytes of another encoding under an entropy code. */
  | { readonly kind: 'entropy'; readonly coder: 'huffman' | 'rans'; readonly over: Encoding };

export interface TensorType {
  readonly dtype: DType;
  /** Static, outermost first; images are NHWC. A scalar is []. */
  readonly shape: readonly number[];
  readonly quant: Quant;
}

/** Values in row-major order. f16 holds bit patterns; types under 8 bits hold one value per element; bool is 0 or 1. */
export type TensorData = Float32Array | Uint16Array | BigInt64Array | Int32Array | Int16Array | Int8Array | Uint8Array;

export interface Tensor {
  readonly type: TensorType;
  readonly data: TensorData;
}

export const NO_QUANT: Quant = { kind: 'none' };
export const DENSE: Encoding = { kind: 'dense' };

interface DTypeFacts {
  /** Width in flash and RAM. */
  readonly bits: number;
  /** Smallest and largest integer; undefined for floats. */
  readonly range?: readonly [number, number];
  readonly array: new (length: number) => TensorData;
}

export const DTYPE_FACTS: Readonly<Record<DType, DTypeFacts>> = {
  f32: { bits: 32, array: Float32Array },
  f16: { bits: 16, array: Uint16Array },
  i64: { bits: 64, range: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER], array: BigInt64Array },
  i32: { bits: 32, range: [-(2 ** 31), 2 ** 31 - 1], array: Int32Array },
  i16: { bits: 16, range: [-32768, 32767], array: Int16Array },
  i8: { bits: 8, range: [-128, 127], array: Int8Array },
  u8: { bits: 8, range: [0, 255], array: Uint8Array },
  i4: { bits: 4, range: [-8, 7], array: Int8Array },
  u4: { bits: 4, range: [0, 15], array: Uint8Array },
  i2: { bits: 2, range: [-2, 1], array: Int8Array },
  i1: { bits: 1, range: [0, 1], array: Uint8Array },
  bool: { bits: 8, range: [0, 1], array: Uint8Array },
};

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((count, extent) => count * extent, 1);
}

/** Bytes of a dense tensor, types under 8 bits packed. */
export function byteSize(type: TensorType): number {
  return Math.ceil((elementCount(type.shape) * DTYPE_FACTS[type.dtype].bits) / 8);
}

export function newData(dtype: DType, length: number): TensorData {
  return new DTYPE_FACTS[dtype].array(length);
}

export function isFloat(dtype: DType): boolean {
  return dtype === 'f32' || dtype === 'f16';
}

/** The integer range of a dtype; throws TypeError for floats. */
export function integerRange(dtype: DType): readonly [number, number] {
  const { range } = DTYPE_FACTS[dtype];
  if (range === undefined) throw new TypeError(`${dtype} is not an integer type`);
  return range;
}

/** Scale and zero point of a per-tensor affine type; throws TypeError for any other. */
export function affineOf(type: TensorType): { readonly scale: number; readonly zeroPoint: number } {
  const { quant } = type;
  if (quant.kind !== 'affine' || quant.scale.length !== 1) {
    throw new TypeError(`expected a per-tensor affine type, found ${typeText(type)}`);
  }
  return { scale: quant.scale[0] as number, zeroPoint: quant.zeroPoint[0] as number };
}

/** Row-major strides in elements. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) {
    strides[axis] = (strides[axis + 1] as number) * (shape[axis + 1] as number);
  }
  return strides;
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}

export function sameQuant(a: Quant, b: Quant): boolean {
  return quantText(a) === quantText(b);
}

export function sameType(a: TensorType, b: TensorType): boolean {
  return a.dtype === b.dtype && sameShape(a.shape, b.shape) && sameQuant(a.quant, b.quant);
}

/** Shortest decimal that rounds to the f32 `x`; also `-0`, `NaN`, `Infinity` and `-Infinity`. */
export function f32Text(x: number): string {
  if (Object.is(x, -0)) return '-0';
  for (let digits = 1; digits <= 9; digits++) {
    const text = x.toPrecision(digits);
    if (Object.is(Math.fround(Number(text)), x)) return String(Number(text));
  }
  return String(x);
}

function listText(values: readonly number[], text: (value: number) => string): string {
  return values.length === 1 ? text(values[0] as number) : `[${values.map(text).join(', ')}]`;
}

/** `affine(0.5, -3)`, `affine(axis=0, [0.5, 0.25], 0)`; empty for none. */
export function quantText(quant: Quant): string {
  const axis = 'axis' in quant && quant.axis !== undefined ? `axis=${quant.axis}, ` : '';
  switch (quant.kind) {
    case 'none':
      return '';
    case 'affine': {
      const same = quant.zeroPoint.every((z) => z === quant.zeroPoint[0]);
      const zeroPoint = same ? quant.zeroPoint.slice(0, 1) : quant.zeroPoint;
      return `affine(${axis}${listText(quant.scale, f32Text)}, ${listText(zeroPoint, String)})`;
    }
    case 'fixed':
      return `fixed(${axis}${listText(quant.fraction, String)})`;
    case 'binary':
    case 'ternary':
      return `${quant.kind}(${axis}${listText(quant.alpha, f32Text)})`;
    case 'codebook':
      return `codebook([${quant.table.map(f32Text).join(', ')}])`;
  }
}

/** `i8[1,96,96,1] affine(0.0078431377, -1)` */
export function typeText(type: TensorType): string {
  const quant = quantText(type.quant);
  return `${type.dtype}[${type.shape.join(',')}]${quant === '' ? '' : ` ${quant}`}`;
}

/** `dense`, `sparse(bitmap)`, `entropy(rans, sparse(relative, 4))` */
export function encodingText(encoding: Encoding): string {
  switch (encoding.kind) {
    case 'dense':
      return 'dense';
    case 'sparse':
      if (encoding.index === 'bitmap') return 'sparse(bitmap)';
      if (encoding.index === 'relative') return `sparse(relative, ${encoding.bits})`;
      return `sparse(block, [${encoding.block.join(', ')}])`;
    case 'hashed':
      return `hashed(${encoding.seed}, ${encoding.buckets})`;
    case 'low-rank':
      return `low-rank(${encoding.rank})`;
    case 'entropy':
      return `entropy(${encoding.coder}, ${encodingText(encoding.over)})`;
  }
}
