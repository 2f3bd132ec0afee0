/**
 * The inner product of int8 convolutions and fully connected layers: a tile of pixels by channels in registers.
 *
 *     for each step of the depth: load the weights of the tile's channels (4 a vector), spread a step of each pixel's
 *     activations to all lanes, multiply and add
 *
 * Register plan for 16 vector registers: with 8-bit dot products 6 pixels by 8 channels take 12 accumulators, 2 vectors of
 * weights and one of activations; with 16-bit ones, whose products need a register before they are added, 4 pixels take 8
 * accumulators (measured in V8: 6 pixels are 15 % slower). In 32 registers, with products by element, 8 pixels take 16
 * accumulators, 8 vectors of activations and 2 of weights. One or two pixels take more channels. Weights are packed so that
 * a tile reads them in order.
 */
import { add, affine, type Buffer, i32, mul, type Operand, op, type Variable } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import type { OutputStage } from '../../../../ir/tensor/ops/shared.ts';
import type { KernelBuilder } from '../../kernel.ts';
import type { Dot } from './dot-i8.ts';
import { type ChannelOrder, PANEL } from './order-i8.ts';
import { LANES, roundedUp, type VectorScale } from './requantize-i8.ts';

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

/** Packed weights: for each panel, each run and each step, the step's weights of each channel. */
export function packWeights(
  dot: Dot,
  depth: Depth,
  { places, channelAt }: ChannelOrder,
  weight: (channel: number, run: number, at: number) => number,
): Int8Array {
  const packed = new Int8Array(places * depth.runs * depth.padded);
  let at = 0;
  for (let panel = 0; panel < places; panel += PANEL) {
    const channels = channelAt.slice(panel, panel + PANEL);
    for (let run = 0; run < depth.runs; run++) {
      for (let start = 0; start < depth.padded; start += dot.step) {
        for (const channel of channels) {
          for (let i = start; i < start + dot.step; i++) packed[at++] = i < depth.length ? weight(channel, run, i) : 0;
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
  readonly order: ChannelOrder;
  readonly weights: Buffer;
  readonly staged: Buffer;
  /** Staged activations from one pixel of a tile to the next. */
  readonly pixelStride: number;
  /** The accumulators' first values, four places a vector. */
  readonly start: (place: Operand) => Expr;
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

/** Vectors of accumulators that a pixel takes for a panel. */
const PER_PIXEL = PANEL / LANES;

/** How many panels a tile of so many pixels takes. More pixels than 2 leave no registers for the weights of several. */
function panelsPerTile({ accumulators }: Dot, pixels: number): number {
  return pixels > 2 ? 1 : accumulators / (PER_PIXEL * pixels);
}

/** The most pixels of a tile. */
export function mostPixels({ accumulators }: Dot): number {
  return accumulators / PER_PIXEL;
}

/** What a tile of so many pixels takes for a panel, in pairs of vector products. */
export function tileCost({ step, byElement }: Dot): (pixels: number) => number {
  // A load of activations serves four steps; loads of weights are shared.
  if (byElement !== undefined) return (pixels) => pixels + 0.75;
  // Sums of pairs are added in an instruction of their own, so no accumulator waits; loads of weights are shared.
  if (step === 2) return (pixels) => pixels + 0.5;
  // Few pixels wait for their own accumulators, unless they take more panels.
  return (pixels) => [0, 1.3, 2.5, 5, 5.5, 5.5, 6.5][pixels] as number;
}

/** All channels of `pixels` pixels. */
export function buildTile(k: KernelBuilder, p: Product, pixels: number, place: TilePlace): void {
  const { places } = p.order;
  let first = 0;
  while (first < places) {
    const width = Math.min(panelsPerTile(p.dot, pixels) * PANEL, places - first);
    const end = places - ((places - first) % width);
    const kept = width === PANEL && pixels > 2;
    k.for('c', first, end, (channel) => channelTile(k, p, pixels, width, channel, place), { step: width, kept });
    first = end;
  }
}

/** `width` places from `first` on, which begins a panel. */
function channelTile(k: KernelBuilder, p: Product, pixels: number, width: number, first: Expr, place: TilePlace): void {
  const { dot, depth, order } = p;
  const groups = Array.from({ length: width / LANES }, (_, g) => g);
  const starts = groups.map((g) => k.let('start', p.start(add(first, g * LANES))));
  const acc = Array.from({ length: pixels }, () => starts.map((start) => k.variable('acc', start)));
  const perPlace = depth.runs * depth.padded;
  // Bytes from one step to the next within a panel, per activation of the step.
  const perActivation = Math.min(width, PANEL);
  const panelStart = k.let('panel', mul(first, perPlace));
  k.for('run', 0, depth.runs, (run) => {
    const row = k.let('row', place.run(run));
    const w = k.let('w', affine([[run, depth.padded * perActivation]], panelStart));
    const weightAt = (i: Expr) => (g: number) => {
      const lane = g * LANES;
      const offset = (lane - (lane % PANEL)) * perPlace + (lane % PANEL) * dot.step;
      return p.weights.at(affine([[i, perActivation]], add(w, offset)), dot.weights);
    };
    const pixelAt = (i: Expr, pixel: number, access: 'v128' | 'splat32') =>
      p.staged.at(add(add(row, i), pixel * p.pixelStride), access);
    const { byElement } = dot;
    const whole = byElement === undefined ? 0 : depth.padded - (depth.padded % dot.lanes);
    const vectorOfSteps = (i: Expr): void => {
      const xs = acc.map((_, pixel) => k.let('x', pixelAt(i, pixel, 'v128')));
      for (let step = 0; step < dot.lanes / dot.step; step++) {
        const mac: Mac = (sum, x, weights) => (byElement as NonNullable<typeof byElement>)(sum, x, weights, step);
        macs(k, mac, acc, weightAt(add(i, step * dot.step)), (pixel) => xs[pixel] as Expr);
      }
    };
    k.for('i', 0, whole, vectorOfSteps, { step: dot.lanes });
    k.for(
      'i',
      whole,
      depth.padded,
      (i) => macs(k, dot.mac, acc, weightAt(i), (pixel) => k.let('x', pixelAt(i, pixel, 'splat32'))),
      { step: dot.step },
    );
  });
  const results = acc.map(() => [] as Expr[]);
  for (const g of groups) {
    const scale = p.scale.group(add(first, g * LANES));
    acc.forEach((row, pixel) => {
      (results[pixel] as Expr[]).push(k.let('scaled', scale((row[g] as Variable).value)));
    });
  }
  storeTile(k, p, order, results, first, place.out);
}

/** Stores the results of the panels from `first` on; the first pixel's lie at `out`. */
export function storeTile(
  k: KernelBuilder,
  { stage, y }: Pick<Product, 'stage' | 'y'>,
  order: ChannelOrder,
  results: readonly (readonly Expr[])[],
  first: Expr,
  out: Expr,
): void {
  const { channels } = order;
  const panels = Math.ceil(((results[0] as readonly Expr[]).length * LANES) / PANEL);
  const isDense = channels % PANEL === 0;
  const start = k.let('out', add(out, order.first(first)));
  const starts = Array.from({ length: panels }, (_, panel) => {
    if (isDense || panel === 0) return add(start, panel * PANEL);
    return k.let('out', add(out, order.first(add(first, panel * PANEL))));
  });
  storeRows(k, stage, results, Math.min(channels, PANEL), isDense, (pixel, panel, at, value, access) => {
    k.store(y, add(starts[panel] as Expr, pixel * channels + at), value, access);
  });
}

type Mac = (acc: Expr, x: Expr, w: Expr) => Expr;

/** One step of every accumulator; the operand there is less of is kept in registers. */
function macs(
  k: KernelBuilder,
  mac: Mac,
  acc: readonly (readonly Variable[])[],
  weightAt: (group: number) => Expr,
  pixelAt: (pixel: number) => Expr,
): void {
  const width = (acc[0] as readonly Variable[]).length;
  if (width <= acc.length) {
    const w = Array.from({ length: width }, (_, g) => k.let('weights', weightAt(g)));
    acc.forEach((row, pixel) => {
      const x = pixelAt(pixel);
      row.forEach((sum, g) => {
        k.set(sum, mac(sum.value, x, w[g] as Expr));
      });
    });
    return;
  }
  const x = acc.map((_, pixel) => pixelAt(pixel));
  for (let g = 0; g < width; g++) {
    const w = k.let('weights', weightAt(g));
    acc.forEach((row, pixel) => {
      const sum = row[g] as Variable;
      k.set(sum, mac(sum.value, x[pixel] as Expr, w));
    });
  }
}

type StoreAt = (pixel: number, panel: number, at: number, value: Expr, access: 'v128' | 'low64' | 'i32' | 'i8') => void;

const HIGH_HALF = [8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15];

/**
 * Narrows, clamps and stores rows of vectors of four: of each panel of 8 values the first `valid`. `isDense`: panels follow
 * one another, so that two may be stored at once.
 */
function storeRows(
  k: KernelBuilder,
  stage: OutputStage,
  rows: readonly (readonly Expr[])[],
  valid: number,
  isDense: boolean,
  store: StoreAt,
): void {
  // Eights of values with where they go; neighbours share a vector of bytes.
  const eights = rows.flatMap((row, pixel) =>
    Array.from({ length: Math.ceil(row.length / 2) }, (_, panel) => ({
      pixel,
      panel,
      value: op('i16x8.narrow_i32x4_s', [row[2 * panel] as Expr, row[2 * panel + 1] ?? (row[2 * panel] as Expr)]),
    })),
  );
  for (let i = 0; i < eights.length; i += 2) {
    const [a, b] = [eights[i], eights[i + 1]] as [(typeof eights)[number], (typeof eights)[number] | undefined];
    const bytes = k.let('bytes', clamped(op('i8x16.narrow_i16x8_s', [a.value, (b ?? a).value]), stage));
    if (b !== undefined && isDense && a.pixel === b.pixel) {
      store(a.pixel, a.panel, 0, bytes, 'v128');
      continue;
    }
    storeEight(bytes, 0, valid, (at, value, access) => store(a.pixel, a.panel, at, value, access));
    if (b !== undefined) {
      storeEight(bytes, 8, valid, (at, value, access) => store(b.pixel, b.panel, at, value, access));
    }
  }
}

/** The first `count` of eight bytes from byte `from` on. */
function storeEight(
  bytes: Expr,
  from: 0 | 8,
  count: number,
  store: (at: number, value: Expr, access: 'low64' | 'i32' | 'i8') => void,
): void {
  if (count >= PANEL) {
    store(0, from === 0 ? bytes : op('i8x16.shuffle', [bytes, bytes], HIGH_HALF), 'low64');
    return;
  }
  if (count >= LANES) store(0, op('i32x4.extract_lane', [bytes], [from / 4]), 'i32');
  for (let at = count >= LANES ? LANES : 0; at < count; at++) {
    store(at, op('i8x16.extract_lane_s', [bytes], [from + at]), 'i8');
  }
}

/** What narrowing has not clamped yet. */
export function clamped(bytes: Expr, { low, high }: Pick<OutputStage, 'low' | 'high'>): Expr {
  const splat = (value: number) => op('i8x16.splat', [i32(value)]);
  const raised = low > -128 ? op('i8x16.max_s', [bytes, splat(low)]) : bytes;
  return high < 127 ? op('i8x16.min_s', [raised, splat(high)]) : raised;
}
