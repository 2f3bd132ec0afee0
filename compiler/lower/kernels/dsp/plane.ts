/** Copies the plane of one channel out of an NHWC image into lines of halfwords, padded with the zero point. */
import { add, affine, type Buffer, inRange, mul, type Operand, op } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import type { WindowGeometry } from '../../../../ir/tensor/ops/conv.ts';
import type { OpName } from '../../../../ir/tensor/ops/index.ts';
import type { KernelBuilder } from '../../kernel.ts';
import type { PlanePlan } from './depthwise-plan.ts';

/** Words of two elements that are copied one after another before a loop repeats. */
const UNROLLED = 4;

interface Source {
  readonly g: WindowGeometry;
  readonly plane: PlanePlan;
  readonly zeroPoint: number;
}

export class PlaneGather<K extends OpName> {
  private readonly k: KernelBuilder<K>;
  private readonly x: Buffer;
  private readonly scratch: Buffer;
  private readonly source: Source;

  constructor(k: KernelBuilder<K>, x: Buffer, scratch: Buffer, source: Source) {
    this.k = k;
    this.x = x;
    this.scratch = scratch;
    this.source = source;
  }

  /** Lines of padding, which stay as they are where all lines fit at once. */
  padding(): void {
    const { bands, lines } = this.source.plane;
    if (bands > 1) return;
    const { start, end } = this.imageLines(lines);
    this.k.for('line', 0, start, (line) => this.fill(line));
    this.k.for('line', end, lines, (line) => this.fill(line));
  }

  /**
   * The lines of a band that the one before had not. `from` is the channel's element of the image's first pixel.
   */
  band(from: Expr, band: Expr): void {
    const { k } = this;
    const { bands, bandOutputs, lines, kept, across } = this.source.plane;
    if (bands === 1) {
      const { start, end } = this.imageLines(lines);
      k.for('line', start, end, (line) => this.copy(from, add(line, -across.before), line));
      return;
    }
    k.for('line', 0, lines, (line) => {
      const at = k.let('at', affine([[band, bandOutputs * across.stride]], add(line, -across.before)));
      const isNew = kept === 0 ? 1 : op('i32.or', [op('i32.eq', [band, 0]), op('i32.ge_s', [line, kept])]);
      k.if(isNew, () => {
        k.if(
          inRange(at, 0, across.input),
          () => this.copy(from, at, line),
          () => this.fill(line),
        );
      });
    });
  }

  /** Moves what the next band reads again to the front. */
  keep(): void {
    const { k, scratch } = this;
    const { bandOutputs, across, words, kept } = this.source.plane;
    const distance = bandOutputs * across.stride * words;
    k.for('i', 0, kept * words, (i) => k.store(scratch, i, scratch.at(add(i, distance))));
  }

  /** Which of the first lines hold elements of the image. */
  private imageLines(count: number): { start: number; end: number } {
    const { before, input } = this.source.plane.across;
    const start = Math.min(count, before);
    return { start, end: Math.max(start, Math.min(count, before + input)) };
  }

  private fill(line: Expr): void {
    const { k, scratch, source } = this;
    const { words } = source.plane;
    k.for('i', 0, words, (i) => k.store(scratch, affine([[line, words]], i), this.paddingWord()));
  }

  private paddingWord(): number {
    const half = this.source.zeroPoint & 0xffff;
    return half | (half << 16) | 0;
  }

  /** Element by element of line `at` of the image, two to a word. */
  private copy(from: Expr, at: Expr, line: Expr): void {
    const { k, scratch } = this;
    const { along, across, words } = this.source.plane;
    const { channels } = this.source.g.input;
    const base = k.let('base', affine([[at, across.inputStep * channels]], from));
    const to = k.let('to', mul(line, words));
    const word = (i: Operand) => {
      const first = mul(add(mul(i, 2), -along.before), along.inputStep * channels);
      const element = (second: 0 | 1) => this.x.at(add(base, add(first, second * along.inputStep * channels)));
      k.store(scratch, add(to, i), op('dsp.pkhbt', [element(0), element(1)]));
    };
    // Words from `whole` to `end` hold two elements of the image.
    const whole = Math.min(words, (along.before + 1) >> 1);
    const end = Math.max(whole, Math.min(words, (along.before + along.input) >> 1));
    for (let i = 0; i < whole; i++) this.edge(base, to, i);
    const repeated = whole + Math.floor((end - whole) / this.unrolled) * this.unrolled;
    k.for(
      'i',
      whole,
      repeated,
      (i) => {
        for (let j = 0; j < this.unrolled; j++) word(add(i, j));
      },
      { step: this.unrolled },
    );
    k.for('i', repeated, end, word);
    for (let i = end; i < words; i++) this.edge(base, to, i);
  }

  private get unrolled(): number {
    return this.k.site.optimize === 'size' ? 1 : UNROLLED;
  }

  /** A word with one element of the image or none. */
  private edge(base: Expr, to: Expr, i: number): void {
    const { k, scratch, source } = this;
    const { before, input, inputStep } = source.plane.along;
    const halves = [2 * i - before, 2 * i + 1 - before].map((element) =>
      element >= 0 && element < input
        ? this.x.at(add(base, element * inputStep * source.g.input.channels))
        : source.zeroPoint,
    ) as [Expr | number, Expr | number];
    const isPadding = halves.every((half) => typeof half === 'number');
    k.store(scratch, add(to, i), isPadding ? this.paddingWord() : op('dsp.pkhbt', halves));
  }
}
