/**
 * The f32 functions that no target has as an instruction, in f32 operations only (and 64-bit integers for the reduction of
 * large angles). No library is called, so every engine gives the same bits. All are within 2 ulp of the exact value
 * (logistic: 2.5).
 *
 * The polynomials for exp, log, sin and cos are those of Moshier's Cephes library (single precision).
 */
import { type Algebra, NUMBERS } from './algebra.ts';

const LOG2_E = Math.LOG2E;
/** ln 2 in two parts: multiples of the first by small integers are exact. */
const LN2_HIGH = 0.693359375;
const LN2_LOW = -2.1219444e-4;
/** Adding 1.5 * 2^23 rounds a small f32 to an integer, which then stands in the low bits. */
const ROUNDER = 12582912;
const ROUNDER_BITS = 0x4b400000;
const SIGN = -(2 ** 31);

/** c[0] * x^n + ... + c[n], by Horner's rule. */
function polynomial<F, I, W>(m: Algebra<F, I, W>, x: F, coefficients: readonly number[]): F {
  const [first = 0, ...rest] = coefficients;
  return rest.reduce((sum, c) => m.add(m.mul(sum, x), m.f32(c)), m.f32(first));
}

/** |magnitude| with the sign of `sign`, for a magnitude that is not negative. */
function withSign<F, I, W>(m: Algebra<F, I, W>, magnitude: F, sign: F): F {
  return m.float(m.or(m.bits(magnitude), m.and(m.bits(sign), m.i32(SIGN))));
}

/** 2^n for n in [-126, 127]. */
function powerOfTwo<F, I, W>(m: Algebra<F, I, W>, n: I): F {
  return m.float(m.shl(m.iadd(n, m.i32(127)), m.i32(23)));
}

/** x = n * ln 2 + r with |r| <= ln 2 / 2, and e^r - 1. For |x| < 2^21; garbage for NaN, whose e^r - 1 is NaN. */
function expParts<F, I, W>(m: Algebra<F, I, W>, x: F): { n: I; fraction: F } {
  const rounded = m.let('rounded', m.add(m.mul(x, m.f32(LOG2_E)), m.f32(ROUNDER)));
  const n = m.let('n', m.isub(m.bits(rounded), m.i32(ROUNDER_BITS)));
  const whole = m.let('whole', m.sub(rounded, m.f32(ROUNDER)));
  const r = m.let('r', m.sub(m.sub(x, m.mul(whole, m.f32(LN2_HIGH))), m.mul(whole, m.f32(LN2_LOW))));
  const p = polynomial(
    m,
    r,
    [1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1],
  );
  return { n, fraction: m.let('fraction', m.add(m.mul(p, m.mul(r, r)), r)) };
}

function exp<F, I, W>(m: Algebra<F, I, W>, x: F): F {
  // Beyond these bounds the result is 0 or infinity.
  const bounded = m.let('bounded', m.min(m.max(x, m.f32(-104)), m.f32(89)));
  const { n, fraction } = expParts(m, bounded);
  const y = m.add(fraction, m.f32(1));
  // Two factors, because 2^n alone may be subnormal or infinite where the product is not.
  const half = m.let('half', m.shr(n, m.i32(1)));
  return m.mul(m.mul(y, powerOfTwo(m, half)), powerOfTwo(m, m.isub(n, half)));
}

/** e^x - 1 for x <= 0. */
function expm1OfNegative<F, I, W>(m: Algebra<F, I, W>, x: F): F {
  // e^-20 is far below the last bit of 1.
  const { n, fraction } = expParts(m, m.let('bounded', m.max(x, m.f32(-20))));
  const scale = m.let('scale', powerOfTwo(m, n));
  return m.add(m.mul(fraction, scale), m.sub(scale, m.f32(1)));
}

function elu<F, I, W>(m: Algebra<F, I, W>, x: F): F {
  return m.branch(
    m.less(x, m.f32(0)),
    () => expm1OfNegative(m, x),
    () => x,
  );
}

function logistic<F, I, W>(m: Algebra<F, I, W>, x: F): F {
  const e = m.let('e', exp(m, m.neg(m.abs(x))));
  return m.div(m.select(m.less(x, m.f32(0)), e, m.f32(1)), m.add(m.f32(1), e));
}

/** |tanh x| is 1 - 2 / (e^(2|x|) + 1), and |x + x^3 * P(x^2)| near 0, where that would cancel. */
function tanh<F, I, W>(m: Algebra<F, I, W>, x: F): F {
  const magnitude = m.let('magnitude', m.abs(x));
  return m.branch(
    m.less(magnitude, m.f32(0.625)),
    () => {
      const square = m.let('square', m.mul(x, x));
      const p = polynomial(
        m,
        square,
        [-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1],
      );
      return withSign(m, m.abs(m.add(m.mul(m.mul(p, square), x), x)), x);
    },
    () => {
      const power = exp(m, m.mul(magnitude, m.f32(2)));
      return withSign(m, m.sub(m.f32(1), m.div(m.f32(2), m.add(power, m.f32(1)))), x);
    },
  );
}

/** x = 2^k * (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)). */
function log<F, I, W>(m: Algebra<F, I, W>, x: F): F {
  const isSmall = m.let('is_small', m.less(x, m.f32(2 ** -126)));
  const normal = m.let('normal', m.bits(m.select(isSmall, m.mul(x, m.f32(2 ** 23)), x)));
  const offset = 0x3f3504f3;
  const shifted = m.let('shifted', m.isub(normal, m.i32(offset)));
  const k = m.fromInt(m.isub(m.shr(shifted, m.i32(23)), m.iselect(isSmall, m.i32(23), m.i32(0))));
  const exponent = m.let('exponent', k);
  const mantissa = m.float(m.iadd(m.and(shifted, m.i32(0x7fffff)), m.i32(offset)));
  const f = m.let('f', m.sub(mantissa, m.f32(1)));
  const square = m.let('square', m.mul(f, f));
  const p = polynomial(
    m,
    f,
    [
      7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
      2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
    ],
  );
  const low = m.add(m.mul(m.mul(p, f), square), m.mul(exponent, m.f32(LN2_LOW)));
  const sum = m.add(m.sub(low, m.mul(square, m.f32(0.5))), f);
  const finite = m.add(sum, m.mul(exponent, m.f32(LN2_HIGH)));
  const infinity = m.f32(Number.POSITIVE_INFINITY);
  // x + x is x for infinity and NaN; x - x over 0 is NaN for negative x and -1 over 0 is -infinity for 0.
  const special = m.select(
    m.less(m.f32(0), x),
    m.add(x, x),
    m.div(m.select(m.less(x, m.f32(0)), m.f32(0), m.f32(-1)), m.f32(0)),
  );
  const isOrdinary = m.and(m.less(m.f32(0), x), m.less(x, infinity));
  return m.select(isOrdinary, finite, m.select(m.less(x, infinity), special, m.add(x, x)));
}

/** The bits of 1 / (2 pi) behind the binary point, 24 zeros first, in words of 64 bits. */
const TURNS: readonly bigint[] = turnWords();

/** 1 / (2 pi) to 24 + 192 bits, as an integer quotient; pi to 70 digits. */
function turnWords(): bigint[] {
  const digits = 31415926535897932384626433832795028841971693993751058209749445923078164n;
  const scale = 10n ** 70n;
  const turns = (scale << 256n) / (2n * digits);
  const shifted = turns >> 24n;
  return [192n, 128n, 64n, 0n].map((low) => BigInt.asIntN(64, shifted >> low));
}

const LOW_63 = (1n << 63n) - 1n;

/**
 * The nearest quarter turn to the angle |x|, and the radians from there, for finite |x| >= 2^-1. With x = m * 2^(e - 24),
 * the fraction of a turn is m times the 96 bits of 1 / (2 pi) from bit e on (Payne and Hanek, 1983), modulo 2^64.
 */
function quarterTurns<F, I, W>(m: Algebra<F, I, W>, x: F): { quarter: I; angle: F } {
  const bits = m.let('bits', m.bits(m.abs(x)));
  const exponent = m.let('exponent', m.isub(m.shr(bits, m.i32(23)), m.i32(126)));
  // Exponents are at most 128, where the mantissa moves instead of the window.
  const from = m.let('from', m.imin(exponent, m.i32(127)));
  const digits = m.or(m.and(bits, m.i32(0x7fffff)), m.i32(0x800000));
  const mantissa = m.let('mantissa', m.wide(m.shl(digits, m.and(m.isub(exponent, from), m.i32(1)))));
  const inSecond = m.let('in_second', m.iless(m.i32(63), from));
  const [a = 0n, b = 0n, c = 0n, d = 0n] = TURNS;
  const first = m.let('first', m.wselect(inSecond, m.i64(b), m.i64(a)));
  const second = m.let('second', m.wselect(inSecond, m.i64(c), m.i64(b)));
  const third = m.let('third', m.wselect(inSecond, m.i64(d), m.i64(c)));
  const count = m.let('count', m.wide(m.and(from, m.i32(63))));
  const rest = m.let('rest', m.wsub(m.i64(63n), count));
  // shr is arithmetic: the first step by one with the sign cleared makes it logical.
  const joined = (high: W, low: W): W => {
    const logical = m.wand(m.wshr(low, m.i64(1n)), m.i64(LOW_63));
    return m.wor(m.wshl(high, count), m.wshr(logical, rest));
  };
  const high = m.wmul(joined(first, second), mantissa);
  const next = m.wand(m.wshr(joined(second, third), m.i64(32n)), m.i64(0xffffffffn));
  const low = m.wshr(m.wmul(next, mantissa), m.i64(32n));
  const turn = m.let('turn', m.wadd(high, m.wand(low, m.i64(0xffffffffn))));
  const quarter = m.let('quarter', m.wshr(m.wadd(turn, m.i64(1n << 61n)), m.i64(62n)));
  const part = m.let('part', m.wsub(turn, m.wshl(quarter, m.i64(62n))));
  // The product with 2 pi * 2^29 in two halves, in units of 2^-63: rounded once, when it becomes a float.
  const radians = m.i64(BigInt(Math.round(2 * Math.PI * 2 ** 29)));
  const upper = m.wmul(m.wshr(part, m.i64(30n)), radians);
  const lower = m.wshr(m.wmul(m.wand(part, m.i64((1n << 30n) - 1n)), radians), m.i64(30n));
  return { quarter: m.let('q', m.narrow(quarter)), angle: m.mul(m.fromWide(m.wadd(upper, lower)), m.f32(2 ** -63)) };
}

/** sin for |x| <= pi / 4. */
function sinNearZero<F, I, W>(m: Algebra<F, I, W>, x: F, square: F): F {
  const p = polynomial(m, square, [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1]);
  return m.add(m.mul(m.mul(p, square), x), x);
}

/** cos for |x| <= pi / 4. */
function cosNearZero<F, I, W>(m: Algebra<F, I, W>, square: F): F {
  const p = polynomial(m, square, [2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2]);
  return m.add(m.sub(m.mul(m.mul(p, square), square), m.mul(square, m.f32(0.5))), m.f32(1));
}

/** sin(quarter * pi / 2 + angle) */
function sinOfQuarters<F, I, W>(m: Algebra<F, I, W>, quarter: I, angle: F): F {
  const r = m.let('angle', angle);
  const square = m.let('square', m.mul(r, r));
  const isOdd = m.and(quarter, m.i32(1));
  const magnitude = m.let(
    'value',
    m.branch(
      isOdd,
      () => cosNearZero(m, square),
      () => sinNearZero(m, r, square),
    ),
  );
  return m.select(m.and(quarter, m.i32(2)), m.neg(magnitude), magnitude);
}

function sin<F, I, W>(m: Algebra<F, I, W>, x: F): F {
  const magnitude = m.let('magnitude', m.abs(x));
  return m.branch(
    m.less(magnitude, m.f32(0.75)),
    // Below 2^-12 sin x is x, which also keeps the sign of -0.
    () => m.select(m.less(magnitude, m.f32(2 ** -12)), x, sinNearZero(m, x, m.let('square', m.mul(x, x)))),
    () => {
      const { quarter, angle } = quarterTurns(m, x);
      const value = m.let('turned', sinOfQuarters(m, quarter, angle));
      return finiteOnly(m, x, m.select(m.less(x, m.f32(0)), m.neg(value), value));
    },
  );
}

function cos<F, I, W>(m: Algebra<F, I, W>, x: F): F {
  return m.branch(
    m.less(m.abs(x), m.f32(0.75)),
    () => cosNearZero(m, m.let('square', m.mul(x, x))),
    () => {
      const { quarter, angle } = quarterTurns(m, x);
      return finiteOnly(m, x, sinOfQuarters(m, m.let('next', m.iadd(quarter, m.i32(1))), angle));
    },
  );
}

/** `value`, or NaN where x is infinite or NaN. */
function finiteOnly<F, I, W>(m: Algebra<F, I, W>, x: F, value: F): F {
  return m.select(m.less(m.abs(x), m.f32(Number.POSITIVE_INFINITY)), value, m.sub(x, x));
}

interface FloatFunction {
  /** What it computes; what it gives for NaN, infinities and zeros. */
  readonly doc: string;
  readonly define: <F, I, W>(m: Algebra<F, I, W>, x: F) => F;
}

/** Subnormal arguments and results are exact parts of every function's domain and range. */
export const FLOAT_FUNCTIONS = {
  exp: { doc: 'e^x; 0 below -104, infinity above 88.73; NaN of NaN', define: exp },
  elu: { doc: 'e^x - 1 for x < 0, else x; NaN of NaN', define: elu },
  logistic: { doc: '1 / (1 + e^-x); NaN of NaN', define: logistic },
  tanh: { doc: 'hyperbolic tangent, of -0 is -0; NaN of NaN', define: tanh },
  log: { doc: 'natural logarithm; -infinity of 0, NaN of negative x and NaN', define: log },
  sin: { doc: 'sine of x radians, of -0 is -0; NaN of infinity and NaN', define: sin },
  cos: { doc: 'cosine of x radians; NaN of infinity and NaN', define: cos },
} as const satisfies Record<string, FloatFunction>;

export type FloatFunctionName = keyof typeof FLOAT_FUNCTIONS;

/** A function on numbers that are f32 values. */
export function floatFunctionOf(name: FloatFunctionName): (x: number) => number {
  const { define } = FLOAT_FUNCTIONS[name];
  return (x) => define(NUMBERS, x);
}
