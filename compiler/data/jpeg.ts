/** JPEG images through jpeg-js: baseline and progressive, grey, YCbCr and CMYK, which become grey-in-RGB or RGB. */
import { decode } from 'jpeg-js';
import { DataError } from './error.ts';
import { type DecodedImage, MAX_IMAGE_PIXELS } from './image.ts';

const START_OF_SCAN = 0xda;
/** Each scan passes over the whole image. Encoders write about ten; hostile files write thousands of empty ones. */
const MAX_SCANS = 64;

export function isJpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;
}

/** RGB in [0, 255]. Throws DataError naming `file`. */
export function decodeJpeg(bytes: Uint8Array, file: string): DecodedImage {
  const scans = countScans(bytes);
  if (scans > MAX_SCANS) throw new DataError({ file, expected: `at most ${MAX_SCANS} scans`, found: `${scans}` });
  try {
    const { width, height, data } = decode(bytes, {
      useTArray: true,
      formatAsRGBA: false,
      tolerantDecoding: false,
      maxResolutionInMP: MAX_IMAGE_PIXELS / 1e6,
      maxMemoryUsageInMB: 1024,
    });
    return { width, height, channels: 3, values: Float64Array.from(data) };
  } catch (error) {
    throw new DataError({
      file,
      expected: 'a whole JPEG image',
      found: error instanceof Error ? error.message : String(error),
    });
  }
}

/** In compressed data a byte 0xff is followed by 0 or by a restart marker, so none is counted there. */
function countScans(bytes: Uint8Array): number {
  let count = 0;
  for (let at = 0; at + 1 < bytes.length; at++) if (bytes[at] === 0xff && bytes[at + 1] === START_OF_SCAN) count++;
  return count;
}
