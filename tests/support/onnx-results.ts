/** What becomes of every case of the ONNX suite on the reference evaluation. */
import { ImportError } from '../../compiler/import/error.ts';
import { evaluate } from '../../ir/tensor/evaluate.ts';
import type { OpName } from '../../ir/tensor/ops/index.ts';
import { assertValid } from '../../ir/tensor/verify.ts';
import { caseNames, differenceOf, type Group, loadCase, operatorsOf } from './onnx-suite.ts';

export interface CaseResult {
  readonly name: string;
  /** Operators of the model, `ai.onnx.ml.Binarizer` with a domain where it is not ONNX's own. */
  readonly operators: readonly string[];
  /** Ops of the graph; none when it is refused. */
  readonly ops: readonly OpName[];
  /** What is wrong with the answer, or why mcc refuses the model; undefined when the case passes. */
  readonly fault: string | undefined;
}

const results = new Map<Group, readonly CaseResult[]>();

/** Computed once in a process. */
export function resultsOf(group: Group): readonly CaseResult[] {
  const known = results.get(group);
  if (known !== undefined) return known;
  const fresh = caseNames(group).map((name) => resultOf(group, name));
  results.set(group, fresh);
  return fresh;
}

function resultOf(group: Group, name: string): CaseResult {
  const operators = operatorsOf(group, name);
  try {
    const { model, sets } = loadCase(group, name);
    assertValid(model.graph);
    const ops = [...new Set(model.graph.nodes.map(({ op }) => op))];
    for (const { inputs, expected } of sets) {
      const { outputs } = evaluate(model.graph, inputs);
      for (const [i, values] of expected.entries()) {
        const fault = differenceOf(model, i, outputs[i], values);
        if (fault !== undefined) return { name, operators, ops, fault };
      }
    }
    return { name, operators, ops, fault: undefined };
  } catch (error) {
    if (error instanceof ImportError) return { name, operators, ops: [], fault: error.message };
    throw error;
  }
}
