/**
 * Instructions of Helium (the M-profile Vector Extension of Armv8.1-M) that the other vector instructions have no like of.
 * "Bottom" lanes are those with even numbers, "top" lanes the odd ones: Helium widens and narrows between neighbours.
 */
import type { Instruction } from './instructions.ts';
import { SCALAR } from './instructions-scalar.ts';
import { lanesOf, vectorOf } from './instructions-vector.ts';

function dot(a: Uint8Array, b: Uint8Array): number {
  const right = lanesOf(b, 'i8x16');
  return lanesOf(a, 'i8x16').reduce((sum, left, i) => sum + left * (right[i] as number), 0);
}

/** Products of the 8-bit lanes 2i + `parity`. */
function widenedProducts(parity: 0 | 1): Instruction {
  return {
    params: ['v128', 'v128'],
    result: 'v128',
    doc: `16-bit lane i is the product of the signed bytes 2i + ${parity}`,
    evaluate: (a: Uint8Array, b: Uint8Array) => {
      const right = lanesOf(b, 'i8x16');
      const products = lanesOf(a, 'i8x16').map((left, i) => left * (right[i] as number));
      return vectorOf(
        'i16x8',
        products.filter((_, i) => i % 2 === parity),
      );
    },
  };
}

function widened(from: 'i8x16' | 'i16x8', to: 'i16x8' | 'i32x4', parity: 0 | 1): Instruction {
  return {
    params: ['v128'],
    result: 'v128',
    doc: `lane i is the signed lane 2i + ${parity} of half its width`,
    evaluate: (a: Uint8Array) =>
      vectorOf(
        to,
        lanesOf(a, from).filter((_, i) => i % 2 === parity),
      ),
  };
}

/** Lanes of `a` plus, of the narrower lanes, the products (with `c`) or the values of those with numbers 2i + `parity`. */
function widenedSum(from: 'i8x16' | 'i16x8', to: 'i16x8' | 'i32x4', parity: 0 | 1, product: boolean): Instruction {
  const what = product ? 'the product of lanes' : 'lane';
  const evaluate = (acc: Uint8Array, b: Uint8Array, c?: Uint8Array) => {
    const left = lanesOf(b, from);
    const right = c === undefined ? undefined : lanesOf(c, from);
    return vectorOf(
      to,
      lanesOf(acc, to).map((sum, i) => {
        const at = 2 * i + parity;
        return sum + (left[at] as number) * (right === undefined ? 1 : (right[at] as number));
      }),
    );
  };
  return {
    params: product ? ['v128', 'v128', 'v128'] : ['v128', 'v128'],
    result: 'v128',
    doc: `lane i of a plus ${what} 2i + ${parity} of half its width, signed; wrapping, and computed where it stands`,
    evaluate,
  };
}

function interleaved(from: 'i32x4' | 'i16x8', to: 'i16x8' | 'i8x16', low: number, high: number): Instruction {
  return {
    params: ['v128', 'v128'],
    result: 'v128',
    doc: 'lane 2i is lane i of a and lane 2i + 1 is lane i of b, saturated to half their width',
    evaluate: (a: Uint8Array, b: Uint8Array) => {
      const right = lanesOf(b, from);
      const clamp = (x: number) => Math.min(high, Math.max(low, x));
      return vectorOf(
        to,
        lanesOf(a, from).flatMap((left, i) => [clamp(left), clamp(right[i] as number)]),
      );
    },
  };
}

/** x shifted left by the signed low byte of `count`, or right by its magnitude, rounding half up. */
function roundingShift(x: number, count: number): number {
  const n = (count << 24) >> 24;
  if (n >= 0) return n > 31 ? 0 : x << n;
  return n < -32 ? 0 : Number((BigInt(x) + (1n << BigInt(-n - 1))) >> BigInt(-n));
}

const sqrdmulh = (a: number, b: number) => SCALAR['i32.sqrdmulh'].evaluate(a, b) as number;

const word = (a: Uint8Array, f: (x: number) => number) => vectorOf('i32x4', lanesOf(a, 'i32x4').map(f));

export const MVE = {
  'mve.address': {
    params: ['i32'],
    result: 'i32',
    doc: 'the operand, of which the C compiler is not told what it is, so that addresses made with it share one register',
    evaluate: (a: number) => a,
  },
  'mve.vmladav_s8': {
    params: ['v128', 'v128'],
    result: 'i32',
    doc: 'the sum of the 16 products of signed bytes (VMLADAV)',
    evaluate: dot,
  },
  'mve.vmladava_s8': {
    params: ['i32', 'v128', 'v128'],
    result: 'i32',
    doc: 'the first operand plus the sum of the 16 products of signed bytes, wrapping (VMLADAVA)',
    evaluate: (acc: number, a: Uint8Array, b: Uint8Array) => (acc + dot(a, b)) | 0,
  },
  'mve.vaddv_s8': {
    params: ['v128'],
    result: 'i32',
    doc: 'the sum of the 16 signed bytes (VADDV)',
    evaluate: (a: Uint8Array) => lanesOf(a, 'i8x16').reduce((sum, x) => sum + x, 0),
  },
  'mve.vmullb_s8': widenedProducts(0),
  'mve.vmullt_s8': widenedProducts(1),
  'mve.vmovlb_s8': widened('i8x16', 'i16x8', 0),
  'mve.vmovlt_s8': widened('i8x16', 'i16x8', 1),
  'mve.vmovlb_s16': widened('i16x8', 'i32x4', 0),
  'mve.vmovlt_s16': widened('i16x8', 'i32x4', 1),
  'mve.add_mullb_s8': widenedSum('i8x16', 'i16x8', 0, true),
  'mve.add_mullt_s8': widenedSum('i8x16', 'i16x8', 1, true),
  'mve.add_movlb_s16': widenedSum('i16x8', 'i32x4', 0, false),
  'mve.add_movlt_s16': widenedSum('i16x8', 'i32x4', 1, false),
  'mve.vqmovn_s32': interleaved('i32x4', 'i16x8', -32768, 32767),
  'mve.vqmovn_s16': interleaved('i16x8', 'i8x16', -128, 127),
  'mve.vqadd_n_s16': {
    params: ['v128', 'i32'],
    result: 'v128',
    doc: 'adds the low halfword of b to every lane, saturating',
    evaluate: (a: Uint8Array, b: number) => {
      const addend = (b << 16) >> 16;
      return vectorOf(
        'i16x8',
        lanesOf(a, 'i16x8').map((x) => Math.min(32767, Math.max(-32768, x + addend))),
      );
    },
  },
  'mve.vadd_n_s32': {
    params: ['v128', 'i32'],
    result: 'v128',
    doc: 'adds b to every lane, wrapping',
    evaluate: (a: Uint8Array, b: number) => word(a, (x) => x + b),
  },
  'mve.vmul_n_s32': {
    params: ['v128', 'i32'],
    result: 'v128',
    doc: 'multiplies every lane by b, wrapping',
    evaluate: (a: Uint8Array, b: number) => word(a, (x) => Math.imul(x, b)),
  },
  'mve.vmla_n_s32': {
    params: ['v128', 'v128', 'i32'],
    result: 'v128',
    doc: 'adds b times c to every lane of a, wrapping (VMLA)',
    evaluate: (a: Uint8Array, b: Uint8Array, c: number) => {
      const right = lanesOf(b, 'i32x4');
      return vectorOf(
        'i32x4',
        lanesOf(a, 'i32x4').map((x, i) => x + Math.imul(right[i] as number, c)),
      );
    },
  },
  'mve.vqrdmulh_s32': {
    params: ['v128', 'v128'],
    result: 'v128',
    doc: '(2 a b + 2^31) >> 32, saturating (VQRDMULH): i32.sqrdmulh of every lane',
    evaluate: (a: Uint8Array, b: Uint8Array) => {
      const right = lanesOf(b, 'i32x4');
      return vectorOf(
        'i32x4',
        lanesOf(a, 'i32x4').map((x, i) => sqrdmulh(x, right[i] as number)),
      );
    },
  },
  'mve.vqrdmulh_n_s32': {
    params: ['v128', 'i32'],
    result: 'v128',
    doc: 'i32.sqrdmulh of every lane and b',
    evaluate: (a: Uint8Array, b: number) => word(a, (x) => sqrdmulh(x, b)),
  },
  'mve.vrshl_s32': {
    params: ['v128', 'v128'],
    result: 'v128',
    doc: 'lane i shifted left by the signed low byte of lane i of b; right where that is negative, rounding half up (VRSHL)',
    evaluate: (a: Uint8Array, b: Uint8Array) => {
      const counts = lanesOf(b, 'i32x4');
      return vectorOf(
        'i32x4',
        lanesOf(a, 'i32x4').map((x, i) => roundingShift(x, counts[i] as number)),
      );
    },
  },
  'mve.vrshl_n_s32': {
    params: ['v128', 'i32'],
    result: 'v128',
    doc: 'every lane shifted left by the signed low byte of b; right where that is negative, rounding half up',
    evaluate: (a: Uint8Array, b: number) => word(a, (x) => roundingShift(x, b)),
  },
  'mve.less_if_negative_s32': {
    params: ['v128'],
    result: 'v128',
    doc: 'every lane plus its sign (0 or -1), wrapping: a shift that rounds half up then rounds half away from zero',
    evaluate: (a: Uint8Array) => word(a, (x) => x + (x >> 31)),
  },
} as const satisfies Record<string, Instruction>;
