/**
 * Operator cases: one small .tflite each, with inputs and the bytes that a reference interpreter answered.
 * The models are declared in `tests/import/tflite/opcases/<family>.ts`; `tools/goldens/make.ts` records the answers
 * in `<family>.golden.json` beside them.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { encodeTensorData } from './tflite/data.ts';
import { Random, randomElements } from './tflite/random.ts';
import { type ModelSpec, writeTflite } from './tflite-writer.ts';

/** `tflm`: tflite-micro's reference kernels; `tflite`: TensorFlow Lite's, for what tflite-micro does not have. */
export type Reference = 'tflm' | 'tflite';

/** Elements of one model input: random over the type, random within a range, or given for every run. */
export type InputSpec = 'random' | { readonly min: number; readonly max: number } | readonly (readonly number[])[];

export interface OpCase {
  /** Unique within its family. It seeds the case's random inputs. */
  readonly name: string;
  readonly model: ModelSpec;
  /** One entry per model input; absent entries are random. */
  readonly inputs?: readonly InputSpec[];
  /** Invocations in a row, without a reset between them. */
  readonly runs: number;
  readonly reference: Reference;
}

export interface GoldenFile {
  /** Package versions of the references. */
  readonly versions: Readonly<Partial<Record<Reference, string>>>;
  /** By case name: `<reference> <digest> <answers>`; the answers are base64, `;` between runs, `,` between outputs. */
  readonly cases: Readonly<Record<string, string>>;
}

export interface LoadedCase {
  readonly family: string;
  readonly case: OpCase;
  readonly modelBytes: Uint8Array;
  /** Little-endian bytes: `inputs[run][input]`. */
  readonly inputs: readonly (readonly Uint8Array[])[];
  /** Little-endian bytes: `golden[run][output]`. */
  readonly golden: readonly (readonly Uint8Array[])[];
}

const FOLDER = new URL('../import/tflite/opcases/', import.meta.url);

/** Names of the families, in alphabetical order. */
export function familyNames(): string[] {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.ts'));
  return files.map((file) => file.slice(0, -'.ts'.length)).sort();
}

/** The declared cases of a family. Throws when two have the same name. */
export async function declaredCases(family: string): Promise<readonly OpCase[]> {
  const module: { readonly cases: readonly OpCase[] } = await import(new URL(`${family}.ts`, FOLDER).href);
  const names = module.cases.map((c) => c.name);
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated !== undefined) throw new Error(`opcases/${family}.ts: two cases are named ${repeated}`);
  return module.cases;
}

export function goldenPath(family: string): URL {
  return new URL(`${family}.golden.json`, FOLDER);
}

/** The recorded answers of a family; without a file, none. */
export function readGolden(family: string): GoldenFile {
  const path = goldenPath(family);
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : { versions: {}, cases: {} };
}

/** The bytes of each input of each run. */
export function caseInputs(opCase: OpCase): Uint8Array[][] {
  const main = opCase.model.subgraphs[0];
  const random = new Random(`inputs of ${opCase.name}`);
  return Array.from({ length: opCase.runs }, (_, run) =>
    main.inputs.map((index, position) => {
      const tensor = main.tensors[index];
      const spec = opCase.inputs?.[position] ?? 'random';
      if (spec === 'random') return encodeTensorData(tensor, randomElements(random, tensor));
      if ('min' in spec) return encodeTensorData(tensor, randomElements(random, tensor, spec));
      return encodeTensorData(tensor, spec[run]);
    }),
  );
}

/** Of the model and its inputs, so that an answer to another question is noticed. */
export function caseDigest(modelBytes: Uint8Array, inputs: readonly (readonly Uint8Array[])[]): string {
  const hash = createHash('sha256').update(modelBytes);
  for (const bytes of inputs.flat()) hash.update(bytes);
  return hash.digest('hex').slice(0, 16);
}

/**
 * Every declared case of the families (all without an argument) with its recorded answers.
 * Throws, with the command that records anew, when a case has no answer or has changed since.
 */
export async function loadCases(families: readonly string[] = familyNames()): Promise<LoadedCase[]> {
  const loaded: LoadedCase[] = [];
  for (const family of families) {
    const golden = readGolden(family);
    for (const opCase of await declaredCases(family)) loaded.push(loadCase(family, opCase, golden));
  }
  return loaded;
}

function loadCase(family: string, opCase: OpCase, file: GoldenFile): LoadedCase {
  const modelBytes = writeTflite(opCase.model);
  const inputs = caseInputs(opCase);
  const golden = file.cases[opCase.name];
  const [, digest, answers] = golden?.split(' ') ?? [];
  if (answers === undefined || digest !== caseDigest(modelBytes, inputs)) {
    const what = golden === undefined ? 'has no recorded answer' : 'has changed since its answer was recorded';
    throw new Error(
      `opcases/${family}.ts: case ${opCase.name} ${what}; record it: node --import ./tools/ts.mjs tools/goldens/make.ts ${family}`,
    );
  }
  const outputs = answers
    .split(';')
    .map((run) => run.split(',').map((text) => new Uint8Array(Buffer.from(text, 'base64'))));
  return { family, case: opCase, modelBytes, inputs, golden: outputs };
}
