/** The f32 functions against double-precision Math, over dense and random arguments. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { NUMBERS } from '../../../ir/tensor/algebra.ts';
import { FLOAT_FUNCTIONS, type FloatFunctionName, floatFunctionOf } from '../../../ir/tensor/float-math.ts';
import { Random } from '../../support/random.ts';

const suite = makeSuite('f32 functions');
const AGAIN = 'node --import ./tools/ts.mjs tests/ir/tensor/float-math.test.ts';
const { fround } = Math;

const EXACT: Readonly<Record<FloatFunctionName, (x: number) => number>> = {
  exp: Math.exp,
  elu: (x) => (x < 0 ? Math.expm1(x) : x),
  logistic: (x) => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x))),
  tanh: Math.tanh,
  log: Math.log,
  sin: Math.sin,
  cos: Math.cos,
};
/** In units of the last place of the exact value. */
const BOUND: Readonly<Record<FloatFunctionName, number>> = {
  exp: 2,
  elu: 2,
  logistic: 2.5,
  tanh: 2,
  log: 2,
  sin: 2,
  cos: 2,
};
const NAMES = Object.keys(FLOAT_FUNCTIONS) as FloatFunctionName[];

function error(found: number, exact: number): number {
  const rounded = fround(exact);
  if (Object.is(found, rounded) || (found === 0 && rounded === 0)) return 0;
  if (!Number.isFinite(found) || !Number.isFinite(rounded)) return Number.POSITIVE_INFINITY;
  const exponent = Math.max(-126, Math.floor(Math.log2(Math.abs(rounded) || 2 ** -149)));
  return Math.abs(found - exact) / 2 ** (exponent - 23);
}

function* sample(): Generator<number> {
  const random = new Random(31);
  const bits = new DataView(new ArrayBuffer(4));
  for (let i = 0; i < 60_000; i++) {
    bits.setUint32(0, random.bits());
    yield bits.getFloat32(0);
  }
  for (let i = -60_000; i <= 60_000; i++) {
    yield fround(i / 500);
    yield fround(i / 30_011);
  }
  // Next to the zeros of sin and cos, and next to 1, the zero of log.
  for (let i = 1; i < 20_000; i++) yield fround((i * Math.PI) / 2);
  for (let i = -2000; i <= 2000; i++) yield fround(1 + i * 2 ** -24);
}

for (const name of NAMES) {
  suite(`${name} is within ${BOUND[name]} ulp`, () => {
    const f = floatFunctionOf(name);
    let worst = { error: 0, at: 0 };
    for (const x of sample()) {
      const found = error(f(x), EXACT[name](x));
      if (found > worst.error || Number.isNaN(found)) worst = { error: found, at: x };
    }
    assert.ok(worst.error <= BOUND[name], `${worst.error} ulp at ${worst.at}\n${AGAIN}`);
  });
}

suite('a large angle whose reduction needs all bits', () => {
  // The f32 that comes closest to a multiple of pi / 2 (Muller, Elementary Functions, table of worst cases).
  const x = 16367173 * 2 ** 72;
  assert.ok(error(floatFunctionOf('cos')(x), Math.cos(x)) <= 2, `cos ${floatFunctionOf('cos')(x)}, ${Math.cos(x)}`);
  assert.ok(error(floatFunctionOf('sin')(x), Math.sin(x)) <= 2);
  const largest = (2 - 2 ** -23) * 2 ** 127;
  assert.ok(error(floatFunctionOf('sin')(largest), Math.sin(largest)) <= 2);
  assert.ok(error(floatFunctionOf('cos')(largest), Math.cos(largest)) <= 2);
});

suite('special values', () => {
  const { POSITIVE_INFINITY: inf, NaN: nan } = Number;
  const expected: readonly (readonly [FloatFunctionName, number, number])[] = [
    ['exp', inf, inf],
    ['exp', -inf, 0],
    ['exp', 89, inf],
    ['exp', -104, 0],
    ['exp', -0, 1],
    ['elu', -inf, -1],
    ['elu', inf, inf],
    ['elu', -0, -0],
    ['logistic', inf, 1],
    ['logistic', -inf, 0],
    ['logistic', 0, 0.5],
    ['tanh', inf, 1],
    ['tanh', -inf, -1],
    ['tanh', -0, -0],
    ['log', 0, -inf],
    ['log', -0, -inf],
    ['log', -1, nan],
    ['log', -inf, nan],
    ['log', inf, inf],
    ['log', 1, 0],
    ['sin', inf, nan],
    ['sin', -inf, nan],
    ['sin', -0, -0],
    ['cos', inf, nan],
    ['cos', 0, 1],
  ];
  for (const [name, x, y] of expected) {
    assert.ok(Object.is(floatFunctionOf(name)(x), y), `${name}(${x}) is ${floatFunctionOf(name)(x)}, expected ${y}`);
  }
  for (const name of NAMES) assert.ok(Number.isNaN(floatFunctionOf(name)(nan)), `${name}(NaN)`);
});

suite('a wide integer rounds to f32 once', () => {
  // Exactly between two f32 values but for its last bit, which rounding to double first would lose.
  const tie = (2n ** 24n + 1n) << 38n;
  assert.is(NUMBERS.fromWide(tie + 1n), Number((2n ** 24n + 2n) << 38n));
  assert.is(NUMBERS.fromWide(tie), Number((2n ** 24n) << 38n));
  assert.is(NUMBERS.fromWide(-tie - 1n), -Number((2n ** 24n + 2n) << 38n));
});

suite.run();
