/** PNG, JPEG and WAV files. */

import { encode } from 'jpeg-js';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeJpeg } from '../../compiler/data/jpeg.ts';
import { decodePng } from '../../compiler/data/png.ts';
import { decodeWav } from '../../compiler/data/wav.ts';
import { messageOf, png, wav } from './writers.ts';

const test = suite('images and sounds');
const pixels = (bytes: Uint8Array) => [...decodePng(bytes, 'a.png').values];

test('PNG: RGB, RGBA and grey with alpha', () => {
  const rgb = png({ width: 2, height: 1, depth: 8, colourType: 2, rows: Uint8Array.of(0, 1, 2, 3, 4, 5, 255) });
  assert.equal(decodePng(rgb, 'a.png'), {
    width: 2,
    height: 1,
    channels: 3,
    values: Float64Array.of(1, 2, 3, 4, 5, 255),
  });
  const rgba = png({ width: 1, height: 2, depth: 8, colourType: 6, rows: Uint8Array.of(0, 9, 8, 7, 6, 2, 1, 1, 1, 1) });
  // The second row is filtered as differences to the row above.
  assert.equal(pixels(rgba), [9, 8, 7, 6, 10, 9, 8, 7]);
  const grey = png({ width: 1, height: 1, depth: 8, colourType: 4, rows: Uint8Array.of(0, 5, 128) });
  assert.is(decodePng(grey, 'a.png').channels, 2);
});

test('PNG: depths other than 8 are brought to 0 ... 255', () => {
  const of = (depth: number, width: number, ...rows: number[]) =>
    pixels(png({ width, height: 1, depth, colourType: 0, rows: Uint8Array.from(rows) }));
  assert.equal(of(1, 3, 0, 0b10100000), [255, 0, 255]);
  assert.equal(of(2, 4, 0, 0b00011011), [0, 85, 170, 255]);
  assert.equal(of(4, 2, 0, 0x1f), [17, 255]);
  assert.equal(of(16, 2, 0, 0xff, 0xff, 0x01, 0x01), [255, 1]);
});

test('PNG: a palette, with and without transparency', () => {
  const palette = Uint8Array.of(10, 20, 30, 40, 50, 60);
  const parts = { width: 3, height: 1, depth: 1, colourType: 3, palette, rows: Uint8Array.of(0, 0b01000000) };
  assert.equal(pixels(png(parts)), [10, 20, 30, 40, 50, 60, 10, 20, 30]);
  const seen = png({ ...parts, transparency: Uint8Array.of(7) });
  assert.equal(pixels(seen), [10, 20, 30, 7, 40, 50, 60, 255, 10, 20, 30, 7]);
});

test('PNG: interlaced', () => {
  // 3 x 1 pixels: pass 1 has x = 0, pass 4 has x = 2, pass 6 has x = 1.
  const rows = Uint8Array.of(0, 11, 0, 33, 0, 22);
  const parts = { width: 3, height: 1, depth: 8, colourType: 0, rows, interlaced: true };
  assert.equal(pixels(png(parts)), [11, 22, 33]);
});

test('PNG: what is refused, and how', async () => {
  const parts = { width: 2, height: 2, depth: 8, colourType: 0, rows: new Uint8Array(6) };
  const refusal = (bytes: Uint8Array) => messageOf(() => decodePng(bytes, 'a.png'));
  const whole = png(parts);
  assert.match(await refusal(whole.subarray(0, 50)), /a\.png\n {2}expected PNG chunks up to IEND, found the end/);
  assert.match(
    await refusal(png({ ...parts, rows: new Uint8Array(5) })),
    /expected 6 bytes for the pixels .*, found 5/,
  );
  assert.match(await refusal(png({ ...parts, width: 2 ** 20, height: 2 ** 20 })), /expected 1 to 16777216 pixels/);
  // Ten megabytes of zeros in ten kilobytes.
  assert.match(await refusal(png({ ...parts, rows: new Uint8Array(10_000_000) })), /expected 6 bytes .*, found more/);
  assert.match(await refusal(png({ ...parts, depth: 3 })), /expected a colour type and depth of PNG, found 0 and 3/);
  assert.match(await refusal(png({ ...parts, depth: 4, interlaced: true })), /save it not interlaced/);
  const damaged = Buffer.from(whole);
  damaged[45] = (damaged[45] as number) ^ 255;
  assert.match(await refusal(damaged), /^a\.png\n {2}expected /);
  const palette = Uint8Array.of(1, 2, 3);
  const beyond = { width: 1, height: 1, depth: 8, colourType: 3, palette, rows: Uint8Array.of(0, 1) };
  assert.match(await refusal(png(beyond)), /found a pixel of colour 1 in a palette of 1/);
});

test('PNG: chunks that do not matter are not read', () => {
  const profile = ['iCCP', Buffer.from('name\0\0damaged')] as const;
  const parts = { width: 1, height: 1, depth: 8, colourType: 0, rows: Uint8Array.of(0, 3), extra: [profile] };
  assert.equal(pixels(png(parts)), [3]);
});

test('JPEG: RGB near the original', () => {
  const [width, height] = [16, 8];
  const data = new Uint8Array(width * height * 4);
  for (let i = 0; i < width * height; i++) data.set([(i % width) * 8, 100, 200 - (i % width) * 4, 255], i * 4);
  const image = decodeJpeg(encode({ width, height, data }, 95).data, 'a.jpg');
  assert.equal([image.width, image.height, image.channels], [width, height, 3]);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) {
      const apart = Math.abs((image.values[i * 3 + c] as number) - (data[i * 4 + c] as number));
      assert.ok(apart <= 12, `pixel ${i}, channel ${c}: ${apart} apart`);
    }
  }
});

test('JPEG: what is refused, and how', async () => {
  const whole = encode({ width: 8, height: 8, data: new Uint8Array(256) }, 50).data;
  const scans = Buffer.concat([whole, ...new Array(70).fill(Buffer.from([0xff, 0xda]))]);
  assert.match(await messageOf(() => decodeJpeg(scans, 'a.jpg')), /a\.jpg\n {2}expected at most 64 scans, found 71/);
  assert.match(await messageOf(() => decodeJpeg(whole.subarray(0, 100), 'a.jpg')), /expected a whole JPEG image/);
});

test('WAV: PCM of 8, 16, 24, 32 bits and floats', () => {
  const values = (code: number, bits: number, data: Uint8Array) => [
    ...decodeWav(wav({ code, bits, channels: 1, rate: 8000 }, data), 'a.wav').values,
  ];
  const bytes = (data: ArrayBufferView) => new Uint8Array(data.buffer);
  assert.equal(values(1, 8, Uint8Array.of(128, 0, 192)), [0, -1, 0.5]);
  assert.equal(values(1, 16, bytes(Int16Array.of(0, -32768, 16384))), [0, -1, 0.5]);
  assert.equal(values(1, 24, Uint8Array.of(0, 0, 0x80, 0, 0, 0x40, 1, 0, 0)), [-1, 0.5, 2 ** -23]);
  assert.equal(values(1, 32, bytes(Int32Array.of(-(2 ** 31), 2 ** 30))), [-1, 0.5]);
  assert.equal(values(3, 32, bytes(Float32Array.of(0.25, -2))), [0.25, -2]);
  assert.equal(values(3, 64, bytes(Float64Array.of(0.1))), [0.1]);
});

test('WAV: channels are mixed to one', () => {
  const stereo = wav(
    { code: 1, bits: 16, channels: 2, rate: 16000 },
    new Uint8Array(Int16Array.of(8192, 16384, -2, 2).buffer),
  );
  assert.equal(decodeWav(stereo, 'a.wav'), { samplesPerSecond: 16000, values: Float64Array.of(0.375, 0) });
});

test('WAV: what is refused, and how', async () => {
  const sound = wav({ code: 1, bits: 16, channels: 1, rate: 8000 }, new Uint8Array(8));
  const refusal = (bytes: Uint8Array) => messageOf(() => decodeWav(bytes, 'a.wav'));
  assert.match(
    await refusal(Buffer.from('RIFF')),
    /a\.wav\n {2}expected a RIFF file of type WAVE, found other content/,
  );
  assert.match(
    await refusal(sound.subarray(0, sound.length - 2)),
    /8 bytes of sound, found the end of the file after 6/,
  );
  assert.match(await refusal(sound.subarray(0, 48)), /expected a "data" chunk, found none/);
  const adpcm = wav({ code: 2, bits: 4, channels: 1, rate: 8000 }, new Uint8Array(8));
  assert.match(await refusal(adpcm), /found format 2 of 4 bits in 1 channels\n {2}convert it to 16-bit PCM/);
});

test.run();
