/** Elements chosen by index, and written by index. */
import { elementCount, newData, typeText } from '../../../../ir/tensor/types.ts';

import type { Converter, Converters, NodeContext } from '../node.ts';
import type { Value } from '../values.ts';
import { widened } from './arithmetic.ts';

/** Indices counted from the front, as i32; those below 0 count from the end. */
export function fromFront(node: NodeContext, indices: Value, extent: number): Value {
  const { ops } = node;
  const wide = widened(node, indices);
  if (wide.data !== undefined && !(wide.data as Int32Array).some((index) => index < 0)) return wide;
  return ops.select(ops.compare('less', wide, ops.i32(0)), ops.add(wide, ops.i32(extent)), wide);
}

const gather: Converter = (node) => {
  const x = node.input(0);
  const axis = node.axis(node.attributes.int('axis', 0), x.type.shape.length);
  return node.ops.gather(x, fromFront(node, node.input(1), x.type.shape[axis]), axis);
};

const gatherElements: Converter = (node) => {
  const x = node.input(0);
  const axis = node.axis(node.attributes.int('axis', 0), x.type.shape.length);
  const indices = fromFront(node, node.input(1), x.type.shape[axis]);
  return { ...node.ops.one('gather_elements', [x, indices], { axis }, x.type.dtype), element: x.element };
};

/** Index tuples counted from the front: each position of the tuple has its own extent. */
function tuples(node: NodeContext, indices: Value, extents: readonly number[]): Value {
  const { ops } = node;
  const wide = widened(node, indices);
  const limits = ops.i32s(extents);
  return ops.select(ops.compare('less', wide, ops.i32(0)), ops.add(wide, limits), wide);
}

const gatherNd: Converter = (node) => {
  const [x, indices] = [node.input(0), node.input(1)];
  const batchDims = node.attributes.int('batch_dims', 0);
  const width = indices.type.shape.at(-1) ?? 0;
  const places = tuples(node, indices, x.type.shape.slice(batchDims, batchDims + width));
  return { ...node.ops.one('gather_nd', [x, places], { batchDims }, x.type.dtype), element: x.element };
};

const REDUCTIONS = ['none', 'add', 'mul', 'max', 'min'] as const;

const scatterElements: Converter = (node) => {
  const [x, indices, updates] = [node.input(0), node.input(1), node.input(2)];
  const axis = node.axis(node.attributes.int('axis', 0), x.type.shape.length);
  const reduction = node.attributes.choice('reduction', REDUCTIONS, 'none');
  const places = fromFront(node, indices, x.type.shape[axis]);
  return { ...node.ops.one('scatter_elements', [x, places, updates], { axis, reduction }), element: x.element };
};

const scatterNd: Converter = (node) => {
  const [x, indices, updates] = [node.input(0), node.input(1), node.input(2)];
  const reduction = node.attributes.choice('reduction', REDUCTIONS, 'none');
  const width = indices.type.shape.at(-1) ?? 0;
  const places = tuples(node, indices, x.type.shape.slice(0, width));
  return { ...node.ops.one('scatter_nd', [x, places, updates], { reduction }), element: x.element };
};

const oneHot: Converter = (node) => {
  const { ops } = node;
  const depth = node.number(1, 'the depth');
  const values = node.input(2);
  const indices = ops.cast(widened(node, node.input(0)), 'i32');
  const rank = indices.type.shape.length;
  const axis = node.axis(node.attributes.int('axis', -1), rank + 1);
  const places = fromFront(node, indices, depth);
  const spread = ops.reshape(places, indices.type.shape.toSpliced(axis, 0, 1));
  const classes = ops.i32s(
    Array.from({ length: depth }, (_, i) => i),
    Array.from({ length: rank + 1 }, (_, i) => (i === axis ? depth : 1)),
  );
  const [off, on] = [0, 1].map((i) => ops.reshape(ops.part(values, 0, i, 1), []));
  return ops.select(ops.compare('equal', spread, classes), on, off);
};

const topK: Converter = (node) => {
  const x = node.input(0);
  const axis = node.axis(node.attributes.int('axis', -1), x.type.shape.length);
  const k = node.attributes.has('k') ? node.attributes.int('k', 1) : node.number(1, 'k');
  const largest = node.attributes.flag('largest', true);
  // Unsorted means any order, which sorted is.
  node.attributes.ignore('sorted');
  const [values, indices] = node.ops.emit('top_k', [x], { axis, k, largest }, [x.type.dtype, 'i32']);
  return [
    { ...values, element: x.element },
    { ...indices, element: 'int64' },
  ];
};

function extremePlace(op: 'arg_max' | 'arg_min'): Converter {
  return (node) => {
    const x = node.input(0);
    const { ops } = node;
    const axis = node.axis(node.attributes.int('axis', 0), x.type.shape.length);
    const selectLast = node.attributes.flag('select_last_index', false);
    const places = ops.one(op, [x], { axis, selectLast }, 'i32');
    const kept = node.attributes.flag('keepdims', true) ? ops.reshape(places, x.type.shape.with(axis, 1)) : places;
    return { ...kept, element: 'int64' };
  };
}

function running(op: 'cumsum' | 'cumprod'): Converter {
  return (node) => {
    const x = node.input(0);
    const axis = node.axis(node.number(1, 'the axis'), x.type.shape.length);
    const exclusive = node.attributes.flag('exclusive', false);
    return node.ops.one(op, [x], { axis, exclusive, reverse: node.attributes.flag('reverse', false) });
  };
}

/** The chosen places of an axis, or of all elements in a row; the choice must be known. */
const compress: Converter = (node) => {
  const { ops } = node;
  const chosen = node.numbers(1, 'the condition').flatMap((yes, place) => (yes === 0 ? [] : [place]));
  const flat = !node.attributes.has('axis');
  const x = flat ? ops.reshape(node.input(0), [elementCount(node.input(0).type.shape)]) : node.input(0);
  const axis = flat ? 0 : node.axis(node.attributes.int('axis', 0), x.type.shape.length);
  if (chosen.length === 0) return node.ops.constant(x.element, x.type.shape.with(axis, 0), newData(x.type.dtype, 0));
  return ops.gather(x, ops.i32s(chosen), axis);
};

/** Where elements are not 0; the number of places depends on them, so they must be known. */
const nonZero: Converter = (node) => {
  const x = node.input(0);
  const values = node.numbers(0, 'what is looked through');
  const { shape } = x.type;
  const places = values.flatMap((value, i) => (value === 0 ? [] : [i]));
  const rows = shape.map((extent, axis) => {
    const inner = elementCount(shape.slice(axis + 1));
    return places.map((place) => Math.floor(place / inner) % extent);
  });
  return node.ops.i32s(rows.flat(), [shape.length, places.length], 'int64');
};

/** Rows of a cache replaced: batch b's from `write_indices[b]` on, modulo the length in circular mode. */
const tensorScatter: Converter = (node) => {
  const { ops } = node;
  const [cache, update] = [node.input(0), node.input(1)];
  const { shape } = cache.type;
  const axis = node.axis(node.attributes.int('axis', -2), shape.length);
  const circular = node.attributes.choice('mode', ['linear', 'circular'], 'linear') === 'circular';
  const batch = shape[0];
  const stated = node.optional(2);
  const first = stated === undefined ? ops.i32(0, [batch]) : widened(node, stated);
  const length = update.type.shape[axis];
  const steps = ops.i32s(
    Array.from({ length }, (_, i) => i),
    shape.map((_, i) => (i === axis ? length : 1)),
  );
  const starts = ops.reshape(
    first,
    shape.map((_, i) => (i === 0 ? batch : 1)),
  );
  const summed = ops.add(starts, steps);
  const places = circular ? ops.one('floor_mod', [summed, ops.i32(shape[axis])], {}) : summed;
  const indices = ops.broadcast(places, update.type.shape);
  return ops.one('scatter_elements', [cache, indices, update], { axis, reduction: 'none' });
};

/** Matrices' determinants by cofactors along the first row. */
const det: Converter = (node) => {
  const x = node.input(0);
  const [rows, columns] = x.type.shape.slice(-2);
  if (rows !== columns || rows === undefined || rows > 5) {
    return node.refuse('square matrices of at most 5 rows', typeText(x.type));
  }
  return node.ops.reshape(determinant(node, x), x.type.shape.slice(0, -2));
};

/** [.., n, n] to [.., 1, 1] */
function determinant(node: NodeContext, x: Value): Value {
  const { ops } = node;
  const rank = x.type.shape.length;
  const n = x.type.shape[rank - 1];
  if (n === 1) return x;
  const below = ops.part(x, rank - 2, 1, n - 1);
  const terms = Array.from({ length: n }, (_, column) => {
    const others = Array.from({ length: n }, (_unused, i) => i).filter((i) => i !== column);
    const minor = determinant(node, ops.gather(below, ops.i32s(others), rank - 1));
    const entry = ops.part(ops.part(x, rank - 2, 0, 1), rank - 1, column, 1);
    return ops.mul(entry, minor);
  });
  return terms.slice(1).reduce((sum, term, i) => (i % 2 === 0 ? ops.sub(sum, term) : ops.add(sum, term)), terms[0]);
}

export const INDEX: Converters = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherNd,
  Scatter: scatterElements,
  ScatterElements: scatterElements,
  ScatterND: scatterNd,
  TensorScatter: tensorScatter,
  OneHot: oneHot,
  TopK: topK,
  ArgMax: extremePlace('arg_max'),
  ArgMin: extremePlace('arg_min'),
  CumSum: running('cumsum'),
  CumProd: running('cumprod'),
  Compress: compress,
  NonZero: nonZero,
  Det: det,
};
