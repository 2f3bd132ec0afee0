/** Helium's instructions as sequences of WebAssembly: for code of that target that is run elsewhere, not for speed. */
import type { MVE } from '../../ir/loop/instructions-mve.ts';
import type { Constructors, Ref } from './binaryen.ts';
import type { Expansion, Get, Keep } from './intrinsics.ts';

type Build = (w: Constructors, args: readonly Get[], keep: Keep) => Ref;

function helper(build: Build): Expansion {
  return { kind: 'helper', build: (w, args, _imm, keep) => build(w, args, keep) };
}

/** The lanes with even (0) or odd (1) numbers, each sign-extended to twice its width. */
function bytesToHalves(w: Constructors, a: Ref, parity: 0 | 1): Ref {
  const high = parity === 1 ? a : w.i16x8.shl(a, w.i32.const(8));
  return w.i16x8.shr_s(high, w.i32.const(8));
}

function halvesToWords(w: Constructors, a: Ref, parity: 0 | 1): Ref {
  const high = parity === 1 ? a : w.i32x4.shl(a, w.i32.const(16));
  return w.i32x4.shr_s(high, w.i32.const(16));
}

function widenedProducts(parity: 0 | 1): Expansion {
  return helper((w, [a, b]) =>
    w.i16x8.mul(bytesToHalves(w, (a as Get)(), parity), bytesToHalves(w, (b as Get)(), parity)),
  );
}

function addedProducts(parity: 0 | 1): Expansion {
  return helper((w, [acc, a, b]) => {
    const product = w.i16x8.mul(bytesToHalves(w, (a as Get)(), parity), bytesToHalves(w, (b as Get)(), parity));
    return w.i16x8.add((acc as Get)(), product);
  });
}

/** The sum of four words. */
function sumOfWords(w: Constructors, words: Get): Ref {
  const at = (lane: number) => w.i32x4.extract_lane(words(), lane);
  return w.i32.add(w.i32.add(at(0), at(1)), w.i32.add(at(2), at(3)));
}

function dotProduct(w: Constructors, a: Get, b: Get, keep: Keep): Ref {
  const half = (parity: 0 | 1) => w.i32x4.dot_i16x8_s(bytesToHalves(w, a(), parity), bytesToHalves(w, b(), parity));
  return sumOfWords(w, keep('v128', w.i32x4.add(half(0), half(1))));
}

function sumOfBytes(w: Constructors, a: Get, keep: Keep): Ref {
  const pairs = w.i16x8.extadd_pairwise_i8x16_s(a());
  return sumOfWords(w, keep('v128', w.i32x4.extadd_pairwise_i16x8_s(pairs)));
}

/** Interleaves the lanes of what a saturating narrowing leaves: all of a, then all of b. */
function interleaved(narrow: (w: Constructors) => (a: Ref, b: Ref) => Ref, laneBytes: 1 | 2): Expansion {
  const half = 8 / laneBytes;
  const order = Array.from({ length: 16 }, (_, at) => {
    const lane = Math.floor(at / laneBytes);
    return ((lane >> 1) + (lane % 2) * half) * laneBytes + (at % laneBytes);
  });
  return helper((w, [a, b], keep) => {
    const both = keep('v128', narrow(w)((a as Get)(), (b as Get)()));
    return w.i8x16.shuffle(both(), both(), order);
  });
}

/** Applies `f` to each word of the first operand and the same word of the second, or all of it when that is an i32. */
function wordwise(second: 'v128' | 'i32', f: (w: Constructors, a: Get, b: Get, keep: Keep) => Ref): Expansion {
  return helper((w, [a, b], keep) => {
    let result = keep('v128', (a as Get)());
    for (let lane = 0; lane < 4; lane++) {
      const left = keep('i32', w.i32x4.extract_lane((a as Get)(), lane));
      const right = second === 'i32' ? (b as Get) : keep('i32', w.i32x4.extract_lane((b as Get)(), lane));
      result = keep('v128', w.i32x4.replace_lane(result(), lane, f(w, left, right, keep)));
    }
    return result();
  });
}

function highProduct(w: Constructors, a: Get, b: Get, keep: Keep): Ref {
  const product = w.i64.mul(w.i64.extend_s(a()), w.i64.extend_s(b()));
  const rounded = w.i64.add(product, w.i64.const(1n << 30n));
  const high = keep('i32', w.i32.wrap(w.i64.shr_s(rounded, w.i64.const(31n))));
  return w.i32.sub(high(), w.i32.eq(high(), w.i32.const(-(2 ** 31))));
}

/** In 64 bits, where every shift of 32 bits and less to the right is exact before it is rounded. */
function roundingShift(w: Constructors, x: Get, n: Get, keep: Keep): Ref {
  const count = keep('i32', w.i32.extend8_s(n()));
  const left = w.select(
    w.i32.gt_s(count(), w.i32.const(31)),
    w.i32.const(0),
    w.i32.shl(x(), w.i32.and(count(), w.i32.const(31))),
  );
  const by = keep('i64', w.i64.extend_s(w.i32.sub(w.i32.const(-1), count())));
  const halved = w.i64.add(w.i64.shr_s(w.i64.extend_s(x()), by()), w.i64.const(1n));
  const right = w.select(
    w.i32.lt_s(count(), w.i32.const(-32)),
    w.i32.const(0),
    w.i32.wrap(w.i64.shr_s(halved, w.i64.const(1n))),
  );
  return w.select(w.i32.lt_s(count(), w.i32.const(0)), right, left);
}

export const MVE_INTRINSICS: { readonly [K in keyof typeof MVE]: Expansion } = {
  'mve.address': { kind: 'inline', build: (_w, args) => (args[0] as Get)() },
  'mve.vmladav_s8': helper((w, [a, b], keep) => dotProduct(w, a as Get, b as Get, keep)),
  'mve.vmladava_s8': helper((w, [acc, a, b], keep) =>
    w.i32.add((acc as Get)(), dotProduct(w, a as Get, b as Get, keep)),
  ),
  'mve.vaddv_s8': helper((w, [a], keep) => sumOfBytes(w, a as Get, keep)),
  'mve.vmullb_s8': widenedProducts(0),
  'mve.vmullt_s8': widenedProducts(1),
  'mve.vmovlb_s8': helper((w, [a]) => bytesToHalves(w, (a as Get)(), 0)),
  'mve.vmovlt_s8': helper((w, [a]) => bytesToHalves(w, (a as Get)(), 1)),
  'mve.vmovlb_s16': helper((w, [a]) => halvesToWords(w, (a as Get)(), 0)),
  'mve.vmovlt_s16': helper((w, [a]) => halvesToWords(w, (a as Get)(), 1)),
  'mve.add_mullb_s8': addedProducts(0),
  'mve.add_mullt_s8': addedProducts(1),
  'mve.add_movlb_s16': helper((w, [acc, a]) => w.i32x4.add((acc as Get)(), halvesToWords(w, (a as Get)(), 0))),
  'mve.add_movlt_s16': helper((w, [acc, a]) => w.i32x4.add((acc as Get)(), halvesToWords(w, (a as Get)(), 1))),
  'mve.vqmovn_s32': interleaved((w) => w.i16x8.narrow_i32x4_s, 2),
  'mve.vqmovn_s16': interleaved((w) => w.i8x16.narrow_i16x8_s, 1),
  'mve.vqadd_n_s16': helper((w, [a, b]) => w.i16x8.add_saturate_s((a as Get)(), w.i16x8.splat((b as Get)()))),
  'mve.vadd_n_s32': helper((w, [a, b]) => w.i32x4.add((a as Get)(), w.i32x4.splat((b as Get)()))),
  'mve.vmul_n_s32': helper((w, [a, b]) => w.i32x4.mul((a as Get)(), w.i32x4.splat((b as Get)()))),
  'mve.vmla_n_s32': helper((w, [a, b, c]) =>
    w.i32x4.add((a as Get)(), w.i32x4.mul((b as Get)(), w.i32x4.splat((c as Get)()))),
  ),
  'mve.vqrdmulh_s32': wordwise('v128', highProduct),
  'mve.vqrdmulh_n_s32': wordwise('i32', highProduct),
  'mve.vrshl_s32': wordwise('v128', roundingShift),
  'mve.vrshl_n_s32': wordwise('i32', roundingShift),
  'mve.less_if_negative_s32': helper((w, [a]) =>
    w.i32x4.add((a as Get)(), w.i32x4.shr_s((a as Get)(), w.i32.const(31))),
  ),
};
