/**
 * depthwise_conv2d with int8 activations and weights: channels in lanes.
 *
 * Activations are widened once, into a ring of padded rows. Two taps' activations are interleaved, so that one
 * multiplication of pairs adds both taps' products of four channels. What a pair of places in the image gives is used for
 * all pixels of a tile that have a pair of taps there.
 */
import { add, affine, type Buffer, i32, mul, op, type Variable } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import { convGeometry, convStage, type WindowGeometry } from '../../../../ir/tensor/ops/conv.ts';
import type { OutputStage } from '../../../../ir/tensor/ops/shared.ts';
import { affineOf, type TensorType } from '../../../../ir/tensor/types.ts';
import type { Kernel, KernelBuilder, Site } from '../../kernel.ts';
import { type AccumulatorRange, accumulatorRange } from '../../proved-scale.ts';
import { outputIndex } from '../../window.ts';
import { biasOf, operandFault } from './conv-i8.ts';
import { stageFill, stageRun, WIDENED } from './dot-i8.ts';
import { type ChannelOrder, channelOrder, forTiles, PANEL, tilingOf } from './order-i8.ts';
import { LANES, laneTable, roundedUp, scaleApplies, type VectorScale, vectorScale } from './requantize-i8.ts';
import { type PixelStage, type RowRing, ringBuffer, ringInPlace, ringOverlap, rowRing } from './rows-i8.ts';
import { storeTile } from './tile-i8.ts';

/** Windows of more taps loop over their rows. */
const MOST_UNROLLED = 25;
const WIDEST_WINDOW = 32;
/** Pixels of a tile: two accumulators each. Measured in V8: 5 are 25 % slower, for want of registers. */
const MOST_PIXELS = 3;

type Depthwise = Site<'depthwise_conv2d'>;

function geometryOf({ inputs, outputs, attrs }: Depthwise): WindowGeometry {
  const [x, w] = inputs as [TensorType, TensorType];
  return convGeometry(x, w, outputs[0] as TensorType, attrs);
}

function stageOf({ inputs, outputs, attrs }: Depthwise): OutputStage {
  const [x, w] = inputs as [TensorType, TensorType];
  return convStage(x, w, outputs[0] as TensorType, attrs);
}

/** The weights of one output channel, tap after tap. */
function weightsOf(site: Depthwise, channel: number): number[] {
  const [, kh, kw, channels] = (site.inputs[1] as TensorType).shape as [number, number, number, number];
  const data = site.constant(1)?.data as Int8Array;
  return Array.from({ length: kh * kw }, (_, tap) => data[tap * channels + channel] as number);
}

function rangesOf(site: Depthwise): AccumulatorRange[] {
  const { channels } = geometryOf(site).output;
  const bias = biasOf(site as unknown as Site, channels);
  const x = { low: -128, high: 127, zeroPoint: affineOf(site.inputs[0] as TensorType).zeroPoint };
  return Array.from({ length: channels }, (_, c) => accumulatorRange(weightsOf(site, c), bias[c] as number, x));
}

/** A place of the window: its row and column. */
type Tap = readonly [ky: number, kx: number];
/** Two taps that are multiplied at once; the second may lie outside the window, where weights are 0. */
type Pair = readonly [Tap, Tap];

/** Two rows at a time, column by column; a single last row by neighbours. */
function pairsOf(rows: number, columns: number): Pair[] {
  const pairs: Pair[] = [];
  for (let ky = 0; ky + 1 < rows; ky += 2) {
    for (let kx = 0; kx < columns; kx++)
      pairs.push([
        [ky, kx],
        [ky + 1, kx],
      ]);
  }
  if (rows % 2 === 1) {
    for (let kx = 0; kx < columns; kx += 2)
      pairs.push([
        [rows - 1, kx],
        [rows - 1, kx + 1],
      ]);
  }
  return pairs;
}

/** How the window is walked: `looped` times over `pairs`, which lie in that many rows fewer. */
interface Walk {
  readonly looped: number;
  readonly pairs: readonly Pair[];
}

function walkOf(g: WindowGeometry): Walk {
  const [kh, kw] = g.window;
  return kh * kw <= MOST_UNROLLED ? { looped: 1, pairs: pairsOf(kh, kw) } : { looped: kh, pairs: pairsOf(1, kw) };
}

/** Pairs of weights: for each panel, each row that is looped over and each pair, both taps' weights of each channel. */
function packPairs(
  site: Depthwise,
  g: WindowGeometry,
  { looped, pairs }: Walk,
  channelAt: readonly number[],
): Int16Array {
  const [kh, kw] = g.window;
  const packed = new Int16Array(channelAt.length * looped * pairs.length * 2);
  let at = 0;
  for (let panel = 0; panel < channelAt.length; panel += PANEL) {
    const weights = channelAt.slice(panel, panel + PANEL).map((channel) => weightsOf(site, channel));
    for (let row = 0; row < looped; row++) {
      for (const pair of pairs) {
        for (const own of weights) {
          for (const [ky, kx] of pair)
            packed[at++] = ky + row < kh && kx < kw ? (own[(ky + row) * kw + kx] as number) : 0;
        }
      }
    }
  }
  return packed;
}

interface Parts {
  readonly g: WindowGeometry;
  readonly walk: Walk;
  readonly order: ChannelOrder;
  /** Staged elements of a pixel: its channels, or the places of fewer than a panel. */
  readonly lanes: number;
  readonly rows: Buffer;
  readonly weights: Buffer;
  readonly start: (channel: Expr) => Expr;
  readonly scale: VectorScale;
  readonly stage: OutputStage;
  readonly y: Buffer;
}

/** How pixels are widened: as they are, or each channel as often as it has filters. */
function pixelStage(k: KernelBuilder, g: WindowGeometry, x: Buffer, rows: Buffer, lanes: number): PixelStage {
  const { channels } = g.input;
  const filters = g.output.channels / channels;
  const zeroPoint = affineOf(k.site.inputs[0] as TensorType).zeroPoint;
  const copyOne = (from: Expr, to: Expr): void => {
    if (filters === 1) {
      stageRun(k, WIDENED, { buffer: x, index: from }, { buffer: rows, index: to }, channels);
    } else if (channels === 1) {
      const value = k.let('value', op('i16x8.splat', [x.at(from)]));
      // The last vector ends with the pixel.
      const places = roundedUp(lanes, PANEL);
      for (let i = 0; i < places; i += PANEL) k.store(rows, add(to, Math.min(i, lanes - PANEL)), value, 'v128');
    } else {
      k.for('c', 0, channels, (c) => {
        const value = k.let('value', x.at(add(from, c)));
        k.for('filter', 0, filters, (i) => k.store(rows, add(to, affine([[c, filters]], i)), value));
      });
    }
  };
  return {
    lanes,
    copy(from, to, pixels) {
      if (filters === 1 && lanes === channels) {
        stageRun(k, WIDENED, { buffer: x, index: from }, { buffer: rows, index: to }, pixels * channels);
      } else {
        k.for('pixel', 0, pixels, (pixel) => {
          copyOne(k.let('px', affine([[pixel, channels]], from)), k.let('staged', affine([[pixel, lanes]], to)));
        });
      }
    },
    fill: (to, pixels) => stageFill(k, WIDENED, { buffer: rows, index: to }, pixels * lanes, zeroPoint),
  };
}

const LOW_PAIRS = [0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23];
const HIGH_PAIRS = LOW_PAIRS.map((byte) => byte + 8);

/** A pair of places relative to a tile's first pixel, with the pixels and pairs of taps that meet there. */
interface Meeting {
  readonly places: readonly [row: number, column: number][];
  readonly uses: { readonly pixel: number; readonly pair: number }[];
}

function meetings(g: WindowGeometry, pairs: readonly Pair[], pixels: number): Meeting[] {
  const found = new Map<string, Meeting>();
  for (let pixel = 0; pixel < pixels; pixel++) {
    pairs.forEach((taps, pair) => {
      const places = taps.map(([ky, kx]): [number, number] => [ky, pixel * g.stride[1] + kx * g.dilation[1]]);
      const key = places.join();
      const meeting = found.get(key) ?? { places, uses: [] };
      meeting.uses.push({ pixel, pair });
      found.set(key, meeting);
    });
  }
  const column = ({ places }: Meeting) => (places[0] as [number, number])[1];
  return [...found.values()].sort((a, b) => column(a) - column(b));
}

/** `pixels` pixels by a panel. `base(ky)` is the index of the first pixel's place in row `ky` of the window. */
function buildTile(k: KernelBuilder, p: Parts, pixels: number, place: Expr, base: (ky: Expr) => Expr, out: Expr): void {
  const { walk, g } = p;
  const channel = k.let('channel', p.order.first(place));
  const starts = [0, LANES].map((half) => k.let('start', p.start(add(place, half))));
  const acc = Array.from({ length: pixels }, () => starts.map((start) => k.variable('acc', start)));
  const perChannel = walk.looped * walk.pairs.length * 2;
  k.for('ky', 0, walk.looped, (row) => {
    const w = k.let('w', affine([[row, walk.pairs.length * 2 * PANEL]], mul(place, perChannel)));
    const rowsUsed = Math.max(...walk.pairs.flat().map(([ky]) => ky)) + 1;
    const bases = Array.from({ length: rowsUsed }, (_, ky) => k.let('base', add(base(add(row, ky)), channel)));
    const loaded = new Map<string, Expr>();
    const load = ([ky, column]: readonly [number, number]): Expr => {
      const key = `${ky},${column}`;
      const value = loaded.get(key) ?? k.let('x', p.rows.at(add(bases[ky] as Expr, column * p.lanes), 'v128'));
      loaded.set(key, value);
      return value;
    };
    for (const { places, uses } of meetings(g, walk.pairs, pixels)) {
      const taps = places.map(load);
      const halves = [LOW_PAIRS, HIGH_PAIRS].map((bytes) => k.let('pairs', op('i8x16.shuffle', taps, bytes)));
      for (const { pixel, pair } of uses) {
        halves.forEach((x, half) => {
          const sum = (acc[pixel] as Variable[])[half] as Variable;
          const weights = p.weights.at(add(w, pair * 2 * PANEL + half * PANEL), 'v128');
          k.set(sum, op('i32x4.add', [sum.value, op('i32x4.dot_i16x8_s', [x, weights])]));
        });
      }
    }
  });
  const rows = acc.map(() => [] as Expr[]);
  [0, LANES].forEach((half, i) => {
    const group = p.scale.group(add(place, half));
    acc.forEach((sums, pixel) => {
      (rows[pixel] as Expr[]).push(k.let('scaled', group((sums[i] as Variable).value)));
    });
  });
  storeTile(k, p, p.order, rows, place, out);
}

/** All channels of `pixels` pixels from column `ox` on. */
function buildPixels(
  k: KernelBuilder,
  p: Parts,
  ring: RowRing,
  pixels: number,
  at: { readonly oy: Expr; readonly ox: Expr; readonly out: Expr },
): void {
  const start = k.let('column', mul(at.ox, p.g.stride[1] * p.lanes));
  const kept = p.walk.looped > 1 ? [] : p.walk.pairs.flat().map(([ky]) => ky);
  const bases = Array.from({ length: Math.max(0, ...kept.map((ky) => ky + 1)) }, (_, ky) =>
    k.let('row', add(ring.row(at.oy, i32(ky)), start)),
  );
  const base = (ky: Expr): Expr =>
    ky.kind === 'const' && p.walk.looped === 1 ? (bases[Number(ky.value)] as Expr) : add(ring.row(at.oy, ky), start);
  k.for('c', 0, p.order.places, (place) => buildTile(k, p, pixels, place, base, at.out), { step: PANEL });
}

/** What a tile of so many pixels takes: pixels and what they share. */
function tileCost(pixels: number): number {
  return pixels + 0.5;
}

function build(k: KernelBuilder): void {
  const site = k.site as unknown as Depthwise;
  const g = geometryOf(site);
  const walk = walkOf(g);
  const { channels } = g.output;
  // Fewer channels than a panel has are staged and multiplied like a panel.
  const order = channelOrder(channels, PANEL);
  const lanes = Math.max(channels, PANEL);
  const [stage, ranges] = [stageOf(site), rangesOf(site)];
  const bias = biasOf(k.site, channels);
  const { zeroPoint } = affineOf(k.site.inputs[0] as TensorType);
  const startOf = (channel: number): number => {
    const sum = weightsOf(site, channel).reduce((total, w) => total + w, 0);
    return ((bias[channel] as number) - zeroPoint * sum) | 0;
  };
  const x = k.input(0, 'x');
  const weights = k.rom('w', 'i16', packPairs(site, g, walk, order.channelAt));
  const start = laneTable(k, 'start', order.channelAt.map(startOf));
  const scale = vectorScale(k, stage, ranges, order.channelAt);
  // A tile's last pair may begin at the last column of the last row and end beyond it.
  const rows = ringBuffer(k, g, 'i16', lanes, g.dilation[1] * lanes);
  const p: Parts = { g, walk, order, lanes, rows, weights, start, scale, stage, y: k.output(0, 'y') };
  const ring = rowRing(k, g, pixelStage(k, g, x, rows, lanes));
  const tiles = tilingOf(g.output.width, MOST_PIXELS, tileCost, k.site.optimize);
  ring.fillEnds();
  k.for('n', 0, g.batch, (n) => {
    ring.begin(n);
    k.for('oy', 0, g.output.height, (oy) => {
      ring.advance(n, oy);
      forTiles(k, 'ox', g.output.width, tiles, (ox, pixels) => {
        buildPixels(k, p, ring, pixels, { oy, ox, out: k.let('first', outputIndex(g, n, oy, ox, i32(0))) });
      });
    });
  });
}

const depthwise: Kernel<'depthwise_conv2d'> = {
  name: 'depthwise_conv2d_i8',
  doc:
    'for each output row: widen the image rows that it reaches for the first time, padded, into a ring; for each tile of up ' +
    'to 3 pixels and 8 channels: 6 accumulators = bias; for each pair of taps: interleave their activations, multiply and ' +
    'add; requantize in vectors.',
  applies(site) {
    const fault = operandFault(site as unknown as Site);
    if (fault !== undefined) return fault;
    if (geometryOf(site).window[1] > WIDEST_WINDOW) return `the window is wider than ${WIDEST_WINDOW}`;
    return scaleApplies(stageOf(site), rangesOf(site));
  },
  inPlace: (site) => ringInPlace(site as unknown as Site, geometryOf(site)),
  overlap: (site) => ringOverlap(site as unknown as Site, geometryOf(site)),
  build: (k) => build(k as unknown as KernelBuilder),
};

export const DEPTHWISE_I8 = { depthwise_conv2d: [depthwise] } as const;
