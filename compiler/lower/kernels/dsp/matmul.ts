/** Fully connected layers of 8 bits in dual multiplies: a 1x1 convolution whose pixels are the rows. */
import type { OpName } from '../../../../ir/tensor/ops/index.ts';
import { fullyConnectedStage } from '../../../../ir/tensor/ops/matmul.ts';
import { elementCount, type TensorType } from '../../../../ir/tensor/types.ts';
import type { Kernel, KernelBuilder, Site } from '../../kernel.ts';
import { overlapOf } from '../../overlap.ts';
import { type Layer, layerOf, refusal, verdictOn } from './layer.ts';
import { buildProduct, productDistance } from './product.ts';

function rowsLayer(site: Site<'fully_connected'>): Layer {
  const [x, w] = site.inputs as [TensorType, TensorType];
  const [units, depth] = w.shape as [number, number];
  const rows = elementCount(x.shape) / depth;
  return layerOf(site, {
    g: {
      batch: 1,
      input: { height: 1, width: rows, channels: depth },
      output: { height: 1, width: rows, channels: units },
      window: [1, 1],
      stride: [1, 1],
      dilation: [1, 1],
      padding: { top: 0, left: 0 },
    },
    taps: 1,
    depth,
    stage: fullyConnectedStage(x, w, site.outputs[0] as TensorType, site.attrs),
    accumulator: site.attrs.accumulator,
  });
}

function fullyConnectedDual(dtype: 'i8' | 'i16', doc: string): Kernel<'fully_connected'> {
  return {
    name: `fully_connected_dual_${dtype}`,
    doc,
    applies: (site) => {
      const verdict = refusal(site, dtype);
      return verdict === true ? verdictOn(rowsLayer(site)) : verdict;
    },
    overlap: (site) => overlapOf(site as unknown as Site, 0, productDistance(rowsLayer(site), site.optimize)),
    inPlace: (site) => (productDistance(rowsLayer(site), site.optimize) <= 0 ? [[0, 0]] : []),
    build: (k) => buildProduct(k as unknown as KernelBuilder<OpName>, rowsLayer(k.site)),
  };
}

export const DSP_MATMUL_KERNELS = {
  fully_connected: [
    fullyConnectedDual(
      'i8',
      'for each tile of up to 4 rows: widen them into halfwords; for each 1 to 4 pairs of units, for each two inputs: one ' +
        'word of weights per pair, two SMLAD per row; requantize. Up to 8 accumulators, two pointers, 14 registers.',
    ),
    fullyConnectedDual(
      'i16',
      'for each tile of up to 3 rows: copy them; for each 1 to 3 pairs of units, for each four inputs: two words of weights ' +
        'per pair, four SMLAD per row; requantize. Up to 6 accumulators of 32 bits, two pointers, 14 registers.',
    ),
  ],
} as const;
