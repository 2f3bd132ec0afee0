/** The f32 functions against double-precision Math, over dense and random arguments. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { NUMBERS } from '../../../ir/tensor/algebra.ts';
import { FLOAT_FUNCTIONS, type FloatFunctionName, floatFunctionOf } from '../../../ir/tensor/float-math.ts';
import { Random } from '../../support/random.ts';
import { ulpError } from '../../support/ulp.ts';

const suite = makeSuite('f32 functions');
const AGAIN = 'node --import ./tools/ts.mjs tests/ir/tensor/float-math.test.ts';
const { fround } = Math;

/** erf: its Taylor series near 0; from 2.5 on 1 less Laplace's continued fraction. */
function erf(x: number): number {
  const a = Math.abs(x);
  if (Number.isNaN(x) || a > 6) return Number.isNaN(x) ? x : Math.sign(x);
  if (a >= 2.5) {
    let fraction = 0;
    for (let k = 80; k > 0; k--) fraction = k / 2 / (a + fraction);
    return Math.sign(x) * (1 - Math.exp(-a * a) / (a + fraction) / Math.sqrt(Math.PI));
  }
  let sum = x;
  for (let n = 1, power = x; Math.abs(power) > 2 ** -60 * Math.abs(sum); n++) {
    power *= (-x * x) / n;
    sum += power / (2 * n + 1);
  }
  return (sum * 2) / Math.sqrt(Math.PI);
}

const EXACT: Readonly<Record<FloatFunctionName, (x: number) => number>> = {
  exp: Math.exp,
  elu: (x) => (x < 0 ? Math.expm1(x) : x),
  logistic: (x) => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x))),
  tanh: Math.tanh,
  log: Math.log,
  softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  asinh: Math.asinh,
  acosh: Math.acosh,
  atanh: Math.atanh,
  erf,
};
const NAMES = Object.keys(FLOAT_FUNCTIONS) as FloatFunctionName[];

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
  for (let i = 0; i < 2000; i++) {
    const subnormal = random.int(0, 2 ** 23) * 2 ** -149;
    yield subnormal;
    yield -subnormal;
  }
  for (const end of [0, 2 ** -149, 2 ** -126, (2 - 2 ** -23) * 2 ** 127, Number.POSITIVE_INFINITY, Number.NaN]) {
    yield end;
    yield -end;
  }
  // Next to the zeros of sin and cos, and next to 1, the zero of log.
  for (let i = 1; i < 20_000; i++) yield fround((i * Math.PI) / 2);
  for (let i = -2000; i <= 2000; i++) {
    yield fround(1 + i * 2 ** -24);
    yield fround(-1 + i * 2 ** -24);
  }
}

for (const name of NAMES) {
  suite(`${name} is within ${FLOAT_FUNCTIONS[name].ulp} ulp`, () => {
    const f = floatFunctionOf(name);
    let worst = { error: 0, at: 0 };
    for (const x of sample()) {
      const found = ulpError(f(x), EXACT[name](x));
      if (found > worst.error || Number.isNaN(found)) worst = { error: found, at: x };
    }
    assert.ok(worst.error <= FLOAT_FUNCTIONS[name].ulp, `${worst.error} ulp at ${worst.at}\n${AGAIN}`);
  });
}

suite('a large angle whose reduction needs all bits', () => {
  // The f32 that comes closest to a multiple of pi / 2 (Muller, Elementary Functions, table of worst cases).
  const x = 16367173 * 2 ** 72;
  assert.ok(ulpError(floatFunctionOf('cos')(x), Math.cos(x)) <= 2, `cos ${floatFunctionOf('cos')(x)}, ${Math.cos(x)}`);
  assert.ok(ulpError(floatFunctionOf('sin')(x), Math.sin(x)) <= 2);
  assert.ok(ulpError(floatFunctionOf('tan')(x), Math.tan(x)) <= 3);
  const largest = (2 - 2 ** -23) * 2 ** 127;
  assert.ok(ulpError(floatFunctionOf('sin')(largest), Math.sin(largest)) <= 2);
  assert.ok(ulpError(floatFunctionOf('cos')(largest), Math.cos(largest)) <= 2);
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
    ['tan', -inf, nan],
    ['tan', -0, -0],
    ['asin', -0, -0],
    ['asin', fround(1 + 2 ** -23), nan],
    ['asin', 1, fround(Math.PI / 2)],
    ['acos', 1, 0],
    ['acos', -1, fround(Math.PI)],
    ['acos', -2, nan],
    ['atan', inf, fround(Math.PI / 2)],
    ['atan', -inf, fround(-Math.PI / 2)],
    ['atan', -0, -0],
    ['sinh', -inf, -inf],
    ['sinh', -0, -0],
    ['cosh', -inf, inf],
    ['cosh', 0, 1],
    ['asinh', -inf, -inf],
    ['asinh', -0, -0],
    ['acosh', inf, inf],
    ['acosh', 1, 0],
    ['acosh', fround(1 - 2 ** -24), nan],
    ['atanh', 1, inf],
    ['atanh', -1, -inf],
    ['atanh', -0, -0],
    ['atanh', fround(-1 - 2 ** -23), nan],
    ['atanh', inf, nan],
    ['erf', inf, 1],
    ['erf', -4, -1],
    ['erf', -0, -0],
    ['softplus', inf, inf],
    ['softplus', -inf, 0],
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
