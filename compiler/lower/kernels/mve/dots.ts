/**
 * Dot products of int8 rows with VMLADAVA, 16 products each: a tile of pixels times output channels whose accumulators
 * stay in general registers while 16 bytes of every pixel and of every channel's weights pass by once.
 *
 * Registers of a tile of 3 x 2: six accumulators (Helium wants them in even registers), five addresses, two vectors of
 * weights and one of a pixel.
 */
import { add, type Buffer, mul, type Operand, op, type Variable } from '../../../../ir/loop/build.ts';
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

/**
 * `pixels` are the indices of the first bytes of the tile's pixels, `channels` how many rows of weights from index `row` on
 * it takes. Calls `done` with every accumulator.
 */
export function dotTile<K extends OpName>(
  k: KernelBuilder<K>,
  rows: DotRows,
  pixels: readonly Expr[],
  row: Expr,
  channels: number,
  done: (pixel: number, channel: number, acc: Expr) => void,
): void {
  const tile = new Tile(k, rows, pixels, row, channels);
  const { runs } = rows;
  const steps = Math.ceil(runs.bytes / BLOCK);
  if (stepsOf(runs) <= UNROLLED) {
    for (let run = 0; run < runs.count; run++) tile.run(run * runs.stride, run * steps * BLOCK, 0, steps);
  } else {
    tile.clear();
    k.for('run', 0, runs.count, (run) => {
      const x = k.let('x_run', mul(run, runs.stride));
      const w = k.let('w_run', mul(run, steps * BLOCK));
      tile.longRun(x, w, steps);
    });
  }
  tile.finish(done);
}

class Tile<K extends OpName> {
  private readonly k: KernelBuilder<K>;
  private readonly rows: DotRows;
  private readonly pixels: readonly Expr[];
  private readonly row: Expr;
  private readonly channels: number;
  private accumulators: Variable[] = [];

  constructor(k: KernelBuilder<K>, rows: DotRows, pixels: readonly Expr[], row: Expr, channels: number) {
    this.k = k;
    this.rows = rows;
    this.pixels = pixels;
    this.row = row;
    this.channels = channels;
  }

  clear(): void {
    const count = this.pixels.length * this.channels;
    this.accumulators = Array.from({ length: count }, () => this.k.variable('acc', 0));
  }

  /** Steps [from, to) of the run that begins so far behind the pixel's and the weights' first bytes. */
  run(x: Operand, w: Operand, from: number, to: number): void {
    for (let step = from; step < to; step++) this.step(add(x, step * BLOCK), add(w, step * BLOCK), this.access(step));
  }

  longRun(x: Expr, w: Expr, steps: number): void {
    if (steps <= UNROLLED) {
      this.run(x, w, 0, steps);
      return;
    }
    const whole = Math.floor(this.rows.runs.bytes / BLOCK);
    const each = [8, 7, 6, 5].find((size) => whole % size === 0) ?? 8;
    const looped = Math.floor(whole / each) * each;
    this.k.for(
      'i',
      0,
      looped * BLOCK,
      (i) => {
        for (let u = 0; u < each; u++) this.step(add(add(x, i), u * BLOCK), add(add(w, i), u * BLOCK), 'v128_ordered');
      },
      { step: each * BLOCK },
    );
    this.run(x, w, looped, steps);
  }

  finish(done: (pixel: number, channel: number, acc: Expr) => void): void {
    this.pixels.forEach((_, pixel) => {
      for (let channel = 0; channel < this.channels; channel++) done(pixel, channel, this.at(pixel, channel).value);
    });
  }

  private access(step: number): Access {
    const left = this.rows.runs.bytes - step * BLOCK;
    return this.rows.slack || left >= BLOCK ? 'v128_ordered' : firstBytes(left);
  }

  private at(pixel: number, channel: number): Variable {
    return this.accumulators[pixel * this.channels + channel] as Variable;
  }

  private step(x: Operand, w: Operand, access: Access): void {
    const { k, rows } = this;
    const isFirst = this.accumulators.length === 0;
    const weights = Array.from({ length: this.channels }, (_, channel) =>
      k.let('w_bytes', rows.w.at(add(this.row, add(w, channel * rowBytes(rows.runs))), 'v128_ordered')),
    );
    this.pixels.forEach((pixel, p) => {
      const bytes = k.let('x_bytes', rows.x.at(add(pixel, x), access));
      weights.forEach((weight, channel) => {
        if (isFirst) this.accumulators.push(k.variable('acc', op('mve.vmladav_s8', [bytes, weight])));
        else {
          const acc = this.at(p, channel);
          k.set(acc, op('mve.vmladava_s8', [acc.value, bytes, weight]));
        }
      });
    });
  }
}
