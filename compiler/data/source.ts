/** One source of samples as the user names it, `path` or `path#part`, opened as what its first bytes say it is. */
import { existsSync, statSync } from 'node:fs';
import { extname, isAbsolute, join } from 'node:path';
import { firstBytes, openBytes } from './byte-reader.ts';
import { openTable, selectColumns, type Table, tableReader } from './csv.ts';
import { DataError } from './error.ts';
import { folderReader, type SampleFile } from './folder.ts';
import { idxReader } from './idx.ts';
import { npyReader } from './npy.ts';
import { npzReader } from './npz.ts';
import type { Reader } from './record.ts';

export interface Source {
  readonly path: string;
  /** The array of a .npz file, or columns of a .csv file. */
  readonly part: string | undefined;
}

/** Relative paths are below `base`. A path that exists may have a '#' of its own. */
export function parseSource(text: string, base: string): Source {
  const under = (path: string) => (isAbsolute(path) ? path : join(base, path));
  const at = text.lastIndexOf('#');
  if (at < 0 || existsSync(under(text))) return { path: under(text), part: undefined };
  return { path: under(text.slice(0, at)), part: text.slice(at + 1) };
}

export type OpenSource =
  | { readonly kind: 'folder'; readonly reader: Reader; readonly files: readonly SampleFile[] }
  | { readonly kind: 'table'; readonly table: Table }
  | { readonly kind: 'array'; readonly reader: Reader };

const TABLE_EXTENSIONS = ['.csv', '.txt'];

/** `input` is the number of the model's input, which folders of raw files need. Throws DataError. */
export async function openSource({ path, part }: Source, input: number): Promise<OpenSource> {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) {
    const reader = folderReader(path, input);
    refusePart(path, part, 'a folder');
    return { kind: 'folder', reader, files: reader.files };
  }
  const start = firstBytes(path, 4);
  if (start.toString('latin1') === 'PK\x03\x04') return { kind: 'array', reader: await npzReader(path, part) };
  if (TABLE_EXTENSIONS.includes(extname(path).toLowerCase())) return { kind: 'table', table: await openTable(path) };
  refusePart(path, part, 'this file');
  const isIdx = await startsAsIdx(path);
  if (isIdx) return { kind: 'array', reader: await idxReader(path) };
  if (start.toString('latin1') === '\x93NUM') return { kind: 'array', reader: await npyReader(path) };
  throw new DataError({
    file: path,
    expected: 'a .npy, .npz, .csv or IDX file (also .gz), or a folder of images, .wav or in_NN.bin',
    found: start.length === 0 ? 'an empty file' : `a file that begins with ${[...start].join(', ')}`,
  });
}

/** The columns of a table as a reader: those that `part` names, else all but `others`. Throws DataError. */
export function columnsReader(table: Table, part: string | undefined, others: readonly number[]): Reader {
  if (part !== undefined) return tableReader(table, selectColumns(table, part));
  return tableReader(
    table,
    [...table.columns.keys()].filter((column) => !others.includes(column)),
  );
}

async function startsAsIdx(path: string): Promise<boolean> {
  const bytes = openBytes(path);
  try {
    const start = await bytes.take(4, 'a header');
    return start[0] === 0 && start[1] === 0;
  } catch (error) {
    // Too short or damaged gzip: what remains says what it is.
    if (error instanceof DataError) return false;
    throw error;
  } finally {
    await bytes.close();
  }
}

function refusePart(path: string, part: string | undefined, what: string): void {
  if (part === undefined) return;
  const advice = 'only .npz files have arrays and .csv files columns to name';
  throw new DataError({ file: path, expected: `no "#${part}" after ${what}`, found: 'one', advice });
}
