/**
 * Element types of ONNX and what becomes of them. The IR computes in f32, i32 and bytes, so wider and rarer types are
 * held in the nearest that has all values a network uses: 64-bit, unsigned 32- and 16-bit integers in i32, floats of any
 * width in f32, integers under a byte in bytes (docs/adr/0011-onnx-element-types.md).
 */
import type { DType } from '../../../ir/tensor/types.ts';

/** How a float of less than 32 bits is laid out. */
export interface SmallFloat {
  readonly exponentBits: number;
  readonly mantissaBits: number;
  readonly bias: number;
  /** `ieee`: the top exponent is infinity and NaN; `fn`: only all ones are NaN; `fnuz`: only -0's pattern is; `none`: all are numbers. */
  readonly special: 'ieee' | 'fn' | 'fnuz' | 'none';
}

interface ElementFacts {
  /** TensorProto.DataType. */
  readonly code: number;
  readonly bits: number;
  readonly dtype: DType;
  /** Smallest and largest value of an integer type. */
  readonly range?: readonly [number, number];
  readonly float?: SmallFloat;
}

const i32 = (code: number, bits: number, low: number, high: number): ElementFacts => ({
  code,
  bits,
  dtype: 'i32',
  range: [low, high],
});

export const ELEMENTS = {
  float: { code: 1, bits: 32, dtype: 'f32' },
  uint8: { code: 2, bits: 8, dtype: 'u8', range: [0, 255] },
  int8: { code: 3, bits: 8, dtype: 'i8', range: [-128, 127] },
  uint16: i32(4, 16, 0, 65535),
  int16: { code: 5, bits: 16, dtype: 'i16', range: [-32768, 32767] },
  int32: i32(6, 32, -(2 ** 31), 2 ** 31 - 1),
  int64: i32(7, 64, -(2 ** 63), 2 ** 63),
  bool: { code: 9, bits: 8, dtype: 'bool' },
  float16: {
    code: 10,
    bits: 16,
    dtype: 'f32',
    float: { exponentBits: 5, mantissaBits: 10, bias: 15, special: 'ieee' },
  },
  double: { code: 11, bits: 64, dtype: 'f32' },
  uint32: i32(12, 32, 0, 2 ** 32 - 1),
  uint64: i32(13, 64, 0, 2 ** 64),
  bfloat16: {
    code: 16,
    bits: 16,
    dtype: 'f32',
    float: { exponentBits: 8, mantissaBits: 7, bias: 127, special: 'ieee' },
  },
  float8e4m3fn: {
    code: 17,
    bits: 8,
    dtype: 'f32',
    float: { exponentBits: 4, mantissaBits: 3, bias: 7, special: 'fn' },
  },
  float8e4m3fnuz: {
    code: 18,
    bits: 8,
    dtype: 'f32',
    float: { exponentBits: 4, mantissaBits: 3, bias: 8, special: 'fnuz' },
  },
  float8e5m2: {
    code: 19,
    bits: 8,
    dtype: 'f32',
    float: { exponentBits: 5, mantissaBits: 2, bias: 15, special: 'ieee' },
  },
  float8e5m2fnuz: {
    code: 20,
    bits: 8,
    dtype: 'f32',
    float: { exponentBits: 5, mantissaBits: 2, bias: 16, special: 'fnuz' },
  },
  uint4: { code: 21, bits: 4, dtype: 'u8', range: [0, 15] },
  int4: { code: 22, bits: 4, dtype: 'i8', range: [-8, 7] },
  float4e2m1: {
    code: 23,
    bits: 4,
    dtype: 'f32',
    float: { exponentBits: 2, mantissaBits: 1, bias: 1, special: 'none' },
  },
  float8e8m0: { code: 24, bits: 8, dtype: 'f32' },
  uint2: { code: 25, bits: 2, dtype: 'u8', range: [0, 3] },
  int2: { code: 26, bits: 2, dtype: 'i8', range: [-2, 1] },
} as const satisfies Record<string, ElementFacts>;

export type Element = keyof typeof ELEMENTS;

const NAMES = new Map(Object.entries(ELEMENTS).map(([name, { code }]) => [code, name as Element]));
/** Types that have no counterpart, for messages. */
const OTHERS: Readonly<Record<number, string>> = { 0: 'undefined', 8: 'string', 14: 'complex64', 15: 'complex128' };

export function elementOfCode(code: number): Element | undefined {
  return NAMES.get(code);
}

export function elementCodeText(code: number): string {
  return NAMES.get(code) ?? OTHERS[code] ?? `type ${code}`;
}

export function elementFacts(element: Element): ElementFacts {
  return ELEMENTS[element];
}

export function isFloatElement(element: Element): boolean {
  return ELEMENTS[element].dtype === 'f32';
}

/** The element type that stands for a dtype when a node says nothing else. */
export function elementOfDtype(dtype: DType): Element {
  const names: Partial<Record<DType, Element>> = { f32: 'float', i32: 'int32', i16: 'int16', i8: 'int8', u8: 'uint8' };
  return names[dtype] ?? 'bool';
}

/** The number that a pattern of a small float stands for. */
export function smallFloatValue(pattern: number, { exponentBits, mantissaBits, bias, special }: SmallFloat): number {
  const sign = (pattern >> (exponentBits + mantissaBits)) & 1 ? -1 : 1;
  const exponent = (pattern >> mantissaBits) & ((1 << exponentBits) - 1);
  const mantissa = pattern & ((1 << mantissaBits) - 1);
  const top = (1 << exponentBits) - 1;
  const ones = (1 << mantissaBits) - 1;
  if (special === 'fnuz' && sign < 0 && exponent === 0 && mantissa === 0) return Number.NaN;
  if (special === 'ieee' && exponent === top) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (special === 'fn' && exponent === top && mantissa === ones) return Number.NaN;
  if (exponent === 0) return sign * mantissa * 2 ** (1 - bias - mantissaBits);
  return sign * (1 + mantissa / (1 << mantissaBits)) * 2 ** (exponent - bias);
}

/** Exponent only, no sign: 2^(pattern - 127), 255 is NaN. */
export function powerOfTwoValue(pattern: number): number {
  return pattern === 255 ? Number.NaN : 2 ** (pattern - 127);
}
