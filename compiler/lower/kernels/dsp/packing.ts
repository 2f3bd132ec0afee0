/**
 * Weights for SMLAD, two output channels to a word.
 *
 * A halfword holds 256 * b + a for the weights a and b of two channels; a word holds the halfwords of two inputs. One SMLAD
 * with the word adds 256 * (b . x) + (a . x) to an accumulator; one with SXTB16 of the word, which is the two a, adds a . x to
 * another. Both wrap. Their difference is 256 * (b . x) modulo 2^32, from which b . x follows exactly while it stays within
 * 24 bits: so the inputs are cut into blocks in which every sum does, and what a block gave is put aside.
 */
import { type AccumulatorRange, accumulatorRange, within } from '../../proved-scale.ts';

/** Which weight of a channel meets each halfword of the activations' tile; -1 for one that none meets. */
export type Slots = readonly number[];

/** The weights of one output channel. */
export type ChannelWeights = ArrayLike<number>;

function packed(a: number, b: number): number {
  return 256 * b + a;
}

/** The reason why two channels do not share halfwords, or true. */
export function packable(a: ChannelWeights, b: ChannelWeights): true | string {
  for (let i = 0; i < a.length; i++) {
    if (packed(a[i] as number, b[i] as number) < -32768) return 'a weight of -128 stands beside a negative one';
  }
  return true;
}

/** The words of two channels (or one and nothing), one per step of two slots. */
export function packedWords(a: ChannelWeights, b: ChannelWeights | undefined, slots: Slots): number[] {
  const half = (slot: number | undefined): number => {
    if (slot === undefined || slot < 0) return 0;
    return packed(a[slot] as number, b === undefined ? 0 : (b[slot] as number));
  };
  return Array.from(
    { length: Math.ceil(slots.length / 2) },
    (_, step) => (half(slots[2 * step]) & 0xffff) | (half(slots[2 * step + 1]) << 16),
  );
}

/** Bits that hold a sum in the upper of two packed channels. */
const UPPER_BITS = 24;

/** Whether an upper channel's whole sum, with its bias, keeps to its bits. */
export function fitsWhole(totals: readonly AccumulatorRange[]): boolean {
  return totals.every((range) => within(range, UPPER_BITS));
}

/** Whether the sums over every `length` slots, without a bias, keep to the bits of an upper channel. */
export function fitsParts(
  channels: readonly ChannelWeights[],
  slots: Slots,
  length: number,
  x: { readonly low: number; readonly high: number },
): boolean {
  const parts = Array.from({ length: Math.ceil(slots.length / length) }, (_, i) =>
    slots.slice(i * length, (i + 1) * length).filter((slot) => slot >= 0),
  );
  return channels.every((weights) =>
    parts.every((part) => {
      const values = part.map((slot) => weights[slot] as number);
      return within(accumulatorRange(values, 0, { ...x, zeroPoint: 0 }), UPPER_BITS);
    }),
  );
}
