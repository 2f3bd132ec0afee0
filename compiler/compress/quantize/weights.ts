/** Weights and biases of a layer as integers: symmetric weights, the bias at the scale of the products. */
import { roundAway } from '../../../ir/tensor/fixed-point.ts';
import { type Graph, typeOfValue } from '../../../ir/tensor/graph.ts';
import type { Tensor, TensorType } from '../../../ir/tensor/types.ts';
import { type Layer, type LayerNode, rowsOf, setRows } from '../layers.ts';
import { type Grid, mostWeight, onGrid, powerOfTwoAbove, stored, weightGrid } from './grid.ts';
import { bitsOf, type QuantizeOptions } from './options.ts';

export interface LayerNumbers {
  /** The node with the attributes of its integer form. */
  readonly node: LayerNode;
  readonly bits: number;
  readonly weightType: TensorType;
  readonly weights: Int8Array;
  /** i32, or i64 where 16-bit activations need it. */
  readonly bias: Tensor | undefined;
  /** Why the layer cannot compute with these, whatever its types. */
  readonly fault?: string;
}

/** Biases up to this leave room for the sum of products in i32. */
const MOST_BIAS = 2 ** 30;
/** The steps of a product are at least this part of the result's: finer ones only make sums and biases larger. */
const FINEST_PRODUCT = 2 ** -20;
/** Largest distance of a stored activation from its zero point. */
const MOST_DISTANCE = { i8: 255, i16: 32768 } as const;

/**
 * Best steps for normally distributed weights of deviation 1, by bits from 1: Lin, Talathi, Annapureddy 2016, "Fixed Point
 * Quantization of Deep Convolutional Networks", table 1 (Max 1960).
 */
const NORMAL_STEPS = [1.596, 0.996, 0.586, 0.335, 0.188, 0.104, 0.057, 0.031];

export function quantizedLayer(
  graph: Graph,
  layer: Layer,
  xGrid: Grid,
  yGrid: Grid,
  options: QuantizeOptions,
): LayerNumbers {
  const { activations, weights, scales: kind, rounding } = options;
  const bits = bitsOf(layer.name, weights);
  const matrix = rowsOf(layer, floatsOf(graph, layer.weights));
  const biases = layer.bias === undefined ? undefined : floatsOf(graph, layer.bias);
  const isPowerOfTwo = kind === 'power-of-two';
  const everyRow = Array.from({ length: layer.rows }, (_, r) => r);
  const fits = { x: xGrid, y: yGrid, isPowerOfTwo, isWide: activations.type === 'i16' };
  const grids = rowGrids(matrix, layer, bits, weights, isPowerOfTwo).map((grid, r, all) =>
    fittedGrid(grid, all.length === 1 ? Array.from(biases ?? [0]) : [biases?.[r] ?? 0], fits),
  );
  const gridOfRow = (r: number) => grids[grids.length === 1 ? 0 : r];
  const integers = matrix.map((x, i) => stored(x, gridOfRow(Math.floor(i / layer.depth))));
  const data = new Int8Array(matrix.length);
  setRows(layer, data, integers);
  const type = typeOfValue(graph, layer.weights);
  const weightType: TensorType = {
    ...type,
    dtype: 'i8',
    quant: {
      kind: 'affine',
      scale: grids.map(({ scale }) => scale),
      zeroPoint: grids.map(() => 0),
      ...(grids.length === 1 ? {} : { axis: layer.axis }),
    },
  };
  const steps = everyRow.map((r) => xGrid.scale * gridOfRow(r).scale);
  const bias = biases === undefined ? undefined : integerBias(biases, steps);
  const isLarge = largestSum(layer, integers, bias, mostWeight(bits), MOST_DISTANCE[activations.type]) >= 2 ** 31;
  const isWide = activations.type === 'i16' && (isLarge || layer.node.op === 'transpose_conv2d');
  const fault = isLarge && !isWide ? { fault: `sums of ${layer.depth} products of 8 bits may leave 32 bits` } : {};
  const node = integerNode(layer.node, rounding, isWide);
  const common = { node, bits, weightType, weights: data, ...fault };
  if (layer.bias === undefined || bias === undefined) return { ...common, bias: undefined };
  const isLong = isWide && (layer.node.op === 'transpose_conv2d' || bias.some((b) => Math.abs(b) > MOST_BIAS));
  return { ...common, bias: biasTensor(typeOfValue(graph, layer.bias), bias, steps, isLong) };
}

/** The numbers of an f32 constant. */
export function floatsOf(graph: Graph, name: string): Float64Array {
  const constant = graph.constants.get(name);
  if (!(constant?.data instanceof Float32Array)) throw new TypeError(`%${name} is no constant of f32`);
  return Float64Array.from(constant.data);
}

/** One grid per row of the matrix, or one for all. */
export function rowGrids(
  matrix: Float64Array,
  { rows, depth }: Layer,
  bits: number,
  { granularity, range }: QuantizeOptions['weights'],
  isPowerOfTwo: boolean,
): Grid[] {
  if (granularity === 'tensor') return [rowGrid(matrix, bits, range, isPowerOfTwo)];
  return Array.from({ length: rows }, (_, r) =>
    rowGrid(matrix.subarray(r * depth, (r + 1) * depth), bits, range, isPowerOfTwo),
  );
}

function rowGrid(
  weights: Float64Array,
  bits: number,
  range: QuantizeOptions['weights']['range'],
  isPowerOfTwo: boolean,
): Grid {
  let [largest, squares] = [0, 0];
  for (const w of weights) {
    largest = Math.max(largest, Math.abs(w));
    squares += w * w;
  }
  const whole = weightGrid(largest, bits, isPowerOfTwo);
  if (largest === 0 || range === 'min-max') return whole;
  if (range === 'normal') {
    const step = Math.sqrt(squares / weights.length) * NORMAL_STEPS[bits - 1];
    // The paper rounds the number of fraction bits to the nearest, not down.
    const scale = isPowerOfTwo ? 2 ** Math.round(Math.log2(step)) : Math.fround(step);
    return { ...whole, scale };
  }
  return leastErrorGrid(weights, largest, bits, isPowerOfTwo);
}

/** Parts of the largest weight that `mse` tries as the end of the grid. */
const PARTS = Array.from({ length: 80 }, (_, i) => (80 - i) / 80);

function leastErrorGrid(weights: Float64Array, largest: number, bits: number, isPowerOfTwo: boolean): Grid {
  const grids = PARTS.map((part) => weightGrid(largest * part, bits, isPowerOfTwo));
  let best = grids[0];
  let least = Number.POSITIVE_INFINITY;
  for (const grid of grids) {
    let error = 0;
    for (const w of weights) error += (onGrid(w, grid) - w) ** 2;
    if (error < least) [best, least] = [grid, error];
  }
  return best;
}

interface Fits {
  readonly x: Grid;
  readonly y: Grid;
  readonly isPowerOfTwo: boolean;
  /** Biases of 64 bits are at hand. */
  readonly isWide: boolean;
}

/** The grid, coarser where the bias would not fit into 32 bits, or where products would be needlessly finer than results. */
function fittedGrid(grid: Grid, biases: readonly number[], { x, y, isPowerOfTwo, isWide }: Fits): Grid {
  const forBias = isWide ? 0 : Math.max(...biases.map(Math.abs)) / MOST_BIAS;
  const least = Math.max(forBias, y.scale * FINEST_PRODUCT) / x.scale;
  if (grid.scale >= least) return grid;
  return { ...grid, scale: isPowerOfTwo ? powerOfTwoAbove(least) : Math.fround(least * (1 + 2 ** -20)) };
}

/** Biases in steps of the products, as exact integers in doubles. */
export function integerBias(biases: ArrayLike<number>, steps: readonly number[]): number[] {
  return Array.from(biases, (b, r) => roundAway(b / steps[r]));
}

export function biasTensor(
  type: TensorType,
  bias: readonly number[],
  steps: readonly number[],
  isLong: boolean,
): Tensor {
  const isEqual = steps.every((step) => step === steps[0]);
  const scale = (isEqual ? steps.slice(0, 1) : steps).map(Math.fround);
  const axis = type.shape.length - 1;
  return {
    type: {
      ...type,
      dtype: isLong ? 'i64' : 'i32',
      quant: {
        kind: 'affine',
        scale,
        zeroPoint: scale.map(() => 0),
        ...(scale.length === 1 ? {} : { axis }),
      },
    },
    data: isLong ? BigInt64Array.from(bias, BigInt) : Int32Array.from(bias),
  };
}

/** The largest magnitude that a sum of the layer can reach, also when weights are rounded the other way later on. */
function largestSum(
  layer: Layer,
  weights: ArrayLike<number>,
  bias: readonly number[] | undefined,
  most: number,
  distance: number,
): number {
  let largest = 0;
  for (let r = 0; r < layer.rows; r++) {
    let sum = Math.abs(bias?.[r] ?? 0);
    for (let i = 0; i < layer.depth; i++) {
      sum += distance * Math.min(Math.abs(weights[r * layer.depth + i]) + 1, most);
    }
    largest = Math.max(largest, sum);
  }
  return largest;
}

function integerNode(node: LayerNode, rounding: 'double' | 'single', isWide: boolean): LayerNode {
  if (node.op === 'transpose_conv2d') return { ...node, attrs: { ...node.attrs, rounding } };
  const attrs = { ...node.attrs, rounding, accumulator: isWide ? 'i64' : 'i32' };
  return { ...node, attrs } as LayerNode;
}
