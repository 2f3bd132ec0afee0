/** Ops over the rows of the innermost dimension: softmax, its logarithm, and division by the Euclidean norm. */
import { z } from 'zod';
import { NUMBERS } from '../algebra.ts';
import {
  type DiffScale,
  diffScale,
  expOfDiffs,
  interpolate,
  interpolatedTable,
  inverseSqrt,
  logOf,
  reciprocal,
  SCALED_DIFF_BITS,
} from '../fixed-math.ts';
import {
  clampInt,
  type Multiplier,
  quantizeMultiplier,
  requantize,
  roundingDivideByPot,
  saturate,
  sqrdmulh,
} from '../fixed-point.ts';
import { floatFunctionOf } from '../float-math.ts';
import { defineOp, OpError, type OpRecord, signature } from '../op.ts';
import { affineOf, elementCount, integerRange, newData, type Tensor, type TensorType, typeText } from '../types.ts';
import { fround, numbersOf, reasonOf } from './shared.ts';

/** Integer bits of the sum of exponentials. */
export const SUM_BITS = 12;
/** The least finite f32, with which TFLite starts to look for a maximum. */
export const LEAST_F32 = -3.4028234663852886e38;
/** The norm that shorter vectors are divided by. */
export const LEAST_NORM = fround(1e-6);

type Row = ArrayLike<number>;
/** From one row of stored values to another. */
type RowFunction = (row: Row, out: number[]) => void;

interface RowSpec<A> {
  readonly doc: string;
  readonly attrs: z.ZodType<A>;
  readonly signatures: readonly string[];
  /** Throws OpError for quantizations that the op does not define. */
  readonly rows: (x: TensorType, y: TensorType, attrs: A) => RowFunction;
}

/** Number and length of the rows. */
export function rowsOf({ shape }: TensorType): { readonly count: number; readonly depth: number } {
  const depth = shape.at(-1) as number;
  return { count: elementCount(shape) / depth, depth };
}

function rowOp<A>({ doc, attrs, signatures, rows }: RowSpec<A>): OpRecord<A> {
  return defineOp<A>({
    doc,
    attrs,
    inputs: ['x'],
    outputs: ['y'],
    signatures: signatures.map(signature),
    traits: {},
    infer({ inputs }) {
      const [x] = inputs as [TensorType];
      if (x.shape.length === 0) throw new OpError(`expected at least one dimension, found ${typeText(x)}`);
      return [[...x.shape]];
    },
    check: ({ inputs, outputs, attrs: given }) =>
      reasonOf(() => rows(inputs[0] as TensorType, outputs[0] as TensorType, given)),
    evaluate({ inputs, outputs, attrs: given }) {
      const [x] = inputs as [Tensor];
      const y = outputs[0] as TensorType;
      const f = rows(x.type, y, given);
      const values = numbersOf(x);
      const { count, depth } = rowsOf(x.type);
      const data = newData(y.dtype, values.length);
      for (let row = 0; row < count; row++) {
        const out: number[] = [];
        f(values.subarray(row * depth, (row + 1) * depth), out);
        out.forEach((value, i) => {
          data[row * depth + i] = value;
        });
      }
      return [data];
    },
  });
}

function affine(type: TensorType): { readonly scale: number; readonly zeroPoint: number } {
  if (type.quant.kind !== 'affine' || type.quant.scale.length !== 1) {
    throw new OpError(`expected per-tensor affine quantization, found ${typeText(type)}`);
  }
  return affineOf(type);
}

function expectOutput(type: TensorType, scale: number, zeroPoint: number): void {
  const found = affine(type);
  if (Math.abs(found.scale - scale) > scale * 1e-3 || found.zeroPoint !== zeroPoint) {
    throw new OpError(`expected affine(${scale}, ${zeroPoint}) as output, found ${typeText(type)}`);
  }
}

function maximum(row: Row, least: number): number {
  let max = least;
  for (let i = 0; i < row.length; i++) if (max < (row[i] as number)) max = row[i] as number;
  return max;
}

const exp = floatFunctionOf('exp');
const log = floatFunctionOf('log');

const softmaxAttrs = z.strictObject({ beta: z.number().default(1) });
export type SoftmaxAttrs = z.infer<typeof softmaxAttrs>;

function softmaxFloat(beta: number): RowFunction {
  return (row, out) => {
    const max = maximum(row, LEAST_F32);
    let sum = 0;
    for (let i = 0; i < row.length; i++) {
      const e = exp(fround(fround((row[i] as number) - max) * beta));
      out.push(e);
      sum = fround(sum + e);
    }
    for (let i = 0; i < row.length; i++) out[i] = fround((out[i] as number) / sum);
  };
}

function scaledDiffs(beta: number, x: TensorType): DiffScale {
  const scale = diffScale(beta, affine(x).scale);
  if (scale === undefined) throw new OpError(`expected an input scale times beta above 2^-26, found ${typeText(x)}`);
  return scale;
}

/** How softmax of 8 bits scales the differences d from the row's maximum. */
export function softmaxScale(x: TensorType, y: TensorType, beta: number): DiffScale {
  if (y.dtype === 'i16') expectOutput(y, 1 / 65536, -32768);
  else expectOutput(y, 1 / 256, integerRange(y.dtype)[0]);
  return scaledDiffs(beta, x);
}

function softmax8(x: TensorType, y: TensorType, beta: number): RowFunction {
  const table = expOfDiffs(softmaxScale(x, y, beta));
  const bits = y.dtype === 'i16' ? 16 : 8;
  const [least] = integerRange(y.dtype);
  return (row, out) => {
    const max = maximum(row, integerRange(x.dtype)[0]);
    let sum = 0;
    for (let i = 0; i < row.length; i++) {
      sum = (sum + roundingDivideByPot(table[max - (row[i] as number)] as number, SUM_BITS)) | 0;
    }
    const inverse = reciprocal(NUMBERS, sum, SUM_BITS);
    const exponent = inverse.bits + 31 - bits;
    for (let i = 0; i < row.length; i++) {
      const e = table[max - (row[i] as number)] as number;
      const scaled = exponent > 31 ? 0 : roundingDivideByPot(sqrdmulh(inverse.scale, e), exponent);
      out.push(saturate(scaled + least, y.dtype));
    }
  };
}

/** What int16 softmax computes with: differences to steps of 10 / 65535, and two interpolated tables. */
export interface Softmax16 {
  readonly multiplier: Multiplier;
  /** e^x in Q15 over [-10, 0]. */
  readonly expTable: Int16Array;
  /** 1 / (1 + x) in Q15 over [0, 1]. */
  readonly inverseTable: Int16Array;
}

export function softmax16Tables(x: TensorType, y: TensorType, beta: number): Softmax16 {
  expectOutput(y, 1 / 32768, 0);
  if (affine(x).zeroPoint !== 0) throw new OpError(`expected zero point 0, found ${typeText(x)}`);
  const multiplier = quantizeMultiplier((affine(x).scale * beta) / (10 / 65535));
  // The largest difference is 2^16 - 1.
  if (multiplier.shift > 14) throw new OpError(`expected an input scale times beta of at most 2, found ${typeText(x)}`);
  const { depth } = rowsOf(x);
  if (depth > 2 ** 16) throw new OpError(`expected rows of at most 65536 values, found ${typeText(x)}`);
  const output = { scale: fround(2 / 65535), zeroPoint: 0 };
  return {
    multiplier,
    expTable: interpolatedTable((v) => fround(Math.exp(v)), { scale: fround(10 / 65535), zeroPoint: 32767 }, output),
    inverseTable: interpolatedTable(
      (v) => fround(1 / fround(1 + v)),
      { scale: fround(1 / 65535), zeroPoint: -32768 },
      output,
    ),
  };
}

function softmax16(x: TensorType, y: TensorType, beta: number): RowFunction {
  const { multiplier, expTable, inverseTable } = softmax16Tables(x, y, beta);
  const lookup = (table: Int16Array, value: number) =>
    interpolate(NUMBERS, clampInt(value, -32768, 32767), (index) => table[index] as number);
  return (row, out) => {
    const max = maximum(row, -32768);
    let sum = 0;
    for (let i = 0; i < row.length; i++) {
      const e = lookup(expTable, requantize((row[i] as number) - max, multiplier) + 32767);
      out.push(e);
      sum = (sum + e) | 0;
    }
    const zeros = Math.clz32(sum);
    // The sum in [1, 2) as 2^16 + x, less its first bit and centred.
    // Rounded in two steps, for a sum just below 2^31.
    const fraction = (((sum << (zeros - 1)) >> 13) + 1) >> 1;
    const inverse = lookup(inverseTable, fraction - 2 ** 15 - 2 ** 16);
    const shift = 31 - zeros;
    for (let i = 0; i < row.length; i++) {
      const product = (out[i] as number) * inverse + 2 ** (shift - 1);
      out[i] = clampInt(product >> shift, 0, 32767);
    }
  };
}

const softmax = rowOp<SoftmaxAttrs>({
  doc:
    'y = e^(beta * (x - max)) / sum of these along the innermost dimension. Floats: each step rounded to f32, summed in ' +
    'order; a row with NaN gives NaN. 8-bit inputs: gemmlowp fixed point, exponentials in Q0 and their sum in Q12, which ' +
    'wraps beyond 4095 equal maxima and gives the least value where it is 512 or more; outputs affine(1/256, -128) for ' +
    'int8, affine(1/256, 0) for uint8, affine(1/65536, -32768) for int16. int16 inputs: two interpolated tables; output ' +
    'affine(1/32768, 0).',
  attrs: softmaxAttrs,
  signatures: ['f32 -> f32', 'i8 -> i8', 'i8 -> i16', 'u8 -> u8', 'u8 -> i16', 'i16 -> i16'],
  rows(x, y, { beta }) {
    const factor = fround(beta);
    if (x.dtype === 'f32') return softmaxFloat(factor);
    if (x.dtype === 'i16') return softmax16(x, y, factor);
    return softmax8(x, y, factor);
  },
});

const noAttrs = z.strictObject({});
export type RowAttrs = z.infer<typeof noAttrs>;

const logSoftmaxFloat: RowFunction = (row, out) => {
  const max = maximum(row, LEAST_F32);
  let sum = 0;
  for (let i = 0; i < row.length; i++) sum = fround(sum + exp(fround((row[i] as number) - max)));
  const logSum = log(sum);
  for (let i = 0; i < row.length; i++) out.push(fround(fround((row[i] as number) - max) - logSum));
};

/** What int8 log_softmax computes with. */
export interface LogSoftmax8 {
  readonly scale: DiffScale;
  /** e^(-d * scale) in Q12 for the differences d from the row's maximum. */
  readonly table: Int32Array;
  /** From Q5 back to input steps. */
  readonly back: Multiplier;
}

export function logSoftmaxTables(x: TensorType, y: TensorType): LogSoftmax8 {
  expectOutput(y, 1 / 16, 127);
  const scale = scaledDiffs(1, x);
  const reverse = 2 ** (31 - scale.multiplier.shift) / scale.multiplier.multiplier;
  if (reverse >= 1) throw new OpError(`expected an input scale above 2^-25, found ${typeText(x)}`);
  return {
    scale,
    table: expOfDiffs(scale).map((e) => roundingDivideByPot(e, SUM_BITS)),
    back: quantizeMultiplier(reverse),
  };
}

function logSoftmax8(x: TensorType, y: TensorType): RowFunction {
  const { scale, table, back } = logSoftmaxTables(x, y);
  return (row, out) => {
    const max = maximum(row, -128);
    let sum = 0;
    for (let i = 0; i < row.length; i++) sum = (sum + (table[max - (row[i] as number)] as number)) | 0;
    const logSum = logOf(NUMBERS, sum, SUM_BITS, SCALED_DIFF_BITS);
    const least = Math.max(scale.least - 1, requantize((logSum - 2 ** 31) | 0, back));
    for (let i = 0; i < row.length; i++) {
      const diff = (row[i] as number) - max;
      const scaled = (requantize(diff, scale.multiplier) - logSum) | 0;
      out.push(diff > least ? saturate(roundingDivideByPot(scaled, 22) + 127, 'i8') : -128);
    }
  };
}

const log_softmax = rowOp<RowAttrs>({
  doc:
    'y = x - max - ln(sum of e^(x - max)) along the innermost dimension. Floats: each step rounded to f32, summed in order; ' +
    'a row with NaN gives NaN. int8: gemmlowp fixed point, differences in Q5, the sum in Q12; output affine(1/16, 127).',
  attrs: noAttrs,
  signatures: ['f32 -> f32', 'i8 -> i8'],
  rows: (x, y) => (x.dtype === 'f32' ? logSoftmaxFloat : logSoftmax8(x, y)),
});

const normalizeFloat: RowFunction = (row, out) => {
  let sum = 0;
  for (let i = 0; i < row.length; i++) sum = fround(sum + fround((row[i] as number) * (row[i] as number)));
  const norm = fround(Math.sqrt(sum));
  const divisor = norm < LEAST_NORM ? LEAST_NORM : norm;
  for (let i = 0; i < row.length; i++) out.push(fround((row[i] as number) / divisor));
};

/** Longer rows may overflow the 32-bit sum of squares. */
const LONGEST_ROW = Math.floor((2 ** 31 - 1) / 255 ** 2);

function normalize8(x: TensorType, y: TensorType): RowFunction {
  const outputZero = y.dtype === 'u8' ? 128 : 0;
  expectOutput(y, 1 / 128, outputZero);
  const { depth } = rowsOf(x);
  if (depth > LONGEST_ROW) throw new OpError(`expected rows of at most ${LONGEST_ROW} values, found ${typeText(x)}`);
  const { zeroPoint } = affine(x);
  return (row, out) => {
    let sum = 0;
    for (let i = 0; i < row.length; i++) sum += ((row[i] as number) - zeroPoint) ** 2;
    const { multiplier, rightShift } = inverseSqrt(NUMBERS, sum);
    for (let i = 0; i < row.length; i++) {
      const real = (row[i] as number) - zeroPoint;
      const scaled =
        y.dtype === 'u8'
          ? requantize(128 * real, { multiplier, shift: -rightShift })
          : requantize(real, { multiplier, shift: 7 - rightShift });
      out.push(saturate(scaled + outputZero, y.dtype));
    }
  };
}

const l2_normalization = rowOp<RowAttrs>({
  doc:
    'y = x / max(sqrt(sum of x^2), 1e-6) along the innermost dimension. Floats: each step rounded to f32, summed in order. ' +
    '8-bit integers: the inverse norm by Newton in gemmlowp fixed point, a norm of 0 counting as 1; outputs ' +
    'affine(1/128, 0) for int8, affine(1/128, 128) for uint8.',
  attrs: noAttrs,
  signatures: ['f32 -> f32', 'i8 -> i8', 'u8 -> u8'],
  rows: (x, y) => (x.dtype === 'f32' ? normalizeFloat : normalize8(x, y)),
});

export const SOFTMAX_OPS = { softmax, log_softmax, l2_normalization } as const;
