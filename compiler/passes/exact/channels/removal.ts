/** Which channels of a group the graph can do without, and how each sink makes up for them. */
import { type Graph, inputTypes, outputTypes, typeOfValue, type ValueName } from '../../../../ir/tensor/graph.ts';
import { inputZeroPoint, weightZeroPoints } from '../../../../ir/tensor/ops/conv.ts';
import { integerRange, type TensorType } from '../../../../ir/tensor/types.ts';
import type { ChannelGroup, Weighted } from './groups.ts';
import { channelCount } from './interval.ts';
import { hasOutsideTaps } from './product-ranges.ts';
import type { RangeAnalysis } from './ranges.ts';
import { channelSignatures } from './signatures.ts';

/** What is left out, and what is said about it. */
export interface Removal {
  /** Channels that go. */
  readonly removed: ReadonlySet<number>;
  /** Of those, the ones whose weights are added to an equal channel's. */
  readonly twins: ReadonlyMap<number, number>;
  readonly why: string;
}

/** Weights of a sink as [row][tap][column]; columns repeat over the operand's channels. */
export interface WeightLayout {
  readonly rows: number;
  readonly taps: number;
  readonly columns: number;
  /** Channels of the operand. */
  readonly channels: number;
  readonly weights: ArrayLike<number>;
  readonly zeros: readonly number[];
}

export function weightLayout(graph: Graph, node: Weighted): WeightLayout {
  const [x, w] = inputTypes(graph, node);
  const columns = channelCount(w);
  return {
    rows: w.shape[0],
    taps: node.op === 'conv2d' ? w.shape[1] * w.shape[2] : 1,
    columns,
    channels: channelCount(x),
    weights: graph.constants.get(node.inputs[1])?.data as Int8Array,
    zeros: weightZeroPoints(w),
  };
}

export function zeroOfRow({ zeros }: WeightLayout, row: number): number {
  return zeros.length === 1 ? zeros[0] : zeros[row];
}

/** For each channel of the operand, whether some weight on it counts. */
function channelsRead(layout: WeightLayout): Uint8Array {
  const { rows, taps, columns, channels, weights } = layout;
  const read = new Uint8Array(channels);
  let at = 0;
  for (let row = 0; row < rows; row++) {
    const zero = zeroOfRow(layout, row);
    for (let tap = 0; tap < taps; tap++) {
      for (let column = 0; column < columns; column++, at++) if (weights[at] !== zero) read[column % channels] = 1;
    }
  }
  return read;
}

/** The values that the sink's bias may take over, by channel of its operand: those that add the same at every pixel. */
export function foldable(graph: Graph, ranges: RangeAnalysis, node: Weighted): ReadonlyMap<number, number> {
  const [x, w, bias] = inputTypes(graph, node);
  const [y] = outputTypes(graph, node);
  const known = ranges.of(graph, node.inputs[0]);
  const found = new Map<number, number>();
  if (known === undefined) return found;
  const zero = inputZeroPoint(x);
  const hasBorders = node.op === 'conv2d' && hasOutsideTaps(node, x, w, y);
  // A bias of 32 bits may not hold what an accumulator of 64 does.
  const isNarrow = node.attrs.accumulator === 'i64' && bias?.dtype === 'i32';
  known.low.forEach((value, c) => {
    if (value !== known.high[c]) return;
    if (value === zero || !(hasBorders || isNarrow)) found.set(c, value);
  });
  return found;
}

/** Channels of which nothing needs to be computed, or the reason why there are none. */
export function idleChannels(graph: Graph, group: ChannelGroup, ranges: RangeAnalysis): Removal | string {
  const free = freeChannels(group);
  if (free.size === 0) return fixedReason(group);
  const constant = new Set<number>();
  for (const sink of group.sinks) {
    const ids = group.values.get(sink.inputs[0]) as Int32Array;
    const read = channelsRead(weightLayout(graph, sink));
    const values = foldable(graph, ranges, sink);
    ids.forEach((id, c) => {
      if (read[c] === 0) return;
      if (values.has(c)) constant.add(id);
      else free.delete(id);
    });
  }
  keepOneOfEach(group, free);
  if (free.size === 0) return 'every channel is read and varies';
  const values = [...free].filter((id) => constant.has(id)).length;
  const texts = [
    ...(values > 0 ? [`${values} of one value whatever the input, which the next bias takes over`] : []),
    ...(free.size > values ? [`${free.size - values} that nothing reads but with weights of zero`] : []),
  ];
  return { removed: free, twins: new Map(), why: `of ${channelTotal(group)} channels: ${texts.join(', ')}` };
}

/** Channels that equal another, where the sum of both their weights fits wherever they are read. */
export function twinChannels(graph: Graph, group: ChannelGroup): Removal | string {
  const free = freeChannels(group);
  if (free.size === 0) return fixedReason(group);
  const first = new Map<string, number>();
  const sums = new WeightSums(graph, group);
  const twins = new Map<number, number>();
  let tooLarge = 0;
  for (const [id, signature] of channelSignatures(graph, group, free)) {
    const twin = first.get(signature);
    if (twin === undefined) first.set(signature, id);
    else if (sums.add(id, twin)) twins.set(id, twin);
    else tooLarge++;
  }
  if (twins.size > 0) {
    const why = `of ${channelTotal(group)} channels: ${twins.size} equal to another, which takes over their weights`;
    return { removed: new Set(twins.keys()), twins, why };
  }
  return tooLarge === 0
    ? 'no two channels are equal'
    : `${tooLarge} channels equal another, but the sum of weights is too large`;
}

function freeChannels(group: ChannelGroup): Set<number> {
  const ids = new Set<number>();
  for (const source of group.sources) for (const id of group.values.get(source.outputs[0]) as Int32Array) ids.add(id);
  return new Set([...ids].filter((id) => !group.fixed.has(id)));
}

function fixedReason({ fixed }: ChannelGroup): string {
  return [...fixed.values()][0] ?? 'it has no channels';
}

function channelTotal({ values }: ChannelGroup): number {
  return new Set([...values.values()].flatMap((ids) => [...ids])).size;
}

/** No value may lose its last channel: a tensor has no extent of 0. */
function keepOneOfEach({ values }: ChannelGroup, removed: Set<number>): void {
  for (const ids of values.values()) if (ids.every((id) => removed.has(id))) removed.delete(ids[0]);
}

/** Running sums of the weights of merged channels. */
class WeightSums {
  private readonly sinks: readonly { layout: WeightLayout; type: TensorType; places: ReadonlyMap<number, number[]> }[];
  private readonly sums: readonly Int32Array[];

  constructor(graph: Graph, group: ChannelGroup) {
    this.sinks = [...group.sinks].map((node) => ({
      layout: weightLayout(graph, node),
      type: typeOfValue(graph, node.inputs[1]),
      places: placesOf(group, node.inputs[0]),
    }));
    this.sums = this.sinks.map(({ layout }) => Int32Array.from(layout.weights));
  }

  /** Adds one channel's weights to its twin's, unless a sum does not fit the weights' type. */
  add(id: number, twin: number): boolean {
    const changes = this.sinks.map((_, s) => this.changes(s, id, twin));
    if (changes.includes(undefined)) return false;
    changes.forEach((change, s) => {
      for (const [at, value] of change as [number, number][]) this.sums[s][at] = value;
    });
    return true;
  }

  private changes(s: number, id: number, twin: number): [number, number][] | undefined {
    const { layout, type, places } = this.sinks[s];
    // The lowest 8-bit weight stays out of use, as TensorFlow Lite promises to kernels.
    const [lowest, high] = integerRange(type.dtype);
    const low = lowest < 0 ? -high : lowest;
    const mine = places.get(id) ?? [];
    const other = places.get(twin) ?? [];
    const changes: [number, number][] = [];
    for (let row = 0; row < layout.rows; row++) {
      for (let start = 0; start < layout.taps * layout.columns; start += layout.channels) {
        for (let i = 0; i < mine.length; i++) {
          const base = row * layout.taps * layout.columns + start;
          const sum = this.sums[s][base + mine[i]] + this.sums[s][base + other[i]] - zeroOfRow(layout, row);
          if (sum < low || sum > high) return undefined;
          changes.push([base + other[i], sum]);
        }
      }
    }
    return changes;
  }
}

/** The places of each channel along a value's last axis, in order. */
export function placesOf(group: ChannelGroup, value: ValueName): ReadonlyMap<number, number[]> {
  const places = new Map<number, number[]>();
  group.values.get(value)?.forEach((id, c) => {
    const list = places.get(id);
    if (list === undefined) places.set(id, [c]);
    else list.push(c);
  });
  return places;
}
