/** Pooling. */
import type { ConvertContext, Converters } from './context.ts';
import { windowPadding } from './window.ts';

function pool(context: ConvertContext, op: 'average_pool2d' | 'max_pool2d'): void {
  const x = context.input(0, 'the image');
  const options = context.options('Pool2DOptions');
  const window: [number, number] = [options.filter_height, options.filter_width];
  if (Math.min(...window) < 1 || Math.max(...window) > 2 ** 24) {
    context.refuse('a window of 1 to 2^24 rows and columns', `${window.join('x')}`);
  }
  context.output(op, [x.value], {
    window,
    stride: [options.stride_h, options.stride_w],
    padding: windowPadding(context, x.type.shape, window, options),
    activation: context.activation(options.fused_activation_function),
  });
}

export const POOL_CONVERTERS = {
  AVERAGE_POOL_2D: (context) => pool(context, 'average_pool2d'),
  MAX_POOL_2D: (context) => pool(context, 'max_pool2d'),
} satisfies Converters;
