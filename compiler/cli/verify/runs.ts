/** Inputs that commands run models on: seeded random ones, or recorded ones with their recorded outputs. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Graph, typeOfValue } from '../../../ir/tensor/graph.ts';
import { byteSize, type TensorType } from '../../../ir/tensor/types.ts';
import type { Runs } from '../engines/index.ts';
import { positiveInteger } from '../model.ts';
import { Failure, readUserFile, reasonOf } from '../output.ts';
import { randomInputs } from './random-inputs.ts';

export interface RecordedRuns {
  /** For the reader: `random, seed 1`. */
  readonly source: string;
  readonly inputs: Runs;
}

export function randomRuns(graph: Graph, options: { readonly inputs: string; readonly seed: string }): RecordedRuns {
  const count = positiveInteger(options.inputs, '--inputs');
  const seed = positiveInteger(options.seed, '--seed');
  const inputs = Array.from({ length: count }, (_, run) => randomInputs(graph, seed + run));
  return { source: `random, seed ${seed}`, inputs };
}

/**
 * `in_NN.bin`; a model of several inputs has `in_NN_K.bin`. `outputs` reads what was recorded for them: files that begin
 * with one of the names it is given, the first that exists.
 */
export function goldenRuns(
  graph: Graph,
  folder: string,
): RecordedRuns & { readonly outputs: (kinds: readonly string[]) => Runs } {
  const names = new Set(filesOf(folder));
  const found = [...names].flatMap((name) => /^in_(\d+)(_0)?\.bin$/.exec(name)?.[1] ?? []);
  const numbers = [...new Set(found)].sort();
  if (numbers.length === 0)
    throw new Failure(`--golden ${folder}: expected files in_00.bin and out_00.bin, found none`);
  const read = (kind: string, number: string, types: readonly TensorType[]): Uint8Array[] =>
    types.map((type, k) => {
      const file = names.has(`${kind}_${number}_${k}.bin`) ? `${kind}_${number}_${k}.bin` : `${kind}_${number}.bin`;
      const bytes = readUserFile(join(folder, file), 'golden file');
      if (bytes.length === byteSize(type)) return bytes;
      throw new Failure(`${join(folder, file)}: expected ${byteSize(type)} bytes, found ${bytes.length}`);
    });
  const typesOf = (ports: readonly string[]) => ports.map((name) => typeOfValue(graph, name));
  return {
    source: `golden files of ${folder}`,
    inputs: numbers.map((number) => read('in', number, typesOf(graph.inputs))),
    outputs: (kinds) =>
      numbers.map((number) => {
        const isThere = (kind: string) => [...names].some((name) => name.startsWith(`${kind}_${number}`));
        return read(kinds.find(isThere) ?? (kinds.at(-1) as string), number, typesOf(graph.outputs));
      }),
  };
}

function filesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    throw new Failure(`--golden ${folder}: expected a folder; ${reasonOf(error)}`);
  }
}
