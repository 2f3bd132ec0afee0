/** conv2d of int8 on Helium. */
import { add, affine, type Buffer, i32, mul, type Operand } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import { convGeometry, convStage, type WindowGeometry, weightZeroPoints } from '../../../../ir/tensor/ops/conv.ts';
import { biasValues } from '../../../../ir/tensor/ops/shared.ts';
import { affineOf, type TensorType } from '../../../../ir/tensor/types.ts';
import type { Kernel, KernelBuilder, Site } from '../../kernel.ts';
import { overlapOf, windowDistance } from '../../overlap.ts';
import { flattened } from '../../window.ts';
import { copyBytes } from './bytes.ts';
import { type Runs, stepsOf } from './dots.ts';
import { Product, type ProductLayer, TILE_PIXELS } from './product.ts';
import { BLOCK, stageRefusal } from './stage.ts';
import { forRows, forTiles, type Window } from './window.ts';

interface Shape {
  readonly g: WindowGeometry;
  readonly x: TensorType;
  readonly w: TensorType;
  readonly y: TensorType;
}

function shapeOf({ inputs, outputs, attrs }: Site<'conv2d'>): Shape {
  const [x, w] = inputs as [TensorType, TensorType];
  const y = outputs[0] as TensorType;
  return { g: flattened(convGeometry(x, w, y, attrs)), x, w, y };
}

function refusal(site: Site<'conv2d'>): string | undefined {
  const { g, x, w, y } = shapeOf(site);
  if (site.target.vector !== 'mve') return 'the target has no Helium';
  if (x.dtype !== 'i8' || w.dtype !== 'i8' || y.dtype !== 'i8') return 'not int8';
  if (site.constant(1) === undefined) return 'the weights are not constant';
  if (site.inputs[2] !== undefined && site.constant(2) === undefined) return 'the bias is not constant';
  if (weightZeroPoints(w).some((zero) => zero !== 0)) return 'the weights have zero points';
  if (w.shape[3] !== g.input.channels) return 'has groups';
  return stageRefusal(convStage(x, w, y, site.attrs));
}

/** The pieces of a pixel's window that lie in one run of memory: rows, or pixels where columns are left out. */
interface Pieces {
  readonly rows: number;
  readonly perRow: number;
  readonly bytes: number;
  /** Bytes from piece to piece within a row. */
  readonly stride: number;
}

function piecesOf(g: WindowGeometry): Pieces {
  const [rows, columns] = g.window;
  const { channels } = g.input;
  if (g.dilation[1] === 1 || columns === 1) return { rows, perRow: 1, bytes: columns * channels, stride: 0 };
  return { rows, perRow: columns, bytes: channels, stride: g.dilation[1] * channels };
}

/** Whether a pixel's pieces are better copied behind one another first: instructions saved against instructions spent. */
function packs(pieces: Pieces, channels: number): boolean {
  const count = pieces.rows * pieces.perRow;
  if (count === 1) return false;
  if (pieces.perRow > 1) return true;
  const apart = stepsOf({ count, bytes: pieces.bytes, stride: 0 });
  const behind = stepsOf({ count: 1, bytes: count * pieces.bytes, stride: 0 });
  return (apart - behind) * 1.8 * channels > apart * 2.5 + 4;
}

const conv2dHelium: Kernel<'conv2d'> = {
  name: 'conv2d_mve',
  doc:
    'for each row: the input rows it sees, with the zero point around them (scratch); for each 3 pixels: for each 2 output ' +
    'channels: six dot products over the window, 16 at a time; then bias, factor and clamp for 16 channels at a time. ' +
    'Windows whose rows are short are first packed.',
  applies: (site) => refusal(site) ?? true,
  overlap: (site) => {
    const { g, x, y } = shapeOf(site);
    return overlapOf(site as unknown as Site, 0, windowDistance(g, x, y, { ahead: 0 }));
  },
  build(k) {
    const { g, x: xType, w: wType, y: yType } = shapeOf(k.site);
    const weights = k.site.constant(1)?.data as Int8Array;
    const biasType = k.site.inputs[2];
    const bias = k.site.constant(2);
    const channels = g.output.channels;
    const pieces = piecesOf(g);
    const packed = packs(pieces, channels);
    const count = pieces.rows * pieces.perRow;
    const depth = count * pieces.bytes;
    const xZero = affineOf(xType).zeroPoint;
    const layer = (runs: Runs): ProductLayer => ({
      stage: convStage(xType, wType, yType, k.site.attrs),
      channels,
      bias: biasType && bias ? biasValues({ type: biasType, data: bias.data }, channels) : undefined,
      xZero,
      weight: (channel, run, at) => weights[channel * depth + run * pieces.bytes + at] as number,
      runs,
    });
    const x = k.input(0, 'x');
    const y = k.output(0, 'y');
    const tilePixels = Math.min(TILE_PIXELS, g.output.width);
    const stride = Math.ceil(depth / BLOCK) * BLOCK;
    const pack = packed ? k.scratch('packed', 'i8', tilePixels * stride + BLOCK) : undefined;
    let product: Product<'conv2d'> | undefined;
    forRows(k, g, x, xZero, (window, n, oy) => {
      const runs = packed
        ? { count: 1, bytes: depth, stride: 0 }
        : { count, bytes: pieces.bytes, stride: window.rowStride };
      product ??= new Product(k, layer(runs), tilePixels);
      const made = product;
      const row = affine([
        [n, g.output.height * g.output.width * channels],
        [oy, g.output.width * channels],
      ]);
      forTiles(k, g.output.width, tilePixels, (ox, pixels) => {
        const out = k.let('out', add(row, mul(ox, channels)));
        if (pack === undefined) {
          const pixelStride = g.stride[1] * g.input.channels;
          const pixelsHere = { start: window.start(ox), count: pixels, stride: pixelStride };
          made.tile({ buffer: window.buffer, slack: window.slack, pixels: pixelsHere }, y, out);
        } else {
          for (let p = 0; p < pixels; p++)
            packPixel(k, window, pieces, k.let('start', window.start(add(ox, p))), pack, p * stride);
          made.tile({ buffer: pack, slack: true, pixels: { start: i32(0), count: pixels, stride } }, y, out);
        }
      });
    });
  },
};

/** Copies the pieces of one pixel's window behind one another. */
function packPixel(
  k: KernelBuilder<'conv2d'>,
  window: Window,
  pieces: Pieces,
  start: Expr,
  pack: Buffer,
  to: number,
): void {
  let at = to;
  for (let row = 0; row < pieces.rows; row++) {
    for (let piece = 0; piece < pieces.perRow; piece++) {
      const from: Operand = add(start, add(row * window.rowStride, piece * pieces.stride));
      if (window.slack) copyLoosely(k, pieces.bytes, window.buffer, from, pack, at);
      else copyBytes(k, pieces.bytes, window.buffer, from, pack, at);
      at += pieces.bytes;
    }
  }
}

/** Whole vectors: what is copied too much is written over by the next piece, or meets weights of zero. */
function copyLoosely(k: KernelBuilder<'conv2d'>, bytes: number, from: Buffer, fromIndex: Expr, to: Buffer, at: number) {
  for (let done = 0; done < bytes; done += BLOCK) k.store(to, at + done, from.at(add(fromIndex, done), 'v128'), 'v128');
}

export const MVE_CONV_KERNELS = [conv2dHelium] as const;
