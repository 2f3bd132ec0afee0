/**
 * Instructions of loop IR that WebAssembly lacks, as short sequences.
 *
 * A sequence reads its operands from locals, so it may use each as often as it likes. `inline` ones are written where
 * they stand; a `helper` is a function of the module, made on first use, that the optimiser inlines where that pays.
 */
import type { Opcode } from '../../ir/loop/instructions.ts';
import type { Type } from '../../ir/loop/types.ts';
import type { Constructors, Ref } from './binaryen.ts';

/** Reads a local; every call makes a new expression, since an expression may stand in one place only. */
export type Get = () => Ref;

/** Stores an intermediate value in a fresh local before the sequence's result is computed. */
export type Keep = (type: Type, value: Ref) => Get;

export interface Expansion {
  readonly kind: 'inline' | 'helper';
  readonly build: (w: Constructors, args: readonly Get[], imm: readonly number[], keep: Keep) => Ref;
}

const I32_MIN = -(2 ** 31);
const I32_MAX = 2 ** 31 - 1;

/** The form of every min and max: the second operand where the test holds, else the first. */
export function secondIf(test: (w: Constructors, a: Ref, b: Ref) => Ref): Expansion {
  return inline2((w, a, b) => w.select(test(w, a(), b()), b(), a()));
}

function inline1(build: (w: Constructors, a: Get) => Ref): Expansion {
  return { kind: 'inline', build: (w, args) => build(w, args[0] as Get) };
}

function inline2(build: (w: Constructors, a: Get, b: Get) => Ref): Expansion {
  return { kind: 'inline', build: (w, args) => build(w, args[0] as Get, args[1] as Get) };
}

function inline3(build: (w: Constructors, a: Get, b: Get, c: Get) => Ref): Expansion {
  return { kind: 'inline', build: (w, args) => build(w, args[0] as Get, args[1] as Get, args[2] as Get) };
}

function helper2(build: (w: Constructors, a: Get, b: Get, keep: Keep) => Ref): Expansion {
  return { kind: 'helper', build: (w, args, _imm, keep) => build(w, args[0] as Get, args[1] as Get, keep) };
}

function product(w: Constructors, a: Get, b: Get): Ref {
  return w.i64.mul(w.i64.extend_s(a()), w.i64.extend_s(b()));
}

/** `x` clamped to the range that its immediate, a number of bits, gives. */
function clampTo(range: (bits: number) => readonly [low: number, high: number]): Expansion {
  return {
    kind: 'inline',
    build: (w, args, imm, keep) => {
      const x = args[0] as Get;
      const [low, high] = range(imm[0] as number);
      const raised = keep('i32', w.select(w.i32.lt_s(x(), w.i32.const(low)), w.i32.const(low), x()));
      return w.select(w.i32.gt_s(raised(), w.i32.const(high)), w.i32.const(high), raised());
    },
  };
}

/** The wrapped `sum`, or where `overflow` is negative the end of the range on the side that its sign does not show. */
function saturate(w: Constructors, overflow: Ref, sum: Get): Ref {
  const end = w.i32.xor(w.i32.shr_s(sum(), w.i32.const(31)), w.i32.const(I32_MIN));
  return w.select(w.i32.lt_s(overflow, w.i32.const(0)), end, sum());
}

const EVEN_WORDS = [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27];
const ODD_WORDS = EVEN_WORDS.map((byte) => byte + 4);

/** Adds to `c` the dot products of four bytes each, the second operand's extended as `right` says. */
function dotProducts(right: 's' | 'u'): Expansion {
  return {
    kind: 'helper',
    build: (w, args, _imm, keep) => {
      const [a, b, c] = args as readonly [Get, Get, Get];
      const lowOf = right === 's' ? w.i16x8.extend_low_i8x16_s : w.i16x8.extend_low_i8x16_u;
      const highOf = right === 's' ? w.i16x8.extend_high_i8x16_s : w.i16x8.extend_high_i8x16_u;
      const low = keep('v128', w.i32x4.dot_i16x8_s(w.i16x8.extend_low_i8x16_s(a()), lowOf(b())));
      const high = keep('v128', w.i32x4.dot_i16x8_s(w.i16x8.extend_high_i8x16_s(a()), highOf(b())));
      const even = w.i8x16.shuffle(low(), high(), EVEN_WORDS);
      const odd = w.i8x16.shuffle(low(), high(), ODD_WORDS);
      return w.i32x4.add(w.i32x4.add(even, odd), c());
    },
  };
}

/** The same with the four bytes at a lane of the second operand for all lanes. */
const dotProductsByLane: Expansion = {
  kind: 'inline',
  build: (w, [a, b, c], [lane], keep) => {
    const bytes = [0, 1, 2, 3].map((byte) => 4 * (lane as number) + byte);
    const spread = keep('v128', w.i8x16.shuffle((b as Get)(), (b as Get)(), [...bytes, ...bytes, ...bytes, ...bytes]));
    return dotProducts('s').build(w, [a as Get, spread, c as Get], [], keep);
  },
};

/** Two i32 whose low halves become the high and the low half of one. */
function packHalves(w: Constructors, high: Ref, low: Ref): Ref {
  return w.i32.or(w.i32.shl(high, w.i32.const(16)), w.i32.and(low, w.i32.const(0xffff)));
}

function highHalf(w: Constructors, x: Get): Ref {
  return w.i32.shr_s(x(), w.i32.const(16));
}

type Intrinsic = Extract<
  Opcode,
  | 'i32.sqrdmulh'
  | 'i32.mla_ordered'
  | 'i32.rdivpot'
  | 'i32.ssat'
  | 'i32.usat'
  | 'i32.sqadd'
  | 'i32.sqsub'
  | 'i32.sqshl'
  | 'i32.mulhi_s'
  | 'i32.mulhir_s'
  | 'i32x4.sdot_i8x16'
  | 'i32x4.sdot_lane_i8x16'
  | 'i32x4.usdot_i8x16'
  | `dsp.${string}`
>;

/** c plus the products of the low and of the high halfwords. */
function dualProducts(): Expansion {
  return inline3((w, a, b, c) => {
    const low = w.i32.mul(w.i32.extend16_s(a()), w.i32.extend16_s(b()));
    const high = w.i32.mul(highHalf(w, a), highHalf(w, b));
    return w.i32.add(w.i32.add(c(), low), high);
  });
}

export const INTRINSICS: { readonly [K in Intrinsic]: Expansion } = {
  'i32.sqrdmulh': helper2((w, a, b, keep) => {
    const rounded = w.i64.add(product(w, a, b), w.i64.const(1n << 30n));
    const high = keep('i32', w.i32.wrap(w.i64.shr_s(rounded, w.i64.const(31n))));
    // Only MIN * MIN leaves the range, and no other product gives MIN here: one less than MIN wraps to MAX.
    return w.i32.sub(high(), w.i32.eq(high(), w.i32.const(I32_MIN)));
  }),
  'i32.rdivpot': helper2((w, x, n, keep) => {
    const mask = keep('i32', w.i32.sub(w.i32.shl(w.i32.const(1), n()), w.i32.const(1)));
    const threshold = w.i32.add(w.i32.shr_s(mask(), w.i32.const(1)), w.i32.lt_s(x(), w.i32.const(0)));
    return w.i32.add(w.i32.shr_s(x(), n()), w.i32.gt_s(w.i32.and(x(), mask()), threshold));
  }),
  'i32.ssat': clampTo((bits) => [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1]),
  'i32.usat': clampTo((bits) => [0, 2 ** bits - 1]),
  'i32.sqadd': helper2((w, a, b, keep) => {
    const sum = keep('i32', w.i32.add(a(), b()));
    return saturate(w, w.i32.and(w.i32.xor(a(), sum()), w.i32.xor(b(), sum())), sum);
  }),
  'i32.sqsub': helper2((w, a, b, keep) => {
    const difference = keep('i32', w.i32.sub(a(), b()));
    return saturate(w, w.i32.and(w.i32.xor(a(), b()), w.i32.xor(a(), difference())), difference);
  }),
  'i32.sqshl': helper2((w, a, n, keep) => {
    const shifted = keep('i32', w.i32.shl(a(), n()));
    const end = w.i32.xor(w.i32.shr_s(a(), w.i32.const(31)), w.i32.const(I32_MAX));
    return w.select(w.i32.eq(w.i32.shr_s(shifted(), n()), a()), shifted(), end);
  }),
  'i32.mulhi_s': inline2((w, a, b) => w.i32.wrap(w.i64.shr_s(product(w, a, b), w.i64.const(32n)))),
  'i32.mulhir_s': inline2((w, a, b) => {
    const rounded = w.i64.add(product(w, a, b), w.i64.const(1n << 31n));
    return w.i32.wrap(w.i64.shr_s(rounded, w.i64.const(32n)));
  }),
  'dsp.sxtb16': inline1((w, x) => packHalves(w, w.i32.extend8_s(highHalf(w, x)), w.i32.extend8_s(x()))),
  'dsp.sxtb16_ror8': inline1((w, x) => {
    const byte1 = w.i32.extend8_s(w.i32.shr_s(x(), w.i32.const(8)));
    return packHalves(w, w.i32.shr_s(x(), w.i32.const(24)), byte1);
  }),
  'dsp.sxtab16': inline2((w, a, b) =>
    packHalves(w, w.i32.add(highHalf(w, a), w.i32.extend8_s(highHalf(w, b))), w.i32.add(a(), w.i32.extend8_s(b()))),
  ),
  'dsp.sxtab16_ror8': inline2((w, a, b) => {
    const byte1 = w.i32.extend8_s(w.i32.shr_s(b(), w.i32.const(8)));
    return packHalves(w, w.i32.add(highHalf(w, a), w.i32.shr_s(b(), w.i32.const(24))), w.i32.add(a(), byte1));
  }),
  'dsp.smax8': helper2((w, a, b, keep) => {
    const bytes = [24, 16, 8, 0].map((shift) => {
      const [p, q] = [a, b].map((x) => keep('i32', w.i32.shr_s(w.i32.shl(x(), w.i32.const(shift)), w.i32.const(24))));
      const larger = w.select(w.i32.gt_s((p as Get)(), (q as Get)()), (p as Get)(), (q as Get)());
      return w.i32.shl(w.i32.and(larger, w.i32.const(255)), w.i32.const(24 - shift));
    });
    return bytes.reduce((all, byte) => w.i32.or(all, byte));
  }),
  'dsp.smlad': dualProducts(),
  'dsp.smlad_from': dualProducts(),
  'i32.mla_ordered': inline3((w, a, b, c) => w.i32.add(c(), w.i32.mul(a(), b()))),
  'dsp.smlabb': inline3((w, a, b, c) => w.i32.add(c(), w.i32.mul(w.i32.extend16_s(a()), w.i32.extend16_s(b())))),
  'dsp.smlabt': inline3((w, a, b, c) => w.i32.add(c(), w.i32.mul(w.i32.extend16_s(a()), highHalf(w, b)))),
  'dsp.smlatb': inline3((w, a, b, c) => w.i32.add(c(), w.i32.mul(highHalf(w, a), w.i32.extend16_s(b())))),
  'dsp.smlatt': inline3((w, a, b, c) => w.i32.add(c(), w.i32.mul(highHalf(w, a), highHalf(w, b)))),
  'dsp.smmlar': inline3((w, a, b, c) => {
    const rounded = w.i64.add(product(w, a, b), w.i64.const(1n << 31n));
    return w.i32.add(c(), w.i32.wrap(w.i64.shr_s(rounded, w.i64.const(32n))));
  }),
  'dsp.bfi8': inline2((w, a, b) => w.i32.or(w.i32.and(a(), w.i32.const(255)), w.i32.shl(b(), w.i32.const(8)))),
  'dsp.pkhbt': inline2((w, a, b) => packHalves(w, b(), a())),
  'dsp.pkhtb': inline2((w, a, b) => w.i32.or(w.i32.shr_u(b(), w.i32.const(16)), w.i32.and(a(), w.i32.const(-65536)))),
  'i32x4.sdot_i8x16': dotProducts('s'),
  'i32x4.sdot_lane_i8x16': dotProductsByLane,
  'i32x4.usdot_i8x16': dotProducts('u'),
};
