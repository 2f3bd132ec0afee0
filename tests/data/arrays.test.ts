/** .npy, .npz and IDX: numbers in, numbers out, and what is refused. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { idxReader } from '../../compiler/data/idx.ts';
import { npyReader } from '../../compiler/data/npy.ts';
import { npzReader } from '../../compiler/data/npz.ts';
import { everySample, type Reader } from '../../compiler/data/record.ts';
import { collect, idx, messageOf, npy, temporaryFolder, zip } from './writers.ts';

const test = suite('arrays');
const folder = temporaryFolder();
const write = (name: string, bytes: Uint8Array): string => {
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
};
const bytesOf = (data: ArrayBufferView) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
const valuesOf = async (reader: Reader) => {
  return (await collect(reader.records(everySample))).map(({ values }) => [...values]);
};

test('.npy: the first axis counts the samples', async () => {
  const path = write('a.npy', npy('<f4', [3, 2], bytesOf(Float32Array.of(1, -2, 3.5, 4, 5, Number.NaN))));
  const reader = await npyReader(path);
  assert.is(reader.count, 3);
  assert.is(reader.description, 'npy, 3 x f4 [2]');
  assert.equal(await valuesOf(reader), [
    [1, -2],
    [3.5, 4],
    [5, Number.NaN],
  ]);
  const [first] = await collect(reader.records((i) => i === 1));
  assert.equal([first?.name, first?.shape, first?.kind], [`${path}: sample 1`, [2], 'array']);
});

const half = Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7c00, 0x7bff);
const ELEMENTS: readonly (readonly [descr: string, data: ArrayBufferView, values: readonly number[]])[] = [
  ['|u1', Uint8Array.of(0, 255), [0, 255]],
  ['|i1', Int8Array.of(-128, 127), [-128, 127]],
  ['|b1', Uint8Array.of(0, 1), [0, 1]],
  ['<u2', Uint16Array.of(1, 65535), [1, 65535]],
  ['<i2', Int16Array.of(-32768, 2), [-32768, 2]],
  ['>i2', Uint8Array.of(0x80, 0, 0, 2), [-32768, 2]],
  ['<i4', Int32Array.of(-(2 ** 31), 7), [-(2 ** 31), 7]],
  ['<u4', Uint32Array.of(2 ** 32 - 1), [2 ** 32 - 1]],
  ['<i8', BigInt64Array.of(-5n, 2n ** 40n), [-5, 2 ** 40]],
  ['<u8', BigUint64Array.of(2n ** 50n), [2 ** 50]],
  ['<f8', Float64Array.of(0.1), [0.1]],
  ['<f2', half, [1, -2, 2 ** -24, Number.POSITIVE_INFINITY, 65504]],
];
for (const [descr, data, values] of ELEMENTS) {
  test(`.npy: elements of ${descr}`, async () => {
    const path = write('element.npy', npy(descr, [values.length], bytesOf(data)));
    assert.equal(
      await valuesOf(await npyReader(path)),
      values.map((value) => [value]),
    );
  });
}

test('.npy: what is refused, and how', async () => {
  const one = Uint8Array.of(1);
  const refusal = (bytes: Uint8Array) => messageOf(async () => valuesOf(await npyReader(write('bad.npy', bytes))));
  assert.match(await refusal(Buffer.from('not an array at all')), /bad\.npy\n {2}expected a \.npy file, found other/);
  assert.match(await refusal(npy('|u1', [2, 2], Uint8Array.of(1, 2, 3, 4), true)), /expected C order, found Fortran/);
  assert.match(await refusal(npy('<c8', [1], new Uint8Array(8))), /expected an element type of b1, .*, found '<c8'/);
  assert.match(await refusal(npy('|u1', [2], one)), /expected 1 bytes of sample 1 of 2, found the end of the data/);
  assert.match(await refusal(npy('|u1', [1], Uint8Array.of(1, 2))), /the end of the file after 1 samples, found more/);
  assert.match(await refusal(npy('|u1', [], one)), /whose first axis counts the samples, found shape \[\]/);
  assert.match(await refusal(npy('|u1', [1, 2 ** 40], one)), /expected 1 to 67108864 numbers in each sample/);
  assert.match(await refusal(npy('|u1', [1, 0], one)), /expected 1 to 67108864 numbers in each sample/);
  assert.match(await messageOf(() => npyReader(join(folder, 'none.npy'))), /none\.npy.*found nothing: it does not/s);
});

for (const deflated of [false, true]) {
  test(`.npz: members ${deflated ? 'deflated' : 'stored'}`, async () => {
    const x = npy('|u1', [2, 2], Uint8Array.of(1, 2, 3, 4));
    const y = npy('|u1', [2], Uint8Array.of(7, 8));
    const path = write('a.npz', zip({ 'x.npy': x, 'y.npy': y }, deflated));
    assert.equal(await valuesOf(await npzReader(path, 'x')), [
      [1, 2],
      [3, 4],
    ]);
    assert.equal(await valuesOf(await npzReader(path, 'y.npy')), [[7], [8]]);
    assert.match(await messageOf(() => npzReader(path)), /expected the name of one of its arrays, found "x", "y"\n/);
    assert.match(await messageOf(() => npzReader(path, 'z')), /expected an array "z", found "x", "y"/);
    assert.equal(await valuesOf(await npzReader(write('one.npz', zip({ 'y.npy': y }, deflated)))), [[7], [8]]);
  });
}

test('.npz: a member cannot grow beyond what is declared, nor declare what deflate cannot make', async () => {
  const x = npy('|u1', [100_000], new Uint8Array(100_000));
  const read = (bytes: Uint8Array) => messageOf(async () => valuesOf(await npzReader(write('bomb.npz', bytes))));
  assert.match(await read(zip({ 'x.npy': x }, true, 50_000)), /expected a whole \.npz file, found too many bytes/);
  assert.match(await read(zip({ 'x.npy': x }, true, 2 ** 31)), /at most 1100 bytes for each compressed byte/);
});

test('.npz: 100 MB of zeros pass through without being held', async () => {
  const rows = 100;
  const x = Buffer.concat([npy('|u1', [rows, 2 ** 20], new Uint8Array(0)), Buffer.alloc(rows * 2 ** 20)]);
  const reader = await npzReader(write('zeros.npz', zip({ 'x.npy': x }, true)));
  const before = process.memoryUsage();
  let [count, most] = [0, 0];
  for await (const { values } of reader.records((i) => i % 50 === 0)) {
    count += values.length;
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    most = Math.max(most, heapUsed + arrayBuffers - before.heapUsed - before.arrayBuffers);
  }
  assert.is(count, 2 * 2 ** 20);
  assert.ok(most < 80 * 2 ** 20, `${most} bytes more than before`);
});

test('IDX, plain and as .gz', async () => {
  const images = idx(8, [2, 1, 3], Uint8Array.of(1, 2, 3, 4, 5, 255));
  for (const [name, bytes] of [
    ['i.idx', images],
    ['i.gz', gzipSync(images)],
  ] as const) {
    const reader = await idxReader(write(name, bytes));
    assert.is(reader.description, 'idx, 2 x u1 [1,3]');
    assert.equal(await valuesOf(reader), [
      [1, 2, 3],
      [4, 5, 255],
    ]);
  }
  const floats = Buffer.alloc(8);
  floats.writeFloatBE(1.5, 0);
  floats.writeFloatBE(-2, 4);
  assert.equal(await valuesOf(await idxReader(write('f', idx(13, [2], floats)))), [[1.5], [-2]]);
  assert.match(
    await messageOf(() => idxReader(write('bad', Buffer.from([0, 0, 10, 1, 0, 0, 0, 1, 5])))),
    /expected an IDX file: 0, 0 and an element type of 8, 9, 11, 12, 13, 14, found 0, 0, 10/,
  );
  const cut = gzipSync(images).subarray(0, 20);
  assert.match(await messageOf(async () => valuesOf(await idxReader(write('c', cut)))), /unexpected end of file/);
});

test.run();
