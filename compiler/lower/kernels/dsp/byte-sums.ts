/**
 * Sums of bytes over windows, four neighbouring channels at a time: a load of a word and two SXTAB16 take in four bytes.
 * Halfwords hold sums of up to 256 bytes; longer ones go into four words in between.
 */
import { add, affine, type Buffer, i32, op, type Variable } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import type { OpName } from '../../../../ir/tensor/ops/index.ts';
import { finish, type OutputStage } from '../../../../ir/tensor/ops/shared.ts';
import type { KernelBuilder } from '../../kernel.ts';
import { clampTo, requantizer } from '../../requantize.ts';
import { fitProduct, type Interval } from '../../short-formula.ts';

/** Bytes whose sum fits into a halfword. */
export const HALFWORD_BYTES = 256;
export const CHANNELS = 4;

/** Words that follow one another before a loop repeats. */
const UNROLLED = 4;

type FourSums = readonly [Expr, Expr, Expr, Expr];

/**
 * The sums of the channels whose words `visit` is called for, at most `HALFWORD_BYTES` times; a mask of 0 leaves a word out.
 */
export function shortSums<K extends OpName>(
  k: KernelBuilder<K>,
  x: Buffer,
  taps: (visit: (index: Expr, mask?: Expr) => void) => void,
): FourSums {
  const even = k.variable('even', 0);
  const odd = k.variable('odd', 0);
  taps((index, mask) => {
    const loaded = x.at(index, 'i32');
    const word = k.let('word', mask === undefined ? loaded : op('i32.and', [loaded, mask]));
    k.set(even, op('dsp.sxtab16', [even.value, word]));
    k.set(odd, op('dsp.sxtab16_ror8', [odd.value, word]));
  });
  const low = (pair: Variable) => op('i32.extend16_s', [pair.value]);
  const high = (pair: Variable) => op('i32.shr_s', [pair.value, 16]);
  return [low(even), low(odd), high(even), high(odd)];
}

/** The sums of `count` words from `first` on, `stride` bytes apart. */
export function runSums<K extends OpName>(
  k: KernelBuilder<K>,
  x: Buffer,
  first: Expr,
  count: number,
  stride: number,
): FourSums {
  if (count <= HALFWORD_BYTES) return shortSums(k, x, (visit) => forRun(k, first, count, stride, visit));
  const totals = [0, 1, 2, 3].map(() => k.variable('total', 0));
  const take = (start: Expr, length: number) =>
    shortSums(k, x, (visit) => forRun(k, start, length, stride, visit)).forEach((sum, i) => {
      const total = totals[i] as Variable;
      k.set(total, add(total.value, sum));
    });
  const rest = count % HALFWORD_BYTES;
  k.for('part', 0, (count - rest) / HALFWORD_BYTES, (part) =>
    take(k.let('start', affine([[part, HALFWORD_BYTES * stride]], first)), HALFWORD_BYTES),
  );
  if (rest > 0) take(add(first, (count - rest) * stride), rest);
  return totals.map(({ value }) => value) as unknown as FourSums;
}

/** Calls `visit` with `count` indices from `first` on. */
export function forRun<K extends OpName>(
  k: KernelBuilder<K>,
  first: Expr,
  count: number,
  stride: number,
  visit: (index: Expr) => void,
): void {
  const step = k.site.optimize === 'size' ? 1 : UNROLLED;
  const repeated = count - (count % step);
  k.for(
    'i',
    0,
    repeated,
    (i) => {
      for (let at = 0; at < step; at++) visit(affine([[i, stride]], add(first, at * stride)));
    },
    { step },
  );
  for (let i = repeated; i < count; i++) visit(add(first, i * stride));
}

/** Runs `four` for groups of channels and `one` for those that are left over. */
export function forChannels<K extends OpName>(
  k: KernelBuilder<K>,
  channels: number,
  four: (channel: Expr) => void,
  one: (channel: Expr) => void,
): void {
  const whole = channels - (channels % CHANNELS);
  k.for('c', 0, whole, four, { step: CHANNELS });
  k.for('c', whole, channels, one);
}

/** Turns sums of `count` bytes, each less a zero point, into stored values: by one rounded product where that is proved. */
export function sumScale<K extends OpName>(
  k: KernelBuilder<K>,
  stage: OutputStage,
  count: number,
  zeroPoint: number,
): (sum: Expr) => Expr {
  const domain = { low: count * (-128 - zeroPoint), high: count * (127 - zeroPoint) };
  const short = domainFits(domain)
    ? fitProduct((distance) => finish(distance, 0, stage, 'i32'), domain, stage.zeroPoint, stage)
    : undefined;
  const distance = (sum: Expr) => add(sum, -zeroPoint * count);
  if (short !== undefined) return (sum) => clampTo(roundedProduct(distance(sum), short), stage.low, stage.high);
  const tail = requantizer(k, stage, 'i32', false);
  return (sum) => tail.apply(distance(sum), 0);
}

/** Domains that are small enough to be looked at as a whole. */
export function domainFits({ low, high }: Interval): boolean {
  return high - low <= 2 ** 18;
}

export function roundedProduct(x: Expr, { factor, zero }: { readonly factor: number; readonly zero: number }): Expr {
  return zero === 0 ? op('i32.mulhir_s', [x, factor]) : op('dsp.smmlar', [x, i32(factor), zero]);
}
