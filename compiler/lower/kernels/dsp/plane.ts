/** Copies the plane of one channel out of an NHWC image into lines of halfwords, padded with the zero point. */
import { add, affine, type Buffer, inRange, mul, type Operand, op } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import type { WindowGeometry } from '../../../../ir/tensor/ops/conv.ts';
import type { OpName } from '../../../../ir/tensor/ops/index.ts';
import type { KernelBuilder } from '../../kernel.ts';
import type { PlanePlan } from './depthwise-plan.ts';

/** Words of two elements that are copied one after another before a loop repeats. */
const UNROLLED = 2;

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
  private readonly isCompact: boolean;

  /** `isCompact` asks for code of one form for all sizes of planes, which tests every element. */
  constructor(k: KernelBuilder<K>, x: Buffer, scratch: Buffer, source: Source, isCompact: boolean) {
    this.k = k;
    this.x = x;
    this.scratch = scratch;
    this.source = source;
    this.isCompact = isCompact;
  }

  /**
   * The lines of a band; those that the one before had are moved to the front. `from` is the channel's element of the
   * image's first pixel. Planes of one band have the same code, so that layers of many sizes share it.
   */
  band(from: Expr, band: Expr): void {
    const { k, scratch } = this;
    const { bandOutputs, lines, kept, words, pitch, across } = this.source.plane;
    const distance = bandOutputs * across.stride;
    k.if(kept === 0 ? 0 : op('i32.gt_s', [band, 0]), () => {
      k.for('line', 0, kept, (line) => {
        const move = (i: Expr) => {
          const to = affine([[line, pitch]], i);
          k.store(scratch, to, scratch.at(add(to, distance * pitch)));
        };
        k.for('i', 0, words, move, { kept: true });
      });
    });
    k.for('line', 0, lines, (line) => {
      const at = k.let('at', affine([[band, distance]], add(line, -across.before)));
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

  private fill(line: Expr): void {
    const { k, scratch, source } = this;
    const { words, pitch } = source.plane;
    k.for('i', 0, words, (i) => k.store(scratch, affine([[line, pitch]], i), this.paddingWord()), { kept: true });
  }

  private paddingWord(): number {
    const half = this.source.zeroPoint & 0xffff;
    return half | (half << 16) | 0;
  }

  /** Element by element of line `at` of the image, two to a word. */
  private copy(from: Expr, at: Expr, line: Expr): void {
    const { k } = this;
    const { along, across, words, pitch } = this.source.plane;
    const { channels } = this.source.g.input;
    const base = k.let('base', affine([[at, across.inputStep * channels]], from));
    const to = k.let('to', mul(line, pitch));
    if (this.isCompact) {
      k.for('i', 0, words, (i) => this.tested(base, to, i), { kept: true });
      return;
    }
    // Words from `whole` to `end` hold two elements of the image.
    const whole = Math.min(words, (along.before + 1) >> 1);
    const end = Math.max(whole, Math.min(words, (along.before + along.input) >> 1));
    for (let i = 0; i < whole; i++) this.edge(base, to, i);
    // At least one word is left over, so that the loops are two for all sizes.
    const repeated = end - whole > UNROLLED ? end - 1 - ((end - 1 - whole) % UNROLLED) : whole;
    const four = (i: Operand) => {
      for (let j = 0; j < UNROLLED; j++) this.whole(base, to, add(i, j));
    };
    k.for('i', whole, repeated, four, { step: UNROLLED, kept: true });
    k.for('i', repeated, end, (i) => this.whole(base, to, i), { kept: true });
    for (let i = end; i < words; i++) this.edge(base, to, i);
  }

  /** Elements from one to the next of a line in the image. */
  private get step(): number {
    const { g, plane } = this.source;
    return plane.along.inputStep * g.input.channels;
  }

  /** A word of two elements of the image. */
  private whole(base: Expr, to: Expr, i: Operand): void {
    const { step } = this;
    const first = mul(add(mul(i, 2), -this.source.plane.along.before), step);
    const element = (second: 0 | 1) => this.x.at(add(base, add(first, second * step)));
    this.k.store(this.scratch, add(to, i), op('dsp.pkhbt', [element(0), element(1)]));
  }

  /** A word of which either half may be padding. */
  private tested(base: Expr, to: Expr, i: Operand): void {
    const { k, source, step } = this;
    const { before, input } = source.plane.along;
    const halves = ([0, 1] as const).map((second) => {
      const half = k.variable('half', source.zeroPoint);
      const element = k.let('element', add(mul(i, 2), second - before));
      k.if(inRange(element, 0, input), () => k.set(half, this.x.at(affine([[element, step]], base))));
      return half.value;
    }) as [Expr, Expr];
    k.store(this.scratch, add(to, i), op('dsp.pkhbt', halves));
  }

  /** A word with one element of the image or none. */
  private edge(base: Expr, to: Expr, i: number): void {
    const { k, scratch, source } = this;
    const { before, input } = source.plane.along;
    const halves = [2 * i - before, 2 * i + 1 - before].map((element) =>
      element >= 0 && element < input ? this.x.at(add(base, element * this.step)) : source.zeroPoint,
    ) as [Expr | number, Expr | number];
    const isPadding = halves.every((half) => typeof half === 'number');
    k.store(scratch, add(to, i), isPadding ? this.paddingWord() : op('dsp.pkhbt', halves));
  }
}
