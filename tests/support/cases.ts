/**
 * Operator cases against the engines in this repository: the reference evaluation against the recorded answers, and the
 * lowered program in the loop interpreter against the reference evaluation.
 */

import { importTflite } from '../../compiler/import/tflite/import.ts';
import { lower } from '../../compiler/lower/index.ts';
import { TARGETS } from '../../compiler/targets/index.ts';
import { Machine } from '../../ir/loop/evaluate.ts';
import { printDiagnostic, verifyProgram } from '../../ir/loop/verify.ts';
import { bytesOf, dataFromBytes } from '../../ir/tensor/bytes.ts';
import { Evaluator } from '../../ir/tensor/evaluate.ts';
import { type Graph, typeOfValue } from '../../ir/tensor/graph.ts';
import { isFloat, type TensorType } from '../../ir/tensor/types.ts';
import { diagnosticText, verifyGraph } from '../../ir/tensor/verify.ts';
import { type LoadedCase, loadCases } from './opcases.ts';

export type { LoadedCase } from './opcases.ts';

/** How far a float may lie from the recorded one: `absolute + relative * |recorded|`. */
export interface Tolerance {
  readonly relative: number;
  readonly absolute: number;
}

export const EXACT: Tolerance = { relative: 0, absolute: 0 };
/** One target of each kind that kernels may tell apart: plain, with DSP instructions, with vectors. */
export const KERNEL_TARGETS = ['c', 'cortex-m4', 'wasm'] as const;

/** The cases of the families, of all operators or of models whose first operator is one of `operators`. */
export async function casesOf(families: readonly string[], operators?: readonly string[]): Promise<LoadedCase[]> {
  const cases = await loadCases(families);
  if (operators === undefined) return cases;
  return cases.filter(({ case: { model } }) => operators.includes(model.subgraphs[0]?.operators[0]?.op as string));
}

/** Throws when the importer makes an invalid graph of the case's model. */
export function graphOf({ case: { name }, modelBytes }: LoadedCase): Graph {
  const { graph } = importTflite(modelBytes, { name: 'case', file: name });
  const faults = verifyGraph(graph).map(diagnosticText);
  if (faults.length > 0) throw new Error(faults.join('\n'));
  return graph;
}

/** `outputs[run][output]` of the reference evaluation, as bytes. */
export function evaluated(graph: Graph, loaded: LoadedCase): Uint8Array[][] {
  const evaluator = new Evaluator(graph);
  const typeAt = (names: readonly string[], i: number) => typeOfValue(graph, names[i] as string);
  return loaded.inputs.map((inputs) => {
    const data = inputs.map((bytes, i) => dataFromBytes(typeAt(graph.inputs, i), bytes));
    return evaluator.run(data).outputs.map((output, i) => bytesOf(typeAt(graph.outputs, i), output));
  });
}

/** The same of the program for a target in the loop interpreter; throws when the program is not valid. */
export function interpreted(graph: Graph, loaded: LoadedCase, target: keyof typeof TARGETS): Uint8Array[][] {
  const { program } = lower(graph, TARGETS[target]);
  const faults = verifyProgram(program).map(printDiagnostic);
  if (faults.length > 0) throw new Error(faults.join('\n'));
  const machine = new Machine(program);
  return loaded.inputs.map((inputs) => machine.run(inputs));
}

/** Why the case's evaluation is not what was recorded, or undefined. */
export function evaluationFault(loaded: LoadedCase, tolerance: Tolerance = EXACT): string | undefined {
  const graph = graphOf(loaded);
  const types = graph.outputs.map((name) => typeOfValue(graph, name));
  return firstFault(loaded, types, evaluated(graph, loaded), loaded.golden, tolerance);
}

/** Why the case's program does not compute what the evaluation says, byte for byte, or undefined. */
export function loweringFault(loaded: LoadedCase, target: keyof typeof TARGETS): string | undefined {
  const graph = graphOf(loaded);
  const types = graph.outputs.map((name) => typeOfValue(graph, name));
  return firstFault(loaded, types, interpreted(graph, loaded, target), evaluated(graph, loaded), EXACT);
}

type Runs = readonly (readonly Uint8Array[])[];

function firstFault(
  { golden }: LoadedCase,
  types: readonly TensorType[],
  found: Runs,
  expected: Runs,
  tolerance: Tolerance,
): string | undefined {
  for (const [run, outputs] of golden.entries()) {
    if (found[run]?.length !== outputs.length) return `${found[run]?.length} outputs, expected ${outputs.length}`;
    for (const output of outputs.keys()) {
      const fault = difference(
        types[output] as TensorType,
        found[run]?.[output] as Uint8Array,
        expected[run]?.[output] as Uint8Array,
        tolerance,
      );
      if (fault !== undefined) return `run ${run}, output ${output}: ${fault}`;
    }
  }
  return undefined;
}

/** The first element that differs: as a number beyond the tolerance, or in its bytes where there is none. */
function difference(
  type: TensorType,
  found: Uint8Array,
  expected: Uint8Array,
  { relative, absolute }: Tolerance,
): string | undefined {
  if (found.length !== expected.length) return `${found.length} bytes, expected ${expected.length}`;
  const bad = found.findIndex((byte, i) => byte !== expected[i]);
  if (bad < 0) return undefined;
  const numbers = (bytes: Uint8Array) => Array.from<number | bigint, number>(dataFromBytes(type, bytes), Number);
  const [a, b] = [numbers(found), numbers(expected)] as [number[], number[]];
  const near = (x: number, y: number) => Object.is(x, y) || Math.abs(x - y) <= absolute + relative * Math.abs(y);
  const isTolerant = isFloat(type.dtype) && relative + absolute > 0;
  const first = a.findIndex((x, i) => !Object.is(x, b[i]) && !(isTolerant && near(x, b[i] as number)));
  return first < 0 ? undefined : `element ${first} is ${a[first]}, expected ${b[first]}`;
}
