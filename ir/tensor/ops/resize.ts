/** Ops that sample images at another size. */
import { z } from 'zod';
import { roundEven } from '../fixed-point.ts';
import { defineOp, type InferContext, OpError, signature, signaturesFor } from '../op.ts';
import { elementCount, newData, type Tensor, type TensorData, type TensorType, typeText } from '../types.ts';
import { MOVED_DTYPES, moved, placeIn } from './places.ts';
import { expectRank, extent, fround, numbersOf, numericsAttr } from './shared.ts';

/** `size` is height and width. The flags say which points of the two images coincide: corner pixels, or edges. */
const resizeAttrs = z.strictObject({
  size: z.tuple([extent, extent]),
  alignCorners: z.boolean().default(false),
  halfPixelCenters: z.boolean().default(false),
});
export type ResizeAttrs = z.infer<typeof resizeAttrs>;
const bilinearAttrs = resizeAttrs.extend({ numerics: numericsAttr });
export type BilinearAttrs = z.infer<typeof bilinearAttrs>;
type Modes = Pick<ResizeAttrs, 'alignCorners' | 'halfPixelCenters'>;

function inferResize({ inputs, attrs: { size } }: InferContext<ResizeAttrs>): number[][] {
  const [x] = inputs as [TensorType];
  expectRank(x, 4, 'x');
  return [[x.shape[0] as number, ...size, x.shape[3] as number]];
}

/** Input rows or columns per output one. */
function spans(input: number, output: number, { alignCorners }: Modes): [input: number, output: number] {
  return alignCorners && output > 1 ? [input - 1, output - 1] : [input, output];
}

/** The input row (or column) that each output row shows. In f32, as TensorFlow Lite computes it. */
export function nearestPlaces(input: number, output: number, modes: Modes): readonly number[] {
  const [from, to] = spans(input, output, modes);
  const scale = fround(from / to);
  return Array.from({ length: output }, (_, i) => {
    const place = fround(fround(i + (modes.halfPixelCenters ? 0.5 : 0)) * scale);
    return Math.min(Math.floor(modes.alignCorners ? place + 0.5 : place), input - 1);
  });
}

const resize_nearest = defineOp<ResizeAttrs>({
  doc:
    'y[n, i, j, c] = x[n, r(i), s(j), c] with r(i) = min(floor(i * scale), height - 1), scale = height / new height, all ' +
    'rounded to f32. alignCorners: scale = (height - 1) / (new height - 1), and nearest instead of floor, halves up. ' +
    'halfPixelCenters: i + 0.5 in place of i.',
  attrs: resizeAttrs,
  inputs: ['x'],
  outputs: ['y'],
  signatures: signaturesFor('T -> T', MOVED_DTYPES),
  traits: { movement: true },
  infer: inferResize,
  evaluate({ inputs, outputs, attrs }) {
    const [{ type, data }] = inputs as [Tensor];
    const rows = nearestPlaces(type.shape[1] as number, attrs.size[0], attrs);
    const columns = nearestPlaces(type.shape[2] as number, attrs.size[1], attrs);
    return moved(outputs[0] as TensorType, data, (index) => {
      const [n, i, j, c] = index as [number, number, number, number];
      return placeIn(type.shape, [n, rows[i] as number, columns[j] as number, c]);
    });
  },
});

/** The two input rows (or columns) between which an output row lies, and the weight of the second. */
export interface Blend {
  readonly low: number;
  readonly high: number;
  readonly weight: number;
}

/** One unit of a weight in fixed point. */
export const WEIGHT_ONE = 1024;

/** In fixed point with 10 fraction bits: weights in [0, 1024], 0 where both rows are the same. */
export function fixedBlends(input: number, output: number, modes: Modes): readonly Blend[] {
  const [from, to] = spans(input, output, modes);
  const scale = Math.floor((WEIGHT_ONE * from + Math.floor(to / 2)) / to);
  return Array.from({ length: output }, (_, i) => {
    const place = i * scale + (modes.halfPixelCenters ? Math.floor(scale / 2) - WEIGHT_ONE / 2 : 0);
    const low = Math.min(Math.max(Math.trunc(place / WEIGHT_ONE), 0), input - 1);
    const high = Math.min(Math.trunc((place + WEIGHT_ONE - 1) / WEIGHT_ONE), input - 1);
    return { low, high, weight: low === high ? 0 : place - low * WEIGHT_ONE };
  });
}

/** In f32. Beyond the first and last row the weight may leave [0, 1]. */
export function floatBlends(input: number, output: number, modes: Modes): readonly Blend[] {
  const [from, to] = spans(input, output, modes);
  const scale = fround(from / to);
  return Array.from({ length: output }, (_, i) => {
    const place = modes.halfPixelCenters ? fround(fround(fround(i + 0.5) * scale) - 0.5) : fround(i * scale);
    const low = Math.min(Math.max(Math.floor(place), 0), input - 1);
    return { low, high: Math.min(Math.ceil(place), input - 1), weight: fround(place - low) };
  });
}

/** One unit of a weight of numerics `litert`. */
export const LITERT_WEIGHT_ONE = 2048;

/** Places as XNNPACK computes them, in f32, kept inside the image; weights in units of 2^-11, ties to even. */
export function litertBlends(input: number, output: number, modes: Modes): readonly Blend[] {
  const [from, to] = spans(input, output, modes);
  const scale = fround(from / to);
  const offset = modes.halfPixelCenters ? fround(fround(0.5 * scale) - 0.5) : 0;
  return Array.from({ length: output }, (_, i) => {
    const place = Math.min(Math.max(fround(fround(i * scale) + offset), 0), input - 1);
    const low = Math.floor(place);
    return { low, high: Math.min(low + 1, input - 1), weight: roundEven(fround(place - low) * LITERT_WEIGHT_ONE) };
  });
}

/** Between rows, then between columns, in units of 2^-22, halves up. */
function blendLitert([a, b, c, d]: readonly number[], wy: number, wx: number): number {
  const upper = (a as number) * LITERT_WEIGHT_ONE + ((b as number) - (a as number)) * wx;
  const lower = (c as number) * LITERT_WEIGHT_ONE + ((d as number) - (c as number)) * wx;
  return (upper * LITERT_WEIGHT_ONE + (lower - upper) * wy + 2 ** 21) >> 22;
}

/** Whether a type is interpolated in fixed point; the others in f32. */
export function blendsFixed(type: TensorType): boolean {
  return type.dtype === 'i8' || type.dtype === 'i16';
}

/** Sum over the four neighbours of value * weight * weight, in units of 2^-20, rounded to nearest with halves away from 0. */
function blendFixed([a, b, c, d]: readonly number[], wy: number, wx: number): number {
  const upper = (a as number) * (WEIGHT_ONE - wx) + (b as number) * wx;
  const lower = (c as number) * (WEIGHT_ONE - wx) + (d as number) * wx;
  const sum = upper * (WEIGHT_ONE - wy) + lower * wy;
  return Math.trunc((sum + (sum > 0 ? 2 ** 19 : -(2 ** 19))) / 2 ** 20);
}

/** The same in f32, in TensorFlow Lite's order; `offset` rounds what is cut to an integer afterwards. */
function blendFloat([a, b, c, d]: readonly number[], wy: number, wx: number, offset: number): number {
  const [vy, vx] = [fround(1 - wy), fround(1 - wx)];
  const term = (value: number, y: number, x: number) => fround(fround(value * y) * x);
  const left = fround(term(a as number, vy, vx) + term(c as number, wy, vx));
  const right = fround(fround(left + term(b as number, vy, wx)) + term(d as number, wy, wx));
  return fround(right + offset);
}

type BlendFunction = (corners: readonly number[], wy: number, wx: number) => number;

function bilinearOf(x: TensorType, { numerics }: BilinearAttrs): { blends: typeof fixedBlends; blend: BlendFunction } {
  if (numerics === 'litert') return { blends: litertBlends, blend: blendLitert };
  if (blendsFixed(x)) return { blends: fixedBlends, blend: blendFixed };
  const offset = x.dtype === 'u8' ? 0.5 : 0;
  return { blends: floatBlends, blend: (corners, wy, wx) => blendFloat(corners, wy, wx, offset) };
}

const resize_bilinear = defineOp<BilinearAttrs>({
  doc:
    'y[n, i, j, c] is interpolated between the four pixels of x around (i * scale, j * scale), scale = height / new height. ' +
    'alignCorners: scale = (height - 1) / (new height - 1). halfPixelCenters: (i + 0.5) * scale - 0.5. i8 and i16: places in ' +
    'fixed point with 10 fraction bits, the exact sum rounded to nearest, halves away from 0. f32 and u8: places and sums in ' +
    'f32, each step rounded, u8 with 0.5 added and the fraction cut. NaN and infinities spread to pixels of weight 0 too. ' +
    'With numerics `litert` (8 bits): places in f32, weights of 11 fraction bits, the sum rounded once, halves up.',
  attrs: bilinearAttrs,
  inputs: ['x'],
  outputs: ['y'],
  signatures: ['i8 -> i8', 'i16 -> i16', 'u8 -> u8', 'f32 -> f32'].map(signature),
  traits: {},
  infer(context) {
    if (context.attrs.alignCorners && context.attrs.halfPixelCenters) {
      throw new OpError('expected alignCorners or halfPixelCenters, found both');
    }
    return inferResize(context);
  },
  check({ inputs, outputs, attrs }) {
    const [x, y] = [inputs[0] as TensorType, outputs[0] as TensorType];
    if (attrs.numerics !== undefined && x.dtype !== 'i8' && x.dtype !== 'u8') {
      return `expected 8-bit types for numerics ${attrs.numerics}, found ${typeText(x)}`;
    }
    const same = typeText({ ...x, shape: [] }) === typeText({ ...y, shape: [] });
    return same ? undefined : `expected the quantization of ${typeText(x)}, found ${typeText(y)}`;
  },
  evaluate({ inputs, outputs, attrs }): TensorData[] {
    const [x] = inputs as [Tensor];
    const yType = outputs[0] as TensorType;
    const [batch, height, width, channels] = x.type.shape as [number, number, number, number];
    const data = numbersOf(x);
    const { blends, blend } = bilinearOf(x.type, attrs);
    const rows = blends(height, attrs.size[0], attrs);
    const columns = blends(width, attrs.size[1], attrs);
    const y = newData(yType.dtype, elementCount(yType.shape));
    let out = 0;
    for (let n = 0; n < batch; n++) {
      for (const row of rows) {
        for (const column of columns) {
          for (let channel = 0; channel < channels; channel++) {
            const at = (i: number, j: number) => data[((n * height + i) * width + j) * channels + channel] as number;
            const corners = [
              at(row.low, column.low),
              at(row.low, column.high),
              at(row.high, column.low),
              at(row.high, column.high),
            ];
            y[out++] = blend(corners, row.weight, column.weight);
          }
        }
      }
    }
    return [y];
  },
});

export const RESIZE_OPS = { resize_nearest, resize_bilinear } as const;
