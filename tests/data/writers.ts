/** Files of every format that `compiler/data` reads, written from their specifications, and a graph to read them for. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateRawSync, deflateSync } from 'node:zlib';
import { DataError } from '../../compiler/data/error.ts';
import type { Graph } from '../../ir/tensor/graph.ts';
import { parseGraph } from '../../ir/tensor/parse.ts';

/** A folder that is removed when the process ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mcc-data-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A graph that gives back its inputs, of the given types. */
export function graphOf(...types: string[]): Graph {
  const inputs = types.map((type, i) => `  input %x${i} : ${type}`);
  const shapeOf = (type: string) => /\[.*?\]/.exec(type)?.[0];
  const nodes = types.map((type, i) => `  %y${i} : ${type} = reshape(%x${i}) {"shape":${shapeOf(type)}}`);
  const outputs = types.map((_, i) => `  output %y${i}`);
  return parseGraph(`graph test {\n${[...inputs, ...nodes, ...outputs].join('\n')}\n}\n`);
}

export function npy(descr: string, shape: readonly number[], data: Uint8Array, fortran = false): Buffer {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const text = `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': ${tuple}, }`;
  const header = `${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`;
  const length = Buffer.alloc(2);
  length.writeUInt16LE(header.length);
  return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00', 'latin1'), length, Buffer.from(header, 'latin1'), data]);
}

/** A zip file (PKWARE APPNOTE): local headers, the directory and its end. `size` lies about the length of all members. */
export function zip(members: Readonly<Record<string, Uint8Array>>, deflated: boolean, size?: number): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of Object.entries(members)) {
    const packed = deflated ? deflateRawSync(content) : Buffer.from(content);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(deflated ? 8 : 0, 4);
    common.writeUInt32LE(crc32(content), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(size ?? content.length, 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, Buffer.from(name), packed]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00'), common, tail, Buffer.from(name)]));
    locals.push(local);
    offset += local.length;
  }
  const list = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(directory.length, 4);
  end.writeUInt16LE(directory.length, 6);
  end.writeUInt32LE(list.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...locals, list, Buffer.from('PK\x05\x06'), end]);
}

export function idx(code: number, shape: readonly number[], data: Uint8Array): Buffer {
  const extents = Buffer.alloc(4 * shape.length);
  for (const [axis, extent] of shape.entries()) extents.writeUInt32BE(extent, 4 * axis);
  return Buffer.concat([Buffer.from([0, 0, code, shape.length]), extents, data]);
}

export function wav(
  { code, bits, channels, rate }: { code: number; bits: number; channels: number; rate: number },
  data: Uint8Array,
): Buffer {
  const format = Buffer.alloc(16);
  format.writeUInt16LE(code, 0);
  format.writeUInt16LE(channels, 2);
  format.writeUInt32LE(rate, 4);
  format.writeUInt32LE((rate * channels * bits) / 8, 8);
  format.writeUInt16LE((channels * bits) / 8, 12);
  format.writeUInt16LE(bits, 14);
  const chunk = (name: string, content: Uint8Array) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(content.length);
    return Buffer.concat([Buffer.from(name), length, content, Buffer.alloc(content.length & 1)]);
  };
  // A chunk of odd length that readers must step over.
  const body = Buffer.concat([chunk('LIST', Buffer.from('abc')), chunk('fmt ', format), chunk('data', data)]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(body.length + 4);
  return Buffer.concat([Buffer.from('RIFF'), length, Buffer.from('WAVE'), body]);
}

export interface PngParts {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  /** 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA. */
  readonly colourType: number;
  /** Filter byte and packed pixels of each row. */
  readonly rows: Uint8Array;
  readonly palette?: Uint8Array;
  readonly transparency?: Uint8Array;
  readonly interlaced?: boolean;
  /** Further chunks before the pixels. */
  readonly extra?: readonly (readonly [name: string, data: Uint8Array])[];
}

export function png(parts: PngParts): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(parts.width, 0);
  header.writeUInt32BE(parts.height, 4);
  header.set([parts.depth, parts.colourType, 0, 0, parts.interlaced === true ? 1 : 0], 8);
  const chunk = (name: string, data: Uint8Array) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    const named = Buffer.concat([Buffer.from(name), data]);
    const crc = Buffer.alloc(4);
    crc.writeUInt32BE(crc32(named));
    return Buffer.concat([length, named, crc]);
  };
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    ...(parts.extra ?? []).map(([name, data]) => chunk(name, data)),
    ...(parts.palette === undefined ? [] : [chunk('PLTE', parts.palette)]),
    ...(parts.transparency === undefined ? [] : [chunk('tRNS', parts.transparency)]),
    chunk('IDAT', deflateSync(parts.rows)),
    chunk('IEND', new Uint8Array(0)),
  ]);
}

/** All that an iterable gives. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** The message of the DataError that `act` ends in; any other error, or none, is thrown. */
export async function messageOf(act: () => unknown): Promise<string> {
  try {
    await act();
  } catch (error) {
    if (error instanceof DataError) return error.message;
    throw error;
  }
  throw new Error('expected a DataError, found none');
}
