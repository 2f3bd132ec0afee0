/** Transposed convolution over NHWC images. */
import { z } from 'zod';
import { defineOp, OpError, signature } from '../op.ts';
import { elementCount, newData, type Tensor, type TensorType, typeText } from '../types.ts';
import { convStage, dotFloat, dotInt, inputZeroPoint, outputTail, type TailAttrs, weightZeroPoints } from './conv.ts';
import { activationAttr, biasValues, expectRank, extent, numbersOf, reasonOf, roundingAttr } from './shared.ts';

const transposeConvAttrs = z.strictObject({
  stride: z.tuple([extent, extent]),
  /** Rows and columns cut off before the first of the output. */
  padding: z.strictObject({ top: z.number().int().min(0), left: z.number().int().min(0) }),
  /** Height and width of the result. */
  output: z.tuple([extent, extent]),
  activation: activationAttr,
  rounding: roundingAttr,
});
export type TransposeConvAttrs = z.infer<typeof transposeConvAttrs>;

/** 16-bit activations always accumulate in i64. */
export function transposeConvTail(x: TensorType, { activation, rounding }: TransposeConvAttrs): TailAttrs {
  return { activation, rounding, accumulator: x.dtype === 'i16' ? 'i64' : 'i32' };
}

/** The input positions that reach output position `at` along one axis, ascending, each with the window tap it does it by. */
function reaching(
  at: number,
  input: number,
  window: number,
  stride: number,
  padding: number,
): { i: number; tap: number }[] {
  const found: { i: number; tap: number }[] = [];
  for (let i = 0; i < input; i++) {
    const tap = at + padding - i * stride;
    if (tap >= 0 && tap < window) found.push({ i, tap });
  }
  return found;
}

function checkQuant(x: TensorType, w: TensorType, y: TensorType, attrs: TransposeConvAttrs): string | undefined {
  if (w.dtype === 'f32') return undefined;
  if (w.quant.kind !== 'affine') return `expected affine weights, found ${typeText(w)}`;
  if (w.quant.scale.length > 1 && w.quant.axis !== 0)
    return `expected weight scales along axis 0, found ${typeText(w)}`;
  if (x.dtype === 'f32') return undefined;
  for (const type of [x, y]) {
    if (type.quant.kind !== 'affine' || type.quant.scale.length !== 1) {
      return `expected per-tensor affine activations, found ${typeText(type)}`;
    }
  }
  if (x.dtype === 'u8' && w.quant.scale.length > 1) return 'uint8 weights have one scale for all channels';
  return reasonOf(() => convStage(x, w, y, transposeConvTail(x, attrs)));
}

const transpose_conv2d = defineOp<TransposeConvAttrs>({
  doc:
    'Every input pixel adds its window to the output: y[n, iy*stride + ky - pad, ..., oc] += x[n,iy,ix,ic] * w[oc,ky,kx,ic]; ' +
    'then bias and activation. Weights are OHWI; what falls outside `output` is left out. Integers: as conv2d, with an ' +
    'i64 accumulator for 16-bit activations. Floats: each output is summed in f32 in the order iy, ix, ic, each step rounded, ' +
    'and the bias added last; integer weights are summed unscaled and scaled once.',
  attrs: transposeConvAttrs,
  inputs: ['x', 'w', 'bias?'],
  outputs: ['y'],
  signatures: [
    'i8 i8 i32? -> i8',
    'i16 i8 i64? -> i16',
    'u8 u8 i32? -> u8',
    'f32 f32 f32? -> f32',
    'f32 i8 f32? -> f32',
  ].map(signature),
  traits: {},
  infer({ inputs, attrs }) {
    const [x, w, bias] = inputs;
    expectRank(x, 4, 'x');
    expectRank(w, 4, 'w');
    const [outChannels, , , depth] = w.shape;
    if (x.shape[3] !== depth) throw new OpError(`expected weights of depth ${x.shape[3]}, found ${typeText(w)}`);
    if (bias !== undefined && elementCount(bias.shape) !== outChannels) {
      throw new OpError(`expected a bias of ${outChannels} values, found ${typeText(bias)}`);
    }
    return [[x.shape[0], ...attrs.output, outChannels]];
  },
  check: ({ inputs, outputs, attrs }) => checkQuant(inputs[0], inputs[1], outputs[0], attrs),
  macs: ({ inputs: [x, w] }) => (elementCount(x.shape) / x.shape[3]) * elementCount(w.shape),
  evaluate({ inputs, outputs: [yType], attrs }) {
    const [x, w, bias] = inputs as readonly [Tensor, Tensor, Tensor?];
    const [batch, height, width, depth] = x.type.shape;
    const [, kh, kw] = w.type.shape;
    const [, outHeight, outWidth, outChannels] = yType.shape;
    const y = newData(yType.dtype, elementCount(yType.shape));
    const xs = numbersOf(x);
    const ws = numbersOf(w);
    const xZero = inputZeroPoint(x.type);
    const wZeros = weightZeroPoints(w.type);
    const dot = x.type.dtype === 'f32' ? dotFloat : dotInt;
    const biases = biasValues(bias, outChannels);
    const tail = outputTail(x.type, w.type, yType, transposeConvTail(x.type, attrs));
    let out = 0;
    for (let n = 0; n < batch; n++) {
      for (let oy = 0; oy < outHeight; oy++) {
        const rows = reaching(oy, height, kh, attrs.stride[0], attrs.padding.top);
        for (let ox = 0; ox < outWidth; ox++) {
          const columns = reaching(ox, width, kw, attrs.stride[1], attrs.padding.left);
          for (let oc = 0; oc < outChannels; oc++) {
            const wZero = wZeros.length === 1 ? wZeros[0] : wZeros[oc];
            let acc = 0;
            for (const row of rows) {
              for (const column of columns) {
                const xStart = ((n * height + row.i) * width + column.i) * depth;
                const wStart = ((oc * kh + row.tap) * kw + column.tap) * depth;
                acc = dot(acc, xs, xStart, xZero, ws, wStart, wZero, depth);
              }
            }
            y[out++] = tail(acc, biases[oc], oc);
          }
        }
      }
    }
    return [y];
  },
});

export const TRANSPOSE_CONV_OPS = { transpose_conv2d } as const;
