/**
 * Output channels of int8 matrix products on Helium: the order in which they are computed, their weights in that order,
 * and a tile of pixels from dot products to stored bytes.
 *
 * Accumulators pass through scratch memory, from general registers to vectors of four channels: there they take the
 * places that the narrowing of `stage.ts` wants. Weights lie in the order of these places, so that all walk upwards.
 */
import { add, affine, type Buffer, mul, op } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import type { OpName } from '../../../../ir/tensor/ops/index.ts';
import type { OutputStage } from '../../../../ir/tensor/ops/shared.ts';
import type { KernelBuilder } from '../../kernel.ts';
import { type DotRows, dotTile, type Pixels, type Runs, rowBytes } from './dots.ts';
import {
  BLOCK,
  blockStart,
  blocksOf,
  type ChannelBlock,
  type ChannelStage,
  channelOf,
  channelStage,
  firstBytes,
} from './stage.ts';

/** Blocks of channels whose accumulators take the same places. */
interface Group {
  /** Of its first block. */
  readonly block: number;
  readonly blocks: number;
  /** Lanes in use of each of the four vectors: 4, 2 or 1. */
  readonly lanes: number;
  /** Stored for each block. */
  readonly bytes: number;
}

/** Whether the last block, where it is not full, is made whole by channels of the one before: it would take as many slots. */
function fillsUp(channels: number): boolean {
  return channels > BLOCK && channels % BLOCK > BLOCK / 2;
}

function groupsOf(channels: number): Group[] {
  const full = fillsUp(channels) ? Math.ceil(channels / BLOCK) : Math.floor(channels / BLOCK);
  const rest = fillsUp(channels) ? 0 : channels % BLOCK;
  const groups: Group[] = full > 0 ? [{ block: 0, blocks: full, lanes: 4, bytes: BLOCK }] : [];
  if (rest > 0) groups.push({ block: full, blocks: 1, lanes: rest > 8 ? 4 : rest > 4 ? 2 : 1, bytes: rest });
  return groups;
}

/** The place, within its block, of the slot-th dot product of a block. */
function placeOf({ lanes }: Group, slot: number): number {
  return Math.floor(slot / lanes) * 4 + (slot % lanes);
}

const slotsOf = ({ lanes, blocks }: Group): number => 4 * lanes * blocks;

export interface ProductLayer {
  readonly stage: OutputStage;
  readonly channels: number;
  readonly bias: ArrayLike<number> | undefined;
  /** The input's zero point, which the bias takes in: no tap is left out. */
  readonly xZero: number;
  /** Weight `at` of run `run` of a channel. */
  readonly weight: (channel: number, run: number, at: number) => number;
  readonly runs: Runs;
}

/** How many products of one output, for rows of so many steps, are kept in registers at once. */
export const TILE_PIXELS = 3;

export class Product<K extends OpName> {
  private readonly k: KernelBuilder<K>;
  private readonly layer: ProductLayer;
  private readonly groups: readonly Group[];
  private readonly blocks: readonly ChannelBlock[];
  private readonly stage: ChannelStage;
  private readonly w: Buffer;
  private readonly acc: Buffer;
  private readonly places: number;

  /** `tilePixels`: the most pixels of any tile. */
  constructor(k: KernelBuilder<K>, layer: ProductLayer, tilePixels: number) {
    this.k = k;
    this.layer = layer;
    this.groups = groupsOf(layer.channels);
    this.blocks = blocksOf(layer.channels, fillsUp(layer.channels));
    this.places = this.blocks.length * BLOCK;
    this.w = k.rom('w', 'i8', this.packedWeights());
    this.stage = channelStage(k, layer.stage, this.biases(), this.blocks);
    this.acc = k.scratch('acc', 'i32', tilePixels * this.places);
  }

  /** Every output channel of the pixels of one tile; pixel p's bytes go to `y[out + p * channels]`. */
  tile(x: { buffer: Buffer; slack: boolean; pixels: Pixels }, y: Buffer, out: Expr): void {
    const { k, layer } = this;
    const rows: DotRows = { x: x.buffer, slack: x.slack, runs: layer.runs, w: this.w };
    const pixels = { ...x.pixels, start: k.let('x_start', op('mve.address', [x.pixels.start])) };
    let firstRow = 0;
    for (const group of this.groups) {
      this.dots(rows, pixels, group, firstRow);
      firstRow += slotsOf(group);
    }
    // The output may lie over the pixels, which are no longer needed.
    for (const group of this.groups) this.store(pixels.count, group, y, out);
  }

  private dots(rows: DotRows, pixels: Pixels, group: Group, firstRow: number): void {
    const { k, layer } = this;
    const channels = pixels.count === 1 ? 4 : 2;
    const spacing = 4 / group.lanes;
    k.for(
      'slot',
      0,
      slotsOf(group),
      (slot) => {
        const row = k.let('row', affine([[slot, rowBytes(layer.runs)]], firstRow * rowBytes(layer.runs)));
        dotTile(k, rows, pixels, row, channels, (pixel, channel, acc) => {
          const place = group.block * BLOCK + placeOf(group, channel);
          k.store(this.acc, add(mul(slot, spacing), pixel * this.places + place), acc);
        });
      },
      { step: channels },
    );
  }

  private store(pixels: number, group: Group, y: Buffer, out: Expr): void {
    const { k, layer } = this;
    k.for('p', 0, pixels, (p) => {
      const to = k.let('to', add(out, mul(p, layer.channels)));
      k.for('b', group.block, group.block + group.blocks, (b) => {
        const from = k.let(
          'from',
          affine([
            [p, this.places],
            [b, BLOCK],
          ]),
        );
        const bytes = this.stage.bytes(b, (q) => this.acc.at(add(from, 4 * q), 'v128_ordered'));
        const start = fillsUp(layer.channels) ? blockStart(layer.channels, b) : mul(b, BLOCK);
        k.store(y, add(to, start), bytes, firstBytes(group.bytes));
      });
    });
  }

  private biases(): number[] {
    const { layer } = this;
    return Array.from({ length: layer.channels }, (_, channel) => {
      let bias = layer.bias === undefined ? 0 : (layer.bias[channel] as number);
      if (layer.xZero === 0) return bias | 0;
      for (let run = 0; run < layer.runs.count; run++) {
        for (let at = 0; at < layer.runs.bytes; at++) bias -= layer.xZero * layer.weight(channel, run, at);
      }
      return bias | 0;
    });
  }

  private packedWeights(): Int8Array {
    const { runs, weight } = this.layer;
    const stride = Math.ceil(runs.bytes / BLOCK) * BLOCK;
    const rows = this.groups.flatMap((group) =>
      Array.from({ length: slotsOf(group) }, (_, slot) => {
        const perBlock = 4 * group.lanes;
        const block = this.blocks[group.block + Math.floor(slot / perBlock)] as ChannelBlock;
        return block[channelOf(placeOf(group, slot % perBlock))];
      }),
    );
    const packed = new Int8Array(rows.length * rowBytes(runs));
    rows.forEach((channel, row) => {
      if (channel === undefined) return;
      for (let run = 0; run < runs.count; run++) {
        for (let at = 0; at < runs.bytes; at++) {
          packed[row * rowBytes(runs) + run * stride + at] = weight(channel, run, at);
        }
      }
    });
    return packed;
  }
}
