/**
 * Ranges of what convolutions and matrix products give. Every weight sends the range of its input channel to a range of
 * products; their sums over the taps inside the image, one for each kind of border, are requantized exactly.
 */
import { type Graph, inputTypes, type Node, outputTypes, type ValueName } from '../../../../ir/tensor/graph.ts';
import { convStage, inputZeroPoint, weightZeroPoints } from '../../../../ir/tensor/ops/conv.ts';
import { fullyConnectedStage } from '../../../../ir/tensor/ops/matmul.ts';
import { biasValues, finish, type OutputStage } from '../../../../ir/tensor/ops/shared.ts';
import type { TensorData, TensorType } from '../../../../ir/tensor/types.ts';
import { channelCount, fullRange, type Ranges, uniform } from './interval.ts';

export type Product = Node<'conv2d' | 'depthwise_conv2d' | 'fully_connected'>;

/** Tap sums that are worth to be computed for each output channel. */
const MAX_BORDER_WORK = 4096;
/** Rows and columns that are looked at for their borders. */
const MAX_OUTPUT_EXTENT = 4096;

/** Undefined when weights or bias are not constants. */
export function productRanges(
  graph: Graph,
  node: Product,
  rangesOf: (value: ValueName) => Ranges | undefined,
): Ranges | undefined {
  const [x, w] = inputTypes(graph, node);
  const [y] = outputTypes(graph, node);
  const weights = graph.constants.get(node.inputs[1])?.data;
  const bias = node.inputs.length < 3 ? undefined : graph.constants.get(node.inputs[2])?.data;
  if (weights === undefined || (node.inputs.length > 2 && bias === undefined)) return undefined;
  const stage =
    node.op === 'fully_connected' ? fullyConnectedStage(x, w, y, node.attrs) : convStage(x, w, y, node.attrs);
  const channels = channelCount(y);
  const biases = bias === undefined ? new Int32Array(channels) : biasNumbers(bias);
  const input = rangesOf(node.inputs[0]) ?? fullRange(x);
  const products = new TapProducts(node, x, w, weights, input);
  const borders = node.op === 'fully_connected' ? [[0]] : borderTaps(node, x, w, y);
  const result = uniform(channels, stage.low, stage.high);
  for (let oc = 0; oc < channels; oc++) {
    products.sum(oc);
    const [low, high] = accumulatorRange(products, borders, biases[oc]);
    if (low !== high && !isMonotone(low, high, stage, oc)) continue;
    result.low[oc] = finish(low, oc, stage, node.attrs.accumulator);
    result.high[oc] = finish(high, oc, stage, node.attrs.accumulator);
  }
  return result;
}

function biasNumbers(data: TensorData): ArrayLike<number> {
  return biasValues({ type: { dtype: 'i32', shape: [data.length], quant: { kind: 'none' } }, data }, data.length);
}

/** Within these bounds no step of the requantization wraps, so it never decreases. */
function isMonotone(low: number, high: number, { multipliers }: OutputStage, channel: number): boolean {
  const { shift } = multipliers.length === 1 ? multipliers[0] : multipliers[channel];
  return Math.max(Math.abs(low), Math.abs(high)) * 2 ** Math.max(shift, 0) < 2 ** 30;
}

/** Lowest and highest sum of products at each tap, for one output channel at a time. */
class TapProducts {
  readonly low: Float64Array;
  readonly high: Float64Array;
  private readonly node: Product;
  private readonly depth: number;
  private readonly groups: number;
  private readonly outputs: number;
  private readonly xZero: number;
  private readonly wZeros: readonly number[];
  private readonly weights: TensorData;
  private readonly input: Ranges;

  constructor(node: Product, x: TensorType, w: TensorType, weights: TensorData, input: Ranges) {
    const isDepthwise = node.op === 'depthwise_conv2d';
    this.node = node;
    this.outputs = isDepthwise ? w.shape[3] : w.shape[0];
    this.depth = isDepthwise ? 1 : channelCount(w);
    this.groups = node.op === 'fully_connected' ? 1 : channelCount(x) / this.depth;
    const taps = node.op === 'fully_connected' ? 1 : w.shape[1] * w.shape[2];
    this.low = new Float64Array(taps);
    this.high = new Float64Array(taps);
    this.xZero = inputZeroPoint(x);
    this.wZeros = weightZeroPoints(w);
    this.weights = weights;
    const aligned = node.op !== 'fully_connected' || this.depth % input.low.length === 0;
    this.input = aligned ? input : uniform(1, Math.min(...input.low), Math.max(...input.high));
  }

  sum(oc: number): void {
    const { low, high, depth, xZero, input } = this;
    const weights = this.weights as Int8Array;
    const wZero = this.wZeros.length === 1 ? this.wZeros[0] : this.wZeros[oc];
    const isDepthwise = this.node.op === 'depthwise_conv2d';
    const first = Math.floor(oc / (this.outputs / this.groups)) * depth;
    const channels = input.low.length;
    low.fill(0);
    high.fill(0);
    for (let tap = 0; tap < low.length; tap++) {
      const start = isDepthwise ? tap * this.outputs + oc : (oc * low.length + tap) * depth;
      for (let i = 0; i < depth; i++) {
        const weight = weights[start + i] - wZero;
        if (weight === 0) continue;
        const c = (first + i) % channels;
        const [a, b] = [weight * (input.low[c] - xZero), weight * (input.high[c] - xZero)];
        low[tap] += Math.min(a, b);
        high[tap] += Math.max(a, b);
      }
    }
  }
}

/** Over all borders; where they are not told apart, any tap may lie outside the image. */
function accumulatorRange(
  { low, high }: TapProducts,
  borders: readonly (readonly number[])[] | undefined,
  bias: number,
): [number, number] {
  if (borders === undefined) {
    return [low.reduce((sum, v) => sum + Math.min(v, 0), bias), high.reduce((sum, v) => sum + Math.max(v, 0), bias)];
  }
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const taps of borders) {
    let [a, b] = [bias, bias];
    for (const tap of taps) {
      a += low[tap];
      b += high[tap];
    }
    least = Math.min(least, a);
    most = Math.max(most, b);
  }
  return [least, most];
}

type Convolution = Node<'conv2d' | 'depthwise_conv2d'>;

/** The different sets of window taps inside the image, over all output pixels; undefined when they are too many to be used. */
function borderTaps(node: Convolution, x: TensorType, w: TensorType, y: TensorType): number[][] | undefined {
  const rows = tapRuns(node, 0, x, w, y);
  const columns = tapRuns(node, 1, x, w, y);
  if (rows === undefined || columns === undefined) return undefined;
  const [height, width] = [w.shape[1], w.shape[2]];
  if (rows.length * columns.length * height * width > Math.max(MAX_BORDER_WORK, height * width)) return undefined;
  return rows.flatMap(([top, bottom]) =>
    columns.map(([left, right]) => {
      const taps: number[] = [];
      for (let ky = top; ky < bottom; ky++) for (let kx = left; kx < right; kx++) taps.push(ky * width + kx);
      return taps;
    }),
  );
}

/** The different runs of taps inside the image along one axis. Taps inside are neighbours. */
function tapRuns(
  { attrs }: Convolution,
  axis: 0 | 1,
  x: TensorType,
  w: TensorType,
  y: TensorType,
): (readonly [from: number, to: number])[] | undefined {
  const [extent, window, outputs] = [x.shape[axis + 1], w.shape[axis + 1], y.shape[axis + 1]];
  const before = axis === 0 ? attrs.padding.top : attrs.padding.left;
  const after = axis === 0 ? attrs.padding.bottom : attrs.padding.right;
  if (before === 0 && after === 0) return [[0, window]];
  if (outputs > MAX_OUTPUT_EXTENT) return undefined;
  const [stride, dilation] = [attrs.stride[axis], attrs.dilation[axis]];
  const runs = new Map<number, readonly [number, number]>();
  for (let o = 0; o < outputs; o++) {
    const start = o * stride - before;
    const from = Math.min(window, Math.max(0, Math.ceil(-start / dilation)));
    const to = Math.max(from, Math.min(window, Math.floor((extent - 1 - start) / dilation) + 1));
    runs.set(from * (window + 1) + to, [from, to]);
  }
  return [...runs.values()];
}

/** Whether some window of the convolution has taps outside the image. */
export function hasOutsideTaps(node: Convolution, x: TensorType, w: TensorType, y: TensorType): boolean {
  return ([0, 1] as const).some((axis) => {
    const runs = tapRuns(node, axis, x, w, y);
    return runs === undefined || runs.some(([from, to]) => from > 0 || to < w.shape[axis + 1]);
  });
}
