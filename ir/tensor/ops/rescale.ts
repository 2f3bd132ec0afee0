/**
 * Quantized operands brought to one scale before they are added or compared: the distance from the zero point is shifted
 * left, for precision, and multiplied by a factor under 1. Follows the general 8- and 16-bit paths of TensorFlow Lite's
 * reference kernels.
 */
import { type Multiplier, quantizeMultiplier, requantize } from '../fixed-point.ts';
import { OpError } from '../op.ts';
import { affineOf, type TensorType, typeText } from '../types.ts';

export interface OperandScale {
  readonly zeroPoint: number;
  readonly leftShift: number;
  readonly multiplier: Multiplier;
}

/** Throws OpError for factors that would shift every bit out of 32. */
export function operandScale(type: TensorType, leftShift: number, factor: number): OperandScale {
  const multiplier = quantizeMultiplier(factor);
  if (leftShift + multiplier.shift > 31) {
    throw new OpError(`expected a scale under 2^${31 - leftShift}, found ${typeText(type)}`);
  }
  return { zeroPoint: affineOf(type).zeroPoint, leftShift, multiplier };
}

/** The stored value x in the common scale. */
export function rescaled(x: number, { zeroPoint, leftShift, multiplier }: OperandScale): number {
  return requantize((x - zeroPoint) << leftShift, multiplier);
}

const QUANTIZED = new Set(['i8', 'u8', 'i16']);

/** Whether values of the type stand for real numbers: 8- and 16-bit integers do in arithmetic, i32 and f32 are themselves. */
export function isQuantized(type: TensorType): boolean {
  return QUANTIZED.has(type.dtype);
}

/** The reason why quantized arithmetic cannot be done on one of the types, which all need one scale. */
export function perTensorFault(types: readonly TensorType[]): string | undefined {
  const bad = types.find(({ quant }) => quant.kind !== 'affine' || quant.scale.length !== 1);
  return bad === undefined ? undefined : `expected per-tensor affine types, found ${typeText(bad)}`;
}
