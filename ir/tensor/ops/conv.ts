/** Convolutions over NHWC images. */
import { z } from 'zod';
import { defineOp, type EvaluateContext, OpError, signature } from '../op.ts';
import { elementCount, newData, type Tensor, type TensorData, type TensorType, typeText } from '../types.ts';
import {
  accumulatorAttr,
  activateFloat,
  activationAttr,
  biasValues,
  expectRank,
  extent,
  finish,
  fround,
  maxShiftOf,
  numbersOf,
  type OutputStage,
  outputStage,
  paddingAttr,
  reasonOf,
  roundingAttr,
  type StageRounding,
  windowExtent,
} from './shared.ts';

const convAttrs = z.strictObject({
  stride: z.tuple([extent, extent]),
  dilation: z.tuple([extent, extent]).default([1, 1]),
  padding: paddingAttr,
  activation: activationAttr,
  rounding: roundingAttr,
  accumulator: accumulatorAttr,
});
export type ConvAttrs = z.infer<typeof convAttrs>;
/** What the tail of a convolution depends on besides its types. */
export type TailAttrs = Pick<ConvAttrs, 'activation' | 'rounding' | 'accumulator'>;

const CONV_SIGNATURES = [
  'i8 i8 i32? -> i8',
  'i16 i8 i32? -> i16',
  'i16 i8 i64? -> i16',
  'u8 u8 i32? -> u8',
  'f32 f32 f32? -> f32',
  'f32 i8 f32? -> f32',
].map(signature);

/** Where a window operation reads and writes: extents of NHWC input and output, window, stride, dilation and padding. */
export interface WindowGeometry {
  readonly batch: number;
  readonly input: { readonly height: number; readonly width: number; readonly channels: number };
  readonly output: { readonly height: number; readonly width: number; readonly channels: number };
  readonly window: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly padding: { readonly top: number; readonly left: number };
}

export function convGeometry(x: TensorType, w: TensorType, y: TensorType, attrs: ConvAttrs): WindowGeometry {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const [, outHeight, outWidth, outChannels] = y.shape as [number, number, number, number];
  return {
    batch,
    input: { height, width, channels },
    output: { height: outHeight, width: outWidth, channels: outChannels },
    window: [w.shape[1] as number, w.shape[2] as number],
    stride: attrs.stride,
    dilation: attrs.dilation,
    padding: attrs.padding,
  };
}

/** The window positions of output pixel (oy, ox) that lie inside the image, as input pixel and window tap indices. */
export function insideTaps(g: WindowGeometry, oy: number, ox: number): { pixel: number; tap: number }[] {
  const taps: { pixel: number; tap: number }[] = [];
  for (let ky = 0; ky < g.window[0]; ky++) {
    const iy = oy * g.stride[0] - g.padding.top + ky * g.dilation[0];
    if (iy < 0 || iy >= g.input.height) continue;
    for (let kx = 0; kx < g.window[1]; kx++) {
      const ix = ox * g.stride[1] - g.padding.left + kx * g.dilation[1];
      if (ix >= 0 && ix < g.input.width) taps.push({ pixel: iy * g.input.width + ix, tap: ky * g.window[1] + kx });
    }
  }
  return taps;
}

/** One zero point per output channel of the weights (0 where they are symmetric). */
export function weightZeroPoints(w: TensorType): readonly number[] {
  return w.quant.kind === 'affine' ? w.quant.zeroPoint : [0];
}

/** The real factor from accumulator to output units, per output channel or one for all. */
export function convFactors(x: TensorType, w: TensorType, y: TensorType, rounding?: StageRounding): number[] {
  if (x.quant.kind !== 'affine' || w.quant.kind !== 'affine' || y.quant.kind !== 'affine') {
    throw new OpError(`expected affine types, found ${[x, w, y].map(typeText).join(', ')}`);
  }
  const inputScale = x.quant.scale[0] as number;
  const outputScale = y.quant.scale[0] as number;
  if (rounding === 'float') return w.quant.scale.map((scale) => fround(fround(inputScale * scale) / outputScale));
  // TFLite's uint8 path multiplies the two scales in single precision, its per-channel path in double.
  if (x.dtype === 'u8') return [fround(inputScale * (w.quant.scale[0] as number)) / outputScale];
  return w.quant.scale.map((scale) => (inputScale * scale) / outputScale);
}

export function convStage(x: TensorType, w: TensorType, y: TensorType, attrs: TailAttrs): OutputStage {
  const factors = convFactors(x, w, y, attrs.rounding);
  return outputStage(factors, y, attrs.activation, attrs.rounding, maxShiftOf(attrs.accumulator));
}

function inferConv(inputs: readonly TensorType[], attrs: ConvAttrs, outChannels: number): number[][] {
  const [x, w, bias] = inputs as [TensorType, TensorType, TensorType | undefined];
  const { padding, stride, dilation } = attrs;
  const height = windowExtent(
    x.shape[1] as number,
    w.shape[1] as number,
    stride[0],
    dilation[0],
    padding.top + padding.bottom,
  );
  const width = windowExtent(
    x.shape[2] as number,
    w.shape[2] as number,
    stride[1],
    dilation[1],
    padding.left + padding.right,
  );
  if (height < 1 || width < 1) {
    throw new OpError(`the ${w.shape[1]}x${w.shape[2]} window does not fit into ${typeText(x)} with its padding`);
  }
  if (bias !== undefined && elementCount(bias.shape) !== outChannels) {
    throw new OpError(`expected a bias of ${outChannels} values, found ${typeText(bias)}`);
  }
  return [[x.shape[0] as number, height, width, outChannels]];
}

interface CheckContext {
  readonly inputs: readonly TensorType[];
  readonly outputs: readonly TensorType[];
  readonly attrs: ConvAttrs;
}

/** Quantization that the integer forms need: per-tensor activations, weights per tensor or per output channel. */
function checkConvQuant(channelAxis: number) {
  return ({ inputs, outputs, attrs }: CheckContext) => {
    const [x, w] = inputs as [TensorType, TensorType];
    const y = outputs[0] as TensorType;
    if (w.dtype === 'f32') return undefined;
    if (w.quant.kind !== 'affine') return `expected affine weights, found ${typeText(w)}`;
    if (w.quant.scale.length > 1 && w.quant.axis !== channelAxis) {
      return `expected weight scales along axis ${channelAxis}, found ${typeText(w)}`;
    }
    if (x.dtype === 'f32') return undefined;
    for (const type of [x, y]) {
      if (type.quant.kind !== 'affine' || type.quant.scale.length !== 1) {
        return `expected per-tensor affine activations, found ${typeText(type)}`;
      }
    }
    if (x.dtype === 'u8' && w.quant.scale.length > 1) return 'uint8 weights have one scale for all channels';
    return reasonOf(() => convStage(x, w, y, attrs));
  };
}

/** Sum of products over one window in the order of its taps: exact for integers, rounded at every step for floats. */
type WindowSum = (taps: readonly { pixel: number; tap: number }[], imageStart: number, channel: number) => number;

function evaluateWindows(g: WindowGeometry, context: EvaluateContext<ConvAttrs>, sum: WindowSum): TensorData[] {
  const [x, w, bias] = context.inputs as [Tensor, Tensor, Tensor | undefined];
  const yType = context.outputs[0] as TensorType;
  const y = newData(yType.dtype, elementCount(yType.shape));
  const biases = biasValues(bias, g.output.channels);
  const tail = outputTail(x.type, w.type, yType, context.attrs);
  let out = 0;
  for (let n = 0; n < g.batch; n++) {
    for (let oy = 0; oy < g.output.height; oy++) {
      for (let ox = 0; ox < g.output.width; ox++) {
        const taps = insideTaps(g, oy, ox);
        const imageStart = n * g.input.height * g.input.width * g.input.channels;
        for (let oc = 0; oc < g.output.channels; oc++) {
          y[out++] = tail(sum(taps, imageStart, oc), biases[oc] as number, oc);
        }
      }
    }
  }
  return [y];
}

/** From accumulator and bias to the stored value. */
export function outputTail(
  x: TensorType,
  w: TensorType,
  y: TensorType,
  attrs: TailAttrs,
): (acc: number, bias: number, channel: number) => number {
  if (x.dtype === 'f32') {
    const scales = w.quant.kind === 'affine' ? w.quant.scale : [1];
    return (acc, bias, channel) =>
      activateFloat(
        fround(fround(acc * ((scales.length === 1 ? scales[0] : scales[channel]) as number)) + bias),
        attrs.activation,
      );
  }
  const stage = convStage(x, w, y, attrs);
  return (acc, bias, channel) => finish(acc + bias, channel, stage, attrs.accumulator);
}

export function inputZeroPoint(x: TensorType): number {
  return x.quant.kind === 'affine' ? (x.quant.zeroPoint[0] as number) : 0;
}

const conv2d = defineOp<ConvAttrs>({
  doc:
    'y[n,oy,ox,oc] = act(bias[oc] + sum over ky, kx, ic of x[n, oy*stride + ky*dilation - pad, ..., ic] * w[oc,ky,kx,ic]). ' +
    'Weights are OHWI; when w has fewer channels than x, the channels form groups. Taps outside the image add nothing. ' +
    'Integers: the sum of (x - zero point) * (w - zero point) accumulates in i32 (or i64, `accumulator`), wrapping, is ' +
    'requantized with `rounding`, offset by the zero point and clamped to the activation. Floats: f32, summed in the ' +
    'order ky, kx, ic, each step rounded; integer weights with float activations are summed unscaled and scaled once.',
  attrs: convAttrs,
  inputs: ['x', 'w', 'bias?'],
  outputs: ['y'],
  signatures: CONV_SIGNATURES,
  traits: {},
  infer({ inputs, attrs }) {
    const [x, w] = inputs as [TensorType, TensorType];
    expectRank(x, 4, 'x');
    expectRank(w, 4, 'w');
    const [outChannels, , , depth] = w.shape as [number, number, number, number];
    const groups = (x.shape[3] as number) / depth;
    if (!Number.isInteger(groups) || outChannels % groups !== 0) {
      throw new OpError(`the channels of ${typeText(x)} do not divide into groups for ${typeText(w)}`);
    }
    return inferConv(inputs, attrs, outChannels);
  },
  check: checkConvQuant(0),
  macs: ({ inputs, outputs }) => {
    const [, height, width, depth] = (inputs[1] as TensorType).shape as [number, number, number, number];
    return elementCount((outputs[0] as TensorType).shape) * height * width * depth;
  },
  evaluate(context) {
    const [x, w] = context.inputs as [Tensor, Tensor];
    const g = convGeometry(x.type, w.type, context.outputs[0] as TensorType, context.attrs);
    const depth = w.type.shape[3] as number;
    const perGroup = g.output.channels / (g.input.channels / depth);
    const xs = numbersOf(x);
    const ws = numbersOf(w);
    const xZero = inputZeroPoint(x.type);
    const wZeros = weightZeroPoints(w.type);
    const dot = x.type.dtype === 'f32' ? dotFloat : dotInt;
    return evaluateWindows(g, context, (taps, imageStart, oc) => {
      const wZero = (wZeros.length === 1 ? wZeros[0] : wZeros[oc]) as number;
      const groupStart = imageStart + Math.floor(oc / perGroup) * depth;
      const wStart = oc * g.window[0] * g.window[1] * depth;
      let acc = 0;
      for (const { pixel, tap } of taps) {
        acc = dot(acc, xs, groupStart + pixel * g.input.channels, xZero, ws, wStart + tap * depth, wZero, depth);
      }
      return acc;
    });
  },
});

type Dot = (
  acc: number,
  x: ArrayLike<number>,
  xStart: number,
  xZero: number,
  w: ArrayLike<number>,
  wStart: number,
  wZero: number,
  count: number,
) => number;

/** Exact while |acc| < 2^53, which i64 accumulators of 16x8 products stay far below. */
export const dotInt: Dot = (acc, x, xStart, xZero, w, wStart, wZero, count) => {
  let sum = acc;
  for (let i = 0; i < count; i++) {
    sum += ((x[xStart + i] as number) - xZero) * ((w[wStart + i] as number) - wZero);
  }
  return sum;
};

export const dotFloat: Dot = (acc, x, xStart, _xZero, w, wStart, wZero, count) => {
  let sum = acc;
  for (let i = 0; i < count; i++) {
    sum = fround(sum + fround((x[xStart + i] as number) * ((w[wStart + i] as number) - wZero)));
  }
  return sum;
};

const depthwise_conv2d = defineOp<ConvAttrs>({
  doc:
    'Convolution of each channel with its own filters: y[..., ic*m + j] = act(bias + sum over ky, kx of ' +
    'x[..., ic] * w[0,ky,kx, ic*m + j]), m output channels per input channel. Weights are 1HWO. Arithmetic as conv2d.',
  attrs: convAttrs,
  inputs: ['x', 'w', 'bias?'],
  outputs: ['y'],
  signatures: CONV_SIGNATURES,
  traits: {},
  infer({ inputs, attrs }) {
    const [x, w] = inputs as [TensorType, TensorType];
    expectRank(x, 4, 'x');
    expectRank(w, 4, 'w');
    const outChannels = w.shape[3] as number;
    if (w.shape[0] !== 1 || outChannels % (x.shape[3] as number) !== 0) {
      throw new OpError(`expected weights [1,h,w,m*${x.shape[3]}], found ${typeText(w)}`);
    }
    return inferConv(inputs, attrs, outChannels);
  },
  check: checkConvQuant(3),
  macs: ({ inputs, outputs }) => {
    const [, height, width] = (inputs[1] as TensorType).shape as [number, number, number];
    return elementCount((outputs[0] as TensorType).shape) * height * width;
  },
  evaluate(context) {
    const [x, w] = context.inputs as [Tensor, Tensor];
    const g = convGeometry(x.type, w.type, context.outputs[0] as TensorType, context.attrs);
    const multiplier = g.output.channels / g.input.channels;
    const xs = numbersOf(x);
    const ws = numbersOf(w);
    const xZero = inputZeroPoint(x.type);
    const wZeros = weightZeroPoints(w.type);
    const dot = x.type.dtype === 'f32' ? dotFloat : dotInt;
    return evaluateWindows(g, context, (taps, imageStart, oc) => {
      const wZero = (wZeros.length === 1 ? wZeros[0] : wZeros[oc]) as number;
      const xStart = imageStart + Math.floor(oc / multiplier);
      let acc = 0;
      for (const { pixel, tap } of taps) {
        acc = dot(acc, xs, xStart + pixel * g.input.channels, xZero, ws, tap * g.output.channels + oc, wZero, 1);
      }
      return acc;
    });
  },
});

export const CONV_OPS = { conv2d, depthwise_conv2d } as const;
