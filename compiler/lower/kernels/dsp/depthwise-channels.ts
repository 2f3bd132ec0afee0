/**
 * Depthwise convolution with few output pixels, such as a window over the whole image: a plane per channel would be read
 * once only. Four neighbouring channels at a time instead, whose inputs and weights lie side by side: two loads, four
 * SXTB16 and four multiplies take in four products.
 */
import { add, affine, and, type Buffer, inRange, min, mul, op, type Variable } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import type { TensorType } from '../../../../ir/tensor/types.ts';
import type { Kernel, KernelBuilder, Site } from '../../kernel.ts';
import { channelwiseDistance, overlapOf } from '../../overlap.ts';
import { outputIndex, padded, pixelIndex } from '../../window.ts';
import { CHANNELS, forChannels, forRun } from './byte-sums.ts';
import { type Depthwise, type Layer, layerOf, nodeRefusal } from './depthwise-layer.ts';
import { type Tail, tailOf } from './depthwise-tail.ts';

type Builder = KernelBuilder<'depthwise_conv2d'>;

/** From this many pixels on, planes of channels take fewer instructions; this takes less code whatever the number. */
const MOST_PIXELS = 4;

function refusal(site: Depthwise): string | undefined {
  const reason = nodeRefusal(site);
  if (reason !== undefined) return reason;
  const { dtype } = site.inputs[0] as TensorType;
  if (dtype !== 'i8') return `not for ${dtype}`;
  const { g } = layerOf(site);
  if (g.output.channels !== g.input.channels) return 'needs one output per channel';
  if (g.input.channels < CHANNELS) return `needs ${CHANNELS} channels`;
  if (site.optimize === 'size') return undefined;
  if (padded(g)) return 'windows reach over the edge';
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
    // Small code reads channels again for the last four.
    const again = site.optimize === 'size' ? CHANNELS - 1 : 0;
    return overlapOf(site as unknown as Site, 0, channelwiseDistance(layerOf(site).g, x, y) + again);
  },
  build(k) {
    const layer = layerOf(k.site);
    const x = k.input(0, 'x');
    const w = k.rom('w', 'i8', Int8Array.from(layer.weights));
    const tail = tailOf(k, layer);
    const y = k.output(0, 'y');
    const { optimize } = k.site;
    if (optimize === 'size') buildSmall(k, layer, { x, w, tail, y });
    else buildPlain(k, layer, { x, w, tail, y });
  },
};

interface Operands {
  readonly x: Buffer;
  readonly w: Buffer;
  readonly tail: Tail;
  readonly y: Buffer;
}

/** Of windows that lie within the image. */
function buildPlain(k: Builder, layer: Layer, { x, w, tail, y }: Operands): void {
  const { g } = layer;
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
          multiplyFour(k, sums, x.at(add(add(first, c), input), 'i32'), w.at(add(weight, c), 'i32'));
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
}

/** Four products of a word of inputs and a word of weights. */
function multiplyFour(k: Builder, sums: readonly Variable[], input: Expr, weight: Expr): void {
  const [a, b] = [k.let('x', input), k.let('w', weight)];
  for (const [i, widen] of (['dsp.sxtb16', 'dsp.sxtb16_ror8'] as const).entries()) {
    const [p, q] = [k.let('p', op(widen, [a])), k.let('q', op(widen, [b]))];
    const [low, high] = [sums[i], sums[i + 2]] as [Variable, Variable];
    k.set(low, op('dsp.smlabb', [p, q, low.value]));
    k.set(high, op('dsp.smlatt', [p, q, high.value]));
  }
}

/**
 * Of all windows, in one form for all of them: every tap is tested for, and the last four channels are counted from the
 * last one back, so that some may be computed twice.
 */
function buildSmall(k: Builder, { g, zeroPoint }: Layer, { x, w, tail, y }: Operands): void {
  const { channels, height, width } = g.input;
  const [kh, kw] = g.window;
  const padding = Math.imul(zeroPoint & 0xff, 0x01010101);
  const kept = { kept: true };
  const totals = k.scratch('total', 'i32', CHANNELS);
  const forGroup = (n: Expr, oy: Expr, ox: Expr, c: Expr) => {
    const sums = Array.from({ length: CHANNELS }, () => k.variable('sum', 0));
    k.for(
      'ky',
      0,
      kh,
      (ky) => {
        const iy = k.let(
          'iy',
          affine(
            [
              [oy, g.stride[0]],
              [ky, g.dilation[0]],
            ],
            -g.padding.top,
          ),
        );
        k.for(
          'kx',
          0,
          kw,
          (kx) => {
            const ix = k.let(
              'ix',
              affine(
                [
                  [ox, g.stride[1]],
                  [kx, g.dilation[1]],
                ],
                -g.padding.left,
              ),
            );
            const word = k.variable('word', padding);
            const isInside = padded(g) ? and(inRange(iy, 0, height), inRange(ix, 0, width)) : 1;
            k.if(isInside, () => k.set(word, x.at(add(pixelIndex(g, n, iy, ix), c), 'i32')));
            const tap = affine([[affine([[ky, kw]], kx), channels]], c);
            multiplyFour(k, sums, word.value, w.at(tap, 'i32'));
          },
          kept,
        );
      },
      kept,
    );
    sums.forEach(({ value }, i) => {
      k.store(totals, i, value);
    });
    k.for('i', 0, CHANNELS, (i) => {
      const oc = k.let('oc', add(c, i));
      k.store(y, outputIndex(g, n, oy, ox, oc), store(k, tail, totals.at(i), oc));
    });
  };
  k.for('n', 0, g.batch, (n) => {
    const forPixel = (oy: Expr) => (ox: Expr) => {
      const forFour = (four: Expr) => forGroup(n, oy, ox, k.let('c', min(mul(four, CHANNELS), channels - CHANNELS)));
      k.for('four', 0, Math.ceil(channels / CHANNELS), forFour, kept);
    };
    k.for('oy', 0, g.output.height, (oy) => k.for('ox', 0, g.output.width, forPixel(oy), kept), kept);
  });
}

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
