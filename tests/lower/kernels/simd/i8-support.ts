/** What is wrong with the program of one int8 node on a target with 128-bit vectors. */
import { lower } from '../../../../compiler/lower/index.ts';
import type { Optimize } from '../../../../compiler/lower/kernel.ts';
import { TARGETS, type TargetName } from '../../../../compiler/targets/index.ts';
import { Machine } from '../../../../ir/loop/evaluate.ts';
import { printDiagnostic, verifyProgram } from '../../../../ir/loop/verify.ts';
import { bytesOf } from '../../../../ir/tensor/bytes.ts';
import { Evaluator } from '../../../../ir/tensor/evaluate.ts';
import { type Graph, typeOfValue } from '../../../../ir/tensor/graph.ts';
import type { TensorData } from '../../../../ir/tensor/types.ts';
import { overlapFault, permitted } from '../../../support/overlapping.ts';

export const VECTOR_TARGETS = ['wasm', 'wasm-relaxed', 'aarch64'] as const satisfies readonly TargetName[];

/** The kernel that the node gets, and why others do not take it. */
export function chosen(graph: Graph, target: TargetName = 'wasm') {
  const [step] = lower(graph, TARGETS[target]).plan.steps;
  if (step === undefined) throw new Error('the graph has no node');
  return step;
}

/** Why a kernel does not take the node; undefined when it does, or another before it. */
export function refusalOf(graph: Graph, kernel: string): string | undefined {
  return chosen(graph).refused.find((refused) => refused.kernel === kernel)?.reason;
}

/**
 * Why the program is not by this kernel, not valid, does not compute what evaluation says, or gives something else when its
 * result lies over an input as closely as the kernel allows. Undefined when all is well.
 */
export function vectorFault(
  graph: Graph,
  inputs: readonly TensorData[],
  kernel: string,
  target: TargetName,
  optimize: Optimize = 'speed',
): string | undefined {
  const lowered = lower(graph, TARGETS[target], { optimize });
  const [step] = lowered.plan.steps;
  if (step?.kernel !== kernel) {
    return `is done by ${step?.kernel}: ${step?.refused.map((one) => `${one.kernel}: ${one.reason}`).join('; ')}`;
  }
  const diagnostics = verifyProgram(lowered.program).map(printDiagnostic);
  if (diagnostics.length > 0) return diagnostics.join('\n');
  const bytes = inputs.map((data, i) => bytesOf(typeOfValue(graph, graph.inputs[i] as string), data));
  const [found] = new Machine(lowered.program).run(bytes);
  const [data] = new Evaluator(graph).run(inputs).outputs;
  const expected = bytesOf(typeOfValue(graph, graph.outputs[0] as string), data as TensorData);
  const bad = expected.findIndex((byte, i) => byte !== found?.[i]);
  if (bad >= 0) return `byte ${bad}: ${found?.[bad]}, expected ${expected[bad]}`;
  return permitted(lowered, graph).flatMap((laid) => overlapFault(lowered, graph, laid, bytes) ?? [])[0];
}
