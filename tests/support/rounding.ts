/** IEEE 754 rounding by exact integers, as an independent model of what float instructions give. */

export interface Rational {
  readonly num: bigint;
  readonly den: bigint;
}

/** The exact value of a finite number. */
export function rational(value: number): Rational {
  let den = 1n;
  let scaled = value;
  while (!Number.isInteger(scaled)) {
    scaled *= 2;
    den *= 2n;
  }
  return { num: BigInt(scaled), den };
}

/** Rounds to nearest even with `precision` bits, the least exponent of a subnormal's last bit `least`, and overflow at 2^`most`. */
function round({ num, den }: Rational, precision: number, least: number, most: number): number {
  if (num === 0n) return 0;
  const negative = num < 0n !== den < 0n;
  const n = num < 0n ? -num : num;
  const d = den < 0n ? -den : den;
  // The exponent of the last bit kept: that of the value less the precision, found from the lengths and then corrected.
  let last = n.toString(2).length - d.toString(2).length - precision;
  const quotient = () => (last >= 0 ? n / (d << BigInt(last)) : (n << BigInt(-last)) / d);
  while (quotient() >= 1n << BigInt(precision)) last++;
  last = Math.max(last, least);
  const whole = quotient();
  const scale = last >= 0 ? d << BigInt(last) : d;
  const rest = (last >= 0 ? n : n << BigInt(-last)) - whole * scale;
  const up = 2n * rest > scale || (2n * rest === scale && whole % 2n === 1n);
  const kept = up ? whole + 1n : whole;
  const magnitude =
    kept >= 1n << BigInt(most - last)
      ? Infinity
      : Number(kept) * 2 ** Math.max(last, -1000) * 2 ** Math.min(last + 1000, 0);
  return negative ? -magnitude : magnitude;
}

export function roundToF32(value: Rational): number {
  return round(value, 24, -149, 128);
}

export function roundToF64(value: Rational): number {
  return round(value, 53, -1074, 1024);
}
