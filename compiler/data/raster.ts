/** Images as numbers and the steps on them: size, part, channels. Everything is computed in double precision. */
import { DataError } from './error.ts';
import type { Preprocess } from './spec.ts';

export interface Raster {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** [height, width, channels]. */
  readonly values: Float64Array;
}

type Resize = NonNullable<Preprocess['resize']>;
type Crop = NonNullable<Preprocess['crop']>;
export type ChannelOrder = NonNullable<Preprocess['channels']>;

export const CHANNELS_OF: Readonly<Record<ChannelOrder, number>> = { gray: 1, rgb: 3, bgr: 3, rgba: 4 };

/** No image may be enlarged beyond this many numbers. */
const MAX_VALUES = 2 ** 26;

/** [channels, height, width] as [height, width, channels]. */
export function fromPlanes(values: ArrayLike<number>, channels: number, height: number, width: number): Raster {
  const result = new Float64Array(values.length);
  const pixels = height * width;
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < pixels; i++) result[i * channels + c] = values[c * pixels + i] as number;
  }
  return { height, width, channels, values: result };
}

export function toPlanes({ height, width, channels, values }: Raster): Float64Array {
  const result = new Float64Array(values.length);
  const pixels = height * width;
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < pixels; i++) result[c * pixels + i] = values[i * channels + c] as number;
  }
  return result;
}

/**
 * Pixel centres lie at halves: row y of n comes from (y + 1/2) * height / n - 1/2. Bilinear takes the four neighbours
 * there, those outside being the nearest inside, and does not smooth when it makes smaller; nearest takes the pixel that
 * holds the centre. Throws DataError for sizes beyond the limit.
 */
export function resized(image: Raster, to: Resize, file: string): Raster {
  const [height, width] = 'shorter' in to ? sizeByShorter(image, to.shorter) : [to.height, to.width];
  if (height * width * image.channels > MAX_VALUES) {
    throw new DataError({ file, expected: `at most ${MAX_VALUES} numbers`, found: `a resize to ${height} x ${width}` });
  }
  const method = to.method === 'nearest' ? nearestWeights : bilinearWeights;
  const rows = method(image.height, height);
  const columns = method(image.width, width);
  const { channels, values } = image;
  const result = new Float64Array(height * width * channels);
  const at = (y: number, x: number, c: number) => values[(y * image.width + x) * channels + c] as number;
  for (const [y, row] of rows.entries()) {
    for (const [x, column] of columns.entries()) {
      for (let c = 0; c < channels; c++) {
        const above = at(row.low, column.low, c) * (1 - column.part) + at(row.low, column.high, c) * column.part;
        const below = at(row.high, column.low, c) * (1 - column.part) + at(row.high, column.high, c) * column.part;
        result[(y * width + x) * channels + c] = above * (1 - row.part) + below * row.part;
      }
    }
  }
  return { height, width, channels, values: result };
}

function sizeByShorter({ height, width }: Raster, shorter: number): readonly [number, number] {
  return height <= width
    ? [shorter, Math.floor((shorter * width) / height)]
    : [Math.floor((shorter * height) / width), shorter];
}

/** Two neighbours and how far from the first towards the second, for each of `to` places. */
interface Place {
  readonly low: number;
  readonly high: number;
  readonly part: number;
}

function bilinearWeights(from: number, to: number): Place[] {
  return Array.from({ length: to }, (_, i) => {
    const place = Math.max(0, ((i + 0.5) * from) / to - 0.5);
    const low = Math.min(Math.floor(place), from - 1);
    return { low, high: Math.min(low + 1, from - 1), part: place - low };
  });
}

function nearestWeights(from: number, to: number): Place[] {
  return Array.from({ length: to }, (_, i) => {
    const low = Math.min(Math.floor(((i + 0.5) * from) / to), from - 1);
    return { low, high: low, part: 0 };
  });
}

/** Throws DataError when the part does not lie within the image. */
export function cropped(image: Raster, { height, width, top, left }: Crop, file: string): Raster {
  const y0 = top ?? Math.floor((image.height - height) / 2);
  const x0 = left ?? Math.floor((image.width - width) / 2);
  if (y0 < 0 || x0 < 0 || y0 + height > image.height || x0 + width > image.width) {
    throw new DataError({
      file,
      expected: `an image that holds a crop of ${height} x ${width} at row ${Math.max(y0, 0)}, column ${Math.max(x0, 0)}`,
      found: `${image.height} x ${image.width}`,
      advice: 'resize before the crop, or crop less',
    });
  }
  const { channels } = image;
  const values = new Float64Array(height * width * channels);
  for (let y = 0; y < height; y++) {
    const from = ((y0 + y) * image.width + x0) * channels;
    values.set(image.values.subarray(from, from + width * channels), y * width * channels);
  }
  return { height, width, channels, values };
}

/** Grey from colours is 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601); alpha is dropped, and is 255 where there was none. */
export function reordered(image: Raster, order: ChannelOrder): Raster {
  const { height, width, channels, values } = image;
  const made = CHANNELS_OF[order];
  const result = new Float64Array(height * width * made);
  const isColour = channels >= 3;
  for (let i = 0; i < height * width; i++) {
    const first = values[i * channels] as number;
    const [r, g, b] = isColour
      ? [first, values[i * channels + 1] as number, values[i * channels + 2] as number]
      : [first, first, first];
    const alpha = channels === 2 || channels === 4 ? (values[i * channels + channels - 1] as number) : 255;
    const grey = isColour ? 0.299 * r + 0.587 * g + 0.114 * b : first;
    const pixel = { gray: [grey], rgb: [r, g, b], bgr: [b, g, r], rgba: [r, g, b, alpha] }[order];
    result.set(pixel, i * made);
  }
  return { height, width, channels: made, values: result };
}
