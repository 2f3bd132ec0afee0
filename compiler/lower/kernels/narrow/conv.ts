/** Convolution of 8 bits on small cores. */
import { convGeometry, convStage } from '../../../../ir/tensor/ops/conv.ts';
import type { OpName } from '../../../../ir/tensor/ops/index.ts';
import type { TensorType } from '../../../../ir/tensor/types.ts';
import type { Kernel, KernelBuilder, Site } from '../../kernel.ts';
import { overlapOf } from '../../overlap.ts';
import { type Layer, layerOf, productRefusal, rowsOf } from './layer.ts';
import { buildProduct, planRefusal, productDistance } from './product.ts';

function convLayer(site: Site<'conv2d'>): Layer {
  const [x, w] = site.inputs as [TensorType, TensorType];
  const y = site.outputs[0] as TensorType;
  const g = convGeometry(x, w, y, site.attrs);
  return layerOf(site, {
    g,
    depth: w.shape[3] as number,
    stage: convStage(x, w, y, site.attrs),
    weights: rowsOf(site.constant(1)?.data as Int8Array, g.output.channels),
  });
}

const conv2dNarrow: Kernel<'conv2d'> = {
  name: 'conv2d_narrow_i8',
  doc:
    'for each tile of up to 4 pixels: copy their windows; for each block of channels, for each weight of the window: one ' +
    'multiply-add per pixel and channel; requantize. 8 accumulators, 4 operands and 2 pointers on Cortex-M3.',
  applies: (site) => productRefusal(site) ?? planRefusal(site, convLayer(site)) ?? true,
  inPlace: (site) => (productDistance(site, convLayer(site)) <= 0 ? [[0, 0]] : []),
  overlap: (site) => overlapOf(site as unknown as Site, 0, productDistance(site, convLayer(site))),
  build: (k) => buildProduct(k as unknown as KernelBuilder<OpName>, convLayer(k.site)),
};

export const NARROW_CONV_KERNELS = { conv2d: [conv2dNarrow] } as const;
