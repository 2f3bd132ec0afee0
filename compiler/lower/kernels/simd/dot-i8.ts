/**
 * The dot products that int8 kernels are built on, and how activations lie in scratch memory for each.
 *
 * SIMD128 multiplies pairs of i16: activations are widened once, weights stay bytes and are widened by their load. Where an
 * 8-bit dot product of unsigned by signed bytes is at hand, activations are bytes with 128 added, which the start of the
 * accumulators takes off again. 64-bit Arm multiplies signed bytes, by any four of a vector: activations are staged as they
 * are, and a load of 16 serves four steps. Compiled for cores without the instruction, it is two widening products and
 * sums of pairs, which still are fewer instructions than pairs of i16.
 */
import { add, type Buffer, type FunctionBuilder, i32, type Operand, op } from '../../../../ir/loop/build.ts';
import type { Access, Elem, Expr } from '../../../../ir/loop/types.ts';
import type { Target } from '../../../targets/index.ts';

export interface Dot {
  /** Products of one lane and step: a step reads so many neighbouring activations, in one word that is spread to all lanes. */
  readonly step: 2 | 4;
  /** Multiplies by one step of a vector of `lanes` activations, so that they need not be spread. */
  readonly byElement?: (acc: Expr, x: Expr, w: Expr, step: number) => Expr;
  /** What is added to an activation when it is staged. */
  readonly offset: 0 | 128;
  /** Elements of staged activations. */
  readonly elem: Elem;
  /** Activations in one vector of staged ones. */
  readonly lanes: 8 | 16;
  /** Vectors of sums that a tile keeps in 16 registers (32 by element): engines spill more where a product takes one too. */
  readonly accumulators: 8 | 12 | 16;
  /** Bytes of the weights of four channels and one step, and how they are loaded. */
  readonly groupBytes: 8 | 16;
  readonly weights: Access;
  /** `lanes` activations from `index` on, as they are staged. */
  stage(x: Buffer, index: Expr): Expr;
  stageOne(x: Buffer, index: Expr): Expr;
  /** A vector of one staged activation. */
  splat(value: number): Expr;
  mac(acc: Expr, x: Expr, w: Expr): Expr;
}

export const WIDENED: Dot = {
  step: 2,
  offset: 0,
  elem: 'i16',
  lanes: 8,
  accumulators: 8,
  groupBytes: 8,
  weights: 'i8x8_s',
  stage: (x, index) => x.at(index, 'i8x8_s'),
  stageOne: (x, index) => x.at(index),
  splat: (value) => op('i16x8.splat', [i32(value)]),
  mac: (acc, x, w) => op('i32x4.add', [acc, op('i32x4.dot_i16x8_s', [x, w])]),
};

const BYTES: Dot = {
  step: 4,
  offset: 128,
  elem: 'i8',
  lanes: 16,
  accumulators: 12,
  groupBytes: 16,
  weights: 'v128',
  stage: (x, index) => op('v128.xor', [x.at(index, 'v128'), op('i8x16.splat', [i32(-128)])]),
  stageOne: (x, index) => op('i32.xor', [x.at(index), i32(-128)]),
  splat: (value) => op('i8x16.splat', [i32(value)]),
  mac: (acc, x, w) => op('i32x4.usdot_i8x16', [w, x, acc]),
};

const SIGNED_BYTES: Dot = {
  step: 4,
  byElement: (acc, x, w, step) => op('i32x4.sdot_lane_i8x16', [w, x, acc], [step]),
  offset: 0,
  elem: 'i8',
  lanes: 16,
  accumulators: 16,
  groupBytes: 16,
  weights: 'v128',
  stage: (x, index) => x.at(index, 'v128'),
  stageOne: (x, index) => x.at(index),
  splat: (value) => op('i8x16.splat', [i32(value)]),
  mac: (acc, x, w) => op('i32x4.sdot_i8x16', [w, x, acc]),
};

/** Undefined on targets without 128-bit vectors. */
export function dotOf({ vector }: Target): Dot | undefined {
  if (vector === 'v128-relaxed') return BYTES;
  if (vector === 'v128-sdot') return SIGNED_BYTES;
  return vector === 'v128' ? WIDENED : undefined;
}

/** Stages `count` activations that lie together. The last vector may stage some a second time. */
export function stageRun(
  k: FunctionBuilder,
  dot: Dot,
  from: { readonly buffer: Buffer; readonly index: Operand },
  to: { readonly buffer: Buffer; readonly index: Operand },
  count: number,
): void {
  const source = k.let('from', from.index);
  const target = k.let('to', to.index);
  if (count < dot.lanes) {
    k.for('i', 0, count, (i) => k.store(to.buffer, add(target, i), dot.stageOne(from.buffer, add(source, i))));
    return;
  }
  runs(k, count, dot.lanes, (i) => {
    k.store(to.buffer, add(target, i), dot.stage(from.buffer, add(source, i)), 'v128');
  });
}

/** Stages `count` times the same stored activation. */
export function stageFill(
  k: FunctionBuilder,
  dot: Dot,
  to: { readonly buffer: Buffer; readonly index: Operand },
  count: number,
  stored: number,
): void {
  const staged = ((stored + dot.offset) << 24) >> 24;
  const target = k.let('to', to.index);
  if (count < dot.lanes) {
    k.for('i', 0, count, (i) => k.store(to.buffer, add(target, i), i32(staged)));
    return;
  }
  runs(k, count, dot.lanes, (i) => k.store(to.buffer, add(target, i), dot.splat(staged), 'v128'));
}

/** `lanes` elements at a time from the first to the last of `count`, and in any case the last ones: that shares code. */
function runs(k: FunctionBuilder, count: number, lanes: number, body: (start: Expr) => void): void {
  k.for('i', 0, Math.floor(count / lanes) * lanes, body, { step: lanes, kept: true });
  body(i32(count - lanes));
}
