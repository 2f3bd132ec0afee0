/** The models that bench:web and bench:host measure: an input, and the recorded answers to it. */
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { importModel, simplify } from '../../compiler/compile.ts';
import { dataFromBytes } from '../../ir/tensor/bytes.ts';
import { evaluate } from '../../ir/tensor/evaluate.ts';
import { type Graph, typeOfValue } from '../../ir/tensor/graph.ts';
import { opRecord } from '../../ir/tensor/ops/index.ts';
import { byteSize, elementCount, type TensorData, type TensorType } from '../../ir/tensor/types.ts';
import { mobilenetV2 } from './mobilenet.ts';

const SHARED = process.env.MCC_SHARED ?? fileURLToPath(new URL('../../../shared', import.meta.url));

export const INT8_MODELS = ['kws', 'ic', 'vww', 'ad', 'strww', 'person'] as const;
export const F32_MODELS = ['ad_f32', 'ic_f32', 'vww_f32', 'mobilenet_v2'] as const;

export interface Model {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** As the file has it. */
  readonly imported: Graph;
  /** After the exact passes. */
  readonly graph: Graph;
  /** Of the file: the exact passes may save some. */
  readonly macs: number;
  readonly isFloat: boolean;
  readonly inputs: readonly Port[];
  /** What tflite-micro answers, or for a model without a recording mcc's definition. */
  readonly expected: readonly TensorData[];
  /** What LiteRT answers, where it was recorded and is not the same. */
  readonly litert: readonly TensorData[];
}

export interface Port {
  readonly type: TensorType;
  readonly data: TensorData;
}

/** A shared model by its name, the made `mobilenet_v2`, or any other by its path. @throws Error when there is no such file */
export function readModel(nameOrPath: string): Model {
  const isPath = nameOrPath.endsWith('.tflite');
  const path = isPath ? nameOrPath : `${SHARED}/models/${nameOrPath}.tflite`;
  const name = basename(path, '.tflite');
  const bytes = name === 'mobilenet_v2' ? mobilenetV2() : new Uint8Array(readFileSync(path));
  const imported = importModel({ path, bytes, name, batch: 1 }).graph;
  const graph = simplify(imported);
  const recorded = (kind: string, names: readonly string[]): TensorData[] | undefined => {
    const file = `${SHARED}/golden/${name}/${kind}_00.bin`;
    return names.length === 1 && existsSync(file)
      ? names.map((port) => dataFromBytes(typeOfValue(graph, port), new Uint8Array(readFileSync(file))))
      : undefined;
  };
  const data = recorded('in', graph.inputs) ?? seededInputs(graph);
  const expected = recorded('out', graph.outputs) ?? [...evaluate(graph, data).outputs];
  return {
    name,
    bytes,
    imported,
    graph,
    macs: macsOf(imported),
    isFloat: typeOfValue(graph, graph.outputs[0] as string).dtype === 'f32',
    inputs: graph.inputs.map((port, i) => ({ type: typeOfValue(graph, port), data: data[i] as TensorData })),
    expected,
    litert: recorded('litert', graph.outputs) ?? expected,
  };
}

/** Bytes of a linear congruential generator (Numerical Recipes'); floats between -1 and 1. */
function seededInputs(graph: Graph): TensorData[] {
  let x = 12345;
  const nextByte = (): number => {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    return x >>> 24;
  };
  return graph.inputs.map((port) => {
    const type = typeOfValue(graph, port);
    if (type.dtype === 'f32') {
      return Float32Array.from({ length: elementCount(type.shape) }, () => nextByte() / 127.5 - 1);
    }
    return dataFromBytes(type, Uint8Array.from({ length: byteSize(type) }, nextByte));
  });
}

function macsOf(graph: Graph): number {
  const types = (names: readonly string[]) => names.map((name) => typeOfValue(graph, name));
  return graph.nodes.reduce((sum, { op, inputs, outputs }) => {
    const macs = opRecord(op).macs?.({ inputs: types(inputs), outputs: types(outputs) });
    return sum + (macs ?? 0);
  }, 0);
}
