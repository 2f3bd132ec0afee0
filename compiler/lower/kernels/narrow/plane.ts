/**
 * The plane of one channel in scratch memory: lines of elements in the order of `layoutOf`, padded with the zero point. A
 * plane beyond `MOST_BYTES` is worked off in bands of lines; what the next band reads again moves to the front, so that
 * nothing is read twice from the image.
 */
import { add, affine, type Buffer, inRange, mul, type Operand } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import type { OpName } from '../../../../ir/tensor/ops/index.ts';
import { type Axis, reach } from '../../axis.ts';
import type { KernelBuilder } from '../../kernel.ts';
import { type Layout, layoutOf } from './axis.ts';
import { type Elements, storedElement, storedZero } from './elements.ts';

export interface PlanePlan {
  readonly along: Axis;
  readonly across: Axis;
  readonly layout: Layout;
  readonly bands: number;
  /** Lines of outputs of one band; the last band may have fewer. */
  readonly bandOutputs: number;
  /** Lines in scratch memory. */
  readonly lines: number;
  /** Lines that one band shares with the next. */
  readonly kept: number;
}

const MOST_BYTES = 2048;

export function planPlane(along: Axis, across: Axis, elementBytes: number): PlanePlan {
  const layout = layoutOf(along, along.output);
  const room = Math.max(1, Math.floor(MOST_BYTES / (elementBytes * layout.width)));
  const most = Math.max(1, Math.floor((room - reach(across, 1)) / across.stride) + 1);
  const bands = Math.ceil(across.output / most);
  const bandOutputs = Math.ceil(across.output / bands);
  const lines = reach(across, bandOutputs);
  const kept = bands === 1 ? 0 : Math.max(0, lines - bandOutputs * across.stride);
  return { along, across, layout, bands, bandOutputs, lines, kept };
}

/**
 * Whether outputs may be stored over the channel's own inputs: whenever a band is stored, the pixels that it covers have been
 * read, or are never read.
 */
export function readsAhead({ along, across, bands, bandOutputs, lines }: PlanePlan): boolean {
  if (along.output * across.output > along.input * across.input) return false;
  if (bands === 1) return true;
  for (let band = 0; band < bands; band++) {
    const written = Math.min((band + 1) * bandOutputs, across.output);
    const read = Math.min(across.input, band * bandOutputs * across.stride - across.before + lines);
    const isRows = along.inputStep === 1;
    const covers = isRows ? written * across.outputStep <= read * across.inputStep : written <= read;
    const sameRows = isRows || along.outputStep === along.inputStep;
    if (read < across.input && !(covers && sameRows)) return false;
  }
  return true;
}

interface Source {
  readonly x: Buffer;
  readonly channels: number;
  readonly zeroPoint: number;
  readonly elements: Elements;
}

/** Copies of elements that are written one after another before a loop repeats. */
const UNROLLED = 4;

export class PlaneGather<K extends OpName> {
  private readonly k: KernelBuilder<K>;
  private readonly plan: PlanePlan;
  private readonly source: Source;
  private readonly plane: Buffer;

  constructor(k: KernelBuilder<K>, plan: PlanePlan, source: Source, plane: Buffer) {
    this.k = k;
    this.plan = plan;
    this.source = source;
    this.plane = plane;
  }

  /** Padding, which most of the copies leave as it is. */
  clear(): void {
    this.fill(0, this.plan.lines * this.plan.layout.width);
  }

  /** What the first band shares with one before it. `from` is the channel's element of the image's first pixel. */
  first(from: Expr): void {
    this.lines(from, 0, this.plan.kept, -this.plan.across.before);
  }

  /** The lines of a band that the one before had not. */
  band(from: Expr, band: Expr): void {
    const { kept, lines, bandOutputs, across } = this.plan;
    this.lines(from, kept, lines, affine([[band, bandOutputs * across.stride]], -across.before));
  }

  /** Moves what the next band reads again to the front. */
  keep(): void {
    const { k, plane } = this;
    const { bandOutputs, across, layout, kept } = this.plan;
    const distance = bandOutputs * across.stride * layout.width;
    k.for('i', 0, kept * layout.width, (i) => k.store(plane, i, plane.at(add(i, distance))));
  }

  private lines(from: Expr, start: number, end: number, first: Operand): void {
    const { k } = this;
    const { across, layout, bands } = this.plan;
    k.for('line', start, end, (line) => {
      const at = k.let('at', add(line, first));
      k.if(
        inRange(at, 0, across.input),
        () => this.copy(from, at, line),
        () => {
          // With one band a line beyond the image is so for every channel.
          if (bands > 1) this.fill(mul(line, layout.width), layout.width);
        },
      );
    });
  }

  private fill(to: Operand, count: number): void {
    const { k } = this;
    const { elements, zeroPoint } = this.source;
    k.for('i', 0, count, (i) => k.store(this.plane, add(to, i), storedZero(elements, zeroPoint)));
  }

  /** Line `at` of the image to line `line` of the plane, run by run of elements that follow each other in both. */
  private copy(from: Expr, at: Expr, line: Expr): void {
    const { k } = this;
    const { along, across, layout } = this.plan;
    const { x, channels, elements } = this.source;
    const base = k.let('base', affine([[at, across.inputStep * channels]], from));
    const to = k.let('to', mul(line, layout.width));
    const step = along.stride * along.inputStep * channels;
    for (const { place, element, count } of runs(this.plan)) {
      const one = (i: Operand) => {
        const offset = add(mul(i, step), (element - along.before) * along.inputStep * channels);
        k.store(this.plane, add(to, add(i, place)), storedElement(elements, x, add(base, offset)));
      };
      const unroll = k.site.optimize === 'size' ? 1 : UNROLLED;
      const whole = count - (count % unroll);
      k.for(
        'i',
        0,
        whole,
        (i) => {
          for (let j = 0; j < unroll; j++) one(add(i, j));
        },
        { step: unroll },
      );
      for (let i = whole; i < count; i++) one(i);
    }
  }
}

interface Run {
  readonly place: number;
  readonly element: number;
  readonly count: number;
}

/** Elements of a line that lie in the image, a stride apart. */
function runs({ along, layout }: PlanePlan): Run[] {
  const found: Run[] = [];
  for (const [place, element] of layout.elements.entries()) {
    if (element === undefined || element < along.before || element >= along.before + along.input) continue;
    const last = found.at(-1);
    const follows = last !== undefined && last.place + last.count === place;
    if (follows && last.element + last.count * along.stride === element) {
      found[found.length - 1] = { ...last, count: last.count + 1 };
    } else found.push({ place, element, count: 1 });
  }
  return found;
}
