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
  paddingAttr,
  windowExtent,
} from './shared.ts';

const poolAttrs = z.strictObject({
  window: z.tuple([extent, extent]),
  stride: z.tuple([extent, extent]),
  padding: paddingAttr,
  activation: activationAttr,
});
export type PoolAttrs = z.infer<typeof poolAttrs>;

const POOL_SIGNATURES = signaturesFor('T -> T', ['i8', 'u8', 'i16', 'f32']);

/** Where float maxima start: the lowest finite f32, as the reference kernels have it. */
export const LOWEST_F32 = -(2 - 2 ** -23) * 2 ** 127;

export function poolGeometry(x: TensorType, y: TensorType, attrs: PoolAttrs): WindowGeometry {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const [, outHeight, outWidth] = y.shape as [number, number, number, number];
  const { window, stride, padding } = attrs;
  const output = { height: outHeight, width: outWidth, channels };
  return { batch, input: { height, width, channels }, output, window, stride, dilation: [1, 1], padding };
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

function inferPool({ inputs, attrs }: { inputs: readonly TensorType[]; attrs: PoolAttrs }): number[][] {
  const x = inputs[0] as TensorType;
  expectRank(x, 4, 'x');
  const { window, stride, padding } = attrs;
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  if (Math.max(padding.top, padding.bottom) >= window[0] || Math.max(padding.left, padding.right) >= window[1]) {
    throw new OpError(
      `expected padding smaller than the ${window.join('x')} window, so that every window has an element, found ` +
        `top ${padding.top}, bottom ${padding.bottom}, left ${padding.left}, right ${padding.right}`,
    );
  }
  const outHeight = windowExtent(height, window[0], stride[0], 1, padding.top + padding.bottom);
  const outWidth = windowExtent(width, window[1], stride[1], 1, padding.left + padding.right);
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

/** `pool` makes the result of one channel from the indices of the elements in its window. */
function evaluatePool(
  { inputs, outputs, attrs }: EvaluateContext<PoolAttrs>,
  poolOf: (xs: ArrayLike<number>, dtype: DType) => (elements: readonly number[]) => number,
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
      for (let ox = 0; ox < g.output.width; ox++) {
        const pixels = insideTaps(g, oy, ox).map(({ pixel }) => (n * height * width + pixel) * channels);
        for (let c = 0; c < channels; c++) {
          const value = pool(pixels.map((start) => start + c));
          y[out++] = x.type.dtype === 'f32' ? activateFloat(value, attrs.activation) : clampInt(value, low, high);
        }
      }
    }
  }
  return [y];
}

const average_pool2d = defineOp<PoolAttrs>({
  doc:
    'y[n,oy,ox,c] = act(mean over the window of x[n, oy*stride + ky - pad, ..., c]); positions outside the image do not ' +
    'count. Integers: stored values are summed in i32, wrapping, and divided with ties away from zero. Floats: f32, ' +
    'summed in the order ky, kx, each step rounded, and divided; NaN in the window gives NaN, an overflow infinity.',
  attrs: poolAttrs,
  inputs: ['x'],
  outputs: ['y'],
  signatures: POOL_SIGNATURES,
  traits: {},
  infer: inferPool,
  check: checkPool,
  evaluate: (context) =>
    evaluatePool(context, (xs, dtype) => (elements) => {
      if (dtype !== 'f32') {
        return roundedQuotient(
          elements.reduce((sum, i) => sum + (xs[i] as number), 0),
          elements.length,
        );
      }
      return fround(elements.reduce((sum, i) => fround(sum + (xs[i] as number)), 0) / elements.length);
    }),
});

const max_pool2d = defineOp<PoolAttrs>({
  doc:
    'y[n,oy,ox,c] = act(max over the window of x[n, oy*stride + ky - pad, ..., c]); positions outside the image do not ' +
    'count. Floats: an element replaces the maximum only if it is larger, starting from the lowest finite f32, so NaN ' +
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
