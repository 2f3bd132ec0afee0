/**
 * NumPy's .npz format: a zip file with one .npy file for each array. Members are inflated as they are read and never
 * held whole, and may not grow beyond the size that the zip's directory declares.
 */

import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { type Entry, open, type ZipFile } from 'yauzl';
import { arrayReader } from './array.ts';
import { ByteReader } from './byte-reader.ts';
import { DataError, reasonOf } from './error.ts';
import { readNpyHeader } from './npy.ts';
import type { Reader } from './record.ts';

const MAX_MEMBERS = 10_000;
/** Deflate makes at most 1032 bytes of one; what declares more is damaged or hostile. */
const MAX_RATIO = 1100;

/** `member` may be left out where the file has one array. Throws DataError. */
export async function npzReader(path: string, member?: string): Promise<Reader> {
  const names = await memberNames(path);
  const name = member === undefined ? names[0] : names.find((found) => found === member || found === `${member}.npy`);
  if (name === undefined || (member === undefined && names.length > 1)) {
    const list = names.slice(0, 20).map((found) => `"${found.replace(/\.npy$/, '')}"`);
    throw new DataError({
      file: path,
      expected: member === undefined ? 'the name of one of its arrays' : `an array "${member}"`,
      found: list.length === 0 ? 'an empty archive' : list.join(', '),
      ...(list.length === 0 ? {} : { advice: `name one after the path: ${path}#${names[0]?.replace(/\.npy$/, '')}` }),
    });
  }
  const label = `${path}#${name.replace(/\.npy$/, '')}`;
  const bytes = async () => new ByteReader(memberBytes(path, name), label);
  return await arrayReader(label, 'npz', bytes, (from) => readNpyHeader(from, label));
}

async function memberNames(path: string): Promise<string[]> {
  const names: string[] = [];
  for await (const entry of entries(path)) names.push(entry.fileName);
  return names;
}

async function* entries(path: string): AsyncGenerator<Entry> {
  const zip = await openZip(path);
  try {
    yield* entriesOf(zip, path);
  } finally {
    zip.close();
  }
}

async function* memberBytes(path: string, name: string): AsyncGenerator<Uint8Array> {
  const zip = await openZip(path);
  try {
    for await (const entry of entriesOf(zip, path)) {
      if (entry.fileName !== name) continue;
      const stream: Readable = await promisify((done: (error: Error | null, stream: Readable) => void) =>
        zip.openReadStream(entry, done),
      )();
      yield* stream;
      return;
    }
  } catch (error) {
    throw zipFault(path, error);
  } finally {
    zip.close();
  }
}

async function openZip(path: string): Promise<ZipFile> {
  const options = { lazyEntries: true, autoClose: false, validateEntrySizes: true };
  try {
    return await promisify((done: (error: Error | null, zip: ZipFile) => void) => open(path, options, done))();
  } catch (error) {
    throw zipFault(path, error);
  }
}

async function* entriesOf(zip: ZipFile, path: string): AsyncGenerator<Entry> {
  for (let count = 0; ; count++) {
    const entry = await nextEntry(zip).catch((error: unknown) => {
      throw zipFault(path, error);
    });
    if (entry === undefined) return;
    const place = `member "${entry.fileName}"`;
    if (count >= MAX_MEMBERS) {
      throw new DataError({ file: path, expected: `at most ${MAX_MEMBERS} arrays`, found: 'more' });
    }
    if (entry.uncompressedSize > MAX_RATIO * (entry.compressedSize + 1)) {
      throw new DataError({
        file: path,
        place,
        expected: `at most ${MAX_RATIO} bytes for each compressed byte`,
        found: `${entry.uncompressedSize} bytes from ${entry.compressedSize}`,
      });
    }
    yield entry;
  }
}

/** The next entry of the directory; undefined after the last. */
function nextEntry(zip: ZipFile): Promise<Entry | undefined> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      zip.removeAllListeners('entry').removeAllListeners('end').removeAllListeners('error');
      act();
    };
    zip.once('entry', (entry: Entry) => settle(() => resolve(entry)));
    zip.once('end', () => settle(() => resolve(undefined)));
    zip.once('error', (error: Error) => settle(() => reject(error)));
    zip.readEntry();
  });
}

function zipFault(path: string, error: unknown): DataError {
  if (error instanceof DataError) return error;
  return new DataError({ file: path, expected: 'a whole .npz file', found: reasonOf(error) });
}
