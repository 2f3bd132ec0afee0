/**
 * Sparse constants as dense data. TFLite stores them by levels (after the TACO format): one level per dimension, in
 * traversal order, then one per dimension that is cut into blocks. A dense level lists all its indices; a compressed one
 * lists, between `segments[parent]` and `segments[parent + 1]`, the indices that exist. Elements not listed are 0.
 */
import { newData, stridesOf, type TensorData, type TensorType } from '../../../ir/tensor/types.ts';
import { type Place, within } from '../place.ts';
import type { ModelFile } from './model-file.ts';
import type { Table } from './reader.ts';
import { type DimensionRecord, INDEX_VECTORS, type SparsityRecord } from './schema.ts';

interface Level {
  /** Number of indices along this level. */
  readonly extent: number;
  /** What one step along this level moves in the dense tensor. */
  readonly stride: number;
  /** Absent for dense levels. */
  readonly compressed: { readonly segments: readonly number[]; readonly indices: readonly number[] } | undefined;
}

/** Throws ImportError when the description does not fit the shape or the stored values. */
export function densify(
  model: ModelFile,
  sparsity: SparsityRecord,
  type: TensorType,
  values: TensorData,
  place: Place,
): TensorData {
  const levels = levelsOf(model, sparsity, type.shape, place);
  const dense = newData(
    type.dtype,
    type.shape.reduce((count, extent) => count * extent, 1),
  );
  let next = 0;
  const fill = (depth: number, parent: number, offset: number): void => {
    if (depth === levels.length) {
      if (next >= values.length) model.refuse(place, `${values.length} indices, one for each stored value`, 'more');
      dense[offset] = values[next++];
      return;
    }
    const { extent, stride, compressed } = levels[depth];
    if (compressed === undefined) {
      for (let i = 0; i < extent; i++) fill(depth + 1, parent * extent + i, offset + i * stride);
      return;
    }
    const [start, end] = segmentOf(model, compressed, parent, place);
    for (let k = start; k < end; k++) {
      const index = compressed.indices[k];
      if (!(index < extent && index >= 0) || (k > start && index <= compressed.indices[k - 1])) {
        model.refuse(within(place, 'array_indices'), `rising indices below ${extent}`, `${index}`);
      }
      fill(depth + 1, k, offset + index * stride);
    }
  };
  fill(0, 0, 0);
  if (next !== values.length)
    model.refuse(place, `an index for each of ${values.length} stored values`, `${next} indices`);
  return dense;
}

function segmentOf(
  model: ModelFile,
  { segments, indices }: { readonly segments: readonly number[]; readonly indices: readonly number[] },
  parent: number,
  place: Place,
): [number, number] {
  const start = segments[parent];
  const end = segments[parent + 1];
  if (!(start >= 0 && start <= end && end <= indices.length)) {
    model.refuse(
      within(place, 'array_segments'),
      `rising positions among ${indices.length} indices`,
      `${start} to ${end}`,
    );
  }
  return [start, end];
}

function levelsOf(model: ModelFile, sparsity: SparsityRecord, shape: readonly number[], place: Place): Level[] {
  const { traversal_order: order, block_map: blocked, dim_metadata: dimensions } = sparsity;
  const rank = shape.length;
  const count = rank + blocked.length;
  const isOrder = (part: readonly number[], first: number) =>
    new Set(part).size === part.length && part.every((d) => d >= first && d < first + part.length);
  if (order.length !== count || !isOrder(order.slice(0, rank), 0) || !isOrder(order.slice(rank), rank)) {
    model.refuse(
      within(place, 'traversal_order'),
      `the ${rank} dimensions, then ${blocked.length} blocks`,
      `[${order.join(', ')}]`,
    );
  }
  if (dimensions.length !== count)
    model.refuse(within(place, 'dim_metadata'), `${count} entries`, `${dimensions.length}`);
  const blockExtents = blockExtentsOf(model, sparsity, shape, place);
  const strides = stridesOf(shape);
  return order.map((dimension, depth) => {
    const isBlock = dimension >= rank;
    const original = isBlock ? blocked[dimension - rank] : dimension;
    const block = blockExtents.get(original) ?? 1;
    const extent = isBlock ? block : shape[original] / block;
    const stride = strides[original] * (isBlock ? 1 : block);
    return {
      extent,
      stride,
      compressed: compressedOf(model, dimensions[depth], extent, within(place, `dimension ${depth}`)),
    };
  });
}

/** The block size of each dimension that is cut into blocks. */
function blockExtentsOf(
  model: ModelFile,
  { traversal_order: order, block_map: blocked, dim_metadata: dimensions }: SparsityRecord,
  shape: readonly number[],
  place: Place,
): Map<number, number> {
  const extents = new Map<number, number>();
  blocked.forEach((original, block) => {
    const size = dimensions[order.indexOf(shape.length + block)].dense_size;
    if (extents.has(original) || !(size >= 1) || shape[original] === undefined || shape[original] % size !== 0) {
      model.refuse(
        within(place, 'block_map'),
        'each dimension cut once, into blocks that divide it',
        `dimension ${original} by ${size}`,
      );
    }
    extents.set(original, size);
  });
  return extents;
}

function compressedOf(model: ModelFile, dimension: DimensionRecord, extent: number, place: Place): Level['compressed'] {
  if (dimension.format === 'DENSE') {
    if (dimension.dense_size !== extent) model.refuse(place, `dense_size ${extent}`, `${dimension.dense_size}`);
    return undefined;
  }
  const vector = (type: number, position: number | undefined, name: string) => {
    const at = within(place, name);
    const table = INDEX_VECTORS[type];
    if (table === undefined || position === undefined) return model.refuse(at, 'a vector of integers', 'none');
    return model.unionTable(table as Table<{ values: readonly number[] }>, position, at).values;
  };
  return {
    segments: vector(dimension.array_segments_type, dimension.array_segments, 'array_segments'),
    indices: vector(dimension.array_indices_type, dimension.array_indices, 'array_indices'),
  };
}
