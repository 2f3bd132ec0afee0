/**
 * The distance of an f32 from the exact value, in units of the last place of the exact value; 0 where it is the f32 nearest
 * to it. Infinity where only one is finite, and for zeros of the wrong sign.
 */
export function ulpError(found: number, exact: number): number {
  const nearest = Math.fround(exact);
  if (Object.is(found, nearest)) return 0;
  if (found === nearest || !Number.isFinite(found) || !Number.isFinite(nearest)) return Number.POSITIVE_INFINITY;
  const exponent = Math.max(-126, Math.floor(Math.log2(Math.abs(nearest) || 2 ** -149)));
  return Math.abs(found - exact) / 2 ** (exponent - 23);
}
