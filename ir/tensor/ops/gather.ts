/** Ops that choose elements by indices that are known only at run time. */
import { z } from 'zod';
import { defineOp, OpError, type Signature, signaturesFor } from '../op.ts';
import { type Tensor, type TensorData, type TensorType, typeText } from '../types.ts';
import { MOVED_DTYPES, moved, placeIn } from './places.ts';
import { axisAttr } from './shared.ts';

const gatherAttrs = z.strictObject({ axis: axisAttr, batchDims: axisAttr.default(0) });
export type GatherAttrs = z.infer<typeof gatherAttrs>;

/** The shape of a gather's result: the axis of x is replaced by the axes of the indices that are not shared. */
function gatherShape(x: TensorType, indices: TensorType, { axis, batchDims }: GatherAttrs): number[] {
  return [...x.shape.slice(0, axis), ...indices.shape.slice(batchDims), ...x.shape.slice(axis + 1)];
}

/** The index that is used for a stored one: the nearest that exists. */
export function clampIndex(stored: number | bigint, count: number): number {
  return Math.min(Math.max(Number(stored), 0), count - 1);
}

/** Indices that stand in a tensor of `indices` at a place, clamped for an axis of `count`. */
export function indexAt(indices: Tensor, place: number, count: number): number {
  return clampIndex((indices.data as TensorData)[place] as number | bigint, count);
}

const INDEX_DTYPES = ['i32', 'i64'] as const;

const GATHER_SIGNATURES: readonly Signature[] = [...INDEX_DTYPES, 'u8'].flatMap((indices) =>
  signaturesFor(`T ${indices} -> T`, MOVED_DTYPES),
);
const INDEXED_SIGNATURES: readonly Signature[] = INDEX_DTYPES.flatMap((indices) =>
  signaturesFor(`T ${indices} -> T`, MOVED_DTYPES),
);

export const CLAMPED_DOC =
  'Indices below 0 count as 0 and those past the end as the last, so no index is out of range.';

const gather = defineOp<GatherAttrs>({
  doc:
    'y[b.., o.., k.., i..] = x[b.., o.., indices[b.., k..], i..]: b are the first batchDims axes, which x and indices share, ' +
    `the index stands at \`axis\`. ${CLAMPED_DOC}`,
  attrs: gatherAttrs,
  inputs: ['x', 'indices'],
  outputs: ['y'],
  signatures: GATHER_SIGNATURES,
  traits: { movement: true },
  infer({ inputs, attrs }) {
    const [x, indices] = inputs as [TensorType, TensorType];
    const { axis, batchDims } = attrs;
    if (axis >= x.shape.length || batchDims > axis || batchDims > indices.shape.length) {
      throw new OpError(`expected ${batchDims} batch axes <= axis ${axis} < rank, found ${typeText(x)}`);
    }
    expectShared(x, indices, batchDims);
    return [gatherShape(x, indices, attrs)];
  },
  evaluate({ inputs, outputs, attrs: { axis, batchDims } }) {
    const [x, indices] = inputs as [Tensor, Tensor];
    const own = indices.type.shape.length - batchDims;
    return moved(outputs[0] as TensorType, x.data, (index) => {
      const at = placeIn(indices.type.shape, [...index.slice(0, batchDims), ...index.slice(axis, axis + own)]);
      const chosen = indexAt(indices, at, x.type.shape[axis] as number);
      return placeIn(x.type.shape, [...index.slice(0, axis), chosen, ...index.slice(axis + own)]);
    });
  },
});

/** Throws OpError unless the first `batchDims` extents are equal. */
function expectShared(x: TensorType, indices: TensorType, batchDims: number): void {
  const shared = (type: TensorType) => type.shape.slice(0, batchDims).join();
  if (shared(x) !== shared(indices)) {
    throw new OpError(`expected ${batchDims} equal first extents, found ${typeText(x)} and ${typeText(indices)}`);
  }
}

const elementsAttrs = z.strictObject({ axis: axisAttr });
export type GatherElementsAttrs = z.infer<typeof elementsAttrs>;

/** Throws OpError unless `indices` has an index for elements of x: its rank, and no more of them off the axis. */
export function expectElements(x: TensorType, indices: TensorType, axis: number): void {
  const { length } = x.shape;
  if (axis >= length) throw new OpError(`expected an axis of ${typeText(x)}, found ${axis}`);
  const fits = indices.shape.every((extent, a) => a === axis || extent <= (x.shape[a] as number));
  if (indices.shape.length !== length || !fits) {
    throw new OpError(`expected indices within ${typeText(x)} except along axis ${axis}, found ${typeText(indices)}`);
  }
}

const gather_elements = defineOp<GatherElementsAttrs>({
  doc:
    'y[i.., j, k..] = x[i.., indices[i.., j, k..], k..], the index at `axis`; y has the shape of the indices, which off the ' +
    `axis may be smaller than x. ${CLAMPED_DOC}`,
  attrs: elementsAttrs,
  inputs: ['x', 'indices'],
  outputs: ['y'],
  signatures: INDEXED_SIGNATURES,
  traits: { movement: true },
  infer({ inputs, attrs: { axis } }) {
    const [x, indices] = inputs as [TensorType, TensorType];
    expectElements(x, indices, axis);
    return [[...indices.shape]];
  },
  evaluate({ inputs, outputs, attrs: { axis } }) {
    const [x, indices] = inputs as [Tensor, Tensor];
    return moved(outputs[0] as TensorType, x.data, (index) => {
      const chosen = indexAt(indices, placeIn(indices.type.shape, index), x.type.shape[axis] as number);
      return placeIn(x.type.shape, index.with(axis, chosen));
    });
  },
});

const gatherNdAttrs = z.strictObject({ batchDims: axisAttr.default(0) });
export type GatherNdAttrs = z.infer<typeof gatherNdAttrs>;

/** How many indices the innermost axis of `indices` lists. Throws OpError unless x has as many axes behind the first `batchDims`. */
export function indexDepth(x: TensorType, indices: TensorType, batchDims: number): number {
  const depth = indices.shape.at(-1);
  if (depth === undefined || indices.shape.length <= batchDims) {
    throw new OpError(`expected indices of rank ${batchDims + 1} or more, found ${typeText(indices)}`);
  }
  if (depth > x.shape.length - batchDims) {
    throw new OpError(
      `expected at most ${Math.max(0, x.shape.length - batchDims)} indices for ${typeText(x)} behind its ${batchDims} batch ` +
        `axes, found ${typeText(indices)}`,
    );
  }
  return depth;
}

const gather_nd = defineOp<GatherNdAttrs>({
  doc:
    'y[b.., k.., i..] = x[b.., indices[b.., k.., 0], .., indices[b.., k.., n-1], i..]: b are the first batchDims axes, which x ' +
    `and indices share; n, the innermost extent of the indices, is how many axes of x they choose in. ${CLAMPED_DOC}`,
  attrs: gatherNdAttrs,
  inputs: ['x', 'indices'],
  outputs: ['y'],
  signatures: INDEXED_SIGNATURES,
  traits: { movement: true },
  infer({ inputs, attrs: { batchDims } }) {
    const [x, indices] = inputs as [TensorType, TensorType];
    const depth = indexDepth(x, indices, batchDims);
    expectShared(x, indices, batchDims);
    return [[...indices.shape.slice(0, -1), ...x.shape.slice(batchDims + depth)]];
  },
  evaluate({ inputs, outputs, attrs: { batchDims } }) {
    const [x, indices] = inputs as [Tensor, Tensor];
    const depth = indexDepth(x.type, indices.type, batchDims);
    const own = indices.type.shape.slice(0, -1);
    return moved(outputs[0] as TensorType, x.data, (index) => {
      const first = placeIn(own, index.slice(0, own.length)) * depth;
      const chosen = Array.from({ length: depth }, (_, i) =>
        indexAt(indices, first + i, x.type.shape[batchDims + i] as number),
      );
      return placeIn(x.type.shape, [...index.slice(0, batchDims), ...chosen, ...index.slice(own.length)]);
    });
  },
});

export const GATHER_OPS = { gather, gather_elements, gather_nd } as const;
