/** Intervals of stored integers, one per channel. */
import { integerRange, type TensorType } from '../../../../ir/tensor/types.ts';

/** Lowest and highest stored integer of each channel. */
export interface Ranges {
  readonly low: Int32Array;
  readonly high: Int32Array;
}

/** Extent of the last axis; 1 for scalars. */
export function channelCount({ shape }: TensorType): number {
  return shape.at(-1) ?? 1;
}

export function uniform(channels: number, low: number, high: number): Ranges {
  return { low: new Int32Array(channels).fill(low), high: new Int32Array(channels).fill(high) };
}

export function fullRange(type: TensorType): Ranges {
  return uniform(channelCount(type), ...integerRange(type.dtype));
}

/** One interval around those of all channels, for each of `channels`. */
export function hull({ low, high }: Ranges, channels: number): Ranges {
  return uniform(channels, Math.min(...low), Math.max(...high));
}
