/** Tensor bytes in files beside the model. Only files inside the model's folder are read, wherever links may point. */
import { closeSync, openSync, readSync, realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import { MAX_TENSOR_BYTES, type Place, type SourceFile, within } from '../place.ts';
import type { EntryProto } from './schema.ts';

export interface ExternalFiles {
  /** The bytes that the entries name. Throws ImportError. */
  read(entries: readonly EntryProto[], place: Place): Uint8Array;
}

const ADVICE = 'Keep the data file in the folder of the model, or store the tensors in the model.';

/** Reads beside the model file `path`. */
export function externalFiles(source: SourceFile, path: string): ExternalFiles {
  return {
    read(entries, place) {
      const at = within(place, 'external_data');
      const entry = (key: string) => entries.find((candidate) => candidate.key === key)?.value;
      const location = entry('location');
      if (location === undefined) return source.refuse(at, 'a location', 'none');
      const offset = whole(source, entry('offset') ?? '0', 'offset', at);
      const file = inside(source, path, location, at);
      return readPart(source, file, offset, entry('length'), at);
    },
  };
}

function whole(source: SourceFile, text: string, what: string, place: Place): number {
  if (!/^\d{1,15}$/.test(text)) source.refuse(within(place, what), 'a number of bytes', JSON.stringify(text));
  return Number(text);
}

/** The real path of a location; refuses one that leaves the folder by its words or by a link. */
function inside(source: SourceFile, model: string, location: string, place: Place): string {
  const at = within(place, 'location');
  const refuse = () => source.refuse(at, "a file inside the model's folder", JSON.stringify(location), ADVICE);
  if (isAbsolute(location) || location.includes('\0') || /^[a-zA-Z]:|\\/.test(location)) refuse();
  try {
    const folder = realpathSync(dirname(resolve(model)));
    const stated = relative(folder, resolve(folder, location));
    if (stated === '' || stated === '..' || stated.startsWith(`..${sep}`)) refuse();
    const file = realpathSync(resolve(folder, location));
    const real = relative(folder, file);
    if (real === '' || real.startsWith('..') || isAbsolute(real)) refuse();
    return file;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return source.refuse(at, "a file inside the model's folder", `${JSON.stringify(location)} (${code})`, ADVICE);
  }
}

function readPart(
  source: SourceFile,
  file: string,
  offset: number,
  length: string | undefined,
  place: Place,
): Uint8Array {
  // Looked at before it is opened: opening a pipe would wait for its writer.
  const status = statSync(file);
  if (!status.isFile()) source.refuse(within(place, 'location'), 'a regular file', 'something else', ADVICE);
  const size = length === undefined ? status.size - offset : whole(source, length, 'length', place);
  if (size < 0 || offset + size > status.size) {
    source.refuse(place, `bytes within the ${status.size} of the file`, `${size} from ${offset}`);
  }
  if (size > MAX_TENSOR_BYTES) source.refuse(place, `tensors of at most ${MAX_TENSOR_BYTES} bytes`, `${size}`);
  const handle = openSync(file, 'r');
  try {
    const bytes = new Uint8Array(size);
    let done = 0;
    while (done < size) {
      const count = readSync(handle, bytes, done, size - done, offset + done);
      if (count === 0) return source.refuse(place, `${size} bytes`, `${done}`);
      done += count;
    }
    return bytes;
  } finally {
    closeSync(handle);
  }
}
