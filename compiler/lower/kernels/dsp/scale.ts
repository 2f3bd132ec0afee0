/** First values of accumulators and factors of their scaling, in tables by pairs of channels. */
import { add, affine, i64, mul, op } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import type { OpName } from '../../../../ir/tensor/ops/index.ts';
import type { KernelBuilder } from '../../kernel.ts';
import { type Factors, type LongScale, type ShortScale, scaledFits, shortLongScale } from '../../proved-scale.ts';
import { requantizer } from '../../requantize.ts';
import { factorCode } from './factor-code.ts';
import type { Layer } from './layer.ts';

export interface ChannelPair {
  readonly lower: number;
  readonly upper: number | undefined;
}

/** An accumulator, or twice it. */
export type Sum = (twice: boolean) => Expr;

export interface Scale {
  /** The first values of the lower and the upper accumulator of a pair, as two words. */
  start(pair: Expr): Expr;
  /** What turns the sums of a pair into stored values; `channel` is the lower one. */
  finish(pair: Expr, channel: Expr): readonly [lower: (sum: Sum) => Expr, upper: (sum: Sum) => Expr];
}

/** Declares the tables. `shared` says that the upper accumulator holds the lower channel's start too, and its own 256 times. */
export function scaleOf<K extends OpName>(
  k: KernelBuilder<K>,
  layer: Layer,
  pairs: readonly ChannelPair[],
  shared: boolean,
): Scale {
  const starts = pairs.map(({ lower, upper }) => {
    const a = layer.starts[lower] as number;
    const b = upper === undefined ? 0 : (layer.starts[upper] as number);
    return [a | 0, (shared ? Math.imul(256, b | 0) + a : b) | 0];
  });
  const long = layer.accumulator === 'i64' ? shortLongScale(layer.stage, layer.ranges) : 'sums have 32 bits';
  if (typeof long !== 'string') return longScaleOf(k, long, pairs, starts);
  return typeof layer.scale === 'string'
    ? generalScale(k, layer, starts)
    : shortScaleOf(k, layer, layer.scale, pairs, starts);
}

function generalScale<K extends OpName>(k: KernelBuilder<K>, layer: Layer, starts: readonly number[][]): Scale {
  const table = k.rom('start', 'i32', starts.flat());
  const isLong = layer.accumulator === 'i64';
  const tail = requantizer(k, layer.stage, layer.accumulator, !isLong && scaledFits(layer.stage, layer.ranges));
  const apply = (sum: Sum, channel: Expr) =>
    tail.apply(isLong ? op('i64.extend_i32_s', [sum(false)]) : sum(false), channel);
  return {
    start: (pair) => table.at(mul(pair, 2), 'i64_ordered'),
    finish: (_pair, channel) => [(sum) => apply(sum, channel), (sum) => apply(sum, add(channel, 1))],
  };
}

function longScaleOf<K extends OpName>(
  k: KernelBuilder<K>,
  scale: LongScale,
  pairs: readonly ChannelPair[],
  starts: readonly number[][],
): Scale {
  const words = pairs.flatMap(({ lower, upper }, i) => [
    ...(starts[i] as number[]),
    ...[lower, upper ?? lower].map((channel) => scale.factor(channel)),
  ]);
  const table = k.rom('stage', 'i32', words);
  return {
    start: (pair) => table.at(mul(pair, 4), 'i64_ordered'),
    finish: (pair) => {
      const factors = halves(k.let('factors', table.at(affine([[pair, 4]], 2), 'i64_ordered')));
      return [(sum) => scale.apply(sum(false), factors[0]), (sum) => scale.apply(sum(false), factors[1])];
    },
  };
}

function shortScaleOf<K extends OpName>(
  k: KernelBuilder<K>,
  layer: Layer,
  scale: ShortScale,
  pairs: readonly ChannelPair[],
  starts: readonly number[][],
): Scale {
  const all = layer.starts.map((_, channel) => scale.factors(channel));
  const first = all[0] as Factors;
  if (all.every(([multiplier, power]) => multiplier === first[0] && power === first[1])) {
    return singleScaleOf(k, scale, first, starts);
  }
  const code = factorCode(all, layer);
  const ofPair = ({ lower, upper }: ChannelPair) => [lower, upper ?? lower];
  const channelWord = (channel: number) => code?.words[channel] ?? (all[channel] as Factors)[0];
  const words = pairs.flatMap((pair, i) => [...(starts[i] as number[]), ...ofPair(pair).map(channelWord)]);
  const table = k.rom('stage', 'i32', words);
  const power = code
    ? undefined
    : powers(
        k,
        pairs.flatMap(ofPair).map((channel) => (all[channel] as Factors)[1]),
      );
  return {
    start: (pair) => table.at(mul(pair, 4), 'i64_ordered'),
    finish: (pair) => {
      const both = halves(k.let('multipliers', table.at(affine([[pair, 4]], 2), 'i64_ordered')));
      const second = power?.(pair) ?? [];
      const [lower, upper] = both.map((word, i) => code?.decode(k, word) ?? [word, second[i] as Expr]) as [Pair, Pair];
      return [(sum) => scale.apply(k, sum(true), ...lower), (sum) => scale.apply(k, sum(true), ...upper)];
    },
  };
}

type Pair = readonly [multiplier: Expr, power: Expr];

/** All channels have the same factors. */
function singleScaleOf<K extends OpName>(
  k: KernelBuilder<K>,
  scale: ShortScale,
  factors: Factors,
  starts: readonly number[][],
): Scale {
  const table = k.rom('stage', 'i32', starts.flat());
  // A table, not constants, so that layers of one shape share their code.
  const factor = k.rom('factor', 'i32', factors);
  return {
    start: (pair) => table.at(mul(pair, 2), 'i64_ordered'),
    finish: () => {
      const both = halves(k.let('factor', factor.at(0, 'i64_ordered')));
      const apply = (sum: Sum) => scale.apply(k, sum(true), ...both);
      return [apply, apply];
    },
  };
}

/** Shifts of bytes to powers of two: each window holds eight powers. */
const WINDOWS = [23, 20, 17] as const;

type PairOfPowers = (pair: Expr) => readonly [Expr, Expr];

/** Powers of two by pairs of channels: bytes to be shifted, which is fastest, two halves of a byte that say which, or words. */
function powers<K extends OpName>(k: KernelBuilder<K>, values: readonly number[]): PairOfPowers {
  const shift = WINDOWS.find((window) => values.every((value) => value >= 2 ** window && value < 2 ** (window + 8)));
  const exponents = values.map((value) => Math.log2(value));
  const least = Math.min(...exponents);
  if (shift !== undefined && k.site.optimize === 'speed') {
    const bytes = values.map((value) => value / 2 ** shift);
    const table = k.rom('power', 'u8', bytes);
    return both((index) => op('i32.shl', [table.at(index), shift]));
  }
  if (exponents.every((exponent) => exponent - least < 16)) {
    const codes = exponents.map((exponent) => exponent - least);
    return halfBytes(k, codes, least);
  }
  const table = k.rom('power', 'i32', values);
  return both((index) => table.at(index));

  function both(power: (index: Expr) => Expr): PairOfPowers {
    const at = (pair: Expr, i: number) => k.let('power', power(affine([[pair, 2]], i)));
    return (pair) => [at(pair, 0), at(pair, 1)];
  }
}

/** 2^(least + code), two codes to a byte. */
function halfBytes<K extends OpName>(k: KernelBuilder<K>, codes: readonly number[], least: number): PairOfPowers {
  const bytes = codes.flatMap((low, i) => (i % 2 === 0 ? [low | ((codes[i + 1] as number) << 4)] : []));
  const table = k.rom('power', 'u8', bytes);
  const power = (code: Expr) => k.let('power', op('i32.shl', [2 ** least, code]));
  return (pair) => {
    const byte = k.let('powers', table.at(pair));
    return [power(op('i32.and', [byte, 15])), power(op('i32.shr_u', [byte, 4]))];
  };
}

/** The low and the high word. */
export function halves(both: Expr): readonly [Expr, Expr] {
  return [op('i32.wrap_i64', [both]), op('i32.wrap_i64', [op('i64.shr_s', [both, i64(32)])])];
}
