/**
 * Requantization in few instructions on cores that do not round the high word of a product: by proved steps
 * (narrow-thresholds.ts), or, where a multiply adds to two words, as follows.
 *
 * The reference rounds twice (gemmlowp): x = (acc * m + 2^30) >> 31, then x / 2^s to nearest with ties away from zero, then
 * plus the zero point z, then a clamp. Floors of floors are floors, so with s in [2, 22] all of it but the ties is
 *
 *     (acc * m + 2^30 + (2 * z + 1) * 2^(s + 30)) >> (31 + s)
 *
 * and the last addend's low word is zero: SMLAL onto the words (2^30, (2 * z + 1) << (s - 2)), then the high word >> (s - 1).
 * Ties of negative x go down when 1, that is 2^31 of the sum, is taken from x. The sign of acc tells as well: where acc is
 * negative and x is not, x is 0, and -1 gives what 0 gives. Results of negative x are at most z: where the clamp begins there,
 * as behind a ReLU, nothing is taken.
 */
import { clamp, i64, type Operand, op } from '../../ir/loop/build.ts';
import type { Expr } from '../../ir/loop/types.ts';
import type { OpName } from '../../ir/tensor/ops/index.ts';
import type { OutputStage } from '../../ir/tensor/ops/shared.ts';
import type { KernelBuilder } from './kernel.ts';
import { boundsOf, multiplierOf, provedAddend } from './narrow-thresholds.ts';
import { type AccumulatorRange, scaledFits } from './proved-scale.ts';
import { type PerChannel, perChannel, requantizer } from './requantize.ts';

/** From an accumulator to the stored value. */
export type Finish = (acc: Expr) => Expr;

export interface NarrowScale {
  /** Loads the factors of a channel, to be used for some accumulators. */
  channel(channel: Operand): Finish;
}

const MOST_SHIFT = 22;

/** Declares the tables of a stage: the short form where it is proved, the general one otherwise. */
export function narrowScale<K extends OpName>(
  k: KernelBuilder<K>,
  stage: OutputStage,
  ranges: readonly AccumulatorRange[],
): NarrowScale {
  if (k.site.target.longMultiply && isShort(stage)) return shortScale(k, stage);
  const stepped = k.site.target.longMultiply ? undefined : steppedForms(stage, ranges);
  if (stepped !== undefined) return steppedScale(k, stage, stepped);
  const tail = requantizer(k, stage, 'i32', scaledFits(stage, ranges));
  return { channel: (channel) => (acc) => tail.apply(acc, channel) };
}

/** A form of narrow-thresholds for every channel. */
interface SteppedForms {
  /** S(acc) is the product in units of 2^(32 - fraction). */
  readonly fraction: number;
  readonly negative: number;
  readonly channels: readonly { readonly factor: number; readonly addend: number; readonly shift: number }[];
}

/** Factors beside the exact one that are tried too: where the steps leave no r to that, they may to these. */
const FACTORS_BESIDE = [0, 6, -6, 12, -12, 24, -24, 48, -48, 96, -96] as const;

/**
 * S(acc) = floor(acc * M / 2^(32 - fraction)) with M of 30 bits, from four products of halfwords: with acc = h * 2^16 + l and
 * M = p * 2^16 + q it is (h * p << fraction) + ((l * p + h * q + (l * q >> 16)) >> (16 - fraction)).
 */
function steppedForms(stage: OutputStage, ranges: readonly AccumulatorRange[]): SteppedForms | undefined {
  if (stage.rounding !== 'double') return undefined;
  const used = ranges.map((_, channel) => multiplierOf(stage, channel));
  if (used.some(({ multiplier, shift }) => multiplier === 0 || shift > -1)) return undefined;
  const most = ranges.reduce((bound, { low, high }) => Math.max(bound, -low, high), 1);
  const width = Math.ceil(Math.log2(most + 1));
  const deepest = Math.max(...used.map(({ shift }) => -shift));
  // A zero point takes 7 bits above the shift, and a sum's half one more.
  const fraction = Math.min(16, 32 - width, 25 - deepest);
  if (width > 24 || fraction < 2) return undefined;
  const negative = stage.zeroPoint > stage.low ? -(2 ** (fraction - 2)) : 0;
  const channels: { factor: number; addend: number; shift: number }[] = [];
  for (const [channel, { multiplier, shift }] of used.entries()) {
    const range = ranges[channel] as AccumulatorRange;
    const bounds = boundsOf(stage, channel, range);
    const found = FACTORS_BESIDE.map((beside) => {
      const factor = Math.floor(multiplier / 2) + beside;
      const product = (acc: number) => Math.floor((acc * factor) / 2 ** (32 - fraction));
      const form = { product, negative, shift: fraction - 2 - shift };
      const addend = factor < 2 ** 30 ? provedAddend(bounds, range, form) : undefined;
      return addend === undefined ? undefined : { factor, addend, shift: form.shift };
    }).find((form) => form !== undefined);
    if (found === undefined) return undefined;
    channels.push(found);
  }
  return { fraction, negative, channels };
}

function steppedScale<K extends OpName>(
  k: KernelBuilder<K>,
  stage: OutputStage,
  { fraction, negative, channels }: SteppedForms,
): NarrowScale {
  const table = (name: string, elem: 'i32' | 'u8', of: (channel: SteppedForms['channels'][number]) => number) =>
    perChannel(k, name, elem, channels.map(of));
  const factors = table('factor', 'i32', ({ factor }) => factor);
  const addends = table('addend', 'i32', ({ addend }) => addend);
  const shifts = table('shift', 'u8', ({ shift }) => shift);
  return {
    channel(channel) {
      const factor = k.let('factor', factors.at(channel));
      const upper = k.let('factor_high', op('i32.shr_s', [factor, 16]));
      const lower = k.let('factor_low', op('i32.and', [factor, 0xffff]));
      const addend = k.let('addend', addends.at(channel));
      const shift = k.let('shift', bounded(shifts, channel));
      return (acc) => {
        const product = splitProduct(acc, upper, lower, fraction);
        const moved = negative === 0 ? addend : op('i32.add_wrap', [addend, signed(acc, negative)]);
        return saturated(op('i32.shr_s', [op('i32.add_wrap', [product, moved]), shift]), stage);
      };
    },
  };
}

function splitProduct(acc: Expr, p: Expr, q: Expr, fraction: number): Expr {
  const h = op('i32.shr_s', [acc, 16]);
  const l = op('i32.and', [acc, 0xffff]);
  const times = (a: Expr, b: Expr) => op('i32.mul_wrap', [a, b]);
  const plus = (a: Expr, b: Expr) => op('i32.add_wrap', [a, b]);
  const middle = plus(plus(times(l, p), times(h, q)), op('i32.shr_u', [times(l, q), 16]));
  return plus(op('i32.shl', [times(h, p), fraction]), op('i32.shr_s', [middle, 16 - fraction]));
}

/** `value` where acc is negative, 0 where it is not. */
function signed(acc: Expr, value: number): Expr {
  return op('i32.and', [op('i32.shr_s', [acc, 31]), value]);
}

function isShort({ rounding, multipliers, zeroPoint, low, high }: OutputStage): boolean {
  const is8Bit = zeroPoint >= -128 && zeroPoint <= 127 && low >= -128 && high <= 127;
  const fits = multipliers.every(({ multiplier, shift }) => multiplier === 0 || (shift <= -2 && shift >= -MOST_SHIFT));
  return rounding === 'double' && is8Bit && fits;
}

function shortScale<K extends OpName>(k: KernelBuilder<K>, stage: OutputStage): NarrowScale {
  const { multipliers, zeroPoint, low } = stage;
  const multiplier = perChannel(
    k,
    'multiplier',
    'i32',
    multipliers.map((m) => m.multiplier),
  );
  // A factor of 0 gives the zero point at any shift.
  const shift = perChannel(
    k,
    'shift',
    'u8',
    multipliers.map((m) => (m.multiplier === 0 ? 1 : -m.shift - 1)),
  );
  return {
    channel(channel) {
      const factor = k.let('factor', multiplier.at(channel));
      const count = k.let('shift', bounded(shift, channel));
      const offset = k.let('offset', op('i32.shr_s', [op('i32.shl', [2 * zeroPoint + 1, count]), 1]));
      return (acc) => {
        const sum = zeroPoint > low ? startWithTies(acc, offset) : words(offset, i64(2 ** 30));
        const high = highWord(op('i64.add', [op('i64.mul', [long(acc), long(factor)]), sum]));
        return saturated(op('i32.shr_s', [high, count]), stage);
      };
    },
  };
}

/** A shift count as the verifier knows it to be one. */
function bounded(shift: PerChannel, channel: Operand): Expr {
  const count = shift.at(channel);
  return count.kind === 'const' ? count : op('i32.and', [count, 31]);
}

function long(x: Expr): Expr {
  return op('i64.extend_i32_s', [x]);
}

function highWord(x: Expr): Expr {
  return op('i32.wrap_i64', [op('i64.shr_s', [x, i64(32)])]);
}

function words(high: Expr, low: Expr): Expr {
  return op('i64.or', [op('i64.shl', [long(high), i64(32)]), low]);
}

/** 2^30 below the offset, less 2^31 where acc is negative. */
function startWithTies(acc: Expr, offset: Expr): Expr {
  const low = op('i32.or', [op('i32.and', [acc, -(2 ** 31)]), 2 ** 30]);
  return words(op('i32.add_wrap', [offset, op('i32.shr_s', [acc, 31])]), op('i64.extend_i32_u', [low]));
}

/** The clamp, as one saturation and what is left of it. */
function saturated(y: Expr, { low, high }: OutputStage): Expr {
  const narrow = op('i32.ssat', [y], [8]);
  if (low > -128 && high < 127) return clamp(y, low, high);
  if (low > -128) return op('i32.max_s', [narrow, low]);
  return high < 127 ? op('i32.min_s', [narrow, high]) : narrow;
}
