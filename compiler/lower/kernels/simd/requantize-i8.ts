/**
 * From four i32 accumulators in a vector to four stored 8-bit values, for layers where the accumulators' ranges prove the
 * short form equal to the reference.
 *
 * The reference rounds twice (gemmlowp): x = (acc * m + 2^30) >> 31, then y = x / 2^s to nearest, ties away from zero. For
 * s >= 1 the second step is (x + 2^(s-1) - [x < 0]) >> s, and shifts to the right nest, so both are one shift of 64 bits:
 *
 *     y = (acc * m + 2^30 + 2^(30+s) - [acc < 0] * 2^31) >> (31 + s)
 *
 * ([x < 0] and [acc < 0] differ only for acc = -1 and m = 2^30, where y is 0 with either.) For s <= 0 it is
 * (acc * 2^-s * m + 2^30) >> 31. WebAssembly shifts all lanes by one count, so both are scaled by 2^(A-s), A being above
 * every s: what is left is the high word of (acc * 2^(A-s)) * m plus a constant, shifted by A - 1. The zero point is part of
 * the constant. The term of [acc < 0] only matters for results at most the zero point: where the clamp begins there, as
 * behind a ReLU, it is left out.
 *
 * `float` rounding (XNNPACK) is one product in f32, clamped, and rounded to even by adding 1.5 * 2^23.
 */
import { add, f32, i32, type Operand, op } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import { finish, type OutputStage } from '../../../../ir/tensor/ops/shared.ts';
import type { KernelBuilder } from '../../kernel.ts';
import { type AccumulatorRange, within } from '../../proved-scale.ts';
import { coarsestMultiplier } from './coarse-multiplier.ts';

/** Lanes of a vector of i32. */
export const LANES = 4 as const;

/** Requantizes the accumulators of four channels; made once per group of channels, used for several pixels. */
export type GroupScale = (acc: Expr) => Expr;

export interface VectorScale {
  /** Loads what the four channels from `channel` on need. */
  group(channel: Operand): GroupScale;
}

export function roundedUp(x: number, multiple: number): number {
  return Math.ceil(x / multiple) * multiple;
}

/** True, or why no short form is proved for a stage whose accumulators have these ranges, one per channel. */
export function scaleApplies(stage: OutputStage, ranges: readonly AccumulatorRange[]): true | string {
  if (stage.rounding === 'float') return ranges.every((r) => within(r, 32)) || 'an accumulator may overflow';
  if (stage.rounding !== 'double') return `rounds ${stage.rounding}, not twice`;
  return planOf(stage, ranges) !== undefined || 'accumulators are too large for one 64-bit product';
}

/** The tables of the stage, in the order of `channelAt`. Only for stages to which `scaleApplies`. */
export function vectorScale(
  k: KernelBuilder,
  stage: OutputStage,
  ranges: readonly AccumulatorRange[],
  channelAt: readonly number[],
): VectorScale {
  const placed = <T>(rows: readonly T[]) => channelAt.map((c) => rows[rows.length === 1 ? 0 : c] as T);
  const ordered = { ...stage, multipliers: placed(stage.multipliers), scales: placed(stage.scales) };
  return stage.rounding === 'float' ? floatScale(k, ordered) : doubleScale(k, ordered, placed(ranges));
}

/** One i32 constant per channel: a vector in the code where all agree, else loaded from a table. */
export function laneTable(k: KernelBuilder, name: string, values: readonly number[]): (channel: Operand) => Expr {
  const [first] = values as [number];
  if (values.every((value) => value === first)) return () => op('i32x4.splat', [i32(first)]);
  const table = k.rom(name, 'i32', padded(values, 0));
  return (channel) => table.at(channel, 'v128');
}

function padded(values: readonly number[], filler: number): number[] {
  const extra = roundedUp(values.length, LANES) - values.length;
  return [...values, ...new Array<number>(extra).fill(filler)];
}

/** One row per channel, from a row for each or one for all. */
function perChannelOf<T>(rows: readonly T[], channels: number): readonly T[] {
  return Array.from({ length: channels }, (_, channel) => rows[rows.length === 1 ? 0 : channel] as T);
}

/** The constants of one channel. */
interface ChannelPlan {
  /** Rounder than the reference's, with the same results. */
  readonly multiplier: number;
  /** Shift to the right. */
  readonly shift: number;
  /** The stored value where it is the same for every accumulator of the range, as in channels without weights. */
  readonly fixed: number | undefined;
}

interface DoublePlan {
  /** A of the formula above. */
  readonly common: number;
  readonly channels: readonly ChannelPlan[];
  /** Accumulators are clamped to these first; what lies beyond gives the same stored value as the end. */
  readonly clamp: readonly AccumulatorRange[] | undefined;
}

/** Undefined where some 32-bit intermediate may overflow. */
function planOf(stage: OutputStage, ranges: readonly AccumulatorRange[]): DoublePlan | undefined {
  const ends = ranges.map((range, channel) => saturation(stage, channel, range));
  const channels = perChannelOf(stage.multipliers, ranges.length).map((factor, channel): ChannelPlan => {
    const { low, high } = ends[channel] as AccumulatorRange;
    const [least, most] = [stored(stage, channel, low), stored(stage, channel, high)];
    const shift = -factor.shift;
    const range = ranges[channel] as AccumulatorRange;
    const steps = {
      first: least - stage.zeroPoint,
      last: most - stage.zeroPoint,
      low: least === stage.low ? undefined : range.low,
      high: most === stage.high ? undefined : range.high,
    };
    const multiplier = coarsestMultiplier(factor.multiplier, shift, steps);
    return { multiplier, shift, fixed: low === high ? least : undefined };
  });
  for (const clamp of [undefined, ends]) {
    const common = commonShift(stage, channels, clamp ?? ranges);
    if (common !== undefined) return { common, channels, clamp };
  }
  return undefined;
}

function stored(stage: OutputStage, channel: number, acc: number): number {
  return finish(acc, stage.multipliers.length === 1 ? 0 : channel, stage, 'i32');
}

/**
 * The largest accumulator that gives the least value of a channel, and the smallest that gives the greatest: requantization
 * never falls as the accumulator grows. Equal where all give the same.
 */
function saturation(stage: OutputStage, channel: number, { low, high }: AccumulatorRange): AccumulatorRange {
  const [least, most] = [stored(stage, channel, low), stored(stage, channel, high)];
  if (least === most) return { low, high: low };
  // The smallest accumulator whose value is more than `value`, which that of `high` is.
  const above = (value: number): number => {
    let [no, yes] = [low - 1, high];
    while (yes - no > 1) {
      const middle = Math.floor((no + yes) / 2);
      if (stored(stage, channel, middle) > value) yes = middle;
      else no = middle;
    }
    return yes;
  };
  return { low: above(least) - 1, high: above(most - 1) };
}

/** Layers that share A share code: it is rounded up to one of few values where there is room. */
const COMMON_STEPS = [8, 4, 1] as const;

function commonShift(
  stage: OutputStage,
  channels: readonly ChannelPlan[],
  ranges: readonly AccumulatorRange[],
): number | undefined {
  const most = Math.max(0, ...channels.map(({ shift, fixed }) => (fixed === undefined ? shift : 0)));
  const fits = (common: number): boolean =>
    common <= 30 &&
    channels.every(({ shift, fixed }, channel) => {
      if (fixed !== undefined) return true;
      const { low, high } = ranges[channel] as AccumulatorRange;
      const scaled = Math.max(-low, high) * 2 ** (common - shift);
      // The product's high word is at most half of what is multiplied; the constant adds the zero point and one half.
      return scaled < 2 ** 31 && scaled / 2 + (Math.abs(stage.zeroPoint) + 2) * 2 ** (common - 1) < 2 ** 31;
    });
  const candidates = [most + 2, most + 1].flatMap((least) => COMMON_STEPS.map((step) => roundedUp(least, step)));
  return candidates.find(fits);
}

const HIGH_WORDS = [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31];

function doubleScale(k: KernelBuilder, stage: OutputStage, ranges: readonly AccumulatorRange[]): VectorScale {
  const plan = planOf(stage, ranges);
  if (plan === undefined) throw new RangeError(`${k.name}: no proof of the short requantization`);
  const { common, channels, clamp } = plan;
  const live = channels.filter(({ fixed }) => fixed === undefined);
  const first = live[0]?.shift ?? common - 1;
  // What a fixed channel is multiplied by does not matter: its factor is 0.
  const shifts = channels.map(({ shift, fixed }) => (fixed === undefined ? shift : first));
  const uniform = shifts.every((s) => s === first);
  const factor = laneTable(
    k,
    'multiplier',
    channels.map(({ multiplier, fixed }) => (fixed === undefined ? multiplier : 0)),
  );
  const powers = uniform ? undefined : powersOf(plan, shifts, stage.zeroPoint);
  const power = powers && laneTable(k, 'power', powers);
  const rounding = isWord(plan)
    ? wordRounding(k, plan, stage.zeroPoint, powers)
    : longRounding(k, plan, stage.zeroPoint);
  const ties = tiesOf(k, plan, stage, power);
  const least =
    clamp &&
    laneTable(
      k,
      'least',
      clamp.map(({ low }) => low),
    );
  const most =
    clamp &&
    laneTable(
      k,
      'most',
      clamp.map(({ high }) => high),
    );
  return {
    group(channel) {
      const bounds = least && most && ([k.let('least', least(channel)), k.let('most', most(channel))] as const);
      const m = k.let('m', factor(channel));
      const p = power && k.let('pow', power(channel));
      const highWords = rounding(channel, p);
      const tie = ties && k.let('tie', ties(channel, p));
      return (sum) => {
        const acc =
          bounds === undefined
            ? sum
            : k.let('acc', op('i32x4.min_s', [op('i32x4.max_s', [sum, bounds[0]]), bounds[1]]));
        const scaled = k.let(
          'scaled',
          p === undefined ? op('i32x4.shl', [acc, common - first]) : op('i32x4.mul', [acc, p]),
        );
        const word = highWords(
          op('i64x2.extmul_low_i32x4_s', [scaled, m]),
          op('i64x2.extmul_high_i32x4_s', [scaled, m]),
        );
        const x =
          tie === undefined ? word : op('i32x4.sub', [word, op('v128.and', [op('i32x4.shr_s', [acc, 31]), tie])]);
        return op('i32x4.shr_s', [x, common - 1]);
      };
    },
  };
}

/** From the 64-bit products of four channels to their high words after the constants are added. */
type HighWords = (low: Expr, high: Expr) => Expr;

/** Loads what a group of channels, whose factors 2^(A-s) are given where they differ, needs to round. */
type Rounding = (channel: Operand, power: Expr | undefined) => HighWords;

/** Whether no channel's constant has bits in the low word. */
function isWord({ common, channels }: DoublePlan): boolean {
  return common >= 2 && channels.every(({ shift, fixed }) => fixed !== undefined || common - shift >= 2);
}

/** What is added to the high word of the scaled product, in a plan for which `isWord` holds. */
function wordOf(channel: ChannelPlan, common: number, zeroPoint: number): number {
  return Number(offsetOf(channel, common, zeroPoint) >> 32n);
}

/** The constant is one for all channels and a quarter of the channel's power, where that gives every channel's. */
function wordRounding(
  k: KernelBuilder,
  { common, channels }: DoublePlan,
  zeroPoint: number,
  powers: readonly number[] | undefined,
): Rounding {
  const words = channels.map((channel) => wordOf(channel, common, zeroPoint));
  const shared = sharedWord(common, zeroPoint);
  const isQuarter = powers?.every((power, i) => shared + (power >> 2) === words[i]);
  const table = isQuarter ? undefined : laneTable(k, 'rounding', words);
  return (channel, p) => {
    const quarter = (power: Expr) => op('i32x4.add', [op('i32x4.shr_s', [power, 2]), op('i32x4.splat', [i32(shared)])]);
    const word = k.let('half', table === undefined ? quarter(p as Expr) : table(channel));
    return (low, high) => op('i32x4.add', [op('i8x16.shuffle', [low, high], HIGH_WORDS), word]);
  };
}

/** The halves of the first rounding, and the zero point. */
function sharedWord(common: number, zeroPoint: number): number {
  return 2 ** (common - 2) + zeroPoint * 2 ** (common - 1);
}

/** The constants of 64 bits as two vectors. */
function longRounding(k: KernelBuilder, { common, channels }: DoublePlan, zeroPoint: number): Rounding {
  const values = channels.map((channel) => offsetOf(channel, common, zeroPoint));
  const [first] = values as [bigint];
  const isShared = values.every((value) => value === first);
  const row = isShared ? [first, first] : [...values];
  while (row.length % 2 !== 0 || (row.length % LANES !== 0 && !isShared)) row.push(0n);
  const table = k.rom('rounding', 'i64', BigInt64Array.from(row));
  return (channel) => {
    const at = isShared ? [i32(0), i32(0)] : [channel, add(channel, 2)];
    const [low, high] = at.map((index, half) => k.let(`half${half}`, table.at(index, 'v128'))) as [Expr, Expr];
    return (a, b) => op('i8x16.shuffle', [op('i64x2.add', [a, low]), op('i64x2.add', [b, high])], HIGH_WORDS);
  };
}

/**
 * 2^(A-s) of each channel. A fixed one is multiplied by 0, so that its power may be what `wordRounding` makes its value of,
 * if that fits.
 */
function powersOf({ common, channels }: DoublePlan, shifts: readonly number[], zeroPoint: number): number[] {
  return channels.map((channel, i) => {
    const power = 2 ** (common - (shifts[i] as number));
    if (channel.fixed === undefined) return power;
    const made = (wordOf(channel, common, zeroPoint) - sharedWord(common, zeroPoint)) * 4;
    return made === made >> 0 ? made : power;
  });
}

/** What ties of negative accumulators take off again: half of the power of a channel that is rounded twice. */
function tiesOf(
  k: KernelBuilder,
  { common, channels }: DoublePlan,
  stage: OutputStage,
  power: ((channel: Operand) => Expr) | undefined,
): ((channel: Operand, power: Expr | undefined) => Expr) | undefined {
  const tieOf = ({ shift, fixed }: ChannelPlan): number =>
    fixed === undefined && shift >= 1 && stage.zeroPoint > stage.low ? 2 ** (common - shift - 1) : 0;
  const ties = channels.map(tieOf);
  if (ties.every((tie) => tie === 0)) return undefined;
  const halves =
    power !== undefined &&
    channels.every(({ shift, fixed }, i) => fixed === undefined && ties[i] === 2 ** (common - shift - 1));
  if (halves) return (_channel, p) => op('i32x4.shr_s', [p as Expr, 1]);
  const table = laneTable(k, 'tie', ties);
  return (channel) => table(channel);
}

/** What is added to the scaled product: the halves that round, and the zero point at the place of the result. */
function offsetOf({ shift, fixed }: ChannelPlan, common: number, zeroPoint: number): bigint {
  const unit = 1n << BigInt(31 + common);
  if (fixed !== undefined) return BigInt(fixed) * unit;
  const halves = unit / 2n + (shift >= 1 ? 1n << BigInt(30 + common - shift) : 0n);
  return halves + BigInt(zeroPoint) * unit;
}

const ROUNDING_BIAS = 12582912;
const ROUNDING_BITS = 0x4b400000;

function floatScale(k: KernelBuilder, stage: OutputStage): VectorScale {
  const { zeroPoint, low, high, scales } = stage;
  const [first] = scales as [number];
  const splat = (value: number) => op('f32x4.splat', [f32(value)]);
  const table = scales.every((scale) => scale === first) ? undefined : k.rom('scale', 'f32', padded(scales, 0));
  return {
    group(channel) {
      const scale = k.let('scale4', table === undefined ? splat(first) : table.at(channel, 'v128'));
      return (acc) => {
        const scaled = op('f32x4.mul', [op('f32x4.convert_i32x4_s', [acc]), scale]);
        const raised = op('f32x4.pmax', [scaled, splat(low - zeroPoint)]);
        const clamped = op('f32x4.pmin', [raised, splat(high - zeroPoint)]);
        const bits = op('f32x4.add', [clamped, splat(ROUNDING_BIAS)]);
        return op('i32x4.sub', [bits, op('i32x4.splat', [i32(ROUNDING_BITS - zeroPoint)])]);
      };
    },
  };
}
