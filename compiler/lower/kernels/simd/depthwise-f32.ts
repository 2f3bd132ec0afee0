/** depthwise_conv2d, average_pool2d and max_pool2d in float32. */
import { affine, op } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import { convGeometry, type WindowGeometry } from '../../../../ir/tensor/ops/conv.ts';
import { LOWEST_F32, poolGeometry } from '../../../../ir/tensor/ops/pool.ts';
import type { TensorType } from '../../../../ir/tensor/types.ts';
import type { Kernel, KernelBuilder, Overlap, Site } from '../../kernel.ts';
import { overlapOf, windowDistance } from '../../overlap.ts';
import { countsWhole } from '../../window.ts';
import { buildChannels, channelsFault, largestTile } from './channels-f32.ts';
import { activated, floatFault, floatTail, productFault, splat } from './float-f32.ts';

/** A tile's channels are stored four by four, and its windows are read again for each. */
function tileOverlap(site: Site, g: WindowGeometry, isWeighted: boolean): readonly Overlap[] {
  const [x, y] = [site.inputs[0] as TensorType, site.outputs[0] as TensorType];
  return overlapOf(site, 0, windowDistance(g, x, y, { ahead: largestTile(g, isWeighted) }));
}

function convGeometryOf({ inputs, outputs, attrs }: Site<'depthwise_conv2d'>): WindowGeometry {
  const [x, w] = inputs as [TensorType, TensorType];
  return convGeometry(x, w, outputs[0] as TensorType, attrs);
}

const depthwise: Kernel<'depthwise_conv2d'> = {
  name: 'depthwise_conv2d_f32',
  doc:
    'for each tile of up to 8 pixels of an output row and 4 channels: 8 accumulators = 0; for each row of the window inside ' +
    'the image: its weights; each activation once, multiply and add for every pixel that takes it; bias and activation.',
  applies: (site) => productFault(site as unknown as Site) ?? channelsFault(convGeometryOf(site), true) ?? true,
  overlap: (site) => tileOverlap(site as unknown as Site, convGeometryOf(site), true),
  build(k) {
    const g = convGeometryOf(k.site);
    const builder = k as unknown as KernelBuilder;
    const x = k.input(0, 'x');
    const w = k.input(1, 'w');
    const finish = floatTail(builder, g.output.channels);
    buildChannels(builder, g, {
      x,
      start: () => splat(0),
      weight: (tap, channel) => w.at(affine([[tap, g.output.channels]], channel), 'v128'),
      step: (sum, value, weight) => op('f32x4.add', [sum, op('f32x4.mul', [value, weight as Expr])]),
      finish,
      y: k.output(0, 'y'),
    });
  },
};

type PoolOp = 'average_pool2d' | 'max_pool2d';

function poolGeometryOf({ inputs, outputs, attrs }: Site<PoolOp>): WindowGeometry {
  return poolGeometry(inputs[0] as TensorType, outputs[0] as TensorType, attrs);
}

const averagePool: Kernel<'average_pool2d'> = {
  name: 'average_pool2d_f32',
  doc: 'for each tile of up to 8 pixels or vectors of 4 channels: accumulators = 0; each activation of the window is added; divide.',
  applies: (site) => {
    const g = poolGeometryOf(site as unknown as Site<PoolOp>);
    const fault = floatFault(site as unknown as Site) ?? channelsFault(g, false);
    const { counted } = site.attrs;
    const isWhole = countsWhole(g, 0, counted) && countsWhole(g, 1, counted);
    return fault ?? (isWhole || 'windows reach over the edge and differ in size');
  },
  overlap: (site) => tileOverlap(site as unknown as Site, poolGeometryOf(site as unknown as Site<PoolOp>), false),
  build(k) {
    const g = poolGeometryOf(k.site as unknown as Site<PoolOp>);
    const count = splat(g.window[0] * g.window[1]);
    buildChannels(k as unknown as KernelBuilder, g, {
      x: k.input(0, 'x'),
      start: () => splat(0),
      step: (sum, value) => op('f32x4.add', [sum, value]),
      finish: (sum) => activated(op('f32x4.div', [sum, count]), k.site.attrs.activation),
      y: k.output(0, 'y'),
    });
  },
};

const maxPool: Kernel<'max_pool2d'> = {
  name: 'max_pool2d_f32',
  doc: 'for each tile of up to 8 pixels or vectors of 4 channels: accumulators = lowest; the larger of it and each activation of the window.',
  applies: (site) =>
    floatFault(site as unknown as Site) ??
    channelsFault(poolGeometryOf(site as unknown as Site<PoolOp>), false) ??
    true,
  overlap: (site) => tileOverlap(site as unknown as Site, poolGeometryOf(site as unknown as Site<PoolOp>), false),
  build(k) {
    const g = poolGeometryOf(k.site as unknown as Site<PoolOp>);
    buildChannels(k as unknown as KernelBuilder, g, {
      x: k.input(0, 'x'),
      start: () => splat(LOWEST_F32),
      step: (sum, value) => op('f32x4.pmax', [sum, value]),
      finish: (sum) => activated(sum, k.site.attrs.activation),
      y: k.output(0, 'y'),
    });
  },
};

export const CHANNELS_F32 = {
  depthwise_conv2d: [depthwise],
  average_pool2d: [averagePool],
  max_pool2d: [maxPool],
} as const;
