/** NumPy's .npy format, versions 1 to 3, C order (numpy.lib.format). */
import { parseNpyHeader } from '../data/npy.ts';
import { Failure } from './output.ts';

export interface Npy {
  /** NumPy's dtype text, `<f4`. */
  readonly descr: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

const MAGIC = '\x93NUMPY';

/** Throws Failure naming the file when it is not such an array. */
export function readNpy(file: Uint8Array, path: string): Npy {
  const view = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const fail = (expected: string, found: string): never => {
    throw new Failure(`${path}: expected ${expected}, found ${found}`);
  };
  if (view.length < 12 || view.subarray(0, 6).toString('latin1') !== MAGIC) fail('a .npy file', 'other content');
  const major = view[6] as number;
  if (major < 1 || major > 3) fail('.npy format version 1 to 3', `version ${major}`);
  const headerAt = major === 1 ? 10 : 12;
  const headerLength = major === 1 ? view.readUInt16LE(8) : view.readUInt32LE(8);
  const dataAt = headerAt + headerLength;
  if (dataAt > view.length) fail(`a header of ${headerLength} bytes`, 'the end of the file');
  const header = view.subarray(headerAt, dataAt).toString('latin1');
  const { descr, shape, isFortran } = parseNpyHeader(header);
  if (descr === undefined || shape === undefined) return fail("a 'descr' and a 'shape' in the header", header.trim());
  if (isFortran !== false) fail('C order', 'Fortran order; save it with numpy.ascontiguousarray');
  const itemSize = Number(/\d+$/.exec(descr)?.[0] ?? Number.NaN);
  const bytes = shape.reduce((product, extent) => product * extent, itemSize);
  if (bytes !== view.length - dataAt) {
    fail(`${bytes} bytes of data for ${descr} of shape [${shape}]`, `${view.length - dataAt}`);
  }
  return { descr, shape, bytes: new Uint8Array(view.subarray(dataAt)) };
}

const ARRAYS: Readonly<Record<string, (buffer: ArrayBuffer) => ArrayLike<number>>> = {
  '<f4': (buffer) => new Float32Array(buffer),
  '<f8': (buffer) => new Float64Array(buffer),
  '<i8': (buffer) => Array.from(new BigInt64Array(buffer), Number),
  '<i4': (buffer) => new Int32Array(buffer),
  '<i2': (buffer) => new Int16Array(buffer),
  '|i1': (buffer) => new Int8Array(buffer),
  '|u1': (buffer) => new Uint8Array(buffer),
  '|b1': (buffer) => new Uint8Array(buffer),
};

/** The elements as numbers. Throws Failure for a dtype that is no common number. */
export function npyNumbers({ descr, bytes }: Npy, path: string): ArrayLike<number> {
  const array = ARRAYS[descr];
  if (array === undefined) {
    throw new Failure(`${path}: expected one of ${Object.keys(ARRAYS).join(', ')}, found ${descr}`);
  }
  return array(new Uint8Array(bytes).buffer);
}
