/** The error function. Both polynomials are minimax fits of the relative error of the result. */
import type { Algebra } from '../algebra.ts';
import { expm1OfNegative } from './exponential.ts';
import { polynomial, withSign } from './shared.ts';

/** Near 0 x + x * P(x^2), else 1 - e^Q(x) with Q the logarithm of 1 - erf; from 4 on it is 1 to the last bit. */
export function erf<F, I, W>(m: Algebra<F, I, W>, x: F): F {
  const a = m.let('magnitude', m.abs(x));
  return m.branch(
    m.less(a, m.f32(0.875)),
    () => {
      const p = polynomial(
        m,
        m.let('square', m.mul(x, x)),
        [
          7.860290498e-5, -8.025360294e-4, 5.190895405e-3, -2.6855358854e-2, 1.1283622682e-1, -3.7612628937e-1,
          1.2837916613e-1,
        ],
      );
      return withSign(m, m.abs(m.add(m.mul(p, x), x)), x);
    },
    () => {
      const q = polynomial(
        m,
        m.let('bounded', m.min(a, m.f32(4))),
        [
          2.0099357e-4, -3.092275932e-3, 2.2420194e-2, -1.0432753712e-1, -6.3673710823e-1, -1.127936244,
          -1.3353714894e-4,
        ],
      );
      return withSign(m, m.neg(expm1OfNegative(m, m.let('q', q))), x);
    },
  );
}
