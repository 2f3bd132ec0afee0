/**
 * How much of each tensor of one graph survives in another: the signal-to-quantization-noise ratio of tensors of the same
 * name, 10 log10(sum of a^2 / sum of (a - b)^2) over all samples, in decibels; 6 dB are one bit.
 */

import { type Graph, typeOfValue, type ValueName } from '../../ir/tensor/graph.ts';
import { sameShape, type TensorData, type TensorType } from '../../ir/tensor/types.ts';
import { realsOf } from '../data/encode.ts';

export interface TensorNoise {
  readonly name: ValueName;
  /** The op that makes it, in the first graph. */
  readonly op: string;
  readonly types: readonly [TensorType, TensorType];
  /** Infinity where both are equal, NaN where one of them has NaN. */
  readonly sqnr: number;
  /** The largest |a - b|. */
  readonly worst: number;
  /** Root of the mean a^2, to see `worst` against. */
  readonly rms: number;
}

type Values = ReadonlyMap<ValueName, TensorData>;

interface Sums {
  readonly name: ValueName;
  readonly op: string;
  readonly types: readonly [TensorType, TensorType];
  count: number;
  signal: number;
  noise: number;
  worst: number;
}

/** Sums over samples; what is kept does not grow with them. */
export class NoiseMeter {
  private readonly sums: readonly Sums[];

  /** Compares what nodes of `reference` make with the values of these names in `other`, where the shapes are the same. */
  constructor(reference: Graph, other: Graph) {
    const made = new Set(other.nodes.flatMap((node) => node.outputs));
    this.sums = reference.nodes.flatMap(({ op, outputs }) =>
      outputs.flatMap((name) => {
        if (!made.has(name)) return [];
        const types = [typeOfValue(reference, name), typeOfValue(other, name)] as const;
        if (!sameShape(types[0].shape, types[1].shape)) return [];
        return [{ name, op, types, count: 0, signal: 0, noise: 0, worst: 0 }];
      }),
    );
  }

  /** How many tensors are compared. */
  get size(): number {
    return this.sums.length;
  }

  /** All values of both graphs on one sample. */
  add(reference: Values, other: Values): void {
    for (const sum of this.sums) {
      const a = realsOf(sum.types[0], reference.get(sum.name) as TensorData);
      const b = realsOf(sum.types[1], other.get(sum.name) as TensorData);
      sum.count += a.length;
      for (let i = 0; i < a.length; i++) {
        const apart = (a[i] as number) - (b[i] as number);
        sum.signal += (a[i] as number) ** 2;
        sum.noise += apart ** 2;
        sum.worst = Math.max(sum.worst, Math.abs(apart));
      }
    }
  }

  /** The noisiest first; among equals in the order of the graph. */
  result(): TensorNoise[] {
    const tensors = this.sums.map(({ name, op, types, count, signal, noise, worst }) => ({
      name,
      op,
      types,
      sqnr: noise === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(signal / noise),
      worst,
      rms: Math.sqrt(signal / count),
    }));
    const order = ({ sqnr }: TensorNoise) => (Number.isNaN(sqnr) ? Number.NEGATIVE_INFINITY : sqnr);
    return tensors.sort((a, b) => (order(a) === order(b) ? 0 : order(a) < order(b) ? -1 : 1));
  }
}
