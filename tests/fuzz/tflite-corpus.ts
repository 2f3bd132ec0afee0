/** The models that are damaged: the shared networks, the example's, and one small model per operator case. */
import { readFileSync } from 'node:fs';
import { declaredCases, familyNames } from '../support/opcases.ts';
import { sharedModel, sharedModels } from '../support/shared-models.ts';
import { writeTflite } from '../support/tflite-writer.ts';
import { mutate } from './tflite.ts';

export interface Corpus {
  readonly names: readonly string[];
  /** How many of the first ones are whole networks. */
  readonly networks: number;
  readonly models: readonly Uint8Array[];
}

export async function loadCorpus(): Promise<Corpus> {
  const digits = new Uint8Array(readFileSync(new URL('../../examples/digits/digits.tflite', import.meta.url)));
  const shared = sharedModels('damaged copies of the shared models');
  const cases = (await Promise.all(familyNames().map(declaredCases))).flat();
  return {
    networks: 1 + shared.length,
    names: ['digits', ...shared, ...cases.map((opCase) => opCase.name)],
    models: [digits, ...shared.map(sharedModel), ...cases.map((opCase) => writeTflite(opCase.model))],
  };
}

/** Mutant `seed` of the corpus; every other one is of a whole network, the rest are of operator cases. */
export function mutantOf(corpus: Corpus, seed: number): { name: string; bytes: Uint8Array } {
  const { networks } = corpus;
  const count = corpus.models.length;
  const index = seed % 2 === 0 ? (seed / 2) % networks : networks + ((seed * 31) % (count - networks));
  const other = corpus.models[(seed * 17) % count];
  return { name: corpus.names[index], bytes: mutate(corpus.models[index], seed, other) };
}
