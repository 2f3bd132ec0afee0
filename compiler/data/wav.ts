/** WAV files (RIFF/WAVE): PCM of 8, 16, 24 and 32 bits and IEEE floats of 32 and 64, every channel mixed to one. */
import { readWhole } from './byte-reader.ts';
import { DataError } from './error.ts';
import { MAX_SAMPLE_ELEMENTS } from './record.ts';

export interface Sound {
  readonly samplesPerSecond: number;
  /** Mean of the channels; PCM divided by 2^(bits - 1), so in [-1, 1). */
  readonly values: Float64Array;
}

export const WAV_EXTENSIONS = ['.wav'];
const MAX_FILE_BYTES = 2 ** 28;

const PCM = 1;
const FLOAT = 3;
const EXTENSIBLE = 0xfffe;

type Read = (view: DataView, at: number) => number;

const DECODERS: Readonly<Record<string, Read>> = {
  [`${PCM}/8`]: (view, at) => (view.getUint8(at) - 128) / 2 ** 7,
  [`${PCM}/16`]: (view, at) => view.getInt16(at, true) / 2 ** 15,
  [`${PCM}/24`]: (view, at) => (view.getUint16(at, true) + view.getInt8(at + 2) * 2 ** 16) / 2 ** 23,
  [`${PCM}/32`]: (view, at) => view.getInt32(at, true) / 2 ** 31,
  [`${FLOAT}/32`]: (view, at) => view.getFloat32(at, true),
  [`${FLOAT}/64`]: (view, at) => view.getFloat64(at, true),
};

interface Format {
  readonly channels: number;
  readonly samplesPerSecond: number;
  readonly bits: number;
  readonly read: Read;
}

/** Throws DataError. */
export function readWav(path: string): Sound {
  return decodeWav(readWhole(path, MAX_FILE_BYTES), path);
}

/** Throws DataError naming `file`. */
export function decodeWav(bytes: Uint8Array, file: string): Sound {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isWave = bytes.length >= 12 && tag(bytes, 0) === 'RIFF' && tag(bytes, 8) === 'WAVE';
  if (!isWave) throw new DataError({ file, expected: 'a RIFF file of type WAVE', found: 'other content' });
  let format: Format | undefined;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const name = tag(bytes, at);
    const length = view.getUint32(at + 4, true);
    const start = at + 8;
    if (name === 'fmt ') format = readFormat(view, start, Math.min(length, bytes.length - start), file);
    if (name === 'data') {
      if (format === undefined) throw new DataError({ file, expected: '"fmt " before "data"', found: '"data" first' });
      if (start + length > bytes.length) {
        const found = `the end of the file after ${bytes.length - start}`;
        throw new DataError({ file, expected: `${length} bytes of sound`, found });
      }
      return mix(view, start, length, format, file);
    }
    // Chunks are padded to even lengths.
    at = start + length + (length & 1);
  }
  throw new DataError({ file, expected: 'a "data" chunk', found: 'none' });
}

function readFormat(view: DataView, at: number, length: number, file: string): Format {
  if (length < 16) throw new DataError({ file, expected: 'a "fmt " chunk of 16 bytes', found: `${length}` });
  const tagged = view.getUint16(at, true);
  // The extensible form has the plain code as the first part of its GUID.
  const code = tagged === EXTENSIBLE && length >= 26 ? view.getUint16(at + 24, true) : tagged;
  const [channels, samplesPerSecond, bits] = [
    view.getUint16(at + 2, true),
    view.getUint32(at + 4, true),
    view.getUint16(at + 14, true),
  ];
  const read = DECODERS[`${code}/${bits}`];
  if (read === undefined || channels === 0) {
    throw new DataError({
      file,
      expected: 'PCM of 8, 16, 24 or 32 bits or floats of 32 or 64, and a channel',
      found: `format ${code} of ${bits} bits in ${channels} channels`,
      advice: 'convert it to 16-bit PCM',
    });
  }
  return { channels, samplesPerSecond, bits, read };
}

function mix(
  view: DataView,
  start: number,
  length: number,
  { channels, samplesPerSecond, bits, read }: Format,
  file: string,
): Sound {
  const frame = (channels * bits) / 8;
  const count = Math.floor(length / frame);
  if (count > MAX_SAMPLE_ELEMENTS) {
    throw new DataError({ file, expected: `at most ${MAX_SAMPLE_ELEMENTS} samples of sound`, found: `${count}` });
  }
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += read(view, start + i * frame + (c * bits) / 8);
    values[i] = sum / channels;
  }
  return { samplesPerSecond, values };
}

function tag(bytes: Uint8Array, at: number): string {
  return Buffer.from(bytes.subarray(at, at + 4)).toString('latin1');
}
