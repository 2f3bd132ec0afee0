/** conv2d and fully_connected with int8 activations and weights. */
import { add, affine, i32, mul, op } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import { type ConvAttrs, convGeometry, convStage, type WindowGeometry } from '../../../../ir/tensor/ops/conv.ts';
import { fullyConnectedStage } from '../../../../ir/tensor/ops/matmul.ts';
import { biasValues, type OutputStage } from '../../../../ir/tensor/ops/shared.ts';
import { affineOf, elementCount, type TensorType } from '../../../../ir/tensor/types.ts';
import type { Kernel, KernelBuilder, Overlap, Site } from '../../kernel.ts';
import { overlapOf, windowDistance } from '../../overlap.ts';
import { type AccumulatorRange, accumulatorRange } from '../../proved-scale.ts';
import { outputIndex, padded } from '../../window.ts';
import { type Dot, dotOf, stageFill, stageRun } from './dot-i8.ts';
import { channelOrder, forTiles, madeAgain, type Tiling, tilingOf } from './order-i8.ts';
import { laneTable, scaleApplies, vectorScale } from './requantize-i8.ts';
import { ringBuffer, ringOverlap, rowRing } from './rows-i8.ts';
import { buildTile, type Depth, depthOf, mostPixels, type Product, packWeights, tileCost } from './tile-i8.ts';

/** What the accumulators of a layer are made of. */
interface Sums {
  readonly channels: number;
  /** Weights per output channel, as stored. */
  readonly depth: number;
  readonly weights: Int8Array;
  readonly bias: ArrayLike<number>;
  readonly zeroPoint: number;
  readonly stage: OutputStage;
}

type ProductOp = 'conv2d' | 'fully_connected';

/** The reason why operands are not int8 with symmetric constant weights, or undefined. */
export function operandFault(site: Site): string | undefined {
  const [x, w] = site.inputs as [TensorType, TensorType];
  if (dotOf(site.target) === undefined) return 'needs 128-bit vectors';
  if (x.dtype !== 'i8' || w.dtype !== 'i8') return `takes int8, not ${x.dtype} by ${w.dtype}`;
  if (site.constant(1) === undefined) return 'weights are not constant';
  if (site.inputs[2] !== undefined && site.constant(2) === undefined) return 'bias is not constant';
  if (w.quant.kind !== 'affine' || w.quant.zeroPoint.some((z) => z !== 0)) return 'weights are not symmetric';
  return undefined;
}

export function biasOf(site: Site, channels: number): ArrayLike<number> {
  const [type, constant] = [site.inputs[2], site.constant(2)];
  return biasValues(type && constant ? { type, data: constant.data } : undefined, channels);
}

function sumsOf(site: Site<ProductOp>): Sums {
  const [x, w] = site.inputs as [TensorType, TensorType];
  const y = site.outputs[0] as TensorType;
  const channels = w.shape[0] as number;
  const stage =
    site.op === 'conv2d'
      ? convStage(x, w, y, site.attrs as ConvAttrs)
      : fullyConnectedStage(x, w, y, site.attrs as Site<'fully_connected'>['attrs']);
  return {
    channels,
    depth: elementCount(w.shape) / channels,
    weights: site.constant(1)?.data as Int8Array,
    bias: biasOf(site as unknown as Site, channels),
    zeroPoint: affineOf(x).zeroPoint,
    stage,
  };
}

function rangesOf({ channels, depth, weights, bias, zeroPoint }: Sums): AccumulatorRange[] {
  return Array.from({ length: channels }, (_, c) =>
    accumulatorRange(weights.subarray(c * depth, (c + 1) * depth), bias[c] as number, {
      low: -128,
      high: 127,
      zeroPoint,
    }),
  );
}

function applies(site: Site<ProductOp>): true | string {
  const fault = operandFault(site as unknown as Site);
  if (fault !== undefined) return fault;
  const [x, w] = site.inputs as [TensorType, TensorType];
  if (site.op === 'conv2d' && x.shape[3] !== w.shape[3]) return 'channels form groups';
  const sums = sumsOf(site);
  return scaleApplies(sums.stage, rangesOf(sums));
}

/** Bias minus what the zero point and the staging's offset add to the sum; wraps as the sum does. */
function startOf({ depth, weights, bias, zeroPoint }: Sums, dot: Dot, channel: number): number {
  let sum = 0;
  for (let i = 0; i < depth; i++) sum += weights[channel * depth + i] as number;
  return ((bias[channel] as number) - (zeroPoint + dot.offset) * sum) | 0;
}

/** Declares the operands. A run of the depth is `depth.length` weights, stored one run after the other. */
function productOf(
  k: KernelBuilder,
  sums: Sums,
  depth: Depth,
  pixelStride: number,
  staging: (dot: Dot) => Product['staged'],
): Product {
  const dot = dotOf(k.site.target) as Dot;
  const order = channelOrder(sums.channels);
  const packed = packWeights(
    dot,
    depth,
    order,
    (c, run, i) => sums.weights[c * sums.depth + run * depth.length + i] as number,
  );
  const weights = k.rom('w', 'i8', packed);
  const start = laneTable(
    k,
    'start',
    order.channelAt.map((channel) => startOf(sums, dot, channel)),
  );
  const scale = vectorScale(k, sums.stage, rangesOf(sums), order.channelAt);
  const staged = staging(dot);
  return { dot, depth, order, weights, staged, pixelStride, start, scale, stage: sums.stage, y: k.output(0, 'y') };
}

function tiling({ site }: { readonly site: Pick<Site, 'optimize' | 'target'> }, pixels: number): Tiling {
  const dot = dotOf(site.target) as Dot;
  return tilingOf(pixels, mostPixels(dot), tileCost(dot), site.optimize);
}

/** Rows of `sums.depth` neighbouring activations by all channels: 1x1 convolution, and fully connected. */
function buildRows(k: KernelBuilder, sums: Sums, rows: number): void {
  const dot = dotOf(k.site.target) as Dot;
  const depth = depthOf(dot, 1, sums.depth);
  const tiles = tiling(k, rows);
  const x = k.input(0, 'x');
  const p = productOf(k, sums, depth, depth.padded, ({ elem }) =>
    k.scratch('staged', elem, tiles.pixels * depth.padded + dot.lanes),
  );
  forTiles(k, 'row', rows, tiles, (row, count) => {
    const from = k.let('from', mul(row, sums.depth));
    if (depth.padded === depth.length) {
      stageRun(k, dot, { buffer: x, index: from }, { buffer: p.staged, index: 0 }, count * depth.length);
    } else {
      k.for('pixel', 0, count, (pixel) => {
        const at = { buffer: p.staged, index: mul(pixel, depth.padded) };
        stageRun(k, dot, { buffer: x, index: affine([[pixel, depth.length]], from) }, at, depth.length);
      });
    }
    buildTile(k, p, count, { run: () => i32(0), out: k.let('first', mul(row, sums.channels)) });
  });
}

function isPointwise(g: WindowGeometry): boolean {
  return g.window[0] * g.window[1] === 1 && g.stride[0] === 1 && g.stride[1] === 1 && !padded(g);
}

function geometryOf({ inputs, outputs, attrs }: Site<'conv2d'>): WindowGeometry {
  const [x, w] = inputs as [TensorType, TensorType];
  return convGeometry(x, w, outputs[0] as TensorType, attrs);
}

const conv2d1x1: Kernel<'conv2d'> = {
  name: 'conv2d_1x1_i8',
  doc:
    'for each tile of up to 6 pixels (4 with 16-bit products): stage them; for each 8 channels: accumulators = bias; for ' +
    'each step of the depth: 2 vectors of weights, each pixel spread to all lanes, multiply and add; requantize in vectors.',
  applies: (site) => {
    const verdict = applies(site as unknown as Site<ProductOp>);
    return verdict === true && !isPointwise(geometryOf(site)) ? 'is not a 1x1 window that moves by one pixel' : verdict;
  },
  overlap: (site) => {
    const [x, y] = [site.inputs[0] as TensorType, site.outputs[0] as TensorType];
    const g = geometryOf(site);
    const width = g.batch * g.output.height * g.output.width;
    const flat = { ...g, batch: 1, input: { ...g.input, height: 1, width }, output: { ...g.output, height: 1, width } };
    const ahead = madeAgain(width, tiling({ site }, width));
    return overlapOf(site as unknown as Site, 0, windowDistance(flat, x, y, { ahead }));
  },
  build(k) {
    const g = geometryOf(k.site);
    buildRows(
      k as unknown as KernelBuilder,
      sumsOf(k.site as unknown as Site<ProductOp>),
      g.batch * g.output.height * g.output.width,
    );
  },
};

/** Runs of neighbouring activations in a padded row: whole rows of the window, or its pixels where it is dilated. */
function windowDepth(dot: Dot, g: WindowGeometry): Depth {
  const [kh, kw] = g.window;
  const { channels } = g.input;
  return g.dilation[1] === 1 || kw === 1 ? depthOf(dot, kh, kw * channels) : depthOf(dot, kh * kw, channels);
}

function buildWindows(k: KernelBuilder<'conv2d'>): void {
  const builder = k as unknown as KernelBuilder;
  const g = geometryOf(k.site);
  const sums = sumsOf(k.site as unknown as Site<ProductOp>);
  const dot = dotOf(k.site.target) as Dot;
  const depth = windowDepth(dot, g);
  const { channels } = g.input;
  const x = k.input(0, 'x');
  const p = productOf(builder, sums, depth, g.stride[1] * channels, ({ elem }) =>
    ringBuffer(builder, g, elem as 'i8' | 'i16', channels, dot.step),
  );
  const ring = rowRing(builder, g, {
    lanes: channels,
    copy: (from, to, pixels) =>
      stageRun(k, dot, { buffer: x, index: from }, { buffer: p.staged, index: to }, pixels * channels),
    fill: (to, pixels) => stageFill(k, dot, { buffer: p.staged, index: to }, pixels * channels, sums.zeroPoint),
  });
  const tiles = tiling(k, g.output.width);
  const perRow = depth.runs / g.window[0];
  const runAt = (oy: Expr, ox: Expr) => (run: Expr) => {
    const [ky, kx] = perRow === 1 ? [run, i32(0)] : [op('i32.div_s', [run, perRow]), op('i32.rem_s', [run, perRow])];
    return add(ring.row(oy, ky), affine([[ox, g.stride[1] * channels]], mul(kx, g.dilation[1] * channels)));
  };
  ring.fillEnds();
  k.for('n', 0, g.batch, (n) => {
    ring.begin(n);
    k.for('oy', 0, g.output.height, (oy) => {
      ring.advance(n, oy);
      forTiles(k, 'ox', g.output.width, tiles, (ox, count) => {
        const out = k.let('first', outputIndex(g, n, oy, ox, i32(0)));
        buildTile(builder, p, count, { run: runAt(oy, ox), out });
      });
    });
  });
}

const conv2dRows: Kernel<'conv2d'> = {
  name: 'conv2d_i8',
  doc:
    'for each output row: stage the image rows that it reaches for the first time, padded, in a ring; for each tile of up ' +
    'to 6 pixels and 8 channels: accumulators = bias; for each row of the window and step of it: multiply and add as in ' +
    'conv2d_1x1_i8; requantize in vectors.',
  applies: (site) => applies(site as unknown as Site<ProductOp>),
  overlap: (site) => ringOverlap(site as unknown as Site, geometryOf(site)),
  build: buildWindows,
};

const fullyConnected: Kernel<'fully_connected'> = {
  name: 'fully_connected_i8',
  doc:
    'for each tile of rows: stage it; for each tile of channels (32 or 48 for a single row): accumulators = bias; for each step of ' +
    'the depth: weights, each row spread to all lanes, multiply and add; requantize in vectors.',
  applies: (site) => applies(site as unknown as Site<ProductOp>),
  overlap: (site) => rowOverlap(site as unknown as Site),
  build(k) {
    const sums = sumsOf(k.site as unknown as Site<ProductOp>);
    buildRows(k as unknown as KernelBuilder, sums, elementCount((k.site.inputs[0] as TensorType).shape) / sums.depth);
  },
};

/** A row is staged before its results are stored, and may be staged once more. */
function rowOverlap(site: Site): readonly Overlap[] {
  const [x, w] = site.inputs as [TensorType, TensorType];
  const [channels, depth] = w.shape as [number, number];
  const rows = elementCount(x.shape) / depth;
  const again = madeAgain(rows, tiling({ site }, rows));
  // Before row r is staged, r rows of results have been stored, and so many more before it is staged again.
  const ends = [0, Math.max(0, rows - 1)].map((row) => Math.min(row + again, rows) * channels - row * depth);
  return overlapOf(site, 0, Math.max(0, ...ends));
}

export const CONV_I8 = { conv2d: [conv2d1x1, conv2dRows], fully_connected: [fullyConnected] } as const;
