/** Kernels of conv2d and depthwise_conv2d. */
import { add, affine, type Buffer, mul } from '../../../ir/loop/build.ts';
import type { Expr } from '../../../ir/loop/types.ts';
import { type ConvAttrs, convGeometry, convStage, type WindowGeometry } from '../../../ir/tensor/ops/conv.ts';
import { biasValues } from '../../../ir/tensor/ops/shared.ts';
import type { TensorType } from '../../../ir/tensor/types.ts';
import type { Kernel, KernelBuilder, Site } from '../kernel.ts';
import { type Mac, type MacLayer, macOf } from '../mac.ts';
import { channelwiseDistance, overlapOf, windowDistance } from '../overlap.ts';
import { flattened, forTaps, outputIndex, padded, pixelIndex } from '../window.ts';

type ConvOp = 'conv2d' | 'depthwise_conv2d';

function geometryOf({ inputs, outputs, attrs }: Site<ConvOp>): WindowGeometry {
  const [x, w] = inputs as [TensorType, TensorType];
  return flattened(convGeometry(x, w, outputs[0] as TensorType, attrs as ConvAttrs));
}

interface ConvBuffers {
  readonly x: Buffer;
  readonly w: Buffer;
  readonly y: Buffer;
  readonly g: WindowGeometry;
  readonly mac: Mac;
}

/** Declares the operands and sets up the arithmetic; `weightsOf` lists the stored weights of one output channel. */
function prepare(
  k: KernelBuilder<ConvOp>,
  weightsOf: (w: ArrayLike<number>, channel: number) => Iterable<number>,
): ConvBuffers {
  const { inputs, outputs, attrs, constant } = k.site as Site<ConvOp> & { attrs: ConvAttrs };
  const [xType, wType, biasType] = inputs as [TensorType, TensorType, TensorType | undefined];
  const yType = outputs[0] as TensorType;
  const g = geometryOf(k.site);
  const weights = constant(1)?.data as ArrayLike<number> | undefined;
  const biasConstant = constant(2);
  const layer: MacLayer = {
    x: xType,
    w: wType,
    y: yType,
    channels: g.output.channels,
    depth: weightCount(k.site.op, wType),
    stage: xType.dtype === 'f32' ? undefined : convStage(xType, wType, yType, attrs),
    accumulator: attrs.accumulator,
    activation: attrs.activation,
    bias:
      biasType && biasConstant ? biasValues({ type: biasType, data: biasConstant.data }, g.output.channels) : undefined,
    weights: weights === undefined ? undefined : (channel) => weightsOf(weights, channel),
    everyTap: !padded(g),
  };
  const x = k.input(0, 'x');
  const w = k.input(1, 'w');
  const runtimeBias = biasType !== undefined && biasConstant === undefined ? k.input(2, 'bias') : undefined;
  return { x, w, g, mac: macOf(k, layer, runtimeBias), y: k.output(0, 'y') };
}

function weightCount(op: ConvOp, w: TensorType): number {
  const [, kh, kw, depth] = w.shape as [number, number, number, number];
  return op === 'conv2d' ? kh * kw * depth : kh * kw;
}

const conv2dDirect: Kernel<'conv2d'> = {
  name: 'conv2d',
  doc:
    'for each output pixel and output channel: acc = bias; for ky, kx inside the image, for ic: acc += x * w; requantize. ' +
    'One accumulator and three pointers; any window, stride, dilation, grouping and type.',
  applies: () => true,
  overlap: (site) => {
    const [x, y] = [site.inputs[0] as TensorType, site.outputs[0] as TensorType];
    // A pixel's channels are stored one by one, and each reads the whole window.
    const distance = windowDistance(geometryOf(site as unknown as Site<ConvOp>), x, y, { ahead: 1 });
    return overlapOf(site as unknown as Site, 0, distance);
  },
  build(k) {
    const conv = k as unknown as KernelBuilder<ConvOp>;
    const depth = (k.site.inputs[1] as TensorType).shape[3] as number;
    const { x, w, y, g, mac } = prepare(conv, function* (data, channel) {
      const count = tapCount(k.site) * depth;
      for (let i = 0; i < count; i++) yield data[channel * count + i] as number;
    });
    const groups = g.input.channels / depth;
    const perGroup = g.output.channels / groups;
    const taps = g.window[0] * g.window[1];
    k.forAll(['n', 'oy', 'ox', 'g', 'j'], [g.batch, g.output.height, g.output.width, groups, perGroup], (index) => {
      const [n, oy, ox, group, j] = index as [Expr, Expr, Expr, Expr, Expr];
      const oc = k.let('oc', affine([[group, perGroup]], j));
      const acc = k.variable('acc', mac.start(oc));
      forTaps(conv, g, oy, ox, (iy, ix, tap) => {
        const xStart = k.let('xp', add(pixelIndex(g, n, iy, ix), mul(group, depth)));
        const wStart = k.let('wp', affine([[oc, taps * depth]], mul(tap, depth)));
        k.for('ic', 0, depth, (ic) => {
          k.set(acc, mac.step(acc.value, x.at(add(xStart, ic)), w.at(add(wStart, ic)), oc));
        });
      });
      k.store(y, outputIndex(g, n, oy, ox, oc), mac.finish(acc.value, oc));
    });
  },
};

function tapCount(site: Site<'conv2d'>): number {
  const [, kh, kw] = (site.inputs[1] as TensorType).shape as [number, number, number];
  return kh * kw;
}

const depthwiseDirect: Kernel<'depthwise_conv2d'> = {
  name: 'depthwise_conv2d',
  doc:
    'for each output pixel, input channel and multiple: acc = bias; for ky, kx inside the image: acc += x * w; requantize. ' +
    'One accumulator; any window, stride, dilation, multiplier and type.',
  applies: () => true,
  overlap: (site) => {
    const [x, y] = [site.inputs[0] as TensorType, site.outputs[0] as TensorType];
    const distance = channelwiseDistance(geometryOf(site as unknown as Site<ConvOp>), x, y);
    return overlapOf(site as unknown as Site, 0, distance);
  },
  build(k) {
    const conv = k as unknown as KernelBuilder<ConvOp>;
    const [, kh, kw, outChannels] = (k.site.inputs[1] as TensorType).shape as [number, number, number, number];
    const { x, w, y, g, mac } = prepare(conv, function* (data, channel) {
      for (let tap = 0; tap < kh * kw; tap++) yield data[tap * outChannels + channel] as number;
    });
    const multiplier = g.output.channels / g.input.channels;
    k.forAll(
      ['n', 'oy', 'ox', 'ic', 'm'],
      [g.batch, g.output.height, g.output.width, g.input.channels, multiplier],
      (index) => {
        const [n, oy, ox, ic, m] = index as [Expr, Expr, Expr, Expr, Expr];
        const oc = k.let('oc', affine([[ic, multiplier]], m));
        const acc = k.variable('acc', mac.start(oc));
        forTaps(conv, g, oy, ox, (iy, ix, tap) => {
          const xv = x.at(add(pixelIndex(g, n, iy, ix), ic));
          k.set(acc, mac.step(acc.value, xv, w.at(affine([[tap, outChannels]], oc)), oc));
        });
        k.store(y, outputIndex(g, n, oy, ox, oc), mac.finish(acc.value, oc));
      },
    );
  },
};

export const CONV_KERNELS = { conv2d: [conv2dDirect], depthwise_conv2d: [depthwiseDirect] } as const;
