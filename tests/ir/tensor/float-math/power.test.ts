/** pow against double-precision Math, and the special values of the C standard (Annex F.10.4.4). */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { evaluate } from '../../../../ir/tensor/evaluate.ts';
import { POWER, powOf } from '../../../../ir/tensor/float-math.ts';
import { NO_QUANT, type TensorType } from '../../../../ir/tensor/types.ts';
import { Random } from '../../../support/random.ts';
import { singleNode } from '../../../support/single-node.ts';
import { ulpError } from '../../../support/ulp.ts';

const suite = makeSuite('f32 power');
const AGAIN = 'node --import ./tools/ts.mjs tests/ir/tensor/float-math/power.test.ts';
const { fround } = Math;
const { POSITIVE_INFINITY: INF, NaN: NAN } = Number;
const random = new Random(77);
const word = new DataView(new ArrayBuffer(4));

function anyReal(): number {
  word.setUint32(0, random.bits());
  return word.getFloat32(0);
}

const unit = () => random.bits() / 2 ** 32;

/** A y for which x^y is mostly neither 0 nor infinite. */
function within(x: number): number {
  return fround((unit() * 300 - 150) / Math.log2(x));
}

/** Where JavaScript departs from C, the special values below say what is right. */
function isOrdinary(x: number, y: number): boolean {
  return Number.isFinite(x) && Number.isFinite(y);
}

function assertWithin(pairs: Iterable<readonly [number, number]>): void {
  let worst = { error: 0, x: 0, y: 0 };
  let count = 0;
  for (const [x, y] of pairs) {
    if (!isOrdinary(x, y)) continue;
    count++;
    const error = ulpError(powOf(x, y), x ** y);
    if (error > worst.error || Number.isNaN(error)) worst = { error, x, y };
  }
  assert.ok(count > 0);
  assert.ok(worst.error <= POWER.ulp, `${worst.error} ulp at ${worst.x} ** ${worst.y}\n${AGAIN}`);
}

function* pairs(count: number, make: () => readonly [number, number]): Generator<readonly [number, number]> {
  for (let i = 0; i < count; i++) yield make();
}

suite(`x^y is within ${POWER.ulp} ulp for any bits`, () => {
  assertWithin(pairs(100_000, () => [anyReal(), anyReal()]));
});

suite('and where the result is neither 0 nor infinite', () => {
  const positive = () => Math.abs(anyReal());
  assertWithin(
    pairs(200_000, () => {
      const x = positive();
      return [x, within(x)];
    }),
  );
});

suite('and for bases next to 1, whose powers need the most bits', () => {
  assertWithin(
    pairs(100_000, () => {
      const x = fround(0.7 + 0.72 * unit());
      return [x, within(x)];
    }),
  );
  assertWithin(
    pairs(100_000, () => {
      const x = fround(1 + random.int(-1000, 1000) * 2 ** -23);
      return [x, within(x)];
    }),
  );
});

suite('powers that are f32 numbers are exact', () => {
  let count = 0;
  for (let x = -200; x <= 200; x++) {
    for (let y = -4; y <= 9; y += 0.5) {
      const exact = x ** y;
      if (!isOrdinary(x, y) || fround(exact) !== exact) continue;
      count++;
      assert.ok(Object.is(powOf(x, y), exact), `${x} ** ${y} is ${powOf(x, y)}, expected ${exact}`);
    }
  }
  assert.ok(count > 1500, `${count}`);
});

suite('special values', () => {
  const odd = 2 ** 24 - 1;
  const even = 2 ** 24;
  const table: readonly (readonly [x: number, y: number, power: number])[] = [
    [NAN, 0, 1],
    [NAN, -0, 1],
    [1, NAN, 1],
    [1, INF, 1],
    [NAN, 1, NAN],
    [2, NAN, NAN],
    [0, NAN, NAN],
    [INF, NAN, NAN],
    [-1, INF, 1],
    [-1, -INF, 1],
    [0, -3, INF],
    [-0, -3, -INF],
    [-0, -odd, -INF],
    [0, -2, INF],
    [-0, -2, INF],
    [-0, -even, INF],
    [-0, -0.5, INF],
    [0, -INF, INF],
    [-0, -INF, INF],
    [0, 3, 0],
    [-0, 3, -0],
    [-0, odd, -0],
    [-0, 2, 0],
    [-0, 0.5, 0],
    [0, INF, 0],
    [-0, INF, 0],
    [0, 2 ** -149, 0],
    [-8, 1 / 3, NAN],
    [-8, 2 ** 22 + 0.5, NAN],
    [-8, 2 ** -149, NAN],
    [-2, 3, -8],
    [-2, -2, 0.25],
    [-1, odd, -1],
    [-1, even, 1],
    [-1, 2 ** 100, 1],
    [0.5, -INF, INF],
    [-0.5, -INF, INF],
    [2, -INF, 0],
    [-2, -INF, 0],
    [0.5, INF, 0],
    [-0.5, INF, 0],
    [2, INF, INF],
    [-2, INF, INF],
    [-INF, -3, -0],
    [-INF, -2, 0],
    [-INF, -0.5, 0],
    [-INF, 3, -INF],
    [-INF, 2, INF],
    [-INF, 0.5, INF],
    [INF, -0.5, 0],
    [INF, 2 ** -149, INF],
    [-INF, INF, INF],
    [-INF, -INF, 0],
    [2, 128, INF],
    [2, -149, 2 ** -149],
    [2, -151, 0],
    [-2, -149, -(2 ** -149)],
    [2 ** -149, 1, 2 ** -149],
    [2 ** -149, -1, INF],
    [-3e38, 3, -INF],
    [-3e38, -3, -0],
    [fround(1 - 2 ** -24), 3e38, 0],
    [fround(1 + 2 ** -23), 3e38, INF],
  ];
  for (const [x, y, power] of table) {
    const found = powOf(fround(x), fround(y));
    assert.ok(Object.is(found, power), `${x} ** ${y} is ${found}, expected ${power}`);
  }
});

suite('powers of integers wrap, and negative ones are quotients', () => {
  const bases = [0, 1, -1, 2, -2, 3, -7, 46341, 2 ** 31 - 1, -(2 ** 31)];
  const exponents = [0, 1, 2, 3, 5, 30, 31, 32, 33, 2 ** 31 - 1, -1, -2, -3, -(2 ** 31)];
  const plain = (...shape: number[]): TensorType => ({ dtype: 'i32', shape, quant: NO_QUANT });
  const graph = singleNode('pow', {}, [{ type: plain(bases.length, 1) }, { type: plain(1, exponents.length) }]);
  const [found] = evaluate(graph, [Int32Array.from(bases), Int32Array.from(exponents)]).outputs;
  const modulus = 2n ** 32n;
  const power = (a: bigint, b: bigint): bigint => {
    if (b === 0n) return 1n;
    const root = power(a, b >> 1n);
    return (((root * root) % modulus) * (b & 1n ? a : 1n)) % modulus;
  };
  const expected = bases.flatMap((a) =>
    exponents.map((b) => {
      if (b >= 0) return Number(BigInt.asIntN(32, power(BigInt(a), BigInt(b))));
      return Math.abs(a) === 1 ? (b % 2 === 0 ? 1 : a) : 0;
    }),
  );
  assert.equal(Array.from(found as Int32Array), expected);
});

suite.run();
