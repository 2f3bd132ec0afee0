/**
 * Post-training quantization: a float graph becomes one that computes in integers. Affine activations and symmetric weights:
 * Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference";
 * weights per channel: Krishnamoorthi 2018, "Quantizing deep convolutional networks for efficient inference".
 */
import { type Graph, typeOfValue, type ValueName } from '../../../ir/tensor/graph.ts';
import { elementCount } from '../../../ir/tensor/types.ts';
import { assertValid } from '../../../ir/tensor/verify.ts';
import type { Calibration } from '../calibrate/calibrate.ts';
import { layersOf } from '../layers.ts';
import { bitsOf, type QuantizeOptions } from './options.ts';
import { type KeptNode, planQuantization } from './plan.ts';
import { rewrite } from './rewrite.ts';

export interface QuantizedLayer {
  readonly name: ValueName;
  readonly op: string;
  readonly bits: number;
  /** As kernels read them: a byte each. */
  readonly weightBytes: number;
  /** What they would take at their width. */
  readonly packedBytes: number;
}

export interface Quantized {
  readonly graph: Graph;
  /** The graph before, which later steps compare with. */
  readonly float: Graph;
  /** Names in `graph` of the integers for values of `float`. */
  readonly integers: ReadonlyMap<ValueName, ValueName>;
  readonly layers: readonly QuantizedLayer[];
  readonly kept: readonly KeptNode[];
}

/** Throws CompressError for options that do not fit the graph. The result is verified. */
export function quantizeGraph(graph: Graph, calibration: Calibration, options: QuantizeOptions): Quantized {
  const plan = planQuantization(graph, calibration, options);
  const result = rewrite(graph, plan, options.io);
  assertValid(result.graph);
  const layers = layersOf(graph)
    .filter(({ node }) => plan.nodes.has(node))
    .map(({ name, node, weights }) => {
      const bits = bitsOf(name, options.weights);
      const count = elementCount(typeOfValue(graph, weights).shape);
      return { name, op: node.op, bits, weightBytes: count, packedBytes: Math.ceil((count * bits) / 8) };
    });
  return { graph: result.graph, float: graph, integers: result.integers, layers, kept: plan.kept };
}
