/**
 * Weights for SMLAD, in pairs of channels or in quads of inputs.
 *
 * Pairs: a halfword holds 256 * b + a for the weights a and b of two channels; a word holds the halfwords of two inputs. One SMLAD
 * with the word adds 256 * (b . x) + (a . x) to an accumulator; one with SXTB16 of the word, which is the two a, adds a . x to
 * another. Both wrap. Their difference is 256 * (b . x) modulo 2^32, from which b . x follows exactly while it stays within
 * 24 bits: so the inputs are cut into blocks in which every sum does, and what a block gave is put aside.
 *
 * Quads, where weights of -128 or inputs of 16 bits rule pairs out: a word holds the weights of one channel for two steps,
 * which are SXTB16 of it and SXTB16 with ROR #8. There are as many words, and twice as many extensions.
 */
import { type AccumulatorRange, accumulatorRange, within } from '../../proved-scale.ts';

/** Which weight of a channel meets each halfword of the activations' tile; -1 for one that none meets. */
export type Slots = readonly number[];

export type Packing = 'pairs' | 'quads';

/** The weights of one output channel. */
export type ChannelWeights = ArrayLike<number>;

function packed(a: number, b: number): number {
  return 256 * b + a;
}

/** Whether two channels can share halfwords: a weight of -128 cannot stand above a negative one. */
export function packable(a: ChannelWeights, b: ChannelWeights): boolean {
  for (let i = 0; i < a.length; i++) {
    if (packed(a[i] as number, b[i] as number) < -32768) return false;
  }
  return true;
}

/** The words of one channel, one per two steps. */
export function quadWords(weights: ChannelWeights, slots: Slots): number[] {
  const byte = (slot: number | undefined): number =>
    slot === undefined || slot < 0 ? 0 : (weights[slot] as number) & 0xff;
  return Array.from({ length: Math.ceil(slots.length / 4) }, (_, i) => {
    const [a, b, c, d] = [0, 1, 2, 3].map((j) => byte(slots[4 * i + j])) as [number, number, number, number];
    return a | (c << 8) | (b << 16) | (d << 24);
  });
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
