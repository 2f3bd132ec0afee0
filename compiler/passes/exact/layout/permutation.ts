/** Layouts as permutations: axis a of the value in the layout is axis layout[a] of the value as it was, as in `transpose`. */
import { opRecord } from '../../../../ir/tensor/ops/index.ts';
import type { TensorData, TensorType } from '../../../../ir/tensor/types.ts';

export type Layout = readonly number[];

export function identity(rank: number): Layout {
  return Array.from({ length: rank }, (_, axis) => axis);
}

export function isIdentity(layout: Layout): boolean {
  return layout.every((axis, at) => axis === at);
}

/** The layout of what has layout `inner` of something in layout `outer`: transpose(transpose(x, outer), inner). */
export function compose(outer: Layout, inner: Layout): Layout {
  return inner.map((axis) => outer[axis]);
}

export function inverse(layout: Layout): Layout {
  const result = new Array<number>(layout.length);
  layout.forEach((axis, at) => {
    result[axis] = at;
  });
  return result;
}

/** The transpose that leads from layout `from` to layout `to` of one value. */
export function between(from: Layout, to: Layout): Layout {
  return compose(inverse(from), to);
}

/** The same layout with the axes of extent 1 in increasing order: equal for two layouts that give equal tensors. */
export function canonical(layout: Layout, shape: readonly number[]): Layout {
  const units = layout.filter((axis) => shape[axis] === 1).sort((a, b) => a - b);
  let next = 0;
  return layout.map((axis) => (shape[axis] === 1 ? units[next++] : axis));
}

/** The axes whose order says in which order elements lie. */
export function elementOrder(layout: Layout, shape: readonly number[]): Layout {
  return layout.filter((axis) => shape[axis] !== 1);
}

/** Whether elements keep their places in memory: only axes of extent 1 move. */
export function keepsPlaces(layout: Layout, shape: readonly number[]): boolean {
  return elementOrder(layout, shape).every((axis, at, order) => at === 0 || axis > order[at - 1]);
}

/** The layout of what is left when axes of the value are dropped. */
export function without(layout: Layout, dropped: readonly number[]): Layout {
  return layout
    .filter((axis) => !dropped.includes(axis))
    .map((axis) => axis - dropped.filter((other) => other < axis).length);
}

/** A list with one entry per axis, in the layout. */
export function permuted<T>(list: readonly T[], layout: Layout): T[] {
  return layout.map((axis) => list[axis]);
}

export function permutedType(type: TensorType, layout: Layout): TensorType {
  const { quant } = type;
  const shape = permuted(type.shape, layout);
  if (!('axis' in quant) || quant.axis === undefined) return { ...type, shape };
  return { ...type, shape, quant: { ...quant, axis: layout.indexOf(quant.axis) } };
}

export function permutedData(type: TensorType, data: TensorData, layout: Layout): TensorData {
  const outputs = [permutedType(type, layout)];
  const attrs = { permutation: [...layout] };
  return opRecord('transpose').evaluate({ inputs: [{ type, data }], outputs, attrs })[0];
}
