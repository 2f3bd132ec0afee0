/** What gather, gather_elements and gather_nd move. */
import { clampIndex } from '../../../ir/tensor/ops/gather.ts';
import { stridesOf, type TensorType } from '../../../ir/tensor/types.ts';
import type { Box, Lookup } from '../boxes.ts';
import type { Site } from '../kernel.ts';

type GatherOp = 'gather' | 'gather_elements' | 'gather_nd';

const zeros = (count: number) => new Array<number>(count).fill(0);

/**
 * Where index number `nth` of every `depth` is looked up for an axis of `limit` elements: known indices stand in a table
 * of their own. `strides` count whole lists of indices.
 */
function lookup<K extends GatherOp>(
  site: Site<K>,
  [nth, depth]: readonly [number, number],
  strides: readonly number[],
  { step, limit }: Pick<Lookup, 'step' | 'limit'>,
): Lookup {
  const known = site.constant(1)?.data;
  if (known === undefined) return { indices: 1, start: nth, strides: strides.map((s) => s * depth), step, limit };
  const own = Array.from<number | bigint>(known).filter((_, i) => i % depth === nth);
  return { indices: own.map((index) => clampIndex(index, limit)), start: 0, strides, step, limit };
}

function boxes(site: Site<GatherOp>, from: readonly number[], lookups: readonly Lookup[]): Box[] {
  const { shape } = site.outputs[0] as TensorType;
  return [
    {
      source: { operand: 0 },
      shape,
      from: { start: 0, strides: from },
      to: { start: 0, strides: stridesOf(shape) },
      lookups,
    },
  ];
}

function gather(site: Site<'gather'>): Box[] {
  const { axis, batchDims } = site.attrs;
  const [x, indices] = site.inputs as [TensorType, TensorType];
  const xStrides = stridesOf(x.shape);
  const own = stridesOf(indices.shape);
  const inner = xStrides.slice(axis + 1);
  const strides = [
    ...own.slice(0, batchDims),
    ...zeros(axis - batchDims),
    ...own.slice(batchDims),
    ...zeros(inner.length),
  ];
  const from = [...xStrides.slice(0, axis), ...zeros(indices.shape.length - batchDims), ...inner];
  const place = { step: xStrides[axis] as number, limit: x.shape[axis] as number };
  return boxes(site as unknown as Site<GatherOp>, from, [lookup(site, [0, 1], strides, place)]);
}

function gather_elements(site: Site<'gather_elements'>): Box[] {
  const { axis } = site.attrs;
  const [x, indices] = site.inputs as [TensorType, TensorType];
  const strides = stridesOf(x.shape);
  const place = { step: strides[axis] as number, limit: x.shape[axis] as number };
  const chosen = lookup(site, [0, 1], stridesOf(indices.shape), place);
  return boxes(site as unknown as Site<GatherOp>, strides.with(axis, 0), [chosen]);
}

function gather_nd(site: Site<'gather_nd'>): Box[] {
  const { batchDims } = site.attrs;
  const [x, indices] = site.inputs as [TensorType, TensorType];
  const xStrides = stridesOf(x.shape);
  const lists = indices.shape.slice(0, -1);
  const depth = indices.shape.at(-1) as number;
  const inner = xStrides.slice(batchDims + depth);
  const strides = [...stridesOf(lists), ...zeros(inner.length)];
  const from = [...xStrides.slice(0, batchDims), ...zeros(lists.length - batchDims), ...inner];
  const lookups = Array.from({ length: depth }, (_, nth) => {
    const axis = batchDims + nth;
    return lookup(site, [nth, depth], strides, { step: xStrides[axis] as number, limit: x.shape[axis] as number });
  });
  return boxes(site as unknown as Site<GatherOp>, from, lookups);
}

export const GATHER_BOXES = { gather, gather_elements, gather_nd } as const;
