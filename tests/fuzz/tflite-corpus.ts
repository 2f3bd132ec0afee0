/** The models that are damaged: the shared networks, the example's, and one small model per operator case. */
import { readFileSync } from 'node:fs';
import { declaredCases, familyNames } from '../support/opcases.ts';
import { sharedModel, sharedModels } from '../support/shared-models.ts';
import { Random } from '../support/tflite/random.ts';
import { type ModelSpec, writeTflite } from '../support/tflite-writer.ts';
import { mutate } from './damage.ts';
import type { Mutant } from './mutant.ts';
import { changeModel } from './tflite-changes.ts';

export interface Corpus {
  readonly names: readonly string[];
  /** How many of the first ones are whole networks. */
  readonly networks: number;
  readonly models: readonly Uint8Array[];
  /** What the models that are no networks were written from. */
  readonly specs: readonly ModelSpec[];
}

export async function loadCorpus(): Promise<Corpus> {
  const digits = new Uint8Array(readFileSync(new URL('../../examples/digits/digits.tflite', import.meta.url)));
  const shared = sharedModels('damaged copies of the shared models');
  const cases = (await Promise.all(familyNames().map(declaredCases))).flat();
  return {
    networks: 1 + shared.length,
    names: ['digits', ...shared, ...cases.map((opCase) => opCase.name)],
    models: [digits, ...shared.map(sharedModel), ...cases.map((opCase) => writeTflite(opCase.model))],
    specs: cases.map((opCase) => opCase.model),
  };
}

/** Shares of the mutants. To build a network takes about fifty times as long as an operator case. */
const NETWORKS = 1 / 8;
const CHANGED = 1 / 2;
const LARGE_BUILT = 1 / 8;
const WASM = 1 / 20;
/** Bytes of files whose mutants are built every time. */
const SMALL = 2 ** 16;

/** Mutant `seed` of the corpus: the same one every time. */
export function mutantOf(corpus: Corpus, seed: number): Mutant {
  const random = new Random(`choice ${seed}`);
  const { networks, models, specs } = corpus;
  const last = models.length - 1;
  const index = random.unit() < NETWORKS ? random.int(0, networks - 1) : random.int(networks, last);
  const isChanged = index >= networks && random.unit() < CHANGED;
  const bytes = isChanged
    ? writeTflite(changeModel(specs[index - networks], seed))
    : mutate(models[index], seed, models[random.int(0, last)]);
  const buildC = models[index].length < SMALL || random.unit() < LARGE_BUILT;
  return { name: corpus.names[index], bytes, buildC, buildWasm: buildC && random.unit() < WASM };
}
