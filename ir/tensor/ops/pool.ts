/** Pooling over NHWC images. */
import { z } from 'zod';
import { activationBounds, clampInt, quantizedActivationRange } from '../fixed-point.ts';
import { defineOp, type EvaluateContext, OpError, signaturesFor } from '../op.ts';
import {
  type DType,
  elementCount,
  integerRange,
  newData,
  sameQuant,
  type Tensor,
  type TensorData,
  type TensorType,
  typeText,
} from '../types.ts';
import { insideTaps, type WindowGeometry } from './conv.ts';
import {
  activateFloat,
  activationAttr,
  expectRank,
  extent,
  fround,
  numbersOf,
  type Padding,
  paddingAttr,
  windowExtent,
} from './shared.ts';

/** `dilation`: rows and columns from one element of the window to the next, 1 if left out. */
const poolAttrs = z.strictObject({
  window: z.tuple([extent, extent]),
  stride: z.tuple([extent, extent]),
  dilation: z.tuple([extent, extent]).optional(),
  padding: paddingAttr,
  activation: activationAttr,
});
export type PoolAttrs = z.infer<typeof poolAttrs>;

/**
 * `counted`: how much of the padding, next to the image, counts as zeros in the mean. Left out, none does. All of it says
 * ONNX's count_include_pad; less at the end than `padding` has there says that ceil_mode added the rest, which never counts.
 */
const averageAttrs = poolAttrs.extend({ counted: paddingAttr.optional() });
export type AverageAttrs = z.infer<typeof averageAttrs>;

const POOL_SIGNATURES = signaturesFor('T -> T', ['i8', 'u8', 'i16', 'f32']);

/** Where float maxima start: the lowest finite f32, as the reference kernels have it. */
export const LOWEST_F32 = -(2 - 2 ** -23) * 2 ** 127;

export function poolGeometry(x: TensorType, y: TensorType, attrs: PoolAttrs): WindowGeometry {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const [, outHeight, outWidth] = y.shape as [number, number, number, number];
  const { window, stride, dilation = [1, 1], padding } = attrs;
  const output = { height: outHeight, width: outWidth, channels };
  return { batch, input: { height, width, channels }, output, window, stride, dilation, padding };
}

/** The stored integers that the activation leaves. */
export function poolRange(y: TensorType, attrs: PoolAttrs): readonly [number, number] {
  if (attrs.activation === 'none') return integerRange(y.dtype);
  return quantizedActivationRange(attrs.activation, y as Parameters<typeof quantizedActivationRange>[1]);
}

/** `sum / count` to the nearest integer, ties away from zero; the sum and what is added to round it wrap to i32. */
export function roundedQuotient(sum: number, count: number): number {
  const wrapped = sum | 0;
  const half = Math.trunc(count / 2);
  return Math.trunc(((wrapped > 0 ? wrapped + half : wrapped - half) | 0) / count);
}

/** Whether some window that begins before the first of `extent` elements steps over all of them. */
function stepsOver(
  extent: number,
  pads: readonly [number, number],
  reach: number,
  stride: number,
  step: number,
): boolean {
  const last = Math.min(-1, extent + pads[1] - 1 - reach);
  // The places where windows enter repeat after `step` windows.
  for (let i = 0, first = -pads[0]; i < step && first <= last; i++, first += stride) {
    if (-first % step !== 0 && step - (-first % step) >= extent) return true;
  }
  return false;
}

/** Why some window has no element inside the image, or undefined. */
export function emptyWindowFault(x: TensorType, attrs: PoolAttrs): string | undefined {
  const { window, stride, dilation = [1, 1], padding } = attrs;
  const [, height, width] = x.shape as [number, number, number, number];
  const reach = ([0, 1] as const).map((axis) => (window[axis] - 1) * dilation[axis]) as [number, number];
  const rows = [padding.top, padding.bottom] as const;
  const columns = [padding.left, padding.right] as const;
  if (Math.max(...rows) > reach[0] || Math.max(...columns) > reach[1]) {
    return (
      `expected padding smaller than the ${window.join('x')} window, so that every window has an element, found ` +
      `top ${padding.top}, bottom ${padding.bottom}, left ${padding.left}, right ${padding.right}`
    );
  }
  const isEmpty =
    stepsOver(height, rows, reach[0], stride[0], dilation[0]) ||
    stepsOver(width, columns, reach[1], stride[1], dilation[1]);
  return isEmpty
    ? `expected every window to have an element of the ${height}x${width} image, found one that steps over it (dilation ${dilation.join('x')})`
    : undefined;
}

function inferPool({ inputs, attrs }: { inputs: readonly TensorType[]; attrs: PoolAttrs }): number[][] {
  const x = inputs[0] as TensorType;
  expectRank(x, 4, 'x');
  const { window, stride, dilation = [1, 1], padding } = attrs;
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const fault = emptyWindowFault(x, attrs);
  if (fault !== undefined) throw new OpError(fault);
  const outHeight = windowExtent(height, window[0], stride[0], dilation[0], padding.top + padding.bottom);
  const outWidth = windowExtent(width, window[1], stride[1], dilation[1], padding.left + padding.right);
  if (outHeight < 1 || outWidth < 1) {
    throw new OpError(`the ${window.join('x')} window does not fit into ${typeText(x)} with its padding`);
  }
  return [[batch, outHeight, outWidth, channels]];
}

/** Stored values are compared and averaged as they are, so both sides must mean the same by them. */
function checkPool(context: {
  inputs: readonly TensorType[];
  outputs: readonly TensorType[];
  attrs: PoolAttrs;
}): string | undefined {
  const [x, y] = [context.inputs[0], context.outputs[0]] as [TensorType, TensorType];
  const single = (type: TensorType) => type.quant.kind === 'affine' && type.quant.scale.length === 1;
  if (x.dtype !== 'f32' && context.attrs.activation !== 'none' && !single(y)) {
    return `expected a per-tensor affine result for activation ${context.attrs.activation}, found ${typeText(y)}`;
  }
  if (sameQuant(x.quant, y.quant) || nearlySame(x, y)) return undefined;
  return `expected equal quantization of operand and result, found ${typeText(x)} and ${typeText(y)}`;
}

/** The reference kernels let scales differ by up to 1e-6. */
function nearlySame(x: TensorType, y: TensorType): boolean {
  if (x.quant.kind !== 'affine' || y.quant.kind !== 'affine') return false;
  if (x.quant.scale.length !== 1 || y.quant.scale.length !== 1) return false;
  const difference = fround((x.quant.scale[0] as number) - (y.quant.scale[0] as number));
  return x.quant.zeroPoint[0] === y.quant.zeroPoint[0] && Math.abs(difference) <= 1e-6;
}

/** The positions along an axis whose taps a mean counts: from `low` up to `high`, the last excluded. */
export function countedSpan(
  g: WindowGeometry,
  axis: 0 | 1,
  counted: Padding | undefined,
): { low: number; high: number } {
  const extent = axis === 0 ? g.input.height : g.input.width;
  if (counted === undefined) return { low: 0, high: extent };
  const [before, after] = axis === 0 ? [counted.top, counted.bottom] : [counted.left, counted.right];
  return { low: -before, high: extent + after };
}

/** How many taps of the windows at an output row (axis 0) or column (axis 1) a mean counts along that axis. */
function countAlong(g: WindowGeometry, axis: 0 | 1, output: number, counted: Padding | undefined): number {
  const { low, high } = countedSpan(g, axis, counted);
  const first = output * g.stride[axis] - (axis === 0 ? g.padding.top : g.padding.left);
  let count = 0;
  for (let tap = 0; tap < g.window[axis]; tap++) {
    const position = first + tap * g.dilation[axis];
    if (position >= low && position < high) count++;
  }
  return count;
}

/** `pool` makes the result of one channel from the indices of the elements in its window and the number that counts. */
function evaluatePool(
  { inputs, outputs, attrs }: EvaluateContext<AverageAttrs>,
  poolOf: (xs: ArrayLike<number>, dtype: DType) => (elements: readonly number[], count: number) => number,
): TensorData[] {
  const x = inputs[0] as Tensor;
  const yType = outputs[0] as TensorType;
  const g = poolGeometry(x.type, yType, attrs);
  const { height, width, channels } = g.input;
  const y = newData(yType.dtype, elementCount(yType.shape));
  const pool = poolOf(numbersOf(x), x.type.dtype);
  const [low, high] = x.type.dtype === 'f32' ? activationBounds(attrs.activation) : poolRange(yType, attrs);
  let out = 0;
  for (let n = 0; n < g.batch; n++) {
    for (let oy = 0; oy < g.output.height; oy++) {
      const rows = countAlong(g, 0, oy, attrs.counted);
      for (let ox = 0; ox < g.output.width; ox++) {
        const pixels = insideTaps(g, oy, ox).map(({ pixel }) => (n * height * width + pixel) * channels);
        const count = rows * countAlong(g, 1, ox, attrs.counted);
        for (let c = 0; c < channels; c++) {
          const value = pool(
            pixels.map((start) => start + c),
            count,
          );
          y[out++] = x.type.dtype === 'f32' ? activateFloat(value, attrs.activation) : clampInt(value, low, high);
        }
      }
    }
  }
  return [y];
}

/** Only floats have a zero that can be counted without asking which stored value it is. */
function checkAverage(context: {
  inputs: readonly TensorType[];
  outputs: readonly TensorType[];
  attrs: AverageAttrs;
}): string | undefined {
  const [x] = context.inputs as [TensorType];
  const { counted, padding } = context.attrs;
  if (counted !== undefined) {
    if (x.dtype !== 'f32') return `expected f32 where padding counts, found ${typeText(x)}`;
    const edge = (['top', 'bottom', 'left', 'right'] as const).find((name) => counted[name] > padding[name]);
    if (edge !== undefined) {
      return `expected at most the padding of ${padding[edge]} to count at the ${edge}, found ${counted[edge]}`;
    }
  }
  return checkPool(context);
}

const average_pool2d = defineOp<AverageAttrs>({
  doc:
    'y[n,oy,ox,c] = act(mean over the window of x[n, oy*stride + ky*dilation - pad, ..., c]); positions outside the image do ' +
    'not count, except that those within `counted` rows and columns of it count as zeros (f32). Integers: stored values are ' +
    'summed in i32, wrapping, and divided with ties away from zero. Floats: f32, summed over the image alone in the order ' +
    'ky, kx, each step rounded, and divided; NaN in the window gives NaN, an overflow infinity.',
  attrs: averageAttrs,
  inputs: ['x'],
  outputs: ['y'],
  signatures: POOL_SIGNATURES,
  traits: {},
  infer: inferPool,
  check: checkAverage,
  evaluate: (context) =>
    evaluatePool(context, (xs, dtype) => (elements, count) => {
      if (dtype !== 'f32') {
        return roundedQuotient(
          elements.reduce((sum, i) => sum + (xs[i] as number), 0),
          count,
        );
      }
      return fround(elements.reduce((sum, i) => fround(sum + (xs[i] as number)), 0) / count);
    }),
});

const max_pool2d = defineOp<PoolAttrs>({
  doc:
    'y[n,oy,ox,c] = act(max over the window of x[n, oy*stride + ky*dilation - pad, ..., c]); positions outside the image do ' +
    'not count. Floats: an element replaces the maximum only if it is larger, starting from the lowest finite f32, so NaN ' +
    'and -Infinity in the window are passed over, and Infinity wins.',
  attrs: poolAttrs,
  inputs: ['x'],
  outputs: ['y'],
  signatures: POOL_SIGNATURES,
  traits: {},
  infer: inferPool,
  check: checkPool,
  evaluate: (context) =>
    evaluatePool(context, (xs, dtype) => (elements) => {
      const start = dtype === 'f32' ? LOWEST_F32 : integerRange(dtype)[0];
      return elements.reduce((most, i) => (most < (xs[i] as number) ? (xs[i] as number) : most), start);
    }),
});

export const POOL_OPS = { average_pool2d, max_pool2d } as const;
