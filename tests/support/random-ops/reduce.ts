// Random nodes that reduce along axes or sum along one.
import type { TensorType } from '../../../ir/tensor/types.ts';
import { ofRank, type Propose, type Request } from './request.ts';

function someAxes({ r, x }: Request): { axes: number[]; keepDims: boolean } {
  const axes = [...x.shape.keys()].filter(() => r.chance(0.5));
  return { axes, keepDims: r.chance(0.5) };
}

/** `x` if it has an axis, else a vector of its dtype. */
function withAxis(request: Request): TensorType {
  return request.x.shape.length > 0 ? request.x : ofRank(request, 1);
}

/** 8- and 16-bit results have a scale of their own. */
function resultQuant(x: TensorType): { quant?: TensorType['quant'] } {
  return x.dtype === 'f32' || x.dtype === 'i32' ? { quant: x.quant } : {};
}

const sum: Propose = (request) => ({
  operands: [{ type: request.x }],
  attrs: someAxes(request),
  ...resultQuant(request.x),
});

const extreme: Propose = (request) => ({
  operands: [{ type: request.x }],
  attrs: someAxes(request),
  quant: request.x.quant,
});

const arg: Propose = (request) => {
  const x = withAxis(request);
  const selectLast = request.r.pick([{}, { selectLast: true }, { selectLast: false }]);
  return { operands: [{ type: x }], attrs: { axis: request.r.int(0, x.shape.length - 1), ...selectLast } };
};

const running: Propose = (request) => {
  const x = withAxis(request);
  const { r } = request;
  const attrs = { axis: r.int(0, x.shape.length - 1), exclusive: r.chance(0.5), reverse: r.chance(0.5) };
  return { operands: [{ type: x }], attrs, ...resultQuant(x) };
};

export const REDUCTIONS = {
  sum,
  mean: sum,
  reduce_max: extreme,
  reduce_min: extreme,
  reduce_prod: extreme,
  arg_max: arg,
  arg_min: arg,
  cumsum: running,
  cumprod: running,
} satisfies Record<string, Propose>;
