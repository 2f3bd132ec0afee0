// What the generators of random nodes are asked and answer, and the pieces they share.
import type { Signature } from '../../../ir/tensor/op.ts';
import { type DType, NO_QUANT, type Quant, type TensorType } from '../../../ir/tensor/types.ts';
import type { Random } from '../random.ts';

export interface Request {
  readonly r: Random;
  readonly signature: Signature;
  /** The type of a value that the node should read as its first operand if it can. */
  readonly x: TensorType;
  readonly maxExtent: number;
}

export interface Operand {
  readonly type: TensorType;
  /** Must be a constant, with these values if given. */
  readonly constant?: true | readonly number[];
}

export interface Proposal {
  readonly operands: readonly Operand[];
  /** Before defaults are filled in. */
  readonly attrs: Readonly<Record<string, unknown>>;
  /** Of the result; that of `defaultQuant` if absent. */
  readonly quant?: Quant;
  /** Of each result, where there are several. */
  readonly quants?: readonly Quant[];
}

/** Undefined when nothing fits the request. */
export type Propose = (request: Request) => Proposal | undefined;

/** A real in [0, 1). */
export function unit(r: Random): number {
  return r.bits() / 2 ** 32;
}

export function shuffle<T>(r: Random, items: readonly T[]): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = r.int(0, i);
    [result[i], result[j]] = [result[j] as T, result[i] as T];
  }
  return result;
}

/** A scale as trained networks have them: f32, mostly no power of two. */
export function randomScale(r: Random): number {
  return Math.fround(2 ** (unit(r) * 6 - 7));
}

/** The quantization that values of a dtype mostly have. */
export function defaultQuant(r: Random, dtype: DType): Quant {
  const affine = (zeroPoint: number): Quant => ({ kind: 'affine', scale: [randomScale(r)], zeroPoint: [zeroPoint] });
  switch (dtype) {
    case 'i8':
      return affine(r.int(-128, 127));
    case 'u8':
      return affine(r.int(0, 255));
    case 'i16':
      return affine(0);
    default:
      return NO_QUANT;
  }
}

export function randomType(r: Random, dtype: DType, rank: number, maxExtent: number): TensorType {
  return { dtype, shape: Array.from({ length: rank }, () => r.int(1, maxExtent)), quant: defaultQuant(r, dtype) };
}

/** `x` if it has the rank, else a new type of its dtype that has. */
export function ofRank({ r, x, maxExtent }: Request, rank: number): TensorType {
  return x.shape.length === rank ? x : randomType(r, x.dtype, rank, maxExtent);
}

export function slot(signature: Signature, input: number): DType | undefined {
  return signature.inputs[input]?.dtype;
}

export const ACTIVATIONS = ['none', 'relu', 'relu6', 'relu_n1_to_1'];
