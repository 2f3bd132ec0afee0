/** What a memory plan is asked for: the steps of an inference and the buffers they touch. */

/** One kernel call. Names are those of values; only values that are buffers of the problem take memory. */
export interface MemoryStep {
  readonly name: string;
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  /** Bytes of working memory that live only during the step. */
  readonly scratch: readonly MemoryBuffer[];
  /** Pairs of a read and a written value that may begin at the same address. */
  readonly inPlace: readonly (readonly [read: string, write: string])[];
  readonly overlaps: readonly StepOverlap[];
}

/** The written value may lie over the read one if that begins `distance` bytes or more above it. */
export interface StepOverlap {
  readonly read: string;
  readonly write: string;
  /** Negative: the written value may begin above. */
  readonly distance: number;
}

export interface MemoryBuffer {
  readonly bytes: number;
  readonly align: number;
  /** Bytes that one inference moves to and from it; asked for where there are several memories. */
  readonly moved?: number;
}

/** One of several memories. */
export interface MemoryRegion {
  readonly name: string;
  readonly bytes: number;
  /** What an access costs, relative to the other memories. */
  readonly weight: number;
}

export interface MemoryProblem {
  /** In an order in which every value is written before it is read. Several may write parts of one value. */
  readonly steps: readonly MemoryStep[];
  /** The values that live in the arena. */
  readonly buffers: ReadonlyMap<string, MemoryBuffer>;
  /** Values that live from one inference to the next; they lie at the start of the arena. */
  readonly persistent: ReadonlyMap<string, MemoryBuffer>;
  /** Values, none of `buffers`, that are written over a persistent one of the same size (`written value -> persistent`). */
  readonly successors: ReadonlyMap<string, string>;
  /** The memories that the arena is divided among, each from a multiple of `align`; one without an end unless given. */
  readonly division?: { readonly regions: readonly MemoryRegion[]; readonly align: number };
}

/** A piece of memory with the steps (positions in the order, inclusive) during which it holds something. */
export interface Interval extends MemoryBuffer {
  readonly start: number;
  readonly end: number;
}

/** Two intervals that may overlap: the last step of `upper` reads it and is the first of `lower`, which it writes. */
export interface Sharing {
  /** Indices of intervals. */
  readonly upper: number;
  readonly lower: number;
  /** They may overlap where `upper` begins this many bytes or more above `lower`; infinite where they may not so. */
  readonly distance: number;
  /** They may overlap where both begin at the same offset. */
  readonly sameOffset: boolean;
}

/** The most bytes by which two buffers overlap when one begins `distance` bytes or more above the other. */
export function mostShared(upperBytes: number, lowerBytes: number, distance: number): number {
  return Math.max(0, Math.min(upperBytes, lowerBytes, lowerBytes - distance));
}

export function alignUp(offset: number, align: number): number {
  return Math.ceil(offset / align) * align;
}
