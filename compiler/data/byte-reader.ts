/** Files as streams of bytes from which headers and samples are taken in exact lengths. */
import { closeSync, createReadStream, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { DataError, reasonOf } from './error.ts';

const CHUNK_BYTES = 1 << 16;

/** Bytes of a stream, in the lengths that are asked for. Never holds more than what is asked and one chunk. */
export class ByteReader {
  private readonly chunks: AsyncIterator<Uint8Array>;
  private readonly file: string;
  private held: Uint8Array = new Uint8Array(0);

  constructor(chunks: AsyncIterable<Uint8Array>, file: string) {
    this.chunks = chunks[Symbol.asyncIterator]();
    this.file = file;
  }

  /** The next `length` bytes. Throws DataError when the stream ends before; `what` says what they are. */
  async take(length: number, what: string): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let missing = length;
    while (missing > 0) {
      if (this.held.length === 0 && !(await this.fill())) {
        throw new DataError({
          file: this.file,
          expected: `${length} bytes of ${what}`,
          found: `the end of the data after ${length - missing}`,
          advice: 'the file seems to be cut off; fetch or write it again',
        });
      }
      const part = this.held.subarray(0, missing);
      this.held = this.held.subarray(part.length);
      parts.push(part);
      missing -= part.length;
    }
    return Buffer.concat(parts, length);
  }

  async skip(length: number, what: string): Promise<void> {
    for (let left = length; left > 0; left -= CHUNK_BYTES) await this.take(Math.min(left, CHUNK_BYTES), what);
  }

  /** Throws DataError unless the stream is at its end. */
  async expectEnd(what: string): Promise<void> {
    if (this.held.length === 0 && !(await this.fill())) return;
    throw new DataError({ file: this.file, expected: `the end of the file after ${what}`, found: 'more bytes' });
  }

  /** Ends the stream early and frees its file. */
  async close(): Promise<void> {
    await this.chunks.return?.();
  }

  private async fill(): Promise<boolean> {
    try {
      const { value, done } = await this.chunks.next();
      if (done === true) return false;
      this.held = value;
      return this.held.length > 0 || (await this.fill());
    } catch (error) {
      throw error instanceof DataError
        ? error
        : new DataError({ file: this.file, expected: 'a whole, readable file', found: reasonOf(error) });
    }
  }
}

/** Opens a file; one that begins as gzip does is inflated on the way. Throws DataError. */
export function openBytes(path: string): ByteReader {
  const isGzip = firstBytes(path, 2).toString('latin1') === '\x1f\x8b';
  return new ByteReader(isGzip ? inflated(path) : createReadStream(path, { highWaterMark: CHUNK_BYTES }), path);
}

async function* inflated(path: string): AsyncGenerator<Uint8Array> {
  const file = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  file.on('error', (error) => gunzip.destroy(error));
  try {
    yield* file.pipe(gunzip);
  } finally {
    file.destroy();
    gunzip.destroy();
  }
}

/** Up to `length` bytes from the beginning of a file. Throws DataError. */
export function firstBytes(path: string, length: number): Buffer {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readSync(file, bytes, 0, length, 0));
  } catch (error) {
    throw new DataError({ file: path, expected: 'a readable file', found: reasonOf(error) });
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** A whole file of limited size. Throws DataError. */
export function readWhole(path: string, maxBytes: number): Uint8Array {
  try {
    const { size } = statSync(path);
    if (size > maxBytes) {
      throw new DataError({ file: path, expected: `at most ${maxBytes} bytes`, found: `${size}` });
    }
    return readFileSync(path);
  } catch (error) {
    if (error instanceof DataError) throw error;
    throw new DataError({ file: path, expected: 'a readable file', found: reasonOf(error) });
  }
}
