// Random convolutions and matrix products.
import { type DType, NO_QUANT, type TensorType } from '../../../ir/tensor/types.ts';
import type { Random } from '../random.ts';
import {
  ACTIVATIONS,
  defaultQuant,
  type Operand,
  ofRank,
  type Propose,
  type Request,
  randomScale,
  slot,
} from './request.ts';

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

const transpose_conv2d: Propose = (request) => {
  const { r } = request;
  const x = ofRank(request, 4);
  const outChannels = r.int(1, 3);
  const w = weights(request, [outChannels, r.int(1, 4), r.int(1, 4), x.shape[3] as number], 0);
  const { activation, rounding } = productAttrs(request);
  return {
    operands: [{ type: x }, { type: w, constant: true }, ...optionalBias(request, outChannels)],
    attrs: {
      stride: [r.int(1, 3), r.int(1, 3)],
      padding: { top: r.int(0, 2), left: r.int(0, 2) },
      output: [r.int(1, 8), r.int(1, 8)],
      activation,
      rounding,
    },
  };
};

const batch_matmul: Propose = (request) => {
  const { r, x } = request;
  const a = x.shape.length < 2 ? ofRank(request, 2) : x;
  const [rows, depth] = a.shape.slice(-2) as [number, number];
  const [transposeA, transposeB] = [r.chance(0.5), r.chance(0.5)];
  const inner = transposeA ? rows : depth;
  const columns = r.int(1, request.maxExtent);
  // The right side has all, some or none of the batches, and repeats along others.
  const batches = a.shape.slice(0, -2).map((extent) => (r.chance(0.3) ? 1 : extent === 1 ? r.int(1, 3) : extent));
  const shape = [...batches.slice(r.int(0, batches.length)), ...(transposeB ? [columns, inner] : [inner, columns])];
  const b = { dtype: a.dtype, shape, quant: defaultQuant(r, a.dtype) };
  return {
    operands: [{ type: a }, r.chance(0.5) ? { type: b, constant: true } : { type: b }],
    attrs: { transposeA, transposeB, rounding: r.pick(['double', 'single']) },
  };
};

export const PRODUCTS = {
  conv2d,
  depthwise_conv2d,
  fully_connected,
  transpose_conv2d,
  batch_matmul,
} satisfies Record<string, Propose>;
