/**
 * Float to byte: ties away from zero by one conversion. With t = trunc(2 * x / scale), the nearest integer to x / scale is
 * (t + 1) >> 1 for t >= 0 and t >> 1 for t < 0. The quotient by half the scale is twice the quotient by the scale, bit for
 * bit, but where it leaves the range of f32: there both end in the same clamp, or in 0.
 */
import { f32, op } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import { affineOf, DTYPE_FACTS, elementCount, integerRange, type TensorType } from '../../../../ir/tensor/types.ts';
import type { Kernel, KernelBuilder, Site } from '../../kernel.ts';
import { elementwiseOverlap } from '../../overlap.ts';
import { clampTo } from '../../requantize.ts';
import { forElements } from './elements.ts';

/** Least scale whose half is a normal f32. */
const LEAST_SCALE = 2 ** -125;

/** Stored value of t: the zero point goes in before the shift; t is first limited to 16 bits, whose halves are clamped. */
function stored(k: KernelBuilder, t: Expr, y: TensorType): Expr {
  const { zeroPoint } = affineOf(y);
  const limited = k.let('t', op('i32.ssat', [t], [16]));
  const away = op('i32.add', [limited, op('i32.shr_s', [limited, 31])]);
  return clampTo(op('i32.shr_s', [op('i32.add', [away, 1 + 2 * zeroPoint]), 1]), ...integerRange(y.dtype));
}

const quantize: Kernel<'quantize'> = {
  name: 'quantize_bytes',
  doc: 'for each element: y = trunc(2 * x / scale), halved away from zero, plus the zero point, saturated. Two pointers.',
  applies: ({ inputs, outputs, attrs, target }) => {
    const y = outputs[0] as TensorType;
    if (!target.dsp) return 'for cores that saturate in one instruction';
    if ((inputs[0] as TensorType).dtype !== 'f32' || DTYPE_FACTS[y.dtype].bits !== 8) return `not to ${y.dtype}`;
    if (attrs.numerics !== undefined) return `not for numerics ${attrs.numerics}`;
    return affineOf(y).scale >= LEAST_SCALE || 'half the scale is no normal number';
  },
  overlap: (site) => elementwiseOverlap(site as unknown as Site),
  build(builder) {
    const k = builder as unknown as KernelBuilder;
    const y = k.site.outputs[0] as TensorType;
    const x = k.input(0, 'x');
    const to = k.output(0, 'y');
    const half = f32(affineOf(y).scale / 2);
    forElements(k, elementCount(y.shape), (index) => {
      const value = k.let('x', x.at(index));
      return () => {
        k.store(to, index, stored(k, op('i32.trunc_sat_f32_s', [op('f32.div', [value, half])]), y));
      };
    });
  },
};

export const DSP_QUANTIZE_KERNELS = { quantize: [quantize] } as const;
