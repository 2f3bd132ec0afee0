/** First values of accumulators and factors of their scaling, in tables by pairs of channels. */
import { add, affine, type Buffer, i64, mul, op } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import type { OpName } from '../../../../ir/tensor/ops/index.ts';
import type { KernelBuilder } from '../../kernel.ts';
import { type LongScale, type ShortScale, scaledFits, shortLongScale } from '../../proved-scale.ts';
import { requantizer } from '../../requantize.ts';
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
  return typeof layer.scale === 'string' ? generalScale(k, layer, starts) : shortScaleOf(k, layer.scale, pairs, starts);
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
  scale: ShortScale,
  pairs: readonly ChannelPair[],
  starts: readonly number[][],
): Scale {
  const factors = pairs.flatMap(({ lower, upper }) => [scale.factors(lower), scale.factors(upper ?? lower)]);
  const multipliers = factors.map(([multiplier]) => multiplier);
  const all = factors.map(([, power]) => power);
  const first = factors[0] as readonly [number, number];
  const single = factors.every(([multiplier, power]) => multiplier === first[0] && power === first[1]);
  const width = single ? 2 : 4;
  const words = starts.flatMap((start, i) => [...start, ...(single ? [] : multipliers.slice(2 * i, 2 * i + 2))]);
  const table = k.rom('stage', 'i32', words);
  // Tables, not constants, so that layers of one shape share their code.
  const factor = single ? k.rom('factor', 'i32', first) : undefined;
  const power = factor === undefined ? powers(k, all) : undefined;
  const apply = (sum: Sum, m: Expr, p: Expr) => scale.apply(k, sum(true), m, p);
  return {
    start: (pair) => table.at(mul(pair, width), 'i64_ordered'),
    finish: (pair) => {
      if (power === undefined) {
        const [m, p] = halves(k.let('factor', (factor as Buffer).at(0, 'i64_ordered')));
        return [(sum) => apply(sum, m, p), (sum) => apply(sum, m, p)];
      }
      const [m0, m1] = halves(k.let('multipliers', table.at(affine([[pair, width]], 2), 'i64_ordered')));
      const [p0, p1] = power(pair);
      return [(sum) => apply(sum, m0, p0), (sum) => apply(sum, m1, p1)];
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
