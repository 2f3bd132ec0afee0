/** The steps of `preprocess`, and real numbers to stored ones and back. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeBytes, encodeReals, encodeStored, realsOf } from '../../compiler/data/encode.ts';
import { prepare } from '../../compiler/data/prepare.ts';
import type { DataRecord } from '../../compiler/data/record.ts';
import type { Preprocess } from '../../compiler/data/spec.ts';
import { NO_QUANT, type TensorType } from '../../ir/tensor/types.ts';
import { messageOf } from './writers.ts';

const test = suite('prepare');
const f32 = (...shape: number[]): TensorType => ({ dtype: 'f32', shape, quant: NO_QUANT });
const affine = (dtype: 'i8' | 'u8' | 'i16', scale: number, zeroPoint: number): TensorType => {
  return { dtype, shape: [1, 4], quant: { kind: 'affine', scale: [scale], zeroPoint: [zeroPoint] } };
};
const record = (kind: DataRecord['kind'], shape: readonly number[], ...values: number[]): DataRecord => {
  return { name: 'x', kind, shape, values: Float64Array.from(values) };
};
const made = (from: DataRecord, type: TensorType, steps: Preprocess = {}) => [...prepare(from, type, steps)];

test('arrays keep their order whatever extents of 1 there are', () => {
  const matrix = record('array', [2, 2], 1, 2, 3, 4);
  for (const type of [f32(1, 2, 2), f32(1, 2, 2, 1), f32(1, 1, 2, 2), f32(2, 2)])
    assert.equal(made(matrix, type), [1, 2, 3, 4]);
  assert.equal(made(record('array', [4], 1, 2, 3, 4), f32(1, 2, 2, 1)), [1, 2, 3, 4]);
});

test('images fill inputs with channels last or first', () => {
  const image = record('image', [1, 2, 3], 1, 2, 3, 4, 5, 6);
  assert.equal(made(image, f32(1, 1, 2, 3)), [1, 2, 3, 4, 5, 6]);
  assert.equal(made(image, f32(1, 3, 1, 2)), [1, 4, 2, 5, 3, 6]);
  const planes = record('array', [3, 1, 2], 1, 4, 2, 5, 3, 6);
  assert.equal(made(planes, f32(1, 1, 2, 3), { layout: 'chw' }), [1, 2, 3, 4, 5, 6]);
  // An array of another order than the input's is an image of `layout`.
  assert.equal(made(record('array', [2, 2, 3], ...Array(12).keys()), f32(1, 3, 2, 2)).slice(0, 4), [0, 3, 6, 9]);
});

test('channels: taken from the input unless stated', () => {
  const pixel = record('image', [1, 1, 3], 100, 50, 200);
  assert.equal(made(pixel, f32(1, 1, 1, 3), { channels: 'bgr' }), [200, 50, 100]);
  assert.equal(made(pixel, f32(1, 1, 1, 4)), [100, 50, 200, 255]);
  assert.equal(made(pixel, f32(1, 1, 1, 1)), [0.299 * 100 + 0.587 * 50 + 0.114 * 200]);
  assert.equal(made(record('image', [1, 1, 2], 9, 0), f32(1, 1, 1, 3)), [9, 9, 9]);
  assert.equal(made(record('image', [1, 1, 4], 1, 2, 3, 4), f32(1, 1, 1, 3)), [1, 2, 3]);
});

test('resize: pixel centres at halves', () => {
  const row = record('image', [1, 4, 1], 0, 10, 20, 30);
  const to = (width: number, method: 'bilinear' | 'nearest'): Preprocess => ({ resize: { height: 1, width, method } });
  assert.equal(made(row, f32(1, 1, 2, 1), to(2, 'bilinear')), [5, 25]);
  assert.equal(made(row, f32(1, 1, 8, 1), to(8, 'bilinear')), [0, 2.5, 7.5, 12.5, 17.5, 22.5, 27.5, 30]);
  assert.equal(made(row, f32(1, 1, 2, 1), to(2, 'nearest')), [10, 30]);
  assert.equal(made(row, f32(1, 1, 6, 1), to(6, 'nearest')), [0, 10, 10, 20, 30, 30]);
  const square = record('image', [2, 2, 1], 0, 8, 16, 24);
  assert.equal(made(square, f32(1, 1, 1, 1), { resize: { height: 1, width: 1 } }), [12]);
});

test('resize to the shorter side, then crop the middle', () => {
  const wide = record('image', [2, 4, 1], 0, 10, 20, 30, 40, 50, 60, 70);
  assert.equal(
    made(wide, f32(1, 2, 2, 1), { resize: { shorter: 2 }, crop: { height: 2, width: 2 } }),
    [10, 20, 50, 60],
  );
  assert.equal(made(wide, f32(1, 1, 2, 1), { crop: { height: 1, width: 2, top: 1, left: 0 } }), [40, 50]);
  assert.equal(made(wide, f32(1, 1, 2, 1), { resize: { shorter: 1 } }).length, 2);
});

test('scale and offset, then mean and std, for all or for each channel', () => {
  const pixel = record('image', [1, 1, 3], 0, 51, 255);
  assert.equal(
    made(pixel, f32(1, 1, 1, 3), { scale: 1 / 51, offset: -1, mean: [0, 0, 1], std: [1, 2, 3] }),
    [-1, 0, 1],
  );
  assert.equal(made(record('array', [2], 3, 4), f32(1, 2), { mean: [1, 2], std: 2 }), [1, 1]);
});

test('sounds: length and sampling rate', async () => {
  const sound: DataRecord = { ...record('audio', [3], 1, 2, 3), samplesPerSecond: 8000 };
  assert.equal(made(sound, f32(1, 5), { length: 5, samplesPerSecond: 8000 }), [1, 2, 3, 0, 0]);
  assert.equal(made(sound, f32(1, 2), { length: 2 }), [1, 2]);
  const refusal = await messageOf(() => made(sound, f32(1, 3), { samplesPerSecond: 16000 }));
  assert.match(refusal, /^x\n {2}expected 16000 samples per second, found 8000\n {2}resample it/);
  assert.match(
    await messageOf(() => made(sound, f32(1, 5))),
    /found a sample of shape \[3\]\n {2}state preprocess\.length/,
  );
});

test('what does not fit is refused with what to do', async () => {
  const image = record('image', [2, 2, 1], 1, 2, 3, 4);
  const refusal = (from: DataRecord, type: TensorType, steps: Preprocess = {}) =>
    messageOf(() => made(from, type, steps));
  assert.match(
    await refusal(image, f32(1, 4, 4, 1)),
    /^x\n {2}expected a sample that fills f32\[1,4,4,1\], found an image of 2 x 2 pixels\n {2}state preprocess: resize/,
  );
  assert.match(await refusal(image, f32(8, 2, 2, 1)), /build the model for a batch of 1/);
  assert.match(
    await refusal(record('array', [3], 1, 2, 3), f32(1, 4)),
    /found a sample of shape \[3\]\n {2}choose other columns/,
  );
  assert.match(
    await refusal(image, f32(1, 2, 2, 1), { crop: { height: 3, width: 1 } }),
    /holds a crop of 3 x 1 .*, found 2 x 2/,
  );
  assert.match(await refusal(image, f32(1, 2, 2, 1), { mean: [1, 2] }), /preprocess\.mean, .*, found 2 for 1 channels/);
  const cube = record('array', [1, 2, 3, 4, 5], ...Array(120).fill(0));
  assert.match(await refusal(cube, f32(1, 2, 2, 1), { channels: 'rgb' }), /an array of rank 2 or 3, found shape/);
  assert.match(
    await refusal(image, f32(1, 60000, 60000, 1), { resize: { height: 60000, width: 60000 } }),
    /at most 67108864/,
  );
});

test('real numbers as quantized integers: rounded away from zero, saturated', () => {
  assert.equal([...encodeReals(affine('i8', 0.5, -1), [0, 0.25, -0.25, 1000], 'x')], [-1, 0, -2, 127]);
  assert.equal([...encodeReals(affine('u8', 1 / 255, 0), [0, 1, 0.5, -3], 'x')], [0, 255, 128, 0]);
  const fixed: TensorType = { dtype: 'i16', shape: [1, 4], quant: { kind: 'fixed', fraction: [8] } };
  assert.equal([...encodeReals(fixed, [1, -0.5, 200, 0], 'x')], [256, -128, 32767, 0]);
});

test('pixels divided by 255 come back as themselves from a scale of 1/255', () => {
  const reals = Array.from({ length: 256 }, (_, pixel) => pixel / 255);
  const type = affine('i8', Math.fround(1 / 255), -128);
  assert.equal(
    [...encodeReals(type, reals, 'x')],
    Array.from({ length: 256 }, (_, pixel) => pixel - 128),
  );
});

test('halves: nearest, ties to even', () => {
  const half: TensorType = { dtype: 'f16', shape: [1], quant: NO_QUANT };
  const cases: readonly (readonly [number, number])[] = [
    [0, 0],
    [-0, 0x8000],
    [1, 0x3c00],
    [-2, 0xc000],
    [65504, 0x7bff],
    [65519.9, 0x7bff],
    [65520, 0x7c00],
    [2 ** -24, 1],
    [2 ** -25, 0],
    [2 ** -14, 0x0400],
    [2 ** -14 - 2 ** -26, 0x0400],
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
    [2047.9, 0x6800],
    [Number.NaN, 0x7e00],
  ];
  for (const [x, bits] of cases) assert.is(encodeReals(half, [x], 'x')[0], bits, String(x));
  for (let bits = 0; bits < 0x7c00; bits++) {
    const data = Uint16Array.of(bits);
    assert.is(encodeReals(half, realsOf(half, data), 'x')[0], bits);
  }
});

test('plain integers and bools must be whole and in range', async () => {
  const i32: TensorType = { dtype: 'i32', shape: [2], quant: NO_QUANT };
  const bool: TensorType = { dtype: 'bool', shape: [1], quant: NO_QUANT };
  assert.equal([...encodeReals(i32, [3, -4], 'x')], [3, -4]);
  assert.match(
    await messageOf(() => encodeReals(i32, [0, 1.5], 'x')),
    /^x: number 1\n {2}expected whole .* found 1\.5\n/,
  );
  assert.match(await messageOf(() => encodeReals(bool, [2], 'x')), /whole numbers of 0 to 1 for bool\[1\], found 2/);
  assert.match(await messageOf(() => encodeReals(affine('i8', 1, 0), [Number.NaN], 'x')), /found NaN/);
  assert.equal([...encodeStored(affine('i8', 0.1, 3), [-128, 5], 'x')], [-128, 5]);
  assert.match(await messageOf(() => encodeStored(affine('i8', 0.1, 3), [128], 'x')), /of -128 to 127 for i8/);
});

test('bytes: as stored, or f32 for an integer input', async () => {
  const type = affine('i8', 0.5, 0);
  assert.equal([...encodeBytes(type, Uint8Array.of(1, 255, 2, 128), 'x')], [1, -1, 2, -128]);
  assert.equal([...encodeBytes(type, new Uint8Array(Float32Array.of(1, -1, 0, 99).buffer), 'x')], [2, -2, 0, 127]);
  const expected = /^x\n {2}expected 4 bytes for i8\[1,4\] affine\(0\.5, 0\), or 16 of real numbers as f32, found 5$/;
  assert.match(await messageOf(() => encodeBytes(type, new Uint8Array(5), 'x')), expected);
});

test('what stored numbers stand for', () => {
  const reals = (quant: TensorType['quant'], dtype: TensorType['dtype'], ...data: number[]) => [
    ...realsOf({ dtype, shape: [1, data.length], quant }, Int8Array.from(data)),
  ];
  assert.equal(reals({ kind: 'affine', scale: [0.5], zeroPoint: [-1] }, 'i8', 3, -1), [2, 0]);
  assert.equal(reals({ kind: 'affine', scale: [1, 2], zeroPoint: [0, 1], axis: 1 }, 'i8', 3, 3), [3, 4]);
  assert.equal(reals({ kind: 'fixed', fraction: [2] }, 'i8', 3), [0.75]);
  assert.equal(reals({ kind: 'binary', alpha: [3] }, 'i1', 0, 1), [-3, 3]);
  assert.equal(reals({ kind: 'ternary', alpha: [3] }, 'i2', 0, 1, -1), [0, 3, -3]);
  assert.equal(reals({ kind: 'codebook', table: [7, 9] }, 'u4', 1, 0), [9, 7]);
});

test.run();
