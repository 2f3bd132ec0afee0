/** Products of two computed int8 tensors on Helium. */
import { add, affine, type Operand, op } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import type { Multiplier } from '../../../../ir/tensor/fixed-point.ts';
import { productStage, type SumAttrs } from '../../../../ir/tensor/ops/binary.ts';
import { affineOf, elementCount, type TensorType } from '../../../../ir/tensor/types.ts';
import { replaceable } from '../../elementwise.ts';
import type { Kernel, Site } from '../../kernel.ts';
import { elementwiseOverlap } from '../../overlap.ts';
import { bytesOfWords, wordsOf } from './elements.ts';
import { BLOCK, firstBytes, stageRefusal } from './stage.ts';

/** How many elements of an operand lie behind one another before it is repeated; undefined when it is not so simple. */
function periodOf(operand: TensorType, y: TensorType): number | undefined {
  const first = operand.shape.findIndex((extent) => extent !== 1);
  const own = first < 0 ? [] : operand.shape.slice(first);
  const last = y.shape.slice(y.shape.length - own.length);
  const isTrailing = own.length > 0 && own.every((extent, axis) => extent === last[axis]);
  return isTrailing || elementCount(operand.shape) === elementCount(y.shape) ? elementCount(operand.shape) : undefined;
}

function refusal({ inputs, outputs, attrs, target }: Site<'mul'>): string | undefined {
  const [a, b] = inputs as [TensorType, TensorType];
  const y = outputs[0] as TensorType;
  if (target.vector !== 'mve') return 'the target has no Helium';
  if (a.dtype !== 'i8' || b.dtype !== 'i8' || y.dtype !== 'i8') return 'not int8';
  if (a.quant.kind !== 'affine' || b.quant.kind !== 'affine') return 'not affine';
  if ([a, b].some((type) => periodOf(type, y) === undefined)) return 'repeats an operand along its last axes';
  return stageRefusal(productStage([a, b], y, attrs as SumAttrs));
}

const product: Kernel<'mul'> = {
  name: 'mul_mve',
  doc: 'for each 16 elements, in four vectors of words: y = (a - zero) * (b - zero), scaled; a shorter operand is repeated.',
  applies: (site) => refusal(site) ?? true,
  inPlace: (site) => replaceable(site as unknown as Site),
  overlap: (site) => elementwiseOverlap(site as unknown as Site),
  build(k) {
    const [aType, bType] = k.site.inputs as [TensorType, TensorType];
    const yType = k.site.outputs[0] as TensorType;
    const stage = productStage([aType, bType], yType, k.site.attrs as SumAttrs);
    const [{ multiplier, shift }] = stage.multipliers as readonly [Multiplier];
    const a = k.input(0, 'a');
    const b = k.input(1, 'b');
    const y = k.output(0, 'y');
    const count = elementCount(yType.shape);
    const periods = [aType, bType].map((type) => periodOf(type, yType) as number) as [number, number];
    const period = Math.min(...periods);
    const less = (word: Expr, type: TensorType) => op('mve.vadd_n_s32', [word, -affineOf(type).zeroPoint]);
    const scaled = (word: Expr): Expr => {
      const high = k.let('high', op('mve.vqrdmulh_n_s32', [word, multiplier]));
      return shift === 0 ? high : op('mve.vrshl_n_s32', [op('mve.less_if_negative_s32', [high]), shift]);
    };
    const block = (repeat: Expr, at: Operand, size: number) => {
      const access = size === BLOCK ? 'v128_ordered' : firstBytes(size);
      const whole = k.let('at', affine([[repeat, period]], at));
      const [left, right] = [a, b].map((operand, i) =>
        wordsOf(k, k.let('bytes', operand.at((periods[i] as number) === count ? whole : at, access))),
      ) as [readonly Expr[], readonly Expr[]];
      const words = left.map((word, q) =>
        k.let('word', scaled(op('i32x4.mul', [less(word, aType), less(right[q] as Expr, bType)]))),
      );
      k.store(y, whole, bytesOfWords(k, words, stage), firstBytes(size));
    };
    const whole = period - (period % BLOCK);
    k.for('repeat', 0, count / period, (repeat) => {
      k.for('i', 0, whole, (i) => block(repeat, i, BLOCK), { step: BLOCK });
      if (whole < period) block(repeat, add(whole, 0), period - whole);
    });
  },
};

export const MVE_PRODUCT_KERNELS = { mul: [product] } as const;
