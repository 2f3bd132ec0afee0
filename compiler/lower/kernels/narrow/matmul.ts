/** Fully connected layers of 8 bits on small cores. */

import type { OpName } from '../../../../ir/tensor/ops/index.ts';
import { fullyConnectedStage } from '../../../../ir/tensor/ops/matmul.ts';
import { elementCount, type TensorType } from '../../../../ir/tensor/types.ts';
import type { Kernel, KernelBuilder, Site } from '../../kernel.ts';
import { overlapOf } from '../../overlap.ts';
import { type Layer, layerOf, productRefusal, rowsOf } from './layer.ts';
import { buildProduct, productDistance } from './product.ts';

function matmulLayer(site: Site<'fully_connected'>): Layer {
  const [x, w] = site.inputs as [TensorType, TensorType];
  const y = site.outputs[0] as TensorType;
  const [units, depth] = w.shape as [number, number];
  const width = elementCount(x.shape) / depth;
  return layerOf(site, {
    g: {
      batch: 1,
      input: { height: 1, width, channels: depth },
      output: { height: 1, width, channels: units },
      window: [1, 1],
      stride: [1, 1],
      dilation: [1, 1],
      padding: { top: 0, left: 0 },
    },
    depth,
    stage: fullyConnectedStage(x, w, y, site.attrs),
    weights: rowsOf(site.constant(1)?.data as Int8Array, units),
  });
}

const fullyConnectedNarrow: Kernel<'fully_connected'> = {
  name: 'fully_connected_narrow_i8',
  doc:
    'for each tile of up to 4 rows: copy them; for each block of units, for each input: one multiply-add per row and unit; ' +
    'requantize. 8 accumulators, 3 operands and 2 pointers on Cortex-M3.',
  applies: (site) => productRefusal(site) ?? true,
  inPlace: (site) => (productDistance(site, matmulLayer(site)) <= 0 ? [[0, 0]] : []),
  overlap: (site) => overlapOf(site as unknown as Site, 0, productDistance(site, matmulLayer(site))),
  build: (k) => buildProduct(k as unknown as KernelBuilder<OpName>, matmulLayer(k.site)),
};

export const NARROW_MATMUL_KERNELS = { fully_connected: [fullyConnectedNarrow] } as const;
