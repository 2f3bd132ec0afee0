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
import { add, affine, type FunctionBuilder, min, mul, type Operand, op } from '../../../../ir/loop/build.ts';
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

/** The channels of a block's up to 16 bytes, in order. */
export type ChannelBlock = readonly number[];

/**
 * Blocks of 16 channels; the last begins early enough to be whole, so that it computes some channels anew, where there are
 * 16 and `whole` says so.
 */
export function blocksOf(channels: number, whole: boolean): readonly ChannelBlock[] {
  return Array.from({ length: Math.ceil(channels / BLOCK) }, (_, block) => {
    const start = whole && channels >= BLOCK ? Math.min(block * BLOCK, channels - BLOCK) : block * BLOCK;
    return Array.from({ length: Math.min(BLOCK, channels - start) }, (_, i) => start + i);
  });
}

/** Where, among the channels, a block of `blocksOf(channels, true)` begins. */
export function blockStart(channels: number, block: Expr): Expr {
  const start = mul(block, BLOCK);
  return channels % BLOCK === 0 || channels < BLOCK ? start : min(start, channels - BLOCK);
}

export interface ChannelStage {
  /** The bytes of block `block` from its four vectors of accumulators, of which `load(q)` gives one after the other. */
  bytes(block: Operand, load: (q: number) => Expr): Expr;
}

/** Words of a block's record: shifts, four to a word, then biases, then factors; the last are the farthest from the first. */
const SHIFTS = BLOCK / WORDS;

/** Bias, factor and shift of every channel, in the order of lanes, in one table that is walked through once. */
export function channelStage<K extends OpName>(
  k: KernelBuilder<K>,
  stage: OutputStage,
  bias: ArrayLike<number>,
  blocks: readonly ChannelBlock[],
): ChannelStage {
  const shifts = rightShifts(stage);
  const usual = shifts.find((shift) => !Number.isNaN(shift)) ?? 1;
  const counts = shifts.map((shift) => -(Number.isNaN(shift) ? usual : shift));
  const factors = stage.multipliers.map(({ multiplier }) => multiplier);
  const [oneCount, oneFactor] = [same(counts), same(factors)];
  const counted = oneCount === undefined ? SHIFTS : 0;
  const record = counted + BLOCK + (oneFactor === undefined ? BLOCK : 0);
  const words = new Int32Array(blocks.length * record);
  const bytes = new Int8Array(words.buffer);
  blocks.forEach((channels, block) => {
    for (let place = 0; place < BLOCK; place++) {
      const channel = channels[channelOf(place)];
      if (channel === undefined) continue;
      const at = block * record;
      if (oneCount === undefined) bytes[at * WORDS + place] = counts[channel] as number;
      words[at + counted + place] = bias[channel] as number;
      if (oneFactor === undefined) words[at + counted + BLOCK + place] = factors[channel] as number;
    }
  });
  const table = k.rom('stage', 'i32', words);
  return {
    bytes(block, load) {
      // From here all is within reach of a load.
      const middle = counted + WORDS;
      const at = k.let('at', affine([[block, record]], middle));
      const word = (q: number): Expr => {
        const place = counted - middle + q * WORDS;
        const sum = k.let('sum', op('i32x4.add', [load(q), table.at(add(at, place), 'v128_ordered')]));
        const product = k.let(
          'product',
          oneFactor === undefined
            ? op('mve.vqrdmulh_s32', [sum, table.at(add(at, place + BLOCK), 'v128_ordered')])
            : op('mve.vqrdmulh_n_s32', [sum, oneFactor]),
        );
        if (oneCount === 0) return product;
        const fair = op('mve.less_if_negative_s32', [product]);
        return k.let(
          'word',
          oneCount === undefined
            ? op('mve.vrshl_s32', [fair, table.at(add(at, q - middle), 'i8x4_s')])
            : op('mve.vrshl_n_s32', [fair, oneCount]),
        );
      };
      return packed(k, word, stage);
    },
  };
}

function same(values: readonly number[]): number | undefined {
  const [first] = values;
  return values.every((value) => value === first) ? first : undefined;
}

/** What is left to do with scaled words. */
export type Clamp = Pick<OutputStage, 'zeroPoint' | 'low' | 'high'>;

/** 16 bytes from four vectors of words, of which `word(q)` gives one after the other. */
export function packed(k: FunctionBuilder, word: (q: number) => Expr, clamp: Clamp): Expr {
  const half = (q: number): Expr => k.let('half', offset(clamp, word(q), word(q + 1)));
  return clamped(clamp, op('mve.vqmovn_s16', [half(0), half(2)]));
}

/** Adding the zero point to saturated halfwords is exact: what saturated there saturates as a byte too. */
function offset({ zeroPoint }: Clamp, a: Expr, b: Expr): Expr {
  const pair = op('mve.vqmovn_s32', [a, b]);
  return zeroPoint === 0 ? pair : op('mve.vqadd_n_s16', [pair, zeroPoint]);
}

function clamped({ low, high }: Clamp, bytes: Expr): Expr {
  const raised = low <= -128 ? bytes : op('i8x16.max_s', [bytes, op('i8x16.splat', [low])]);
  return high >= 127 ? raised : op('i8x16.min_s', [raised, op('i8x16.splat', [high])]);
}
