/** Convolution of 8 bits in dual multiplies. */
import { convGeometry, convStage } from '../../../../ir/tensor/ops/conv.ts';
import type { OpName } from '../../../../ir/tensor/ops/index.ts';
import type { TensorType } from '../../../../ir/tensor/types.ts';
import type { Kernel, KernelBuilder, Site } from '../../kernel.ts';
import { overlapOf } from '../../overlap.ts';
import { type Layer, layerOf, refusal, verdictOn } from './layer.ts';
import { buildProduct, productDistance } from './product.ts';

function convLayer(site: Site<'conv2d'>): Layer {
  const [x, w] = site.inputs as [TensorType, TensorType];
  const y = site.outputs[0] as TensorType;
  const [, kh, kw, depth] = w.shape as [number, number, number, number];
  return layerOf(site, {
    g: convGeometry(x, w, y, site.attrs),
    taps: kh * kw,
    depth,
    stage: convStage(x, w, y, site.attrs),
  });
}

const conv2dDual: Kernel<'conv2d'> = {
  name: 'conv2d_dual_i8',
  doc:
    'for each tile of up to 4 pixels: widen their windows into halfwords; for each pair of channels, for each two inputs: ' +
    'one word of weights, two SMLAD per pixel; requantize. Up to 8 accumulators, two pointers, 14 registers.',
  applies: (site) => {
    const verdict = refusal(site);
    return verdict === true ? verdictOn(convLayer(site)) : verdict;
  },
  overlap: (site) => overlapOf(site as unknown as Site, 0, productDistance(convLayer(site), site.optimize)),
  inPlace: (site) => (productDistance(convLayer(site), site.optimize) <= 0 ? [[0, 0]] : []),
  build: (k) => buildProduct(k as unknown as KernelBuilder<OpName>, convLayer(k.site)),
};

export const DSP_CONV_KERNELS = { conv2d: [conv2dDual] } as const;
