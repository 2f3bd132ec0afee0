/** Float32 nodes on targets with 128-bit vectors: in the loop interpreter, and compiled. */
import { wasmSession } from '../../../../compiler/cli/engines/index.ts';
import { lower } from '../../../../compiler/lower/index.ts';
import { TARGETS } from '../../../../compiler/targets/index.ts';
import { Machine } from '../../../../ir/loop/evaluate.ts';
import { printDiagnostic, verifyProgram } from '../../../../ir/loop/verify.ts';
import { bytesOf } from '../../../../ir/tensor/bytes.ts';
import { Evaluator } from '../../../../ir/tensor/evaluate.ts';
import { type Graph, typeOfValue } from '../../../../ir/tensor/graph.ts';
import { DENSE, elementCount, NO_QUANT, type TensorType } from '../../../../ir/tensor/types.ts';
import { runBatch } from '../../../support/c-batch.ts';
import { overlapFault, permitted } from '../../../support/overlapping.ts';
import { Random } from '../../../support/random.ts';

export function f32(shape: readonly number[]): TensorType {
  return { dtype: 'f32', shape, quant: NO_QUANT, encoding: DENSE } as TensorType;
}

const SPECIAL = [0, -0, 1e-42, 3e38, -3e38, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN];

/** Values up to 8 in magnitude, some that float arithmetic treats in ways of its own among them. */
export function randomFloats(r: Random, count: number, extremes = 0.05): Float32Array {
  return Float32Array.from({ length: count }, () => (r.chance(extremes) ? r.pick(SPECIAL) : 16 * r.unit() - 8));
}

export interface Labelled {
  readonly label: string;
  readonly graph: Graph;
  /** The kernel it must get. */
  readonly kernel: string;
  readonly extremes?: number;
}

function inputsOf({ graph, extremes }: Labelled, seed: number): Float32Array[] {
  const r = new Random(seed);
  return graph.inputs.map((name) => randomFloats(r, elementCount(typeOfValue(graph, name).shape), extremes));
}

/** One line for each node whose program is wrong, also where its result lies over an input as its kernel allows. */
export function interpreterFaults(nodes: readonly Labelled[]): string[] {
  return nodes.flatMap((node, seed) => {
    const lowered = lower(node.graph, TARGETS.wasm);
    const [step] = lowered.plan.steps;
    if (step?.kernel !== node.kernel) return [`${node.label}: is done by ${step?.kernel}`];
    const inputs = inputsOf(node, seed);
    const bytes = inputs.map((data, i) => bytesOf(typeOfValue(node.graph, node.graph.inputs[i] as string), data));
    const diagnostics = verifyProgram(lowered.program).map(printDiagnostic);
    if (diagnostics.length > 0) return [`${node.label}: ${diagnostics[0]}`];
    const [expected] = new Evaluator(node.graph).run(inputs).outputs as [Float32Array];
    const [outputs] = new Machine(lowered.program).run(bytes) as [Uint8Array];
    const found =
      difference(expected, outputs) ??
      permitted(lowered, node.graph).flatMap((laid) => overlapFault(lowered, node.graph, laid, bytes) ?? [])[0];
    return found === undefined ? [] : [`${node.label}: ${found}`];
  });
}

/** Which of several NaN a result is depends on the machine. */
function difference(expected: Float32Array, found: Uint8Array): string | undefined {
  const values = new Float32Array(found.slice().buffer);
  const at = expected.findIndex((x, i) => !Object.is(x, values[i] as number));
  return at < 0 ? undefined : `element ${at}: ${values[at]}, expected ${expected[at]}`;
}

/** The same compiled for this machine by gcc (code for x86-64, which is portable), and to WebAssembly. */
export async function compiledFaults(nodes: readonly Labelled[], cc: string | undefined): Promise<string[]> {
  const faults: string[] = [];
  const runs = nodes.map((node, seed) => {
    const inputs = inputsOf(node, seed);
    const [expected] = new Evaluator(node.graph).run(inputs).outputs as [Float32Array];
    return { bytes: inputs.map((data) => bytesOf(f32([data.length]), data)), expected };
  });
  const note = (engine: string, i: number, found: Uint8Array): void => {
    const fault = difference(runs[i]?.expected as Float32Array, found);
    if (fault !== undefined) faults.push(`${nodes[i]?.label} ${engine}: ${fault}`);
  };
  if (cc !== undefined) {
    const items = nodes.map(({ graph }, i) => ({
      program: lower(graph, TARGETS['x86-64']).program,
      runs: [runs[i]?.bytes as Uint8Array[]],
    }));
    (await runBatch(items, { cc, flags: ['-O1'] })).forEach(([outputs], i) => {
      note(cc, i, outputs?.[0] as Uint8Array);
    });
  }
  for (const [i, { graph }] of nodes.entries()) {
    const session = await wasmSession(lower(graph, TARGETS.wasm).program);
    const [outputs] = await session.run([runs[i]?.bytes as Uint8Array[]]);
    note('wasm', i, outputs?.[0] as Uint8Array);
  }
  return faults;
}
