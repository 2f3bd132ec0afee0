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
    accumulator: site.attrs.accumulator,
  });
}

function conv2dDual(dtype: 'i8' | 'i16', doc: string): Kernel<'conv2d'> {
  return {
    name: `conv2d_dual_${dtype}`,
    doc,
    applies: (site) => {
      const verdict = refusal(site, dtype);
      return verdict === true ? verdictOn(convLayer(site)) : verdict;
    },
    overlap: (site) => overlapOf(site as unknown as Site, 0, productDistance(convLayer(site), site.optimize)),
    inPlace: (site) => (productDistance(convLayer(site), site.optimize) <= 0 ? [[0, 0]] : []),
    build: (k) => buildProduct(k as unknown as KernelBuilder<OpName>, convLayer(k.site)),
  };
}

export const DSP_CONV_KERNELS = {
  conv2d: [
    conv2dDual(
      'i8',
      'for each tile of up to 4 pixels: widen their windows into halfwords; for each pair of channels, for each two ' +
        'inputs: one word of weights, two SMLAD per pixel; requantize. Up to 8 accumulators, two pointers, 14 registers.',
    ),
    conv2dDual(
      'i16',
      'for each tile of up to 3 pixels: put their windows together; for each pair of channels, for each four inputs: two ' +
        'words of weights, four SMLAD per pixel; requantize. Up to 6 accumulators of 32 bits, two pointers, 14 registers.',
    ),
  ],
} as const;
