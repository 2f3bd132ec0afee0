/**
 * The IDX format of MNIST and its relatives (yann.lecun.com/exdb/mnist), plain or as .gz: two zero bytes, an element type,
 * the rank, the extents as big-endian 32-bit numbers, then the numbers, big-endian.
 */
import { type ArrayHeader, arrayReader } from './array.ts';
import { type ByteReader, openBytes } from './byte-reader.ts';
import type { Element } from './elements.ts';
import { DataError } from './error.ts';
import type { Reader } from './record.ts';

const ELEMENT_CODES: Readonly<Record<number, Element>> = {
  8: 'u1',
  9: 'i1',
  11: 'i2',
  12: 'i4',
  13: 'f4',
  14: 'f8',
};

export function idxReader(path: string): Promise<Reader> {
  return arrayReader(
    path,
    'idx',
    async () => openBytes(path),
    (bytes) => readHeader(bytes, path),
  );
}

async function readHeader(bytes: ByteReader, file: string): Promise<ArrayHeader> {
  const start = await bytes.take(4, 'an IDX file');
  const element = ELEMENT_CODES[start[2] as number];
  if (start[0] !== 0 || start[1] !== 0 || element === undefined) {
    throw new DataError({
      file,
      expected: `an IDX file: 0, 0 and an element type of ${Object.keys(ELEMENT_CODES).join(', ')}`,
      found: `${start.subarray(0, 3).join(', ')}`,
    });
  }
  const extents = Buffer.from(await bytes.take(4 * (start[3] as number), 'extents'));
  const shape = Array.from({ length: start[3] as number }, (_, axis) => extents.readUInt32BE(4 * axis));
  return { element, little: false, shape };
}
