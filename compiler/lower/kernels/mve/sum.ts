/** Sums and differences of int8 on Helium, as the linear function that `short-formula.ts` proves equal to the reference. */
import { add, type Operand, op } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import { elementCount, type TensorType } from '../../../../ir/tensor/types.ts';
import { replaceable } from '../../elementwise.ts';
import type { Kernel, KernelBuilder, Site } from '../../kernel.ts';
import { elementwiseOverlap } from '../../overlap.ts';
import { type Formula, formulaOf } from '../dsp/sum.ts';
import { bytesOfWords, wordsOf } from './elements.ts';
import { BLOCK, firstBytes } from './stage.ts';

type Sum = 'add' | 'sub';

function refusal(site: Site<Sum>): string | undefined {
  const [a, b] = site.inputs as [TensorType, TensorType];
  const y = site.outputs[0] as TensorType;
  if (site.target.vector !== 'mve') return 'the target has no Helium';
  if (a.dtype !== 'i8' || b.dtype !== 'i8' || y.dtype !== 'i8') return 'not int8';
  if ([a, b].some(({ shape }) => elementCount(shape) !== elementCount(y.shape))) return 'repeats an operand';
  const formula = formulaOf(site);
  return typeof formula === 'string' ? formula : undefined;
}

function linear<K extends Sum>(name: K): Kernel<K> {
  return {
    name: `${name}_mve`,
    doc: 'for each 16 elements, in four vectors of words: y = (left * a + right * b + bias) >> shift, saturated.',
    applies: (site) => refusal(site as unknown as Site<Sum>) ?? true,
    inPlace: (site) => replaceable(site as unknown as Site),
    overlap: (site) => elementwiseOverlap(site as unknown as Site),
    build(builder) {
      const k = builder as unknown as KernelBuilder;
      const { left, right, bias, shift, low, high } = formulaOf(builder.site as unknown as Site<Sum>) as Formula;
      const a = k.input(0, 'a');
      const b = k.input(1, 'b');
      const y = k.output(0, 'y');
      const count = elementCount((k.site.outputs[0] as TensorType).shape);
      const block = (at: Operand, size: number) => {
        const access = size === BLOCK ? 'v128_ordered' : firstBytes(size);
        const lefts = wordsOf(k, k.let('a_bytes', a.at(at, access)));
        const rights = wordsOf(k, k.let('b_bytes', b.at(at, access)));
        const words = lefts.map((word, q) => {
          const product = op('mve.vmul_n_s32', [word, left]);
          const sum = op('mve.vmla_n_s32', [product, rights[q] as Expr, right]);
          return k.let('word', op('i32x4.shr_s', [op('mve.vadd_n_s32', [sum, bias]), shift]));
        });
        k.store(y, at, bytesOfWords(k, words, { zeroPoint: 0, low, high }), firstBytes(size));
      };
      const whole = count - (count % BLOCK);
      k.for('i', 0, whole, (i) => block(i, BLOCK), { step: BLOCK });
      if (whole < count) block(add(whole, 0), count - whole);
    },
  };
}

export const MVE_SUM_KERNELS = { add: [linear('add')], sub: [linear('sub')] } as const;
