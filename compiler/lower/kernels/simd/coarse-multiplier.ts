/**
 * Multipliers with as many low zero bits as their results allow. A multiplier of 31 bits says more than the few hundred
 * stored values of a channel can tell: what matters are the accumulators at which the value steps, and an interval of
 * multipliers gives them all. Its roundest number takes less room in a compressed file.
 *
 * With rounding twice by m and a shift to the right by s (see requantize-i8.ts), the value above the zero point is v or more
 * from the accumulator t = ceil(X * 2^30 / m) on, where
 *
 *     s >= 1:  X = v * 2^(s+1) - 2^s - 1   for v > 0, and + 1 in the place of - 1 for v <= 0
 *     s <= 0:  X = (2 * v - 1) * 2^s
 *
 * so that m may be anything in [X * 2^30 / t, X * 2^30 / (t - 1)), or for negative X in (X * 2^30 / (t - 1), X * 2^30 / t].
 */

/** Above what the divisions' rounding may hide: quotients are below 2^32. */
const TOLERANCE = 2 ** -16;
const MOST = 2 ** 31 - 1;

/** The values above the zero point that a channel gives. */
export interface Steps {
  readonly first: number;
  readonly last: number;
  /** The least and the greatest accumulator; undefined where what lies beyond `first` or `last` is clamped to it. */
  readonly low: number | undefined;
  readonly high: number | undefined;
}

export function coarsestMultiplier(multiplier: number, shift: number, { low, high, first, last }: Steps): number {
  let [least, most] = [1, MOST];
  // The value is reached at `t` or before, and not at `before`.
  const bound = (value: number, t: number | undefined, before: number | undefined): void => {
    const x = stepAt(value, shift) * 2 ** 30;
    const [nearer, farther] = x > 0 ? [t, before] : [before, t];
    if (nearer !== undefined && nearer * x > 0) least = Math.max(least, Math.ceil(x / nearer + TOLERANCE));
    if (farther !== undefined && farther * x > 0) most = Math.min(most, Math.floor(x / farther - TOLERANCE));
  };
  for (let value = first + 1; value <= last; value++) {
    const quotient = (stepAt(value, shift) * 2 ** 30) / multiplier;
    // What is this close to a whole number may lie on either side of it.
    if (Math.abs(quotient - Math.round(quotient)) < TOLERANCE) return multiplier;
    bound(value, Math.ceil(quotient), Math.ceil(quotient) - 1);
  }
  bound(first, low, undefined);
  bound(last + 1, undefined, high);
  return least <= multiplier && multiplier <= most ? roundestIn(least, most) : multiplier;
}

/** X of a value. */
function stepAt(value: number, shift: number): number {
  if (shift <= 0) return (2 * value - 1) * 2 ** shift;
  return value * 2 ** (shift + 1) - 2 ** shift + (value > 0 ? -1 : 1);
}

/** The number of an interval with the most low zero bits. */
function roundestIn(low: number, high: number): number {
  for (let unit = 2 ** 31; ; unit /= 2) {
    const candidate = Math.ceil(low / unit) * unit;
    if (candidate <= high) return candidate;
  }
}
