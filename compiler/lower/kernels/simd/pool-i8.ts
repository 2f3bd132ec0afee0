/** average_pool2d and max_pool2d of int8, channels in lanes. */
import { add, f32, i32, op } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import type { WindowGeometry } from '../../../../ir/tensor/ops/conv.ts';
import { poolGeometry, poolRange, roundedQuotient } from '../../../../ir/tensor/ops/pool.ts';
import type { TensorType } from '../../../../ir/tensor/types.ts';
import type { Kernel, KernelBuilder, Overlap, Site } from '../../kernel.ts';
import { overlapOf, windowDistance } from '../../overlap.ts';
import { forTaps, outputIndex, padded, pixelIndex } from '../../window.ts';
import { dotOf } from './dot-i8.ts';
import { PANEL } from './order-i8.ts';
import { clamped } from './tile-i8.ts';

type PoolOp = 'average_pool2d' | 'max_pool2d';

function geometryOf({ inputs, outputs, attrs }: Site<PoolOp>): WindowGeometry {
  return poolGeometry(inputs[0] as TensorType, outputs[0] as TensorType, attrs);
}

function poolFault(site: Site<PoolOp>): string | undefined {
  const x = site.inputs[0] as TensorType;
  if (dotOf(site.target) === undefined) return 'needs 128-bit vectors';
  if (x.dtype !== 'i8') return `takes int8, not ${x.dtype}`;
  return (x.shape[3] as number) < PANEL ? `has fewer than ${PANEL} channels` : undefined;
}

/** A pixel's channels are stored vector by vector, and its window is read again for each. */
function poolOverlap(site: Site<PoolOp>): readonly Overlap[] {
  const [x, y] = [site.inputs[0] as TensorType, site.outputs[0] as TensorType];
  return overlapOf(site as unknown as Site, 0, windowDistance(geometryOf(site), x, y, { ahead: 1 }));
}

/** For each output pixel and `width` channels; the last vector of channels ends with the pixel. */
function forChannels(
  k: KernelBuilder,
  g: WindowGeometry,
  width: number,
  body: (at: { n: Expr; oy: Expr; ox: Expr; channel: Expr }) => void,
): void {
  const { channels } = g.input;
  k.forAll(['n', 'oy', 'ox'], [g.batch, g.output.height, g.output.width], (index) => {
    const [n, oy, ox] = index as [Expr, Expr, Expr];
    k.for(
      'c',
      0,
      channels,
      (place) => {
        const last = channels - width;
        const channel = channels % width === 0 ? place : k.let('channel', op('i32.min_s', [place, last]));
        body({ n, oy, ox, channel });
      },
      { step: width },
    );
  });
}

/** Sums of so many bytes fit into 16 bits. */
const MOST_TAPS = 255;
const MOST_WINDOW = 4096;

/** A factor with which one f32 product, cut off, gives the mean of every possible sum; undefined when there is none. */
function reciprocalOf(count: number): number | undefined {
  const half = Math.trunc(count / 2);
  const factor = Math.fround((1 / count) * (1 + 2 ** -22));
  for (let sum = -128 * count; sum <= 127 * count; sum++) {
    const mean = Math.trunc(Math.fround(Math.fround(sum < 0 ? sum - half : sum + half) * factor));
    if (mean !== roundedQuotient(sum, count)) return undefined;
  }
  return factor;
}

function averageFault(site: Site<PoolOp>): string | undefined {
  const g = geometryOf(site);
  if (padded(g)) return 'windows reach over the edge and differ in size';
  const count = g.window[0] * g.window[1];
  if (count > MOST_WINDOW) return `the window has more than ${MOST_WINDOW} elements`;
  return reciprocalOf(count) === undefined ? 'no factor gives all means' : undefined;
}

function buildAverage(k: KernelBuilder): void {
  const site = k.site as unknown as Site<PoolOp>;
  const g = geometryOf(site);
  const count = g.window[0] * g.window[1];
  const [low, high] = poolRange(site.outputs[0] as TensorType, site.attrs);
  const x = k.input(0, 'x');
  const y = k.output(0, 'y');
  const factor = op('f32x4.splat', [f32(reciprocalOf(count) as number)]);
  const half = op('i32x4.splat', [i32(Math.trunc(count / 2))]);
  const mean = (sum: Expr): Expr => {
    const sign = k.let('sign', op('i32x4.shr_s', [sum, 31]));
    const away = op('i32x4.sub', [op('v128.xor', [half, sign]), sign]);
    const scaled = op('f32x4.mul', [op('f32x4.convert_i32x4_s', [op('i32x4.add', [sum, away])]), factor]);
    return op('i32x4.trunc_sat_f32x4_s', [scaled]);
  };
  forChannels(k, g, PANEL, ({ n, oy, ox, channel }) => {
    const load = (iy: Expr, ix: Expr) => x.at(add(pixelIndex(g, n, iy, ix), channel), 'i8x8_s');
    const halves = count <= MOST_TAPS ? sumInHalfwords(k, g, oy, ox, load) : sumInWords(k, g, oy, ox, load);
    const means = halves.map((sum) => mean(k.let('sum', sum))) as [Expr, Expr];
    const eight = k.let('eight', op('i16x8.narrow_i32x4_s', means));
    const bytes = clamped(op('i8x16.narrow_i16x8_s', [eight, eight]), { low, high });
    k.store(y, outputIndex(g, n, oy, ox, channel), bytes, 'low64');
  });
}

type Load = (iy: Expr, ix: Expr) => Expr;

function sumInHalfwords(k: KernelBuilder, g: WindowGeometry, oy: Expr, ox: Expr, load: Load): readonly Expr[] {
  const sum = k.variable('sums', op('i16x8.splat', [i32(0)]));
  forTaps(k, g, oy, ox, (iy, ix) => k.set(sum, op('i16x8.add', [sum.value, load(iy, ix)])));
  return [op('i32x4.extend_low_i16x8_s', [sum.value]), op('i32x4.extend_high_i16x8_s', [sum.value])];
}

function sumInWords(k: KernelBuilder, g: WindowGeometry, oy: Expr, ox: Expr, load: Load): readonly Expr[] {
  const sums = [0, 1].map(() => k.variable('sums', op('i32x4.splat', [i32(0)])));
  forTaps(k, g, oy, ox, (iy, ix) => {
    const value = k.let('x', load(iy, ix));
    const halves = [op('i32x4.extend_low_i16x8_s', [value]), op('i32x4.extend_high_i16x8_s', [value])];
    sums.forEach((sum, i) => {
      k.set(sum, op('i32x4.add', [sum.value, halves[i] as Expr]));
    });
  });
  return sums.map((sum) => sum.value);
}

function buildMax(k: KernelBuilder): void {
  const site = k.site as unknown as Site<PoolOp>;
  const g = geometryOf(site);
  const [low, high] = poolRange(site.outputs[0] as TensorType, site.attrs);
  const x = k.input(0, 'x');
  const y = k.output(0, 'y');
  const width = g.input.channels >= 2 * PANEL ? 2 * PANEL : PANEL;
  const access = width === PANEL ? 'low64' : 'v128';
  forChannels(k, g, width, ({ n, oy, ox, channel }) => {
    const most = k.variable('most', op('i8x16.splat', [i32(-128)]));
    forTaps(k, g, oy, ox, (iy, ix) => {
      k.set(most, op('i8x16.max_s', [most.value, x.at(add(pixelIndex(g, n, iy, ix), channel), access)]));
    });
    k.store(y, outputIndex(g, n, oy, ox, channel), clamped(most.value, { low, high }), access);
  });
}

const average: Kernel<'average_pool2d'> = {
  name: 'average_pool2d_i8',
  doc:
    'for each output pixel and 8 channels: sums = 0; for ky, kx: widen 8 activations, add; one f32 product, which is proved ' +
    'to give the mean of every sum. Two accumulators.',
  applies: (site) => {
    const one = site as unknown as Site<PoolOp>;
    return poolFault(one) ?? averageFault(one) ?? true;
  },
  overlap: (site) => poolOverlap(site as unknown as Site<PoolOp>),
  build: (k) => buildAverage(k as unknown as KernelBuilder),
};

const max: Kernel<'max_pool2d'> = {
  name: 'max_pool2d_i8',
  doc: 'for each output pixel and 16 channels (8 where there are fewer): for ky, kx inside the image: maximum. One accumulator.',
  applies: (site) => poolFault(site as unknown as Site<PoolOp>) ?? true,
  overlap: (site) => poolOverlap(site as unknown as Site<PoolOp>),
  build: (k) => buildMax(k as unknown as KernelBuilder),
};

export const POOL_I8 = { average_pool2d: [average], max_pool2d: [max] } as const;
