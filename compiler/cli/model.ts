/** What every command does first: read and import the model file. */
import { basename } from 'node:path';
import { importModel, type ModelFile } from '../compile.ts';
import type { ImportedModel } from '../import/imported-model.ts';
import { NUMERICS, type Numerics } from '../import/tflite/numerics.ts';
import { readUserFile, UsageError } from './output.ts';

export interface ModelOptions {
  readonly name?: string;
  readonly batch?: string;
  readonly numerics?: string;
}

export interface LoadedModel extends ImportedModel {
  readonly file: ModelFile;
}

/** The model's name is its file's unless given. Throws Failure, UsageError or ImportError. */
export function loadModel(path: string, options: ModelOptions = {}): LoadedModel {
  const name = options.name ?? basename(path).replace(/\.[^.]*$/, '');
  const batch = options.batch === undefined ? undefined : positiveInteger(options.batch, '--batch');
  const numerics = numericsNamed(options.numerics ?? 'tflm');
  const bytes = readUserFile(path, 'model');
  const file: ModelFile = { path, bytes, name, numerics, ...(batch === undefined ? {} : { batch }) };
  return { ...importModel(file), file };
}

/** Throws UsageError that lists the profiles. */
export function numericsNamed(name: string): Numerics {
  const known = NUMERICS.find((profile) => profile === name);
  if (known === undefined) throw new UsageError(`--numerics ${name}: expected one of ${NUMERICS.join(', ')}`);
  return known;
}

/** Throws UsageError unless the text is a positive decimal integer below 2^31. */
export function positiveInteger(text: string, flag: string): number {
  const value = Number(text);
  if (!/^\d{1,10}$/.test(text) || value < 1 || value >= 2 ** 31) {
    throw new UsageError(`${flag}: expected a positive integer, found "${text}"`);
  }
  return value;
}
