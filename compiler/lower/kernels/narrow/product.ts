/**
 * Products of windows and weights of 8 bits, one multiplication at a time: convolution and fully connected layers.
 *
 *     for each tile of `lanes` neighbouring outputs of a line
 *       copy their windows into scratch memory                       (gather.ts)
 *       for each group of `channels` output channels
 *         for each line of taps, for each input channel, for each tap of the line
 *           load one weight of each channel; for each output: load its element; acc += element * weight
 *         scale and store
 *
 * On Cortex-M3 a block of 4 outputs by 2 channels holds 8 accumulators, 2 weights, 2 elements and 2 pointers in 14 registers
 * and takes 12 instructions per step: 2 LDRSB, 2 LDRD, 8 MLA. Windows that overlap share their elements in scratch memory.
 * The outputs that are left at the end of a line make a tile of their own.
 */
import { add, affine, type Buffer, mul, op, type Variable } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import type { OpName } from '../../../../ir/tensor/ops/index.ts';
import type { NarrowCore } from '../../../targets/index.ts';
import { type Axis, axisOf } from '../../axis.ts';
import type { KernelBuilder, Site } from '../../kernel.ts';
import { type NarrowScale, narrowScale } from '../../narrow-scale.ts';
import { type PerChannel, perChannel } from '../../requantize.ts';
import { flattened } from '../../window.ts';
import { firstElement, type Layout, layoutOf } from './axis.ts';
import { reader, SCRATCH_ELEM, startsFor } from './elements.ts';
import { Gather, originOf } from './gather.ts';
import type { Layer } from './layer.ts';
import { chooseShape, type Extents, holdsElements, instructions, type Shape, tileElements } from './shape.ts';

interface Plan {
  readonly extents: Extents;
  readonly shape: Shape;
  readonly batch: number;
  /** Groups of `shape.channels` channels. */
  readonly rounds: number;
}

/** Steps that are written one after another before a loop repeats; what is left of a line repeats sooner. */
const UNROLLED = { speed: 8, size: 2, rest: 2 } as const;
/** Of short instructions. */
const UNROLLED_NEAR = 16;
/** A single row makes small steps, and many of them. */
const UNROLLED_ROW = 20;
/** Taps of a line, which are always written one after another. */
const MOST_TAPS = 16;

function planOf<K extends OpName>({ target, optimize }: Site<K>, layer: Layer): Plan | string {
  const core = target.narrow;
  if (core === undefined) return `${target.name} is not a small core`;
  const g = flattened(layer.g);
  const plans = ([0, 1] as const).flatMap((axis) => {
    const [along, across] = [axisOf(g, axis), axisOf(g, axis === 0 ? 1 : 0)];
    if (along.window > MOST_TAPS) return [];
    const { depth, groups, channels } = layer;
    const extents = { along, across, lines: g.batch * across.output, depth, channels, groups };
    const shape = chooseShape(extents, core);
    return [{ extents, shape, batch: g.batch, rounds: Math.ceil(channels / shape.channels) }];
  });
  const [first, second] = plans;
  if (first === undefined) return `a window of more than ${MOST_TAPS} taps on both axes`;
  if (second === undefined || optimize === 'size') return plans.at(-1) as Plan;
  return instructions(second.shape, second.extents, core) <= instructions(first.shape, first.extents, core)
    ? second
    : first;
}

/** Why the layer has no plan, or undefined. */
export function planRefusal<K extends OpName>(site: Site<K>, layer: Layer): string | undefined {
  const plan = planOf(site, layer);
  return typeof plan === 'string' ? plan : undefined;
}

function planned<K extends OpName>(site: Site<K>, layer: Layer): Plan {
  const plan = planOf(site, layer);
  if (typeof plan === 'string') throw new Error(plan);
  return plan;
}

/** The distance of `Overlap` between the input and the output of a layer. */
export function productDistance<K extends OpName>(site: Site<K>, layer: Layer): number {
  const { extents, shape, batch } = planned(site, layer);
  const { along, across, groups } = extents;
  const [read, stored] = [layer.g.input.channels, layer.g.output.channels];
  const tiles: { first: number; end: number }[] = [];
  for (let n = 0; n < batch; n++) {
    for (let line = 0; line < across.output; line++) {
      for (let output = 0; output < along.output; output += shape.lanes) {
        const last = Math.min(output + shape.lanes, along.output) - 1;
        const inputs = Array.from({ length: last - output + 1 }, (_, i) => firstElement(along, output + i));
        const image = n * along.input * across.input;
        const pixel = Math.min(...inputs) * along.inputStep + firstElement(across, line) * across.inputStep + image;
        const end = n * along.output * across.output + line * across.outputStep + last * along.outputStep + 1;
        tiles.push({ first: pixel * read, end: end * stored });
      }
    }
  }
  let distance = Number.NEGATIVE_INFINITY;
  let needed = Number.POSITIVE_INFINITY;
  const ends: number[] = [];
  for (const { end } of tiles) ends.push(Math.max(end, ends.at(-1) ?? 0));
  for (let t = tiles.length - 1; t >= 0; t--) {
    const own = (tiles[t] as { first: number }).first;
    // With one group a tile is read before any of its outputs is stored.
    const after = groups === 1 ? needed : Math.min(needed, own);
    if (after < Number.POSITIVE_INFINITY) distance = Math.max(distance, (ends[t] as number) - after);
    needed = Math.min(needed, own);
  }
  return distance;
}

/** Builds the loops. */
export function buildProduct<K extends OpName>(k: KernelBuilder<K>, layer: Layer): void {
  const plan = planned(k.site, layer);
  const { extents, shape, batch } = plan;
  const { along, across, groups } = extents;
  const x = k.input(0, 'x');
  const weights = k.rom('w', 'i8', weightTable(layer, plan));
  const starts = perChannel(k, 'start', 'i32', startsFor(shape.elements, layer));
  const scale = narrowScale(k, layer.stage, layer.ranges);
  const y = k.output(0, 'y');
  const tile = k.scratch('tile', SCRATCH_ELEM[shape.elements], tileElements(extents, shape.lanes));
  const { depth, zeroPoint } = layer;
  const source = { x, along, across, channels: layer.g.input.channels, depth, zeroPoint, elements: shape.elements };
  const gather = new Gather(k, source, tile);
  const rest = along.output % shape.lanes;
  k.forAll(['n', 'line'], [batch, across.output], (index) => {
    const [n, line] = index as [Expr, Expr];
    const block = (lanes: number) => (output: Expr) => {
      const layout = layoutOf(along, lanes);
      k.for('group', 0, groups, (group) => {
        const image = mul(n, along.input * across.input);
        gather.fill(layout, origin(k, along, across, line, output, image, mul(group, layer.depth)));
        const first = affine(
          [
            [n, along.output * across.output],
            [line, across.outputStep],
            [output, along.outputStep],
          ],
          0,
        );
        const target = k.let('target', mul(first, layer.g.output.channels));
        k.for('round', 0, plan.rounds, (round) => {
          new Block(k, { layer, plan, layout, lanes, tile, weights, starts, scale, y }).build(group, round, target);
        });
      });
    };
    k.for('output', 0, along.output - rest, block(shape.lanes), { step: shape.lanes });
    if (rest > 0) k.for('output', along.output - rest, along.output, block(rest), { step: rest });
  });
}

function origin<K extends OpName>(
  k: KernelBuilder<K>,
  along: Axis,
  across: Axis,
  line: Expr,
  output: Expr,
  image: Expr,
  channel: Expr,
): ReturnType<typeof originOf> {
  const at = originOf(along, across, line, output, image, channel);
  return { ...at, line: k.let('first_line', at.line), element: k.let('first', at.element) };
}

interface BlockParts {
  readonly layer: Layer;
  readonly plan: Plan;
  readonly layout: Layout;
  readonly lanes: number;
  readonly tile: Buffer;
  readonly weights: Buffer;
  readonly starts: PerChannel;
  readonly scale: NarrowScale;
  readonly y: Buffer;
}

/** Outputs of some lanes and some channels. */
class Block<K extends OpName> {
  private readonly k: KernelBuilder<K>;
  private readonly parts: BlockParts;

  constructor(k: KernelBuilder<K>, parts: BlockParts) {
    this.k = k;
    this.parts = parts;
  }

  build(group: Expr, round: Expr, target: Expr): void {
    const { k } = this;
    const { layer, plan, lanes, starts, scale, y } = this.parts;
    const { channels } = plan.shape;
    const first = k.let('channel', affine([[group, layer.channels]], firstChannel(k, plan, layer, round)));
    const sums = range(channels).map((c) => {
      const start = k.let('start', starts.at(add(first, c)));
      return range(lanes).map(() => k.variable('acc', start));
    });
    this.multiply(affine([[group, plan.rounds]], round), sums);
    const step = plan.extents.along.outputStep * layer.g.output.channels;
    const to = k.let('to', add(target, first));
    sums.forEach((lanesOf, c) => {
      const finish = scale.channel(add(first, c));
      lanesOf.forEach((sum, lane) => {
        k.store(y, add(to, lane * step + c), finish(sum.value));
      });
    });
  }

  /** All steps: lines of taps and channels in one loop, the taps of a line one after another. */
  private multiply(round: Expr, sums: readonly (readonly Variable[])[]): void {
    const { k } = this;
    const { plan, layout } = this.parts;
    const { along, across, depth } = plan.extents;
    const rows = across.window * depth;
    const perRow = along.window * plan.shape.channels;
    const from = k.let('from_w', mul(round, rows * perRow));
    const unroll = tripsOf(rows, Math.max(1, Math.floor(this.mostSteps() / along.window)));
    const whole = rows - (rows % unroll);
    const trip = (row: Expr, count: number) =>
      this.trip(mul(row, layout.width), affine([[row, perRow]], from), count, sums);
    k.for('row', 0, whole, (row) => trip(row, unroll), { step: unroll });
    if (whole < rows) k.for('row', whole, rows, (row) => trip(row, rows - whole), { step: rows - whole });
  }

  private mostSteps(): number {
    const { plan, lanes, layout } = this.parts;
    const { multiply, reach } = this.k.site.target.narrow as NarrowCore;
    // Rows whose elements and weights loads of bytes reach from one address.
    const near = Math.max(1, Math.floor((reach + 1) / layout.width)) * plan.extents.along.window;
    if (this.k.site.optimize === 'size') return Math.min(near, UNROLLED.size);
    if (plan.extents.along.output === 1) return Math.min(near, UNROLLED_ROW);
    if (lanes < plan.shape.lanes) return Math.min(near, UNROLLED.rest);
    return Math.min(near, multiply === 'overwrites' ? UNROLLED_NEAR : UNROLLED.speed);
  }

  /** `count` rows from the tile's element `at` and weight `from` on. */
  private trip(at: Expr, from: Expr, count: number, sums: readonly (readonly Variable[])[]): void {
    const { layout, lanes, plan } = this.parts;
    const { channels } = plan.shape;
    const places = range(count).flatMap((row) => layout.taps.map((place) => row * layout.width + place));
    const order = places.flatMap((place) => range(lanes).map((lane) => place + lane));
    const elements = reader(this.k, plan.shape.elements, this.parts.tile, at, order);
    let next = 0;
    const weight = () => this.k.let('w', this.parts.weights.at(add(from, next++), 'i8_ordered'));
    for (const _ of places) {
      if (holdsElements(plan.shape)) {
        const xs = range(lanes).map(elements);
        for (const sum of sums) {
          const w = weight();
          sum.forEach((acc, lane) => {
            this.accumulate(acc, w, xs[lane] as Expr);
          });
        }
      } else {
        const ws = sums.map(weight);
        for (let lane = 0; lane < lanes; lane++) {
          const x = elements();
          for (let c = 0; c < channels; c++) this.accumulate(sums[c]?.[lane] as Variable, x, ws[c] as Expr);
        }
      }
    }
  }

  /** `last` is not used again. */
  private accumulate(acc: Variable, last: Expr, other: Expr): void {
    this.k.set(acc, op('i32.mla_ordered', [last, other, acc.value]));
  }
}

/** Rows per trip: all in one, a divisor, or as many as allowed. */
function tripsOf(rows: number, most: number): number {
  if (rows <= most) return rows;
  for (let step = most; step > most / 2; step--) if (rows % step === 0) return step;
  return most;
}

/** The first channel of a round within its group: the last round repeats what comes before. */
function firstChannel<K extends OpName>(k: KernelBuilder<K>, plan: Plan, layer: Layer, round: Expr): Expr {
  const plain = mul(round, plan.shape.channels);
  if (layer.channels % plan.shape.channels === 0) return plain;
  return k.let('in_group', op('i32.min_s', [plain, layer.channels - plan.shape.channels]));
}

/** The weights in the order of the loops. */
function weightTable(layer: Layer, plan: Plan): Int8Array {
  const { along, across, depth } = plan.extents;
  const { channels } = plan.shape;
  const table: number[] = [];
  for (let group = 0; group < layer.groups; group++) {
    for (let round = 0; round < plan.rounds; round++) {
      const first = group * layer.channels + Math.min(round * channels, layer.channels - channels);
      for (let line = 0; line < across.window; line++) {
        for (let ic = 0; ic < depth; ic++) {
          for (let tap = 0; tap < along.window; tap++) {
            const at = (line * across.tapStep + tap * along.tapStep) * depth + ic;
            for (let c = 0; c < channels; c++) table.push(layer.weights[first + c]?.[at] as number);
          }
        }
      }
    }
  }
  return Int8Array.from(table);
}

function range(length: number): number[] {
  return Array.from({ length }, (_, i) => i);
}
