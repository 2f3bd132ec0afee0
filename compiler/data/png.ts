/** PNG images through fast-png, which is given only what the checks here let pass (PNG specification, third edition). */
import { inflateSync } from 'node:zlib';
import { decode } from 'fast-png';
import { DataError } from './error.ts';
import { type DecodedImage, MAX_IMAGE_PIXELS } from './image.ts';

const SIGNATURE = '\x89PNG\r\n\x1a\n';
/** The chunks that decide about pixels; others (texts, colour profiles, animation) are left out. */
const NEEDED = new Set(['IHDR', 'PLTE', 'tRNS', 'IDAT', 'IEND']);
/** Bytes beyond the last pixel that writers may leave. */
const SLACK_BYTES = 1 << 16;

const PALETTE = 3;
/** By colour type: channels of the stored pixels, and the depths that there are. */
const COLOUR_TYPES: Readonly<Record<number, { readonly channels: number; readonly depths: readonly number[] }>> = {
  0: { channels: 1, depths: [1, 2, 4, 8, 16] },
  2: { channels: 3, depths: [8, 16] },
  3: { channels: 1, depths: [1, 2, 4, 8] },
  4: { channels: 2, depths: [8, 16] },
  6: { channels: 4, depths: [8, 16] },
};

/** First x, first y, step in x, step in y of the seven passes of Adam7. */
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

export function isPng(bytes: Uint8Array): boolean {
  return latin1(bytes.subarray(0, 8)) === SIGNATURE;
}

interface Header {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly channels: number;
  readonly isIndexed: boolean;
  readonly isInterlaced: boolean;
}

/**
 * Every depth is brought to [0, 255]: 16 bits are divided by 257, fewer than 8 stretched. Palettes become RGB or RGBA;
 * a single transparent colour (tRNS of grey and RGB) is not applied. Throws DataError naming `file`.
 */
export function decodePng(bytes: Uint8Array, file: string): DecodedImage {
  const chunks = neededChunks(bytes, file);
  const header = readHeader(chunks, file);
  checkPixels(chunks, header, file);
  // A palette of other colour types is advice to displays.
  const used = chunks.filter(({ type }) => header.isIndexed || (type !== 'PLTE' && type !== 'tRNS'));
  try {
    const file = Buffer.concat([bytes.subarray(0, 8), ...used.map(({ whole }) => whole)]);
    const { data, palette } = decode(file, { checkCrc: true });
    const { width, height, channels, depth } = header;
    if (header.isIndexed) return coloured(unpacked(data, header), palette ?? [], header);
    const stored = depth < 8 ? unpacked(data, header) : data;
    const scale = 255 / (2 ** depth - 1);
    return { width, height, channels, values: Float64Array.from(stored, (value) => value * scale) };
  } catch (error) {
    throw new DataError({ file, expected: 'a whole PNG image', found: (error as Error).message });
  }
}

interface Chunk {
  readonly type: string;
  readonly data: Uint8Array;
  /** With length, type and CRC. */
  readonly whole: Uint8Array;
}

function neededChunks(bytes: Uint8Array, file: string): Chunk[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const chunks: Chunk[] = [];
  for (let at = 8; chunks.at(-1)?.type !== 'IEND'; ) {
    const length = at + 12 <= bytes.length ? view.getUint32(at) : Number.POSITIVE_INFINITY;
    if (at + 12 + length > bytes.length) {
      throw new DataError({ file, expected: 'PNG chunks up to IEND', found: `the end of the file at ${bytes.length}` });
    }
    const type = latin1(bytes.subarray(at + 4, at + 8));
    const whole = bytes.subarray(at, at + 12 + length);
    if (NEEDED.has(type)) chunks.push({ type, data: whole.subarray(8, 8 + length), whole });
    at += 12 + length;
  }
  return chunks;
}

function readHeader(chunks: readonly Chunk[], file: string): Header {
  const data = chunks[0]?.data as Uint8Array;
  if (chunks[0]?.type !== 'IHDR' || data.length !== 13 || chunks.filter(({ type }) => type === 'IHDR').length > 1) {
    throw new DataError({
      file,
      expected: 'one IHDR of 13 bytes as the first chunk',
      found: chunks[0]?.type ?? 'none',
    });
  }
  const view = new DataView(data.buffer, data.byteOffset, 13);
  const [width, height, depth, colourType] = [view.getUint32(0), view.getUint32(4), view.getUint8(8), view.getUint8(9)];
  const facts = COLOUR_TYPES[colourType];
  if (facts === undefined || !facts.depths.includes(depth)) {
    throw new DataError({ file, expected: 'a colour type and depth of PNG', found: `${colourType} and ${depth}` });
  }
  if (width === 0 || height === 0 || width * height > MAX_IMAGE_PIXELS) {
    throw new DataError({ file, expected: `1 to ${MAX_IMAGE_PIXELS} pixels`, found: `${width} x ${height}` });
  }
  const isInterlaced = view.getUint8(12) === 1;
  if (isInterlaced && depth < 8) {
    const found = `interlacing and ${depth} bits`;
    throw new DataError({
      file,
      expected: '8 or 16 bits in an interlaced PNG',
      found,
      advice: 'save it not interlaced',
    });
  }
  return { width, height, depth, channels: facts.channels, isIndexed: colourType === PALETTE, isInterlaced };
}

/** Inflates no further than the size allows, so that a small file cannot fill the memory, and finds missing pixels. */
function checkPixels(chunks: readonly Chunk[], header: Header, file: string): void {
  const needed = pixelBytes(header);
  const expected = `${needed} bytes for the pixels of ${header.width} x ${header.height}`;
  const data = Buffer.concat(chunks.filter(({ type }) => type === 'IDAT').map((chunk) => chunk.data));
  let found: string;
  try {
    const { length } = inflateSync(data, { maxOutputLength: needed + SLACK_BYTES });
    if (length >= needed) return;
    found = String(length);
  } catch (error) {
    found = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? 'more' : (error as Error).message;
  }
  throw new DataError({ file, expected, found });
}

/** One byte for the filter and the packed pixels, of every row of every pass. */
function pixelBytes({ width, height, depth, channels, isInterlaced }: Header): number {
  const rows = (w: number, h: number) => (w === 0 ? 0 : h * (1 + Math.ceil((w * channels * depth) / 8)));
  if (!isInterlaced) return rows(width, height);
  return ADAM7.reduce((sum, [x, y, stepX, stepY]) => {
    return sum + rows(Math.max(0, Math.ceil((width - x) / stepX)), Math.max(0, Math.ceil((height - y) / stepY)));
  }, 0);
}

function coloured(indices: Uint8Array, palette: readonly (readonly number[])[], header: Header): DecodedImage {
  const channels = Math.max(3, ...palette.map((colour) => colour.length));
  const values = new Float64Array(indices.length * channels);
  indices.forEach((index, pixel) => {
    const colour = palette[index];
    if (colour === undefined) throw new Error(`a pixel of colour ${index} in a palette of ${palette.length}`);
    for (let c = 0; c < channels; c++) values[pixel * channels + c] = colour[c] ?? 255;
  });
  return { width: header.width, height: header.height, channels, values };
}

/** Values of 1, 2, 4 or 8 bits, each row from a byte of its own, highest bits first. */
function unpacked(data: ArrayLike<number>, { width, height, depth }: Header): Uint8Array {
  const rowBytes = Math.ceil((width * depth) / 8);
  const values = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const bit = x * depth;
      const byte = data[y * rowBytes + (bit >> 3)] as number;
      values[y * width + x] = (byte >> (8 - depth - (bit & 7))) & (2 ** depth - 1);
    }
  }
  return values;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}
