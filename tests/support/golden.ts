/** The shared models with their recorded inputs and outputs, and running them on an engine. */
import { existsSync, readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import {
  type EngineName,
  missingFor,
  openSession,
  type Runs,
  type SessionOptions,
} from '../../compiler/cli/engines/index.ts';
import { firstDifference } from '../../compiler/cli/verify/difference.ts';
import { importModel } from '../../compiler/compile.ts';
import type { ImportedModel } from '../../compiler/import/imported-model.ts';
import type { Numerics } from '../../compiler/import/tflite/numerics.ts';
import { typeOfValue } from '../../ir/tensor/graph.ts';
import { goldenFile, SHARED, sharedModel } from './shared-models.ts';
import { recordSkip } from './toolchains.ts';

export const INT8_MODELS = ['ad', 'hello', 'ic', 'kws', 'micro_speech', 'person', 'strww', 'vww'] as const;

/** Float models with the largest absolute error that is allowed; the weights of kws_f32 are int8, which runtimes treat differently. */
export const FLOAT_MODELS = [
  { name: 'ad_f32', tolerance: 1e-4 },
  { name: 'ic_f32', tolerance: 1e-4 },
  { name: 'kws_f32', tolerance: 2e-3 },
  { name: 'vww_f32', tolerance: 1e-4 },
] as const;

/** Whether the shared folder is there; without it, records the skip. */
export function hasShared(test: string): boolean {
  if (existsSync(`${SHARED}/models`)) return true;
  recordSkip(test, `no shared models at ${SHARED} (set MCC_SHARED)`);
  return false;
}

/** Whether the engine can run here; without it, records the skip. */
export function canRun(engine: EngineName, test: string): boolean {
  const missing = missingFor(engine);
  if (missing === undefined) return true;
  recordSkip(test, missing);
  return false;
}

export function importShared(name: string, numerics: Numerics = 'tflm'): ImportedModel {
  return importModel({ path: `${name}.tflite`, name, bytes: sharedModel(name), numerics });
}

/** Recorded inputs and outputs (`out`, or of a profile) 0 to count - 1 of a model with one input and one output. */
export function goldens(
  name: string,
  count: number,
  recorded = 'out',
): { readonly inputs: Runs; readonly outputs: Runs } {
  const read = (kind: string) =>
    Array.from({ length: count }, (_, n) => [
      new Uint8Array(readFileSync(goldenFile(name, `${kind}_${String(n).padStart(2, '0')}.bin`))),
    ]);
  return { inputs: read('in'), outputs: read(recorded) };
}

/** Runs a model on an engine and fails on the first output that is not the recorded one. */
export async function assertGolden(
  name: string,
  engine: EngineName,
  count: number,
  options: SessionOptions & { readonly tolerance?: number } = {},
): Promise<void> {
  const { graph } = importShared(name);
  const { inputs, outputs } = goldens(name, count);
  const session = await openSession(engine, graph, options);
  try {
    const found = await session.run(inputs);
    const types = graph.outputs.map((output) => typeOfValue(graph, output));
    const difference = firstDifference(types, outputs, found, options.tolerance ?? 0);
    const reproduce = `npx mcc verify $MCC_SHARED/models/${name}.tflite --engines ${engine} --golden $MCC_SHARED/golden/${name}`;
    assert.is(difference, undefined, `${name} on ${engine}: ${JSON.stringify(difference)}\nreproduce: ${reproduce}`);
  } finally {
    session.close();
  }
}

/** One test per model: the int8 models on `count` inputs, the float models on their one. */
export function goldenTests(
  test: (name: string, body: () => Promise<void>) => void,
  engine: EngineName,
  count: number,
  options: SessionOptions & { readonly label?: string; readonly floats?: boolean } = {},
): void {
  const label = options.label ?? engine;
  if (!hasShared(`models on ${label}`) || !canRun(engine, `models on ${label}`)) return;
  for (const name of INT8_MODELS) {
    test(`${name} on ${label}, ${count} inputs`, () => assertGolden(name, engine, count, options));
  }
  for (const { name, tolerance } of options.floats === false ? [] : FLOAT_MODELS) {
    test(`${name} on ${label}`, () => assertGolden(name, engine, 1, { ...options, tolerance }));
  }
}
