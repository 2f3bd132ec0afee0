/** Pooling of bytes, four neighbouring channels at a time. */
import { add, i32, inRange, max, min, mul, op, sub } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import type { WindowGeometry } from '../../../../ir/tensor/ops/conv.ts';
import { poolGeometry, poolRange, roundedQuotient } from '../../../../ir/tensor/ops/pool.ts';
import type { TensorType } from '../../../../ir/tensor/types.ts';
import type { Kernel, KernelBuilder, Site } from '../../kernel.ts';
import { channelwiseDistance, overlapOf } from '../../overlap.ts';
import { clampTo } from '../../requantize.ts';
import { fitProduct } from '../../short-formula.ts';
import { forTaps, outputIndex, padded, pixelIndex } from '../../window.ts';
import { CHANNELS, domainFits, forChannels, HALFWORD_BYTES, runSums, shortSums } from './byte-sums.ts';

type Pool = 'average_pool2d' | 'max_pool2d';

/** Windows of so many elements are written out, with the positions of their rows and columns in registers. */
const WRITTEN_OUT = 16;

function geometryOf({ inputs, outputs, attrs }: Site<Pool>): WindowGeometry {
  return poolGeometry(inputs[0] as TensorType, outputs[0] as TensorType, attrs);
}

function refusal(site: Site<Pool>): string | undefined {
  const { dtype } = site.inputs[0] as TensorType;
  if (!site.target.dsp) return 'needs dual 16-bit additions';
  if (dtype !== 'i8') return `not for ${dtype}`;
  const { input, dilation } = geometryOf(site);
  if (Math.max(...dilation) > 1) return 'the window is dilated';
  return input.channels < CHANNELS ? `needs ${CHANNELS} channels` : undefined;
}

/** Groups of channels read their windows, then store. */
function overlap(site: Site<Pool>) {
  const [x, y] = [site.inputs[0] as TensorType, site.outputs[0] as TensorType];
  const distance = channelwiseDistance(geometryOf(site), x, y);
  // The first of four channels is stored when the last has been read: no channel is read later than it would be alone.
  return overlapOf(site as unknown as Site, 0, distance);
}

interface Division {
  /** Sums are shifted left by as much before they are multiplied. */
  readonly bits: number;
  /** By the number of elements that were added; 0 for numbers that do not occur. */
  readonly factors: readonly number[];
}

/** Rounded products that divide sums by how many they are of. */
function divisionOf(site: Site<'average_pool2d'>): Division | string {
  const g = geometryOf(site);
  const [low, high] = poolRange(site.outputs[0] as TensorType, site.attrs);
  const most = g.window[0] * g.window[1];
  if (!domainFits({ low: -128 * most, high: 127 * most })) return `windows of ${most} elements`;
  const counts = padded(g) ? countsOf(g) : new Set([most]);
  // 2^32 / 3 is the largest factor that fits into 32 bits; sums of one or two elements are shifted by two bits first.
  const bits = Math.min(...counts) < 3 ? 2 : 0;
  const factors: number[] = [];
  for (let count = 0; count <= most; count++) {
    const resultOf = (x: number) => Math.min(Math.max(roundedQuotient(x >> bits, count), low), high);
    const domain = { low: (-128 * count) << bits, high: (127 * count) << bits };
    const product = counts.has(count) ? fitProduct(resultOf, domain, 0, { low, high }, 1 << bits) : { factor: 0 };
    if (product === undefined) return `no product divides by ${count}`;
    factors.push(product.factor);
  }
  return { bits, factors };
}

/** How many elements windows have. */
function countsOf(g: WindowGeometry): ReadonlySet<number> {
  const along = (axis: 0 | 1) => {
    const [before, input, output] =
      axis === 0 ? [g.padding.top, g.input.height, g.output.height] : [g.padding.left, g.input.width, g.output.width];
    return Array.from({ length: output }, (_, o) => {
      const first = o * g.stride[axis] - before;
      return Math.min(first + g.window[axis], input) - Math.max(first, 0);
    });
  };
  const columns = along(1);
  return new Set(along(0).flatMap((rows) => columns.map((width) => rows * width)));
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
    const taps = window[0] * window[1];
    if (padded(geometryOf(site as unknown as Site<Pool>)) && taps > WRITTEN_OUT) {
      return `windows of more than ${WRITTEN_OUT} elements reach over the edge`;
    }
    const division = divisionOf(site);
    return typeof division === 'string' ? division : true;
  },
  overlap: (site) => overlap(site as unknown as Site<Pool>),
  build(k) {
    const g = geometryOf(k.site as unknown as Site<Pool>);
    const { bits, factors } = divisionOf(k.site) as Division;
    const [low, high] = poolRange(k.site.outputs[0] as TensorType, k.site.attrs);
    const { channels, width } = g.input;
    const x = k.input(0, 'x');
    const taps = g.window[0] * g.window[1];
    const table = padded(g) ? k.rom('factors', 'i32', factors) : undefined;
    const y = k.output(0, 'y');
    const isWhole = g.window[1] === width && !padded(g);
    forPixels(k, g, (n, oy, ox) => {
      const first = k.let('first', pixelIndex(g, n, mul(oy, g.stride[0]), mul(ox, g.stride[1])));
      const to = k.let('to', outputIndex(g, n, oy, ox, i32(0)));
      const window = padded(g) ? maskedTaps(k, g, [n, oy, ox]) : plainTaps(k, g, [n, oy, ox]);
      const factor = table === undefined ? i32(factors[taps] as number) : k.let('factor', table.at(window.count));
      const store = (at: Expr, sum: Expr) => {
        const mean = op('i32.mulhir_s', [bits === 0 ? sum : op('i32.shl', [sum, bits]), factor]);
        k.store(y, at, k.site.attrs.activation === 'none' ? mean : clampTo(mean, low, high));
      };
      forChannels(
        k,
        channels,
        (c) => {
          const sums = isWhole
            ? runSums(k, x, k.let('from', add(first, c)), taps, channels)
            : shortSums(k, x, (visit) => window.visit(c, visit));
          sums.forEach((sum, i) => {
            store(add(add(to, c), i), k.let('sum', sum));
          });
        },
        (c) => {
          const sum = k.variable('sum', 0);
          window.visit(c, (index, mask) => {
            const byte = x.at(index);
            k.set(sum, add(sum.value, mask === undefined ? byte : op('i32.and', [byte, mask])));
          });
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

type Visit = (index: Expr, mask: Expr | undefined) => void;
type Pixel = readonly [n: Expr, oy: Expr, ox: Expr];

interface Window {
  /** Calls back with the index of each tap of a channel and, where taps may lie outside, a mask that is 0 for those. */
  readonly visit: (c: Expr, visit: Visit) => void;
  /** Taps inside the image, from 0 to all of the window's. */
  readonly count: Expr;
}

function plainTaps<K extends Pool>(k: KernelBuilder<K>, g: WindowGeometry, [n, oy, ox]: Pixel): Window {
  return {
    visit: (c, visit) => forTaps(k, g, oy, ox, (iy, ix) => visit(add(pixelIndex(g, n, iy, ix), c), undefined)),
    count: i32(g.window[0] * g.window[1]),
  };
}

/** A row or column of the window: where it is, or the image's nearest, and whether it lies inside. */
interface Position {
  readonly at: Expr;
  readonly mask: Expr;
}

/** The positions of a window's rows or columns at an output position. */
function positionsOf<K extends Pool>(k: KernelBuilder<K>, g: WindowGeometry, axis: 0 | 1, output: Expr): Position[] {
  const [before, extent] = axis === 0 ? [g.padding.top, g.input.height] : [g.padding.left, g.input.width];
  return Array.from({ length: g.window[axis] }, (_, tap) => {
    const position = k.let('position', add(mul(output, g.stride[axis]), tap - before));
    return {
      at: min(max(position, 0), extent - 1),
      mask: op('i32.sub', [0, inRange(position, 0, extent)]),
    };
  });
}

/** The taps of a padded window, written out; those outside the image read its nearest element behind a mask of 0. */
function maskedTaps<K extends Pool>(k: KernelBuilder<K>, g: WindowGeometry, [n, oy, ox]: Pixel): Window {
  const { channels } = g.input;
  const [rows, columns] = [positionsOf(k, g, 0, oy), positionsOf(k, g, 1, ox)];
  const rowStarts = rows.map(({ at }) => k.let('row', pixelIndex(g, n, at, i32(0))));
  const columnStarts = columns.map(({ at }) => k.let('column', mul(at, channels)));
  const masks = [rows, columns].map((positions) => positions.map(({ mask }) => k.let('mask', mask)));
  const [rowMasks, columnMasks] = masks as [Expr[], Expr[]];
  const inside = (own: readonly Expr[]) => own.reduce((sum, mask) => sub(sum, mask), i32(0));
  const count = k.let('count', mul(k.let('height', inside(rowMasks)), k.let('width', inside(columnMasks))));
  return {
    visit: (c, visit) => {
      rowStarts.forEach((row, i) => {
        const start = k.let('start', add(row, c));
        columnStarts.forEach((column, j) => {
          visit(add(start, column), op('i32.and', [rowMasks[i] as Expr, columnMasks[j] as Expr]));
        });
      });
    },
    count: min(max(count, 0), g.window[0] * g.window[1]),
  };
}

/**
 * The taps of a window for a maximum: where it reaches over an edge, its nearest row or column inside the image is taken
 * again. Every window has one, since padding is smaller than windows.
 */
function nearestTaps<K extends Pool>(k: KernelBuilder<K>, g: WindowGeometry, pixel: Pixel): Window['visit'] {
  const window =
    !padded(g) || g.window[0] * g.window[1] > WRITTEN_OUT ? plainTaps(k, g, pixel) : maskedTaps(k, g, pixel);
  return (c, visit) => window.visit(c, (index) => visit(index, undefined));
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
