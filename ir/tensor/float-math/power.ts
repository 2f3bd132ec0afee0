/**
 * x^y as 2^(y log2 x). The logarithm and its product with y are sums of two f32, the first of 12 bits so that products of
 * such parts are exact (Dekker, 1971): the exponent's fraction needs all 24 bits behind up to 7 in front of the point.
 */
import type { Algebra } from '../algebra.ts';
import { INFINITY, polynomial, powerOfTwo, ROUNDER, ROUNDER_BITS } from './shared.ts';

/** A number as the sum of its first 12 bits and the rest. */
interface Pair<F> {
  readonly high: F;
  readonly low: F;
}

/** The first 12 bits. */
function head<F, I, W>(m: Algebra<F, I, W>, x: F): F {
  return m.float(m.and(m.bits(x), m.i32(-4096)));
}

function splitConstant(x: number): Pair<number> {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, x);
  view.setInt32(0, view.getInt32(0) & -4096);
  const high = view.getFloat32(0);
  return { high, low: Math.fround(x - high) };
}

const ROOT_HALF = 0x3f3504f3;
const ONE_BITS = 0x3f800000;
const TWO_THIRDS_LOG2_E = splitConstant((2 / 3) * Math.LOG2E);
const LN2 = splitConstant(Math.LN2);

/**
 * log2 x for positive finite x = 2^k * m with m in [sqrt(1/2), sqrt(2)): with s = (m - 1) / (m + 1), ln m is
 * 2/3 * s * (3 + s^2 + 3/5 s^4 + ...).
 */
function log2<F, I, W>(m: Algebra<F, I, W>, x: F): Pair<F> {
  const isSmall = m.let('is_small', m.less(x, m.f32(2 ** -126)));
  const normal = m.select(isSmall, m.mul(x, m.f32(2 ** 23)), x);
  const shifted = m.let('shifted', m.isub(m.bits(normal), m.i32(ROOT_HALF)));
  const mantissa = m.let('mantissa', m.float(m.iadd(m.and(shifted, m.i32(0x7fffff)), m.i32(ROOT_HALF))));
  const k = m.isub(m.shr(shifted, m.i32(23)), m.iselect(isSmall, m.i32(23), m.i32(0)));
  const exponent = m.let('exponent', m.fromInt(k));
  const { high: sHigh, low: sLow, s } = ratio(m, mantissa);
  const z = m.let('z', m.mul(s, s));
  const series = polynomial(m, z, [2.9339194298e-1, 3.3269423246e-1, 4.2857959867e-1, 5.9999996424e-1]);
  const square = m.let('square', m.mul(sHigh, sHigh));
  const rest = m.let('rest', m.add(m.mul(m.mul(z, z), series), m.mul(sLow, m.add(sHigh, s))));
  const factorHigh = m.let('factor_high', head(m, m.add(m.add(m.f32(3), square), rest)));
  const factorLow = m.sub(rest, m.sub(m.sub(factorHigh, m.f32(3)), square));
  const high = m.let('product_high', m.mul(sHigh, factorHigh));
  const low = m.let('product_low', m.add(m.mul(sLow, factorHigh), m.mul(factorLow, s)));
  const sumHigh = m.let('sum_high', head(m, m.add(high, low)));
  const sumLow = m.sub(low, m.sub(sumHigh, high));
  const scaledHigh = m.let('scaled_high', m.mul(sumHigh, m.f32(TWO_THIRDS_LOG2_E.high)));
  const scaledLow = m.let(
    'scaled_low',
    m.add(m.mul(sumHigh, m.f32(TWO_THIRDS_LOG2_E.low)), m.mul(sumLow, m.f32((2 / 3) * Math.LOG2E))),
  );
  const whole = m.let('log_high', head(m, m.add(m.add(scaledHigh, scaledLow), exponent)));
  return { high: whole, low: m.let('log_low', m.sub(scaledLow, m.sub(m.sub(whole, exponent), scaledHigh))) };
}

/** (m - 1) / (m + 1) in two parts and rounded to one. */
function ratio<F, I, W>(m: Algebra<F, I, W>, mantissa: F): Pair<F> & { readonly s: F } {
  const difference = m.let('difference', m.sub(mantissa, m.f32(1)));
  const sum = m.let('sum', m.add(mantissa, m.f32(1)));
  const s = m.let('s', m.div(difference, sum));
  const high = m.let('s_high', head(m, s));
  const sumHigh = m.let('sum_high', head(m, sum));
  const sumLow = m.sub(mantissa, m.sub(sumHigh, m.f32(1)));
  const left = m.sub(m.sub(difference, m.mul(high, sumHigh)), m.mul(high, sumLow));
  return { high, low: m.let('s_low', m.div(left, sum)), s };
}

/** 2^(high + low) for |low| < 1/2; 0 and infinity beyond the exponents of f32. */
function exp2<F, I, W>(m: Algebra<F, I, W>, { high, low }: Pair<F>): F {
  const rounded = m.let('rounded', m.add(high, m.f32(ROUNDER)));
  const n = m.let('n', m.isub(m.bits(rounded), m.i32(ROUNDER_BITS)));
  const near = m.let('near', m.sub(high, m.sub(rounded, m.f32(ROUNDER))));
  const r = m.let('r', m.add(near, low));
  const rHigh = m.let('r_high', head(m, r));
  const rLow = m.add(m.sub(near, rHigh), low);
  const p = polynomial(
    m,
    r,
    [1.519241869e-5, 1.545556006e-4, 1.3333869865e-3, 9.6180792898e-3, 5.5504105985e-2, 2.4022650719e-1],
  );
  const linear = m.let('linear', m.mul(rHigh, m.f32(LN2.high)));
  const tail = m.add(m.mul(rLow, m.f32(Math.LN2)), m.mul(rHigh, m.f32(LN2.low)));
  const small = m.add(tail, m.mul(p, m.mul(r, r)));
  const one = m.let('one', m.add(linear, m.f32(1)));
  const y = m.add(one, m.add(m.sub(linear, m.sub(one, m.f32(1))), small));
  const half = m.let('half', m.shr(n, m.i32(1)));
  return m.mul(m.mul(y, powerOfTwo(m, half)), powerOfTwo(m, m.isub(n, half)));
}

function clamp<F, I, W>(m: Algebra<F, I, W>, x: F, bound: number): F {
  return m.min(m.max(x, m.f32(-bound)), m.f32(bound));
}

/** |x|^y for positive finite |x| and any y. */
function power<F, I, W>(m: Algebra<F, I, W>, x: F, y: F): F {
  const { high, low } = log2(m, x);
  // The logarithm of the neighbours of 1 is about 2^-24: times 2^33 it is beyond every exponent.
  const bounded = m.let('bounded', clamp(m, y, 2 ** 33));
  const yHigh = m.let('y_high', head(m, bounded));
  const productLow = m.let('product', m.add(m.mul(m.sub(bounded, yHigh), high), m.mul(bounded, low)));
  const productHigh = m.let('product_high', m.mul(yHigh, high));
  const sum = m.let('sum', m.add(productHigh, productLow));
  const rest = m.sub(productLow, m.sub(sum, productHigh));
  return exp2(m, { high: m.let('exponent', clamp(m, sum, 200)), low: m.let('rest', clamp(m, rest, 0.25)) });
}

/** 1 unless `magnitude`, which is not negative, is an integer. Adding 2^23 rounds to one. */
function hasFraction<F, I, W>(m: Algebra<F, I, W>, magnitude: F): I {
  const whole = m.sub(m.add(magnitude, m.f32(2 ** 23)), m.f32(2 ** 23));
  const isApart = m.or(m.less(whole, magnitude), m.less(magnitude, whole));
  return m.and(isApart, m.less(magnitude, m.f32(2 ** 23)));
}

/** Whether `magnitude`, which is not negative, is not NaN. */
function isNumber<F, I, W>(m: Algebra<F, I, W>, magnitude: F): I {
  return m.or(m.less(magnitude, m.f32(INFINITY)), m.less(m.f32(1), magnitude));
}

export function pow<F, I, W>(m: Algebra<F, I, W>, x: F, y: F): F {
  const base = m.let('base', m.abs(x));
  const exponent = m.let('exponent', m.abs(y));
  const isOrdinary = m.let('is_ordinary', m.and(m.less(m.f32(0), base), m.less(base, m.f32(INFINITY))));
  // 0 and infinity become 0 or infinity; NaN + NaN stays.
  const shrinks = m.isub(m.less(m.f32(1), base), m.less(m.f32(0), y));
  const extreme = m.select(shrinks, m.f32(0), m.f32(INFINITY));
  const special = m.select(isNumber(m, base), extreme, m.add(base, base));
  const magnitude = m.let('magnitude', m.select(isOrdinary, power(m, base, y), special));
  const isBroken = m.let('is_broken', hasFraction(m, exponent));
  const isOdd = m.and(hasFraction(m, m.mul(exponent, m.f32(0.5))), m.isub(m.i32(1), isBroken));
  const sign = m.and(m.bits(x), m.shl(isOdd, m.i32(31)));
  const signed = m.float(m.or(m.bits(magnitude), sign));
  const hasRoot = m.and(m.and(isBroken, isOrdinary), m.less(x, m.f32(0)));
  const value = m.select(hasRoot, m.div(m.f32(0), m.f32(0)), m.select(isNumber(m, exponent), signed, exponent));
  const isOne = m.select(m.and(m.bits(y), m.i32(0x7fffffff)), value, m.f32(1));
  return m.select(m.isub(m.bits(x), m.i32(ONE_BITS)), isOne, m.f32(1));
}
