/**
 * Sums and differences of 16 bits by rounded high products: each operand is shifted to the top of a word and scaled by
 * SMMULR, and so is the sum, each with the reference's second rounding where it has one.
 */
import { op, sub } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import { additionStage, type SumAttrs, type SumStage, subtractionStage } from '../../../../ir/tensor/ops/binary.ts';
import { type OperandScale, rescaled } from '../../../../ir/tensor/ops/rescale.ts';
import { elementCount, integerRange, type TensorType } from '../../../../ir/tensor/types.ts';
import { buildElementwise, replaceable, rescaledExpr, spreadInput } from '../../elementwise.ts';
import type { Kernel, KernelBuilder, Site } from '../../kernel.ts';
import { elementwiseOverlap } from '../../overlap.ts';
import { type AccumulatorRange, type ShortScale, shortScale } from '../../proved-scale.ts';
import { forElements } from './elements.ts';

type Sum = 'add' | 'sub';

/** What the common scale makes of all stored values; scaling grows with its operand. */
function rangeOf({ dtype }: TensorType, scale: OperandScale): AccumulatorRange {
  const [low, high] = integerRange(dtype);
  return { low: rescaled(low, scale), high: rescaled(high, scale) };
}

interface Formula {
  readonly stage: SumStage;
  readonly scale: ShortScale;
}

function formulaOf({ op: name, inputs, outputs, attrs, target }: Site<Sum>): Formula | string {
  const [a, b] = inputs as [TensorType, TensorType];
  if (!target.dsp) return 'needs rounded high multiplies';
  if (a.dtype !== 'i16') return `not for ${a.dtype}`;
  const stage = (name === 'add' ? additionStage : subtractionStage)(
    [a, b],
    outputs[0] as TensorType,
    attrs as SumAttrs,
  );
  if (stage.kind === 'shifted') return 'not for shifted sums';
  if (stage.operands.some(({ zeroPoint }) => zeroPoint !== 0)) return 'needs zero points of 0';
  const [left, right] = [rangeOf(a, stage.operands[0]), rangeOf(b, stage.operands[1])];
  const range =
    name === 'add'
      ? { low: left.low + right.low, high: left.high + right.high }
      : { low: left.low - right.high, high: left.high - right.low };
  const scale = shortScale(stage.output, [range]);
  return typeof scale === 'string' ? scale : { stage, scale };
}

/** ((x << left) * m) as the reference rounds it: |x| <= 2^15 and left <= 15 leave room for the doubling of SMMULR. */
function scaled(k: KernelBuilder, x: Expr, operand: OperandScale): Expr {
  const { leftShift, multiplier } = operand;
  const right = -multiplier.shift;
  // Powers of two only shift.
  if (right < 0 || leftShift > 15 || multiplier.multiplier === 2 ** 30) return rescaledExpr(x, operand);
  const product = op('i32.mulhir_s', [op('i32.shl', [x, leftShift + 1]), multiplier.multiplier]);
  if (right === 0) return product;
  const once = k.let('once', product);
  const half = op('i32.shr_s', [once, 31]);
  return op('i32.shr_s', [op('i32.add', [op('i32.add', [once, half]), 2 ** (right - 1)]), right]);
}

function sum16<K extends Sum>(name: K): Kernel<K> {
  return {
    name: `${name}_i16`,
    doc: 'for each element: both operands, then their sum, by a shift and a rounded high product. Two elements at a time.',
    applies: (site) => {
      const formula = formulaOf(site as unknown as Site<Sum>);
      return typeof formula === 'string' ? formula : true;
    },
    inPlace: (site) => replaceable(site as unknown as Site),
    overlap: (site) => elementwiseOverlap(site as unknown as Site),
    build(builder) {
      const k = builder as unknown as KernelBuilder;
      const { stage, scale } = formulaOf(builder.site as unknown as Site<Sum>) as Formula;
      const [multiplier, power] = scale.factors(0);
      const prepare = (x: Expr, i: number) => scaled(k, x, stage.operands[i as 0 | 1]);
      const combine = (a: Expr, b: Expr) => {
        const sum = name === 'add' ? op('i32.add', [a, b]) : sub(a, b);
        return scale.apply(k, op('i32.shl', [sum, 1]), multiplier, power);
      };
      const operands = [spreadInput(k, 0, 'a'), spreadInput(k, 1, 'b')] as const;
      const y = k.output(0, 'y');
      const count = elementCount((k.site.outputs[0] as TensorType).shape);
      if (operands.some(({ shape }) => elementCount(shape) !== count)) {
        buildElementwise(k, operands, y, { prepare, combine: ([a, b]) => combine(a as Expr, b as Expr) });
        return;
      }
      forElements(k, count, (index) => {
        const [a, b] = operands.map((operand, i) => k.let(i === 0 ? 'a' : 'b', operand.at(index))) as [Expr, Expr];
        return () => k.store(y, index, combine(prepare(a, 0), prepare(b, 1)));
      });
    },
  };
}

export const DSP_SUM16 = { add: sum16('add'), sub: sum16('sub') } as const;
