/** First and second moments of what layers multiply their weights with: constant memory in the number of samples. */
import { type Graph, typeOfValue } from '../../ir/tensor/graph.ts';
import type { TensorData } from '../../ir/tensor/types.ts';
import { randomNumbers } from '../data/random.ts';
import { referenceTaps, type Taps } from './calibrate/calibrate.ts';
import { forEachColumn, hasColumns, type Layer, positionsOf } from './layers.ts';
import { forEachSample, type Samples } from './samples.ts';
import { inputsFor, realNumbers } from './sqnr.ts';
import { chosen } from './subset.ts';

/** Of one group of a layer, whose output channels share their inputs. */
export interface GroupMoments {
  count: number;
  /** Sums of the columns. */
  readonly sums: Float64Array;
  /** Sums of products of two of their elements, [depth, depth]; empty where only means were asked for. */
  readonly products: Float64Array;
}

export type Moments = ReadonlyMap<Layer, readonly GroupMoments[]>;

export interface MomentOptions {
  /** Positions of each sample that are looked at, chosen at random with the seed; all unless given. */
  readonly positions?: number;
  readonly seed?: number;
  /** Gather products too. */
  readonly products?: boolean;
  /** Most samples. */
  readonly samples?: number;
  readonly taps?: Taps;
}

/** Layers of more weights per output channel have no matrix of products: it would take over 75 MB. */
export const MOST_DEPTH = 3072;

/** Why a layer has no moments; undefined when it has. */
export function momentsFault(layer: Layer, products: boolean): string | undefined {
  if (!hasColumns(layer)) return 'a transposed convolution scatters its inputs';
  if (products && layer.depth > MOST_DEPTH) return `${layer.depth} weights per output channel, at most ${MOST_DEPTH}`;
  return undefined;
}

/** Samples are those of the float graph; where the graph wants integers they are quantized. */
export async function gatherMoments(
  graph: Graph,
  layers: readonly Layer[],
  samples: Samples,
  options: MomentOptions = {},
): Promise<Moments> {
  const { positions = Number.POSITIVE_INFINITY, seed = 1, products = false, taps = referenceTaps(graph) } = options;
  const moments = new Map(
    layers.map((layer) => [
      layer,
      Array.from({ length: layer.rows / layer.rowsPerGroup }, () => empty(layer, products)),
    ]),
  );
  const random = randomNumbers(seed);
  await forEachSample(
    graph,
    samples,
    async (sample) => {
      const values = await taps(inputsFor(graph, sample));
      for (const [layer, groups] of moments) {
        const data = graph.constants.get(layer.input)?.data ?? (values.get(layer.input) as TensorData);
        const numbers = realNumbers(typeOfValue(graph, layer.input), data);
        const at = chosen(positionsOf(graph, layer), positions, random);
        forEachColumn(graph, layer, numbers, at, (column, group) => accumulate(groups[group], column));
      }
    },
    options.samples,
  );
  return moments;
}

function empty({ depth }: Layer, products: boolean): GroupMoments {
  return { count: 0, sums: new Float64Array(depth), products: new Float64Array(products ? depth * depth : 0) };
}

function accumulate(moments: GroupMoments, column: Float64Array): void {
  const { sums, products } = moments;
  const depth = column.length;
  moments.count++;
  for (let i = 0; i < depth; i++) sums[i] += column[i];
  if (products.length === 0) return;
  // Both halves, so that rows can be read without regard to the diagonal. Zeros, which relu makes, cost nothing.
  for (let i = 0; i < depth; i++) {
    const x = column[i];
    if (x === 0) continue;
    const row = i * depth;
    for (let j = 0; j < depth; j++) products[row + j] += x * column[j];
  }
}

/** Mean columns of a layer, by group. */
export function meansOf(groups: readonly GroupMoments[]): Float64Array[] {
  return groups.map(({ sums, count }) => sums.map((sum) => sum / count));
}
