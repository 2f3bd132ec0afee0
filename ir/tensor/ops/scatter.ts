/** Ops that write elements to places given by indices. */
import { z } from 'zod';
import { defineOp, type EvaluateContext, OpError, type Signature, signaturesFor } from '../op.ts';
import { type DType, sameQuant, sameShape, type Tensor, type TensorData, type TensorType, typeText } from '../types.ts';
import { CLAMPED_DOC, expectElements, indexAt, indexDepth } from './gather.ts';
import { forEachIndex, MOVED_DTYPES, placeIn } from './places.ts';
import { axisAttr, fround } from './shared.ts';

const reductionAttr = z.enum(['none', 'add', 'mul', 'min', 'max']).default('none');
export type Reduction = z.infer<typeof reductionAttr>;

const scatterElementsAttrs = z.strictObject({ axis: axisAttr, reduction: reductionAttr });
export type ScatterElementsAttrs = z.infer<typeof scatterElementsAttrs>;
const scatterNdAttrs = z.strictObject({ reduction: reductionAttr });
export type ScatterNdAttrs = z.infer<typeof scatterNdAttrs>;

const SCATTER_SIGNATURES: readonly Signature[] = ['i32', 'i64'].flatMap((indices) =>
  signaturesFor(`T ${indices} T -> T`, MOVED_DTYPES),
);

const REDUCED_DTYPES: readonly DType[] = ['f32', 'i32'];

const SCATTER_DOC =
  'Updates are taken in row-major order, so that of several for one place the last stays, or with a reduction (f32, i32) all ' +
  'count in turn: y = y + update, y * update, or the update where it is strictly less (min) or more (max) than y. i32 wraps; ' +
  'f32 rounds each step, NaN stays in sums and products, and extremes keep a NaN in x and pass over one in the updates. ' +
  CLAMPED_DOC;

function checkScatter({
  inputs,
  outputs,
  attrs,
}: {
  readonly inputs: readonly TensorType[];
  readonly outputs: readonly TensorType[];
  readonly attrs: { readonly reduction: Reduction };
}): string | undefined {
  const [x, , updates] = inputs as [TensorType, TensorType, TensorType];
  const other = [updates, outputs[0] as TensorType].find((type) => !sameQuant(type.quant, x.quant));
  if (other !== undefined) return `expected the quantization of ${typeText(x)}, found ${typeText(other)}`;
  if (attrs.reduction === 'none' || REDUCED_DTYPES.includes(x.dtype)) return undefined;
  return `expected f32 or i32 for reduction ${attrs.reduction}, found ${typeText(x)}`;
}

/** What is left at a place that held `old` once an update came. */
function reduced(reduction: Exclude<Reduction, 'none'>, dtype: DType, old: number, update: number): number {
  const isFloat = dtype === 'f32';
  switch (reduction) {
    case 'add':
      return isFloat ? fround(old + update) : (old + update) | 0;
    case 'mul':
      return isFloat ? fround(old * update) : Math.imul(old, update);
    case 'min':
      return update < old ? update : old;
    case 'max':
      return old < update ? update : old;
  }
}

/** x with each update brought to the place that `placeOf` gives for its index. */
function scattered(
  { inputs, attrs }: EvaluateContext<{ readonly reduction: Reduction }>,
  placeOf: (index: readonly number[]) => number,
): TensorData[] {
  const [x, , updates] = inputs as [Tensor, Tensor, Tensor];
  const { reduction } = attrs;
  const y = x.data.slice();
  let next = 0;
  forEachIndex(updates.type.shape, (index) => {
    const update = updates.data[next++] as number | bigint;
    const place = placeOf(index);
    y[place] = reduction === 'none' ? update : reduced(reduction, x.type.dtype, y[place] as number, update as number);
  });
  return [y];
}

const scatter_elements = defineOp<ScatterElementsAttrs>({
  doc:
    'y = x, except y[i.., indices[i.., j, k..], k..] = updates[i.., j, k..], the index at `axis`; indices and updates have one ' +
    `shape, which off the axis may be smaller than x's. ${SCATTER_DOC}`,
  attrs: scatterElementsAttrs,
  inputs: ['x', 'indices', 'updates'],
  outputs: ['y'],
  signatures: SCATTER_SIGNATURES,
  traits: {},
  infer({ inputs, attrs: { axis } }) {
    const [x, indices, updates] = inputs as [TensorType, TensorType, TensorType];
    expectElements(x, indices, axis);
    if (!sameShape(indices.shape, updates.shape)) {
      throw new OpError(`expected updates of shape [${indices.shape}], found ${typeText(updates)}`);
    }
    return [[...x.shape]];
  },
  check: checkScatter,
  evaluate(context) {
    const [x, indices] = context.inputs as [Tensor, Tensor];
    const { axis } = context.attrs;
    return scattered(context, (index) => {
      const chosen = indexAt(indices, placeIn(indices.type.shape, index), x.type.shape[axis] as number);
      return placeIn(x.type.shape, index.with(axis, chosen));
    });
  },
});

const scatter_nd = defineOp<ScatterNdAttrs>({
  doc:
    'y = x, except y[indices[k.., 0], .., indices[k.., n-1], i..] = updates[k.., i..]: n, the innermost extent of the indices, ' +
    `is how many axes of x they choose in. ${SCATTER_DOC}`,
  attrs: scatterNdAttrs,
  inputs: ['x', 'indices', 'updates'],
  outputs: ['y'],
  signatures: SCATTER_SIGNATURES,
  traits: {},
  infer({ inputs }) {
    const [x, indices, updates] = inputs as [TensorType, TensorType, TensorType];
    const depth = indexDepth(x, indices, 0);
    const expected = [...indices.shape.slice(0, -1), ...x.shape.slice(depth)];
    if (!sameShape(expected, updates.shape)) {
      throw new OpError(`expected updates of shape [${expected}], found ${typeText(updates)}`);
    }
    return [[...x.shape]];
  },
  check: checkScatter,
  evaluate(context) {
    const [x, indices] = context.inputs as [Tensor, Tensor];
    const { shape } = x.type;
    const own = indices.type.shape.slice(0, -1);
    const depth = indexDepth(x.type, indices.type, 0);
    return scattered(context, (index) => {
      const first = placeIn(own, index.slice(0, own.length)) * depth;
      const chosen = shape.slice(0, depth).map((count, i) => indexAt(indices, first + i, count));
      return placeIn(shape, [...chosen, ...index.slice(own.length)]);
    });
  },
});

export const SCATTER_OPS = { scatter_elements, scatter_nd } as const;
