/**
 * Copies what some neighbouring outputs read into scratch memory: for each line of taps and each channel, the elements of
 * `layoutOf`, with the zero point where there is no image. No border is tested afterwards.
 */
import { add, affine, type Buffer, inRange, mul, type Operand, sub } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import type { OpName } from '../../../../ir/tensor/ops/index.ts';
import type { Axis } from '../../axis.ts';
import type { KernelBuilder } from '../../kernel.ts';
import { type Layout, overhangs } from './axis.ts';
import { type Elements, storedElement, storedZero } from './elements.ts';

export interface Source {
  readonly x: Buffer;
  readonly along: Axis;
  readonly across: Axis;
  /** Channels of the image, and how many of them are copied. */
  readonly channels: number;
  readonly depth: number;
  readonly zeroPoint: number;
  readonly elements: Elements;
}

/** Where outputs begin: the first pixel of the image, the line, the first output's element, and the first channel. */
export interface Origin {
  readonly image: Operand;
  /** Elements before the image are negative. */
  readonly line: Expr;
  readonly element: Expr;
  readonly channel: Operand;
}

/** Copies that are written one after another before a loop repeats. */
const UNROLLED = 16;

export class Gather<K extends OpName> {
  private readonly k: KernelBuilder<K>;
  private readonly source: Source;
  private readonly tile: Buffer;

  constructor(k: KernelBuilder<K>, source: Source, tile: Buffer) {
    this.k = k;
    this.source = source;
    this.tile = tile;
  }

  fill(layout: Layout, origin: Origin): void {
    const { k } = this;
    const { across, along, depth } = this.source;
    const used = layout.elements.filter((element) => element !== undefined);
    const inside = overhangs(along) ? inRange(origin.element, 0, along.input - Math.max(...used)) : 1;
    k.for('tap_line', 0, across.window, (tap) => {
      const line = k.let('line', add(origin.line, mul(tap, across.dilation)));
      const to = k.let('to', mul(tap, depth * layout.width));
      k.if(
        overhangs(across) ? inRange(line, 0, across.input) : 1,
        () => {
          k.if(
            inside,
            () => this.copyAll(layout, this.index(origin, line, origin.element), to),
            () => this.copyEach(layout, origin, line, to),
          );
        },
        () => this.each('c', depth * layout.width, (c) => k.store(this.tile, add(to, c), this.zero())),
      );
    });
  }

  /** Where an element of a line lies. */
  private index({ image, channel }: Origin, line: Expr, element: Expr): Expr {
    const { across, along, channels } = this.source;
    const pixel = affine(
      [
        [line, across.inputStep],
        [element, along.inputStep],
      ],
      image,
    );
    return this.k.let('from', affine([[pixel, channels]], channel));
  }

  /** Where all elements lie in the image: channel by channel. */
  private copyAll({ elements, width }: Layout, from: Expr, to: Expr): void {
    const { k, tile } = this;
    const { x, along, channels, depth, elements: how } = this.source;
    const used = elements.flatMap((element, place) => (element === undefined ? [] : [[element, place] as const]));
    this.each(
      'c',
      depth,
      (c) => {
        for (const [element, place] of used) {
          const value = storedElement(how, x, add(from, add(c, element * along.inputStep * channels)));
          k.store(tile, add(add(to, mul(c, width)), place), value);
        }
      },
      used.length,
    );
  }

  /** Element by element, each inside the image or not. */
  private copyEach({ elements, width }: Layout, origin: Origin, line: Expr, to: Expr): void {
    const { k, tile } = this;
    const { x, along, depth, elements: how } = this.source;
    for (const [place, element] of elements.entries()) {
      if (element === undefined) continue;
      const at = k.let('at', add(origin.element, element));
      const copy = (value: (c: Expr) => Operand) =>
        this.each('c', depth, (c) => k.store(tile, add(add(to, mul(c, width)), place), value(c)), 4);
      k.if(
        inRange(at, 0, along.input),
        () => {
          const from = this.index(origin, line, at);
          copy((c) => storedElement(how, x, add(from, c)));
        },
        () => copy(() => this.zero()),
      );
    }
  }

  private zero(): number {
    return storedZero(this.source.elements, this.source.zeroPoint);
  }

  /** A loop that does several at once; `size` says how much one of them is. */
  private each(name: string, count: number, body: (index: Expr) => void, size = 1): void {
    const { k } = this;
    const most = k.site.optimize === 'size' ? 1 : Math.max(1, Math.floor(UNROLLED / size));
    const step = Math.min(most, count);
    const whole = count - (count % step);
    k.for(
      name,
      0,
      whole,
      (i) => {
        for (let j = 0; j < step; j++) body(add(i, j));
      },
      { step },
    );
    for (let i = whole; i < count; i++) body(add(0, i));
  }
}

/** Whether a window's first element lies before the image, as far as both axes may say. */
export function originOf(
  along: Axis,
  across: Axis,
  line: Expr,
  output: Expr,
  image: Operand,
  channel: Operand,
): Origin {
  return {
    image,
    line: sub(mul(line, across.stride), across.before),
    element: sub(mul(output, along.stride), along.before),
    channel,
  };
}
