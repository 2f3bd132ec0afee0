/** Functions made of e^x. The polynomials of exp and tanh are those of Moshier's Cephes library (single precision). */
import type { Algebra } from '../algebra.ts';
import { LN2_HIGH, LN2_LOW, polynomial, powerOfTwo, ROUNDER, ROUNDER_BITS, withSign } from './shared.ts';

const LOG2_E = Math.LOG2E;

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

export function exp<F, I, W>(m: Algebra<F, I, W>, x: F): F {
  // Beyond these bounds the result is 0 or infinity.
  const bounded = m.let('bounded', m.min(m.max(x, m.f32(-104)), m.f32(89)));
  const { n, fraction } = expParts(m, bounded);
  const y = m.add(fraction, m.f32(1));
  // Two factors, because 2^n alone may be subnormal or infinite where the product is not.
  const half = m.let('half', m.shr(n, m.i32(1)));
  return m.mul(m.mul(y, powerOfTwo(m, half)), powerOfTwo(m, m.isub(n, half)));
}

/** e^x - 1 for x <= 0. */
export function expm1OfNegative<F, I, W>(m: Algebra<F, I, W>, x: F): F {
  // e^-20 is far below the last bit of 1.
  const { n, fraction } = expParts(m, m.let('bounded', m.max(x, m.f32(-20))));
  const scale = m.let('scale', powerOfTwo(m, n));
  return m.add(m.mul(fraction, scale), m.sub(scale, m.f32(1)));
}

export function elu<F, I, W>(m: Algebra<F, I, W>, x: F): F {
  return m.branch(
    m.less(x, m.f32(0)),
    () => expm1OfNegative(m, x),
    () => x,
  );
}

export function logistic<F, I, W>(m: Algebra<F, I, W>, x: F): F {
  const e = m.let('e', exp(m, m.neg(m.abs(x))));
  return m.div(m.select(m.less(x, m.f32(0)), e, m.f32(1)), m.add(m.f32(1), e));
}

/** |tanh x| is 1 - 2 / (e^(2|x|) + 1), and |x + x^3 * P(x^2)| near 0, where that would cancel. */
export function tanh<F, I, W>(m: Algebra<F, I, W>, x: F): F {
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

/** The two factors of sinh and cosh: |x| up to where they are infinite. */
function bounded<F, I, W>(m: Algebra<F, I, W>, x: F): F {
  return m.let('bounded', m.min(m.abs(x), m.f32(90)));
}

/** (t + t / (t + 1)) / 2 with t = e^|x| - 1, which does not cancel near 0. */
export function sinh<F, I, W>(m: Algebra<F, I, W>, x: F): F {
  const { n, fraction } = expParts(m, bounded(m, x));
  // t / 2 less the powers of two that would be infinite: from 2^126 on, t / (t + 1) no longer counts.
  const most = m.let('most', m.imin(n, m.i32(126)));
  const half = m.let('half', powerOfTwo(m, m.isub(most, m.i32(1))));
  const t = m.let('t', m.add(m.mul(fraction, half), m.sub(half, m.f32(0.5))));
  const sum = m.add(t, m.div(t, m.add(m.add(t, t), m.f32(1))));
  const value = m.mul(sum, powerOfTwo(m, m.isub(n, most)));
  // Halving a subnormal would lose its last bit.
  return m.select(m.less(m.abs(x), m.f32(2 ** -12)), x, withSign(m, value, x));
}

/** h + 1 / (4 h) with h = e^|x| / 2. */
export function cosh<F, I, W>(m: Algebra<F, I, W>, x: F): F {
  const { n, fraction } = expParts(m, bounded(m, x));
  const y = m.add(fraction, m.f32(1));
  const some = m.let('some', m.imin(n, m.i32(64)));
  const h = m.let('h', m.mul(m.mul(y, powerOfTwo(m, m.isub(some, m.i32(1)))), powerOfTwo(m, m.isub(n, some))));
  return m.add(h, m.div(m.f32(0.25), h));
}
