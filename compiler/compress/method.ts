/** What a compression method is: data that the recipe, the driver and the documentation read. */
import type { z } from 'zod';
import type { Graph, ValueName } from '../../ir/tensor/graph.ts';
import type { Lossy } from '../passes/pass.ts';
import type { Calibration, Taps } from './calibrate/calibrate.ts';
import type { Quantized } from './quantize/quantize.ts';
import type { Samples } from './samples.ts';

/** What methods work on, one after another. */
export interface Compression {
  readonly graph: Graph;
  /** Once `quantize` has run. */
  readonly quantized?: Quantized;
  /** What earlier methods decided for `quantize`: widths of weights by layer, and layers that stay floats. */
  readonly layerBits: Readonly<Record<ValueName, number>>;
  readonly keepFloat: readonly ValueName[];
}

/** What the driver gives to all methods. */
export interface MethodContext {
  readonly samples: Samples;
  readonly seed: number;
  /** An engine for a graph; the reference unless given. */
  readonly tapsFor?: (graph: Graph) => Taps | Promise<Taps>;
  /** Statistics of the float graph, gathered once for each graph. */
  calibration(graph: Graph): Promise<Calibration>;
  /** How good a graph answers, larger is better; undefined where the user has no labels. */
  readonly evaluate?: (graph: Graph) => Promise<number>;
  /** What `quantize` would make of the graph with these widths. */
  quantizeWith(state: Compression, layerBits: Readonly<Record<ValueName, number>>): Promise<Quantized>;
}

export interface Applied {
  readonly state: Compression;
  /** What was done, a line each. */
  readonly notes: readonly string[];
}

// biome-ignore lint/suspicious/noExplicitAny: options differ per method; `defineMethod` checks each on its own
export interface Method<O = any> {
  readonly name: string;
  /** before → after, when … */
  readonly doc: string;
  readonly lossy: Lossy;
  /** Works on a float graph, makes a quantized one of it, or works on that. */
  readonly stage: 'float' | 'quantize' | 'quantized';
  /** Has a default for every option that has a sensible one. */
  readonly options: z.ZodType<O>;
  readonly apply: (state: Compression, options: O, context: MethodContext) => Promise<Applied>;
}

/** Checks a method against its options while keeping its type. */
export function defineMethod<O>(method: Method<O>): Method<O> {
  return method;
}
