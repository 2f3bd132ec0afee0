/** Products of bytes, element by element, on small cores. */
import { sub } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import { productStage } from '../../../../ir/tensor/ops/binary.ts';
import type { OutputStage } from '../../../../ir/tensor/ops/shared.ts';
import { affineOf, integerRange, type TensorType } from '../../../../ir/tensor/types.ts';
import { buildElementwise, folded, replaceable, spreadInput } from '../../elementwise.ts';
import type { Kernel, KernelBuilder, Site } from '../../kernel.ts';
import { narrowScale } from '../../narrow-scale.ts';
import { elementwiseOverlap } from '../../overlap.ts';
import type { AccumulatorRange } from '../../proved-scale.ts';
import { narrowRefusal } from './layer.ts';

/** Distances of stored values from their zero point. */
function distances(type: TensorType): readonly [number, number] {
  const [low, high] = integerRange(type.dtype);
  const { zeroPoint } = affineOf(type);
  return [low - zeroPoint, high - zeroPoint];
}

function productRange([a, b]: readonly TensorType[]): AccumulatorRange {
  const corners = distances(a as TensorType).flatMap((p) => distances(b as TensorType).map((q) => p * q));
  return { low: Math.min(...corners), high: Math.max(...corners) };
}

function stageOf({ inputs, outputs, attrs }: Site<'mul'>): OutputStage {
  return productStage(inputs as [TensorType, TensorType], outputs[0] as TensorType, attrs);
}

const mulNarrow: Kernel<'mul'> = {
  name: 'mul_narrow_i8',
  doc: 'for each element: y = (a - zero) * (b - zero), requantized in the fewest instructions proved equal. Three pointers.',
  applies: (site) => {
    const refused = narrowRefusal(site);
    if (refused !== undefined) return refused;
    const { rounding } = stageOf(site);
    return rounding === 'double' || `rounds ${rounding}, not twice`;
  },
  inPlace: (site) => replaceable(site as unknown as Site),
  overlap: (site) => elementwiseOverlap(site as unknown as Site),
  build(builder) {
    const k = builder as unknown as KernelBuilder;
    const zeros = k.site.inputs.map((type) => affineOf(type).zeroPoint);
    const operands = [spreadInput(k, 0, 'a'), spreadInput(k, 1, 'b')] as const;
    const y = k.output(0, 'y');
    const finish = narrowScale(k, stageOf(builder.site), [productRange(k.site.inputs)]).channel(0);
    buildElementwise(k, operands, y, {
      prepare: (x, i) => sub(x, zeros[i] as number),
      combine: ([a, b]) => finish(k.let('product', folded('i32.mul', [a as Expr, b as Expr]))),
    });
  },
};

export const NARROW_MUL_KERNELS = { mul: [mulNarrow] } as const;
