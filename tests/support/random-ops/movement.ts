// Random nodes that move elements.
import { elementCount, NO_QUANT, type TensorType } from '../../../ir/tensor/types.ts';
import { ofRank, type Proposal, type Propose, type Request, shuffle, slot } from './request.ts';

/** One operand, whose quantization the result keeps. */
function kept(x: TensorType, attrs: Proposal['attrs']): Proposal {
  return { operands: [{ type: x }], attrs, quant: x.quant };
}

/** `x` if it has an axis, else a vector of its dtype. */
function withAxis(request: Request): TensorType {
  return request.x.shape.length > 0 ? request.x : ofRank(request, 1);
}

const reshape: Propose = ({ r, x }) => {
  const count = elementCount(x.shape);
  return kept(x, {
    shape: r.pick([[count], [1, count], [count, 1, 1], shuffle(r, x.shape), [1, ...x.shape].slice(-8)]),
  });
};

const transpose: Propose = ({ r, x }) => kept(x, { permutation: shuffle(r, [...x.shape.keys()]) });

const slice: Propose = ({ r, x }) => {
  const axes = x.shape.map((extent) => {
    const first = r.int(0, extent - 1);
    const stride = r.chance(0.3) ? -r.int(1, 2) : r.int(1, 2);
    const room = Math.floor((stride > 0 ? extent - 1 - first : first) / Math.abs(stride));
    return { first, stride, size: 1 + r.int(0, room) };
  });
  return kept(x, {
    start: axes.map(({ first }) => first),
    stride: axes.map(({ stride }) => stride),
    size: axes.map(({ size }) => size),
  });
};

const concat: Propose = (request) => {
  const { r, maxExtent } = request;
  const x = withAxis(request);
  const axis = r.int(0, x.shape.length - 1);
  const others = Array.from({ length: r.int(0, 3) }, () => ({
    type: { ...x, shape: x.shape.with(axis, r.int(1, maxExtent)) },
  }));
  return { operands: [{ type: x }, ...others], attrs: { axis }, quant: x.quant };
};

const broadcast_to: Propose = ({ r, x, maxExtent }) => {
  const lead = r.chance(0.3) ? [r.int(1, maxExtent)] : [];
  return kept(x, { shape: [...lead, ...x.shape.map((extent) => (extent === 1 ? r.int(1, maxExtent) : extent))] });
};

const tile: Propose = ({ r, x }) => kept(x, { multiples: x.shape.map(() => r.int(1, 3)) });

const gather: Propose = (request) => {
  const { r, signature, maxExtent } = request;
  const x = withAxis(request);
  const axis = r.int(0, x.shape.length - 1);
  const batchDims = r.int(0, axis);
  const own = Array.from({ length: r.int(0, 2) }, () => r.int(1, maxExtent));
  const indices = slot(signature, 1) ?? 'i32';
  const shape = [...x.shape.slice(0, batchDims), ...own];
  const count = x.shape[axis] as number;
  // Some indices lie outside.
  const low = indices === 'u8' ? 0 : -1;
  const values = Array.from({ length: elementCount(shape) }, () => r.int(low, count));
  return {
    operands: [{ type: x }, { type: { dtype: indices, shape, quant: NO_QUANT }, constant: values }],
    attrs: { axis, batchDims },
    quant: x.quant,
  };
};

const pad: Propose = ({ r, x }) => {
  const margins = () => x.shape.map(() => (r.chance(0.5) ? 0 : r.int(0, 2)));
  const value = { type: { ...x, shape: r.pick([[], [1]]) } };
  return {
    operands: [{ type: x }, ...(r.chance(0.5) ? [value] : [])],
    attrs: { before: margins(), after: margins() },
    quant: x.quant,
  };
};

const mirror_pad: Propose = ({ r, x }) => {
  const mode = r.pick(['reflect', 'symmetric', 'edge', 'wrap'] as const);
  const most = (extent: number) => ({ reflect: extent - 1, symmetric: extent, edge: 3, wrap: 2 * extent + 1 })[mode];
  const margins = () => x.shape.map((extent) => r.int(0, most(extent)));
  return kept(x, { before: margins(), after: margins(), mode });
};

const depth_to_space: Propose = (request) => {
  const block = request.r.int(1, 3);
  const x = ofRank(request, 4);
  return kept({ ...x, shape: x.shape.with(3, block * block * request.r.int(1, 2)) }, { block });
};

const space_to_depth: Propose = (request) => {
  const { r } = request;
  const block = r.int(1, 3);
  const x = ofRank(request, 4);
  const fits = (x.shape[1] as number) % block === 0 && (x.shape[2] as number) % block === 0;
  const shape = [x.shape[0] as number, block * r.int(1, 2), block * r.int(1, 2), x.shape[3] as number];
  return kept(fits ? x : { ...x, shape }, { block });
};

const batch_to_space: Propose = (request) => {
  const { r } = request;
  const block = Array.from({ length: r.int(1, 2) }, () => r.int(1, 2));
  const x = ofRank(request, 4);
  const margins = block.map(() => [r.int(0, 1), r.int(0, 1)]);
  return kept({ ...x, shape: x.shape.with(0, elementCount(block) * r.int(1, 2)) }, { block, margins });
};

const space_to_batch: Propose = (request) => {
  const { r } = request;
  const block = Array.from({ length: r.int(1, 2) }, () => r.int(1, 2));
  const x = ofRank(request, 4);
  const margins = block.map((b, i) => {
    const before = r.int(0, 2);
    return [before, b * 3 - (((x.shape[i + 1] as number) + before) % b)];
  });
  return kept(x, { block, margins });
};

export const MOVEMENT = {
  reshape,
  transpose,
  slice,
  concat,
  broadcast_to,
  tile,
  gather,
  pad,
  mirror_pad,
  depth_to_space,
  space_to_depth,
  batch_to_space,
  space_to_batch,
} satisfies Record<string, Propose>;
