/** Scalar instructions and the integer intrinsics that microcontrollers have as one instruction or a short sequence. */
import type { Instruction } from './instructions.ts';
import type { Type } from './types.ts';

const I32_MIN = -(2 ** 31);
const I32_MAX = 2 ** 31 - 1;
const fround = Math.fround;

function defineAll<const T extends Record<string, Instruction>>(table: T): T {
  return table;
}

function unary(param: Type, result: Type, evaluate: Instruction['evaluate'], doc?: string): Instruction {
  return { params: [param], result, evaluate, ...(doc === undefined ? {} : { doc }) };
}

function binary(type: Type, evaluate: Instruction['evaluate'], doc?: string): Instruction {
  return { params: [type, type], result: type, evaluate, ...(doc === undefined ? {} : { doc }) };
}

// biome-ignore lint/suspicious/noExplicitAny: numbers or bigints, as `type` says
function compare(type: Type, test: (a: any, b: any) => boolean): Instruction {
  return { params: [type, type], result: 'i32', evaluate: (a, b) => (test(a, b) ? 1 : 0) };
}

function checked32(value: number): number {
  if (value > I32_MAX || value < I32_MIN) throw new RangeError(`i32 overflow: ${value}`);
  return value;
}

function checked64(value: bigint): bigint {
  if (value !== BigInt.asIntN(64, value)) throw new RangeError(`i64 overflow: ${value}`);
  return value;
}

function nonZero(divisor: number): number {
  if (divisor === 0) throw new RangeError('i32 division by zero');
  return divisor;
}

/** A shift count, which must lie in [0, bits). */
export function shiftCount(count: number, bits: number): number {
  if (!(count >= 0 && count < bits)) throw new RangeError(`shift by ${count}, which is not in [0, ${bits})`);
  return count;
}

function shiftCount64(count: bigint): bigint {
  return BigInt(shiftCount(Number(count), 64));
}

/** Nearest integer, ties to even, for values of any magnitude. */
function nearest(x: number): number {
  if (!Number.isFinite(x) || Math.abs(x) >= 2 ** 52) return x;
  const down = Math.floor(x);
  const half = x - down;
  const even = down % 2 === 0 ? down : down + 1;
  const rounded = half < 0.5 ? down : half > 0.5 ? down + 1 : even;
  return rounded === 0 && (x < 0 || Object.is(x, -0)) ? -0 : rounded;
}

function truncateSaturating(x: number): number {
  if (Number.isNaN(x)) return 0;
  return Math.min(I32_MAX, Math.max(I32_MIN, Math.trunc(x))) + 0;
}

function truncateSaturating64(x: number): bigint {
  if (Number.isNaN(x)) return 0n;
  if (x >= 2 ** 63) return 2n ** 63n - 1n;
  if (x <= -(2 ** 63)) return -(2n ** 63n);
  return BigInt(Math.trunc(x));
}

const bits = new DataView(new ArrayBuffer(8));

function popcount(x: number): number {
  let rest = x >>> 0;
  let count = 0;
  for (; rest !== 0; rest &= rest - 1) count++;
  return count;
}

function low16(x: number): number {
  return (x << 16) >> 16;
}

function high16(x: number): number {
  return x >> 16;
}

function extendBytes02(x: number): number {
  return ((((x << 8) >> 24) & 0xffff) << 16) | (((x << 24) >> 24) & 0xffff);
}

function addHalves(a: number, b: number): number {
  return ((a + b) & 0xffff) | (((a >>> 16) + (b >>> 16)) << 16);
}

function largerBytes(a: number, b: number): number {
  const larger = (shift: number) => (Math.max((a << shift) >> 24, (b << shift) >> 24) & 0xff) << (24 - shift);
  return larger(0) | larger(8) | larger(16) | larger(24);
}

const I32 = defineAll({
  'i32.add': binary('i32', (a: number, b: number) => checked32(a + b)),
  'i32.sub': binary('i32', (a: number, b: number) => checked32(a - b)),
  'i32.mul': binary('i32', (a: number, b: number) => checked32(a * b) + 0),
  'i32.add_wrap': binary('i32', (a: number, b: number) => (a + b) | 0),
  'i32.sub_wrap': binary('i32', (a: number, b: number) => (a - b) | 0),
  'i32.mul_wrap': binary('i32', (a: number, b: number) => Math.imul(a, b)),
  'i32.div_s': binary('i32', (a: number, b: number) => checked32(Math.trunc(a / nonZero(b))) + 0, 'towards zero'),
  'i32.rem_s': binary('i32', (a: number, b: number) => (a % nonZero(b)) + 0, 'sign of the dividend'),
  'i32.and': binary('i32', (a: number, b: number) => a & b),
  'i32.or': binary('i32', (a: number, b: number) => a | b),
  'i32.xor': binary('i32', (a: number, b: number) => a ^ b),
  'i32.shl': binary('i32', (a: number, b: number) => a << shiftCount(b, 32), 'bits shifted out are lost'),
  'i32.shr_s': binary('i32', (a: number, b: number) => a >> shiftCount(b, 32)),
  'i32.shr_u': binary('i32', (a: number, b: number) => (a >>> shiftCount(b, 32)) | 0),
  'i32.min_s': binary('i32', (a: number, b: number) => Math.min(a, b)),
  'i32.max_s': binary('i32', (a: number, b: number) => Math.max(a, b)),
  'i32.eq': compare('i32', (a, b) => a === b),
  'i32.ne': compare('i32', (a, b) => a !== b),
  'i32.lt_s': compare('i32', (a, b) => a < b),
  'i32.le_s': compare('i32', (a, b) => a <= b),
  'i32.gt_s': compare('i32', (a, b) => a > b),
  'i32.ge_s': compare('i32', (a, b) => a >= b),
  'i32.lt_u': compare('i32', (a: number, b: number) => a >>> 0 < b >>> 0),
  'i32.clz': unary('i32', 'i32', (a: number) => Math.clz32(a), '32 for 0'),
  'i32.popcnt': unary('i32', 'i32', popcount),
  'i32.extend8_s': unary('i32', 'i32', (a: number) => (a << 24) >> 24),
  'i32.extend16_s': unary('i32', 'i32', (a: number) => (a << 16) >> 16),
  'i32.wrap_i64': unary('i64', 'i32', (a: bigint) => Number(BigInt.asIntN(32, a))),
  'i32.trunc_sat_f32_s': unary('f32', 'i32', truncateSaturating, 'towards zero, saturating; NaN is 0'),
  'i32.trunc_sat_f64_s': unary('f64', 'i32', truncateSaturating, 'towards zero, saturating; NaN is 0'),
  'i32.reinterpret_f32': unary('f32', 'i32', (a: number) => {
    bits.setFloat32(0, a);
    return bits.getInt32(0);
  }),
  'i32.select': {
    params: ['i32', 'i32', 'i32'],
    result: 'i32',
    doc: 'first operand non-zero ? second : third; both are computed',
    evaluate: (c: number, a: number, b: number) => (c !== 0 ? a : b),
  },
});

const I64 = defineAll({
  'i64.add': binary('i64', (a: bigint, b: bigint) => checked64(a + b)),
  'i64.sub': binary('i64', (a: bigint, b: bigint) => checked64(a - b)),
  'i64.mul': binary('i64', (a: bigint, b: bigint) => checked64(a * b)),
  'i64.add_wrap': binary('i64', (a: bigint, b: bigint) => BigInt.asIntN(64, a + b)),
  'i64.sub_wrap': binary('i64', (a: bigint, b: bigint) => BigInt.asIntN(64, a - b)),
  'i64.mul_wrap': binary('i64', (a: bigint, b: bigint) => BigInt.asIntN(64, a * b)),
  'i64.and': binary('i64', (a: bigint, b: bigint) => a & b),
  'i64.or': binary('i64', (a: bigint, b: bigint) => a | b),
  'i64.xor': binary('i64', (a: bigint, b: bigint) => a ^ b),
  'i64.shl': binary(
    'i64',
    (a: bigint, b: bigint) => BigInt.asIntN(64, a << shiftCount64(b)),
    'bits shifted out are lost',
  ),
  'i64.shr_s': binary('i64', (a: bigint, b: bigint) => a >> shiftCount64(b)),
  'i64.min_s': binary('i64', (a: bigint, b: bigint) => (a < b ? a : b)),
  'i64.max_s': binary('i64', (a: bigint, b: bigint) => (a > b ? a : b)),
  'i64.eq': compare('i64', (a, b) => a === b),
  'i64.lt_s': compare('i64', (a, b) => a < b),
  'i64.le_s': compare('i64', (a, b) => a <= b),
  'i64.extend_i32_s': unary('i32', 'i64', (a: number) => BigInt(a)),
  'i64.extend_i32_u': unary('i32', 'i64', (a: number) => BigInt(a >>> 0)),
  'i64.trunc_sat_f64_s': unary('f64', 'i64', truncateSaturating64, 'towards zero, saturating; NaN is 0'),
  'i64.popcnt': unary('i64', 'i64', (a: bigint) =>
    BigInt(popcount(Number(a & 0xffffffffn)) + popcount(Number((a >> 32n) & 0xffffffffn))),
  ),
  'i64.select': {
    params: ['i32', 'i64', 'i64'],
    result: 'i64',
    evaluate: (c: number, a: bigint, b: bigint) => (c !== 0 ? a : b),
  },
});

/** min and max are those of C++'s std::min and std::max and of WebAssembly's pmin and pmax. */
const MIN_DOC = 'b < a ? b : a, so the first operand when either is NaN';
const MAX_DOC = 'a < b ? b : a, so the first operand when either is NaN';

const F32 = defineAll({
  'f32.add': binary('f32', (a: number, b: number) => fround(a + b)),
  'f32.sub': binary('f32', (a: number, b: number) => fround(a - b)),
  'f32.mul': binary('f32', (a: number, b: number) => fround(a * b)),
  'f32.div': binary('f32', (a: number, b: number) => fround(a / b)),
  'f32.min': binary('f32', (a: number, b: number) => (b < a ? b : a), MIN_DOC),
  'f32.max': binary('f32', (a: number, b: number) => (a < b ? b : a), MAX_DOC),
  'f32.eq': compare('f32', (a, b) => a === b),
  'f32.ne': compare('f32', (a, b) => a !== b),
  'f32.lt': compare('f32', (a, b) => a < b),
  'f32.le': compare('f32', (a, b) => a <= b),
  'f32.gt': compare('f32', (a, b) => a > b),
  'f32.ge': compare('f32', (a, b) => a >= b),
  'f32.abs': unary('f32', 'f32', Math.abs),
  'f32.neg': unary('f32', 'f32', (a: number) => -a),
  'f32.sqrt': unary('f32', 'f32', (a: number) => fround(Math.sqrt(a)), 'correctly rounded'),
  'f32.floor': unary('f32', 'f32', Math.floor),
  'f32.ceil': unary('f32', 'f32', Math.ceil),
  'f32.trunc': unary('f32', 'f32', Math.trunc),
  'f32.nearest': unary('f32', 'f32', nearest, 'ties to even'),
  'f32.convert_i32_s': unary('i32', 'f32', (a: number) => fround(a)),
  'f32.convert_i64_s': unary('i64', 'f32', roundBigToF32, 'correctly rounded'),
  'f32.demote_f64': unary('f64', 'f32', (a: number) => fround(a)),
  'f32.reinterpret_i32': unary('i32', 'f32', (a: number) => {
    bits.setInt32(0, a);
    return bits.getFloat32(0);
  }),
  'f32.select': {
    params: ['i32', 'f32', 'f32'],
    result: 'f32',
    evaluate: (c: number, a: number, b: number) => (c !== 0 ? a : b),
  },
});

/** Rounding to 26 significant bits with a sticky bit first keeps the second rounding (to f32's 24) a correct one. */
function roundBigToF32(a: bigint): number {
  const magnitude = a < 0n ? -a : a;
  const length = magnitude.toString(2).length;
  if (length <= 53) return fround(Number(a));
  const drop = BigInt(length - 50);
  const sticky = (magnitude & ((1n << drop) - 1n)) === 0n ? 0n : 1n;
  const short = Number(((magnitude >> drop) << 1n) | sticky) * 2 ** (Number(drop) - 1);
  return fround(a < 0n ? -short : short);
}

const F64 = defineAll({
  'f64.add': binary('f64', (a: number, b: number) => a + b),
  'f64.sub': binary('f64', (a: number, b: number) => a - b),
  'f64.mul': binary('f64', (a: number, b: number) => a * b),
  'f64.div': binary('f64', (a: number, b: number) => a / b),
  'f64.min': binary('f64', (a: number, b: number) => (b < a ? b : a), MIN_DOC),
  'f64.max': binary('f64', (a: number, b: number) => (a < b ? b : a), MAX_DOC),
  'f64.lt': compare('f64', (a, b) => a < b),
  'f64.abs': unary('f64', 'f64', Math.abs),
  'f64.neg': unary('f64', 'f64', (a: number) => -a),
  'f64.sqrt': unary('f64', 'f64', Math.sqrt, 'correctly rounded'),
  'f64.floor': unary('f64', 'f64', Math.floor),
  'f64.ceil': unary('f64', 'f64', Math.ceil),
  'f64.trunc': unary('f64', 'f64', Math.trunc),
  'f64.nearest': unary('f64', 'f64', nearest, 'ties to even'),
  'f64.convert_i32_s': unary('i32', 'f64', (a: number) => a),
  'f64.convert_i64_s': unary('i64', 'f64', (a: bigint) => Number(a)),
  'f64.promote_f32': unary('f32', 'f64', (a: number) => a),
  'f64.select': {
    params: ['i32', 'f64', 'f64'],
    result: 'f64',
    evaluate: (c: number, a: number, b: number) => (c !== 0 ? a : b),
  },
});

/** Fixed-point building blocks and the dual 16-bit multiplies of Armv7E-M; a target without them runs the definition. */
const INTRINSICS = defineAll({
  'i32.sqrdmulh': binary(
    'i32',
    (a: number, b: number) => {
      if (a === I32_MIN && b === I32_MIN) return I32_MAX;
      return Number((BigInt(a) * BigInt(b) + (1n << 30n)) >> 31n);
    },
    'saturating rounding doubling high multiply of gemmlowp: (a * b + 2^30) >> 31, saturated',
  ),
  'i32.rdivpot': binary(
    'i32',
    (x: number, n: number) => {
      const mask = shiftCount(n, 32) === 31 ? I32_MAX : (1 << n) - 1;
      const threshold = (mask >> 1) + (x < 0 ? 1 : 0);
      return (x >> n) + ((x & mask) > threshold ? 1 : 0);
    },
    'x / 2^n rounded to nearest, ties away from zero, n in [0, 31] (gemmlowp RoundingDivideByPOT)',
  ),
  'i32.ssat': {
    ...unary('i32', 'i32', () => 0, 'clamp to a signed integer of imm bits'),
    imm: { count: 1, bound: 33 },
    evaluate: (x: number, n: number) => Math.min(2 ** (n - 1) - 1, Math.max(-(2 ** (n - 1)), x)),
  },
  'i32.usat': {
    ...unary('i32', 'i32', () => 0, 'clamp to an unsigned integer of imm bits'),
    imm: { count: 1, bound: 32 },
    evaluate: (x: number, n: number) => Math.min(2 ** n - 1, Math.max(0, x)),
  },
  'i32.sqadd': binary('i32', (a: number, b: number) => Math.min(I32_MAX, Math.max(I32_MIN, a + b)), 'saturating add'),
  'i32.sqsub': binary('i32', (a: number, b: number) => Math.min(I32_MAX, Math.max(I32_MIN, a - b)), 'saturating sub'),
  'i32.sqshl': binary(
    'i32',
    (a: number, n: number) => Math.min(I32_MAX, Math.max(I32_MIN, a * 2 ** shiftCount(n, 32))) + 0,
    'saturating shift left by n in [0, 31]',
  ),
  'i32.mulhi_s': binary(
    'i32',
    (a: number, b: number) => Number((BigInt(a) * BigInt(b)) >> 32n),
    'high word of the 64-bit product (SMMUL)',
  ),
  'i32.mulhir_s': binary(
    'i32',
    (a: number, b: number) => Number(BigInt.asIntN(32, (BigInt(a) * BigInt(b) + 0x80000000n) >> 32n)),
    'high word of the 64-bit product, rounded by adding 2^31 (SMMULR)',
  ),
  'i32.mla_ordered': {
    params: ['i32', 'i32', 'i32'],
    result: 'i32',
    doc: 'c + a * b, wrapping; a multiply-add that stays where it stands among ordered loads (MLA)',
    evaluate: (a: number, b: number, c: number) => (c + Math.imul(a, b)) | 0,
  },
  'dsp.sxtb16': unary('i32', 'i32', extendBytes02, 'bytes 0 and 2, sign-extended to two halfwords (SXTB16)'),
  'dsp.sxtb16_ror8': unary(
    'i32',
    'i32',
    (a: number) => extendBytes02((a >>> 8) | (a << 24)),
    'bytes 1 and 3, sign-extended to two halfwords (SXTB16 with ROR #8)',
  ),
  'dsp.sxtab16': binary(
    'i32',
    (a: number, b: number) => addHalves(a, extendBytes02(b)),
    'a plus bytes 0 and 2 of b, sign-extended, halfword by halfword, wrapping (SXTAB16)',
  ),
  'dsp.sxtab16_ror8': binary(
    'i32',
    (a: number, b: number) => addHalves(a, extendBytes02((b >>> 8) | (b << 24))),
    'a plus bytes 1 and 3 of b, sign-extended, halfword by halfword, wrapping (SXTAB16 with ROR #8)',
  ),
  'dsp.smax8': binary('i32', largerBytes, 'the larger of each two signed bytes (SSUB8, SEL)'),
  'dsp.smlad': {
    params: ['i32', 'i32', 'i32'],
    result: 'i32',
    doc: 'c + a.lo * b.lo + a.hi * b.hi, wrapping (SMLAD)',
    evaluate: (a: number, b: number, c: number) =>
      (c + Math.imul(low16(a), low16(b)) + Math.imul(high16(a), high16(b))) | 0,
  },
  'dsp.smlad_from': {
    params: ['i32', 'i32', 'i32'],
    result: 'i32',
    doc: 'as dsp.smlad; asks for no register in particular, as chains that are written out want it',
    evaluate: (a: number, b: number, c: number) =>
      (c + Math.imul(low16(a), low16(b)) + Math.imul(high16(a), high16(b))) | 0,
  },
  'dsp.smmlar': {
    params: ['i32', 'i32', 'i32'],
    result: 'i32',
    doc: 'c + the high word of a * b, rounded by adding 2^31, wrapping (SMMLAR)',
    evaluate: (a: number, b: number, c: number) =>
      (c + Number(BigInt.asIntN(32, (BigInt(a) * BigInt(b) + 0x80000000n) >> 32n))) | 0,
  },
  'dsp.smlabb': {
    params: ['i32', 'i32', 'i32'],
    result: 'i32',
    doc: 'c + a.lo * b.lo, wrapping (SMLABB)',
    evaluate: (a: number, b: number, c: number) => (c + Math.imul(low16(a), low16(b))) | 0,
  },
  'dsp.smlabt': {
    params: ['i32', 'i32', 'i32'],
    result: 'i32',
    doc: 'c + a.lo * b.hi, wrapping (SMLABT)',
    evaluate: (a: number, b: number, c: number) => (c + Math.imul(low16(a), high16(b))) | 0,
  },
  'dsp.smlatb': {
    params: ['i32', 'i32', 'i32'],
    result: 'i32',
    doc: 'c + a.hi * b.lo, wrapping (SMLATB)',
    evaluate: (a: number, b: number, c: number) => (c + Math.imul(high16(a), low16(b))) | 0,
  },
  'dsp.smlatt': {
    params: ['i32', 'i32', 'i32'],
    result: 'i32',
    doc: 'c + a.hi * b.hi, wrapping (SMLATT)',
    evaluate: (a: number, b: number, c: number) => (c + Math.imul(high16(a), high16(b))) | 0,
  },
  'dsp.bfi8': binary('i32', (a: number, b: number) => (a & 0xff) | (b << 8), 'the low byte of a below b (BFI)'),
  'dsp.pkhbt': binary('i32', (a: number, b: number) => (a & 0xffff) | (b << 16), 'a.lo below b.lo (PKHBT)'),
  'dsp.pkhtb': binary('i32', (a: number, b: number) => (b >>> 16) | (a & ~0xffff), 'b.hi below a.hi (PKHTB)'),
});

export const SCALAR = { ...I32, ...I64, ...F32, ...F64, ...INTRINSICS } as const;
