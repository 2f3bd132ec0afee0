// Random nodes over the rows of the innermost axis.
import type { DType, Quant, TensorType } from '../../../ir/tensor/types.ts';
import { ofRank, type Propose, type Request } from './request.ts';

/** The one scale that integer results of an op have. */
type Scales = Partial<Record<DType, readonly [scale: number, zeroPoint: number]>>;

function withRows(request: Request): TensorType {
  return request.x.shape.length > 0 ? request.x : ofRank(request, 2);
}

function scaledTo({ signature }: Request, scales: Scales): { quant?: Quant } {
  const dtype = signature.outputs[0] as DType;
  const fixed = scales[dtype];
  return fixed === undefined ? {} : { quant: { kind: 'affine', scale: [fixed[0]], zeroPoint: [fixed[1]] } };
}

const softmax: Propose = (request) => {
  const x = withRows(request);
  const scales: Scales = {
    i8: [1 / 256, -128],
    u8: [1 / 256, 0],
    i16: x.dtype === 'i16' ? [1 / 32768, 0] : [1 / 65536, -32768],
  };
  return { operands: [{ type: x }], attrs: { beta: request.r.pick([0.5, 1, 2]) }, ...scaledTo(request, scales) };
};

const log_softmax: Propose = (request) => ({
  operands: [{ type: withRows(request) }],
  attrs: {},
  ...scaledTo(request, { i8: [1 / 16, 127] }),
});

const l2_normalization: Propose = (request) => ({
  operands: [{ type: withRows(request) }],
  attrs: {},
  ...scaledTo(request, { i8: [1 / 128, 0], u8: [1 / 128, 128] }),
});

export const ROWS = { softmax, log_softmax, l2_normalization } satisfies Record<string, Propose>;
