/** Runs the kernels of small cores for tests. */
import { lower } from '../../../../compiler/lower/index.ts';
import type { Optimize } from '../../../../compiler/lower/kernel.ts';
import { TARGETS } from '../../../../compiler/targets/index.ts';
import { Machine } from '../../../../ir/loop/evaluate.ts';
import { printDiagnostic, verifyProgram } from '../../../../ir/loop/verify.ts';
import { bytesOf } from '../../../../ir/tensor/bytes.ts';
import { Evaluator } from '../../../../ir/tensor/evaluate.ts';
import { type Graph, typeOfValue } from '../../../../ir/tensor/graph.ts';
import type { TensorData } from '../../../../ir/tensor/types.ts';
import { overlapFault, permitted } from '../../../support/overlapping.ts';

export const NARROW_CORES = ['cortex-m3', 'cortex-m0plus', 'rv32imc'] as const;
export type NarrowName = (typeof NARROW_CORES)[number];

/** The kernel of the graph's node, and why others were refused. */
export function chosen(graph: Graph, target: keyof typeof TARGETS) {
  const [step] = lower(graph, TARGETS[target]).plan.steps;
  if (step === undefined) throw new Error('the graph has no node');
  return step;
}

/**
 * Why another kernel than `kernel` was chosen, why its program is not valid or does not compute what evaluation says, or
 * what it gives when its result lies over its input as closely as it allows. Undefined when all is well.
 */
export function narrowFault(
  graph: Graph,
  kernel: string,
  inputs: readonly TensorData[],
  target: NarrowName,
  optimize: Optimize = 'speed',
): string | undefined {
  const lowered = lower(graph, TARGETS[target], { optimize });
  const [step] = lowered.plan.steps;
  if (step?.kernel !== kernel) return `${step?.kernel}: ${step?.refused.map(({ reason }) => reason).join('; ')}`;
  const diagnostics = verifyProgram(lowered.program).map(printDiagnostic);
  if (diagnostics.length > 0) return diagnostics.join('\n');
  const typeOf = (name: string | undefined) => typeOfValue(graph, name as string);
  const bytes = inputs.map((data, i) => bytesOf(typeOf(graph.inputs[i]), data));
  const [found] = new Machine(lowered.program).run(bytes);
  const [data] = new Evaluator(graph).run(inputs).outputs;
  const expected = bytesOf(typeOf(graph.outputs[0]), data as TensorData);
  const bad = expected.findIndex((byte, i) => byte !== found?.[i]);
  if (bad >= 0) return `byte ${bad}: ${found?.[bad]}, expected ${expected[bad]}`;
  return permitted(lowered, graph).flatMap((laid) => overlapFault(lowered, graph, laid, bytes) ?? [])[0];
}
