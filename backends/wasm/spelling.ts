/** How each instruction of loop IR is said in WebAssembly. */
import type { Opcode } from '../../ir/loop/instructions.ts';
import type { Constructors, Ref } from './binaryen.ts';
import { type Expansion, INTRINSICS, secondIf } from './intrinsics.ts';
import { MVE_INTRINSICS } from './intrinsics-mve.ts';

/** One WebAssembly instruction (or a few that use each operand once). */
export interface Direct {
  readonly kind: 'direct';
  readonly build: (w: Constructors, args: readonly Ref[], imm: readonly number[]) => Ref;
}

export type Spelling = Direct | Expansion;

function unary(f: (w: Constructors) => (a: Ref) => Ref): Direct {
  return { kind: 'direct', build: (w, args) => f(w)(args[0] as Ref) };
}

function binary(f: (w: Constructors) => (a: Ref, b: Ref) => Ref): Direct {
  return { kind: 'direct', build: (w, args) => f(w)(args[0] as Ref, args[1] as Ref) };
}

function extract(f: (w: Constructors) => (vector: Ref, lane: number) => Ref): Direct {
  return { kind: 'direct', build: (w, args, imm) => f(w)(args[0] as Ref, imm[0] as number) };
}

function replace(f: (w: Constructors) => (vector: Ref, lane: number, value: Ref) => Ref): Direct {
  return { kind: 'direct', build: (w, args, imm) => f(w)(args[0] as Ref, imm[0] as number, args[1] as Ref) };
}

const select: Direct = {
  kind: 'direct',
  build: (w, args) => w.select(args[0] as Ref, args[1] as Ref, args[2] as Ref),
};

export const SPELLING: { readonly [K in Opcode]: Spelling } = {
  ...INTRINSICS,
  ...MVE_INTRINSICS,

  'i32.add': binary((w) => w.i32.add),
  'i32.sub': binary((w) => w.i32.sub),
  'i32.mul': binary((w) => w.i32.mul),
  'i32.add_wrap': binary((w) => w.i32.add),
  'i32.sub_wrap': binary((w) => w.i32.sub),
  'i32.mul_wrap': binary((w) => w.i32.mul),
  'i32.div_s': binary((w) => w.i32.div_s),
  'i32.rem_s': binary((w) => w.i32.rem_s),
  'i32.and': binary((w) => w.i32.and),
  'i32.or': binary((w) => w.i32.or),
  'i32.xor': binary((w) => w.i32.xor),
  'i32.shl': binary((w) => w.i32.shl),
  'i32.shr_s': binary((w) => w.i32.shr_s),
  'i32.shr_u': binary((w) => w.i32.shr_u),
  'i32.min_s': secondIf((w, a, b) => w.i32.lt_s(b, a)),
  'i32.max_s': secondIf((w, a, b) => w.i32.lt_s(a, b)),
  'i32.eq': binary((w) => w.i32.eq),
  'i32.ne': binary((w) => w.i32.ne),
  'i32.lt_s': binary((w) => w.i32.lt_s),
  'i32.le_s': binary((w) => w.i32.le_s),
  'i32.gt_s': binary((w) => w.i32.gt_s),
  'i32.ge_s': binary((w) => w.i32.ge_s),
  'i32.lt_u': binary((w) => w.i32.lt_u),
  'i32.clz': unary((w) => w.i32.clz),
  'i32.popcnt': unary((w) => w.i32.popcnt),
  'i32.extend8_s': unary((w) => w.i32.extend8_s),
  'i32.extend16_s': unary((w) => w.i32.extend16_s),
  'i32.wrap_i64': unary((w) => w.i32.wrap),
  'i32.trunc_sat_f32_s': unary((w) => w.i32.trunc_s_sat.f32),
  'i32.trunc_sat_f64_s': unary((w) => w.i32.trunc_s_sat.f64),
  'i32.reinterpret_f32': unary((w) => w.i32.reinterpret),
  'i32.select': select,

  'i64.add': binary((w) => w.i64.add),
  'i64.sub': binary((w) => w.i64.sub),
  'i64.mul': binary((w) => w.i64.mul),
  'i64.add_wrap': binary((w) => w.i64.add),
  'i64.sub_wrap': binary((w) => w.i64.sub),
  'i64.mul_wrap': binary((w) => w.i64.mul),
  'i64.and': binary((w) => w.i64.and),
  'i64.or': binary((w) => w.i64.or),
  'i64.xor': binary((w) => w.i64.xor),
  'i64.shl': binary((w) => w.i64.shl),
  'i64.shr_s': binary((w) => w.i64.shr_s),
  'i64.min_s': secondIf((w, a, b) => w.i64.lt_s(b, a)),
  'i64.max_s': secondIf((w, a, b) => w.i64.lt_s(a, b)),
  'i64.eq': binary((w) => w.i64.eq),
  'i64.lt_s': binary((w) => w.i64.lt_s),
  'i64.le_s': binary((w) => w.i64.le_s),
  'i64.extend_i32_s': unary((w) => w.i64.extend_s),
  'i64.extend_i32_u': unary((w) => w.i64.extend_u),
  'i64.trunc_sat_f64_s': unary((w) => w.i64.trunc_s_sat.f64),
  'i64.popcnt': unary((w) => w.i64.popcnt),
  'i64.select': select,

  'f32.add': binary((w) => w.f32.add),
  'f32.sub': binary((w) => w.f32.sub),
  'f32.mul': binary((w) => w.f32.mul),
  'f32.div': binary((w) => w.f32.div),
  'f32.min': secondIf((w, a, b) => w.f32.lt(b, a)),
  'f32.max': secondIf((w, a, b) => w.f32.lt(a, b)),
  'f32.eq': binary((w) => w.f32.eq),
  'f32.ne': binary((w) => w.f32.ne),
  'f32.lt': binary((w) => w.f32.lt),
  'f32.le': binary((w) => w.f32.le),
  'f32.gt': binary((w) => w.f32.gt),
  'f32.ge': binary((w) => w.f32.ge),
  'f32.abs': unary((w) => w.f32.abs),
  'f32.neg': unary((w) => w.f32.neg),
  'f32.sqrt': unary((w) => w.f32.sqrt),
  'f32.floor': unary((w) => w.f32.floor),
  'f32.ceil': unary((w) => w.f32.ceil),
  'f32.trunc': unary((w) => w.f32.trunc),
  'f32.nearest': unary((w) => w.f32.nearest),
  'f32.convert_i32_s': unary((w) => w.f32.convert_s.i32),
  'f32.convert_i64_s': unary((w) => w.f32.convert_s.i64),
  'f32.demote_f64': unary((w) => w.f32.demote),
  'f32.reinterpret_i32': unary((w) => w.f32.reinterpret),
  'f32.select': select,

  'f64.add': binary((w) => w.f64.add),
  'f64.sub': binary((w) => w.f64.sub),
  'f64.mul': binary((w) => w.f64.mul),
  'f64.div': binary((w) => w.f64.div),
  'f64.min': secondIf((w, a, b) => w.f64.lt(b, a)),
  'f64.max': secondIf((w, a, b) => w.f64.lt(a, b)),
  'f64.lt': binary((w) => w.f64.lt),
  'f64.abs': unary((w) => w.f64.abs),
  'f64.neg': unary((w) => w.f64.neg),
  'f64.sqrt': unary((w) => w.f64.sqrt),
  'f64.floor': unary((w) => w.f64.floor),
  'f64.ceil': unary((w) => w.f64.ceil),
  'f64.trunc': unary((w) => w.f64.trunc),
  'f64.nearest': unary((w) => w.f64.nearest),
  'f64.convert_i32_s': unary((w) => w.f64.convert_s.i32),
  'f64.convert_i64_s': unary((w) => w.f64.convert_s.i64),
  'f64.promote_f32': unary((w) => w.f64.promote),
  'f64.select': select,

  'v128.and': binary((w) => w.v128.and),
  'v128.or': binary((w) => w.v128.or),
  'v128.xor': binary((w) => w.v128.xor),
  'v128.andnot': binary((w) => w.v128.andnot),
  'v128.bitselect': {
    kind: 'direct',
    build: (w, args) => w.v128.bitselect(args[0] as Ref, args[1] as Ref, args[2] as Ref),
  },
  'i8x16.splat': unary((w) => w.i8x16.splat),
  'i16x8.splat': unary((w) => w.i16x8.splat),
  'i32x4.splat': unary((w) => w.i32x4.splat),
  'f32x4.splat': unary((w) => w.f32x4.splat),
  'i8x16.extract_lane_s': extract((w) => w.i8x16.extract_lane_s),
  'i8x16.extract_lane_u': extract((w) => w.i8x16.extract_lane_u),
  'i16x8.extract_lane_s': extract((w) => w.i16x8.extract_lane_s),
  'i32x4.extract_lane': extract((w) => w.i32x4.extract_lane),
  'f32x4.extract_lane': extract((w) => w.f32x4.extract_lane),
  'i16x8.replace_lane': replace((w) => w.i16x8.replace_lane),
  'i32x4.replace_lane': replace((w) => w.i32x4.replace_lane),
  'f32x4.replace_lane': replace((w) => w.f32x4.replace_lane),
  'i8x16.shuffle': {
    kind: 'direct',
    build: (w, args, imm) => w.i8x16.shuffle(args[0] as Ref, args[1] as Ref, imm),
  },
  'i8x16.swizzle': binary((w) => w.i8x16.swizzle),

  'i8x16.add': binary((w) => w.i8x16.add),
  'i8x16.sub': binary((w) => w.i8x16.sub),
  'i8x16.min_s': binary((w) => w.i8x16.min_s),
  'i8x16.max_s': binary((w) => w.i8x16.max_s),
  'i8x16.min_u': binary((w) => w.i8x16.min_u),
  'i8x16.max_u': binary((w) => w.i8x16.max_u),
  'i8x16.popcnt': unary((w) => w.i8x16.popcnt),
  'i8x16.narrow_i16x8_s': binary((w) => w.i8x16.narrow_i16x8_s),
  'i8x16.narrow_i16x8_u': binary((w) => w.i8x16.narrow_i16x8_u),
  'i16x8.add': binary((w) => w.i16x8.add),
  'i16x8.sub': binary((w) => w.i16x8.sub),
  'i16x8.mul': binary((w) => w.i16x8.mul),
  'i16x8.add_sat_s': binary((w) => w.i16x8.add_saturate_s),
  'i16x8.sub_sat_s': binary((w) => w.i16x8.sub_saturate_s),
  'i16x8.min_s': binary((w) => w.i16x8.min_s),
  'i16x8.max_s': binary((w) => w.i16x8.max_s),
  'i16x8.q15mulr_sat_s': binary((w) => w.i16x8.q15mulr_sat_s),
  'i16x8.shl': binary((w) => w.i16x8.shl),
  'i16x8.shr_s': binary((w) => w.i16x8.shr_s),
  'i16x8.shr_u': binary((w) => w.i16x8.shr_u),
  'i16x8.narrow_i32x4_s': binary((w) => w.i16x8.narrow_i32x4_s),
  'i16x8.extend_low_i8x16_s': unary((w) => w.i16x8.extend_low_i8x16_s),
  'i16x8.extend_high_i8x16_s': unary((w) => w.i16x8.extend_high_i8x16_s),
  'i16x8.extend_low_i8x16_u': unary((w) => w.i16x8.extend_low_i8x16_u),
  'i16x8.extend_high_i8x16_u': unary((w) => w.i16x8.extend_high_i8x16_u),
  'i16x8.extmul_low_i8x16_s': binary((w) => w.i16x8.extmul_low_i8x16_s),
  'i16x8.extmul_high_i8x16_s': binary((w) => w.i16x8.extmul_high_i8x16_s),
  'i16x8.extadd_pairwise_i8x16_s': unary((w) => w.i16x8.extadd_pairwise_i8x16_s),
  'i32x4.add': binary((w) => w.i32x4.add),
  'i32x4.sub': binary((w) => w.i32x4.sub),
  'i32x4.mul': binary((w) => w.i32x4.mul),
  'i32x4.min_s': binary((w) => w.i32x4.min_s),
  'i32x4.max_s': binary((w) => w.i32x4.max_s),
  'i32x4.shl': binary((w) => w.i32x4.shl),
  'i32x4.shr_s': binary((w) => w.i32x4.shr_s),
  'i32x4.shr_u': binary((w) => w.i32x4.shr_u),
  'i32x4.eq': binary((w) => w.i32x4.eq),
  'i32x4.gt_s': binary((w) => w.i32x4.gt_s),
  'i32x4.extend_low_i16x8_s': unary((w) => w.i32x4.extend_low_i16x8_s),
  'i32x4.extend_high_i16x8_s': unary((w) => w.i32x4.extend_high_i16x8_s),
  'i32x4.extmul_low_i16x8_s': binary((w) => w.i32x4.extmul_low_i16x8_s),
  'i32x4.extmul_high_i16x8_s': binary((w) => w.i32x4.extmul_high_i16x8_s),
  'i32x4.extadd_pairwise_i16x8_s': unary((w) => w.i32x4.extadd_pairwise_i16x8_s),
  'i32x4.dot_i16x8_s': binary((w) => w.i32x4.dot_i16x8_s),
  'i64x2.extmul_low_i32x4_s': binary((w) => w.i64x2.extmul_low_i32x4_s),
  'i64x2.extmul_high_i32x4_s': binary((w) => w.i64x2.extmul_high_i32x4_s),
  'i64x2.add': binary((w) => w.i64x2.add),
  'i32x4.trunc_sat_f32x4_s': unary((w) => w.i32x4.trunc_sat_f32x4_s),

  'f32x4.convert_i32x4_s': unary((w) => w.f32x4.convert_i32x4_s),
  'f32x4.add': binary((w) => w.f32x4.add),
  'f32x4.sub': binary((w) => w.f32x4.sub),
  'f32x4.mul': binary((w) => w.f32x4.mul),
  'f32x4.div': binary((w) => w.f32x4.div),
  'f32x4.pmin': binary((w) => w.f32x4.pmin),
  'f32x4.pmax': binary((w) => w.f32x4.pmax),
  'f32x4.lt': binary((w) => w.f32x4.lt),
  'f32x4.eq': binary((w) => w.f32x4.eq),
  'f32x4.abs': unary((w) => w.f32x4.abs),
  'f32x4.neg': unary((w) => w.f32x4.neg),
  'f32x4.sqrt': unary((w) => w.f32x4.sqrt),
  'f32x4.floor': unary((w) => w.f32x4.floor),
  'f32x4.ceil': unary((w) => w.f32x4.ceil),
  'f32x4.nearest': unary((w) => w.f32x4.nearest),
};

/**
 * With relaxed SIMD. The relaxed dot product is signed by unsigned only on some machines (x86 with VNNI); a module that
 * uses it is for machines where a probe has shown that.
 */
export const RELAXED_SPELLING: { readonly [K in Opcode]?: Direct } = {
  'i32x4.usdot_i8x16': {
    kind: 'direct',
    build: (w, args) => w.relaxed.dotAdd(args[0] as Ref, args[1] as Ref, args[2] as Ref),
  },
};
