/** Loops over the windows of NHWC images, for kernels of convolution and pooling. */
import { add, affine, type FunctionBuilder, inRange, mul, sub } from '../../ir/loop/build.ts';
import type { Expr } from '../../ir/loop/types.ts';
import type { WindowGeometry } from '../../ir/tensor/ops/conv.ts';
import { countedSpan } from '../../ir/tensor/ops/pool.ts';
import type { Padding } from '../../ir/tensor/ops/shared.ts';

/** Whether some window reaches over an edge of the image. */
export function padded(g: WindowGeometry): boolean {
  return axisPadded(g, 0) || axisPadded(g, 1);
}

export function axisPadded(g: WindowGeometry, axis: 0 | 1): boolean {
  return !countsWhole(g, axis, undefined);
}

/** Whether all windows lie within the positions along an axis that a mean counts, so that each has as many. */
export function countsWhole(g: WindowGeometry, axis: 0 | 1, counted: Padding | undefined): boolean {
  const { low, high } = countedSpan(g, axis, counted);
  const before = axis === 0 ? g.padding.top : g.padding.left;
  const output = axis === 0 ? g.output.height : g.output.width;
  const last = (output - 1) * g.stride[axis] - before + (g.window[axis] - 1) * g.dilation[axis];
  return -before >= low && last < high;
}

/** Runs `body` for every tap of the window at output pixel (oy, ox) that lies inside the image. */
export function forTaps(
  k: FunctionBuilder,
  g: WindowGeometry,
  oy: Expr,
  ox: Expr,
  body: (iy: Expr, ix: Expr, tap: Expr) => void,
): void {
  k.for('ky', 0, g.window[0], (ky) => {
    const iy = k.let('iy', sub(add(mul(oy, g.stride[0]), mul(ky, g.dilation[0])), g.padding.top));
    k.if(axisPadded(g, 0) ? inRange(iy, 0, g.input.height) : 1, () => {
      k.for('kx', 0, g.window[1], (kx) => {
        const ix = k.let('ix', sub(add(mul(ox, g.stride[1]), mul(kx, g.dilation[1])), g.padding.left));
        k.if(axisPadded(g, 1) ? inRange(ix, 0, g.input.width) : 1, () => {
          body(iy, ix, affine([[ky, g.window[1]]], kx));
        });
      });
    });
  });
}

/** Index of the first channel of input pixel (iy, ix) of image n. */
export function pixelIndex(g: WindowGeometry, n: Expr, iy: Expr, ix: Expr): Expr {
  const { height, width, channels } = g.input;
  return affine(
    [
      [n, height * width * channels],
      [iy, width * channels],
    ],
    mul(ix, channels),
  );
}

/** Index of channel oc of output pixel (oy, ox) of image n. */
export function outputIndex(g: WindowGeometry, n: Expr, oy: Expr, ox: Expr, oc: Expr): Expr {
  const { height, width, channels } = g.output;
  return affine(
    [
      [n, height * width * channels],
      [oy, width * channels],
      [ox, channels],
    ],
    oc,
  );
}

/** A 1x1 window that moves by one pixel sees the whole batch as one row of pixels. */
export function flattened(g: WindowGeometry): WindowGeometry {
  const isPointwise = g.window[0] * g.window[1] === 1 && g.stride[0] === 1 && g.stride[1] === 1;
  if (!isPointwise || padded(g)) return g;
  const width = g.batch * g.output.height * g.output.width;
  return { ...g, batch: 1, input: { ...g.input, height: 1, width }, output: { ...g.output, height: 1, width } };
}
