/** What every command does first: read and import the model file. */
import { basename } from 'node:path';
import { importModel, type ModelFile } from '../compile.ts';
import type { ImportedModel } from '../import/imported-model.ts';
import { NUMERICS, type Numerics } from '../import/tflite/numerics.ts';
import { npyNumbers, readNpy } from './npy.ts';
import { readUserFile, UsageError } from './output.ts';

export interface ModelOptions {
  readonly name?: string;
  readonly batch?: string;
  readonly numerics?: string;
  /** `name=1,3,224,224` */
  readonly shape?: readonly string[];
  /** `name=1,2,3` or `name=file.npy` */
  readonly constant?: readonly string[];
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
  const shapes = namedFlags(options.shape, '--shape', shapeOf);
  const constants = namedFlags(options.constant, '--constant', constantOf);
  const file: ModelFile = {
    path,
    bytes,
    name,
    numerics,
    ...(batch === undefined ? {} : { batch }),
    ...(shapes === undefined ? {} : { shapes }),
    ...(constants === undefined ? {} : { constants }),
  };
  return { ...importModel(file), file };
}

/** Flags `name=value` by name; undefined when there is none. Throws UsageError for another form. */
function namedFlags<T>(
  flags: readonly string[] | undefined,
  flag: string,
  parse: (value: string, flag: string) => T,
): ReadonlyMap<string, T> | undefined {
  if (flags === undefined || flags.length === 0) return undefined;
  return new Map(
    flags.map((text) => {
      const at = text.lastIndexOf('=');
      if (at < 1) throw new UsageError(`${flag} ${text}: expected name=value`);
      return [text.slice(0, at), parse(text.slice(at + 1), `${flag} ${text}`)] as const;
    }),
  );
}

function shapeOf(text: string, flag: string): readonly number[] {
  return text === '' ? [] : text.split(',').map((extent) => positiveInteger(extent, flag));
}

/** Numbers, or the elements of a NumPy file. */
function constantOf(text: string, flag: string): ArrayLike<number> {
  if (text.endsWith('.npy')) return npyNumbers(readNpy(readUserFile(text, 'constant'), text), text);
  return text.split(',').map((item) => {
    const value = Number(item);
    if (item.trim() === '' || Number.isNaN(value)) throw new UsageError(`${flag}: expected numbers, found "${item}"`);
    return value;
  });
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
