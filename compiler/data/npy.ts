/** NumPy's .npy format, versions 1 to 3, C order (numpy.lib.format). */
import { type ArrayHeader, arrayReader } from './array.ts';
import { type ByteReader, openBytes } from './byte-reader.ts';
import { ELEMENT_NAMES, isElement } from './elements.ts';
import { DataError } from './error.ts';
import type { Reader } from './record.ts';

const MAGIC = '\x93NUMPY';
const MAX_HEADER_BYTES = 1 << 16;

export function npyReader(path: string): Promise<Reader> {
  return arrayReader(
    path,
    'npy',
    async () => openBytes(path),
    (bytes) => readNpyHeader(bytes, path),
  );
}

/** Takes the header of a .npy file, up to its first number. Throws DataError naming `file`. */
export async function readNpyHeader(bytes: ByteReader, file: string): Promise<ArrayHeader> {
  const start = await bytes.take(8, 'a .npy file');
  const fault = (expected: string, found: string, advice?: string) =>
    new DataError({ file, expected, found, ...(advice === undefined ? {} : { advice }) });
  if (Buffer.from(start.subarray(0, 6)).toString('latin1') !== MAGIC) throw fault('a .npy file', 'other content');
  const version = start[6] as number;
  if (version < 1 || version > 3) throw fault('.npy format version 1 to 3', `version ${version}`);
  const size = Buffer.from(await bytes.take(version === 1 ? 2 : 4, 'the length of the .npy header'));
  const length = version === 1 ? size.readUInt16LE() : size.readUInt32LE();
  if (length > MAX_HEADER_BYTES) throw fault(`a .npy header of at most ${MAX_HEADER_BYTES} bytes`, `${length}`);
  const text = Buffer.from(await bytes.take(length, 'the .npy header')).toString('latin1');
  const { descr, shape, isFortran } = parseNpyHeader(text);
  if (descr === undefined || shape === undefined || isFortran === undefined) {
    const expected = "'descr', 'fortran_order' and 'shape' of whole numbers in the header";
    throw fault(expected, text.trim(), 'structured arrays are not read');
  }
  if (isFortran && shape.length > 1) {
    throw fault('C order', 'Fortran order', 'save it with numpy.ascontiguousarray');
  }
  const element = descr.slice(1);
  if (!/^[<>|=]/.test(descr) || !isElement(element)) {
    throw fault(`an element type of ${ELEMENT_NAMES}`, `'${descr}'`, 'convert it with astype before saving');
  }
  return { element, little: descr[0] !== '>', shape };
}

/** The dictionary in a header; a field is undefined where it is missing or not what it should be. */
export function parseNpyHeader(text: string): {
  readonly descr: string | undefined;
  readonly shape: readonly number[] | undefined;
  readonly isFortran: boolean | undefined;
} {
  const descr = /'descr':\s*'([^']*)'/.exec(text)?.[1];
  const shape = /'shape':\s*\(([^)]*)\)/.exec(text)?.[1];
  const fortran = /'fortran_order':\s*(True|False)/.exec(text)?.[1];
  return {
    descr,
    shape: shape === undefined ? undefined : parseShape(shape),
    isFortran: fortran === undefined ? undefined : fortran === 'True',
  };
}

function parseShape(text: string): number[] | undefined {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.at(-1) === '') parts.pop();
  const shape = parts.map((part) => (/^\d{1,15}$/.test(part) ? Number(part) : -1));
  return shape.every((extent) => extent >= 0) ? shape : undefined;
}
