/** Kernels between real numbers and stored integers, and between element types. */
import { add, clamp, f32, op, sub } from '../../../ir/loop/build.ts';
import type { Expr } from '../../../ir/loop/types.ts';
import { roundFloat } from '../../../ir/tensor/float-math/formats.ts';
import { type ByteScale, byteScale, type FloatQuantization, floatQuantization } from '../../../ir/tensor/ops/litert.ts';
import {
  dequantizeOperands,
  floatRounding,
  type RoundFloatAttrs,
  requantizeStage,
  type ScaleAttrs,
} from '../../../ir/tensor/ops/quant.ts';
import type { OutputStage } from '../../../ir/tensor/ops/shared.ts';
import { affineOf, type DType, integerRange, type TensorType } from '../../../ir/tensor/types.ts';
import { loopAlgebra } from '../algebra.ts';
import {
  buildElementwise,
  type ElementCode,
  elementwise,
  registerOf,
  replaceable,
  spreadConstant,
  spreadInput,
} from '../elementwise.ts';
import type { Kernel, KernelBuilder, Site } from '../kernel.ts';
import { elementwiseOverlap } from '../overlap.ts';
import { byteScaleExpr, clampTo, requantizer, roundedAway, roundedSmall } from '../requantize.ts';

/** max keeps its second operand where the first is NaN. */
function floatQuantizeCode({ inverse, zeroPoint, low, high }: FloatQuantization): ElementCode {
  return {
    combine: ([x]) => {
      const raised = op('f32.max', [f32(low), op('f32.mul', [x, f32(inverse)])]);
      return add(roundedSmall(op('f32.min', [raised, f32(high)])), zeroPoint);
    },
  };
}

function byteScaleCode(k: KernelBuilder, stage: ByteScale): ElementCode {
  return { combine: ([x]) => byteScaleExpr(k, x, stage) };
}

const quantize = elementwise(
  'quantize',
  'y = clamp(round(x / scale) + zero point), ties away from zero. Two registers.',
  (k) => {
    const [y] = k.site.outputs;
    if ((k.site.attrs as ScaleAttrs).numerics === 'litert') return floatQuantizeCode(floatQuantization(y));
    const { scale, zeroPoint } = affineOf(y);
    const [low, high] = integerRange(y.dtype);
    return {
      combine: ([x]) => {
        const quotient = k.let('q', op('f32.div', [x, f32(scale)]));
        const nearest = roundedAway(k, quotient);
        if (y.dtype === 'i32') return zeroPoint === 0 ? nearest : op('i32.sqadd', [nearest, zeroPoint]);
        return add(clamp(nearest, low - zeroPoint, high - zeroPoint), zeroPoint);
      },
    };
  },
);

/** Whether the stage only moves the zero point. */
function isShift({ multipliers: [{ multiplier, shift }] }: OutputStage): boolean {
  return multiplier === 2 ** 30 && shift === 1;
}

/** Bounds that every value of x keeps anyway need no clamp. */
function movedZero(x: TensorType, { zeroPoint, low, high }: OutputStage, value: Expr): Expr {
  const [xLow, xHigh] = integerRange(x.dtype);
  const offset = zeroPoint - affineOf(x).zeroPoint;
  const moved = add(value, offset);
  return xLow + offset >= low && xHigh + offset <= high ? moved : clampTo(moved, low, high);
}

const requantize = elementwise(
  'requantize',
  'y = clamp((x - zero point) * factor + zero point); equal scales only move the zero point. One register.',
  (k) => {
    const [x] = k.site.inputs;
    if ((k.site.attrs as ScaleAttrs).numerics === 'litert') return byteScaleCode(k, byteScale(x, k.site.outputs[0]));
    const stage = requantizeStage(x, k.site.outputs[0]);
    const { zeroPoint } = affineOf(x);
    if (x.dtype !== 'i32' && isShift(stage)) return { combine: ([value]) => movedZero(x, stage, value) };
    const [low, high] = integerRange(x.dtype);
    const reach = Math.max(high - zeroPoint, zeroPoint - low) * 2 ** Math.max(stage.multipliers[0].shift, 0);
    const tail = requantizer(k, stage, 'i32', reach + Math.abs(stage.zeroPoint) < 2 ** 31);
    const distance = (value: Expr) =>
      x.dtype === 'i32' && zeroPoint !== 0 ? op('i32.sub_wrap', [value, zeroPoint]) : sub(value, zeroPoint);
    return { combine: ([value]) => tail.apply(distance(value), 0) };
  },
);

/** The f32 of a binary16 pattern: its fields moved into place, then multiplied by 2^112 for the other exponent bias. */
function halfExpr(k: KernelBuilder, bits: Expr): Expr {
  const sign = op('i32.shl', [op('i32.and', [bits, 0x8000]), 16]);
  const fields = k.let('fields', op('i32.shl', [op('i32.and', [bits, 0x7fff]), 13]));
  const finite = op('f32.mul', [op('f32.reinterpret_i32', [fields]), f32(2 ** 112)]);
  const infinite = op('i32.or', [fields, 0x7f800000]);
  const hasNumber = op('i32.lt_s', [fields, 0x1f << 23]);
  const magnitude = op('i32.select', [hasNumber, op('i32.reinterpret_f32', [finite]), infinite]);
  return op('f32.reinterpret_i32', [op('i32.or', [magnitude, sign])]);
}

const dequantize: Kernel<'dequantize'> = {
  name: 'dequantize',
  doc: 'y = scale * (x - zero point); per-channel scales are tables. One loop, or two with scales along a dimension.',
  applies: () => true,
  inPlace: (site) => replaceable(site as unknown as Site),
  overlap: (site) => elementwiseOverlap(site as unknown as Site),
  build(kernel) {
    const k = kernel as unknown as KernelBuilder;
    const [type] = k.site.inputs;
    const x = spreadInput(k, 0, 'x');
    if (type.dtype === 'f16') {
      buildElementwise(k, [x], k.output(0, 'y'), { combine: ([bits]) => halfExpr(k, bits) });
      return;
    }
    const [scale, zeroPoint] = dequantizeOperands(type);
    const operands = [
      x,
      spreadConstant(k, 'scale', scale.type, scale.data),
      spreadConstant(k, 'zero_point', zeroPoint.type, zeroPoint.data),
    ];
    buildElementwise(k, operands, k.output(0, 'y'), {
      combine: ([value, factor, zero]) => op('f32.mul', [factor, op('f32.convert_i32_s', [sub(value, zero)])]),
    });
  },
};

function toInteger(x: Expr, to: DType): Expr {
  const register = registerOf(x);
  if (register === 'i64') return op('i32.wrap_i64', [x]);
  if (register === 'i32') return x;
  const whole = op('i32.trunc_sat_f32_s', [x]);
  return to === 'i32' ? whole : clampTo(whole, ...integerRange(to));
}

/** Stores keep the low bits, so narrowing integers needs no instruction. Results of 64 bits exist in constants only. */
function castExpr(x: Expr, to: DType): Expr {
  const register = registerOf(x);
  if (to === 'bool') {
    if (register === 'f32') return op('f32.ne', [x, f32(0)]);
    return register === 'i32' ? op('i32.ne', [x, 0]) : isNotZero64(x);
  }
  if (to === 'f32') {
    if (register === 'f32') return x;
    return register === 'i32' ? op('f32.convert_i32_s', [x]) : op('f32.convert_i64_s', [x]);
  }
  return toInteger(x, to);
}

function isNotZero64(x: Expr): Expr {
  const isZero = op('i64.eq', [x, { kind: 'const', type: 'i64', value: 0n }]);
  return op('i32.eq', [isZero, 0]);
}

const cast = elementwise('cast', 'One conversion per element.', ({ site }) => ({
  combine: ([x]) => castExpr(x, site.outputs[0].dtype),
}));

const round_float = elementwise('round_float', 'Integer arithmetic on the bits of each element.', (k) => {
  const rounding = floatRounding(k.site.attrs as RoundFloatAttrs);
  return { combine: ([x]) => roundFloat(loopAlgebra(k), x, rounding) };
});

export const QUANT_KERNELS = {
  quantize: [quantize],
  requantize: [requantize],
  dequantize: [dequantize],
  cast: [cast],
  round_float: [round_float],
} as const;
