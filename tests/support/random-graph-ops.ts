// How a random node of each op is made: operands that fit one signature, and attributes. The map is total, so an op without
// a generator does not compile. A proposal may be refused by the op's record (`infer`, `check`); the graph generator tries on.
import type { Signature } from '../../ir/tensor/op.ts';
import type { OpName } from '../../ir/tensor/ops/index.ts';
import { type DType, NO_QUANT, type Quant, type TensorType } from '../../ir/tensor/types.ts';
import type { Random } from './random.ts';

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
}

/** Undefined when nothing fits the request. */
type Propose = (request: Request) => Proposal | undefined;

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
function ofRank({ r, x, maxExtent }: Request, rank: number): TensorType {
  return x.shape.length === rank ? x : randomType(r, x.dtype, rank, maxExtent);
}

function slot(signature: Signature, input: number): DType | undefined {
  return signature.inputs[input]?.dtype;
}

/** Symmetric weights, scaled per channel along `axis` half of the time where the form allows it. */
function weights({ r, signature }: Request, shape: readonly number[], axis: number): TensorType {
  const dtype = slot(signature, 1) as DType;
  if (dtype === 'f32') return { dtype, shape, quant: NO_QUANT };
  if (dtype === 'u8') return { dtype, shape, quant: defaultQuant(r, dtype) };
  if (r.chance(0.5)) return { dtype, shape, quant: { kind: 'affine', scale: [randomScale(r)], zeroPoint: [0] } };
  const channels = shape[axis] as number;
  const scale = Array.from({ length: channels }, () => randomScale(r));
  return { dtype, shape, quant: { kind: 'affine', scale, zeroPoint: scale.map(() => 0), axis } };
}

function optionalBias({ r, signature }: Request, channels: number): Operand[] {
  const dtype = slot(signature, 2);
  if (dtype === undefined || r.chance(0.3)) return [];
  return [{ type: { dtype, shape: [channels], quant: NO_QUANT }, constant: true }];
}

const ACTIVATIONS = ['none', 'relu', 'relu6', 'relu_n1_to_1'];

function productAttrs({ r, signature }: Request): Record<string, unknown> {
  return {
    activation: r.pick(ACTIVATIONS),
    rounding: r.pick(['double', 'single']),
    accumulator: slot(signature, 2) === 'i64' ? 'i64' : 'i32',
  };
}

function windowAttrs(r: Random): Record<string, unknown> {
  const side = () => r.int(0, 2);
  return {
    stride: [r.int(1, 3), r.int(1, 3)],
    padding: { top: side(), bottom: side(), left: side(), right: side() },
  };
}

const conv2d: Propose = (request) => {
  const { r } = request;
  const x = ofRank(request, 4);
  const channels = x.shape[3] as number;
  const groups = r.chance(0.2) ? channels : 1;
  const outChannels = groups * r.int(1, 3);
  const w = weights(request, [outChannels, r.int(1, 3), r.int(1, 3), channels / groups], 0);
  return {
    operands: [{ type: x }, { type: w, constant: true }, ...optionalBias(request, outChannels)],
    attrs: { ...windowAttrs(r), dilation: [r.int(1, 2), r.int(1, 2)], ...productAttrs(request) },
  };
};

const depthwise_conv2d: Propose = (request) => {
  const { r } = request;
  const x = ofRank(request, 4);
  const outChannels = (x.shape[3] as number) * r.int(1, 3);
  const w = weights(request, [1, r.int(1, 3), r.int(1, 3), outChannels], 3);
  return {
    operands: [{ type: x }, { type: w, constant: true }, ...optionalBias(request, outChannels)],
    attrs: { ...windowAttrs(r), dilation: [r.int(1, 2), r.int(1, 2)], ...productAttrs(request) },
  };
};

const fully_connected: Propose = (request) => {
  const x = ofRank(request, 2);
  const units = request.r.int(1, request.maxExtent);
  const w = weights(request, [units, x.shape[1] as number], 0);
  return {
    operands: [{ type: x }, { type: w, constant: true }, ...optionalBias(request, units)],
    attrs: productAttrs(request),
  };
};

const reshape: Propose = ({ r, x }) => {
  const flat = x.shape.reduce((count, extent) => count * extent, 1);
  const shape = r.pick([[flat], [1, flat], [flat, 1, 1], shuffle(r, x.shape), [1, ...x.shape].slice(0, 8)]);
  return { operands: [{ type: x }], attrs: { shape }, quant: x.quant };
};

export const PROPOSE: { readonly [K in OpName]: Propose } = {
  conv2d,
  depthwise_conv2d,
  fully_connected,
  reshape,
};
