/** depthwise_conv2d of int8 on Helium. */
import { add, affine, type Buffer, mul, op } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import { convGeometry, convStage, type WindowGeometry, weightZeroPoints } from '../../../../ir/tensor/ops/conv.ts';
import { biasValues } from '../../../../ir/tensor/ops/shared.ts';
import { affineOf, type TensorType } from '../../../../ir/tensor/types.ts';
import type { Kernel, KernelBuilder, Site } from '../../kernel.ts';
import { overlapOf, windowDistance } from '../../overlap.ts';
import { padded } from '../../window.ts';
import { forRingRows, ringDistance, type WindowRows } from './ring.ts';
import {
  BLOCK,
  blockStart,
  blocksOf,
  type ChannelBlock,
  type ChannelStage,
  channelStage,
  firstBytes,
  stageRefusal,
} from './stage.ts';

interface Shape {
  readonly g: WindowGeometry;
  readonly x: TensorType;
  readonly w: TensorType;
  readonly y: TensorType;
}

function shapeOf({ inputs, outputs, attrs }: Site<'depthwise_conv2d'>): Shape {
  const [x, w] = inputs as [TensorType, TensorType];
  const y = outputs[0] as TensorType;
  return { g: convGeometry(x, w, y, attrs), x, w, y };
}

const MOST_TAPS = 32;

function refusal(site: Site<'depthwise_conv2d'>): string | undefined {
  const { g, x, w, y } = shapeOf(site);
  if (site.target.vector !== 'mve') return 'the target has no Helium';
  if (x.dtype !== 'i8' || w.dtype !== 'i8' || y.dtype !== 'i8') return 'not int8';
  if (site.constant(1) === undefined) return 'the weights are not constant';
  if (site.inputs[2] !== undefined && site.constant(2) === undefined) return 'the bias is not constant';
  if (weightZeroPoints(w).some((zero) => zero !== 0)) return 'the weights have zero points';
  if (g.output.channels !== g.input.channels) return 'has several output channels for an input channel';
  if (g.window[0] * g.window[1] > MOST_TAPS) return `has more than ${MOST_TAPS} taps`;
  return stageRefusal(convStage(x, w, y, site.attrs));
}

/** The least and the most that the products of its taps can sum to, for every channel. */
interface TapGroup {
  readonly taps: number[];
  readonly low: Int32Array;
  readonly high: Int32Array;
}

/**
 * Taps whose products may be added in halfwords, as few lists as a first fit finds: for no channel does any sum of a list
 * leave 16 bits, whatever the input.
 */
export function tapGroups(weights: ArrayLike<number>, taps: number, channels: number): readonly (readonly number[])[] {
  const groups: TapGroup[] = [];
  for (let tap = 0; tap < taps; tap++) {
    const weight = (channel: number) => weights[tap * channels + channel] as number;
    const low = (c: number) => Math.min(-128 * weight(c), 127 * weight(c));
    const high = (c: number) => Math.max(-128 * weight(c), 127 * weight(c));
    const fits = (group: TapGroup) => {
      for (let c = 0; c < channels; c++) {
        if ((group.low[c] as number) + low(c) < -32768 || (group.high[c] as number) + high(c) > 32767) return false;
      }
      return true;
    };
    const found = groups.find(fits);
    const group = found ?? { taps: [], low: new Int32Array(channels), high: new Int32Array(channels) };
    if (found === undefined) groups.push(group);
    group.taps.push(tap);
    for (let c = 0; c < channels; c++) {
      group.low[c] = (group.low[c] as number) + low(c);
      group.high[c] = (group.high[c] as number) + high(c);
    }
  }
  return groups.map((group) => group.taps);
}

/** How many neighbouring pixels a vector holds with all their channels. */
function pixelsPerVector(g: WindowGeometry): number {
  const { channels } = g.input;
  return g.stride[1] === 1 && channels < BLOCK ? Math.floor(BLOCK / channels) : 1;
}

const depthwiseHelium: Kernel<'depthwise_conv2d'> = {
  name: 'depthwise_conv2d_mve',
  doc:
    'for each row: the input rows it sees, with the zero point around them (scratch, each copied once); for each pixel, ' +
    'for each 16 channels: products of all taps in halfwords, added there as long as no weights can overflow them, then ' +
    'in words; bias, factor and clamp. Where a pixel has fewer channels, neighbouring pixels share a vector.',
  applies: (site) => refusal(site) ?? true,
  overlap: (site) => {
    const { g, x, y } = shapeOf(site);
    const distance = padded(g) ? ringDistance(g) : windowDistance(g, x, y, { ahead: 1 });
    return overlapOf(site as unknown as Site, 0, distance);
  },
  build(k) {
    const { g, x: xType, w: wType, y: yType } = shapeOf(k.site);
    const weights = k.site.constant(1)?.data as Int8Array;
    const biasType = k.site.inputs[2];
    const bias = k.site.constant(2);
    const { channels } = g.input;
    const taps = g.window[0] * g.window[1];
    const share = pixelsPerVector(g);
    const xZero = affineOf(xType).zeroPoint;
    const given = biasType && bias ? biasValues({ type: biasType, data: bias.data }, channels) : undefined;
    const start = (c: number) => {
      let sum = given === undefined ? 0 : (given[c] as number);
      for (let tap = 0; tap < taps; tap++) sum -= xZero * (weights[tap * channels + c] as number);
      return sum | 0;
    };
    const stage = convStage(xType, wType, yType, k.site.attrs);
    const blocks =
      share > 1 ? [Array.from({ length: channels * share }, (_, lane) => lane % channels)] : blocksOf(channels, true);
    const x = k.input(0, 'x');
    const y = k.output(0, 'y');
    const w = k.rom('w', 'i8', packedWeights(weights, taps, channels, blocks));
    const biases = Array.from({ length: channels }, (_, c) => start(c));
    const ends = channelStage(k, stage, biases, blocks);
    const block: Block = { k, w, taps: tapsOf(g), groups: tapGroups(weights, taps, channels), stage: ends };
    const whole = Math.floor(g.output.width / share) * share;
    forRingRows(k, g, x, xZero, (window, n, oy) => {
      const row = affine([
        [n, g.output.height * g.output.width * channels],
        [oy, g.output.width * channels],
      ]);
      const vectors = (ox: Expr, bytes: number) => {
        const out = k.let('out', add(row, mul(ox, channels)));
        const from = window.starts.map((start) =>
          k.let('from', add(start, affine([[ox, g.stride[1] * channels]], middleOf(g)))),
        );
        k.for('b', 0, blocks.length, (b) => {
          const at = blockStart(channels * share, b);
          const size = Math.min(bytes, BLOCK);
          const result = depthwiseBlock(block, window, from, b, at, size);
          k.store(y, add(out, at), result, firstBytes(size));
        });
      };
      k.for('ox', 0, whole, (ox) => vectors(ox, channels * share), { step: share });
      if (whole < g.output.width) vectors(add(whole, 0), (g.output.width - whole) * channels);
    });
  },
};

interface Tap {
  /** Of the window. */
  readonly row: number;
  /** Bytes from the window's middle column. */
  readonly at: number;
}

/** Bytes from a window's first column to its middle one, from which loads reach to both sides. */
const middleOf = (g: WindowGeometry): number => (g.window[1] >> 1) * g.dilation[1] * g.input.channels;

function tapsOf(g: WindowGeometry): readonly Tap[] {
  const [rows, columns] = g.window;
  return Array.from({ length: rows * columns }, (_, tap) => ({
    row: Math.floor(tap / columns),
    at: (tap % columns) * g.dilation[1] * g.input.channels - middleOf(g),
  }));
}

/** For every block of channels, the weights of every tap. */
function packedWeights(weights: Int8Array, taps: number, channels: number, blocks: readonly ChannelBlock[]): Int8Array {
  const packed = new Int8Array(blocks.length * taps * BLOCK);
  blocks.forEach((block, b) => {
    for (let tap = 0; tap < taps; tap++) {
      block.forEach((channel, lane) => {
        packed[(b * taps + tap) * BLOCK + lane] = weights[tap * channels + channel] as number;
      });
    }
  });
  return packed;
}

interface Block {
  readonly k: KernelBuilder<'depthwise_conv2d'>;
  readonly w: Buffer;
  readonly taps: readonly Tap[];
  readonly groups: readonly (readonly number[])[];
  readonly stage: ChannelStage;
}

/**
 * 16 results: block `b`, which begins at byte `start` of the pixel in the middle of whose window rows `from` point.
 *
 * Registers: four vectors of words, two of halfwords (lanes with even and with odd numbers), a tap's input and weights. A
 * product needs a ninth, so it takes the place of the weights, which are loaded a second time.
 */
function depthwiseBlock(
  block: Block,
  window: WindowRows,
  from: readonly Expr[],
  b: Expr,
  start: Expr,
  size: number,
): Expr {
  const { k, w, taps, groups } = block;
  const rows = from.map((row) => k.let('x_row', add(row, start)));
  // In the middle, so that all weights are within reach of a load.
  const middle = Math.min(taps.length - 1, 7) * BLOCK;
  const at = k.let('w_at', affine([[b, taps.length * BLOCK]], middle));
  const access = window.slack || size === BLOCK ? 'v128_ordered' : firstBytes(size);
  const weights = (tap: number) => k.let('w_bytes', w.at(add(at, tap * BLOCK - middle), 'v128_ordered'));
  const input = ({ row, at: place }: Tap) => k.let('x_bytes', window.buffer.at(add(rows[row] as Expr, place), access));
  let words: readonly Expr[] = [];
  for (const [first, ...others] of groups) {
    const weight = weights(first as number);
    const bytes = input(taps[first as number] as Tap);
    let even = k.let('even', op('mve.vmullb_s8', [bytes, weight]));
    let odd = k.let('odd', op('mve.vmullt_s8', [bytes, weight]));
    for (const tap of others) {
      const other = input(taps[tap] as Tap);
      even = k.let('even', op('mve.add_mullb_s8', [even, other, weights(tap)]));
      odd = k.let('odd', op('mve.add_mullt_s8', [odd, other, weights(tap)]));
    }
    const sum = words;
    words = [even, even, odd, odd].map((halves, q) => {
      const acc = sum[q];
      if (acc === undefined) return k.let('word', op(q % 2 === 0 ? 'mve.vmovlb_s16' : 'mve.vmovlt_s16', [halves]));
      return k.let('word', op(q % 2 === 0 ? 'mve.add_movlb_s16' : 'mve.add_movlt_s16', [acc, halves]));
    });
  }
  return block.stage.bytes(b, (q) => words[q] as Expr);
}

export const MVE_DEPTHWISE_KERNELS = [depthwiseHelium] as const;
