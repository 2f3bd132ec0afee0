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
import type { Multiplier } from '../../../../ir/tensor/fixed-point.ts';
import type { OutputStage } from '../../../../ir/tensor/ops/shared.ts';
import type { KernelBuilder } from '../../kernel.ts';
import { type AccumulatorRange, within } from '../../proved-scale.ts';

/** Lanes of a vector of i32. */
export const LANES = 4;

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

/** The tables of the stage, `channels` rounded up to whole groups. Only for stages to which `scaleApplies`. */
export function vectorScale(k: KernelBuilder, stage: OutputStage, ranges: readonly AccumulatorRange[]): VectorScale {
  return stage.rounding === 'float' ? floatScale(k, stage, ranges.length) : doubleScale(k, stage, ranges);
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

/** One row per channel, from a row per channel or one for all. */
function perChannelOf<T>(rows: readonly T[], channels: number): readonly T[] {
  return rows.length === 1 ? new Array<T>(channels).fill(rows[0] as T) : rows;
}

interface DoublePlan {
  /** A of the formula above. */
  readonly common: number;
  /** Shifts to the right, one per channel. */
  readonly shifts: readonly number[];
  readonly multipliers: readonly number[];
}

/** Undefined where some 32-bit intermediate may overflow. */
function planOf(stage: OutputStage, ranges: readonly AccumulatorRange[]): DoublePlan | undefined {
  const rows = perChannelOf(stage.multipliers, ranges.length);
  const live = rows.filter(({ multiplier }) => multiplier !== 0);
  const common = Math.max(0, ...live.map(({ shift }) => -shift)) + 1;
  if (common > 30) return undefined;
  // A channel whose factor is 0 may take any shift: its product is 0 all the same.
  const shifts = rows.map(({ multiplier, shift }) => (multiplier === 0 ? common - 1 : -shift));
  const multipliers = rows.map(({ multiplier }: Multiplier) => multiplier);
  const fits = ranges.every(({ low, high }, channel) => {
    const scaled = Math.max(-low, high) * 2 ** (common - (shifts[channel] as number));
    // The product's high word is at most half of what is multiplied; the constant adds the zero point and one half.
    return scaled < 2 ** 31 && scaled / 2 + (Math.abs(stage.zeroPoint) + 2) * 2 ** (common - 1) < 2 ** 31;
  });
  return fits ? { common, shifts, multipliers } : undefined;
}

const HIGH_WORDS = [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31];

function doubleScale(k: KernelBuilder, stage: OutputStage, ranges: readonly AccumulatorRange[]): VectorScale {
  const plan = planOf(stage, ranges);
  if (plan === undefined) throw new RangeError(`${k.name}: no proof of the short requantization`);
  const { common, shifts, multipliers } = plan;
  const factor = laneTable(k, 'multiplier', multipliers);
  const [first] = shifts as [number];
  const uniform = shifts.every((s) => s === first);
  const power = laneTable(
    k,
    'power',
    shifts.map((s) => 2 ** (common - s)),
  );
  const offset = offsetTable(
    k,
    shifts.map((s) => offsetOf(s, common, stage.zeroPoint)),
  );
  const firstTies = stage.zeroPoint > stage.low && shifts.some((s) => s >= 1);
  const ties = laneTable(
    k,
    'tie',
    shifts.map((s) => (firstTies && s >= 1 ? 2 ** (common - s - 1) : 0)),
  );
  return {
    group(channel) {
      const m = k.let('m', factor(channel));
      const p = uniform ? undefined : k.let('pow', power(channel));
      const [low, high] = offset(channel).map((value, half) => k.let(`half${half}`, value)) as [Expr, Expr];
      const tie = firstTies ? k.let('tie', ties(channel)) : undefined;
      return (acc) => {
        const scaled = k.let(
          'scaled',
          p === undefined ? op('i32x4.shl', [acc, common - first]) : op('i32x4.mul', [acc, p]),
        );
        const products = [
          op('i64x2.add', [op('i64x2.extmul_low_i32x4_s', [scaled, m]), low]),
          op('i64x2.add', [op('i64x2.extmul_high_i32x4_s', [scaled, m]), high]),
        ];
        const word = op('i8x16.shuffle', products, HIGH_WORDS);
        const x =
          tie === undefined ? word : op('i32x4.sub', [word, op('v128.and', [op('i32x4.shr_s', [acc, 31]), tie])]);
        return op('i32x4.shr_s', [x, common - 1]);
      };
    },
  };
}

/** What is added to the scaled product: the halves that round, and the zero point at the place of the result. */
function offsetOf(s: number, common: number, zeroPoint: number): bigint {
  const second = 1n << BigInt(30 + common);
  const halves = s >= 1 ? second + (1n << BigInt(30 + common - s)) : second;
  return halves + BigInt(zeroPoint) * (1n << BigInt(31 + common));
}

/** The 64-bit constants of four channels as two vectors. */
function offsetTable(k: KernelBuilder, values: readonly bigint[]): (channel: Operand) => readonly [Expr, Expr] {
  const [first] = values as [bigint];
  const uniform = values.every((value) => value === first);
  const row = uniform ? [first, first] : [...values];
  while (row.length % LANES !== 0 && !uniform) row.push(0n);
  const table = k.rom('rounding', 'i64', BigInt64Array.from(row));
  if (uniform) return () => [table.at(0, 'v128'), table.at(0, 'v128')];
  return (channel) => [table.at(channel, 'v128'), table.at(add(channel, 2), 'v128')];
}

const ROUNDING_BIAS = 12582912;
const ROUNDING_BITS = 0x4b400000;

function floatScale(k: KernelBuilder, stage: OutputStage, channels: number): VectorScale {
  const { zeroPoint, low, high } = stage;
  const scales = perChannelOf(stage.scales, channels);
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
