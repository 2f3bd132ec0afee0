/** Operators that sample images at another size. */
import type { ConvertContext, Converters } from './context.ts';
import { movedInput, perAxis } from './moved.ts';

function resize(
  context: ConvertContext,
  op: 'resize_nearest' | 'resize_bilinear',
  table: 'ResizeNearestNeighborOptions' | 'ResizeBilinearOptions',
): void {
  const x = movedInput(context, 0);
  if (x.type.shape.length !== 4) {
    context.refuse('an NHWC image of four dimensions', `shape [${x.type.shape.join(', ')}]`);
  }
  const [height, width] = perAxis(context, 1, 'the new size', 2);
  if (height < 1 || width < 1) context.refuse('a new height and width of 1 and more', `${height} and ${width}`);
  const { align_corners: alignCorners, half_pixel_centers: halfPixelCenters } = context.options(table);
  context.output(op, [x.value], { size: [height, width], alignCorners, halfPixelCenters });
}

export const RESIZE_CONVERTERS = {
  RESIZE_NEAREST_NEIGHBOR: (context) => resize(context, 'resize_nearest', 'ResizeNearestNeighborOptions'),
  RESIZE_BILINEAR: (context) => resize(context, 'resize_bilinear', 'ResizeBilinearOptions'),
} satisfies Converters;
