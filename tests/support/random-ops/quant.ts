// Random nodes that change what stored integers mean.
import { FLOAT_FORMATS, ROUND_MODES } from '../../../ir/tensor/float-math/formats.ts';
import type { DType, Quant, TensorType } from '../../../ir/tensor/types.ts';
import { defaultQuant, ofRank, type Propose, type Request, randomScale } from './request.ts';

/** An affine quantization, for i32 too. */
function affine({ r }: Request, dtype: DType): Quant {
  return dtype === 'i32' ? { kind: 'affine', scale: [randomScale(r)], zeroPoint: [0] } : defaultQuant(r, dtype);
}

const quantize: Propose = (request) => ({
  operands: [{ type: request.x }],
  attrs: {},
  quant: affine(request, request.signature.outputs[0]),
});

const requantize: Propose = (request) => {
  const { r, x } = request;
  const to = request.signature.outputs[0];
  const type: TensorType = x.dtype === 'i32' ? { ...x, quant: affine(request, 'i32') } : x;
  return { operands: [{ type }], attrs: {}, quant: to === x.dtype && r.chance(0.2) ? type.quant : affine(request, to) };
};

const dequantize: Propose = (request) => {
  const { r, x } = request;
  if (x.dtype === 'f16' || r.chance(0.7)) return { operands: [{ type: x }], attrs: {} };
  const { shape } = x.shape.length > 0 ? x : ofRank(request, 1);
  const axis = r.int(0, shape.length - 1);
  const scale = Array.from({ length: shape[axis] }, () => randomScale(r));
  const quant: Quant = { kind: 'affine', scale, zeroPoint: scale.map(() => 0), axis };
  return { operands: [{ type: { dtype: x.dtype, shape, quant } }], attrs: {} };
};

const cast: Propose = (request) => {
  const same = request.signature.outputs[0] === request.x.dtype && request.r.chance(0.5);
  return { operands: [{ type: request.x }], attrs: {}, ...(same ? { quant: request.x.quant } : {}) };
};

const round_float: Propose = ({ r, x }) => {
  const format = r.pick(FLOAT_FORMATS);
  const mode = format === 'e8m0' && r.chance(0.7) ? { mode: r.pick(ROUND_MODES) } : {};
  return { operands: [{ type: x }], attrs: { format, saturate: r.chance(0.5), ...mode } };
};

export const QUANTS = { quantize, requantize, dequantize, cast, round_float } satisfies Record<string, Propose>;
