/** The leaky relu whose slopes are a tensor. */
import { z } from 'zod';
import { type Multiplier, quantizeMultiplier, requantize, saturate } from '../fixed-point.ts';
import { defineOp, OpError, signature } from '../op.ts';
import { affineOf, sameShape, type Tensor, type TensorType, typeText } from '../types.ts';
import { broadcastShape, evaluateBroadcast } from './broadcast.ts';
import { fround, reasonOf } from './shared.ts';

const attrs = z.strictObject({});
export type PreluAttrs = z.infer<typeof attrs>;

/** The factors for inputs from 0 on and below. */
export interface PreluFactors {
  readonly identity: Multiplier;
  readonly slope: Multiplier;
}

/** TFLite divides and multiplies uint8 scales in single precision, tflite-micro the others in double. */
export function preluFactors(x: TensorType, alpha: TensorType, y: TensorType): PreluFactors {
  for (const type of [x, alpha, y]) {
    if (type.quant.kind !== 'affine' || type.quant.scale.length !== 1) {
      throw new OpError(`expected per-tensor affine quantization, found ${typeText(type)}`);
    }
  }
  const round = x.dtype === 'u8' ? fround : (value: number) => value;
  const [input, slope, output] = [x, alpha, y].map((type) => affineOf(type).scale) as [number, number, number];
  const factors = {
    identity: quantizeMultiplier(round(input / output)),
    slope: quantizeMultiplier(round(round(input * slope) / output)),
  };
  if (factors.identity.shift > 30 || factors.slope.shift > 30) {
    throw new OpError(`expected an output scale within 2^30 of the input's, found ${typeText(y)}`);
  }
  return factors;
}

export const prelu = defineOp<PreluAttrs>({
  doc:
    'y = x for x >= 0, else alpha * x, with alpha broadcast to the shape of x; NaN gives NaN. Integers: x or x * alpha ' +
    'without their zero points, times one of two fixed-point factors, doubly rounded, offset and clamped to the type.',
  attrs,
  inputs: ['x', 'alpha'],
  outputs: ['y'],
  signatures: ['f32 f32 -> f32', 'i8 i8 -> i8', 'u8 u8 -> u8', 'i16 i8 -> i16'].map(signature),
  traits: { elementwise: true },
  infer({ inputs }) {
    const [x, alpha] = inputs as [TensorType, TensorType];
    if (!sameShape(broadcastShape([x.shape, alpha.shape]), x.shape)) {
      throw new OpError(`expected slopes that broadcast to ${typeText(x)}, found ${typeText(alpha)}`);
    }
    return [[...x.shape]];
  },
  check({ inputs, outputs }) {
    const [x, alpha] = inputs as [TensorType, TensorType];
    if (x.dtype === 'f32') return undefined;
    return reasonOf(() => preluFactors(x, alpha, outputs[0] as TensorType));
  },
  evaluate({ inputs, outputs }) {
    const [x, alpha] = inputs as [Tensor, Tensor];
    const y = outputs[0] as TensorType;
    const f = x.type.dtype === 'f32' ? preluFloat : preluInt(x.type, alpha.type, y);
    return [evaluateBroadcast(inputs, y, f)];
  },
});

function preluFloat(x: number, slope: number): number {
  return x >= 0 ? x : fround(x * slope);
}

function preluInt(xType: TensorType, alphaType: TensorType, y: TensorType): (x: number, slope: number) => number {
  const { identity, slope: factor } = preluFactors(xType, alphaType, y);
  const [xZero, alphaZero, yZero] = [xType, alphaType, y].map((type) => affineOf(type).zeroPoint) as number[];
  return (x, slope) => {
    const real = x - (xZero as number);
    const scaled =
      real >= 0 ? requantize(real, identity) : requantize(Math.imul(real, slope - (alphaZero as number)), factor);
    return saturate((scaled + (yZero as number)) | 0, y.dtype);
  };
}
