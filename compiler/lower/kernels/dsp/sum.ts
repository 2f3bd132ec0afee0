/**
 * Sums and differences of bytes as one linear function and a shift, which is proved equal to the reference for every pair
 * of stored values when the kernel is built. Two loads, two multiply-accumulates, a shift, a saturation and a store.
 */
import { add, op } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import { additionStage, type SumAttrs, subtractionStage } from '../../../../ir/tensor/ops/binary.ts';
import type { ShiftedSum } from '../../../../ir/tensor/ops/litert.ts';
import { elementCount, integerRange, type TensorType } from '../../../../ir/tensor/types.ts';
import { buildElementwise, folded, replaceable, spreadInput } from '../../elementwise.ts';
import type { Kernel, KernelBuilder, Site } from '../../kernel.ts';
import { elementwiseOverlap } from '../../overlap.ts';
import { clampTo } from '../../requantize.ts';
import { fitSum, type LinearSum, type Stored, staysWithin } from '../../short-formula.ts';
import { forElements } from './elements.ts';
import { DSP_SUM16 } from './sum-i16.ts';

type Sum = 'add' | 'sub';

export interface Formula extends LinearSum {
  readonly low: number;
  readonly high: number;
}

const formulas = new WeakMap<readonly TensorType[], Formula | string>();

/** The formula of a node, or why it has none. Looking for it takes milliseconds, so it is kept with the node's types. */
export function formulaOf(site: Site<Sum>): Formula | string {
  const known = formulas.get(site.inputs);
  if (known !== undefined) return known;
  const formula = findFormula(site);
  formulas.set(site.inputs, formula);
  return formula;
}

function findFormula({ op: name, inputs, outputs, attrs, target }: Site<Sum>): Formula | string {
  const [a, b] = inputs as [TensorType, TensorType];
  const y = outputs[0] as TensorType;
  if (!target.dsp && target.vector !== 'none') return 'for cores that go element by element';
  if (a.dtype !== 'i8' && a.dtype !== 'u8') return `not for ${a.dtype}`;
  const stage = (name === 'add' ? additionStage : subtractionStage)([a, b], y, attrs as SumAttrs);
  const stored = [a, b].map(({ dtype }) => {
    const [low, high] = integerRange(dtype);
    return { low, high };
  }) as unknown as Stored;
  if (stage.kind === 'shifted') return withZeroPoint(stage, stored);
  const sum = fitSum(stage, stored, name === 'add' ? 1 : -1);
  return sum === undefined
    ? 'no linear function gives all its results'
    : { ...sum, low: stage.output.low, high: stage.output.high };
}

/** XNNPACK's sum with the zero point before the shift, where that fits into i32. */
function withZeroPoint(sum: ShiftedSum, stored: Stored): Formula | string {
  const formula = { ...sum, bias: sum.bias + sum.zeroPoint * 2 ** sum.shift };
  return staysWithin(formula, stored) ? formula : 'its zero point does not fit into 32 bits before the shift';
}

function linear<K extends Sum>(name: K): Kernel<K> {
  return {
    name: `${name}_linear`,
    doc: 'for each element: y = (left * a + right * b + bias) >> shift, saturated. Two elements at a time; three pointers.',
    applies: (site) => {
      const formula = formulaOf(site as unknown as Site<Sum>);
      return typeof formula === 'string' ? formula : true;
    },
    inPlace: (site) => replaceable(site as unknown as Site),
    overlap: (site) => elementwiseOverlap(site as unknown as Site),
    build(builder) {
      const k = builder as unknown as KernelBuilder;
      const formula = formulaOf(builder.site as unknown as Site<Sum>) as Formula;
      const { left, right, bias, shift, low, high } = formula;
      const first = (x: Expr) => add(folded('i32.mul', [x, left]), bias);
      const second = (x: Expr) => folded('i32.mul', [x, right]);
      const finish = (a: Expr, b: Expr) => clampTo(op('i32.shr_s', [op('i32.add', [a, b]), shift]), low, high);
      const operands = [spreadInput(k, 0, 'a'), spreadInput(k, 1, 'b')] as const;
      const y = k.output(0, 'y');
      const count = elementCount((k.site.outputs[0] as TensorType).shape);
      if (operands.some(({ shape }) => elementCount(shape) !== count)) {
        buildElementwise(k, operands, y, {
          prepare: (x, i) => (i === 0 ? first(x) : second(x)),
          combine: ([a, b]) => finish(a as Expr, b as Expr),
        });
        return;
      }
      const element = (i: Expr) => {
        const [a, b] = operands.map((operand, which) => k.let(which === 0 ? 'a' : 'b', operand.at(i))) as [Expr, Expr];
        return () => k.store(y, i, finish(first(a), second(b)));
      };
      forElements(k, count, element);
    },
  };
}

export const DSP_SUM_KERNELS = {
  add: [linear('add'), DSP_SUM16.add],
  sub: [linear('sub'), DSP_SUM16.sub],
} as const;
