/**
 * Rounding of f32 to narrower floating-point formats: IEEE 754 binary16, bfloat16, the 8-bit formats of Micikevicius et al.
 * (FP8 Formats for Deep Learning, 2022) and Noune et al. (8-bit Numerical Formats for Deep Neural Networks, 2022: `uz`),
 * and the 4-bit elements and 8-bit scales of OCP Microscaling. Results are f32 values of the format.
 */
import type { Algebra } from '../algebra.ts';

export const FLOAT_FORMATS = ['f16', 'bf16', 'e4m3fn', 'e4m3fnuz', 'e5m2', 'e5m2fnuz', 'e2m1', 'e8m0'] as const;
export type FloatFormat = (typeof FLOAT_FORMATS)[number];
/** To which power of two e8m0 rounds: the next from 0, the next to 0, or the nearest, of two the larger. */
export const ROUND_MODES = ['up', 'down', 'nearest'] as const;
export type RoundMode = (typeof ROUND_MODES)[number];

export interface FloatRounding {
  readonly format: FloatFormat;
  readonly saturate: boolean;
  /** Of e8m0. */
  readonly mode: RoundMode;
}

type SignedFormat = Exclude<FloatFormat, 'e8m0'>;

interface FormatFacts {
  /** Bits of the fraction. */
  readonly fraction: number;
  /** The exponent of the smallest normal number; below it the distance of neighbours stays the same. */
  readonly least: number;
  /** The largest finite number. */
  readonly largest: number;
  readonly saturation: 'never' | 'optional' | 'always';
  readonly hasInfinity: boolean;
  readonly hasNaN: boolean;
  readonly hasNegativeZero: boolean;
}

const IEEE = { saturation: 'never', hasInfinity: true, hasNaN: true, hasNegativeZero: true } as const;
const FINITE = { saturation: 'optional', hasInfinity: false, hasNaN: true } as const;

const FACTS: Readonly<Record<SignedFormat, FormatFacts>> = {
  f16: { ...IEEE, fraction: 10, least: -14, largest: 65504 },
  bf16: { ...IEEE, fraction: 7, least: -126, largest: 255 * 2 ** 120 },
  e4m3fn: { ...FINITE, fraction: 3, least: -6, largest: 448, hasNegativeZero: true },
  e4m3fnuz: { ...FINITE, fraction: 3, least: -7, largest: 240, hasNegativeZero: false },
  e5m2: { ...IEEE, saturation: 'optional', fraction: 2, least: -14, largest: 57344 },
  e5m2fnuz: { ...FINITE, fraction: 2, least: -15, largest: 57344, hasNegativeZero: false },
  e2m1: {
    saturation: 'always',
    hasInfinity: false,
    hasNaN: false,
    hasNegativeZero: true,
    fraction: 1,
    least: 0,
    largest: 6,
  },
};

const INFINITY_BITS = 0x7f800000;
const MAGNITUDE = 0x7fffffff;
const SIGN = -(2 ** 31);

/** The nearest value of a signed format, ties to even, as a bit pattern without sign; too large values are not yet replaced. */
function nearest<F, I, W>(m: Algebra<F, I, W>, magnitude: I, { fraction, least }: FormatFacts): I {
  const drop = 23 - fraction;
  const odd = m.and(m.shr(magnitude, m.i32(drop)), m.i32(1));
  const moved = m.iadd(magnitude, m.iadd(odd, m.i32(2 ** (drop - 1) - 1)));
  const normal = m.and(moved, m.i32(-(2 ** drop)));
  // Below the normal numbers: the sum with a number whose neighbours are as far apart as the format's is rounded as wanted.
  const ruler = m.f32(2 ** (least - fraction + 23));
  const small = m.bits(m.sub(m.add(m.float(magnitude), ruler), ruler));
  return m.iselect(m.iless(magnitude, m.i32((least + 127) * 2 ** 23)), small, normal);
}

function roundSigned<F, I, W>(m: Algebra<F, I, W>, x: F, facts: FormatFacts, saturate: boolean): F {
  const bits = m.let('bits', m.bits(x));
  const magnitude = m.let('magnitude', m.and(bits, m.i32(MAGNITUDE)));
  const rounded = m.let('rounded', nearest(m, magnitude, facts));
  const largest = m.let('largest', m.bits(m.f32(facts.largest)));
  const isSaturated = facts.saturation === 'always' || (facts.saturation === 'optional' && saturate);
  const nan = m.i32(0x7fc00000);
  const beyond = isSaturated ? largest : facts.hasInfinity ? m.i32(INFINITY_BITS) : nan;
  const finite = m.iselect(m.iless(largest, rounded), beyond, rounded);
  const isNothing = m.iless(m.i32(INFINITY_BITS), magnitude);
  const value = m.let('value', m.iselect(isNothing, facts.hasNaN ? nan : largest, finite));
  // NaN has no sign that counts, and where it does not exist it is a positive number.
  const sign = m.let('sign', m.iselect(isNothing, m.i32(0), m.and(bits, m.i32(SIGN))));
  const kept = facts.hasNegativeZero ? sign : m.iselect(m.iless(m.i32(0), value), sign, m.i32(0));
  return m.float(m.or(value, kept));
}

/** The bits of 2^-127, the smallest number of e8m0, and of 2^127, the largest. */
const E8M0_LEAST = 0x400000;
const E8M0_LARGEST = 0x7f000000;

/** What is added so that cutting the fraction off rounds. */
const E8M0_ROUND: Readonly<Record<RoundMode, number>> = { up: 0x7fffff, down: 0, nearest: 0x400000 };
/** Between 2^-127 and 2^-126 the bits are half as dense: the first pattern that rounds to 2^-126. */
const E8M0_UPPER: Readonly<Record<RoundMode, number>> = { up: 0x400001, down: 0x800000, nearest: 0x600000 };

/** A power of two; the sign is dropped. */
function roundE8m0<F, I, W>(m: Algebra<F, I, W>, x: F, { mode, saturate }: FloatRounding): F {
  const magnitude = m.let('magnitude', m.and(m.bits(x), m.i32(MAGNITUDE)));
  const normal = m.and(m.iadd(magnitude, m.i32(E8M0_ROUND[mode])), m.i32(INFINITY_BITS));
  const small = m.iselect(m.iless(magnitude, m.i32(E8M0_UPPER[mode])), m.i32(E8M0_LEAST), m.i32(0x800000));
  const rounded = m.let('rounded', m.iselect(m.iless(magnitude, m.i32(0x800000)), small, normal));
  const nan = m.i32(0x7fc00000);
  const above = m.iselect(m.iless(m.i32(E8M0_LARGEST), rounded), saturate ? m.i32(E8M0_LARGEST) : nan, rounded);
  const value = saturate ? above : m.iselect(m.iless(magnitude, m.i32(E8M0_LEAST)), nan, above);
  return m.float(m.iselect(m.iless(m.i32(INFINITY_BITS), magnitude), nan, value));
}

export function roundFloat<F, I, W>(m: Algebra<F, I, W>, x: F, rounding: FloatRounding): F {
  const { format, saturate } = rounding;
  return format === 'e8m0' ? roundE8m0(m, x, rounding) : roundSigned(m, x, FACTS[format], saturate);
}
