// Random nodes that choose, order or replace elements by index, and those that interpolate along an axis.
import { elementCount, NO_QUANT, type TensorType } from '../../../ir/tensor/types.ts';
import type { Random } from '../random.ts';
import { type Operand, ofRank, type Propose, type Request, slot } from './request.ts';

/** `x` if it has an axis, else a vector of its dtype. */
function withAxis(request: Request): TensorType {
  return request.x.shape.length > 0 ? request.x : ofRank(request, 1);
}

/** Indices of a shape for axes of `count` elements, some outside: constant, or at run time where their type can be. */
function indices({ r, signature }: Request, shape: readonly number[], count: number): Operand {
  const dtype = slot(signature, 1) ?? 'i32';
  const type: TensorType = { dtype, shape, quant: NO_QUANT };
  if (dtype === 'i32' && r.chance(0.5)) return { type };
  return { type, constant: Array.from({ length: elementCount(shape) }, () => r.int(-1, count)) };
}

/** An extent of x or less. */
function within(r: Random, { shape }: TensorType, axis: number, maxExtent: number): number[] {
  return shape.map((extent, a) => (a === axis ? r.int(1, maxExtent) : r.int(1, extent)));
}

const gather_elements: Propose = (request) => {
  const { r, maxExtent } = request;
  const x = withAxis(request);
  const axis = r.int(0, x.shape.length - 1);
  const chosen = indices(request, within(r, x, axis, maxExtent), x.shape[axis] as number);
  return { operands: [{ type: x }, chosen], attrs: { axis }, quant: x.quant };
};

const gather_nd: Propose = (request) => {
  const { r, maxExtent } = request;
  const x = withAxis(request);
  const batchDims = r.int(0, x.shape.length - 1);
  const depth = r.int(1, x.shape.length - batchDims);
  const own = Array.from({ length: r.int(0, 2) }, () => r.int(1, maxExtent));
  const chosen = indices(request, [...x.shape.slice(0, batchDims), ...own, depth], r.pick([...x.shape]));
  return { operands: [{ type: x }, chosen], attrs: { batchDims }, quant: x.quant };
};

function reductionOf({ r, x }: Request): string {
  return x.dtype === 'f32' || x.dtype === 'i32' ? r.pick(['none', 'add', 'mul', 'min', 'max']) : 'none';
}

const scatter_elements: Propose = (request) => {
  const { r, maxExtent } = request;
  const x = withAxis(request);
  const axis = r.int(0, x.shape.length - 1);
  const shape = within(r, x, axis, maxExtent);
  const chosen = indices(request, shape, x.shape[axis] as number);
  const operands = [{ type: x }, chosen, { type: { ...x, shape } }];
  return { operands, attrs: { axis, reduction: reductionOf(request) }, quant: x.quant };
};

const scatter_nd: Propose = (request) => {
  const { r, maxExtent } = request;
  const x = withAxis(request);
  const depth = r.int(1, x.shape.length);
  const own = Array.from({ length: r.int(0, 2) }, () => r.int(1, maxExtent));
  const chosen = indices(request, [...own, depth], r.pick([...x.shape]));
  const operands = [{ type: x }, chosen, { type: { ...x, shape: [...own, ...x.shape.slice(depth)] } }];
  return { operands, attrs: { reduction: reductionOf(request) }, quant: x.quant };
};

const top_k: Propose = (request) => {
  const { r } = request;
  const x = withAxis(request);
  const axis = r.int(0, x.shape.length - 1);
  const attrs = { axis, k: r.int(1, x.shape[axis] as number), largest: r.chance(0.5) };
  return { operands: [{ type: x }], attrs, quants: [x.quant, NO_QUANT] };
};

const resample: Propose = (request) => {
  const { r, maxExtent } = request;
  const x = withAxis(request);
  const axis = r.int(0, x.shape.length - 1);
  const shape = [r.int(1, maxExtent), r.int(1, 6)];
  const weights: TensorType = { dtype: 'f32', shape, quant: NO_QUANT };
  const operands = [{ type: x }, indices(request, shape, x.shape[axis] as number), { type: weights }];
  return { operands, attrs: { axis }, quant: NO_QUANT };
};

export const INDEXING = {
  gather_elements,
  gather_nd,
  scatter_elements,
  scatter_nd,
  top_k,
  resample,
} satisfies Record<string, Propose>;
