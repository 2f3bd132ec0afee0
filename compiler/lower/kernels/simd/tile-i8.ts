/**
 * The inner product of int8 convolutions and fully connected layers: a tile of pixels by channels in registers.
 *
 *     for each step of the depth: load the weights of the tile's channels (4 a vector), spread a step of each pixel's
 *     activations to all lanes, multiply and add
 *
 * Register plan for 16 vector registers: 6 pixels by 8 channels take 12 accumulators, 2 vectors of weights and one of
 * activations. Fewer pixels take more channels. Weights are packed so that a tile reads them in order.
 */
import { add, affine, type Buffer, i32, mul, type Operand, op, type Variable } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import type { OutputStage } from '../../../../ir/tensor/ops/shared.ts';
import type { KernelBuilder } from '../../kernel.ts';
import type { Dot } from './dot-i8.ts';
import { LANES, roundedUp, type VectorScale } from './requantize-i8.ts';

/** Groups of four channels that lie together in packed weights. */
const PANEL = 2;

/** The depth of a product as equal runs of neighbouring staged activations: one per row of the window, say. */
export interface Depth {
  readonly runs: number;
  /** Activations of a run, and with what fills up its last step. */
  readonly length: number;
  readonly padded: number;
}

export function depthOf(dot: Dot, runs: number, length: number): Depth {
  return { runs, length, padded: roundedUp(length, dot.step) };
}

/** Packed weights: for each panel of 8 channels, each run and each step, for each group the step's weights of 4 channels. */
export function packWeights(
  dot: Dot,
  depth: Depth,
  channels: number,
  weight: (channel: number, run: number, at: number) => number,
): Int8Array {
  const groups = Math.ceil(channels / LANES);
  const packed = new Int8Array(groups * depth.runs * depth.padded * LANES);
  let at = 0;
  for (let panel = 0; panel < groups; panel += PANEL) {
    const width = Math.min(PANEL, groups - panel);
    for (let run = 0; run < depth.runs; run++) {
      for (let start = 0; start < depth.padded; start += dot.step) {
        for (let c = panel * LANES; c < (panel + width) * LANES; c++) {
          for (let i = start; i < start + dot.step; i++) {
            packed[at++] = c < channels && i < depth.length ? weight(c, run, i) : 0;
          }
        }
      }
    }
  }
  return packed;
}

/** What all tiles of a layer have in common. */
export interface Product {
  readonly dot: Dot;
  readonly depth: Depth;
  readonly channels: number;
  readonly weights: Buffer;
  readonly staged: Buffer;
  /** Staged activations from one pixel of a tile to the next. */
  readonly pixelStride: number;
  /** The accumulators' first values, four channels a vector. */
  readonly start: (channel: Operand) => Expr;
  readonly scale: VectorScale;
  readonly stage: OutputStage;
  readonly y: Buffer;
}

/** Where a tile's pixels are staged and its results go. */
export interface TilePlace {
  /** Index of the first pixel's activation at the start of a run. */
  readonly run: (run: Expr) => Expr;
  /** Index of the first pixel's first result; the next pixel's lie `channels` further. */
  readonly out: Expr;
}

/** How many groups of channels a tile of so many pixels takes. */
function groupsPerTile(pixels: number): number {
  if (pixels >= 3) return PANEL;
  return pixels === 2 ? 3 * PANEL : 6 * PANEL;
}

/** Pixels per tile for a row of `count` pixels, each row ending with a tile of what remains. */
export function pixelsPerTile(count: number): number {
  // In vector products for a panel of channels; less than five pixels wait for their own accumulators.
  const cost = (pixels: number) => [0, 1.3, 2.5, 5, 5.5, 5.5, 6.5][pixels] as number;
  const total = (pixels: number) => {
    const rest = count % pixels;
    // A tile for the rest is code of its own.
    return Math.floor(count / pixels) * cost(pixels) + (rest === 0 ? 0 : cost(rest) + 0.02 * count);
  };
  return [6, 5, 4, 3, 2, 1].filter((p) => p <= count).reduce((best, p) => (total(p) < total(best) ? p : best));
}

/** All channels of `pixels` pixels. */
export function buildTile(k: KernelBuilder, p: Product, pixels: number, place: TilePlace): void {
  const groups = Math.ceil(p.channels / LANES);
  let first = 0;
  while (first < groups) {
    const left = groups - first;
    // An odd group at the end, and channels that do not fill their group, are a tile of their own.
    const whole = Math.floor((p.channels - first * LANES) / (PANEL * LANES)) * PANEL;
    const width = whole === 0 ? left : Math.min(groupsPerTile(pixels), whole);
    const trips = whole === 0 ? 1 : Math.floor(whole / width);
    k.for(
      'c',
      first * LANES,
      (first + trips * width) * LANES,
      (channel) => channelTile(k, p, pixels, width, channel, place),
      { step: width * LANES },
    );
    first += trips * width;
  }
}

/** `width` groups of channels from `channel` on, which begins a panel. */
function channelTile(
  k: KernelBuilder,
  p: Product,
  pixels: number,
  width: number,
  channel: Expr,
  place: TilePlace,
): void {
  const { dot, depth } = p;
  const groups = Array.from({ length: width }, (_, g) => g);
  const starts = groups.map((g) => k.let('start', p.start(add(channel, g * LANES))));
  const acc = Array.from({ length: pixels }, () => starts.map((start) => k.variable('acc', start)));
  const groupBytes = depth.runs * depth.padded * LANES;
  const isSingle = width === 1;
  // Bytes from one step to the next within a panel, per activation of the step.
  const perActivation = (isSingle ? 1 : PANEL) * LANES;
  const panelStart = k.let('panel', mul(channel, groupBytes / LANES));
  k.for('run', 0, depth.runs, (run) => {
    const row = k.let('row', place.run(run));
    const w = k.let('w', affine([[run, depth.padded * perActivation]], panelStart));
    k.for(
      'i',
      0,
      depth.padded,
      (i) => {
        const weightAt = (g: number) =>
          p.weights.at(
            affine(
              [[i, perActivation]],
              add(w, Math.floor(g / PANEL) * PANEL * groupBytes + (g % PANEL) * dot.groupBytes),
            ),
            dot.weights,
          );
        const pixelAt = (pixel: number) => p.staged.at(add(add(row, i), pixel * p.pixelStride), 'splat32');
        macs(k, dot, acc, weightAt, pixelAt);
      },
      { step: dot.step },
    );
  });
  const results = acc.map(() => [] as Expr[]);
  for (const g of groups) {
    const scale = p.scale.group(add(channel, g * LANES));
    acc.forEach((row, pixel) => {
      (results[pixel] as Expr[]).push(k.let('scaled', scale((row[g] as Variable).value)));
    });
  }
  const valid = channel.kind === 'const' ? Math.min(width * LANES, p.channels - Number(channel.value)) : width * LANES;
  const out = k.let('out', add(place.out, channel));
  storeRows(k, p.stage, results, valid, (pixel, at, value, access) =>
    k.store(p.y, add(out, pixel * p.channels + at), value, access),
  );
}

/** One step of every accumulator; the operand there is less of is kept in registers. */
function macs(
  k: KernelBuilder,
  dot: Dot,
  acc: readonly (readonly Variable[])[],
  weightAt: (group: number) => Expr,
  pixelAt: (pixel: number) => Expr,
): void {
  const width = (acc[0] as readonly Variable[]).length;
  if (width <= acc.length) {
    const w = Array.from({ length: width }, (_, g) => k.let('weights', weightAt(g)));
    acc.forEach((row, pixel) => {
      const x = k.let('x', pixelAt(pixel));
      row.forEach((sum, g) => {
        k.set(sum, dot.mac(sum.value, x, w[g] as Expr));
      });
    });
    return;
  }
  const x = acc.map((_, pixel) => k.let('x', pixelAt(pixel)));
  for (let g = 0; g < width; g++) {
    const w = k.let('weights', weightAt(g));
    acc.forEach((row, pixel) => {
      const sum = row[g] as Variable;
      k.set(sum, dot.mac(sum.value, x[pixel] as Expr, w));
    });
  }
}

type StoreAt = (pixel: number, at: number, value: Expr, access: 'v128' | 'low64' | 'i32' | 'i8') => void;

const HIGH_HALF = [8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15];

/** Narrows, clamps and stores the first `valid` values of each row of vectors of four. */
export function storeRows(
  k: KernelBuilder,
  stage: OutputStage,
  rows: readonly (readonly Expr[])[],
  valid: number,
  store: StoreAt,
): void {
  // Eights of values with where they go; neighbours share a vector of bytes.
  const eights = rows.flatMap((row, pixel) =>
    Array.from({ length: Math.ceil(row.length / 2) }, (_, j) => ({
      pixel,
      at: 8 * j,
      value: op('i16x8.narrow_i32x4_s', [row[2 * j] as Expr, row[2 * j + 1] ?? (row[2 * j] as Expr)]),
    })),
  );
  for (let i = 0; i < eights.length; i += 2) {
    const [a, b] = [eights[i], eights[i + 1]] as [(typeof eights)[number], (typeof eights)[number] | undefined];
    const bytes = k.let('bytes', clamped(op('i8x16.narrow_i16x8_s', [a.value, (b ?? a).value]), stage));
    if (b !== undefined && a.pixel === b.pixel && valid >= b.at + 8) {
      store(a.pixel, a.at, bytes, 'v128');
      continue;
    }
    storeEight(bytes, 0, valid - a.at, (at, value, access) => store(a.pixel, a.at + at, value, access));
    if (b !== undefined) {
      storeEight(bytes, 8, valid - b.at, (at, value, access) => store(b.pixel, b.at + at, value, access));
    }
  }
}

/** The first `count` (or all) of eight bytes from byte `from` on. */
function storeEight(
  bytes: Expr,
  from: 0 | 8,
  count: number,
  store: (at: number, value: Expr, access: 'low64' | 'i32' | 'i8') => void,
): void {
  if (count >= 8) {
    store(0, from === 0 ? bytes : op('i8x16.shuffle', [bytes, bytes], HIGH_HALF), 'low64');
    return;
  }
  if (count >= 4) store(0, op('i32x4.extract_lane', [bytes], [from / 4]), 'i32');
  for (let at = count >= 4 ? 4 : 0; at < count; at++) store(at, op('i8x16.extract_lane_s', [bytes], [from + at]), 'i8');
}

/** What narrowing has not clamped yet. */
export function clamped(bytes: Expr, { low, high }: Pick<OutputStage, 'low' | 'high'>): Expr {
  const splat = (value: number) => op('i8x16.splat', [i32(value)]);
  const raised = low > -128 ? op('i8x16.max_s', [bytes, splat(low)]) : bytes;
  return high < 127 ? op('i8x16.min_s', [raised, splat(high)]) : raised;
}
