/** max_pool2d of int8 on Helium. */
import { add, affine, type Buffer, i32, op } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import type { WindowGeometry } from '../../../../ir/tensor/ops/conv.ts';
import { poolGeometry, poolRange } from '../../../../ir/tensor/ops/pool.ts';
import type { TensorType } from '../../../../ir/tensor/types.ts';
import type { Kernel, KernelBuilder, Site } from '../../kernel.ts';
import { channelwiseDistance, overlapOf } from '../../overlap.ts';
import { forTaps, outputIndex, pixelIndex } from '../../window.ts';
import { BLOCK, firstBytes } from './stage.ts';

function geometryOf({ inputs, outputs, attrs }: Site<'max_pool2d'>): WindowGeometry {
  return poolGeometry(inputs[0] as TensorType, outputs[0] as TensorType, attrs);
}

function refusal(site: Site<'max_pool2d'>): string | undefined {
  if (site.target.vector !== 'mve') return 'the target has no Helium';
  if ((site.inputs[0] as TensorType).dtype !== 'i8') return 'not int8';
  const { channels } = geometryOf(site).input;
  return channels < BLOCK / 2 ? `has fewer than ${BLOCK / 2} channels` : undefined;
}

const maxPool: Kernel<'max_pool2d'> = {
  name: 'max_pool2d_mve',
  doc: 'for each output pixel and 16 channels: the larger of each byte, tap by tap; clamp.',
  applies: (site) => refusal(site) ?? true,
  overlap: (site) => {
    const [x, y] = [site.inputs[0] as TensorType, site.outputs[0] as TensorType];
    // Sixteen channels are stored when all of them have been read: none is read later than it would be alone.
    return overlapOf(site as unknown as Site, 0, channelwiseDistance(geometryOf(site), x, y));
  },
  build(k) {
    const g = geometryOf(k.site);
    const { channels } = g.input;
    const x = k.input(0, 'x');
    const y = k.output(0, 'y');
    const whole = channels - (channels % BLOCK);
    k.forAll(['n', 'oy', 'ox'], [g.batch, g.output.height, g.output.width], (index) => {
      const [n, oy, ox] = index as [Expr, Expr, Expr];
      const to = k.let('to', outputIndex(g, n, oy, ox, i32(0)));
      k.for('c', 0, whole, (c) => channelBlock(k, g, x, y, { n, oy, ox, c, to }, BLOCK), { step: BLOCK });
      if (whole < channels) channelBlock(k, g, x, y, { n, oy, ox, c: i32(whole), to }, channels - whole);
    });
  },
};

interface At {
  readonly n: Expr;
  readonly oy: Expr;
  readonly ox: Expr;
  readonly c: Expr;
  readonly to: Expr;
}

function channelBlock(
  k: KernelBuilder<'max_pool2d'>,
  g: WindowGeometry,
  x: Buffer,
  y: Buffer,
  { n, oy, ox, c, to }: At,
  size: number,
): void {
  const [low, high] = poolRange(k.site.outputs[0] as TensorType, k.site.attrs);
  const largest = k.variable('largest', op('i8x16.splat', [low]));
  forTaps(k, g, oy, ox, (iy, ix) => {
    const bytes = x.at(affine([[c, 1]], pixelIndex(g, n, iy, ix)), firstBytes(size));
    k.set(largest, op('i8x16.max_s', [largest.value, bytes]));
  });
  const result = high >= 127 ? largest.value : op('i8x16.min_s', [largest.value, op('i8x16.splat', [high])]);
  k.store(y, add(to, c), result, firstBytes(size));
}

export const MVE_POOL_KERNELS = { max_pool2d: [maxPool] } as const;
