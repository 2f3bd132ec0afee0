/**
 * Depthwise convolution of 8 bits on small cores, channel by channel.
 *
 * A channel's elements are copied into a padded plane in scratch memory (plane.ts), so that no border is tested. Up to nine
 * weights wait in registers while two neighbouring outputs are computed; with LDRD, a 3x3 window of stride 1 takes for each
 * line of taps 2 loads and 6 multiply-adds. On Cortex-M3 that is 9 weights, 2 accumulators, 2 elements and a pointer. Of
 * larger windows each weight is loaded once for up to eight outputs.
 */
import { add, affine, type Buffer, inRange, mul, op, type Variable } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import { type ConvAttrs, convGeometry, convStage } from '../../../../ir/tensor/ops/conv.ts';
import type { TensorType } from '../../../../ir/tensor/types.ts';
import type { NarrowCore } from '../../../targets/index.ts';
import { axisOf } from '../../axis.ts';
import type { Kernel, KernelBuilder, Site } from '../../kernel.ts';
import { type Finish, narrowScale } from '../../narrow-scale.ts';
import { perChannel } from '../../requantize.ts';
import { bytesOn, type Elements, reader, SCRATCH_ELEM, startsFor } from './elements.ts';
import { type Layer, layerOf, productRefusal } from './layer.ts';
import { PlaneGather, type PlanePlan, planPlane, readsAhead } from './plane.ts';

type Depthwise = Site<'depthwise_conv2d'>;
type Builder = KernelBuilder<'depthwise_conv2d'>;

interface Plan {
  readonly plane: PlanePlan;
  /** Outputs side by side. */
  readonly lanes: number;
  /** Weights wait in registers. */
  readonly held: boolean;
  readonly elements: Elements;
}

/** Multiplications that are written one after another. */
const MOST_STEPS = 160;
/** Instructions per output for scaling and storing, and per block of outputs. */
const OUTPUT = 8;
const BLOCK = 8;

function depthwiseLayer(site: Depthwise): Layer {
  const { inputs, outputs, attrs, constant } = site;
  const [x, w] = inputs as [TensorType, TensorType];
  const y = outputs[0] as TensorType;
  const g = convGeometry(x, w, y, attrs as ConvAttrs);
  const { channels } = g.output;
  const data = constant(1)?.data as ArrayLike<number>;
  const weights = Array.from({ length: channels }, (_, c) =>
    Int8Array.from({ length: data.length / channels }, (_unused, tap) => data[tap * channels + c] as number),
  );
  return layerOf(site, { g, depth: 1, stage: convStage(x, w, y, attrs as ConvAttrs), weights });
}

function planOf(core: NarrowCore, { g }: Layer): Plan {
  const elements: Elements = core.pairedLoads ? 'words' : bytesOn(core);
  const plans = ([1, 0] as const).flatMap((axis) => {
    const [along, across] = [axisOf(g, axis), axisOf(g, axis === 0 ? 1 : 0)];
    const plane = planPlane(along, across, core.pairedLoads ? 4 : 1);
    // Weights, accumulators, elements and a pointer.
    const room = core.registers - along.window * across.window - (core.pairedLoads ? 3 : 2);
    const held = core.multiply !== 'overwrites' && room >= 1;
    const most = held ? Math.min(room, 4) : core.multiply === 'overwrites' ? 4 : 8;
    return Array.from({ length: Math.min(most, along.output) }, (_, i) => ({ plane, lanes: i + 1, held, elements }));
  });
  return plans.reduce((best, plan) => (instructions(plan, core) < instructions(best, core) ? plan : best));
}

/** Of one channel, more or less. */
function instructions({ plane, lanes, held, elements }: Plan, core: NarrowCore): number {
  const { along, across } = plane;
  const places = new Set(plane.layout.taps.flatMap((place) => Array.from({ length: lanes }, (_, i) => place + i)));
  const loadsW = held ? 0 : along.window * (core.multiply === 'overwrites' ? 2 : 1);
  const loadsX = (held ? places.size : lanes * along.window) * (elements === 'words' ? 0.5 : 1);
  const products = lanes * along.window * (core.multiply === 'accumulates' ? 1 : 2);
  const block = across.window * (loadsX + loadsW + products) + lanes * OUTPUT + BLOCK;
  return across.output * Math.ceil(along.output / lanes) * block;
}

function refusal(site: Depthwise): string | undefined {
  const refused = productRefusal(site);
  const core = site.target.narrow;
  if (refused !== undefined || core === undefined) return refused ?? 'not a small core';
  const { plane, lanes } = planOf(core, depthwiseLayer(site));
  const steps = plane.along.window * lanes;
  return steps > MOST_STEPS ? `${steps} multiplications by a line of taps, more than ${MOST_STEPS}` : undefined;
}

const depthwiseNarrow: Kernel<'depthwise_conv2d'> = {
  name: 'depthwise_conv2d_narrow_i8',
  doc:
    'for each channel: copy its plane; for each line and block of outputs along it: one multiply-add per tap and output. ' +
    'Up to 9 weights in registers with 2 accumulators and 3 others, or 8 accumulators.',
  applies: (site) => refusal(site) ?? true,
  inPlace: (site) => {
    const layer = depthwiseLayer(site);
    const core = site.target.narrow as NarrowCore;
    return layer.channels === 1 && readsAhead(planOf(core, layer).plane) ? [[0, 0]] : [];
  },
  build(k) {
    const layer = depthwiseLayer(k.site);
    const plan = planOf(k.site.target.narrow as NarrowCore, layer);
    const { g } = layer;
    const { plane } = plan;
    const { channels } = g.input;
    const x = k.input(0, 'x');
    const w = k.rom('w', 'i8', weightTable(layer, plan));
    const starts = perChannel(k, 'start', 'i32', startsFor(plan.elements, layer));
    const scale = narrowScale(k, layer.stage, layer.ranges);
    const y = k.output(0, 'y');
    const scratch = k.scratch('plane', SCRATCH_ELEM[plan.elements], plane.lines * plane.layout.width);
    const gather = new PlaneGather(
      k,
      plane,
      { x, channels, zeroPoint: layer.zeroPoint, elements: plan.elements },
      scratch,
    );
    gather.clear();
    k.forAll(['n', 'ic'], [g.batch, channels], (index) => {
      const [n, ic] = index as [Expr, Expr];
      const from = k.let('from', affine([[n, g.input.height * g.input.width * channels]], ic));
      gather.first(from);
      k.for('band', 0, plane.bands, (band) => {
        gather.band(from, band);
        k.for('m', 0, layer.channels, (m) => {
          const oc = k.let('oc', affine([[ic, layer.channels]], m));
          const lines = new Lines(k, plan, { scratch, w, y, step: g.output.channels });
          lines.band(band, {
            from: k.let('from_w', mul(oc, plane.along.window * plane.across.window)),
            start: k.let('start', starts.at(oc)),
            finish: scale.channel(oc),
            to: k.let('to', affine([[n, g.output.height * g.output.width * g.output.channels]], oc)),
          });
        });
        gather.keep();
      });
    });
  },
};

/** Channel after channel, line of taps after line of taps. */
function weightTable({ weights }: Layer, { plane: { along, across } }: Plan): Int8Array {
  const order = Array.from({ length: across.window }, (_, line) =>
    Array.from({ length: along.window }, (_unused, tap) => line * across.tapStep + tap * along.tapStep),
  ).flat();
  return Int8Array.from(weights.flatMap((of) => order.map((at) => of[at] as number)));
}

interface Buffers {
  readonly scratch: Buffer;
  readonly w: Buffer;
  readonly y: Buffer;
  /** From pixel to pixel of the output. */
  readonly step: number;
}

interface Channel {
  /** Its first weight. */
  readonly from: Expr;
  readonly start: Expr;
  readonly finish: Finish;
  /** Its element of the output's first pixel. */
  readonly to: Expr;
}

/** Spells the multiplications over a plane. */
class Lines {
  private readonly k: Builder;
  private readonly plan: Plan;
  private readonly buffers: Buffers;

  constructor(k: Builder, plan: Plan, buffers: Buffers) {
    this.k = k;
    this.plan = plan;
    this.buffers = buffers;
  }

  band(band: Expr, channel: Channel): void {
    const { k } = this;
    const { along, across, bandOutputs } = this.plan.plane;
    const { w } = this.buffers;
    const taps = along.window * across.window;
    const held = this.plan.held
      ? Array.from({ length: taps }, (_, tap) => k.let('w', w.at(add(channel.from, tap))))
      : undefined;
    k.for('r', 0, bandOutputs, (r) => {
      const line = k.let('line', affine([[band, bandOutputs]], r));
      const isWhole = across.output % bandOutputs === 0;
      k.if(isWhole ? 1 : inRange(line, 0, across.output), () => this.line(r, line, channel, held));
    });
  }

  private line(r: Expr, line: Expr, channel: Channel, held: readonly Expr[] | undefined): void {
    const { k } = this;
    const { lanes, plane } = this.plan;
    const { along, across, layout } = plane;
    const { step } = this.buffers;
    const source = k.let('source', mul(r, across.stride * layout.width));
    const target = k.let('target', affine([[line, across.outputStep * step]], channel.to));
    const rest = along.output % lanes;
    const block = (count: number) => (output: Expr) => {
      const to = add(target, mul(output, along.outputStep * step));
      this.block(count, add(source, output), to, channel, held);
    };
    k.for('output', 0, along.output - rest, block(lanes), { step: lanes });
    if (rest > 0) k.for('output', along.output - rest, along.output, block(rest), { step: rest });
  }

  /** Neighbouring outputs, the first of which begins at place `at` of the plane. */
  private block(lanes: number, at: Expr, to: Expr, channel: Channel, held: readonly Expr[] | undefined): void {
    const { k } = this;
    const { along, across, layout } = this.plan.plane;
    const sums = Array.from({ length: lanes }, () => k.variable('acc', channel.start));
    const lineStep = across.dilation * layout.width;
    if (held === undefined) {
      k.for('tap_line', 0, across.window, (line) => {
        this.tapsLoaded(sums, affine([[line, lineStep]], at), affine([[line, along.window]], channel.from));
      });
    } else {
      for (let line = 0; line < across.window; line++) {
        const first = line * along.window;
        this.tapsHeld(sums, add(at, line * lineStep), held.slice(first, first + along.window));
      }
    }
    const target = k.let('target', to);
    sums.forEach((sum, lane) => {
      k.store(this.buffers.y, add(target, lane * along.outputStep * this.buffers.step), channel.finish(sum.value));
    });
  }

  /** Each element is loaded once and multiplied by the weights of all outputs that read it. */
  private tapsHeld(sums: readonly Variable[], start: Expr, weights: readonly Expr[]): void {
    const { taps } = this.plan.plane.layout;
    const places = [...new Set(taps.flatMap((place) => sums.map((_, lane) => place + lane)))].sort((a, b) => a - b);
    const next = this.reader(start, places);
    for (const place of places) {
      const x = next();
      sums.forEach((sum, lane) => {
        taps.forEach((tap, i) => {
          if (tap + lane === place) this.accumulate(sum, x, weights[i] as Expr);
        });
      });
    }
  }

  /** Each weight is loaded once and multiplied by the elements of all outputs. */
  private tapsLoaded(sums: readonly Variable[], start: Expr, from: Expr): void {
    const { k } = this;
    const { taps } = this.plan.plane.layout;
    taps.forEach((place, tap) => {
      const w = k.let('w', this.buffers.w.at(add(from, tap), 'i8_ordered'));
      const next = this.reader(
        start,
        sums.map((_, lane) => place + lane),
      );
      for (const sum of sums) this.accumulate(sum, next(), w);
    });
  }

  private reader(start: Expr, places: readonly number[]): () => Expr {
    return reader(this.k, this.plan.elements, this.buffers.scratch, start, places);
  }

  private accumulate(sum: Variable, x: Expr, w: Expr): void {
    this.k.set(sum, op('i32.mla_ordered', [x, w, sum.value]));
  }
}

export const NARROW_DEPTHWISE_KERNELS = { depthwise_conv2d: [depthwiseNarrow] } as const;
