/** fully_connected of int8 on Helium: a convolution of one pixel per row. */
import { mul } from '../../../../ir/loop/build.ts';
import { weightZeroPoints } from '../../../../ir/tensor/ops/conv.ts';
import { fullyConnectedStage } from '../../../../ir/tensor/ops/matmul.ts';
import { biasValues } from '../../../../ir/tensor/ops/shared.ts';
import { affineOf, elementCount, type TensorType } from '../../../../ir/tensor/types.ts';
import type { Kernel, Site } from '../../kernel.ts';
import { overlapOf } from '../../overlap.ts';
import { Product, TILE_PIXELS } from './product.ts';
import { stageRefusal } from './stage.ts';
import { forTiles } from './window.ts';

function refusal({ target, inputs, outputs, attrs, constant }: Site<'fully_connected'>): string | undefined {
  const [x, w] = inputs as [TensorType, TensorType];
  const y = outputs[0] as TensorType;
  if (target.vector !== 'mve') return 'the target has no Helium';
  if (x.dtype !== 'i8' || w.dtype !== 'i8' || y.dtype !== 'i8') return 'not int8';
  if (constant(1) === undefined) return 'the weights are not constant';
  if (inputs[2] !== undefined && constant(2) === undefined) return 'the bias is not constant';
  if (weightZeroPoints(w).some((zero) => zero !== 0)) return 'the weights have zero points';
  return stageRefusal(fullyConnectedStage(x, w, y, attrs));
}

const fullyConnectedHelium: Kernel<'fully_connected'> = {
  name: 'fully_connected_mve',
  doc:
    'for each 3 rows: for each 2 units (4 where there is one row): dot products, 16 at a time; then bias, factor and ' +
    'clamp for 16 units at a time.',
  applies: (site) => refusal(site) ?? true,
  overlap: (site) => {
    const [units, depth] = (site.inputs[1] as TensorType).shape as [number, number];
    const rows = elementCount((site.inputs[0] as TensorType).shape) / depth;
    // Rows are read whole before anything of them is stored.
    const distance = rows === 1 ? Number.NEGATIVE_INFINITY : Math.max(units - depth, (rows - 1) * (units - depth));
    return overlapOf(site as unknown as Site, 0, distance);
  },
  build(k) {
    const { inputs, outputs, attrs, constant } = k.site;
    const [xType, wType, biasType] = inputs as [TensorType, TensorType, TensorType | undefined];
    const yType = outputs[0] as TensorType;
    const [units, depth] = wType.shape as [number, number];
    const weights = constant(1)?.data as Int8Array;
    const bias = constant(2);
    const x = k.input(0, 'x');
    const y = k.output(0, 'y');
    const rows = elementCount(xType.shape) / depth;
    const tileRows = Math.min(TILE_PIXELS, rows);
    const product = new Product(
      k,
      {
        stage: fullyConnectedStage(xType, wType, yType, attrs),
        channels: units,
        bias: biasType && bias ? biasValues({ type: biasType, data: bias.data }, units) : undefined,
        xZero: affineOf(xType).zeroPoint,
        weight: (unit, _run, at) => weights[unit * depth + at] as number,
        runs: { count: 1, bytes: depth, stride: 0 },
      },
      tileRows,
    );
    forTiles(k, rows, tileRows, (row, count) => {
      const pixels = { start: k.let('start', mul(row, depth)), count, stride: depth };
      product.tile({ buffer: x, slack: false, pixels }, y, k.let('out', mul(row, units)));
    });
  },
};

export const MVE_MATMUL_KERNELS = [fullyConnectedHelium] as const;
