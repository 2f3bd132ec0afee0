/**
 * Data movement as data: an op that only moves elements is a list of boxes, and one builder spells boxes as loop nests.
 *
 * A box is a block of indices (i0, i1, ...) within `shape`; each element goes from
 * `from.start + sum of from.strides[a] * i[a]`, plus `step` times an index for every lookup, to
 * `to.start + sum of to.strides[a] * i[a]`. All places count elements. Later boxes overwrite earlier ones.
 */
import { add, affine, type Buffer, clamp, f32, i32, i64, min, mul } from '../../ir/loop/build.ts';
import type { Expr } from '../../ir/loop/types.ts';
import type { OpName } from '../../ir/tensor/ops/index.ts';
import { DTYPE_FACTS, type TensorType, typeText } from '../../ir/tensor/types.ts';
import type { KernelBuilder, Site } from './kernel.ts';

/** A place that moves along with the indices of a box. Strides may be zero or negative. */
export interface Walk {
  readonly start: number;
  readonly strides: readonly number[];
}

/** An index that is read from a list: `step` times entry number `start + sum of strides[a] * i[a]`. */
export interface Lookup extends Walk {
  /** Known indices, or the number of the operand that holds them. */
  readonly indices: readonly number[] | number;
  /** Elements of the source per unit of the index. */
  readonly step: number;
  /** Indices are clamped to [0, limit). */
  readonly limit: number;
}

export interface Box {
  /** An operand, or the stored value that fills the box (its `from` is not used). */
  readonly source: { readonly operand: number } | { readonly fill: number };
  readonly shape: readonly number[];
  readonly from: Walk;
  readonly to: Walk;
  readonly lookups?: readonly Lookup[];
}

/** Why a node's element type cannot be moved by loops over whole elements, or true. */
export function movable(site: Site): true | string {
  const types: readonly TensorType[] = [...site.inputs, ...site.outputs];
  const packed = types.find((type) => DTYPE_FACTS[type.dtype].bits < 8);
  return packed === undefined ? true : `${typeText(packed)} is packed`;
}

/** Spells the boxes one after another. Fills are of the element type of output 0. */
export function buildBoxes<K extends OpName>(k: KernelBuilder<K>, boxes: readonly Box[]): void {
  const inputs = new Map<number, Buffer>();
  const names = k.site.inputs.length === 1 ? ['x'] : k.site.inputs.map((_, i) => `x${i}`);
  const input = (index: number): Buffer => {
    const known = inputs.get(index) ?? k.input(index, names[index] as string);
    inputs.set(index, known);
    return known;
  };
  const simple = boxes.map(simplify);
  for (const { source } of simple) if ('operand' in source) input(source.operand);
  const tables = new Map(simple.flatMap((box) => (box.lookups ?? []).map((l) => [l, lookupTable(k, l, input)])));
  const y = k.output(0, 'y');
  for (const box of simple) buildBox(k, box, { input, tables, y });
}

interface Buffers {
  readonly input: (index: number) => Buffer;
  readonly tables: ReadonlyMap<Lookup, Buffer>;
  readonly y: Buffer;
}

function lookupTable<K extends OpName>(k: KernelBuilder<K>, lookup: Lookup, input: (index: number) => Buffer): Buffer {
  if (typeof lookup.indices === 'number') return input(lookup.indices);
  return indexTable(k, 'at', lookup.indices, lookup.limit);
}

/** A table of indices below `limit`, in the smallest type that holds them. */
export function indexTable<K extends OpName>(
  k: KernelBuilder<K>,
  name: string,
  indices: readonly number[],
  limit: number,
): Buffer {
  return k.rom(name, limit <= 256 ? 'u8' : limit <= 65536 ? 'u16' : 'i32', indices);
}

/** An entry of a table of indices, clamped to [0, limit) as far as its type leaves room for others. */
export function loadIndex(table: Buffer, entry: Expr, limit: number): Expr {
  const { elem } = table.param;
  const index = table.at(entry);
  if (elem !== 'u8' && elem !== 'u16') return clamp(index, 0, limit - 1);
  return limit >= (elem === 'u8' ? 256 : 65536) ? index : min(index, limit - 1);
}

function buildBox<K extends OpName>(k: KernelBuilder<K>, box: Box, { input, tables, y }: Buffers): void {
  const lookups = box.lookups ?? [];
  const found = new Map<Lookup, Expr>();
  const depthOf = (lookup: Lookup) => lookup.strides.findLastIndex((stride) => stride !== 0) + 1;
  const last = box.shape.length - 1;
  const nest = (axis: number, indices: readonly Expr[]): void => {
    for (const lookup of lookups) {
      if (depthOf(lookup) === axis)
        found.set(lookup, k.let('j', entryOf(lookup, tables.get(lookup) as Buffer, indices)));
    }
    if (axis < last) {
      k.for(`i${axis}`, 0, box.shape[axis] as number, (index) => nest(axis + 1, [...indices, index]));
      return;
    }
    const to = k.let('to', placeOf(box.to, indices));
    const from = 'fill' in box.source ? 0 : k.let('from', fromPlace(box, indices, found));
    k.for('i', 0, box.shape[axis] ?? 1, (index) => {
      const inner = lookups.filter((lookup) => depthOf(lookup) === axis + 1);
      const extra = inner.map((l) => [entryOf(l, tables.get(l) as Buffer, [...indices, index]), l.step] as const);
      const place = affine([...extra, [index, box.from.strides[axis] ?? 0]], from);
      const value = 'fill' in box.source ? fillValue(y, box.source.fill) : input(box.source.operand).at(place);
      k.store(y, add(to, mul(index, box.to.strides[axis] ?? 0)), value);
    });
  };
  nest(0, []);
}

function placeOf(walk: Walk, indices: readonly Expr[]): Expr {
  return affine(
    indices.map((index, axis) => [index, walk.strides[axis] as number]),
    walk.start,
  );
}

function fromPlace(box: Box, indices: readonly Expr[], found: ReadonlyMap<Lookup, Expr>): Expr {
  return affine(
    [...found].map(([lookup, index]) => [index, lookup.step]),
    placeOf(box.from, indices),
  );
}

function entryOf(lookup: Lookup, table: Buffer, indices: readonly Expr[]): Expr {
  return loadIndex(table, placeOf(lookup, indices), lookup.limit);
}

function fillValue(y: Buffer, value: number): Expr {
  const { elem } = y.param;
  if (elem === 'i64') return i64(value);
  return elem === 'f32' ? f32(value) : i32(value);
}

/** Fewer loops for the same movement: regular lookups become strides, axes that run on from one another become one. */
export function simplify(box: Box): Box {
  return mergeAxes(dropAxes(withoutRegular(mergeAxes(dropAxes(box)))));
}

function withoutRegular(box: Box): Box {
  for (const lookup of box.lookups ?? []) {
    const next = regular(box, lookup);
    if (next !== box) return withoutRegular(next);
  }
  return box;
}

/**
 * Replaces a lookup along one axis that is `first + slope * floor(i / repeat)` by strides; an axis of repeats becomes
 * two. Other lookups stay.
 */
function regular(box: Box, lookup: Lookup): Box {
  const { indices, step } = lookup;
  const axes = lookup.strides.flatMap((stride, axis) => (stride === 0 ? [] : [axis]));
  const [axis] = axes;
  if (typeof indices === 'number' || axis === undefined || axes.length > 1) return box;
  const extent = box.shape[axis] as number;
  const entry = (i: number) => indices[lookup.start + i * (lookup.strides[axis] as number)] as number;
  const first = entry(0);
  const run = Array.from({ length: extent }, (_, i) => i).findIndex((i) => entry(i) !== first);
  const repeat = run < 0 ? extent : run;
  const slope = run < 0 ? 0 : entry(run) - first;
  const fits = Array.from({ length: extent }, (_, i) => entry(i) === first + slope * Math.floor(i / repeat));
  if (extent % repeat !== 0 || !fits.every(Boolean)) return box;
  const split = <W extends Walk>(walk: W, outer: number, start = 0): W => {
    const stride = walk.strides[axis] as number;
    const strides = walk.strides.toSpliced(axis, 1, stride * repeat + outer, stride);
    return { ...walk, start: walk.start + start, strides };
  };
  return {
    ...box,
    shape: box.shape.toSpliced(axis, 1, extent / repeat, repeat),
    from: split(box.from, slope * step, first * step),
    to: split(box.to, 0),
    lookups: (box.lookups ?? []).filter((other) => other !== lookup).map((other) => split(other, 0)),
  };
}

function dropAxes(box: Box): Box {
  const kept = <T>(list: readonly T[]) => list.filter((_, axis) => box.shape[axis] !== 1);
  const drop = <W extends Walk>(walk: W): W => ({ ...walk, strides: kept(walk.strides) });
  const lookups = (box.lookups ?? []).map(drop);
  return { ...box, shape: kept(box.shape), from: drop(box.from), to: drop(box.to), lookups };
}

/** Joins an axis to the one outside it wherever every walk steps over it as if the two were one. */
function mergeAxes(box: Box): Box {
  let merged = box;
  for (let axis = box.shape.length - 2; axis >= 0; axis--) {
    const extent = merged.shape[axis + 1] as number;
    const walks: readonly Walk[] = [
      ...('fill' in merged.source ? [] : [merged.from]),
      merged.to,
      ...(merged.lookups ?? []),
    ];
    const joins = walks.every(({ strides }) => strides[axis] === (strides[axis + 1] as number) * extent);
    if (!joins) continue;
    const join = <W extends Walk>(walk: W): W => ({ ...walk, strides: walk.strides.toSpliced(axis, 1) });
    merged = {
      ...merged,
      shape: merged.shape.toSpliced(axis, 2, (merged.shape[axis] as number) * extent),
      from: join(merged.from),
      to: join(merged.to),
      lookups: (merged.lookups ?? []).map(join),
    };
  }
  return merged;
}
