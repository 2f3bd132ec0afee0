/** Pooling of bytes, four neighbouring channels at a time. */
import { add, i32, max, min, mul, op } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import type { WindowGeometry } from '../../../../ir/tensor/ops/conv.ts';
import { poolGeometry, poolRange, roundedQuotient } from '../../../../ir/tensor/ops/pool.ts';
import type { TensorType } from '../../../../ir/tensor/types.ts';
import type { Kernel, KernelBuilder, Site } from '../../kernel.ts';
import { channelwiseDistance, overlapOf } from '../../overlap.ts';
import { clampTo } from '../../requantize.ts';
import { fitProduct, type RoundedProduct } from '../../short-formula.ts';
import { forTaps, outputIndex, padded, pixelIndex } from '../../window.ts';
import { CHANNELS, domainFits, forChannels, HALFWORD_BYTES, roundedProduct, runSums, shortSums } from './byte-sums.ts';

type Pool = 'average_pool2d' | 'max_pool2d';

function geometryOf({ inputs, outputs, attrs }: Site<Pool>): WindowGeometry {
  return poolGeometry(inputs[0] as TensorType, outputs[0] as TensorType, attrs);
}

function refusal(site: Site<Pool>): string | undefined {
  const { dtype } = site.inputs[0] as TensorType;
  if (!site.target.dsp) return 'needs dual 16-bit additions';
  if (dtype !== 'i8') return `not for ${dtype}`;
  return geometryOf(site).input.channels < CHANNELS ? `needs ${CHANNELS} channels` : undefined;
}

/** Groups of channels read their windows, then store. */
function overlap(site: Site<Pool>) {
  const [x, y] = [site.inputs[0] as TensorType, site.outputs[0] as TensorType];
  const distance = channelwiseDistance(geometryOf(site), x, y);
  // The first of four channels is stored when the last has been read: no channel is read later than it would be alone.
  return overlapOf(site as unknown as Site, 0, distance);
}

/** The mean of a window without padding as a product, when one is proved equal. */
function meanFormula(site: Site<'average_pool2d'>): RoundedProduct | string {
  const g = geometryOf(site);
  if (padded(g)) return 'windows reach over the edge';
  const count = g.window[0] * g.window[1];
  const [low, high] = poolRange(site.outputs[0] as TensorType, site.attrs);
  const domain = { low: -128 * count, high: 127 * count };
  if (!domainFits(domain)) return `windows of ${count} elements`;
  const resultOf = (sum: number) => Math.min(Math.max(roundedQuotient(sum, count), low), high);
  return fitProduct(resultOf, domain, 0, { low, high }) ?? `no product divides by ${count}`;
}

const averagePool: Kernel<'average_pool2d'> = {
  name: 'average_pool2d_bytes',
  doc:
    'for each output pixel and four channels: a word of bytes per tap into two pairs of halfword sums; y = sum * factor. ' +
    'Two accumulators, one word, two pointers.',
  applies: (site) => {
    const reason = refusal(site as unknown as Site<Pool>);
    if (reason !== undefined) return reason;
    const { window, input } = geometryOf(site as unknown as Site<Pool>);
    if (window[0] * window[1] > HALFWORD_BYTES && window[1] !== input.width) {
      return `windows of more than ${HALFWORD_BYTES} elements that are not whole rows`;
    }
    const formula = meanFormula(site);
    return typeof formula === 'string' ? formula : true;
  },
  overlap: (site) => overlap(site as unknown as Site<Pool>),
  build(k) {
    const g = geometryOf(k.site as unknown as Site<Pool>);
    const formula = meanFormula(k.site) as RoundedProduct;
    const [low, high] = poolRange(k.site.outputs[0] as TensorType, k.site.attrs);
    const { channels, width } = g.input;
    const x = k.input(0, 'x');
    const y = k.output(0, 'y');
    const isWhole = g.window[1] === width;
    const taps = g.window[0] * g.window[1];
    const store = (at: Expr, sum: Expr) => {
      const mean = roundedProduct(sum, formula);
      k.store(y, at, k.site.attrs.activation === 'none' ? mean : clampTo(mean, low, high));
    };
    forPixels(k, g, (n, oy, ox) => {
      const first = k.let('first', pixelIndex(g, n, mul(oy, g.stride[0]), mul(ox, g.stride[1])));
      const to = k.let('to', outputIndex(g, n, oy, ox, i32(0)));
      const window = (c: Expr, visit: (index: Expr) => void) =>
        forTaps(k, g, oy, ox, (iy, ix) => visit(add(pixelIndex(g, n, iy, ix), c)));
      forChannels(
        k,
        channels,
        (c) => {
          const sums = isWhole
            ? runSums(k, x, k.let('from', add(first, c)), taps, channels)
            : shortSums(k, x, (visit) => window(c, visit));
          sums.forEach((sum, i) => {
            store(add(add(to, c), i), k.let('sum', sum));
          });
        },
        (c) => {
          const sum = k.variable('sum', 0);
          window(c, (index) => k.set(sum, add(sum.value, x.at(index))));
          store(add(to, c), sum.value);
        },
      );
    });
  },
};

function forPixels<K extends Pool>(
  k: KernelBuilder<K>,
  g: WindowGeometry,
  body: (n: Expr, oy: Expr, ox: Expr) => void,
): void {
  k.forAll(['n', 'oy', 'ox'], [g.batch, g.output.height, g.output.width], ([n, oy, ox]) =>
    body(n as Expr, oy as Expr, ox as Expr),
  );
}

/** Windows of so many elements are written out, with the positions of their rows and columns in registers. */
const WRITTEN_OUT = 16;

/**
 * Calls `visit` with the taps of the window at an output pixel for a maximum: where the window reaches over an edge, its
 * nearest row or column inside the image is taken again. Every window has one, since padding is smaller than windows.
 */
function nearestTaps<K extends Pool>(
  k: KernelBuilder<K>,
  g: WindowGeometry,
  [n, oy, ox]: readonly [Expr, Expr, Expr],
): (c: Expr, visit: (index: Expr) => void) => void {
  const [kh, kw] = g.window;
  if (!padded(g) || kh * kw > WRITTEN_OUT) {
    return (c, visit) => forTaps(k, g, oy, ox, (iy, ix) => visit(add(pixelIndex(g, n, iy, ix), c)));
  }
  const { height, width, channels } = g.input;
  const inside = (position: Expr, extent: number) => min(max(position, 0), extent - 1);
  const rows = Array.from({ length: kh }, (_, ky) => {
    const iy = inside(add(mul(oy, g.stride[0]), ky - g.padding.top), height);
    return k.let('row', pixelIndex(g, n, iy, i32(0)));
  });
  const columns = Array.from({ length: kw }, (_, kx) =>
    k.let('column', mul(inside(add(mul(ox, g.stride[1]), kx - g.padding.left), width), channels)),
  );
  return (c, visit) => {
    for (const row of rows) {
      const start = k.let('start', add(row, c));
      for (const column of columns) visit(add(start, column));
    }
  };
}

/** The same byte four times. */
function fourTimes(byte: number): number {
  return Math.imul(byte & 0xff, 0x01010101);
}

const maxPool: Kernel<'max_pool2d'> = {
  name: 'max_pool2d_bytes',
  doc: 'for each output pixel and four channels: the larger of each byte, word by word. One accumulator, one word, two pointers.',
  applies: (site) => {
    const reason = refusal(site as unknown as Site<Pool>);
    if (reason !== undefined) return reason;
    const [, high] = poolRange(site.outputs[0] as TensorType, site.attrs);
    return high === 127 || `an activation that ends at ${high}`;
  },
  overlap: (site) => overlap(site as unknown as Site<Pool>),
  build(k) {
    const g = geometryOf(k.site as unknown as Site<Pool>);
    const [low] = poolRange(k.site.outputs[0] as TensorType, k.site.attrs);
    const x = k.input(0, 'x');
    const y = k.output(0, 'y');
    forPixels(k, g, (n, oy, ox) => {
      const to = k.let('to', outputIndex(g, n, oy, ox, i32(0)));
      const window = nearestTaps(k, g, [n, oy, ox]);
      forChannels(
        k,
        g.input.channels,
        (c) => {
          const largest = k.variable('largest', fourTimes(low));
          window(c, (index) => k.set(largest, op('dsp.smax8', [largest.value, x.at(index, 'i32')])));
          k.store(y, add(to, c), largest.value, 'i32');
        },
        (c) => {
          const largest = k.variable('largest', low);
          window(c, (index) => k.set(largest, op('i32.max_s', [largest.value, x.at(index)])));
          k.store(y, add(to, c), largest.value);
        },
      );
    });
  },
};

export const DSP_POOL_KERNELS = { average_pool2d: [averagePool], max_pool2d: [maxPool] } as const;
