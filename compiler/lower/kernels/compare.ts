/** Kernels of comparisons, logic and choice. */
import { op } from '../../../ir/loop/build.ts';
import type { Opcode } from '../../../ir/loop/instructions.ts';
import type { Expr } from '../../../ir/loop/types.ts';
import { compareScales } from '../../../ir/tensor/ops/compare.ts';
import { type OperandScale, rescaled } from '../../../ir/tensor/ops/rescale.ts';
import { integerRange, sameQuant, type TensorType } from '../../../ir/tensor/types.ts';
import { elementwise, folded, registerOf, rescaledExpr } from '../elementwise.ts';
import type { Kernel } from '../kernel.ts';

type CompareOp = 'equal' | 'not_equal' | 'less' | 'less_equal' | 'greater' | 'greater_equal';

interface Spelling {
  readonly i32: Opcode;
  readonly f32: Opcode;
  /** i64 has fewer instructions: some need their operands exchanged, one its result inverted. */
  readonly i64: Opcode;
  readonly exchanged?: boolean;
  readonly inverted?: boolean;
}

const SPELLINGS: Readonly<Record<CompareOp, Spelling>> = {
  equal: { i32: 'i32.eq', f32: 'f32.eq', i64: 'i64.eq' },
  not_equal: { i32: 'i32.ne', f32: 'f32.ne', i64: 'i64.eq', inverted: true },
  less: { i32: 'i32.lt_s', f32: 'f32.lt', i64: 'i64.lt_s' },
  less_equal: { i32: 'i32.le_s', f32: 'f32.le', i64: 'i64.le_s' },
  greater: { i32: 'i32.gt_s', f32: 'f32.gt', i64: 'i64.lt_s', exchanged: true },
  greater_equal: { i32: 'i32.ge_s', f32: 'f32.ge', i64: 'i64.le_s', exchanged: true },
};

function compareExpr(kind: CompareOp, a: Expr, b: Expr): Expr {
  const spelling = SPELLINGS[kind];
  const register = registerOf(a);
  if (register !== 'i64') return folded(spelling[register], [a, b]);
  const result = folded(spelling.i64, spelling.exchanged ? [b, a] : [a, b]);
  return spelling.inverted ? folded('i32.eq', [result, 0]) : result;
}

/** Whether equal scales leave different stored values different, so that the stored values can be compared. */
function storedOrder([a, b]: readonly TensorType[], [scale]: readonly OperandScale[]): boolean {
  if (!sameQuant(a.quant, b.quant)) return false;
  const [low, high] = integerRange(a.dtype);
  for (let x = low; x < high; x++) if (rescaled(x, scale) >= rescaled(x + 1, scale)) return false;
  return true;
}

function comparison<K extends CompareOp>(kind: K): Kernel<K> {
  const doc =
    'Scales of 8-bit operands count only where they differ. One loop over equal shapes; what repeats is outside.';
  return elementwise(kind, doc, ({ site }) => {
    const scales = compareScales(site.inputs);
    const combine = ([a, b]: readonly Expr[]) => compareExpr(kind, a, b);
    if (scales === undefined || storedOrder(site.inputs, scales)) return { combine };
    return { prepare: (x, i) => rescaledExpr(x, scales[i]), combine };
  });
}

function logical<K extends 'logical_and' | 'logical_or' | 'logical_xor'>(kind: K, code: Opcode): Kernel<K> {
  return elementwise(kind, 'One loop over equal shapes.', () => ({ combine: ([a, b]) => folded(code, [a, b]) }));
}

const select = elementwise('select', 'y = condition ? a : b, both loaded. One loop over equal shapes.', () => ({
  combine: ([condition, a, b]) => op(`${registerOf(a)}.select`, [condition, a, b]),
}));

export const COMPARE_KERNELS = {
  equal: [comparison('equal')],
  not_equal: [comparison('not_equal')],
  less: [comparison('less')],
  less_equal: [comparison('less_equal')],
  greater: [comparison('greater')],
  greater_equal: [comparison('greater_equal')],
  logical_and: [logical('logical_and', 'i32.and')],
  logical_or: [logical('logical_or', 'i32.or')],
  logical_xor: [logical('logical_xor', 'i32.xor')],
  select: [select],
} as const;
