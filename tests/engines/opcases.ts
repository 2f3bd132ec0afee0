/** The operator cases made ready for engines: expected bytes are those of the reference evaluation. */
import { compile } from '../../compiler/compile.ts';
import type { Numerics } from '../../compiler/import/tflite/numerics.ts';
import { TARGETS, type TargetName } from '../../compiler/targets/index.ts';
import type { Program } from '../../ir/loop/types.ts';
import type { Graph } from '../../ir/tensor/graph.ts';
import { evaluated, graphOf } from '../support/cases.ts';
import { litertCases } from '../support/litert.ts';
import { type LoadedCase, loadCases } from '../support/opcases.ts';

export interface EngineCase {
  readonly loaded: LoadedCase;
  readonly numerics: Numerics;
  readonly graph: Graph;
  readonly program: Program;
  /** `[run][output]` */
  readonly expected: readonly (readonly Uint8Array[])[];
}

/** Types that models use but programs do not have; tests/import asserts that such models are refused with a reason. */
const REFUSED = ['i64', 'u32', 'u16', 'f16'];

function isRefused({ case: { model } }: LoadedCase): boolean {
  const [main] = model.subgraphs;
  return [...main.inputs, ...main.outputs].some((index) => REFUSED.includes(main.tensors[index]?.type as string));
}

/** The cases, and again those whose arithmetic is another one with numerics `litert`. */
export async function engineCases(target: TargetName): Promise<EngineCase[]> {
  const plain = (await loadCases())
    .filter((loaded) => !isRefused(loaded))
    .map((loaded) => ({ loaded, numerics: 'tflm', graph: graphOf(loaded) }) as const);
  const litert = (await litertCases()).map((one) => ({ ...one, numerics: 'litert' }) as const);
  return [...plain, ...litert].map(({ loaded, numerics, graph }) => {
    const { program } = compile(graph, TARGETS[target]);
    return { loaded, numerics, graph, program, expected: evaluated(graph, loaded) };
  });
}

/** One line for each case whose bytes are not the expected ones. */
export function faults(cases: readonly EngineCase[], found: readonly (readonly (readonly Uint8Array[])[])[]): string[] {
  return cases.flatMap(({ loaded, numerics, expected }, i) => {
    const different = expected.flatMap((outputs, run) =>
      outputs.flatMap((bytes, k) => {
        const other = found[i]?.[run]?.[k];
        return other !== undefined && Buffer.compare(bytes, other) === 0 ? [] : [`run ${run} output ${k}`];
      }),
    );
    return different.length === 0
      ? []
      : [`${loaded.family}: ${loaded.case.name} (${numerics}): ${different.join(', ')}`];
  });
}
