/** The operator cases made ready for engines: expected bytes are those of the reference evaluation. */
import { compile } from '../../compiler/compile.ts';
import { TARGETS, type TargetName } from '../../compiler/targets/index.ts';
import type { Program } from '../../ir/loop/types.ts';
import { evaluated, graphOf } from '../support/cases.ts';
import { type LoadedCase, loadCases } from '../support/opcases.ts';

export interface EngineCase {
  readonly loaded: LoadedCase;
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

export async function engineCases(target: TargetName): Promise<EngineCase[]> {
  return (await loadCases())
    .filter((loaded) => !isRefused(loaded))
    .map((loaded) => {
      const graph = graphOf(loaded);
      return { loaded, program: compile(graph, TARGETS[target]).program, expected: evaluated(graph, loaded) };
    });
}

/** One line for each case whose bytes are not the expected ones. */
export function faults(cases: readonly EngineCase[], found: readonly (readonly (readonly Uint8Array[])[])[]): string[] {
  return cases.flatMap(({ loaded, expected }, i) => {
    const different = expected.flatMap((outputs, run) =>
      outputs.flatMap((bytes, k) => {
        const other = found[i]?.[run]?.[k];
        return other !== undefined && Buffer.compare(bytes, other) === 0 ? [] : [`run ${run} output ${k}`];
      }),
    );
    return different.length === 0 ? [] : [`${loaded.family}: ${loaded.case.name}: ${different.join(', ')}`];
  });
}
