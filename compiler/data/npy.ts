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
  const descr = /'descr':\s*'([^']*)'/.exec(text)?.[1];
  const shapeText = /'shape':\s*\(([^)]*)\)/.exec(text)?.[1];
  const fortran = /'fortran_order':\s*(True|False)/.exec(text)?.[1];
  if (descr === undefined || shapeText === undefined || fortran === undefined) {
    throw fault("'descr', 'fortran_order' and 'shape' in the header", text.trim(), 'structured arrays are not read');
  }
  const shape = parseShape(shapeText);
  if (shape === undefined) throw fault('a shape of whole numbers', `(${shapeText})`);
  if (fortran === 'True' && shape.length > 1) {
    throw fault('C order', 'Fortran order', 'save it with numpy.ascontiguousarray');
  }
  const element = descr.slice(1);
  if (!/^[<>|=]/.test(descr) || !isElement(element)) {
    throw fault(`an element type of ${ELEMENT_NAMES}`, `'${descr}'`, 'convert it with astype before saving');
  }
  return { element, little: descr[0] !== '>', shape };
}

function parseShape(text: string): number[] | undefined {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.at(-1) === '') parts.pop();
  const shape = parts.map((part) => (/^\d{1,15}$/.test(part) ? Number(part) : -1));
  return shape.every((extent) => extent >= 0) ? shape : undefined;
}
