/** Spells the tail of integer products: bias in, fixed-point scale, zero point, clamp. Equal to `finish` of ops/shared. */
import {
  add,
  type Buffer,
  clamp,
  expr,
  type FunctionBuilder,
  f32,
  i64,
  type Operand,
  op,
  sub,
} from '../../ir/loop/build.ts';
import type { Expr } from '../../ir/loop/types.ts';
import { type Multiplier, reducedMultiplier } from '../../ir/tensor/fixed-point.ts';
import type { OpName } from '../../ir/tensor/ops/index.ts';
import type { ByteScale } from '../../ir/tensor/ops/litert.ts';
import type { OutputStage } from '../../ir/tensor/ops/shared.ts';
import type { KernelBuilder } from './kernel.ts';

/** A value per output channel: a constant when all channels agree, a table in flash otherwise. */
export interface PerChannel {
  at(channel: Operand): Expr;
  readonly values: readonly number[];
}

export function perChannel<K extends OpName>(
  k: KernelBuilder<K>,
  name: string,
  elem: 'i8' | 'u8' | 'i16' | 'i32',
  values: readonly number[],
): PerChannel {
  const first = values[0] as number;
  if (values.every((value) => value === first)) return { at: () => expr(first), values };
  const table: Buffer = k.rom(name, elem, values);
  return { at: (channel) => table.at(channel), values };
}

/** The compile-time side of a requantization: multipliers and shifts as constants or tables. */
export interface Requantizer {
  /** Scales an accumulator of `channel` and clamps it to the stored range. */
  apply(acc: Operand, channel: Operand): Expr;
}

/**
 * `fits` says that the scaled value plus the zero point is known to fit into i32, so that the addition cannot wrap.
 * With an i64 accumulator `acc` is an i64 expression.
 */
export function requantizer<K extends OpName>(
  k: KernelBuilder<K>,
  stage: OutputStage,
  accumulator: 'i32' | 'i64',
  fits: boolean,
): Requantizer {
  if (stage.rounding === 'float') return floatRequantizer(k, stage);
  const scale = accumulator === 'i64' ? scale64(k, stage.multipliers) : scale32(k, stage);
  const offset = (x: Expr): Expr =>
    stage.zeroPoint === 0 || fits ? add(x, stage.zeroPoint) : op('i32.add_wrap', [x, stage.zeroPoint]);
  return { apply: (acc, channel) => clampTo(offset(scale(expr(acc), channel)), stage.low, stage.high) };
}

/** 1.5 * 2^23: added to an f32 of magnitude under 2^22, it leaves the nearest integer, ties to even, in the low bits. */
const ROUNDING_BIAS = 12582912;
const ROUNDING_BITS = 0x4b400000;

function floatRequantizer<K extends OpName>(k: KernelBuilder<K>, stage: OutputStage): Requantizer {
  const { scales, zeroPoint, low, high } = stage;
  const first = f32(scales[0] as number);
  const table = scales.every((scale) => scale === scales[0]) ? undefined : k.rom('scale', 'f32', scales);
  return {
    apply(acc, channel) {
      const scaled = op('f32.mul', [op('f32.convert_i32_s', [acc]), table === undefined ? first : table.at(channel)]);
      const clamped = op('f32.min', [op('f32.max', [scaled, f32(low - zeroPoint)]), f32(high - zeroPoint)]);
      return roundedSmall(clamped, zeroPoint);
    },
  };
}

/** The nearest integer to an f32 of magnitude under 2^22, ties to even, plus `offset`. */
export function roundedSmall(x: Expr, offset = 0): Expr {
  const bits = op('i32.reinterpret_f32', [op('f32.add', [x, f32(ROUNDING_BIAS)])]);
  return op('i32.sub_wrap', [bits, ROUNDING_BITS - offset]);
}

/** The nearest integer to an f32 that fits into i32, ties away from zero. */
export function roundedAway(k: FunctionBuilder, x: Expr): Expr {
  const whole = k.let('whole', op('f32.trunc', [x]));
  // Exact, and 0 where x is beyond 2^23.
  const rest = k.let('rest', op('f32.sub', [x, whole]));
  const up = op('f32.ge', [rest, f32(0.5)]);
  const down = op('f32.le', [rest, f32(-0.5)]);
  return add(op('i32.trunc_sat_f32_s', [whole]), sub(up, down));
}

/** `byteScaled` of ops/litert. */
export function byteScaleExpr(k: FunctionBuilder, x: Expr, stage: ByteScale): Expr {
  const { zeroPoint, positive, negative, bias, low, high } = stage;
  const distance = k.let('distance', sub(x, zeroPoint));
  const factor =
    positive === negative ? expr(positive) : op('i32.select', [op('i32.ge_s', [distance, 0]), positive, negative]);
  return clampTo(op('i32.shr_s', [add(op('i32.mul', [distance, factor]), bias), 8]), low, high);
}

/** The clamp of `min(max(x, low), high)`, as one saturation where the bounds are those of a two's complement type. */
export function clampTo(x: Expr, low: number, high: number): Expr {
  const bits = Math.log2(high + 1) + 1;
  if (Number.isInteger(bits) && low === -(high + 1)) return op('i32.ssat', [x], [bits]);
  return clamp(x, low, high);
}

type Scale = (acc: Expr, channel: Operand) => Expr;

function scale32<K extends OpName>(k: KernelBuilder<K>, stage: OutputStage): Scale {
  const { multipliers } = stage;
  if (stage.rounding === 'single') return scaleOnce(k, multipliers);
  const factor = perChannel(k, 'multiplier', 'i32', multipliers.map(factorOf));
  const left = perChannel(
    k,
    'left_shift',
    'u8',
    multipliers.map(({ shift }) => Math.max(shift, 0)),
  );
  const right = perChannel(
    k,
    'right_shift',
    'u8',
    multipliers.map(({ shift }) => Math.max(-shift, 0)),
  );
  return (acc, channel) => {
    const shifted = left.values.every((s) => s === 0) ? acc : op('i32.shl', [acc, shiftCount(left.at(channel))]);
    const product = op('i32.sqrdmulh', [shifted, factor.at(channel)]);
    if (right.values.every((s) => s === 0)) return product;
    return op('i32.rdivpot', [product, shiftCount(right.at(channel))]);
  };
}

function factorOf({ multiplier }: Multiplier): number {
  return multiplier;
}

/** A count loaded from a table is bounded for the verifier; constants are as they are. */
function shiftCount(count: Expr): Expr {
  return count.kind === 'const' ? count : op('i32.and', [count, 31]);
}

/** (acc * multiplier + 2^(30 - shift)) >> (31 - shift), in i64. */
function scaleOnce<K extends OpName>(k: KernelBuilder<K>, multipliers: readonly Multiplier[]): Scale {
  const factor = perChannel(k, 'multiplier', 'i32', multipliers.map(factorOf));
  const total = perChannel(
    k,
    'total_shift',
    'u8',
    multipliers.map(({ shift }) => 31 - shift),
  );
  return (acc, channel) => {
    const count = op('i64.extend_i32_s', [op('i32.and', [total.at(channel), 63])]);
    const product = op('i64.mul', [op('i64.extend_i32_s', [acc]), op('i64.extend_i32_s', [factor.at(channel)])]);
    return roundedShift(product, count);
  };
}

/** (acc * reduced multiplier + 2^(14 - shift)) >> (15 - shift), in i64. */
function scale64<K extends OpName>(k: KernelBuilder<K>, multipliers: readonly Multiplier[]): Scale {
  const factor = perChannel(
    k,
    'multiplier',
    'i32',
    multipliers.map((m) => reducedMultiplier(m.multiplier)),
  );
  const total = perChannel(
    k,
    'total_shift',
    'u8',
    multipliers.map(({ shift }) => 15 - shift),
  );
  return (acc, channel) => {
    const count = op('i64.extend_i32_s', [op('i32.and', [total.at(channel), 63])]);
    return roundedShift(op('i64.mul_wrap', [acc, op('i64.extend_i32_s', [factor.at(channel)])]), count);
  };
}

function roundedShift(product: Expr, count: Expr): Expr {
  const half = op('i64.shr_s', [op('i64.shl', [i64(1), count]), i64(1)]);
  return op('i32.wrap_i64', [op('i64.shr_s', [op('i64.add_wrap', [product, half]), count])]);
}

/** Products and sums that are known to fit (checked) or may wrap. */
export interface Arithmetic {
  add(a: Operand, b: Operand): Expr;
  mul(a: Operand, b: Operand): Expr;
}

export function arithmetic(fits: boolean): Arithmetic {
  return fits
    ? { add: (a, b) => op('i32.add', [a, b]), mul: (a, b) => op('i32.mul', [a, b]) }
    : { add: (a, b) => op('i32.add_wrap', [a, b]), mul: (a, b) => op('i32.mul_wrap', [a, b]) };
}

/** A float activation as std::max then std::min, which pass NaN through. */
export function activateFloatExpr(x: Expr, bounds: readonly [number, number], constant: (v: number) => Expr): Expr {
  const [low, high] = bounds;
  // max(x, low) is `x < low ? low : x` and min(x, high) is `high < x ? high : x`: the operand order keeps NaN.
  const raised = low === Number.NEGATIVE_INFINITY ? x : op('f32.max', [x, constant(low)]);
  return high === Number.POSITIVE_INFINITY ? raised : op('f32.min', [raised, constant(high)]);
}
