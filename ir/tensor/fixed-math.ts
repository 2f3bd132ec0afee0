/**
 * Fixed-point functions of TensorFlow Lite's quantized kernels and of gemmlowp, bit for bit. A value in Q(m) is an i32 of
 * m integer bits and 31 - m fraction bits. What kernels compute at run time is written over the algebra; what only makes
 * tables is written on numbers.
 */
import { type Algebra, NUMBERS } from './algebra.ts';
import { frexp, type Multiplier, quantizeMultiplier, requantize, roundAway } from './fixed-point.ts';

const { fround } = Math;
const I32_MAX = 2 ** 31 - 1;

/** The value in Q(integerBits) nearest to x. */
function q(integerBits: number, x: number): number {
  return roundAway(x * 2 ** (31 - integerBits));
}

/** e^a in Q0 for a <= 0 in Q(integerBits): e^-(a mod 1/4) by a polynomial, times e^-2^k for each bit k left over. */
export function expOfNegative<F, I, W>(m: Algebra<F, I, W>, a: I, integerBits: number): I {
  const constant = (value: number) => m.i32(value);
  const quarter = 1 << (29 - integerBits);
  const rest = m.let('rest', m.isub(m.and(a, constant(quarter - 1)), constant(quarter)));
  // Around -1/8: x = rest + 1/8.
  const x = m.let('x', m.iadd(m.sqshl(rest, constant(integerBits)), constant(1 << 28)));
  const x2 = m.let('square', m.sqrdmulh(x, x));
  const x3 = m.let('cube', m.sqrdmulh(x2, x));
  const x4 = m.let('fourth', m.sqrdmulh(x2, x2));
  const cubic = m.sqrdmulh(m.iadd(m.rdivpot(x4, constant(2)), x3), constant(q(0, 1 / 3)));
  const series = m.iadd(x, m.rdivpot(m.iadd(cubic, x2), constant(1)));
  const base = constant(q(0, Math.exp(-1 / 8)));
  const last = m.let('result', m.iadd(base, m.sqrdmulh(base, series)));
  const remainder = m.let('remainder', m.isub(rest, a));
  const factors = Array.from({ length: integerBits + 2 }, (_, i) => q(0, Math.exp(-(2 ** (i - 2)))));
  const result = m.fold(factors, last, (product, factor, place) => {
    const bit = m.and(m.shr(remainder, m.iadd(place, constant(29 - integerBits))), constant(1));
    return m.iselect(bit, m.sqrdmulh(product, factor), product);
  });
  return m.iselect(a, result, constant(I32_MAX));
}

/** (a + b + 1) / 2 for a and b that are not negative; their sum need not fit (gemmlowp's RoundingHalfSum). */
function halfSum<F, I, W>(m: Algebra<F, I, W>, a: I, b: I): I {
  return m.iadd(m.iadd(m.shr(a, m.i32(1)), m.shr(b, m.i32(1))), m.and(m.or(a, b), m.i32(1)));
}

/** 2 / (1 + a) in Q2 for a in [0, 1) in Q0, by Newton's method. */
function reciprocalOfHalf<F, I, W>(m: Algebra<F, I, W>, a: I): I {
  const half = m.let('half', halfSum(m, a, m.i32(I32_MAX)));
  let x = m.let('x', m.iadd(m.i32(q(2, 48 / 17)), m.sqrdmulh(half, m.i32(q(2, -32 / 17)))));
  for (let step = 0; step < 3; step++) {
    const error = m.isub(m.i32(2 ** 29), m.sqrdmulh(half, x));
    x = m.let('x', m.iadd(x, m.sqshl(m.sqrdmulh(x, error), m.i32(2))));
  }
  return x;
}

/** 1 / (1 + a) in Q0 for a in [0, 1) in Q0. */
export function reciprocalOfOnePlus<F, I, W>(m: Algebra<F, I, W>, a: I): I {
  return m.sqshl(reciprocalOfHalf(m, a), m.i32(1));
}

/** 1 / (1 + e^-a) in Q0 for a in Q(integerBits). */
export function logisticOf(a: number, integerBits: number): number {
  if (a === 0) return 2 ** 30;
  const positive = reciprocalOfOnePlus(NUMBERS, expOfNegative(NUMBERS, -Math.abs(a), integerBits));
  return a > 0 ? positive : I32_MAX - positive;
}

/** tanh a in Q0 for a in Q(integerBits), as (1 - x) / (1 + x) with x = e^-2|a|. */
export function tanhOf(a: number, integerBits: number): number {
  if (a === 0) return 0;
  const x = reciprocalOfHalf(NUMBERS, expOfNegative(NUMBERS, -Math.abs(a), integerBits + 1));
  const magnitude = NUMBERS.sqshl((x - 2 ** 29) | 0, 2);
  return a > 0 ? magnitude : -magnitude;
}

/** 1 / x as `scale` (Q0) * 2^-`bits`, for x > 0 in Q(integerBits). */
export function reciprocal<F, I, W>(m: Algebra<F, I, W>, x: I, integerBits: number): { scale: I; bits: I } {
  const zeros = m.let('zeros', m.clz(x));
  const fraction = m.and(m.shl(x, m.and(zeros, m.i32(31))), m.i32(I32_MAX));
  const scale = m.let('scale', reciprocalOfOnePlus(m, m.let('fraction', fraction)));
  return { scale, bits: m.isub(m.i32(integerBits), zeros) };
}

/** ln x in Q(resultBits) for x >= 1 in Q(integerBits): TFLite's log_x_for_x_greater_than_or_equal_to_1. */
export function logOf<F, I, W>(m: Algebra<F, I, W>, x: I, integerBits: number, resultBits: number): I {
  const constant = (value: number) => m.i32(q(0, value));
  const sum = (a: I, b: I) => m.iadd(a, b);
  const product = (name: string, a: I, b: I) => m.let(name, m.sqrdmulh(a, b));
  const fourthRootOfHalf = 0.5 ** 0.25;
  const fourthRootOf2 = 2 ** 0.25;
  const accumulator = resultBits + 1;
  const quarter = m.i32(2 ** (29 - accumulator));
  const power = (bits: I) => m.sqshl(bits, m.i32(31 - accumulator));

  // Two ways to write x as r * 2^k, with k a quarter above or below an integer; the smaller r is taken.
  const zeros = m.let('zeros', m.clz(x));
  const shifted = m.sqshl(x, m.and(m.isub(zeros, m.i32(1)), m.i32(31)));
  const rA = m.sqshl(m.sqrdmulh(shifted, constant(Math.SQRT1_2)), m.i32(1));
  const kA = m.sqadd(power(m.isub(m.i32(integerBits), zeros)), quarter);
  const headroom = m.let('headroom', m.isub(m.clz(m.sqrdmulh(x, constant(Math.SQRT1_2))), m.i32(1)));
  const rB = m.sqshl(x, m.and(headroom, m.i32(31)));
  const kB = m.sqsub(power(m.isub(m.i32(integerBits), headroom)), quarter);
  const r = m.let('r', m.imin(rA, rB));
  const k = m.let('k', m.imax(kA, kB));

  const root = constant(fourthRootOfHalf);
  const p = m.let('p', halfSum(m, r, root));
  const difference = m.let('difference', m.isub(r, root));
  const s = m.let('s', sum(difference, difference));
  const square = product('square', s, s);
  const cubic = m.sqrdmulh(m.sqrdmulh(s, square), constant((11 / 240) * fourthRootOf2));
  const numerator = m.let('numerator', sum(m.sqrdmulh(s, r), cubic));
  const inner = sum(
    sum(constant(2 / fourthRootOf2 - fourthRootOf2), s),
    m.sqrdmulh(constant(fourthRootOf2 / 20), square),
  );
  const denominator = sum(m.sqrdmulh(p, inner), m.sqrdmulh(constant(fourthRootOf2 / 4), s));
  const inverse = reciprocalOfOnePlus(m, m.let('denominator', denominator));
  const scaled = m.rdivpot(numerator, m.i32(accumulator));
  return m.sqshl(sum(m.sqrdmulh(k, constant(Math.LN2)), m.sqrdmulh(scaled, inverse)), m.i32(accumulator - resultBits));
}

/** 1 / sqrt(x) as multiplier * 2^(-rightShift - 31) for an integer x >= 0, 0 taken as 1 (GetInvSqrtQuantizedMultiplierExp). */
export function inverseSqrt<F, I, W>(m: Algebra<F, I, W>, x: I): { multiplier: I; rightShift: I } {
  const isTiny = m.let('is_tiny', m.iless(x, m.i32(2)));
  // The iteration below is for 2^27 <= x < 2^29; halving by fours first where x is larger.
  const isHuge = m.let('is_huge', m.iless(m.i32(2 ** 29 - 1), x));
  const bounded = m.let('bounded', m.imax(m.iselect(isHuge, m.shr(x, m.i32(2)), x), m.i32(2)));
  const pairs = m.let('pairs', m.isub(m.shr(m.isub(m.clz(bounded), m.i32(1)), m.i32(1)), m.i32(1)));
  const shift = m.let('shift', m.isub(m.iselect(isHuge, m.i32(12), m.i32(11)), pairs));
  const count = m.and(m.shl(pairs, m.i32(1)), m.i32(31));
  const input = m.let('input', m.shr(m.shl(bounded, count), m.i32(1)));
  const halfInput = m.let('half_input', m.rdivpot(input, m.i32(1)));
  let y = m.i32(2 ** 28);
  for (let step = 0; step < 5; step++) {
    const cube = m.sqshl(m.sqrdmulh(m.sqrdmulh(y, y), y), m.i32(6));
    const next = m.isub(m.sqrdmulh(m.i32(2 ** 28 + 2 ** 27), y), m.sqrdmulh(halfInput, cube));
    y = m.let('y', m.sqshl(next, m.i32(3)));
  }
  const result = m.let('root', m.sqrdmulh(y, m.i32(q(0, Math.SQRT1_2))));
  const left = m.and(m.imax(m.isub(m.i32(0), shift), m.i32(0)), m.i32(31));
  return {
    multiplier: m.let('multiplier', m.iselect(isTiny, m.i32(I32_MAX), m.shl(result, left))),
    rightShift: m.let('right_shift', m.iselect(isTiny, m.i32(0), m.imax(shift, m.i32(0)))),
  };
}

/** What scales an integer difference of inputs to Q5 and how far below the maximum a value still counts. */
export interface DiffScale {
  readonly multiplier: Multiplier;
  /** The smallest difference that fits. */
  readonly least: number;
}

export const SCALED_DIFF_BITS = 5;

/** TFLite's PreprocessSoftmaxScaling with CalculateInputRadius; undefined where they abort (a factor of 2^-26 or less). */
export function diffScale(beta: number, inputScale: number): DiffScale | undefined {
  const factor = Math.min(beta * inputScale * 2 ** (31 - SCALED_DIFF_BITS), 2 ** 31 - 1);
  if (!(factor > 1)) return undefined;
  const multiplier = quantizeMultiplier(factor);
  return { multiplier, least: -inputRadius(SCALED_DIFF_BITS, multiplier.shift) };
}

/** The largest integer whose value shifted left by `shift` still fits into Q(integerBits) (CalculateInputRadius). */
export function inputRadius(integerBits: number, shift: number): number {
  return Math.floor((((1 << integerBits) - 1) * 2 ** (31 - integerBits)) / 2 ** shift);
}

/** e^(-d * scale) in Q0 for every difference d from the maximum in [0, 255]; 0 where it is too far to count. */
export function expOfDiffs(scale: DiffScale): Int32Array {
  return Int32Array.from({ length: 256 }, (_, d) =>
    -d < scale.least ? 0 : expOfNegative(NUMBERS, requantize(-d, scale.multiplier), SCALED_DIFF_BITS),
  );
}

/** Steps of an interpolated table over the int16 range. */
const STEPS = 512;

/** LUTPopulate<int16_t>: 513 samples of `f` over the inputs of a scale, shifted to halve the error between them. */
export function interpolatedTable(
  f: (x: number) => number,
  input: { readonly scale: number; readonly zeroPoint: number },
  output: { readonly scale: number; readonly zeroPoint: number },
): Int16Array {
  const at = (side: { scale: number; zeroPoint: number }, stored: number) =>
    fround(side.scale * (stored - side.zeroPoint));
  const low = at(input, -32768);
  const high = at(input, 32767);
  const step = fround(fround(high - low) / STEPS);
  const halfStep = fround(step / 2);
  const perOutput = fround(65536 / fround(at(output, 32767) - at(output, -32768)));
  const round = (x: number) => fround(roundAway(x));
  const sample = (x: number) => fround(fround(f(x)) * perOutput);
  const stored = (x: number) => Math.min(Math.max(x, -32768), 32767);
  const table = new Int16Array(STEPS + 1);
  for (let i = 0; i < STEPS; i++) {
    const start = fround(low + fround(i * step));
    const here = round(sample(start));
    const next = sample(fround(low + fround((i + 1) * step)));
    const interpolated = round(fround(fround(next + here) / 2));
    const middle = round(sample(fround(start + halfStep)));
    const bias = round(fround(fround(interpolated - middle) / 2));
    table[i] = stored(fround(here - bias));
  }
  table[STEPS] = stored(round(sample(high)));
  return table;
}

/** LUTLookup: the table's value at an int16 `x`, interpolated from its 7 low bits; `at` reads the table. */
export function interpolate<F, I, W>(m: Algebra<F, I, W>, x: I, at: (index: I) => I): I {
  const index = m.let('index', m.and(m.iadd(m.shr(x, m.i32(7)), m.i32(256)), m.i32(511)));
  const base = m.let('base', at(index));
  const slope = narrow16(m, m.isub(at(m.iadd(index, m.i32(1))), base));
  const delta = m.shr(m.iadd(m.imul(slope, m.and(x, m.i32(127))), m.i32(64)), m.i32(7));
  return narrow16(m, m.iadd(base, delta));
}

/** The low 16 bits as a signed number, as a cast to int16_t does. */
function narrow16<F, I, W>(m: Algebra<F, I, W>, x: I): I {
  return m.shr(m.shl(x, m.i32(16)), m.i32(16));
}

/** Factor and shift of an input to multiples of 2^-12 / 3, which `logistic16` and `tanh16` read the table at. */
export interface SigmoidScale {
  readonly multiplier: number;
  readonly shift: number;
}

/** `exact` are the powers of two by which 2^-12 may be smaller than the scale without a rounding multiplication. */
export function sigmoidScale(scale: number, exact: readonly number[]): SigmoidScale {
  const log2 = fround(fround(Math.log(scale)) * fround(1 / fround(Math.log(2))));
  const rounded = roundAway(log2);
  if (Math.abs(fround(log2 - rounded)) < fround(1e-3) && exact.includes(rounded + 12)) {
    return { multiplier: 3 << (rounded + 12), shift: 0 };
  }
  let factor = scale * 4096 * 3;
  let shift = 0;
  while (factor <= 32767 / 2 && shift <= 30) {
    shift++;
    factor *= 2;
  }
  return { multiplier: Math.trunc(factor), shift };
}

/** 2^16 * logistic(i / 24), as TFLite's sigmoid_table_uint16: half the error of interpolation taken off each sample. */
export const SIGMOID_TABLE: Uint16Array = Uint16Array.from({ length: 256 }, (_, i) => {
  const at = (position: number) => 65536 / (1 + Math.exp(-position / 24));
  const error = (at(i) + at(i + 1)) / 2 - at(i + 0.5);
  return i === 255 ? 65535 : Math.round(at(i) - error / 2);
});

/** int16 logistic in Q15 of an int16 input: the table at |x| by steps of 2^9, mirrored for x < 0. */
export function logistic16<F, I, W>(m: Algebra<F, I, W>, x: I, scale: SigmoidScale, table: (index: I) => I): I {
  const scaled = m.let('scaled', sigmoidInput(m, x, scale));
  const magnitude = m.let('magnitude', iabs(m, scaled));
  const index = m.let('index', m.shr(magnitude, m.i32(9)));
  const between = interpolateSigmoid(m, index, m.and(magnitude, m.i32(511)), 9, table);
  const value = m.let('value', m.iselect(m.iless(index, m.i32(255)), between, m.i32(0x7fff << 10)));
  const mirrored = m.isub(m.i32((1 << 25) + (1 << 9) - 1), value);
  return m.shr(m.iselect(m.iless(scaled, m.i32(0)), mirrored, m.iadd(value, m.i32(1 << 9))), m.i32(10));
}

/** int16 tanh in Q15 as 2 * logistic(2x) - 1. */
export function tanh16<F, I, W>(m: Algebra<F, I, W>, x: I, scale: SigmoidScale, table: (index: I) => I): I {
  const scaled = m.let('scaled', sigmoidInput(m, x, scale));
  const magnitude = m.let('magnitude', iabs(m, scaled));
  const index = m.let('index', m.shr(magnitude, m.i32(8)));
  const between = interpolateSigmoid(m, index, m.and(magnitude, m.i32(255)), 8, table);
  const value = m.let('value', m.iselect(m.iless(index, m.i32(255)), between, m.i32(0xffff << 8)));
  const positive = m.isub(value, m.i32((1 << 23) - (1 << 7)));
  const negative = m.isub(m.i32((1 << 23) + (1 << 7) - 1), value);
  return m.shr(m.iselect(m.iless(scaled, m.i32(0)), negative, positive), m.i32(8));
}

function sigmoidInput<F, I, W>(m: Algebra<F, I, W>, x: I, { multiplier, shift }: SigmoidScale): I {
  const product = m.imul(x, m.i32(multiplier));
  return shift === 0 ? product : m.shr(m.iadd(product, m.i32(2 ** (shift - 1))), m.i32(shift));
}

/** Between two neighbours of the table, times 2^bits; garbage at indices of 255 and more. */
function interpolateSigmoid<F, I, W>(m: Algebra<F, I, W>, index: I, part: I, bits: number, table: (i: I) => I): I {
  const inside = m.let('inside', m.imax(m.imin(index, m.i32(254)), m.i32(0)));
  const low = m.let('low', table(inside));
  const high = table(m.iadd(inside, m.i32(1)));
  return m.iadd(m.shl(low, m.i32(bits)), m.imul(part, m.isub(high, low)));
}

function iabs<F, I, W>(m: Algebra<F, I, W>, x: I): I {
  return m.imax(x, m.isub(m.i32(0), x));
}

/** Factor and radius with which 8-bit logistic and tanh bring their input to Q4. */
export function q4Scale(inputScale: number): { readonly multiplier: Multiplier; readonly radius: number } {
  const { fraction, exponent } = frexp(inputScale * 2 ** 27);
  const multiplier = { multiplier: roundAway(fraction * 2 ** 31), shift: exponent };
  return { multiplier, radius: inputRadius(4, exponent) };
}
