import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { allocateWidths, predictedDecibels } from '../../compiler/compress/bit-widths.ts';

const suite = makeSuite('bit widths');

suite('noises of layers add up: twice as many layers cost 3 dB', () => {
  assert.ok(Math.abs(predictedDecibels([8]) - 40) < 1e-9);
  assert.ok(Math.abs(predictedDecibels([8, 8]) - (40 - 10 * Math.log10(2))) < 1e-9);
});

suite('widths differ by 10 log10 of the sizes over kappa: ten times the weights, two bits less', () => {
  const layers = [
    { name: 'small', weights: 1000 },
    { name: 'large', weights: 10000 },
  ];
  const { bits, bytes } = allocateWidths(layers, { bytes: 6000, least: 2, most: 8 });
  assert.equal(bits, { small: 6, large: 4 });
  assert.is(bytes, 5750);
});

suite('no choice of the same size predicts a better ratio than two bits of even sizes would', () => {
  const layers = [300, 2000, 900].map((weights, i) => ({ name: `l${i}`, weights }));
  const found = allocateWidths(layers, { bytes: 2000, least: 2, most: 8 });
  const widths = layers.map(({ name }) => found.bits[name]);
  let best = Number.NEGATIVE_INFINITY;
  for (let a = 2; a <= 8; a++) {
    for (let b = 2; b <= 8; b++) {
      for (let c = 2; c <= 8; c++) {
        const bytes = Math.ceil((300 * a) / 8) + Math.ceil((2000 * b) / 8) + Math.ceil((900 * c) / 8);
        if (bytes <= found.bytes) best = Math.max(best, predictedDecibels([a, b, c]));
      }
    }
  }
  // Rounding to whole bits leaves less than one bit to gain.
  assert.ok(predictedDecibels(widths) > best - 5, `${predictedDecibels(widths)} of ${best}`);
  assert.ok(found.bytes <= 2000);
});

suite('a ratio is reached with as few bits as reach it', () => {
  const layers = [{ name: 'a', weights: 100 }];
  assert.equal(allocateWidths(layers, { decibels: 21, least: 2, most: 8 }).bits, { a: 5 });
  assert.equal(allocateWidths(layers, { decibels: 5, least: 3, most: 8 }).bits, { a: 3 });
});

suite('goals out of reach are refused with what is within', () => {
  assert.throws(
    () => allocateWidths([{ name: 'a', weights: 100 }], { bytes: 20, least: 2, most: 8 }),
    (error: Error) =>
      error.message ===
      'expected at most 20 bytes of weights of 2 to 8 bits, found 25 bytes and 10.0 dB at the narrowest, 100 bytes and 40.0 dB at the widest',
  );
});

suite.run();
