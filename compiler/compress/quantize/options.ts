/** What a user may choose about the quantization of a graph, and the names of layers that choices apply to. */
import { z } from 'zod';
import type { Graph } from '../../../ir/tensor/graph.ts';
import { rangeOptions } from '../calibrate/ranges.ts';
import { layersOf } from '../layers.ts';

export const weightBits = z.int().min(2).max(8);

export const quantizeOptions = z.strictObject({
  activations: z
    .strictObject({
      /** i8: asymmetric unless said otherwise; i16: symmetric, with 8-bit weights (16x8). */
      type: z.enum(['i8', 'i16']).default('i8'),
      symmetric: z.boolean().default(false),
      range: rangeOptions.default({ method: 'min-max' }),
    })
    .prefault({}),
  weights: z
    .strictObject({
      /** Width of the grid; narrower weights are stored in bytes, as no kernel reads packed ones. */
      bits: weightBits.default(8),
      /** Widths by layer, by name or pattern; the last that matches holds. */
      layerBits: z.record(z.string(), weightBits).default({}),
      granularity: z.enum(['channel', 'tensor']).default('channel'),
      /**
       * `min-max`: the largest weight. `mse`: least square error of the weights (Nagel et al. 2021, 3.1). `normal`: the
       * best step for normally distributed weights (Lin, Talathi, Annapureddy 2016, table 1).
       */
      range: z.enum(['min-max', 'mse', 'normal']).default('min-max'),
    })
    .prefault({}),
  /** Powers of two: fixed point Qm.n, for cores where a shift is cheaper than a multiplication. */
  scales: z.enum(['any', 'power-of-two']).default('any'),
  /** What inputs and outputs of the graph are: floats as before, or the integers inside. */
  io: z.enum(['float', 'integer']).default('float'),
  /** Of requantizations: `double` as tflite-micro and CMSIS-NN round, which tuned kernels want; `single`, one shift. */
  rounding: z.enum(['double', 'single']).default('double'),
  /** Nodes that stay in floats: names of the values they make, `*` stands for any characters. */
  keepFloat: z.array(z.string()).default([]),
});
export type QuantizeOptions = z.infer<typeof quantizeOptions>;

/** Options or methods that do not fit the graph. */
export class CompressError extends Error {
  override name = 'CompressError';
}

/** Whether `*`, for any characters, makes the pattern the name. */
export function matchesPattern(name: string, pattern: string): boolean {
  const [first, ...rest] = pattern.split('*');
  if (rest.length === 0) return name === pattern;
  if (!name.startsWith(first)) return false;
  const last = rest.pop() as string;
  let at = first.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return name.length - last.length >= at && name.endsWith(last);
}

/** Throws CompressError, which lists the layers, for a pattern that matches nothing that a node makes. */
export function checkPatterns(graph: Graph, patterns: readonly string[], option: string): void {
  const names = graph.nodes.flatMap((node) => node.outputs);
  const stray = patterns.find((pattern) => !names.some((name) => matchesPattern(name, pattern)));
  if (stray === undefined) return;
  const layers = layersOf(graph).map(({ name }) => name);
  const shown = layers.slice(0, 8).join(', ') + (layers.length > 8 ? `, and ${layers.length - 8} more` : '');
  throw new CompressError(`${option}: nothing in graph ${graph.name} is named "${stray}"; its layers: ${shown}`);
}

/** The last entry whose pattern matches, or the default. */
export function bitsOf(name: string, { bits, layerBits }: QuantizeOptions['weights']): number {
  const found = Object.entries(layerBits).filter(([pattern]) => matchesPattern(name, pattern));
  return found.at(-1)?.[1] ?? bits;
}
