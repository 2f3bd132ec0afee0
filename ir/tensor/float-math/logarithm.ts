/**
 * Functions made of ln x: softplus, and the inverses of the hyperbolic functions as logarithms of 1 + u. The polynomial is
 * that of Moshier's Cephes library (single precision).
 */
import type { Algebra } from '../algebra.ts';
import { exp } from './exponential.ts';
import { INFINITY, LN2_HIGH, LN2_LOW, polynomial, powerOfTwo, withSign } from './shared.ts';

/** The bits of sqrt(1/2): x = 2^k * m with m in [sqrt(1/2), sqrt(2)) is a matter of subtracting them. */
const ROOT_HALF = 0x3f3504f3;

/** For a positive normal x, k and m - 1 of x = 2^k * m. */
function logParts<F, I, W>(m: Algebra<F, I, W>, x: F): { k: I; f: F } {
  const shifted = m.let('shifted', m.isub(m.bits(x), m.i32(ROOT_HALF)));
  const mantissa = m.float(m.iadd(m.and(shifted, m.i32(0x7fffff)), m.i32(ROOT_HALF)));
  return { k: m.let('k', m.shr(shifted, m.i32(23))), f: m.let('f', m.sub(mantissa, m.f32(1))) };
}

/** ln(2^exponent * (1 + f)) */
function logOfParts<F, I, W>(m: Algebra<F, I, W>, exponent: F, f: F): F {
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
  return m.add(sum, m.mul(exponent, m.f32(LN2_HIGH)));
}

export function log<F, I, W>(m: Algebra<F, I, W>, x: F): F {
  const isSmall = m.let('is_small', m.less(x, m.f32(2 ** -126)));
  const normal = m.select(isSmall, m.mul(x, m.f32(2 ** 23)), x);
  const { k, f } = logParts(m, normal);
  const exponent = m.let('exponent', m.fromInt(m.isub(k, m.iselect(isSmall, m.i32(23), m.i32(0)))));
  const finite = logOfParts(m, exponent, f);
  const infinity = m.f32(INFINITY);
  // x + x is x for infinity and NaN; x - x over 0 is NaN for negative x and -1 over 0 is -infinity for 0.
  const special = m.select(
    m.less(m.f32(0), x),
    m.add(x, x),
    m.div(m.select(m.less(x, m.f32(0)), m.f32(0), m.f32(-1)), m.f32(0)),
  );
  const isOrdinary = m.and(m.less(m.f32(0), x), m.less(x, infinity));
  return m.select(isOrdinary, finite, m.select(m.less(x, infinity), special, m.add(x, x)));
}

/** ln(1 + u) for u >= 0, infinity and NaN. */
function log1p<F, I, W>(m: Algebra<F, I, W>, u: F): F {
  const sum = m.let('sum', m.add(u, m.f32(1)));
  const { k, f } = logParts(m, sum);
  // What the sum lost, in units of its power of two; it no longer counts where that power is large.
  const lost = m.select(m.less(u, m.f32(1)), m.sub(u, m.sub(sum, m.f32(1))), m.sub(m.f32(1), m.sub(sum, u)));
  const scale = powerOfTwo(m, m.isub(m.i32(0), m.imin(k, m.i32(60))));
  const corrected = m.let('corrected', m.add(f, m.mul(lost, scale)));
  const finite = logOfParts(m, m.let('exponent', m.fromInt(k)), corrected);
  return m.select(m.less(u, m.f32(INFINITY)), finite, u);
}

export function softplus<F, I, W>(m: Algebra<F, I, W>, x: F): F {
  const e = m.let('e', exp(m, m.neg(m.abs(x))));
  return m.add(m.select(m.less(x, m.f32(0)), m.f32(0), x), log1p(m, e));
}

/** Above it the square of x or x - 1 is x^2 to the last bit. */
const LARGE = 2 ** 24;

/** ln(1 + near) for x up to LARGE, ln(2 x) from there. */
function logOfSum<F, I, W>(m: Algebra<F, I, W>, x: F, near: F): F {
  const isLarge = m.let('is_large', m.less(m.f32(LARGE), x));
  const value = log1p(m, m.let('u', m.select(isLarge, x, near)));
  return m.add(value, m.select(isLarge, m.f32(Math.LN2), m.f32(0)));
}

/** ln(|x| + sqrt(x^2 + 1)) */
export function asinh<F, I, W>(m: Algebra<F, I, W>, x: F): F {
  const a = m.let('magnitude', m.abs(x));
  const square = m.let('x2', m.mul(a, a));
  const root = m.sqrt(m.add(square, m.f32(1)));
  return withSign(m, logOfSum(m, a, m.add(a, m.div(square, m.add(root, m.f32(1))))), x);
}

/** ln(x + sqrt(x^2 - 1)), from the distance to 1. */
export function acosh<F, I, W>(m: Algebra<F, I, W>, x: F): F {
  const t = m.let('t', m.sub(x, m.f32(1)));
  const root = m.sqrt(m.add(m.mul(t, m.f32(2)), m.mul(t, t)));
  const value = logOfSum(m, x, m.add(t, root));
  return m.select(m.less(x, m.f32(1)), m.div(m.f32(0), m.f32(0)), value);
}

/** ln((1 + |x|) / (1 - |x|)) / 2 */
export function atanh<F, I, W>(m: Algebra<F, I, W>, x: F): F {
  const a = m.let('magnitude', m.abs(x));
  const rest = m.sub(m.f32(1), a);
  const value = m.mul(log1p(m, m.let('u', m.div(m.mul(a, m.f32(2)), rest))), m.f32(0.5));
  const small = m.select(m.less(a, m.f32(2 ** -12)), a, value);
  return m.select(m.less(m.f32(1), a), m.div(m.f32(0), m.f32(0)), withSign(m, small, x));
}
