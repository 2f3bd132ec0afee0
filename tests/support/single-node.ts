/** Graphs of one node, and whether the program made of them computes what the op's record says. */
import { lower } from '../../compiler/lower/index.ts';

import { TARGETS } from '../../compiler/targets/index.ts';
import { Machine } from '../../ir/loop/evaluate.ts';
import { printDiagnostic, verifyProgram } from '../../ir/loop/verify.ts';
import { bytesOf } from '../../ir/tensor/bytes.ts';
import { Evaluator } from '../../ir/tensor/evaluate.ts';
import type { Graph, Node } from '../../ir/tensor/graph.ts';
import { type Attrs, type OpName, opRecord } from '../../ir/tensor/ops/index.ts';
import { DENSE, type TensorData, type TensorType } from '../../ir/tensor/types.ts';
import { diagnosticText, verifyGraph } from '../../ir/tensor/verify.ts';

/** An operand: with data a constant, without an input of the graph. */
export interface Given {
  readonly type: TensorType;
  readonly data?: TensorData;
}

/** The graph of one node whose result has `dtype` and `quant` of `like` and the inferred shape. Throws on an invalid node. */
export function singleNode<K extends OpName>(
  op: K,
  attrs: Attrs<K>,
  operands: readonly Given[],
  like: TensorType = (operands[0] as Given).type,
): Graph {
  const names = operands.map((_, i) => `x${i}`);
  const [shape] = opRecord(op).infer({
    inputs: operands.map(({ type }) => type),
    attrs,
    constant: (i) => operands[i]?.data,
  });
  const node = { op, inputs: names, outputs: ['y'], attrs } as unknown as Node;
  const known = operands.flatMap(({ data }, i) =>
    data === undefined ? [] : [[`x${i}`, { data, encoding: DENSE }] as const],
  );
  const graph: Graph = {
    name: op,
    inputs: names.filter((_, i) => operands[i]?.data === undefined),
    outputs: ['y'],
    states: [],
    constants: new Map(known),
    nodes: [node],
    types: new Map([
      ...operands.map(({ type }, i) => [`x${i}`, type] as const),
      ['y', { ...like, shape: shape as readonly number[] }],
    ]),
  };
  const faults = verifyGraph(graph).map(diagnosticText);
  if (faults.length > 0) throw new Error(faults.join('\n'));
  return graph;
}

/** Why the program for the target is not valid or does not compute what `evaluate` says for these inputs, or undefined. */
export function programFault(
  graph: Graph,
  inputs: readonly TensorData[],
  target: keyof typeof TARGETS,
): string | undefined {
  const { program } = lower(graph, TARGETS[target]);
  const faults = verifyProgram(program).map(printDiagnostic);
  if (faults.length > 0) return faults.join('\n');
  const typeAt = (names: readonly string[], i: number) => graph.types.get(names[i] as string) as TensorType;
  const machine = new Machine(program);
  const evaluator = new Evaluator(graph);
  // Twice, so that states matter.
  for (const run of [0, 1]) {
    const found = machine.run(inputs.map((data, i) => bytesOf(typeAt(graph.inputs, i), data)));
    const expected = evaluator.run(inputs).outputs.map((data, i) => bytesOf(typeAt(graph.outputs, i), data));
    for (const [i, bytes] of expected.entries()) {
      const isFloat = typeAt(graph.outputs, i).dtype === 'f32';
      const bad = bytes.findIndex((byte, at) => byte !== found[i]?.[at] && !(isFloat && bothNaN(bytes, found[i], at)));
      if (bad >= 0) return `run ${run}, output ${i}, byte ${bad}: ${found[i]?.[bad]}, expected ${bytes[bad]}`;
    }
  }
  return undefined;
}

/** Whether the f32 around the byte is NaN in both buffers: which of the many NaNs an operation gives is not defined. */
function bothNaN(a: Uint8Array, b: Uint8Array | undefined, at: number): boolean {
  const real = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset + (at & ~3), 4).getFloat32(0, true);
  return b !== undefined && Number.isNaN(real(a)) && Number.isNaN(real(b));
}
