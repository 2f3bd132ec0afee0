/** Arrays whose first axis counts the samples: what .npy, .npz and IDX files hold. */
import type { ByteReader } from './byte-reader.ts';
import { decodeElements, type Element, elementBytes } from './elements.ts';
import { DataError } from './error.ts';
import { type DataRecord, MAX_SAMPLE_ELEMENTS, type Reader } from './record.ts';

export interface ArrayHeader {
  readonly element: Element;
  readonly little: boolean;
  readonly shape: readonly number[];
}

/** No file of numbers has more samples; damaged headers do. */
const MAX_SAMPLES = 2 ** 31;

/**
 * A reader over an array. `open` gives the bytes from the beginning, `readHeader` takes the header from them; both are
 * called anew for each pass. Throws DataError for shapes that cannot be samples.
 */
export async function arrayReader(
  name: string,
  format: string,
  open: () => Promise<ByteReader>,
  readHeader: (bytes: ByteReader) => Promise<ArrayHeader>,
): Promise<Reader> {
  const first = await open();
  const header = await readHeader(first).finally(() => first.close());
  const [count, ...shape] = header.shape;
  const fault = (expected: string) => new DataError({ file: name, expected, found: `shape [${header.shape}]` });
  if (count === undefined) throw fault('an array whose first axis counts the samples');
  const elements = shape.reduce((product, extent) => product * extent, 1);
  if (!(count <= MAX_SAMPLES)) throw fault(`at most ${MAX_SAMPLES} samples`);
  if (!(elements >= 1 && elements <= MAX_SAMPLE_ELEMENTS)) {
    throw fault(`1 to ${MAX_SAMPLE_ELEMENTS} numbers in each sample`);
  }
  return {
    description: `${format}, ${count} x ${header.element} [${shape}]`,
    count,
    async *records(wanted) {
      const bytes = await open();
      try {
        await readHeader(bytes);
        yield* samplesOf(bytes, name, header, elements, wanted);
      } finally {
        await bytes.close();
      }
    },
  };
}

async function* samplesOf(
  bytes: ByteReader,
  name: string,
  { element, little, shape: [count, ...shape] }: ArrayHeader,
  elements: number,
  wanted: (index: number) => boolean,
): AsyncGenerator<DataRecord> {
  const size = elements * elementBytes(element);
  for (let i = 0; i < (count as number); i++) {
    const what = `sample ${i} of ${count}`;
    if (!wanted(i)) {
      await bytes.skip(size, what);
      continue;
    }
    const values = decodeElements(await bytes.take(size, what), element, elements, little);
    yield { name: `${name}: sample ${i}`, kind: 'array', shape, values };
  }
  await bytes.expectEnd(`${count} samples`);
}
