/** How the accumulators of depthwise convolutions begin, and how they become stored values. */
import { mul, op } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import { type Multiplier, reducedMultiplier } from '../../../../ir/tensor/fixed-point.ts';
import type { KernelBuilder } from '../../kernel.ts';
import { type Factors, type ShortScale, scaledFits, shortScale, within } from '../../proved-scale.ts';
import { clampTo, requantizer } from '../../requantize.ts';
import type { Layer } from './depthwise-layer.ts';
import { factorCode } from './factor-code.ts';
import { halves } from './scale.ts';

type Builder = KernelBuilder<'depthwise_conv2d'>;

/** Of one channel, in registers. */
export interface Ends {
  readonly start: Expr;
  /** From the accumulator to the stored value. */
  readonly finish: (acc: Expr) => Expr;
}

/** How accumulators begin and end. */
export interface Tail {
  /** Weights and start are twice what they are. */
  readonly isDoubled: boolean;
  readonly channel: (oc: Expr) => Ends;
}

function shortTail(k: Builder, layer: Layer, { factors, apply }: ShortScale): Tail {
  const all = layer.starts.map((_, c) => factors(c));
  const code = factorCode(all, layer);
  // Tables even where all channels agree, so that layers of one shape share their code.
  const words = layer.starts.flatMap((start, c) => [2 * start, code?.words[c] ?? (all[c] as Factors)[0]]);
  const table = k.rom('stage', 'i32', words);
  const decode = code?.decode ?? separatePowers(k, all);
  return {
    isDoubled: true,
    channel: (oc) => {
      const [start, word] = halves(k.let('stage', table.at(mul(oc, 2), 'i64_ordered')));
      const [multiplier, power] = decode(k, word, oc);
      return { start, finish: (acc) => apply(k, acc, multiplier, power) };
    },
  };
}

/** Multipliers as they are, and powers in a table of their own. */
function separatePowers(k: Builder, factors: readonly Factors[]) {
  const exponents = factors.map(([, power]) => Math.log2(power));
  const table = k.rom('power', 'u8', exponents);
  return (_: Builder, word: Expr, oc: Expr): readonly [Expr, Expr] => [
    word,
    k.let('power', op('i32.shl', [1, op('i32.and', [table.at(oc), 31])])),
  ];
}

/** Shifts that leave room for the zero point below them. */
const MOST_SHIFT = 22;

/**
 * Factors of up to 1/2, whose powers of two are too large for the short form: with x as there, (x + half + (zero << s)) >> s
 * is the second rounding. |acc| < 2^30 makes |x| < 2^30; the constant is under 2^(s + 7). Undefined where that is not proved.
 */
function shiftTail(k: Builder, { stage, starts, ranges }: Layer): Tail | undefined {
  const { rounding, multipliers, zeroPoint, low, high } = stage;
  const scales = starts.map((_, c) => multipliers[multipliers.length === 1 ? 0 : c] as Multiplier);
  const shifts = scales.map(({ multiplier, shift }) => (multiplier === 0 ? 1 : -shift));
  if (rounding !== 'double' || Math.abs(zeroPoint) > 128) return undefined;
  if (!ranges.every((range) => within(range, 31)) || !shifts.every((s) => s >= 1 && s <= MOST_SHIFT)) return undefined;
  const start = k.rom(
    'start',
    'i32',
    starts.map((value) => 2 * value),
  );
  const factor = k.rom(
    'multiplier',
    'i32',
    scales.map(({ multiplier }) => multiplier),
  );
  const table = k.rom('shift', 'u8', shifts);
  return {
    isDoubled: true,
    channel: (oc) => {
      const begin = k.let('start', start.at(oc));
      const multiplier = k.let('multiplier', factor.at(oc));
      const shift = k.let('shift', op('i32.and', [table.at(oc), 31]));
      const half = op('i32.shl', [2 * zeroPoint + 1, op('i32.and', [op('i32.sub', [shift, 1]), 31])]);
      const rounder = k.let('half', half);
      const finish = (acc: Expr) => {
        const x = k.let('scaled', op('i32.mulhir_s', [acc, multiplier]));
        // Ties below the zero point matter only where something is stored there.
        const tied = zeroPoint > low ? op('i32.add_wrap', [x, op('i32.shr_s', [x, 31])]) : x;
        return clampTo(op('i32.shr_s', [op('i32.add_wrap', [tied, rounder]), shift]), low, high);
      };
      return { start: begin, finish };
    },
  };
}

function generalTail(k: Builder, { stage, starts, ranges }: Layer): Tail {
  const start = k.rom('start', 'i32', starts);
  const tail = requantizer(k, stage, 'i32', scaledFits(stage, ranges));
  return {
    isDoubled: false,
    channel: (oc) => ({ start: k.let('start', start.at(oc)), finish: (acc) => tail.apply(acc, oc) }),
  };
}

/** The multiplier that is one rounded high product, SMMULR, for all channels; undefined where some channel needs more. */
function highFactors({ stage, starts }: Layer): readonly number[] | undefined {
  const factors = starts.map((_, c) => {
    const { multiplier, shift } = stage.multipliers[stage.multipliers.length === 1 ? 0 : c] as Multiplier;
    return reducedMultiplier(multiplier) * 2 ** (17 + shift);
  });
  return factors.every((factor) => Number.isInteger(factor) && factor < 2 ** 31) ? factors : undefined;
}

/**
 * 16 by 8 bits, with sums that fit into 32: (acc * m + 2^(14 - shift)) >> (15 - shift), m of 16 bits, is the rounded high
 * word of acc * (m * 2^(17 + shift)).
 */
function longTail(k: Builder, layer: Layer): Tail {
  const { stage } = layer;
  const start = k.rom('start', 'i32', layer.starts);
  const factors = highFactors(layer);
  if (factors === undefined) {
    const tail = requantizer(k, stage, 'i64', false);
    const finish = (oc: Expr) => (acc: Expr) => tail.apply(op('i64.extend_i32_s', [acc]), oc);
    return { isDoubled: false, channel: (oc) => ({ start: k.let('start', start.at(oc)), finish: finish(oc) }) };
  }
  const table = k.rom('multiplier', 'i32', factors);
  return {
    isDoubled: false,
    channel: (oc) => {
      const begin = k.let('start', start.at(oc));
      const multiplier = k.let('multiplier', table.at(oc));
      return {
        start: begin,
        finish: (acc) => clampTo(op('i32.mulhir_s', [acc, multiplier]), stage.low, stage.high),
      };
    },
  };
}

/** The shortest that is proved; declares its tables. */
export function tailOf(k: Builder, layer: Layer): Tail {
  if (layer.accumulator === 'i64') return longTail(k, layer);
  const scale = shortScale(layer.stage, layer.ranges);
  return typeof scale === 'string' ? (shiftTail(k, layer) ?? generalTail(k, layer)) : shortTail(k, layer, scale);
}
