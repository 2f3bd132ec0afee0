/** The cases of the ONNX suite that the reference passes, compiled: every engine gives the reference's bytes. */
import { compile } from '../../compiler/compile.ts';
import { ImportError } from '../../compiler/import/error.ts';
import { LowerError } from '../../compiler/lower/index.ts';
import { TARGETS, type TargetName } from '../../compiler/targets/index.ts';
import type { Program } from '../../ir/loop/types.ts';
import { bytesOf } from '../../ir/tensor/bytes.ts';
import { evaluate } from '../../ir/tensor/evaluate.ts';
import { typeOfValue } from '../../ir/tensor/graph.ts';
import { exceptionOf } from '../support/onnx-exceptions.ts';
import { caseNames, loadCase } from '../support/onnx-suite.ts';

export interface CompiledCase {
  readonly name: string;
  readonly program: Program;
  /** `[set][input]` and `[set][output]`, little-endian. */
  readonly runs: readonly (readonly Uint8Array[])[];
  readonly expected: readonly (readonly Uint8Array[])[];
}

export interface CompiledCases {
  readonly compiled: readonly CompiledCase[];
  /** Cases that have no program, with the reason. */
  readonly refused: readonly string[];
}

/** Every `every`-th node case. */
export function compiledCases(target: TargetName, every: number): CompiledCases {
  const compiled: CompiledCase[] = [];
  const refused: string[] = [];
  const names = caseNames('node').filter((name) => exceptionOf(name) === undefined);
  for (const name of names.filter((_, i) => i % every === 0)) {
    try {
      compiled.push(compiledCase(name, target));
    } catch (error) {
      if (!(error instanceof LowerError || error instanceof ImportError)) throw error;
      refused.push(`${name}: ${error.message}`);
    }
  }
  return { compiled, refused };
}

function compiledCase(name: string, target: TargetName): CompiledCase {
  const { model, sets } = loadCase('node', name);
  const { graph } = model;
  const type = (value: string) => typeOfValue(graph, value);
  return {
    name,
    program: compile(graph, TARGETS[target]).program,
    runs: sets.map(({ inputs }) => inputs.map((data, i) => bytesOf(type(graph.inputs[i]), data))),
    expected: sets.map(({ inputs }) =>
      evaluate(graph, inputs).outputs.map((data, i) => bytesOf(type(graph.outputs[i]), data)),
    ),
  };
}

/** One line for each case whose bytes are not those of the reference. The bits of a NaN are not defined. */
export function differences(
  cases: readonly CompiledCase[],
  found: readonly (readonly (readonly Uint8Array[])[])[],
): string[] {
  return cases.flatMap(({ name, program, expected }, i) => {
    const wrong = expected.flatMap((outputs, set) =>
      outputs.flatMap((bytes, k) => {
        const isFloat = program.outputs[k].elem === 'f32';
        return sameBytes(bytes, found[i][set][k], isFloat) ? [] : [`set ${set} output ${k}`];
      }),
    );
    return wrong.length === 0 ? [] : [`${name}: ${wrong.join(', ')}`];
  });
}

function sameBytes(a: Uint8Array, b: Uint8Array, isFloat: boolean): boolean {
  if (!isFloat || a.length !== b.length) return Buffer.compare(a, b) === 0;
  const [x, y] = [a, b].map((bytes) => new Float32Array(new Uint8Array(bytes).buffer));
  return x.every((value, i) => Object.is(value, y[i]));
}
