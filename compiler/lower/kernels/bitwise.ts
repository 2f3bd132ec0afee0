/** Kernels of logic and shifts on the bits of i32. */
import { op } from '../../../ir/loop/build.ts';
import type { Opcode } from '../../../ir/loop/instructions.ts';
import type { Expr } from '../../../ir/loop/types.ts';
import { elementwise, folded } from '../elementwise.ts';
import type { Kernel } from '../kernel.ts';

type BitwiseOp = 'bitwise_and' | 'bitwise_or' | 'bitwise_xor';
type ShiftOp = 'shift_left' | 'shift_right';

function bitwise<K extends BitwiseOp>(kind: K, code: Opcode): Kernel<K> {
  return elementwise(kind, 'One loop over equal shapes.', () => ({ combine: ([a, b]) => folded(code, [a, b]) }));
}

/** Instructions take counts below 32: the others are masked, and their result replaced by 0. */
function shifted(code: Opcode, a: Expr, count: Expr): Expr {
  if (count.kind === 'const')
    return (count.value as number) >>> 5 === 0 ? folded(code, [a, count]) : op('i32.and', [a, 0]);
  const moved = op(code, [a, op('i32.and', [count, 31])]);
  return op('i32.select', [op('i32.lt_u', [count, 32]), moved, 0]);
}

function shift<K extends ShiftOp>(kind: K, code: Opcode): Kernel<K> {
  return elementwise(kind, 'Counts of 32 and more select 0. One loop over equal shapes.', () => ({
    combine: ([a, count]) => shifted(code, a, count),
  }));
}

const not = elementwise('bitwise_not', 'One instruction per element.', () => ({
  combine: ([x]) => op('i32.xor', [x, -1]),
}));

export const BITWISE_KERNELS = {
  bitwise_and: [bitwise('bitwise_and', 'i32.and')],
  bitwise_or: [bitwise('bitwise_or', 'i32.or')],
  bitwise_xor: [bitwise('bitwise_xor', 'i32.xor')],
  bitwise_not: [not],
  shift_left: [shift('shift_left', 'i32.shl')],
  shift_right: [shift('shift_right', 'i32.shr_u')],
} as const;
