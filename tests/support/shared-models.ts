/** The shared folder of trained networks and recorded answers: `MCC_SHARED`, or `../shared` beside the repository. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { recordSkip } from './toolchains.ts';

export const SHARED = process.env.MCC_SHARED ?? fileURLToPath(new URL('../../../shared', import.meta.url));

/** Names of the shared models, without `.tflite`; none, and a recorded skip under the test's name, without the folder. */
export function sharedModels(test: string): string[] {
  const folder = join(SHARED, 'models');
  if (!existsSync(folder)) {
    recordSkip(test, `no shared models at ${folder} (set MCC_SHARED)`);
    return [];
  }
  const files = readdirSync(folder).filter((file) => file.endsWith('.tflite'));
  return files.map((file) => file.slice(0, -'.tflite'.length)).sort();
}

export function sharedModel(name: string): Uint8Array {
  return new Uint8Array(readFileSync(join(SHARED, 'models', `${name}.tflite`)));
}

/** Path of a recorded answer, relative to the model's folder: `in_00.bin`, `layers/log.txt`. */
export function goldenFile(model: string, file: string): string {
  return join(SHARED, 'golden', model, file);
}
