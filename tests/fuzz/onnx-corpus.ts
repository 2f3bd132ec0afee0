/** The ONNX models that are damaged: those of the backend test suite. */
import { caseNames, type Group, suiteFile } from '../support/onnx-suite.ts';
import { Random } from '../support/tflite/random.ts';
import { mutate } from './damage.ts';
import type { Mutant } from './mutant.ts';

export interface OnnxCorpus {
  readonly names: readonly string[];
  readonly models: readonly Uint8Array[];
}

const GROUPS: readonly Group[] = ['node', 'simple', 'pytorch-operator', 'pytorch-converted'];
const WASM = 1 / 20;

export function loadOnnxCorpus(): OnnxCorpus {
  const paths = GROUPS.flatMap((group) => caseNames(group).map((name) => `${group}/${name}/model.onnx`));
  return { names: paths, models: paths.map(suiteFile) };
}

/** Mutant `seed` of the corpus: the same one every time. */
export function onnxMutantOf({ names, models }: OnnxCorpus, seed: number): Mutant {
  const random = new Random(`onnx choice ${seed}`);
  const last = models.length - 1;
  const index = random.int(0, last);
  const bytes = mutate(models[index], seed, models[random.int(0, last)]);
  return { name: names[index], bytes, buildC: true, buildWasm: random.unit() < WASM };
}
