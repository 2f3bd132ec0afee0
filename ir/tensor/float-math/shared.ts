/** Pieces that the f32 functions share. */
import type { Algebra } from '../algebra.ts';

/** ln 2 in two parts: multiples of the first by small integers are exact. */
export const LN2_HIGH = 0.693359375;
export const LN2_LOW = -2.1219444e-4;
/** Adding 1.5 * 2^23 rounds a small f32 to an integer, which then stands in the low bits. */
export const ROUNDER = 12582912;
export const ROUNDER_BITS = 0x4b400000;
export const INFINITY = Number.POSITIVE_INFINITY;
const SIGN = -(2 ** 31);

/** c[0] * x^n + ... + c[n], by Horner's rule. */
export function polynomial<F, I, W>(m: Algebra<F, I, W>, x: F, coefficients: readonly number[]): F {
  const [first = 0, ...rest] = coefficients;
  return rest.reduce((sum, c) => m.add(m.mul(sum, x), m.f32(c)), m.f32(first));
}

/** |magnitude| with the sign of `sign`, for a magnitude that is not negative. */
export function withSign<F, I, W>(m: Algebra<F, I, W>, magnitude: F, sign: F): F {
  return m.float(m.or(m.bits(magnitude), m.and(m.bits(sign), m.i32(SIGN))));
}

/** 2^n for n in [-126, 127]. */
export function powerOfTwo<F, I, W>(m: Algebra<F, I, W>, n: I): F {
  return m.float(m.shl(m.iadd(n, m.i32(127)), m.i32(23)));
}

/** `value`, or NaN where x is infinite or NaN. */
export function finiteOnly<F, I, W>(m: Algebra<F, I, W>, x: F, value: F): F {
  return m.select(m.less(m.abs(x), m.f32(Number.POSITIVE_INFINITY)), value, m.sub(x, x));
}
