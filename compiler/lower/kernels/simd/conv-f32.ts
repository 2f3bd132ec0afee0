/** conv2d and fully_connected in float32. */
import { add, affine, f32, i32, inRange, mul, type Operand, op, sub } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import { activationBounds } from '../../../../ir/tensor/fixed-point.ts';
import { type ConvAttrs, convGeometry, type WindowGeometry } from '../../../../ir/tensor/ops/conv.ts';
import { elementCount, type TensorType } from '../../../../ir/tensor/types.ts';
import type { Kernel, KernelBuilder, Site } from '../../kernel.ts';
import { overlapOf, windowDistance } from '../../overlap.ts';
import { axisPadded, outputIndex, padded } from '../../window.ts';
import {
  buildTile,
  LANES,
  LARGEST_TILE,
  type Product,
  packWeights,
  type Run,
  roundedUp,
  tileSizes,
} from './tile-f32.ts';

type ProductOp = 'conv2d' | 'fully_connected';

/** The reason why operands are not float32 with constant weights and bias, or undefined. */
export function floatFault(site: Site): string | undefined {
  const [x, w] = site.inputs as [TensorType, TensorType];
  if (site.target.vector !== 'v128' && site.target.vector !== 'v128-relaxed') return 'needs 128-bit vectors';
  if (x.dtype !== 'f32' || w.dtype !== 'f32') return `takes float32, not ${x.dtype} by ${w.dtype}`;
  if (site.constant(1) === undefined) return 'weights are not constant';
  if (site.inputs[2] !== undefined && site.constant(2) === undefined) return 'bias is not constant';
  return undefined;
}

/** Bias and activation for four channels at a time. */
export function floatTail(k: KernelBuilder, channels: number): (sum: Expr, channel: Operand) => Expr {
  const { activation } = k.site.attrs as ConvAttrs;
  const [low, high] = activationBounds(activation);
  const data = k.site.constant(2)?.data;
  // A sum that began at +0 is never -0, so there adding no bias changes nothing.
  const bias = data === undefined ? undefined : k.rom('bias', 'f32', paddedTo(data as Float32Array, channels));
  return (sum, channel) => {
    const biased = bias === undefined ? sum : op('f32x4.add', [sum, bias.at(channel, 'v128')]);
    const raised = low === Number.NEGATIVE_INFINITY ? biased : op('f32x4.pmax', [biased, splat(low)]);
    return high === Number.POSITIVE_INFINITY ? raised : op('f32x4.pmin', [raised, splat(high)]);
  };
}

function paddedTo(values: Float32Array, channels: number): Float32Array {
  const data = new Float32Array(roundedUp(channels, LANES));
  data.set(values);
  return data;
}

function splat(value: number): Expr {
  return op('f32x4.splat', [f32(value)]);
}

/** Declares the operands. */
function productOf(k: KernelBuilder<ProductOp>): Product {
  const builder = k as unknown as KernelBuilder;
  const w = k.site.inputs[1] as TensorType;
  const channels = w.shape[0] as number;
  const depth = elementCount(w.shape) / channels;
  const x = k.input(0, 'x');
  const weights = k.rom('w', 'f32', packWeights(k.site.constant(1)?.data as Float32Array, channels, depth));
  return { channels, depth, x, weights, finish: floatTail(builder, channels), y: k.output(0, 'y') };
}

function geometryOf({ inputs, outputs, attrs }: Site<'conv2d'>): WindowGeometry {
  const [x, w] = inputs as [TensorType, TensorType];
  return convGeometry(x, w, outputs[0] as TensorType, attrs);
}

function applies(site: Site<ProductOp>): true | string {
  const fault = floatFault(site as unknown as Site);
  if (fault !== undefined) return fault;
  const [x, w] = site.inputs as [TensorType, TensorType];
  return site.op === 'conv2d' && x.shape[3] !== w.shape[3] ? 'channels form groups' : true;
}

/** Rows of `depth` neighbouring activations by all channels: 1x1 convolution, and fully connected. */
function buildRows(k: KernelBuilder, p: Product, rows: number): void {
  const tile = (pixels: number) => (row: Expr) => {
    const run = { step: 0, length: p.depth, from: mul(row, p.depth), offset: 0, pixels: upTo(pixels) };
    const out = k.let('out', mul(row, p.channels));
    buildTile(k, p, { pixels, pixelStride: p.depth, runs: (visit) => visit(run), out });
  };
  let start = 0;
  const sizes = tileSizes(rows);
  for (const size of new Set(sizes)) {
    const end = start + size * sizes.filter((one) => one === size).length;
    k.for('row', start, end, tile(size), { step: size });
    start = end;
  }
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

/** Columns of the window that the same pixels of a tile meet inside the image. */
interface Columns {
  readonly first: number;
  readonly count: number;
  readonly pixels: readonly number[];
}

/** Tiles of an output row, `count` of one kind side by side. */
interface RowTiles {
  readonly start: number;
  readonly pixels: number;
  readonly count: number;
  readonly columns: readonly Columns[];
}

function columnsOf(g: WindowGeometry, start: number, pixels: number): Columns[] {
  const list: Columns[] = [];
  for (let kx = 0; kx < g.window[1]; kx++) {
    const inside = upTo(pixels).filter((pixel) => {
      const ix = (start + pixel) * g.stride[1] - g.padding.left + kx * g.dilation[1];
      return ix >= 0 && ix < g.input.width;
    });
    const last = list.at(-1);
    if (last?.pixels.join() === inside.join()) list[list.length - 1] = { ...last, count: last.count + 1 };
    else if (inside.length > 0) list.push({ first: kx, count: 1, pixels: inside });
  }
  return list;
}

/** How an output row is cut. Tiles whose windows all lie inside the image are alike when they are of one size. */
function rowTiles(g: WindowGeometry): RowTiles[] {
  const list: RowTiles[] = [];
  let start = 0;
  for (const pixels of tileSizes(g.output.width)) {
    const columns = columnsOf(g, start, pixels);
    const last = list.at(-1);
    if (last && isInside(g, last) && isInside(g, { columns, pixels }) && last.pixels === pixels) {
      list[list.length - 1] = { ...last, count: last.count + 1 };
    } else list.push({ start, pixels, count: 1, columns });
    start += pixels;
  }
  return list;
}

function isInside(g: WindowGeometry, { columns, pixels }: Pick<RowTiles, 'columns' | 'pixels'>): boolean {
  return columns.length === 1 && columns[0]?.count === g.window[1] && columns[0].pixels.length === pixels;
}

/** Each kind of tile is code of its own. */
const MOST_KINDS = 12;

function buildWindows(k: KernelBuilder<'conv2d'>): void {
  const builder = k as unknown as KernelBuilder;
  const g = geometryOf(k.site);
  const p = productOf(k as unknown as KernelBuilder<ProductOp>);
  const { channels, width, height } = g.input;
  const [kh, kw] = g.window;
  const pixelStride = g.stride[1] * channels;
  const tiles = rowTiles(g);
  k.forAll(['n', 'oy'], [g.batch, g.output.height], ([n, oy]) => {
    for (const { start, pixels, count, columns } of tiles) {
      const tile = (ox: Expr) => {
        // With a constant ox what leads to the tile is a constant too, and may be negative where pixel 0 takes no part.
        const fixed = ox.kind === 'const' ? ((ox.value as number) * g.stride[1] - g.padding.left) * channels : 0;
        const runs = (visit: (run: Run) => void) => {
          k.for('ky', 0, kh, (ky) => {
            const iy = k.let(
              'iy',
              sub(
                affine([
                  [oy as Expr, g.stride[0]],
                  [ky, g.dilation[0]],
                ]),
                g.padding.top,
              ),
            );
            k.if(axisPadded(g, 0) ? inRange(iy, 0, height) : 1, () => {
              const row = affine([
                [n as Expr, height * width * channels],
                [iy, width * channels],
              ]);
              const from = ox.kind === 'const' ? row : sub(add(row, mul(ox, pixelStride)), g.padding.left * channels);
              for (const part of columns) visitColumns(k, g, { ky, kw, from, fixed, part }, visit);
            });
          });
        };
        const out = k.let('out', outputIndex(g, n as Expr, oy as Expr, ox, i32(0)));
        buildTile(builder, p, { pixels, pixelStride, runs, out });
      };
      k.for('ox', start, start + count * pixels, tile, { step: pixels });
    }
  });
}

interface Where {
  readonly ky: Expr;
  readonly kw: number;
  readonly from: Expr;
  readonly fixed: number;
  readonly part: Columns;
}

/** Columns next to one another are one run where the window is not dilated. */
function visitColumns(k: KernelBuilder<'conv2d'>, g: WindowGeometry, where: Where, visit: (run: Run) => void): void {
  const { channels } = g.input;
  const { ky, kw, from, fixed, part } = where;
  const stepOf = (kx: Operand) => affine([[ky, kw * channels]], mul(kx, channels));
  const offset = fixed + part.first * g.dilation[1] * channels;
  if (g.dilation[1] === 1) {
    visit({ step: stepOf(part.first), length: part.count * channels, from, offset, pixels: part.pixels });
    return;
  }
  k.for('kx', 0, part.count, (kx) => {
    visit({
      step: stepOf(add(kx, part.first)),
      length: channels,
      from: add(from, mul(kx, g.dilation[1] * channels)),
      offset,
      pixels: part.pixels,
    });
  });
}

function isPointwise(g: WindowGeometry): boolean {
  return g.window[0] * g.window[1] === 1 && g.stride[0] === 1 && g.stride[1] === 1 && !padded(g);
}

const DOC =
  'six pixels by 8 channels: 12 accumulators = 0; for each step of the depth: 2 vectors of weights, each pixel spread to ' +
  'all lanes, multiply and add; bias and activation in vectors.';

const conv2d1x1: Kernel<'conv2d'> = {
  name: 'conv2d_1x1_f32',
  doc: `for each tile of up to ${DOC}`,
  applies: (site) => {
    const verdict = applies(site as unknown as Site<ProductOp>);
    return verdict === true && !isPointwise(geometryOf(site)) ? 'is not a 1x1 window that moves by one pixel' : verdict;
  },
  overlap: (site) => {
    const g = geometryOf(site);
    const width = g.batch * g.output.height * g.output.width;
    const flat = { ...g, batch: 1, input: { ...g.input, height: 1, width }, output: { ...g.output, height: 1, width } };
    return tileOverlap(site, flat);
  },
  build(k) {
    const { batch, output } = geometryOf(k.site);
    const rows = batch * output.height * output.width;
    buildRows(k as unknown as KernelBuilder, productOf(k as unknown as KernelBuilder<ProductOp>), rows);
  },
};

/** The channels of a tile are stored eight by eight, and its windows are read again for each. */
function tileOverlap(site: Site<'conv2d'>, g: WindowGeometry) {
  const [x, y] = [site.inputs[0] as TensorType, site.outputs[0] as TensorType];
  return overlapOf(site as unknown as Site, 0, windowDistance(g, x, y, { ahead: LARGEST_TILE }));
}

const conv2dWindows: Kernel<'conv2d'> = {
  name: 'conv2d_f32',
  doc: `for each output row, with code of its own for tiles at its ends; for each row of the window inside the image; for each tile of up to ${DOC}`,
  applies: (site) => {
    const verdict = applies(site as unknown as Site<ProductOp>);
    if (verdict !== true) return verdict;
    const kinds = rowTiles(geometryOf(site)).length;
    return kinds <= MOST_KINDS || `${kinds} tiles of a row reach over its ends; at most ${MOST_KINDS} become code`;
  },
  overlap: (site) => tileOverlap(site, geometryOf(site)),
  build: buildWindows,
};

const fullyConnected: Kernel<'fully_connected'> = {
  name: 'fully_connected_f32',
  doc: `for each tile of rows, one row by 48 channels or up to ${DOC}`,
  applies: (site) => applies(site as unknown as Site<ProductOp>),
  build(k) {
    const p = productOf(k as unknown as KernelBuilder<ProductOp>);
    buildRows(k as unknown as KernelBuilder, p, elementCount((k.site.inputs[0] as TensorType).shape) / p.depth);
  },
};

export const CONV_F32 = { conv2d: [conv2d1x1, conv2dWindows], fully_connected: [fullyConnected] } as const;
