/**
 * depthwise_conv2d with int8 activations and weights: channels in lanes.
 *
 * Activations are staged once, in a ring of padded rows. The activations of two taps, or four where they are multiplied as
 * bytes, are interleaved, so that one dot product adds their products of four channels. What a group of places in the image
 * gives is used for all pixels of a tile that have a group of taps there.
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
import { type Dot, dotOf, stageFill, stageRun } from './dot-i8.ts';
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
/** As many taps as a dot product adds. Beyond the window weights are 0, and so they are from `real` on. */
interface Group {
  readonly taps: readonly Tap[];
  readonly real: number;
}

function groupsOf(dot: Dot, rows: number, columns: number): Group[] {
  return dot.step === 2 ? pairsOf(rows, columns) : foursOf(rows, columns);
}

/** Two rows at a time, column by column; a single last row by neighbours, whose last may lie outside the window. */
function pairsOf(rows: number, columns: number): Group[] {
  const pairs: (readonly [Tap, Tap])[] = [];
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
  return pairs.map((taps) => ({ taps, real: 2 }));
}

/** Four rows at a time or three, column by column; of two rows two columns, of a single one four. */
function foursOf(rows: number, columns: number): Group[] {
  const groups: Group[] = [];
  for (let ky = 0; ky < rows; ky += 4) {
    const height = Math.min(4, rows - ky);
    const width = height > 2 ? 1 : 4 / height;
    for (let kx = 0; kx < columns; kx += width) {
      const taps = Array.from(
        { length: Math.min(width, columns - kx) * height },
        (_, i): Tap => [ky + (i % height), kx + Math.floor(i / height)],
      );
      const first = taps[0] as Tap;
      groups.push({ taps: [...taps, first, first, first].slice(0, 4), real: taps.length });
    }
  }
  return groups;
}

/** How the window is walked: `looped` times over `groups`, which lie in that many rows fewer. */
interface Walk {
  readonly looped: number;
  readonly groups: readonly Group[];
}

function walkOf(dot: Dot, g: WindowGeometry): Walk {
  const [kh, kw] = g.window;
  const looped = kh * kw <= MOST_UNROLLED ? 1 : kh;
  return { looped, groups: groupsOf(dot, looped === 1 ? kh : 1, kw) };
}

/** Groups of weights: for each panel, each row that is looped over and each group, its taps' weights of each channel. */
function packGroups(
  site: Depthwise,
  g: WindowGeometry,
  dot: Dot,
  { looped, groups }: Walk,
  channelAt: readonly number[],
): number[] {
  const [kh, kw] = g.window;
  const packed: number[] = [];
  for (let panel = 0; panel < channelAt.length; panel += PANEL) {
    const weights = channelAt.slice(panel, panel + PANEL).map((channel) => weightsOf(site, channel));
    for (let row = 0; row < looped; row++) {
      for (const { taps, real } of groups) {
        for (const own of weights) {
          for (let i = 0; i < dot.step; i++) {
            const [ky, kx] = taps[i] as Tap;
            packed.push(i < real && ky + row < kh && kx < kw ? (own[(ky + row) * kw + kx] as number) : 0);
          }
        }
      }
    }
  }
  return packed;
}

interface Parts {
  readonly dot: Dot;
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

/** How pixels are staged: as they are, or each channel as often as it has filters. */
function pixelStage(k: KernelBuilder, dot: Dot, g: WindowGeometry, x: Buffer, rows: Buffer, lanes: number): PixelStage {
  const { channels } = g.input;
  const filters = g.output.channels / channels;
  const zeroPoint = affineOf(k.site.inputs[0] as TensorType).zeroPoint;
  const copyOne = (from: Expr, to: Expr): void => {
    if (filters === 1) {
      stageRun(k, dot, { buffer: x, index: from }, { buffer: rows, index: to }, channels);
    } else if (channels === 1) {
      const value = k.let('value', op(dot.step === 2 ? 'i16x8.splat' : 'i8x16.splat', [dot.stageOne(x, from)]));
      // The last vector ends with the pixel.
      const places = roundedUp(lanes, PANEL);
      for (let i = 0; i < places; i += PANEL) {
        k.store(rows, add(to, Math.min(i, lanes - PANEL)), value, panelAccess(dot));
      }
    } else {
      k.for('c', 0, channels, (c) => {
        const value = k.let('value', dot.stageOne(x, add(from, c)));
        k.for('filter', 0, filters, (i) => k.store(rows, add(to, affine([[c, filters]], i)), value));
      });
    }
  };
  return {
    lanes,
    copy(from, to, pixels) {
      if (filters === 1 && lanes === channels) {
        stageRun(k, dot, { buffer: x, index: from }, { buffer: rows, index: to }, pixels * channels);
      } else {
        k.for('pixel', 0, pixels, (pixel) => {
          copyOne(k.let('px', affine([[pixel, channels]], from)), k.let('staged', affine([[pixel, lanes]], to)));
        });
      }
    },
    fill: (to, pixels) => stageFill(k, dot, { buffer: rows, index: to }, pixels * lanes, zeroPoint),
  };
}

/** A panel's staged activations of one pixel. */
function panelAccess({ step }: Dot): 'v128' | 'low64' {
  return step === 2 ? 'v128' : 'low64';
}

const BYTE_PAIRS = [0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23];
const LOW_PAIRS = [0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23];
const HIGH_PAIRS = LOW_PAIRS.map((byte) => byte + 8);

/** The activations of a group's taps, side by side for each channel: of the first four channels and of the others. */
function interleaved(k: KernelBuilder, taps: readonly Expr[]): readonly [Expr, Expr] {
  const pairs = (i: number) => k.let('pairs', op('i8x16.shuffle', [taps[i] as Expr, taps[i + 1] as Expr], BYTE_PAIRS));
  const operands = taps.length === 2 ? taps : [pairs(0), pairs(2)];
  const half = (bytes: readonly number[]) => k.let('half', op('i8x16.shuffle', operands, bytes));
  return [half(LOW_PAIRS), half(HIGH_PAIRS)];
}

type Place = readonly [row: number, column: number];

/** A group of places relative to a tile's first pixel, with the pixels and groups of taps that meet there. */
interface Meeting {
  readonly places: readonly Place[];
  readonly uses: { readonly pixel: number; readonly group: number }[];
}

function meetings(g: WindowGeometry, groups: readonly Group[], pixels: number): Meeting[] {
  const found = new Map<string, Meeting>();
  for (let pixel = 0; pixel < pixels; pixel++) {
    groups.forEach(({ taps }, group) => {
      const places = taps.map(([ky, kx]): Place => [ky, pixel * g.stride[1] + kx * g.dilation[1]]);
      const key = places.join();
      const meeting = found.get(key) ?? { places, uses: [] };
      meeting.uses.push({ pixel, group });
      found.set(key, meeting);
    });
  }
  const column = ({ places }: Meeting) => (places[0] as Place)[1];
  return [...found.values()].sort((a, b) => column(a) - column(b));
}

/** `pixels` pixels by a panel. `base(ky)` is the index of the first pixel's place in row `ky` of the window. */
function buildTile(k: KernelBuilder, p: Parts, pixels: number, place: Expr, base: (ky: Expr) => Expr, out: Expr): void {
  const { walk, g, dot } = p;
  const perGroup = dot.step * PANEL;
  const channel = k.let('channel', p.order.first(place));
  const starts = [0, LANES].map((half) => k.let('start', p.start(add(place, half))));
  const acc = Array.from({ length: pixels }, () => starts.map((start) => k.variable('acc', start)));
  const perChannel = walk.looped * walk.groups.length * dot.step;
  k.for('ky', 0, walk.looped, (row) => {
    const w = k.let('w', affine([[row, walk.groups.length * perGroup]], mul(place, perChannel)));
    const rowsUsed = rowsOf(walk);
    const bases = Array.from({ length: rowsUsed }, (_, ky) => k.let('base', add(base(add(row, ky)), channel)));
    const loaded = new Map<string, Expr>();
    const load = ([ky, column]: readonly [number, number]): Expr => {
      const key = `${ky},${column}`;
      const value =
        loaded.get(key) ?? k.let('x', p.rows.at(add(bases[ky] as Expr, column * p.lanes), panelAccess(dot)));
      loaded.set(key, value);
      return value;
    };
    for (const { places, uses } of meetings(g, walk.groups, pixels)) {
      const halves = interleaved(k, places.map(load));
      for (const { pixel, group } of uses) {
        halves.forEach((x, half) => {
          const sum = (acc[pixel] as Variable[])[half] as Variable;
          const weights = p.weights.at(add(w, group * perGroup + half * LANES * dot.step), 'v128');
          k.set(sum, dot.mac(sum.value, x, weights));
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
  const bases = Array.from({ length: p.walk.looped > 1 ? 0 : rowsOf(p.walk) }, (_, ky) =>
    k.let('row', add(ring.row(at.oy, i32(ky)), start)),
  );
  const base = (ky: Expr): Expr =>
    ky.kind === 'const' && p.walk.looped === 1 ? (bases[Number(ky.value)] as Expr) : add(ring.row(at.oy, ky), start);
  const panel = (place: Expr) => buildTile(k, p, pixels, place, base, at.out);
  k.for('c', 0, p.order.places, panel, { step: PANEL, kept: true });
}

/** Rows of the window that the groups lie in. */
function rowsOf({ groups }: Walk): number {
  return Math.max(...groups.flatMap(({ taps }) => taps.map(([ky]) => ky))) + 1;
}

/** What a tile of so many pixels takes: pixels and what they share. */
function tileCost(pixels: number): number {
  return pixels + 0.5;
}

function build(k: KernelBuilder): void {
  const site = k.site as unknown as Depthwise;
  const g = geometryOf(site);
  const dot = dotOf(site.target) as Dot;
  const walk = walkOf(dot, g);
  const { channels } = g.output;
  // Fewer channels than a panel has are staged and multiplied like a panel.
  const order = channelOrder(channels, PANEL);
  const lanes = Math.max(channels, PANEL);
  const [stage, ranges] = [stageOf(site), rangesOf(site)];
  const bias = biasOf(k.site, channels);
  const { zeroPoint } = affineOf(k.site.inputs[0] as TensorType);
  const startOf = (channel: number): number => {
    const sum = weightsOf(site, channel).reduce((total, w) => total + w, 0);
    return ((bias[channel] as number) - (zeroPoint + dot.offset) * sum) | 0;
  };
  const x = k.input(0, 'x');
  const weights = k.rom('w', dot.elem, packGroups(site, g, dot, walk, order.channelAt));
  const start = laneTable(k, 'start', order.channelAt.map(startOf));
  const scale = vectorScale(k, stage, ranges, order.channelAt);
  // A tile's last pair may begin at the last column of the last row and end beyond it.
  const rows = ringBuffer(k, g, dot.elem as 'i8' | 'i16', lanes, dot.step === 2 ? g.dilation[1] * lanes : 0);
  const p: Parts = { dot, g, walk, order, lanes, rows, weights, start, scale, stage, y: k.output(0, 'y') };
  const ring = rowRing(k, g, pixelStage(k, dot, g, x, rows, lanes));
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
    'for each output row: stage the image rows that it reaches for the first time, padded, in a ring; for each tile of up ' +
    'to 3 pixels and 8 channels: 6 accumulators = bias; for each 2 taps (4 as bytes): interleave their activations, ' +
    'multiply and add; requantize in vectors.',
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
