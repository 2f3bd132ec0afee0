/** Finding the first operator whose output differs between an engine and the reference. */
import { bytesOf, dataFromBytes } from '../../../ir/tensor/bytes.ts';
import { evaluate } from '../../../ir/tensor/evaluate.ts';
import { type Graph, typeOfValue, type ValueName } from '../../../ir/tensor/graph.ts';
import type { TensorData } from '../../../ir/tensor/types.ts';
import type { EngineName, Session } from '../engines/index.ts';
import type { LoadedModel } from '../model.ts';
import { firstDifference } from './difference.ts';

/** The graph with every value that a node makes as an output, its own outputs first. */
export function exposeLayers(graph: Graph): Graph {
  const made = graph.nodes.flatMap((node) => node.outputs);
  return { ...graph, outputs: [...graph.outputs, ...made.filter((value) => !graph.outputs.includes(value))] };
}

/** One sentence: the operator, its place in the file, and the first value that differs. */
export async function firstDifferingLayer(
  model: LoadedModel,
  engine: EngineName,
  inputs: readonly Uint8Array[],
  open: (engine: EngineName, graph: Graph) => Promise<Session>,
): Promise<string> {
  const graph = exposeLayers(model.graph);
  const data = graph.inputs.map((name, i) => dataFromBytes(typeOfValue(graph, name), inputs[i] as Uint8Array));
  const { values } = evaluate(graph, data);
  const session = await open(engine, graph);
  try {
    const outputs = (await session.run([inputs]))[0] as readonly Uint8Array[];
    for (const node of graph.nodes) {
      for (const value of node.outputs) {
        const type = typeOfValue(graph, value);
        const expected = bytesOf(type, values.get(value) as TensorData);
        const found = outputs[graph.outputs.indexOf(value)] as Uint8Array;
        const difference = firstDifference([type], [[expected]], [[found]], 0);
        if (difference === undefined) continue;
        return `first operator that differs: ${operatorText(model, value)} (${node.op}), at ${difference.index}: expected ${difference.expected}, found ${difference.found}`;
      }
    }
  } finally {
    session.close();
  }
  return 'no operator differs when every layer is kept, so the fault lies in what ends layers: memory plan or exact passes';
}

function operatorText({ layers }: LoadedModel, value: ValueName): string {
  const layer = layers.find(({ outputs }) => outputs.includes(value));
  return layer === undefined ? `%${value}` : `operator ${layer.index} ${layer.opcode} "${value}"`;
}
