/**
 * Requantization in few instructions on cores that multiply 32 by 32 bits to 64 but do not round the high word.
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
  const tail = requantizer(k, stage, 'i32', scaledFits(stage, ranges));
  return { channel: (channel) => (acc) => tail.apply(acc, channel) };
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
