// Small float networks with random weights, and samples for them.
import { type Calibration, calibrate } from '../../compiler/compress/calibrate/calibrate.ts';
import { type QuantizeOptions, quantizeOptions } from '../../compiler/compress/quantize/options.ts';
import { type Quantized, quantizeGraph } from '../../compiler/compress/quantize/quantize.ts';
import type { Sample } from '../../compiler/compress/samples.ts';
import { type Graph, typeOfValue } from '../../ir/tensor/graph.ts';
import { parseGraph } from '../../ir/tensor/parse.ts';
import { elementCount } from '../../ir/tensor/types.ts';
import { Random } from '../support/random.ts';

/** A normally distributed number (Box and Muller). */
export function normal(r: Random): number {
  return Math.sqrt(-2 * Math.log(1 - r.unit())) * Math.cos(2 * Math.PI * r.unit());
}

export function normals(r: Random, count: number, scale = 1): Float32Array {
  return Float32Array.from({ length: count }, () => scale * normal(r));
}

/** A graph given as text, in which `const %w : f32[...] dense = random` gets weights that keep the size of activations. */
export function network(text: string, seed = 1): Graph {
  const r = new Random(seed);
  const filled = text.replaceAll(/(f32\[([\d,]+)\] dense = )random/g, (_, start: string, shape: string) => {
    const extents = shape.split(',').map(Number);
    const count = elementCount(extents);
    // Biases are small; rows of weights have their length for a scale.
    const scale = extents.length === 1 ? 0.1 : Math.sqrt(2 / (count / extents[0]));
    return `${start}[${Array.from(normals(r, count, scale)).join(', ')}]`;
  });
  return parseGraph(filled);
}

export function samplesFor(graph: Graph, count: number, seed = 100, scale = 1): Sample[] {
  const r = new Random(seed);
  const sample = () => graph.inputs.map((name) => normals(r, elementCount(typeOfValue(graph, name).shape), scale));
  return Array.from({ length: count }, sample);
}

export type GivenOptions = Parameters<typeof quantizeOptions.parse>[0];

export function optionsOf(given: unknown = {}): QuantizeOptions {
  return quantizeOptions.parse(given);
}

export async function quantized(
  graph: Graph,
  given: unknown = {},
  samples: readonly Sample[] = samplesFor(graph, 8),
): Promise<Quantized & { readonly calibration: Calibration }> {
  const calibration = await calibrate(graph, samples);
  return { ...quantizeGraph(graph, calibration, optionsOf(given)), calibration };
}

/** Convolutions of both kinds with fused activations, a sum, pools and a classifier. */
export const CNN = `graph cnn {
  input %x : f32[1,8,8,3]
  const %w1 : f32[8,3,3,3] dense = random
  const %b1 : f32[8] dense = random
  const %w2 : f32[1,3,3,8] dense = random
  const %b2 : f32[8] dense = random
  const %w3 : f32[8,1,1,8] dense = random
  const %b3 : f32[8] dense = random
  const %w4 : f32[5,8] dense = random
  const %b4 : f32[5] dense = random
  %c1 : f32[1,8,8,8] = conv2d(%x, %w1, %b1) {"stride":[1,1],"dilation":[1,1],"padding":{"top":1,"bottom":1,"left":1,"right":1},"activation":"relu","rounding":"double","accumulator":"i32"}
  %c2 : f32[1,8,8,8] = depthwise_conv2d(%c1, %w2, %b2) {"stride":[1,1],"dilation":[1,1],"padding":{"top":1,"bottom":1,"left":1,"right":1},"activation":"relu","rounding":"double","accumulator":"i32"}
  %c3 : f32[1,8,8,8] = conv2d(%c2, %w3, %b3) {"stride":[1,1],"dilation":[1,1],"padding":{"top":0,"bottom":0,"left":0,"right":0},"activation":"none","rounding":"double","accumulator":"i32"}
  %s : f32[1,8,8,8] = add(%c1, %c3) {"activation":"relu"}
  %p : f32[1,4,4,8] = max_pool2d(%s) {"window":[2,2],"stride":[2,2],"padding":{"top":0,"bottom":0,"left":0,"right":0},"activation":"none"}
  %m : f32[1,8] = mean(%p) {"axes":[1,2],"keepDims":false}
  %f : f32[1,5] = fully_connected(%m, %w4, %b4) {"activation":"none","rounding":"double","accumulator":"i32"}
  %y : f32[1,5] = softmax(%f) {"beta":1}
  output %y
}`;
