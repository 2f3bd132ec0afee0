/**
 * The end of int8 products on Helium: bias, fixed-point factor, zero point, clamp, for 16 channels at a time.
 *
 * Accumulators lie in vectors of four words. Helium narrows by interleaving: two vectors of words become one of halfwords
 * whose even lanes are the first's, and so again for bytes. So lane i of vector q of a block holds channel
 * 4 i + (0, 2, 1, 3)[q], and bytes come out in order.
 *
 * Rounding twice as gemmlowp does is exact here: VQRDMULH is its high multiplication, and VRSHL rounds half up, which is
 * half away from zero for what has been lessened by one where it is negative.
 */
import { add, type Operand, op } from '../../../../ir/loop/build.ts';
import type { Access, Expr } from '../../../../ir/loop/types.ts';
import type { OpName } from '../../../../ir/tensor/ops/index.ts';
import type { OutputStage } from '../../../../ir/tensor/ops/shared.ts';
import type { KernelBuilder } from '../../kernel.ts';

export const BLOCK = 16;
const WORDS = 4;
const VECTOR_OF_REMAINDER = [0, 2, 1, 3] as const;

/** The channel, within its block, of lane `position % 4` of vector `position / 4`. */
export function channelOf(position: number): number {
  return WORDS * (position % WORDS) + (VECTOR_OF_REMAINDER[Math.floor(position / WORDS)] as number);
}

/** The access of the first `bytes` bytes of a vector. */
export function firstBytes(bytes: number): Access {
  return bytes >= BLOCK ? 'v128' : (`first${bytes}` as Access);
}

/** Right shifts of the factors; a factor of zero goes with any. */
function rightShifts(stage: OutputStage): number[] {
  return stage.multipliers.map(({ multiplier, shift }) => (multiplier === 0 ? Number.NaN : -shift));
}

/** Why this end cannot be used, if so. */
export function stageRefusal(stage: OutputStage): string | undefined {
  if (stage.rounding !== 'double') return `rounds as '${stage.rounding}', not twice`;
  const shifts = rightShifts(stage).filter((shift) => !Number.isNaN(shift));
  if (shifts.some((shift) => shift < 0)) return 'a factor is 1 or more, which shifts left';
  if (shifts.includes(0) && shifts.some((shift) => shift > 0)) return 'some factors shift and others do not';
  return undefined;
}

export interface ChannelStage {
  /** The bytes of block `block` from its four vectors of accumulators, of which `load(q)` gives one after the other. */
  bytes(block: Operand, load: (q: number) => Expr): Expr;
}

/** Tables in flash: bias, factor and shift of every lane of every block. `blocks` lists the channel of each lane's place. */
export function channelStage<K extends OpName>(
  k: KernelBuilder<K>,
  stage: OutputStage,
  bias: ArrayLike<number>,
  channels: number,
): ChannelStage {
  const places = Math.ceil(channels / BLOCK) * BLOCK;
  const spread = (value: (channel: number) => number) =>
    Array.from({ length: places }, (_, place) => {
      const channel = place - (place % BLOCK) + channelOf(place % BLOCK);
      return channel < channels ? value(channel) : 0;
    });
  const factorAt = <T>(values: readonly T[], channel: number) => values[values.length === 1 ? 0 : channel] as T;
  const shifts = rightShifts(stage);
  const usual = shifts.find((shift) => !Number.isNaN(shift)) ?? 1;
  const counts = shifts.map((shift) => -(Number.isNaN(shift) ? usual : shift));
  const factors = stage.multipliers.map(({ multiplier }) => multiplier);
  const biases = k.rom(
    'bias',
    'i32',
    spread((channel) => (bias[channel] as number) | 0),
  );
  const factor =
    same(factors) ??
    k.rom(
      'factor',
      'i32',
      spread((channel) => factorAt(factors, channel)),
    );
  const count =
    same(counts) ??
    k.rom(
      'shift',
      'i8',
      spread((channel) => factorAt(counts, channel)),
    );
  return {
    bytes(block, load) {
      const words = [0, 1, 2, 3].map((q) => {
        const at = add(block, q * WORDS);
        const sum = k.let('sum', op('i32x4.add', [load(q), biases.at(at, 'v128')]));
        const product =
          typeof factor === 'number'
            ? op('mve.vqrdmulh_n_s32', [sum, factor])
            : op('mve.vqrdmulh_s32', [sum, factor.at(at, 'v128')]);
        if (count === 0) return k.let('word', product);
        const fair = op('mve.less_if_negative_s32', [k.let('product', product)]);
        const shifted =
          typeof count === 'number'
            ? op('mve.vrshl_n_s32', [fair, count])
            : op('mve.vrshl_s32', [fair, count.at(at, 'i8x4_s')]);
        return k.let('word', shifted);
      }) as [Expr, Expr, Expr, Expr];
      return clamped(stage, offset(stage, words));
    },
  };
}

function same(values: readonly number[]): number | undefined {
  const [first] = values;
  return values.every((value) => value === first) ? first : undefined;
}

/** Adding the zero point to saturated halfwords is exact: what saturated there saturates as a byte too. */
function offset({ zeroPoint }: OutputStage, [a, b, c, d]: readonly [Expr, Expr, Expr, Expr]): Expr {
  const halves = (x: Expr, y: Expr) => {
    const pair = op('mve.vqmovn_s32', [x, y]);
    return zeroPoint === 0 ? pair : op('mve.vqadd_n_s16', [pair, zeroPoint]);
  };
  return op('mve.vqmovn_s16', [halves(a, b), halves(c, d)]);
}

function clamped({ low, high }: OutputStage, bytes: Expr): Expr {
  const raised = low <= -128 ? bytes : op('i8x16.max_s', [bytes, op('i8x16.splat', [low])]);
  return high >= 127 ? raised : op('i8x16.min_s', [raised, op('i8x16.splat', [high])]);
}
