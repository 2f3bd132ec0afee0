/**
 * Sine, cosine and tangent of any angle, and their inverses. The polynomials of sine and cosine are those of Moshier's
 * Cephes library (single precision), the others minimax fits of the relative error.
 */
import type { Algebra } from '../algebra.ts';
import { finiteOnly, polynomial, withSign } from './shared.ts';

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

export function sin<F, I, W>(m: Algebra<F, I, W>, x: F): F {
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

export function cos<F, I, W>(m: Algebra<F, I, W>, x: F): F {
  return m.branch(
    m.less(m.abs(x), m.f32(0.75)),
    () => cosNearZero(m, m.let('square', m.mul(x, x))),
    () => {
      const { quarter, angle } = quarterTurns(m, x);
      return finiteOnly(m, x, sinOfQuarters(m, m.let('next', m.iadd(quarter, m.i32(1))), angle));
    },
  );
}

/** tan for |x| <= pi / 4. */
function tanNearZero<F, I, W>(m: Algebra<F, I, W>, x: F): F {
  const square = m.let('square', m.mul(x, x));
  const p = polynomial(
    m,
    square,
    [9.388678707e-3, 3.113367362e-3, 2.44351048e-2, 5.340953544e-2, 1.3338826597e-1, 3.3333155513e-1],
  );
  return m.add(m.mul(m.mul(p, square), x), x);
}

export function tan<F, I, W>(m: Algebra<F, I, W>, x: F): F {
  return m.branch(
    m.less(m.abs(x), m.f32(0.75)),
    () => withSign(m, m.abs(tanNearZero(m, x)), x),
    () => {
      const { quarter, angle } = quarterTurns(m, x);
      const near = m.let('near', tanNearZero(m, m.let('angle', angle)));
      // tan(r + pi / 2) = -1 / tan r; no f32 is so near a multiple of pi / 2 that tan r were 0.
      const value = m.let('value', m.select(m.and(quarter, m.i32(1)), m.div(m.f32(-1), near), near));
      return finiteOnly(m, x, m.select(m.less(x, m.f32(0)), m.neg(value), value));
    },
  );
}

/** Pi and its half and quarter, each as an f32 and what that leaves. */
const PI = split(Math.PI);
const HALF_PI = split(Math.PI / 2);
const QUARTER_PI = split(Math.PI / 4);

function split(x: number): { readonly high: number; readonly low: number } {
  const high = Math.fround(x);
  return { high, low: Math.fround(x - high) };
}

/** Above it asin x is pi / 2 - 2 asin(sqrt((1 - x) / 2)), of which the second part is below 1. */
const ASIN_TURN = 0.5625;

/** For |x|: whether it is beyond ASIN_TURN, and asin of it or of sqrt((1 - |x|) / 2). NaN above 1. */
function asinParts<F, I, W>(m: Algebra<F, I, W>, x: F): { isNearOne: I; value: F } {
  const a = m.let('magnitude', m.abs(x));
  const isNearOne = m.let('is_near_one', m.less(m.f32(ASIN_TURN), a));
  const half = m.let('half', m.mul(m.sub(m.f32(1), a), m.f32(0.5)));
  const square = m.let('square', m.select(isNearOne, half, m.mul(a, a)));
  const s = m.let('s', m.select(isNearOne, m.sqrt(half), a));
  const p = polynomial(
    m,
    square,
    [4.7492373735e-2, 6.736015435e-3, 3.4012548625e-2, 4.423199594e-2, 7.5020983815e-2, 1.6666631401e-1],
  );
  return { isNearOne, value: m.let('value', m.add(m.mul(m.mul(p, square), s), s)) };
}

export function asin<F, I, W>(m: Algebra<F, I, W>, x: F): F {
  const { isNearOne, value } = asinParts(m, x);
  const turned = m.sub(m.f32(HALF_PI.high), m.sub(m.mul(value, m.f32(2)), m.f32(HALF_PI.low)));
  const signed = withSign(m, m.abs(m.select(isNearOne, turned, value)), x);
  return m.select(m.less(m.f32(1), m.abs(x)), m.div(m.f32(0), m.f32(0)), signed);
}

export function acos<F, I, W>(m: Algebra<F, I, W>, x: F): F {
  const { isNearOne, value } = asinParts(m, x);
  const isNegative = m.let('is_negative', m.less(x, m.f32(0)));
  const twice = m.let('twice', m.mul(value, m.f32(2)));
  const behind = m.sub(m.f32(PI.high), m.sub(twice, m.f32(PI.low)));
  const signed = m.select(isNegative, m.neg(value), value);
  const beside = m.sub(m.f32(HALF_PI.high), m.sub(signed, m.f32(HALF_PI.low)));
  return m.select(isNearOne, m.select(isNegative, behind, twice), beside);
}

/** |x| is turned by a quarter or half of a right angle, to an angle of at most pi / 8. */
export function atan<F, I, W>(m: Algebra<F, I, W>, x: F): F {
  const a = m.let('magnitude', m.abs(x));
  const isSteep = m.let('is_steep', m.less(m.f32(2.41421356), a));
  const isMiddle = m.let('is_middle', m.less(m.f32(0.41421356), a));
  const pick = (steep: F, middle: F, flat: F) => m.select(isSteep, steep, m.select(isMiddle, middle, flat));
  const numerator = pick(m.f32(-1), m.sub(a, m.f32(1)), a);
  const denominator = pick(a, m.add(a, m.f32(1)), m.f32(1));
  const t = m.let('t', m.div(numerator, denominator));
  const square = m.let('square', m.mul(t, t));
  const p = polynomial(m, square, [8.05405825e-2, -1.387782395e-1, 1.99777290225e-1, -3.33329498768e-1]);
  const rest = m.add(m.mul(m.mul(p, square), t), t);
  const low = pick(m.f32(HALF_PI.low), m.f32(QUARTER_PI.low), m.f32(0));
  const high = pick(m.f32(HALF_PI.high), m.f32(QUARTER_PI.high), m.f32(0));
  return withSign(m, m.add(high, m.add(rest, low)), x);
}
