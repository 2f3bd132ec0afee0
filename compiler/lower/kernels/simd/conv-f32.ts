/** conv2d and fully_connected in float32. */
import { add, affine, i32, inRange, mul, type Operand, sub } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import { convGeometry, type WindowGeometry } from '../../../../ir/tensor/ops/conv.ts';
import { elementCount, type TensorType } from '../../../../ir/tensor/types.ts';
import type { Kernel, KernelBuilder, Site } from '../../kernel.ts';
import { overlapOf, windowDistance } from '../../overlap.ts';
import { axisPadded, outputIndex, padded } from '../../window.ts';
import { floatTail, productFault } from './float-f32.ts';
import { type Columns, rowTiles, rowTilesFault, tileSizes, upTo } from './row-tiles-f32.ts';
import { buildTile, LARGEST_TILE, type Product, packWeights, type Run } from './tile-f32.ts';

type ProductOp = 'conv2d' | 'fully_connected';

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
  const fault = productFault(site as unknown as Site);
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
  const sizes = tileSizes(rows, LARGEST_TILE);
  for (const size of new Set(sizes)) {
    const end = start + size * sizes.filter((one) => one === size).length;
    k.for('row', start, end, tile(size), { step: size });
    start = end;
  }
}

function buildWindows(k: KernelBuilder<'conv2d'>): void {
  const builder = k as unknown as KernelBuilder;
  const g = geometryOf(k.site);
  const p = productOf(k as unknown as KernelBuilder<ProductOp>);
  const { channels, width, height } = g.input;
  const [kh, kw] = g.window;
  const pixelStride = g.stride[1] * channels;
  const tiles = rowTiles(g, LARGEST_TILE);
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
    return rowTilesFault(geometryOf(site), LARGEST_TILE) ?? true;
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
