/**
 * Dot products of int8 rows with VMLADAVA, 16 products each: a tile of pixels times output channels whose accumulators
 * stay in general registers while 16 bytes of every pixel and of every channel's weights pass by once.
 *
 * Registers of a tile of 3 x 2: six accumulators (Helium wants them in even registers), five addresses, two vectors of
 * weights and one of a pixel.
 */
import { add, type Buffer, mul, op, type Variable } from '../../../../ir/loop/build.ts';
import type { Access, Expr } from '../../../../ir/loop/types.ts';
import type { OpName } from '../../../../ir/tensor/ops/index.ts';
import type { KernelBuilder } from '../../kernel.ts';
import { BLOCK, firstBytes } from './stage.ts';

/** A run of bytes of every pixel that lies in one piece. */
export interface Runs {
  readonly count: number;
  readonly bytes: number;
  /** From one run to the next. */
  readonly stride: number;
}

export interface DotRows {
  readonly x: Buffer;
  readonly runs: Runs;
  /** Whether 16 bytes may be read where fewer belong to the run. What is read too much meets weights of zero. */
  readonly slack: boolean;
  readonly w: Buffer;
}

export const stepsOf = ({ count, bytes }: Runs): number => count * Math.ceil(bytes / BLOCK);

/** Bytes of one channel's weights: every run filled up with zeros to whole vectors. */
export const rowBytes = (runs: Runs): number => stepsOf(runs) * BLOCK;

/** How many steps are written one after the other. */
const UNROLLED = 12;

/** Pixels whose first bytes lie at equal distances. */
export interface Pixels {
  readonly start: Expr;
  readonly count: number;
  readonly stride: number;
}

/**
 * Sums the products of some pixels with `channels` rows of weights from index `row` on. Calls `done` with every accumulator.
 *
 * Addresses are one register and constants beside it wherever the loads reach.
 */
export function dotTile<K extends OpName>(
  k: KernelBuilder<K>,
  rows: DotRows,
  pixels: Pixels,
  row: Expr,
  channels: number,
  done: (pixel: number, channel: number, acc: Expr) => void,
): void {
  const tile = new Tile(k, rows, pixels, channels);
  const { runs } = rows;
  const steps = Math.ceil(runs.bytes / BLOCK);
  if (stepsOf(runs) <= UNROLLED) {
    const spread = tile.weightSpread(stepsOf(runs));
    const w = k.let('w_row', add(row, spread));
    for (let run = 0; run < runs.count; run++) {
      const middle = tile.inputSpread(steps);
      const x = k.let('x_run', add(pixels.start, run * runs.stride + middle));
      tile.steps({ x, w }, -middle, run * steps * BLOCK - spread, 0, steps);
    }
  } else {
    tile.clear();
    k.for('run', 0, runs.count, (run) => {
      const x = k.let('x_run', add(pixels.start, mul(run, runs.stride)));
      const w = k.let('w_run', add(row, mul(run, steps * BLOCK)));
      tile.longRun({ x, w }, steps);
    });
  }
  tile.finish(done);
}

/** Loads reach 127 bytes to both sides. */
function middleOf(bytes: number): number {
  return bytes > 8 * BLOCK ? Math.min(7 * BLOCK, bytes - BLOCK) : 0;
}

/** Where a run begins, in the input and in the weights. */
interface Place {
  readonly x: Expr;
  readonly w: Expr;
}

class Tile<K extends OpName> {
  private readonly k: KernelBuilder<K>;
  private readonly rows: DotRows;
  private readonly pixels: Pixels;
  private readonly channels: number;
  private accumulators: Variable[] = [];

  constructor(k: KernelBuilder<K>, rows: DotRows, pixels: Pixels, channels: number) {
    this.k = k;
    this.rows = rows;
    this.pixels = pixels;
    this.channels = channels;
  }

  clear(): void {
    const count = this.pixels.count * this.channels;
    this.accumulators = Array.from({ length: count }, () => this.k.variable('acc', 0));
  }

  /**
   * How far into so many steps of the tile's pixels an address should point, so that loads reach to both sides. It never
   * points behind what they load.
   */
  inputSpread(steps: number): number {
    return middleOf((this.pixels.count - 1) * this.pixels.stride + steps * BLOCK);
  }

  weightSpread(steps: number): number {
    return middleOf((this.channels - 1) * rowBytes(this.rows.runs) + steps * BLOCK);
  }

  /** Steps [from, to) of the run that begins so many bytes behind `place`. */
  steps(place: Place, x: number, w: number, from: number, to: number): void {
    for (let step = from; step < to; step++) {
      this.step(place, x + step * BLOCK, w + step * BLOCK, this.access(step));
    }
  }

  longRun({ x, w }: Place, steps: number): void {
    const { k } = this;
    if (steps <= UNROLLED) {
      this.steps({ x, w }, 0, 0, 0, steps);
      return;
    }
    const whole = Math.floor(this.rows.runs.bytes / BLOCK);
    const each = [8, 7, 6, 5].find((size) => whole % size === 0) ?? 8;
    const looped = Math.floor(whole / each) * each;
    k.for(
      'i',
      0,
      looped * BLOCK,
      (i) => {
        const [inX, inW] = [this.inputSpread(each), this.weightSpread(each)];
        const place = { x: k.let('x_at', add(x, add(i, inX))), w: k.let('w_at', add(w, add(i, inW))) };
        for (let u = 0; u < each; u++) this.step(place, u * BLOCK - inX, u * BLOCK - inW, 'v128_ordered');
      },
      { step: each * BLOCK },
    );
    this.steps({ x, w }, 0, 0, looped, steps);
  }

  finish(done: (pixel: number, channel: number, acc: Expr) => void): void {
    this.accumulators.forEach(({ value }, i) => {
      done(Math.floor(i / this.channels), i % this.channels, value);
    });
  }

  private access(step: number): Access {
    const left = this.rows.runs.bytes - step * BLOCK;
    return this.rows.slack || left >= BLOCK ? 'v128_ordered' : firstBytes(left);
  }

  private step(place: Place, x: number, w: number, access: Access): void {
    const { k, rows, pixels, channels } = this;
    const isFirst = this.accumulators.length === 0;
    const weights = Array.from({ length: channels }, (_, channel) =>
      k.let('w_bytes', rows.w.at(add(place.w, w + channel * rowBytes(rows.runs)), 'v128_ordered')),
    );
    for (let pixel = 0; pixel < pixels.count; pixel++) {
      const bytes = k.let('x_bytes', rows.x.at(add(place.x, x + pixel * pixels.stride), access));
      weights.forEach((weight, channel) => {
        if (isFirst) this.accumulators.push(k.variable('acc', op('mve.vmladav_s8', [bytes, weight])));
        else {
          const acc = this.accumulators[pixel * channels + channel] as Variable;
          k.set(acc, op('mve.vmladava_s8', [acc.value, bytes, weight]));
        }
      });
    }
  }
}
