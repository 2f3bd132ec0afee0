/** Kernels of arithmetic on two operands. */
import { add, type Buffer, f32, op, sub } from '../../../ir/loop/build.ts';
import type { Expr } from '../../../ir/loop/types.ts';
import { activationBounds } from '../../../ir/tensor/fixed-point.ts';
import {
  additionStage,
  type ExtremumAttrs,
  F32_MAX,
  productStage,
  type QuotientAttrs,
  quotientClamp,
  type SumAttrs,
  type SumStage,
  squaredDifferenceStage,
  subtractionStage,
} from '../../../ir/tensor/ops/binary.ts';
import { type DivisionStage, divisionStage } from '../../../ir/tensor/ops/division.ts';
import type { ShiftedSum } from '../../../ir/tensor/ops/litert.ts';
import { isQuantized } from '../../../ir/tensor/ops/rescale.ts';
import type { OutputStage } from '../../../ir/tensor/ops/shared.ts';
import { affineOf, integerRange, type TensorType } from '../../../ir/tensor/types.ts';
import { type ElementCode, elementwise, folded, registerOf, rescaledExpr } from '../elementwise.ts';
import type { Kernel, KernelBuilder } from '../kernel.ts';
import { activateFloatExpr, clampTo, requantizer } from '../requantize.ts';

type ArithmeticOp = 'add' | 'sub' | 'mul' | 'div' | 'squared_difference';
type Builder = KernelBuilder;
type Types = readonly [TensorType, TensorType];

/** Whether a value of this magnitude fits into i32 all the way through an output stage. */
function fits(magnitude: number, { multipliers }: OutputStage): boolean {
  return magnitude * 2 ** Math.max(0, ...multipliers.map(({ shift }) => shift)) < 2 ** 31 - 2 ** 17;
}

/** The largest distance of a stored value from its zero point. */
function reach(type: TensorType): number {
  const [low, high] = integerRange(type.dtype);
  const { zeroPoint } = affineOf(type);
  return Math.max(high - zeroPoint, zeroPoint - low);
}

function sumCode(k: Builder, stage: SumStage | ShiftedSum, how: 'i32.add' | 'i32.sub'): ElementCode {
  if (stage.kind === 'shifted') return shiftedSumCode(stage);
  const { operands, output } = stage;
  // The sum of two values under 2^30 is scaled by less than 1.
  const tail = requantizer(k, output, 'i32', true);
  return {
    prepare: (x, i) => rescaledExpr(x, operands[i]),
    combine: ([a, b]) => tail.apply(op(how, [a, b]), 0),
  };
}

function shiftedSumCode({ left, right, bias, shift, zeroPoint, low, high }: ShiftedSum): ElementCode {
  return {
    prepare: (x, i) => folded('i32.mul', [x, i === 0 ? left : right]),
    combine: ([a, b]) => {
      const sum = op('i32.add', [op('i32.add', [a, bias]), b]);
      return clampTo(add(op('i32.shr_s', [sum, shift]), zeroPoint), low, high);
    },
  };
}

function productCode(k: Builder, types: Types, stage: OutputStage): ElementCode {
  const zeroPoints = types.map((type) => affineOf(type).zeroPoint);
  const tail = requantizer(k, stage, 'i32', fits(reach(types[0]) * reach(types[1]), stage));
  return {
    prepare: (x, i) => sub(x, zeroPoints[i]),
    combine: ([a, b]) => tail.apply(folded('i32.mul', [a, b]), 0),
  };
}

function squareCode(k: Builder, { operands, output }: SumStage): ElementCode {
  const tail = requantizer(k, output, 'i32', fits(2 ** 30, output));
  return {
    prepare: (x, i) => rescaledExpr(x, operands[i]),
    combine: ([a, b]) => {
      const difference = k.let('d', op('i32.sub', [a, b]));
      return tail.apply(op('i32.mul', [difference, difference]), 0);
    },
  };
}

/** Reciprocals come from tables that the divisor's distance from its zero point indexes. */
function quotientCode(k: Builder, stage: DivisionStage, { low, high }: OutputStage): ElementCode {
  const { reciprocals, zeroPoints, output, outputZero } = stage;
  const multipliers = k.rom(
    'reciprocal',
    'i32',
    reciprocals.map(({ multiplier }) => multiplier),
  );
  const shifts = k.rom(
    'reciprocal_shift',
    'u8',
    reciprocals.map(({ shift }) => shift),
  );
  const last = reciprocals.length - 1;
  return {
    prepare: (x, i) => sub(x, zeroPoints[i]),
    combine: ([a, b]) => {
      const isNegative = op('i32.lt_s', [b, 0]);
      const dividend = k.let('n', op('i32.select', [isNegative, op('i32.sub', [0, a]), a]));
      const size = k.let('d', op('i32.min_s', [op('i32.select', [isNegative, op('i32.sub', [0, b]), b]), last]));
      const magnitude = op('i32.xor', [dividend, op('i32.shr_s', [dividend, 31])]);
      const headroom = k.let('headroom', op('i32.and', [op('i32.sub', [op('i32.clz', [magnitude]), 1]), 31]));
      const inverse = tableAt(multipliers, size, last);
      const ratio = op('i32.sqrdmulh', [op('i32.shl', [dividend, headroom]), inverse]);
      const scaled = op('i32.sqrdmulh', [ratio, output.multiplier]);
      const total = op('i32.add', [tableAt(shifts, size, last), headroom]);
      const right = k.let('right', sub(total, output.shift));
      const rounded = op('i32.rdivpot', [scaled, op('i32.max_s', [op('i32.min_s', [right, 31]), 0])]);
      const finite = op('i32.select', [op('i32.gt_s', [right, 31]), 0, rounded]);
      const sign = op('i32.sub', [op('i32.gt_s', [dividend, 0]), op('i32.lt_s', [dividend, 0])]);
      const infinite = op('i32.shl', [sign, 30]);
      const q = op('i32.select', [op('i32.eq', [size, 0]), infinite, finite]);
      return clampTo(op('i32.add', [q, outputZero]), low, high);
    },
  };
}

function tableAt(table: Buffer, index: Expr, last: number): Expr {
  return table.at(op('i32.max_s', [op('i32.min_s', [index, last]), 0]));
}

function quantizedCode(k: Builder, kind: ArithmeticOp): ElementCode {
  const types = k.site.inputs as unknown as Types;
  const [y] = k.site.outputs;
  const attrs = k.site.attrs as SumAttrs;
  switch (kind) {
    case 'add':
      return sumCode(k, additionStage(types, y, attrs), 'i32.add');
    case 'sub':
      return sumCode(k, subtractionStage(types, y, attrs), 'i32.sub');
    case 'mul':
      return productCode(k, types, productStage(types, y, attrs));
    case 'div':
      return quotientCode(k, divisionStage(types[0], types[1], y), quotientClamp(y, attrs));
    case 'squared_difference':
      return squareCode(k, squaredDifferenceStage(types, y));
  }
}

/** On plain i32 and f32, before the activation. */
function plainCode(k: Builder, kind: ArithmeticOp, type: 'i32' | 'f32', a: Expr, b: Expr): Expr {
  const spelled = (name: 'add' | 'sub' | 'mul', p: Expr, q: Expr) =>
    type === 'f32' ? folded(`f32.${name}`, [p, q]) : folded(`i32.${name}_wrap`, [p, q]);
  if (kind === 'div') return plainQuotient(k, type, a, b);
  if (kind !== 'squared_difference') return spelled(kind, a, b);
  const difference = k.let('d', spelled('sub', a, b));
  return spelled('mul', difference, difference);
}

function plainQuotient(k: Builder, type: 'i32' | 'f32', a: Expr, b: Expr): Expr {
  const isWrapping = (k.site.attrs as QuotientAttrs).semantics === 'onnx';
  if (type === 'i32') return divideExpr(k, a, b, isWrapping);
  const quotient = folded('f32.div', [a, b]);
  return isWrapping ? quotient : activateFloatExpr(quotient, [-F32_MAX, F32_MAX], f32);
}

/** `divideI32` or `divideWrapping` of ops/division: the branches tell the divisors apart that a division instruction is not defined for. */
function divideExpr(k: Builder, a: Expr, b: Expr, isWrapping: boolean): Expr {
  const divisor = k.let('divisor', b);
  const q = k.variable('q', 0);
  const divide = () => k.set(q, op('i32.div_s', [a, divisor]));
  const negate = () => k.set(q, op(isWrapping ? 'i32.sub_wrap' : 'i32.sqsub', [0, a]));
  const saturate = () => {
    if (isWrapping) return;
    const positive = op('i32.select', [op('i32.gt_s', [a, 0]), 2 ** 31 - 1, 0]);
    k.set(q, op('i32.select', [op('i32.lt_s', [a, 0]), -(2 ** 31), positive]));
  };
  k.if(op('i32.gt_s', [divisor, 0]), divide, () => {
    k.if(op('i32.lt_s', [divisor, -1]), divide, () => {
      k.if(op('i32.eq', [divisor, 0]), saturate, negate);
    });
  });
  return q.value;
}

function activatedInteger(x: Expr, [low, high]: readonly [number, number]): Expr {
  const raised = low === Number.NEGATIVE_INFINITY ? x : op('i32.max_s', [x, low]);
  return high === Number.POSITIVE_INFINITY ? raised : op('i32.min_s', [raised, high]);
}

function arithmetic<K extends ArithmeticOp>(kind: K, doc: string): Kernel<K> {
  return elementwise(kind, `${doc} One loop over equal shapes; what repeats is computed outside.`, (k) => {
    const [y] = k.site.outputs;
    if (isQuantized(y)) return quantizedCode(k, kind);
    const { activation = 'none' } = k.site.attrs as Partial<SumAttrs>;
    const bounds = activationBounds(activation);
    return {
      combine: ([a, b]) =>
        y.dtype === 'f32'
          ? activateFloatExpr(plainCode(k, kind, 'f32', a, b), bounds, f32)
          : activatedInteger(plainCode(k, kind, 'i32', a, b), bounds),
    };
  });
}

function extremum<K extends 'minimum' | 'maximum'>(kind: K, name: 'min' | 'max'): Kernel<K> {
  return elementwise(kind, `y = ${name}(a, b). One loop over equal shapes.`, ({ site }) => ({
    combine: ([a, b]) => {
      const register = registerOf(a);
      // The operands change places because the instruction keeps its first where they are equal or one is NaN.
      const chosen = folded(register === 'f32' ? `f32.${name}` : `${register}.${name}_s`, [b, a]);
      const keepsNaN = (site.attrs as ExtremumAttrs).semantics === 'onnx' && register === 'f32';
      return keepsNaN ? op('f32.select', [op('f32.eq', [a, a]), chosen, a]) : chosen;
    },
  }));
}

export const BINARY_KERNELS = {
  add: [arithmetic('add', 'y = a + b; integers rescale both operands and their sum.')],
  sub: [arithmetic('sub', 'y = a - b; integers rescale both operands and their difference.')],
  mul: [arithmetic('mul', 'y = a * b; integers rescale the product.')],
  div: [arithmetic('div', 'y = a / b; 8-bit integers multiply by a reciprocal from a table.')],
  squared_difference: [
    arithmetic('squared_difference', 'y = (a - b)^2; integers rescale both operands and the square.'),
  ],
  minimum: [extremum('minimum', 'min')],
  maximum: [extremum('maximum', 'max')],
} as const;
