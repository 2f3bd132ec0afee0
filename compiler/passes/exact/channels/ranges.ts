/**
 * The stored integers that each channel (place along the last axis) of each value can take, whatever the inputs are. A
 * channel whose range is one integer is a constant. Ranges are sound, not tight.
 */
import {
  type Graph,
  inputTypes,
  type Node,
  outputTypes,
  typeOfValue,
  type ValueName,
} from '../../../../ir/tensor/graph.ts';
import { opRecord } from '../../../../ir/tensor/ops/index.ts';
import { storedZero } from '../../../../ir/tensor/ops/places.ts';
import { type PoolAttrs, poolRange } from '../../../../ir/tensor/ops/pool.ts';
import { type DType, integerRange, newData, type TensorData, type TensorType } from '../../../../ir/tensor/types.ts';
import type { Facts } from '../../pass.ts';
import { isUnaryByte, unaryTable } from '../unary-table.ts';
import { channelCount, fullRange, hull, type Ranges, uniform } from './interval.ts';
import { productRanges } from './product-ranges.ts';

/** Types whose ranges are followed. */
const FOLLOWED: ReadonlySet<DType> = new Set(['i8', 'u8', 'i16']);
/** Wider last axes are rows of data rather than channels. */
const MAX_CHANNELS = 2 ** 16;

/** Answers for one graph that patches change; what a patch leaves standing keeps its ranges, since patches are exact. */
export class RangeAnalysis {
  private readonly ofNode = new WeakMap<Node, Ranges | undefined>();
  private readonly ofData = new WeakMap<TensorData, Ranges>();
  private readonly facts: Facts;

  constructor(graph: Graph, facts: Facts) {
    this.facts = facts;
    // In order, so that no answer needs more than the answers before it.
    for (const node of graph.nodes) this.rangesOfNode(graph, node);
  }

  /** Undefined where nothing is known beyond the type. */
  of(graph: Graph, value: ValueName): Ranges | undefined {
    const type = typeOfValue(graph, value);
    if (!FOLLOWED.has(type.dtype) || channelCount(type) > MAX_CHANNELS) return undefined;
    const constant = graph.constants.get(value);
    if (constant !== undefined) return this.rangesOfData(type, constant.data);
    const node = this.facts.producers.get(value);
    return node === undefined ? undefined : this.rangesOfNode(graph, node);
  }

  private rangesOfData(type: TensorType, data: TensorData): Ranges {
    const known = this.ofData.get(data);
    const channels = channelCount(type);
    if (known !== undefined && known.low.length === channels) return known;
    const [least, most] = integerRange(type.dtype);
    const ranges = uniform(channels, most, least);
    data.forEach((value: number | bigint, i: number) => {
      const c = i % channels;
      ranges.low[c] = Math.min(ranges.low[c], Number(value));
      ranges.high[c] = Math.max(ranges.high[c], Number(value));
    });
    this.ofData.set(data, ranges);
    return ranges;
  }

  /** Producers first, however long the chain of those that a patch made anew. */
  private rangesOfNode(graph: Graph, node: Node): Ranges | undefined {
    const waiting = [node];
    for (let next = waiting.at(-1); next !== undefined; next = waiting.at(-1)) {
      const missing = next.inputs
        .map((value) => this.facts.producers.get(value))
        .filter((producer) => producer !== undefined && !this.ofNode.has(producer));
      if (missing.length > 0 && !this.ofNode.has(next)) {
        waiting.push(...(missing as Node[]));
        continue;
      }
      waiting.pop();
      if (!this.ofNode.has(next)) this.ofNode.set(next, this.derive(graph, next));
    }
    return this.ofNode.get(node);
  }

  private derive(graph: Graph, node: Node): Ranges | undefined {
    const [y, ...others] = outputTypes(graph, node);
    if (others.length > 0 || !FOLLOWED.has(y.dtype) || channelCount(y) > MAX_CHANNELS) return undefined;
    const ranges = (value: ValueName) => this.of(graph, value);
    switch (node.op) {
      case 'conv2d':
      case 'depthwise_conv2d':
      case 'fully_connected':
        return productRanges(graph, node, ranges);
      case 'max_pool2d':
      case 'average_pool2d':
        return pooled(ranges(node.inputs[0]), y, node.attrs);
      case 'concat':
        return concatenated(graph, node.inputs, ranges, y, node.attrs.axis);
      case 'pad':
        return padded(ranges(node.inputs[0]), graph, node, ranges);
    }
    const { traits } = opRecord(node.op);
    if (traits.movement === true) return moved(ranges(node.inputs[0]), node, y);
    if (traits.elementwise !== true || node.inputs.length > 2) return undefined;
    return node.inputs.length === 1 ? mapped(graph, node, ranges) : combined(graph, node, ranges);
  }
}

type RangesOf = (value: ValueName) => Ranges | undefined;

/** Averages and maxima lie between the lowest and the highest element; sums of so few elements never wrap. */
function pooled(x: Ranges | undefined, y: TensorType, attrs: PoolAttrs): Ranges | undefined {
  const [low, high] = poolRange(y, attrs);
  if (attrs.window[0] * attrs.window[1] > 2 ** 14) return undefined;
  const clamp = (value: number) => Math.min(Math.max(value, low), high);
  const { low: lows, high: highs } = x ?? fullRange(y);
  return { low: lows.map(clamp), high: highs.map(clamp) };
}

function concatenated(
  graph: Graph,
  inputs: readonly ValueName[],
  rangesOf: RangesOf,
  y: TensorType,
  axis: number,
): Ranges {
  const parts = inputs.map((name) => rangesOf(name) ?? fullRange(typeOfValue(graph, name)));
  if (axis === y.shape.length - 1) {
    return {
      low: Int32Array.from(parts.flatMap(({ low }) => [...low])),
      high: Int32Array.from(parts.flatMap(({ high }) => [...high])),
    };
  }
  return parts.reduce((all, part) => ({
    low: all.low.map((value, c) => Math.min(value, part.low[c])),
    high: all.high.map((value, c) => Math.max(value, part.high[c])),
  }));
}

function padded(x: Ranges | undefined, graph: Graph, node: Node<'pad'>, rangesOf: RangesOf): Ranges | undefined {
  const type = typeOfValue(graph, node.inputs[0]);
  if (x === undefined || node.attrs.before.at(-1) !== 0 || node.attrs.after.at(-1) !== 0) return undefined;
  const zero = Number(storedZero(type));
  const filling = node.inputs.length === 1 ? { low: [zero], high: [zero] } : rangesOf(node.inputs[1]);
  if (filling === undefined) return undefined;
  return {
    low: x.low.map((value) => Math.min(value, filling.low[0])),
    high: x.high.map((value) => Math.max(value, filling.high[0])),
  };
}

/** Moved elements stay within the range of all; within that of their channel where a reshape appends whole rows of channels. */
function moved(x: Ranges | undefined, node: Node, y: TensorType): Ranges | undefined {
  if (x === undefined) return undefined;
  const count = channelCount(y);
  const channels = x.low.length;
  if (node.op !== 'reshape' || count % channels !== 0) return hull(x, count);
  const repeated = (values: Int32Array) => Int32Array.from({ length: count }, (_, c) => values[c % channels]);
  return { low: repeated(x.low), high: repeated(x.high) };
}

/** A table of an 8-bit op over all stored values, then the extremes over each channel's. */
function mapped(graph: Graph, node: Node, rangesOf: RangesOf): Ranges | undefined {
  const [x] = inputTypes(graph, node);
  const [y] = outputTypes(graph, node);
  if (!isUnaryByte(node, x, y)) return undefined;
  const table = unaryTable(node, x, y);
  const { low, high } = rangesOf(node.inputs[0]) ?? fullRange(x);
  const [first] = integerRange(x.dtype);
  const seen = new Map<number, readonly [number, number]>();
  const extremes = (c: number) => {
    const key = low[c] * 1024 + high[c];
    const part = table.slice(low[c] - first, high[c] - first + 1) as Int8Array;
    const found = seen.get(key) ?? ([Math.min(...part), Math.max(...part)] as const);
    seen.set(key, found);
    return found;
  };
  const pairs = Array.from(low, (_, c) => extremes(c));
  return { low: Int32Array.from(pairs, (pair) => pair[0]), high: Int32Array.from(pairs, (pair) => pair[1]) };
}

/** Exact where both operands are constants, else what the activation leaves of the type. */
function combined(graph: Graph, node: Node, rangesOf: RangesOf): Ranges | undefined {
  const types = inputTypes(graph, node);
  const [y] = outputTypes(graph, node);
  const operands = node.inputs.map(rangesOf);
  if (operands.some((ranges) => ranges === undefined)) return undefined;
  const [a, b] = operands as [Ranges, Ranges];
  if (types.some(({ quant }) => 'axis' in quant && quant.axis !== undefined)) return undefined;
  const count = channelCount(y);
  const at = (values: Int32Array, c: number) => values[values.length === 1 ? 0 : c];
  const isConstant = (c: number) => at(a.low, c) === at(a.high, c) && at(b.low, c) === at(b.high, c);
  const ranges = fullRange(y);
  if (!Array.from(ranges.low, (_, c) => isConstant(c)).includes(true)) return undefined;
  const [results] = opRecord(node.op).evaluate({
    inputs: [a, b].map(({ low }, i) => {
      const data = (newData(types[i].dtype, count) as Int8Array).map((_, c) => at(low, c));
      return { type: { ...types[i], shape: [count] }, data };
    }),
    outputs: [{ ...y, shape: [count] }],
    attrs: node.attrs,
  });
  ranges.low.forEach((_, c) => {
    if (isConstant(c)) ranges.low[c] = ranges.high[c] = Number(results[c]);
  });
  return ranges;
}
