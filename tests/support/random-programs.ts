// Random nodes of one op, lowered and compared with their evaluation.
import type { Graph } from '../../ir/tensor/graph.ts';
import type { OpName } from '../../ir/tensor/ops/index.ts';
import { printGraph } from '../../ir/tensor/print.ts';
import { randomGraph, randomInputs } from './random-graph.ts';
import { programFault } from './single-node.ts';

/** The graph with its constants as inputs, but for 64-bit ones, which only constants may be. */
export function withoutConstants(graph: Graph): Graph {
  const kept = [...graph.constants].filter(([, { data }]) => data instanceof BigInt64Array);
  const given = [...graph.constants.keys()].filter((name) => !kept.some(([other]) => other === name));
  return { ...graph, inputs: [...graph.inputs, ...given], constants: new Map(kept) };
}

/** What is wrong with the programs of `count` random graphs of the ops, as made and with weights that come at run time. */
export function randomFaults(ops: readonly OpName[], count: number, nodes = 1): string[] {
  const only = process.env.MCC_SEED;
  const seeds = only === undefined ? Array.from({ length: count }, (_, i) => i + 1) : [Number(only)];
  return seeds.flatMap((seed) => {
    const made = randomGraph(seed, { ops, nodes, encodings: false });
    return [made, withoutConstants(made)].flatMap((graph) => {
      const fault = programFault(graph, randomInputs(graph, seed), 'c');
      return fault === undefined ? [] : [`MCC_SEED=${seed}: ${fault}\n${printGraph(graph)}`];
    });
  });
}
