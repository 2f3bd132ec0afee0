/** Sums and means of bytes over dimensions outside the channels, four neighbouring channels at a time. */
import { add, affine } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import { meanStage, type ReduceLayout, reduceLayout, sumStage } from '../../../../ir/tensor/ops/reduce.ts';
import type { OutputStage } from '../../../../ir/tensor/ops/shared.ts';
import { affineOf, stridesOf, type TensorType } from '../../../../ir/tensor/types.ts';
import type { Kernel, KernelBuilder, Site } from '../../kernel.ts';
import { CHANNELS, forChannels, forRun, runSums, sumScale } from './byte-sums.ts';

type Reduction = 'sum' | 'mean';

function layoutOf({ inputs, attrs }: Site<Reduction>): ReduceLayout {
  return reduceLayout((inputs[0] as TensorType).shape, attrs.axes);
}

function refusal(site: Site<Reduction>): true | string {
  const { dtype } = site.inputs[0] as TensorType;
  if (!site.target.dsp) return 'needs dual 16-bit additions';
  if (dtype !== 'i8') return `not for ${dtype}`;
  if (site.attrs.numerics !== undefined) return `not for numerics ${site.attrs.numerics}`;
  const { kept, reduced, count } = layoutOf(site);
  if (reduced.length !== 1) return 'needs axes that lie side by side';
  const channels = kept.at(-1);
  if (channels?.stride !== 1 || channels.extent < CHANNELS) return `needs ${CHANNELS} values that stay side by side`;
  return count < 2 ** 22 || `${count} values per result`;
}

function stageOf({ op, inputs, outputs }: Site<Reduction>, count: number): OutputStage {
  const [x, y] = [inputs[0] as TensorType, outputs[0] as TensorType];
  return op === 'sum' ? sumStage(x, y) : meanStage(x, y, count);
}

function reduction<K extends Reduction>(name: K): Kernel<K> {
  return {
    name: `${name}_bytes`,
    doc:
      'for each four results: a word of bytes per element into two pairs of halfword sums; requantize. ' +
      'Two accumulators, one word, two pointers.',
    applies: (site) => refusal(site as unknown as Site<Reduction>),
    build(builder) {
      const k = builder as unknown as KernelBuilder<Reduction>;
      const { kept, reduced, count } = layoutOf(k.site);
      const { stride } = reduced[0] as { stride: number };
      const outer = kept.slice(0, -1);
      const channels = kept.at(-1)?.extent as number;
      const { zeroPoint } = affineOf(k.site.inputs[0] as TensorType);
      const x = k.input(0, 'x');
      const scaled = sumScale(k, stageOf(k.site, count), count, zeroPoint);
      const y = k.output(0, 'y');
      const places = stridesOf(kept.map(({ extent }) => extent));
      k.forAll(
        outer.map((_, i) => `i${i}`),
        outer.map(({ extent }) => extent),
        (indices) => {
          const first = k.let('first', affine(outer.map((dimension, i) => [indices[i] as Expr, dimension.stride])));
          const to = k.let('to', affine(outer.map((_, i) => [indices[i] as Expr, places[i] as number])));
          forChannels(
            k,
            channels,
            (c) =>
              runSums(k, x, k.let('from', add(first, c)), count, stride).forEach((sum, i) => {
                k.store(y, add(add(to, c), i), scaled(k.let('sum', sum)));
              }),
            (c) => {
              const sum = k.variable('sum', 0);
              forRun(k, k.let('from', add(first, c)), count, stride, (index) =>
                k.set(sum, add(sum.value, x.at(index))),
              );
              k.store(y, add(to, c), scaled(sum.value));
            },
          );
        },
      );
    },
  };
}

export const DSP_MEAN_KERNELS = { sum: [reduction('sum')], mean: [reduction('mean')] } as const;
