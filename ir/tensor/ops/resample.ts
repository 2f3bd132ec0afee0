/** Interpolation along one axis with any taps and weights. */
import { z } from 'zod';
import { defineOp, OpError, signature } from '../op.ts';
import { elementCount, sameShape, type Tensor, type TensorType, typeText } from '../types.ts';
import { indexAt } from './gather.ts';
import { axisAttr, fround, numbersOf } from './shared.ts';

const resampleAttrs = z.strictObject({ axis: axisAttr });
export type ResampleAttrs = z.infer<typeof resampleAttrs>;

const resample = defineOp<ResampleAttrs>({
  doc:
    'y[i.., o, k..] = sum over j of weights[o, j] * x[i.., taps[o, j], k..] at `axis`: linear, cubic, area and antialiased ' +
    'resizing along one axis, with any rule for coordinates. Taps below 0 count as 0 and those past the end as the last. Each ' +
    'product and each sum is rounded to f32, in the order of j from the first product, so that one tap of weight 1 copies; ' +
    'a weight of 0 times NaN or an infinity is NaN.',
  attrs: resampleAttrs,
  inputs: ['x', 'taps', 'weights'],
  outputs: ['y'],
  signatures: [signature('f32 i32 f32 -> f32')],
  traits: {},
  infer({ inputs, attrs: { axis } }) {
    const [x, taps, weights] = inputs as [TensorType, TensorType, TensorType];
    if (axis >= x.shape.length) throw new OpError(`expected an axis of ${typeText(x)}, found ${axis}`);
    if (taps.shape.length !== 2 || elementCount(taps.shape) === 0 || !sameShape(taps.shape, weights.shape)) {
      throw new OpError(
        `expected taps and weights of one shape [outputs, taps], found ${typeText(taps)} and ${typeText(weights)}`,
      );
    }
    return [x.shape.with(axis, taps.shape[0] as number)];
  },
  macs: ({ inputs, outputs }) =>
    elementCount((outputs[0] as TensorType).shape) * ((inputs[1] as TensorType).shape[1] as number),
  evaluate({ inputs, attrs: { axis } }) {
    const [x, taps, weights] = inputs as [Tensor, Tensor, Tensor];
    const { shape } = x.type;
    const [xs, ws] = [numbersOf(x), numbersOf(weights)];
    const [outputs, count] = taps.type.shape as [number, number];
    const extent = shape[axis] as number;
    const outer = elementCount(shape.slice(0, axis));
    const inner = elementCount(shape.slice(axis + 1));
    const y = new Float32Array(outer * outputs * inner);
    for (let i = 0; i < outer; i++) {
      for (let o = 0; o < outputs; o++) {
        for (let k = 0; k < inner; k++) {
          const term = (j: number) => {
            const tap = indexAt(taps, o * count + j, extent);
            return fround((ws[o * count + j] as number) * (xs[(i * extent + tap) * inner + k] as number));
          };
          let sum = term(0);
          for (let j = 1; j < count; j++) sum = fround(sum + term(j));
          y[(i * outputs + o) * inner + k] = sum;
        }
      }
    }
    return [y];
  },
});

export const RESAMPLE_OPS = { resample } as const;
