/** Kernels of the ops over rows of the innermost dimension. */
import { add, type Buffer, f32, mul, type Operand, op, sub, type Variable } from '../../../ir/loop/build.ts';
import type { Elem, Expr } from '../../../ir/loop/types.ts';
import type { Algebra } from '../../../ir/tensor/algebra.ts';
import {
  type DiffScale,
  expOfDiffs,
  expOfNegative,
  interpolate,
  inverseSqrt,
  logOf,
  reciprocal,
  SCALED_DIFF_BITS,
} from '../../../ir/tensor/fixed-math.ts';
import type { Multiplier } from '../../../ir/tensor/fixed-point.ts';
import {
  LEAST_F32,
  LEAST_NORM,
  logSoftmaxTables,
  rowsOf,
  type SOFTMAX_OPS,
  type SoftmaxAttrs,
  SUM_BITS,
  softmax16Tables,
  softmaxScale,
} from '../../../ir/tensor/ops/softmax.ts';
import { affineOf, integerRange, type TensorType } from '../../../ir/tensor/types.ts';
import { loopAlgebra, useFloatFunction } from '../algebra.ts';
import { replaceable } from '../elementwise.ts';
import type { Kernel, KernelBuilder, Site } from '../kernel.ts';
import { type Elements, forElements, inLanes, LANES } from '../lanes.ts';
import { clampTo } from '../requantize.ts';

type RowOp = keyof typeof SOFTMAX_OPS;
type Builder = KernelBuilder<RowOp>;

/** The operands of a kernel that goes row by row; element 0 of the current row is at `start`. */
interface Rows {
  readonly k: Builder;
  readonly x: Buffer;
  readonly y: Buffer;
  readonly xType: TensorType;
  readonly yType: TensorType;
  readonly depth: number;
}

/** A kernel whose `body` declares its tables and gives what is done for the row that starts at an index. */
function rowKernel<K extends RowOp>(
  name: string,
  doc: string,
  isFor: (x: TensorType) => boolean,
  body: (rows: Rows) => (start: Expr) => void,
): Kernel<K> {
  return {
    name,
    doc,
    applies: ({ inputs }) => isFor(inputs[0] as TensorType) || `not for ${(inputs[0] as TensorType).dtype}`,
    inPlace: (site) => replaceable(site as unknown as Site),
    build(builder) {
      const k = builder as unknown as Builder;
      const [xType, yType] = [k.site.inputs[0], k.site.outputs[0]] as [TensorType, TensorType];
      const { count, depth } = rowsOf(xType);
      const x = k.input(0, 'x');
      const y = k.output(0, 'y');
      const row = body({ k, x, y, xType, yType, depth });
      k.for('row', 0, count, (index) => row(k.let('start', mul(index, depth))));
    },
  };
}

const isFloat = ({ dtype }: TensorType) => dtype === 'f32';
const isByte = ({ dtype }: TensorType) => dtype === 'i8' || dtype === 'u8';
const isShort = ({ dtype }: TensorType) => dtype === 'i16';

/** Runs `body` for the index of every element of the row. */
function forRow({ k, depth }: Rows, start: Expr, body: (index: Expr) => void): void {
  k.for('i', 0, depth, (i) => body(add(start, i)));
}

/** What is made of each float32 element of the row, stored as the row's result and handed on in order. */
function eachFloat(
  { k, x, y, depth }: Rows,
  start: Expr,
  code: (x: Expr) => Expr,
  { from = x, isStored = true, then }: { from?: Buffer; isStored?: boolean; then?: (result: Expr) => void } = {},
): void {
  const builder = k as unknown as KernelBuilder;
  const results = { first: start, ...(isStored ? { y } : {}), ...(then ? { then } : {}) };
  const element: Elements = (i, access) => from.at(add(start, i), access);
  forElements(builder, depth, [element], results, ([value]) => code(value as Expr));
}

/** Its largest element; `least` where the row has none above. */
function maximumOf(rows: Rows, start: Expr, least: Operand): Variable {
  const { k, x, xType } = rows;
  if (inLanes(k.site as unknown as Site, rows.depth)) return maximumInLanes(rows, start, least);
  const max = k.variable('max', least);
  const larger = xType.dtype === 'f32' ? 'f32.max' : 'i32.max_s';
  forRow(rows, start, (i) => k.set(max, op(larger, [max.value, x.at(i)])));
  return max;
}

/** The same in vectors: only which of +0 and -0 is the larger may differ, and nothing is made of that. */
function maximumInLanes({ k, x, depth }: Rows, start: Expr, least: Operand): Variable {
  const larger = k.variable('larger', op('f32x4.splat', [least]));
  const whole = depth - (depth % LANES);
  k.for('i', 0, whole, (i) => k.set(larger, op('f32x4.pmax', [larger.value, x.at(add(start, i), 'v128')])), {
    step: LANES,
  });
  const max = k.variable('max', least);
  const take = (value: Expr) => k.set(max, op('f32.max', [max.value, value]));
  for (let lane = 0; lane < LANES; lane++) take(op('f32x4.extract_lane', [larger.value], [lane]));
  k.for('i', whole, depth, (i) => take(x.at(add(start, i))));
  return max;
}

/** The sum of `term` over the row, in order. */
function sumOf(rows: Rows, start: Expr, zero: Operand, term: (i: Expr) => Expr): Variable {
  const sum = rows.k.variable('sum', zero);
  const plus = typeof zero === 'number' ? 'i32.add_wrap' : 'f32.add';
  forRow(rows, start, (i) => rows.k.set(sum, op(plus, [sum.value, term(i)])));
  return sum;
}

/** What all large differences have in common, which is 0 for exponentials, stands once. */
function shortened(values: Int32Array): Int32Array {
  return values.slice(0, values.findLastIndex((value) => value !== values.at(-1)) + 2);
}

/** A table over the difference of an 8-bit element from the maximum of its row, `shortened`. */
function diffTable({ k, x }: Rows, name: string, elem: Elem, values: Int32Array): (max: Variable, i: Expr) => Expr {
  const table = k.rom(name, elem, values);
  const last = values.length - 1;
  return (max, i) => {
    const difference = op('i32.and', [op('i32.sub_wrap', [max.value, x.at(i)]), 255]);
    return table.at(last < 255 ? op('i32.min_s', [difference, last]) : difference);
  };
}

/** Exponentials of so few elements are computed rather than looked up, as long as the table is larger than the code. */
const FEW_ELEMENTS = 64;
const EXP_CODE_BYTES = { speed: 512, size: 256 } as const;

/** What computes the exponential of an 8-bit element's difference from the maximum of its row. */
function diffFunction({ k, x }: Rows, { multiplier, least }: DiffScale): (max: Variable, i: Expr) => Expr {
  const algebra = { ...loopAlgebra(k), fold: looped(k) };
  return (max, i) => {
    const difference = k.let('difference', sub(x.at(i), max.value));
    const scaled = k.let('scaled', scaledBy(difference, multiplier));
    const value = expOfNegative(algebra, scaled, SCALED_DIFF_BITS);
    return least <= -255 ? value : op('i32.select', [op('i32.lt_s', [difference, least]), 0, value]);
  };
}

/** `fold` as a loop over a table. */
function looped(k: Builder): Algebra<Expr, Expr, Expr>['fold'] {
  return (values, start, step) => {
    const table = k.rom('factor', 'i32', values);
    const result = k.variable('result', start);
    k.for('place', 0, values.length, (place) => {
      k.set(result, step(result.value, k.let('factor', table.at(place)), count31(place)));
    });
    return result.value;
  };
}

const count31 = (count: Expr) => op('i32.and', [count, 31]);

const softmaxFloat = rowKernel<'softmax'>(
  'softmax_f32',
  'for each row: its maximum; y = e^(beta * (x - max)) and their sum; y /= sum.',
  isFloat,
  (rows) => {
    const { k, y } = rows;
    const exp = useFloatFunction(k, 'exp');
    const { beta } = k.site.attrs as SoftmaxAttrs;
    return (start) => {
      const max = maximumOf(rows, start, f32(LEAST_F32));
      const sum = k.variable('sum', f32(0));
      const then = (e: Expr) => k.set(sum, op('f32.add', [sum.value, e]));
      eachFloat(rows, start, (value) => exp(op('f32.mul', [op('f32.sub', [value, max.value]), f32(beta)])), { then });
      eachFloat(rows, start, (value) => op('f32.div', [value, sum.value]), { from: y });
    };
  },
);

const softmaxByte = rowKernel<'softmax'>(
  'softmax_table',
  'for each row: its maximum; the sum of e^(x - max), from a table of 256 or computed once; its inverse; y = inverse * e^(x - max).',
  isByte,
  (rows) => {
    const { k, y, xType, yType, depth } = rows;
    const { beta } = k.site.attrs as SoftmaxAttrs;
    const diffScale = softmaxScale(xType, yType, Math.fround(beta));
    const values = shortened(expOfDiffs(diffScale));
    const isComputed =
      values.byteLength > EXP_CODE_BYTES[k.site.optimize] && rowsOf(xType).count * depth <= FEW_ELEMENTS;
    const exp = isComputed ? diffFunction(rows, diffScale) : diffTable(rows, 'exp_table', 'i32', values);
    const terms = isComputed ? k.scratch('term', 'i32', depth) : undefined;
    const [low, high] = integerRange(yType.dtype);
    const bits = yType.dtype === 'i16' ? 16 : 8;
    return (start) => {
      const max = maximumOf(rows, start, integerRange(xType.dtype)[0]);
      const sum = k.variable('sum', 0);
      k.for('i', 0, depth, (i) => {
        const e = k.let('e', exp(max, add(start, i)));
        if (terms !== undefined) k.store(terms, i, e);
        k.set(sum, op('i32.add_wrap', [sum.value, op('i32.rdivpot', [e, SUM_BITS])]));
      });
      const inverse = reciprocal(loopAlgebra(k), k.let('total', sum.value), SUM_BITS);
      const exponent = k.let('exponent', op('i32.add_wrap', [inverse.bits, 31 - bits]));
      // Nothing is left after a shift by 32 or more.
      const scale = k.let('factor', op('i32.select', [op('i32.gt_s', [exponent, 31]), 0, inverse.scale]));
      k.for('i', 0, depth, (i) => {
        const e = terms === undefined ? exp(max, add(start, i)) : terms.at(i);
        const scaled = op('i32.rdivpot', [op('i32.sqrdmulh', [scale, e]), count31(exponent)]);
        k.store(y, add(start, i), clampTo(op('i32.add_wrap', [scaled, low]), low, high));
      });
    };
  },
);

/** A difference times a constant factor, which wraps as `requantize` does. */
function scaledBy(x: Expr, { multiplier, shift }: Multiplier): Expr {
  const product = op('i32.sqrdmulh', [shift > 0 ? op('i32.shl', [x, shift]) : x, multiplier]);
  return shift < 0 ? op('i32.rdivpot', [product, -shift]) : product;
}

const softmaxShort = rowKernel<'softmax'>(
  'softmax_i16',
  'for each row: its maximum; y = e^(x - max) by an interpolated table, and their sum; its inverse by another; y *= it.',
  isShort,
  (rows) => {
    const { k, x, y, xType, yType } = rows;
    const { beta } = k.site.attrs as SoftmaxAttrs;
    const { multiplier, expTable, inverseTable } = softmax16Tables(xType, yType, Math.fround(beta));
    const table = { exp: k.rom('exp_table', 'i16', expTable), inverse: k.rom('inverse_table', 'i16', inverseTable) };
    const lookup = (name: keyof typeof table, value: Expr) =>
      interpolate(loopAlgebra(k), k.let('point', op('i32.ssat', [value], [16])), (index) => table[name].at(index));
    return (start) => {
      const max = maximumOf(rows, start, -32768);
      const sum = k.variable('sum', 0);
      forRow(rows, start, (i) => {
        const scaled = scaledBy(sub(x.at(i), max.value), multiplier);
        const e = k.let('e', lookup('exp', op('i32.add_wrap', [scaled, 32767])));
        k.store(y, i, e);
        k.set(sum, op('i32.add_wrap', [sum.value, e]));
      });
      const zeros = k.let('zeros', op('i32.clz', [sum.value]));
      const normal = op('i32.shl', [sum.value, count31(op('i32.sub_wrap', [zeros, 1]))]);
      const fraction = op('i32.shr_s', [op('i32.add_wrap', [op('i32.shr_s', [normal, 13]), 1]), 1]);
      const inverse = k.let('inverse', lookup('inverse', op('i32.sub_wrap', [fraction, 2 ** 15 + 2 ** 16])));
      const shift = k.let('shift', count31(op('i32.sub_wrap', [31, zeros])));
      const half = k.let('half', op('i32.shl', [1, count31(op('i32.sub_wrap', [shift, 1]))]));
      forRow(rows, start, (i) => {
        const product = op('i32.add_wrap', [op('i32.mul_wrap', [y.at(i), inverse]), half]);
        k.store(y, i, clampTo(op('i32.shr_s', [product, shift]), 0, 32767));
      });
    };
  },
);

const logSoftmaxFloat = rowKernel<'log_softmax'>(
  'log_softmax_f32',
  'for each row: its maximum; the sum of e^(x - max); y = x - max - ln(sum).',
  isFloat,
  (rows) => {
    const { k } = rows;
    const [exp, log] = [useFloatFunction(k, 'exp'), useFloatFunction(k, 'log')];
    return (start) => {
      const max = maximumOf(rows, start, f32(LEAST_F32));
      const diff = (value: Expr) => op('f32.sub', [value, max.value]);
      const sum = k.variable('sum', f32(0));
      const then = (e: Expr) => k.set(sum, op('f32.add', [sum.value, e]));
      eachFloat(rows, start, (value) => exp(diff(value)), { isStored: false, then });
      const logSum = k.let('log_sum', log(sum.value));
      eachFloat(rows, start, (value) => op('f32.sub', [diff(value), logSum]));
    };
  },
);

const logSoftmaxByte = rowKernel<'log_softmax'>(
  'log_softmax_table',
  'for each row: its maximum; the sum of e^(x - max) from a table of 256; its logarithm; y = x - max - ln(sum).',
  isByte,
  (rows) => {
    const { k, x, y, xType, yType } = rows;
    const { scale, table, back } = logSoftmaxTables(xType, yType);
    const exp = diffTable(rows, 'exp_table', 'i32', shortened(table));
    return (start) => {
      const max = maximumOf(rows, start, -128);
      const sum = sumOf(rows, start, 0, (i) => exp(max, i));
      const total = k.let('total', sum.value);
      const logSum = k.let('log_sum', logOf(loopAlgebra(k), total, SUM_BITS, SCALED_DIFF_BITS));
      const lowest = scaledBy(op('i32.add_wrap', [logSum, -(2 ** 31)]), back);
      const least = k.let('least', op('i32.max_s', [scale.least - 1, lowest]));
      forRow(rows, start, (i) => {
        const diff = k.let('diff', op('i32.sub_wrap', [x.at(i), max.value]));
        const scaled = op('i32.sub_wrap', [scaledBy(diff, scale.multiplier), logSum]);
        const value = clampTo(op('i32.add_wrap', [op('i32.rdivpot', [scaled, 22]), 127]), -128, 127);
        k.store(y, i, op('i32.select', [op('i32.gt_s', [diff, least]), value, -128]));
      });
    };
  },
);

const normalizeFloat = rowKernel<'l2_normalization'>(
  'l2_normalization_f32',
  'for each row: the sum of squares; its root; y = x / root.',
  isFloat,
  (rows) => {
    const { k } = rows;
    return (start) => {
      const sum = k.variable('sum', f32(0));
      const square = (x: Expr) => {
        const value = k.let('value', x);
        return op('f32.mul', [value, value]);
      };
      const then = (one: Expr) => k.set(sum, op('f32.add', [sum.value, one]));
      eachFloat(rows, start, square, { isStored: false, then });
      const norm = k.let('norm', op('f32.max', [op('f32.sqrt', [sum.value]), f32(LEAST_NORM)]));
      eachFloat(rows, start, (value) => op('f32.div', [value, norm]));
    };
  },
);

const normalizeByte = rowKernel<'l2_normalization'>(
  'l2_normalization_fixed',
  'for each row: the sum of squares; its inverse root by five steps of Newton; y = x * inverse root.',
  isByte,
  (rows) => {
    const { k, x, y, xType, yType } = rows;
    const { zeroPoint } = affineOf(xType);
    const [low, high] = integerRange(yType.dtype);
    const isUnsigned = yType.dtype === 'u8';
    return (start) => {
      const real = (i: Expr) => k.let('real', sub(x.at(i), zeroPoint));
      const sum = sumOf(rows, start, 0, (i) => {
        const value = real(i);
        return mul(value, value);
      });
      const { multiplier, rightShift } = inverseSqrt(loopAlgebra(k), k.let('squares', sum.value));
      // uint8 is shifted left by 7 and then right; int8 by the difference of the two, in whichever direction it goes.
      const left = isUnsigned ? 7 : op('i32.max_s', [op('i32.sub_wrap', [7, rightShift]), 0]);
      const right = isUnsigned ? rightShift : op('i32.max_s', [op('i32.sub_wrap', [rightShift, 7]), 0]);
      const up = k.let('left', typeof left === 'number' ? left : count31(left));
      const down = k.let('right', count31(right));
      forRow(rows, start, (i) => {
        const product = op('i32.sqrdmulh', [op('i32.shl', [real(i), up]), multiplier]);
        const scaled = op('i32.rdivpot', [product, down]);
        k.store(y, i, clampTo(isUnsigned ? op('i32.add_wrap', [scaled, 128]) : scaled, low, high));
      });
    };
  },
);

export const SOFTMAX_KERNELS = {
  softmax: [softmaxFloat, softmaxByte, softmaxShort],
  log_softmax: [logSoftmaxFloat, logSoftmaxByte],
  l2_normalization: [normalizeFloat, normalizeByte],
} as const;
