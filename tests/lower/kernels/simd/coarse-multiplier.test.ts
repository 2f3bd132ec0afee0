/** Rounder multipliers give every accumulator of a channel the stored value that the reference's gives. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { coarsestMultiplier } from '../../../../compiler/lower/kernels/simd/coarse-multiplier.ts';
import { Random } from '../../../support/random.ts';

const suite = makeSuite('coarse multipliers');
const SEED = 11;

/** The two roundings as requantize-i8.ts states them: for s >= 1 one shift of both, below 1 a shift to the left first. */
function scaled(acc: number, multiplier: number, shift: number): number {
  const s = BigInt(Math.max(0, shift));
  const product = BigInt(acc) * BigInt(multiplier) * 2n ** BigInt(Math.max(0, -shift));
  if (shift <= 0) return Number((product + 2n ** 30n) >> 31n);
  return Number((product + 2n ** 30n + 2n ** (30n + s) - (acc < 0 ? 2n ** 31n : 0n)) >> (31n + s));
}

function zeros(multiplier: number): number {
  return Math.log2(multiplier & -multiplier);
}

suite('agree on every accumulator', () => {
  const r = new Random(SEED);
  let gained = 0;
  const rounds = 200;
  for (let round = 0; round < rounds; round++) {
    const multiplier = 2 ** 30 + Math.floor(r.unit() * 2 ** 30);
    const shift = Math.floor(r.unit() * 10) - 1;
    const reach = Math.ceil((1 + r.unit() * (round % 2 === 0 ? 2 : 120)) * 2 ** (shift + 1));
    const [low, high] = [Math.floor(-reach * r.unit()), Math.ceil(reach * r.unit())];
    const [first, last] = [scaled(low, multiplier, shift), scaled(high, multiplier, shift)];
    const coarse = coarsestMultiplier(multiplier, shift, { low, high, first, last });
    assert.ok(coarse > 0 && coarse < 2 ** 31);
    gained += zeros(coarse) - zeros(multiplier);
    for (let acc = low; acc <= high; acc++) {
      const [found, expected] = [coarse, multiplier].map((m) => scaled(acc, m, shift));
      assert.is(found, expected, `acc ${acc}, multiplier ${multiplier}, shift ${shift}, coarse ${coarse}`);
    }
  }
  // Hundreds of steps up to accumulators of some thousands leave about ten of 31 bits.
  assert.ok(gained / rounds > 6, `${gained / rounds} bits`);
});

suite('a channel of one value, and steps at whole quotients', () => {
  const [low, high] = [100, 105];
  const multiplier = 2 ** 30 + 12345;
  assert.is(scaled(low, multiplier, 3), 6);
  assert.is(scaled(high, multiplier, 3), 7);
  const coarse = coarsestMultiplier(multiplier, 3, { low: 105, high: 110, first: 7, last: 7 });
  for (let acc = 105; acc <= 110; acc++) assert.is(scaled(acc, coarse, 3), 7);
  // t = (2^2 - 2 - 1) * 2^30 / 2^30: the step of value 1 is at accumulator 1 exactly, of which a division may not be sure.
  assert.is(coarsestMultiplier(2 ** 30, 1, { low: 0, high: 1, first: 0, last: 1 }), 2 ** 30);
});

suite.run();
