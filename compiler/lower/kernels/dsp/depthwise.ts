/**
 * Depthwise convolution by weights of 8 bits, channel by channel.
 *
 * A channel's elements are copied out of the image into a plane of halfwords, padded with the zero point, so that nothing
 * is tested afterwards and every word holds two neighbours. The channel's weights, doubled for the requantization, wait in
 * registers in pairs. A pair of outputs of a 3x3 window with stride 1 then takes, per row of taps (w0, w1, w2) over the
 * words (x0, x1) and (x2, x3):
 *
 *     LDRD                         both words
 *     a = SMLAD(x01, w01, a)       b = SMLATB(x01, w01, b)        x0 w0 + x1 w1;  x1 w0
 *     a = SMLABT(x23, w12, a)      b = SMLAD(x23, w12, b)         x2 w2;          x2 w1 + x3 w2
 *
 * Two lines of outputs share the words of the lines between them. Registers: 6 pairs of weights, 4 accumulators, 2 words, 2
 * pointers; the bias and the factors of the channel come from the stack.
 */
import {
  add,
  affine,
  type Buffer,
  i64,
  inRange,
  mul,
  type Operand,
  op,
  type Variable,
} from '../../../../ir/loop/build.ts';
import type { Opcode } from '../../../../ir/loop/instructions.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import { reach } from '../../axis.ts';
import type { Kernel, KernelBuilder } from '../../kernel.ts';
import { DSP_DEPTHWISE_CHANNELS } from './depthwise-channels.ts';
import { type Depthwise, type Layer, layerOf, nodeRefusal } from './depthwise-layer.ts';
import { type LineStep, lineSteps, type PlanePlan, readsAhead, tapsAt, weightPairs } from './depthwise-plan.ts';
import { type Ends, type Tail, tailOf } from './depthwise-tail.ts';
import { PlaneGather } from './plane.ts';

type Builder = KernelBuilder<'depthwise_conv2d'>;

/** Multiplications of one pair of outputs that are written one after another. */
const MOST_STEPS = 200;

function stepsOf({ along, across }: PlanePlan): number {
  return lineSteps(along, along.output > 1 ? 2 : 1).length * across.window;
}

function refusal(site: Depthwise): string | undefined {
  const reason = nodeRefusal(site);
  if (reason !== undefined) return reason;
  const steps = stepsOf(layerOf(site).plane);
  return steps > MOST_STEPS ? `${steps} multiplications of a pair of outputs, more than ${MOST_STEPS}` : undefined;
}

/** Up to as many multiplications of a pair of outputs, two lines of outputs are computed together. */
const MOST_PAIRED_STEPS = 24;
/** Up to so few outputs per channel, and where code is to be small, all sizes of planes share one form. */
const MOST_COMPACT_OUTPUTS = 16;

const depthwisePlanes: Kernel<'depthwise_conv2d'> = {
  name: 'depthwise_conv2d_planes',
  doc:
    'for each channel: copy its plane into halfwords; for each two lines and pair of outputs along them, for each line of ' +
    'elements: two words, four dual multiplies per output line (3x3). Weights in registers, 4 accumulators, 2 words.',
  applies: (site) => refusal(site) ?? true,
  inPlace: (site) => {
    const { g, plane } = layerOf(site);
    return g.input.channels === g.output.channels && readsAhead(plane, g) ? [[0, 0]] : [];
  },
  build(k) {
    const layer = layerOf(k.site);
    const { g, plane } = layer;
    const { channels } = g.input;
    const multiplier = g.output.channels / channels;
    const x = k.input(0, 'x');
    const convolution = new Convolution(k, layer);
    const y = k.output(0, 'y');
    const gather = new PlaneGather(k, x, convolution.scratch, layer, convolution.isCompact);
    const kept = { kept: true };
    k.for('n', 0, g.batch, (n) => {
      const forChannel = (ic: Expr) => {
        const from = k.let('from', affine([[n, g.input.height * g.input.width * channels]], ic));
        const forBand = (band: Expr) => {
          gather.band(from, band);
          const forOutput = (m: Expr) => {
            const oc = k.let('oc', affine([[ic, multiplier]], m));
            const to = affine([[n, g.output.height * g.output.width * g.output.channels]], oc);
            convolution.band(y, k.let('to', to), oc, band);
          };
          k.for('m', 0, multiplier, forOutput, kept);
        };
        k.for('band', 0, plane.bands, forBand, kept);
      };
      k.for('ic', 0, channels, forChannel, kept);
    });
  },
};

/** The weights by output channel and then by tap. */
function byChannel({ weights, g }: Layer): Int8Array {
  const { channels } = g.output;
  const taps = weights.length / channels;
  return Int8Array.from({ length: weights.length }, (_, i) => {
    return weights[(i % taps) * channels + Math.floor(i / taps)] as number;
  });
}

/** A channel's constants, in registers. */
interface Channel extends Ends {
  /** By line of taps, then by pair. */
  readonly weights: readonly (readonly Expr[])[];
}

/** Lines of outputs that are computed together. */
interface Lines {
  readonly source: Expr;
  readonly line: Expr;
  readonly count: number;
}

/** Spells the multiplications over a plane in scratch memory. */
class Convolution {
  readonly scratch: Buffer;
  /** Lines are computed one by one, and the last output of each is tested for, so that sizes make no difference. */
  readonly isCompact: boolean;
  private readonly k: Builder;
  private readonly layer: Layer;
  private readonly w: Buffer;
  private readonly tail: Tail;
  private readonly pairs: ReturnType<typeof weightPairs>;

  constructor(k: Builder, layer: Layer) {
    const { plane } = layer;
    this.k = k;
    this.layer = layer;
    const outputs = plane.along.output * plane.across.output;
    this.isCompact = plane.along.output > 1 && (k.site.optimize === 'size' || outputs <= MOST_COMPACT_OUTPUTS);
    this.w = k.rom('w', 'i8', byChannel(layer));
    this.tail = tailOf(k, layer);
    this.scratch = k.scratch('plane', 'i32', plane.lines * plane.pitch);
    this.pairs = weightPairs([...lineSteps(plane.along, 2), ...lineSteps(plane.along, 1)]);
  }

  /** All outputs of a band; `to` is the output channel's element of the image's first pixel. */
  band(y: Buffer, to: Expr, oc: Expr, band: Expr): void {
    const { k } = this;
    const { plane } = this.layer;
    const { across, bandOutputs } = plane;
    const channel = this.channel(oc);
    // A band that may have fewer lines than the others tests them, and by twos only where their number is even.
    const isWhole = across.output % bandOutputs === 0;
    const mayPair = isWhole || (across.output % 2 === 0 && bandOutputs % 2 === 0);
    const inPairs = mayPair && !this.isCompact && stepsOf(plane) <= MOST_PAIRED_STEPS;
    const lines = (r: Expr, count: number) => {
      const line = k.let('line', affine([[band, bandOutputs]], r));
      const at = { source: k.let('source', mul(r, across.stride * plane.pitch)), line, count };
      k.if(isWhole && !this.isCompact ? 1 : inRange(line, 0, across.output - count + 1), () =>
        this.lines(y, to, channel, at),
      );
    };
    const paired = inPairs ? bandOutputs - (bandOutputs % 2) : 0;
    k.for('r', 0, paired, (r) => lines(r, 2), { step: 2 });
    k.for('r', paired, bandOutputs, (r) => lines(r, 1), { kept: this.isCompact });
  }

  private channel(oc: Expr): Channel {
    const { k, w } = this;
    const { along, across } = this.layer.plane;
    const first = k.let('first', mul(oc, along.window * across.window));
    const weight = (line: number, tap: number): Expr => {
      const value = w.at(add(first, line * across.tapStep + tap * along.tapStep));
      return this.tail.isDoubled ? op('i32.shl', [value, 1]) : value;
    };
    return {
      ...this.tail.channel(oc),
      weights: Array.from({ length: across.window }, (_, line) =>
        this.pairs.map(([low, high]) =>
          k.let('w', high === undefined ? weight(line, low) : op('dsp.pkhbt', [weight(line, low), weight(line, high)])),
        ),
      ),
    };
  }

  /** `count` lines of outputs, from line `line` on, whose first element's word is `source`. */
  private lines(y: Buffer, to: Expr, channel: Channel, { source, line, count }: Lines): void {
    const { k } = this;
    const { along, across } = this.layer.plane;
    const { channels } = this.layer.g.output;
    const target = k.let('target', affine([[line, across.outputStep * channels]], to));
    const [next, below] = [along.outputStep * channels, across.outputStep * channels];
    const places = (pair: Operand, width: 1 | 2) =>
      Array.from({ length: count }, (_, i) =>
        Array.from({ length: width }, (_, j) => add(target, add(mul(pair, 2 * next), i * below + j * next))),
      );
    const pairs = this.isCompact ? (along.output + 1) >> 1 : along.output >> 1;
    const forPair = (pair: Expr) => {
      const at = affine([[pair, along.stride]], source);
      if (!this.isCompact) {
        this.outputs(y, channel, at, places(pair, 2), 1);
        return;
      }
      const second = k.let('second', add(mul(pair, 2), 1));
      const targets = [[add(target, mul(pair, 2 * next)), affine([[second, next]], target)]];
      this.outputs(y, channel, at, targets, op('i32.lt_s', [second, along.output]));
    };
    k.for('pair', 0, pairs, forPair, { kept: this.isCompact });
    if (along.output % 2 === 1 && !this.isCompact) {
      const last = along.output >> 1;
      this.outputs(y, channel, add(source, last * along.stride), places(last, 1), 1);
    }
  }

  /** A block of outputs, by line and along it, from the plane's word `at` on; `hasSecond` says whether there is a second along it. */
  private outputs(
    y: Buffer,
    channel: Channel,
    at: Expr,
    targets: readonly (readonly Expr[])[],
    hasSecond: Operand,
  ): void {
    const { k } = this;
    const { along, across, pitch } = this.layer.plane;
    const steps = lineSteps(along, targets[0]?.length as 1 | 2);
    const sums = targets.map((line) => line.map(() => k.variable('acc', channel.start)));
    for (let line = 0; line < reach(across, targets.length); line++) {
      const users = tapsAt(across, line, targets.length);
      if (users.length === 0) continue;
      const loaded = this.load(add(at, line * pitch), steps);
      for (const step of steps) {
        for (const { output, tap } of users) {
          const sum = sums[output]?.[step.output] as Variable;
          k.set(sum, this.multiply(step, loaded.get(step.word) as Expr, channel.weights[tap] as Expr[], sum));
        }
      }
    }
    sums.forEach((line, i) => {
      line.forEach((sum, j) => {
        const place = targets[i]?.[j] as Expr;
        k.if(j === 0 ? 1 : hasSecond, () => k.store(y, place, channel.finish(sum.value)));
      });
    });
  }

  /** The words that the steps read, two by one load where they are neighbours. */
  private load(at: Expr, steps: readonly LineStep[]): Map<number, Expr> {
    const { k, scratch } = this;
    const wanted = [...new Set(steps.map(({ word }) => word))];
    const loaded = new Map<number, Expr>();
    for (let i = 0; i < wanted.length; i++) {
      const word = wanted[i] as number;
      if (wanted[i + 1] === word + 1) {
        const both = k.let('both', scratch.at(add(at, word), 'i64_ordered'));
        loaded.set(word, k.let('x', op('i32.wrap_i64', [both])));
        loaded.set(word + 1, k.let('x', op('i32.wrap_i64', [op('i64.shr_s', [both, i64(32)])])));
        i++;
      } else loaded.set(word, k.let('x', scratch.at(add(at, word), 'i32_ordered')));
    }
    return loaded;
  }

  private multiply({ low, high }: LineStep, x: Expr, weights: readonly Expr[], sum: Variable): Expr {
    if (low !== undefined && high !== undefined) {
      const pair = this.pairs.findIndex(([a, b]) => a === low && b === high);
      return op('dsp.smlad', [x, weights[pair] as Expr, sum.value]);
    }
    const tap = low ?? (high as number);
    const pair = this.pairs.findIndex((taps) => taps.includes(tap));
    const isLow = this.pairs[pair]?.[0] === tap;
    const half = `${low === undefined ? 't' : 'b'}${isLow ? 'b' : 't'}` as const;
    return op(`dsp.smla${half}` as Opcode, [x, weights[pair] as Expr, sum.value]);
  }
}

export const DSP_DEPTHWISE_KERNELS = { depthwise_conv2d: [DSP_DEPTHWISE_CHANNELS, depthwisePlanes] } as const;
