/**
 * Depthwise convolution with few output pixels, such as a window over the whole image: a plane per channel would be read
 * once only. Four neighbouring channels at a time instead, whose inputs and weights lie side by side: two loads, four
 * SXTB16 and four multiplies take in four products.
 */
import { add, affine, mul, op } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import type { TensorType } from '../../../../ir/tensor/types.ts';
import type { Kernel, KernelBuilder, Site } from '../../kernel.ts';
import { channelwiseDistance, overlapOf } from '../../overlap.ts';
import { outputIndex, padded, pixelIndex } from '../../window.ts';
import { CHANNELS, forChannels, forRun } from './byte-sums.ts';
import { type Depthwise, type Layer, layerOf, nodeRefusal } from './depthwise-layer.ts';
import { type Tail, tailOf } from './depthwise-tail.ts';

type Builder = KernelBuilder<'depthwise_conv2d'>;

/** From this many pixels on, planes of channels take fewer instructions. */
const MOST_PIXELS = 4;

function refusal(site: Depthwise): string | undefined {
  const reason = nodeRefusal(site);
  if (reason !== undefined) return reason;
  const { dtype } = site.inputs[0] as TensorType;
  if (dtype !== 'i8') return `not for ${dtype}`;
  const { g } = layerOf(site);
  if (padded(g)) return 'windows reach over the edge';
  if (g.output.channels !== g.input.channels) return 'needs one output per channel';
  if (g.input.channels < CHANNELS) return `needs ${CHANNELS} channels`;
  const pixels = g.output.height * g.output.width;
  return pixels > MOST_PIXELS ? `${pixels} output pixels, more than ${MOST_PIXELS}` : undefined;
}

/** From the sum of products to the stored value. */
function store(k: Builder, tail: Tail, sum: Expr, oc: Expr): Expr {
  const { start, finish } = tail.channel(oc);
  const acc = op('i32.add_wrap', [start, tail.isDoubled ? op('i32.shl', [sum, 1]) : sum]);
  return finish(k.let('acc', acc));
}

const depthwiseChannels: Kernel<'depthwise_conv2d'> = {
  name: 'depthwise_conv2d_channels',
  doc:
    'for each output pixel and four channels: for each tap, a word of inputs and one of weights, four multiplies. ' +
    'Four accumulators, two words and their halves, two pointers.',
  applies: (site) => refusal(site) ?? true,
  overlap: (site) => {
    const [x, y] = [site.inputs[0] as TensorType, site.outputs[0] as TensorType];
    return overlapOf(site as unknown as Site, 0, channelwiseDistance(layerOf(site).g, x, y));
  },
  build(k) {
    const layer = layerOf(k.site);
    const { g } = layer;
    const x = k.input(0, 'x');
    const w = k.rom('w', 'i8', Int8Array.from(layer.weights));
    const tail = tailOf(k, layer);
    const y = k.output(0, 'y');
    k.forAll(['n', 'oy', 'ox'], [g.batch, g.output.height, g.output.width], ([n, oy, ox]) => {
      const [iy, ix] = [mul(oy as Expr, g.stride[0]), mul(ox as Expr, g.stride[1])];
      const first = k.let('first', pixelIndex(g, n as Expr, iy, ix));
      const to = (c: Expr) => outputIndex(g, n as Expr, oy as Expr, ox as Expr, c);
      forChannels(
        k,
        g.input.channels,
        (c) => {
          const sums = Array.from({ length: CHANNELS }, () => k.variable('sum', 0));
          forWindow(k, layer, (input, weight) => {
            const [a, b] = [
              k.let('x', x.at(add(add(first, c), input), 'i32')),
              k.let('w', w.at(add(weight, c), 'i32')),
            ];
            for (const [i, widen] of (['dsp.sxtb16', 'dsp.sxtb16_ror8'] as const).entries()) {
              const [p, q] = [k.let('p', op(widen, [a])), k.let('q', op(widen, [b]))];
              const [low, high] = [sums[i], sums[i + 2]] as [(typeof sums)[0], (typeof sums)[0]];
              k.set(low, op('dsp.smlabb', [p, q, low.value]));
              k.set(high, op('dsp.smlatt', [p, q, high.value]));
            }
          });
          sums.forEach(({ value }, i) => {
            k.store(y, add(to(c), i), store(k, tail, value, add(c, i)));
          });
        },
        (c) => {
          const sum = k.variable('sum', 0);
          forWindow(k, layer, (input, weight) => {
            const product = op('i32.mul', [x.at(add(add(first, c), input)), w.at(add(weight, c))]);
            k.set(sum, op('i32.add_wrap', [sum.value, product]));
          });
          k.store(y, to(c), store(k, tail, sum.value, c));
        },
      );
    });
  },
};

/** Calls `visit` for each tap with its distance from the window's first input and the place of its weights. */
function forWindow(k: Builder, { g }: Layer, visit: (input: Expr, weight: Expr) => void): void {
  const { width, channels } = g.input;
  const [kh, kw] = g.window;
  k.for('ky', 0, kh, (ky) => {
    const row = k.let('row', mul(ky, g.dilation[0] * width * channels));
    const weights = k.let('weights', mul(ky, kw * channels));
    forRun(k, affine([]), kw, 1, (kx) => {
      visit(affine([[kx, g.dilation[1] * channels]], row), affine([[kx, channels]], weights));
    });
  });
}

export const DSP_DEPTHWISE_CHANNELS = depthwiseChannels;
