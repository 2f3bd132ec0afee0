/** `mcc run`: one inference on any engine, from files to files. */

import { bytesOf, dataFromBytes } from '../../../ir/tensor/bytes.ts';
import { evaluate } from '../../../ir/tensor/evaluate.ts';
import { type Graph, typeOfValue, type ValueName } from '../../../ir/tensor/graph.ts';
import { typeText } from '../../../ir/tensor/types.ts';
import { crc32 } from '../engines/harness-log.ts';
import { ENGINES, type EngineName, isEngine, missingFor, openSession } from '../engines/index.ts';
import { type LoadedModel, loadModel, type ModelOptions } from '../model.ts';
import { Failure, type TextOrBytes, UsageError, writeOutput } from '../output.ts';
import { readInputs } from '../ports.ts';

export interface RunOptions extends ModelOptions {
  readonly engine: string;
  readonly input: readonly string[];
  readonly outputDir: string;
  readonly layers?: boolean;
}

export async function run(path: string, options: RunOptions): Promise<void> {
  const engine = engineNamed(options.engine, '--engine');
  if (options.layers === true && engine !== 'reference') {
    throw new UsageError(`--layers: only the reference engine keeps them, found --engine ${engine}`);
  }
  const model = loadModel(path, options);
  const inputs = readInputs(model.graph, options.input, model.tensorNames);
  const outputs = await runOnce(engine, model.graph, inputs);
  const files: TextOrBytes[] = outputs.map((content, i) => ({ path: `out_${i}.bin`, content }));
  if (options.layers === true) files.push(...layerFiles(model, inputs));
  writeOutput(options.outputDir, files);
  model.graph.outputs.forEach((name, i) => {
    const bytes = outputs[i] as Uint8Array;
    const crc = crc32(bytes).toString(16).padStart(8, '0');
    console.log(
      `out_${i}.bin  ${name}  ${typeText(typeOfValue(model.graph, name))}  ${bytes.length} bytes  crc ${crc}`,
    );
  });
}

/** Throws UsageError that lists the engines. */
export function engineNamed(name: string, flag: string): EngineName {
  if (isEngine(name)) return name;
  throw new UsageError(`${flag} ${name}: no such engine; expected one of ${ENGINES.join(', ')}`);
}

async function runOnce(
  engine: EngineName,
  graph: Graph,
  inputs: readonly Uint8Array[],
): Promise<readonly Uint8Array[]> {
  const missing = missingFor(engine);
  if (missing !== undefined) throw new Failure(`engine ${engine}: ${missing}`);
  const session = await openSession(engine, graph);
  try {
    return (await session.run([inputs]))[0] as readonly Uint8Array[];
  } finally {
    session.close();
  }
}

/** `opKK.bin` for operator KK of the file; further outputs of the same operator are `opKK_1.bin` and so on. */
function layerFiles({ graph, layers }: LoadedModel, inputs: readonly Uint8Array[]): TextOrBytes[] {
  const data = graph.inputs.map((name, i) => dataFromBytes(typeOfValue(graph, name), inputs[i] as Uint8Array));
  const { values } = evaluate(graph, data);
  return layers.flatMap(({ index, outputs }) =>
    outputs.map((name: ValueName, i: number) => ({
      path: `op${String(index).padStart(2, '0')}${i === 0 ? '' : `_${i}`}.bin`,
      content: bytesOf(typeOfValue(graph, name), values.get(name) as Parameters<typeof bytesOf>[1]),
    })),
  );
}
