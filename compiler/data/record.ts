/** What the readers of all formats give: numbers with a shape, not yet fitted to any model. */

/** What the numbers are, which decides how `preprocess` treats them. */
export type RecordKind =
  /** Rows of pixels, [height, width, channels]; grey, grey and alpha, RGB or RGBA. */
  | 'image'
  /** Samples of one channel, [n], in [-1, 1]. */
  | 'audio'
  /** Anything else. */
  | 'array'
  /** The bytes of a model's input as it stores them; `values` holds one byte each. */
  | 'bytes';

export interface DataRecord {
  /** For messages: the path of an image, `x.npy: sample 3`. */
  readonly name: string;
  readonly kind: RecordKind;
  readonly shape: readonly number[];
  /** Row-major; as many as the product of `shape`. */
  readonly values: Float64Array | Uint8Array;
  /** Of audio. */
  readonly samplesPerSecond?: number;
  /** Of a file in a folder of its own below the data folder: that folder's name. */
  readonly group?: string;
}

/** Called once for each index, in rising order, before the sample is decoded. */
export type Wanted = (index: number) => boolean;

/** One source of samples, opened but not read. It can be read any number of times. */
export interface Reader {
  /** For the user: `idx, 10000 x [28,28]`. */
  readonly description: string;
  /** How many samples there are. */
  readonly count: number;
  /** Streams the wanted samples in their order. Throws DataError. */
  records(wanted: Wanted): AsyncIterable<DataRecord>;
}

/** No sample may have more numbers than this: damaged headers declare any size. */
export const MAX_SAMPLE_ELEMENTS = 2 ** 26;

export const everySample: Wanted = () => true;
