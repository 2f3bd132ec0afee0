/**
 * The inner product of float32 convolutions and fully connected layers: a tile of pixels by channels in registers.
 *
 *     for each step of the depth: load the weights of the tile's channels (4 a vector), spread each pixel's activation to
 *     all lanes, multiply and add
 *
 * A lane is one output channel, and its sum runs over the depth in order: the bits are those of one accumulator.
 *
 * Register plan for 16 vector registers: 6 pixels by 8 channels take 12 accumulators, 2 vectors of weights and one of
 * activations; 3 pixels by 16, 2 by 24 and 1 by 48 channels take as many. Weights are packed so that a tile reads them in
 * order.
 */
import { add, affine, type Buffer, f32, i32, mul, type Operand, op, type Variable } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import type { KernelBuilder } from '../../kernel.ts';
import { LANES, roundedUp } from './float-f32.ts';

/** Channels that lie together in packed weights. */
export const PANEL = 8;
/** Steps of the depth that a loop body repeats. */
const UNROLLED = 4;

/** Packed weights: for each panel of 8 channels, for each step of the depth, the panel's weights; the last panel may be of 4. */
export function packWeights(weights: Float32Array, channels: number, depth: number): Float32Array {
  const packed = new Float32Array(roundedUp(channels, LANES) * depth);
  let at = 0;
  for (let first = 0; first < channels; first += PANEL) {
    const width = Math.min(PANEL, roundedUp(channels - first, LANES));
    for (let i = 0; i < depth; i++) {
      for (let c = first; c < first + width; c++) packed[at++] = c < channels ? (weights[c * depth + i] as number) : 0;
    }
  }
  return packed;
}

/** What all tiles of a layer have in common. */
export interface Product {
  readonly channels: number;
  /** Weights per output channel. */
  readonly depth: number;
  readonly x: Buffer;
  readonly weights: Buffer;
  /** The stored results of four channels from their sums. */
  readonly finish: (sum: Expr, channel: Operand) => Expr;
  readonly y: Buffer;
}

/** Neighbouring steps of the depth that neighbouring activations of each pixel meet. */
export interface Run {
  /** The first step. */
  readonly step: Operand;
  readonly length: number;
  /** Index of the activation that the tile's pixel 0 begins with; may be negative when pixel 0 is none of `pixels`. */
  readonly from: Operand;
  /** Added to `from` in the end: what is constant of it. */
  readonly offset: number;
  /** The tile's pixels that take part. */
  readonly pixels: readonly number[];
}

export interface TilePlace {
  readonly pixels: number;
  /** Activations from one pixel's window to the next one's. */
  readonly pixelStride: number;
  /** Calls its argument for each run of the depth, in order; may put loops and conditions around it. */
  readonly runs: (visit: (run: Run) => void) => void;
  /** Index of the first pixel's first result; the next pixel's lie `channels` further. */
  readonly out: Expr;
}

/** Panels of channels that a tile takes. */
function panelsPerTile(pixels: number): number {
  if (pixels >= 4) return 1;
  return pixels === 3 ? 2 : 6 / pixels;
}

export const LARGEST_TILE = 6;

/** Groups of channels of a tile: where a loop over whole groups ends, and the panels of what remains. */
interface Group {
  readonly panel: Expr;
  /** Vectors of each panel. */
  readonly vectors: readonly number[];
}

function forGroups(k: KernelBuilder, channels: number, pixels: number, body: (group: Group) => void): void {
  const whole = Math.floor(channels / PANEL);
  const most = panelsPerTile(pixels);
  const looped = whole - (whole % most);
  k.for('panel', 0, looped, (panel) => body({ panel, vectors: new Array(most).fill(PANEL / LANES) }), { step: most });
  const rest = new Array(whole - looped).fill(PANEL / LANES);
  if (channels % PANEL !== 0) rest.push(Math.ceil((channels % PANEL) / LANES));
  if (rest.length > 0) body({ panel: i32(looped), vectors: rest });
}

/** Accumulates, finishes and stores all channels of a tile. */
export function buildTile(k: KernelBuilder, p: Product, place: TilePlace): void {
  forGroups(k, p.channels, place.pixels, (group) => {
    const lanes = group.vectors.flatMap((count, panel) =>
      Array.from({ length: count }, (_, v) => ({ panel, v, width: count * LANES, channel: panel * PANEL + v * LANES })),
    );
    const sums = Array.from({ length: place.pixels }, () =>
      lanes.map(() => k.variable('acc', op('f32x4.splat', [f32(0)]))),
    );
    place.runs((run) => {
      const from = k.let('from', run.from);
      const step = (i: Expr, ahead: number) => {
        const weights = lanes.map(({ panel, v, width }) => {
          const start = affine([[group.panel, PANEL * p.depth]], panel * PANEL * p.depth + v * LANES);
          const at = affine([[add(run.step, i), width]], start);
          return () => p.weights.at(add(at, ahead * width), 'v128');
        });
        const activation = (pixel: number) => () =>
          p.x.at(add(add(from, i), run.offset + pixel * place.pixelStride + ahead), 'splat32');
        multiplyAdd(
          k,
          run.pixels.map((pixel) => ({ activation: activation(pixel), sums: sums[pixel] as Variable[] })),
          weights,
        );
      };
      const whole = run.length - (run.length % UNROLLED);
      k.for(
        'i',
        0,
        whole,
        (i) => {
          for (let ahead = 0; ahead < UNROLLED; ahead++) step(i, ahead);
        },
        { step: UNROLLED },
      );
      for (let i = whole; i < run.length; i++) step(i32(0), i);
    });
    const channel = mul(group.panel, PANEL);
    sums.forEach((vectors, pixel) => {
      vectors.forEach((sum, v) => {
        const at = add(channel, (lanes[v] as { channel: number }).channel);
        storeLanes(k, p, p.finish(sum.value, at), add(place.out, add(at, pixel * p.channels)), at);
      });
    });
  });
}

/** One step of the depth. What the register plan holds longest is loaded first. */
function multiplyAdd(
  k: KernelBuilder,
  pixels: readonly { readonly activation: () => Expr; readonly sums: readonly Variable[] }[],
  weights: readonly (() => Expr)[],
): void {
  const into = (sum: Variable, x: Expr, w: Expr): void => {
    k.set(sum, op('f32x4.add', [sum.value, op('f32x4.mul', [x, w])]));
  };
  if (pixels.length >= weights.length) {
    const ws = weights.map((load) => k.let('w', load()));
    for (const { activation, sums } of pixels) {
      const x = k.let('x', activation());
      for (const [v, w] of ws.entries()) into(sums[v] as Variable, x, w);
    }
  } else {
    const xs = pixels.map(({ activation }) => k.let('x', activation()));
    weights.forEach((load, v) => {
      const w = k.let('w', load());
      for (const [i, x] of xs.entries()) into(pixels[i]?.sums[v] as Variable, x, w);
    });
  }
}

/** Stores four results, or the first of them where the channels end. */
function storeLanes(k: KernelBuilder, p: Product, value: Expr, index: Expr, channel: Expr): void {
  const known = channel.kind === 'const' ? p.channels - (channel.value as number) : LANES;
  const count = Math.min(LANES, known);
  if (count === LANES) {
    k.store(p.y, index, value, 'v128');
    return;
  }
  const result = k.let('result', value);
  for (let lane = 0; lane < count; lane++) {
    k.store(p.y, add(index, lane), op('f32x4.extract_lane', [result], [lane]));
  }
}
