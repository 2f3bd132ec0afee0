/** Grids of real numbers that stored integers stand for, and the choice of scale and zero point for a range. */
import { clampInt, roundAway } from '../../../ir/tensor/fixed-point.ts';
import { type DType, integerRange, type Quant } from '../../../ir/tensor/types.ts';

/** A closed interval of real numbers that holds 0. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

/** scale * (q - zeroPoint) for the integers q in least..most; the scale is an f32. */
export interface Grid {
  readonly scale: number;
  readonly zeroPoint: number;
  readonly least: number;
  readonly most: number;
}

/** How activations may be stored. */
export interface ActivationForm {
  readonly dtype: 'i8' | 'i16';
  /** The zero point is 0; always so for i16, whose kernels take no other. */
  readonly symmetric: boolean;
  /** Scales are powers of two: fixed point Qm.n. */
  readonly powerOfTwo: boolean;
}

/** Scales below this leave f32 once they are multiplied with one another. */
const LEAST_SCALE = 2 ** -60;

/** The smallest f32 power of two that is not below x. */
export function powerOfTwoAbove(x: number): number {
  let power = 2 ** Math.floor(Math.log2(x));
  while (power < x) power *= 2;
  while (power / 2 >= x) power /= 2;
  return power;
}

/** The grid that covers the range with the finest steps: Jacob et al. 2018, equation 1, with 0 at an integer. */
export function activationGrid({ low, high }: Range, form: ActivationForm): Grid {
  const [least, most] = integerRange(form.dtype);
  const isSymmetric = form.symmetric || form.dtype === 'i16';
  const step = isSymmetric ? Math.max(-low / -least, high / most) : (high - low) / (most - least);
  const wanted = Math.max(step, LEAST_SCALE);
  const scale = form.powerOfTwo ? powerOfTwoAbove(wanted) : Math.fround(wanted);
  if (isSymmetric) return { scale, zeroPoint: 0, least, most };
  return { scale, zeroPoint: clampInt(roundAway(least - low / scale), least, most) + 0, least, most };
}

/** The largest stored weight of `bits` bits; the smallest is its negative. */
export function mostWeight(bits: number): number {
  return 2 ** (bits - 1) - 1;
}

/** The symmetric grid of weights up to `magnitude`, which is above 0. */
export function weightGrid(magnitude: number, bits: number, powerOfTwo: boolean): Grid {
  const most = mostWeight(bits);
  const wanted = Math.max(magnitude / most, LEAST_SCALE);
  return {
    scale: powerOfTwo ? powerOfTwoAbove(wanted) : Math.fround(wanted),
    zeroPoint: 0,
    least: -most,
    most,
  };
}

/** The stored integer for x: nearest, ties away from 0, saturating. */
export function stored(x: number, { scale, zeroPoint, least, most }: Grid): number {
  return clampInt(roundAway(x / scale) + zeroPoint, least, most);
}

/** The real number that x becomes. */
export function onGrid(x: number, grid: Grid): number {
  return grid.scale * (stored(x, grid) - grid.zeroPoint);
}

export function quantOf({ scale, zeroPoint }: Grid): Quant {
  return { kind: 'affine', scale: [scale], zeroPoint: [zeroPoint] };
}

/** A per-tensor affine quantization as the grid of all integers of the dtype. Throws TypeError for any other. */
export function gridOf(dtype: DType, quant: Quant): Grid {
  if (quant.kind !== 'affine' || quant.scale.length !== 1) throw new TypeError('expected per-tensor affine');
  const [least, most] = integerRange(dtype);
  return { scale: quant.scale[0], zeroPoint: quant.zeroPoint[0], least, most };
}

/** The smallest interval around both; both hold 0, and so does it. */
export function union(a: Range, b: Range): Range {
  return { low: Math.min(a.low, b.low), high: Math.max(a.high, b.high) };
}
