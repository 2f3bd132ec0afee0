/** Image files, told apart by their first bytes. */
import { readWhole } from './byte-reader.ts';
import { DataError } from './error.ts';
import { decodeJpeg, isJpeg } from './jpeg.ts';
import { decodePng, isPng } from './png.ts';

export interface DecodedImage {
  readonly width: number;
  readonly height: number;
  /** 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA. */
  readonly channels: number;
  /** [height, width, channels], in [0, 255]. */
  readonly values: Float64Array;
}

export const MAX_IMAGE_PIXELS = 2 ** 24;
const MAX_FILE_BYTES = 2 ** 27;

export const IMAGE_EXTENSIONS = ['.png', '.jpg', '.jpeg'];

/** Throws DataError. */
export function readImage(path: string): DecodedImage {
  const bytes = readWhole(path, MAX_FILE_BYTES);
  if (isPng(bytes)) return decodePng(bytes, path);
  if (isJpeg(bytes)) return decodeJpeg(bytes, path);
  throw new DataError({ file: path, expected: 'a PNG or JPEG image', found: 'other content' });
}
