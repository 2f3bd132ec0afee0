/** Padding of sliding windows. */
import type { Padding } from '../../../../ir/tensor/ops/shared.ts';
import type { PaddingScheme } from '../options.ts';
import type { ConvertContext } from './context.ts';

export interface WindowOptions {
  readonly padding: PaddingScheme;
  readonly stride_h: number;
  readonly stride_w: number;
}

/** Elements before and after one axis so that ceil(input / stride) windows fit; the odd one goes after. */
function samePadding(input: number, window: number, stride: number, dilation: number): [number, number] {
  const total = Math.max((Math.ceil(input / stride) - 1) * stride + (window - 1) * dilation + 1 - input, 0);
  return [Math.floor(total / 2), Math.ceil(total / 2)];
}

/**
 * SAME or VALID as numbers, for an image and a window of [height, width]. Refuses strides and dilations below 1 or
 * beyond 2^24, and images that are not NHWC.
 */
export function windowPadding(
  context: ConvertContext,
  image: readonly number[],
  window: readonly [number, number],
  options: WindowOptions,
  dilation: readonly [number, number] = [1, 1],
): Padding {
  if (image.length !== 4) context.refuse('an NHWC image of four dimensions', `shape [${image.join(', ')}]`);
  const steps = {
    stride_h: options.stride_h,
    stride_w: options.stride_w,
    dilation_h: dilation[0],
    dilation_w: dilation[1],
  };
  for (const [name, step] of Object.entries(steps)) {
    if (step < 1 || step > 2 ** 24) context.refuse(`${name} from 1 to 2^24`, `${step}`);
  }
  if (options.padding === 'VALID') return { top: 0, bottom: 0, left: 0, right: 0 };
  const [top, bottom] = samePadding(image[1], window[0], options.stride_h, dilation[0]);
  const [left, right] = samePadding(image[2], window[1], options.stride_w, dilation[1]);
  return { top, bottom, left, right };
}
