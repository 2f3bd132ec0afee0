/**
 * Damaged files of every format: each is read, or refused by a DataError that names it. Anything else, a crash, an endless
 * loop, memory without bound, fails: the process then ends without a result.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { encode } from 'jpeg-js';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openDataset } from '../../compiler/data/dataset.ts';
import { DataError } from '../../compiler/data/error.ts';
import type { DataSpec } from '../../compiler/data/spec.ts';
import { Random } from '../support/random.ts';
import { graphOf, idx, npy, png, temporaryFolder, wav, zip } from './writers.ts';

const test = suite('fuzz');
const folder = temporaryFolder();
const ROUNDS = 150;
const HOSTILE = [0, 1, 0x7f, 0x80, 0xff];

/** Cut off, bits flipped, bytes and words overwritten, parts repeated or removed; mostly near the beginning. */
function damaged(bytes: Uint8Array, random: Random): Uint8Array {
  const place = () => random.int(0, (random.chance(0.5) ? Math.min(bytes.length, 64) : bytes.length) - 1);
  const copy = Buffer.from(bytes);
  switch (random.int(0, 5)) {
    case 0:
      return copy.subarray(0, place());
    case 1:
      for (let n = random.int(1, 8); n > 0; n--) copy[place()]! ^= 1 << random.int(0, 7);
      return copy;
    case 2:
      for (let n = random.int(1, 4); n > 0; n--) copy[place()] = random.pick(HOSTILE);
      return copy;
    case 3: {
      const at = Math.max(0, Math.min(place(), bytes.length - 4));
      copy.fill(random.pick(HOSTILE), at, at + 4);
      return copy;
    }
    case 4: {
      const at = place();
      return Buffer.concat([copy.subarray(0, at), copy.subarray(at, at + random.int(1, 64)), copy.subarray(at)]);
    }
    default: {
      const at = place();
      return Buffer.concat([copy.subarray(0, at), copy.subarray(at + random.int(1, 16))]);
    }
  }
}

const random8 = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 97) & 255);
const array = npy('<f4', [3, 4], new Uint8Array(Float32Array.from({ length: 12 }, (_, i) => i / 3).buffer));
const rows = Uint8Array.from({ length: 4 * 13 }, (_, i) => (i % 13 === 0 ? (i / 13) % 5 : (i * 29) & 255));
const picture = png({ width: 4, height: 4, depth: 8, colourType: 2, rows });
const indexed = png({
  width: 4,
  height: 4,
  depth: 4,
  colourType: 3,
  palette: random8(48),
  transparency: random8(3),
  rows: Uint8Array.of(0, 1, 2, 0, 3, 4, 1, 5, 6, 2, 7, 8),
});
const interlaced = png({
  width: 4,
  height: 4,
  depth: 8,
  colourType: 0,
  interlaced: true,
  rows: Uint8Array.of(0, 1, 0, 2, 0, 3, 4, 0, 5, 6, 0, 7, 8, 0, 1, 2, 3, 4, 0, 5, 6, 7, 8),
});
const jpeg = encode({ width: 20, height: 12, data: random8(960) }, 60).data;
const numbers = idx(13, [3, 4], random8(48));

/** A small file, where it is written, and how it is read. */
const CORPUS: readonly (readonly [name: string, bytes: Uint8Array, spec: DataSpec])[] = [
  ['a.npy', array, { inputs: 'a.npy' }],
  ['deflated.npz', zip({ 'x.npy': array, 'y.npy': array }, true), { inputs: 'deflated.npz#x' }],
  ['stored.npz', zip({ 'x.npy': array }, false), { inputs: 'stored.npz' }],
  ['a.idx', numbers, { inputs: 'a.idx' }],
  ['a.gz', gzipSync(numbers), { inputs: 'a.gz' }],
  ['a.csv', Buffer.from('x,y,"z ""w""",v\n1,2,3.5,-4e-3\n5,,7,8\n'), { inputs: 'a.csv' }],
  ['l.csv', Buffer.from('1,2,3,4,cat\n5,6,7,8,dog\n'), { inputs: 'l.csv', labels: 'l.csv#4' }],
  ['rgb/a.png', picture, { inputs: 'rgb', preprocess: { resize: { height: 2, width: 2 }, channels: 'gray' } }],
  ['palette/a.png', indexed, { inputs: 'palette', preprocess: { resize: { height: 2, width: 2 }, channels: 'gray' } }],
  ['passes/a.png', interlaced, { inputs: 'passes', preprocess: { resize: { height: 2, width: 2 } } }],
  ['jpeg/a.jpg', jpeg, { inputs: 'jpeg', preprocess: { resize: { height: 2, width: 2 }, channels: 'gray' } }],
  [
    'wav/a.wav',
    wav({ code: 1, bits: 16, channels: 2, rate: 8000 }, random8(64)),
    { inputs: 'wav', preprocess: { length: 4 } },
  ],
  ['raw/in_00.bin', random8(16), { inputs: 'raw' }],
];

const graph = graphOf('f32[1,2,2,1]');

/** True when the file was read, false when it was refused. Throws what is neither. */
async function survives(spec: DataSpec): Promise<boolean> {
  try {
    const dataset = await openDataset(graph, spec, folder);
    for await (const { inputs } of dataset.samples()) assert.is(inputs[0]?.length, 4);
    return true;
  } catch (error) {
    if (error instanceof DataError && error.message.startsWith(folder)) return false;
    throw error;
  }
}

for (const [name, bytes, spec] of CORPUS) {
  test(`damaged ${name}: read or refused`, async () => {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), bytes);
    assert.is(await survives(spec), name !== 'a.csv', 'undamaged');
    const random = new Random(name.length);
    let refused = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const file = damaged(bytes, random);
      writeFileSync(join(folder, name), file);
      try {
        if (!(await survives(spec))) refused++;
      } catch (error) {
        throw new Error(`round ${round}: ${Buffer.from(file).toString('base64')}`, { cause: error });
      }
    }
    // A test that refuses nothing would be reading nothing.
    assert.ok(refused > ROUNDS / 20, `${refused} refused`);
  });
}

test.run();
