/**
 * Instructions on 128-bit vectors. They are WebAssembly's SIMD128 instructions, plus two 8-bit dot products that Arm and
 * x86 have. Lane 0 is the lowest in memory. A value is its 16 bytes.
 */
import type { Instruction } from './instructions.ts';
import { SCALAR, shiftCount } from './instructions-scalar.ts';
import type { Type } from './types.ts';

type Lanes = 'i8x16' | 'u8x16' | 'i16x8' | 'u16x8' | 'i32x4' | 'f32x4';

const VIEWS = {
  i8x16: Int8Array,
  u8x16: Uint8Array,
  i16x8: Int16Array,
  u16x8: Uint16Array,
  i32x4: Int32Array,
  f32x4: Float32Array,
} as const;

/** The products of two i32 lanes each, as two i64 lanes. */
function extmul64(first: 0 | 2): Instruction {
  const evaluate = (a: Uint8Array, b: Uint8Array) => {
    const [left, right] = [lanesOf(a, 'i32x4'), lanesOf(b, 'i32x4')];
    const product = (i: number) => BigInt(left[i] as number) * BigInt(right[i] as number);
    return new Uint8Array(BigInt64Array.of(product(first), product(first + 1)).buffer);
  };
  return { params: ['v128', 'v128'], result: 'v128', evaluate };
}

/** The lanes of a vector as numbers. */
export function lanesOf(vector: Uint8Array, lanes: Lanes): number[] {
  // A loop, because `Array.from` takes several times as long, and this is where interpreted vector code spends its time.
  const view = new VIEWS[lanes](new Uint8Array(vector).buffer);
  const values = new Array<number>(view.length);
  for (let i = 0; i < view.length; i++) values[i] = view[i] as number;
  return values;
}

/** A vector from its lanes; integers wrap to the lane's width, floats round to f32. */
export function vectorOf(lanes: Lanes, values: readonly number[]): Uint8Array {
  return new Uint8Array(new VIEWS[lanes](values).buffer);
}

function lanewise1(lanes: Lanes, f: (a: number) => number): Instruction {
  const evaluate = (a: Uint8Array) => vectorOf(lanes, lanesOf(a, lanes).map(f));
  return { params: ['v128'], result: 'v128', evaluate };
}

function lanewise2(lanes: Lanes, f: (a: number, b: number) => number, doc?: string): Instruction {
  const evaluate = (a: Uint8Array, b: Uint8Array) => {
    const right = lanesOf(b, lanes);
    return vectorOf(
      lanes,
      lanesOf(a, lanes).map((left, i) => f(left, right[i] as number)),
    );
  };
  return { params: ['v128', 'v128'], result: 'v128', evaluate, ...(doc === undefined ? {} : { doc }) };
}

/** All ones where the test holds, zero elsewhere. */
function mask2(lanes: Lanes, result: Lanes, test: (a: number, b: number) => boolean): Instruction {
  const evaluate = (a: Uint8Array, b: Uint8Array) => {
    const right = lanesOf(b, lanes);
    return vectorOf(
      result,
      lanesOf(a, lanes).map((left, i) => (test(left, right[i] as number) ? -1 : 0)),
    );
  };
  return { params: ['v128', 'v128'], result: 'v128', evaluate };
}

function shift(lanes: Lanes, bits: number, f: (a: number, n: number) => number): Instruction {
  const doc = `every lane shifted by the same count in [0, ${bits})`;
  const evaluate = (a: Uint8Array, n: number) =>
    vectorOf(
      lanes,
      lanesOf(a, lanes).map((lane) => f(lane, shiftCount(n, bits))),
    );
  return { params: ['v128', 'i32'], result: 'v128', doc, evaluate };
}

function splat(lanes: Lanes, type: Type): Instruction {
  const count = 16 / VIEWS[lanes].BYTES_PER_ELEMENT;
  return { params: [type], result: 'v128', evaluate: (a: number) => vectorOf(lanes, new Array(count).fill(a)) };
}

function extract(lanes: Lanes, type: Type): Instruction {
  const imm = { count: 1, bound: 16 / VIEWS[lanes].BYTES_PER_ELEMENT };
  return {
    params: ['v128'],
    result: type,
    imm,
    evaluate: (a: Uint8Array, i: number) => lanesOf(a, lanes)[i] as number,
  };
}

function replace(lanes: Lanes, type: Type): Instruction {
  const imm = { count: 1, bound: 16 / VIEWS[lanes].BYTES_PER_ELEMENT };
  const evaluate = (a: Uint8Array, value: number, i: number) => vectorOf(lanes, lanesOf(a, lanes).with(i, value));
  return { params: ['v128', type], result: 'v128', imm, evaluate };
}

/** Takes the low or high half of the lanes to lanes of twice the width. */
function extend(from: Lanes, to: Lanes, half: 'low' | 'high'): Instruction {
  const evaluate = (a: Uint8Array) => {
    const all = lanesOf(a, from);
    return vectorOf(to, half === 'low' ? all.slice(0, all.length / 2) : all.slice(all.length / 2));
  };
  return { params: ['v128'], result: 'v128', evaluate };
}

/** Halves the width of the lanes of a (low half of the result) and b (high half), saturating. */
function narrow(from: Lanes, to: Lanes, low: number, high: number): Instruction {
  const evaluate = (a: Uint8Array, b: Uint8Array) =>
    vectorOf(
      to,
      [...lanesOf(a, from), ...lanesOf(b, from)].map((lane) => Math.min(high, Math.max(low, lane))),
    );
  return { params: ['v128', 'v128'], result: 'v128', doc: 'saturating', evaluate };
}

function extmul(from: Lanes, to: Lanes, half: 'low' | 'high'): Instruction {
  const evaluate = (a: Uint8Array, b: Uint8Array) => {
    const right = lanesOf(b, from);
    const products = lanesOf(a, from).map((left, i) => left * (right[i] as number));
    return vectorOf(to, half === 'low' ? products.slice(0, products.length / 2) : products.slice(products.length / 2));
  };
  return { params: ['v128', 'v128'], result: 'v128', evaluate };
}

function pairSums(from: Lanes, to: Lanes): Instruction {
  const evaluate = (a: Uint8Array) => {
    const all = lanesOf(a, from);
    return vectorOf(
      to,
      Array.from({ length: all.length / 2 }, (_, i) => (all[2 * i] as number) + (all[2 * i + 1] as number)),
    );
  };
  return { params: ['v128'], result: 'v128', evaluate };
}

function dot4(b: Lanes, doc: string): Instruction {
  const evaluate = (x: Uint8Array, y: Uint8Array, acc: Uint8Array) => {
    const left = lanesOf(x, 'i8x16');
    const right = lanesOf(y, b);
    return vectorOf(
      'i32x4',
      lanesOf(acc, 'i32x4').map((sum, i) =>
        [0, 1, 2, 3].reduce((s, j) => s + (left[4 * i + j] as number) * (right[4 * i + j] as number), sum),
      ),
    );
  };
  return { params: ['v128', 'v128', 'v128'], result: 'v128', doc, evaluate };
}

const SDOT = dot4('i8x16', 'c[i] + the four products of a and b at bytes 4i .. 4i+3, both signed, wrapping (SDOT)');

const clampTo = (low: number, high: number) => (x: number) => Math.min(high, Math.max(low, x));

export const VECTOR = {
  'v128.and': lanewise2('i32x4', (a, b) => a & b),
  'v128.or': lanewise2('i32x4', (a, b) => a | b),
  'v128.xor': lanewise2('i32x4', (a, b) => a ^ b),
  'v128.andnot': lanewise2('i32x4', (a, b) => a & ~b, 'a & ~b'),
  'v128.bitselect': {
    params: ['v128', 'v128', 'v128'],
    result: 'v128',
    doc: 'bits of the first where the third has ones, of the second elsewhere',
    evaluate: (a: Uint8Array, b: Uint8Array, c: Uint8Array) =>
      a.map((byte, i) => (byte & (c[i] as number)) | ((b[i] as number) & ~(c[i] as number))),
  },
  'i8x16.splat': splat('i8x16', 'i32'),
  'i16x8.splat': splat('i16x8', 'i32'),
  'i32x4.splat': splat('i32x4', 'i32'),
  'f32x4.splat': splat('f32x4', 'f32'),
  'i8x16.extract_lane_s': extract('i8x16', 'i32'),
  'i8x16.extract_lane_u': extract('u8x16', 'i32'),
  'i16x8.extract_lane_s': extract('i16x8', 'i32'),
  'i32x4.extract_lane': extract('i32x4', 'i32'),
  'f32x4.extract_lane': extract('f32x4', 'f32'),
  'i16x8.replace_lane': replace('i16x8', 'i32'),
  'i32x4.replace_lane': replace('i32x4', 'i32'),
  'f32x4.replace_lane': replace('f32x4', 'f32'),
  'i8x16.shuffle': {
    params: ['v128', 'v128'],
    result: 'v128',
    imm: { count: 16, bound: 32 },
    doc: 'byte i of the result is byte imm[i] of a followed by b',
    evaluate: (a: Uint8Array, b: Uint8Array, ...picks: number[]) =>
      Uint8Array.from(picks, (pick) => (pick < 16 ? a[pick] : b[pick - 16]) as number),
  },
  'i8x16.swizzle': {
    params: ['v128', 'v128'],
    result: 'v128',
    doc: 'byte i of the result is byte b[i] of a, 0 when b[i] > 15',
    evaluate: (a: Uint8Array, b: Uint8Array) => b.map((pick) => (pick < 16 ? (a[pick] as number) : 0)),
  },
  'i8x16.add': lanewise2('i8x16', (a, b) => a + b),
  'i8x16.sub': lanewise2('i8x16', (a, b) => a - b),
  'i8x16.min_s': lanewise2('i8x16', Math.min),
  'i8x16.max_s': lanewise2('i8x16', Math.max),
  'i8x16.min_u': lanewise2('u8x16', Math.min),
  'i8x16.max_u': lanewise2('u8x16', Math.max),
  'i8x16.popcnt': lanewise1('u8x16', (a) => SCALAR['i32.popcnt'].evaluate(a) as number),
  'i8x16.narrow_i16x8_s': narrow('i16x8', 'i8x16', -128, 127),
  'i8x16.narrow_i16x8_u': narrow('i16x8', 'u8x16', 0, 255),
  'i16x8.add': lanewise2('i16x8', (a, b) => a + b),
  'i16x8.sub': lanewise2('i16x8', (a, b) => a - b),
  'i16x8.mul': lanewise2('i16x8', (a, b) => a * b, 'low halves of the products'),
  'i16x8.add_sat_s': lanewise2('i16x8', (a, b) => clampTo(-32768, 32767)(a + b), 'saturating'),
  'i16x8.sub_sat_s': lanewise2('i16x8', (a, b) => clampTo(-32768, 32767)(a - b), 'saturating'),
  'i16x8.min_s': lanewise2('i16x8', Math.min),
  'i16x8.max_s': lanewise2('i16x8', Math.max),
  'i16x8.q15mulr_sat_s': lanewise2(
    'i16x8',
    (a, b) => Math.min(32767, (a * b + 0x4000) >> 15),
    '(a * b + 2^14) >> 15, saturating',
  ),
  'i16x8.shl': shift('i16x8', 16, (a, n) => a << n),
  'i16x8.shr_s': shift('i16x8', 16, (a, n) => a >> n),
  'i16x8.shr_u': shift('u16x8', 16, (a, n) => a >>> n),
  'i16x8.narrow_i32x4_s': narrow('i32x4', 'i16x8', -32768, 32767),
  'i16x8.extend_low_i8x16_s': extend('i8x16', 'i16x8', 'low'),
  'i16x8.extend_high_i8x16_s': extend('i8x16', 'i16x8', 'high'),
  'i16x8.extend_low_i8x16_u': extend('u8x16', 'i16x8', 'low'),
  'i16x8.extend_high_i8x16_u': extend('u8x16', 'i16x8', 'high'),
  'i16x8.extmul_low_i8x16_s': extmul('i8x16', 'i16x8', 'low'),
  'i16x8.extmul_high_i8x16_s': extmul('i8x16', 'i16x8', 'high'),
  'i16x8.extadd_pairwise_i8x16_s': pairSums('i8x16', 'i16x8'),
  'i32x4.add': lanewise2('i32x4', (a, b) => a + b),
  'i32x4.sub': lanewise2('i32x4', (a, b) => a - b),
  'i32x4.mul': lanewise2('i32x4', Math.imul),
  'i32x4.min_s': lanewise2('i32x4', Math.min),
  'i32x4.max_s': lanewise2('i32x4', Math.max),
  'i32x4.shl': shift('i32x4', 32, (a, n) => a << n),
  'i32x4.shr_s': shift('i32x4', 32, (a, n) => a >> n),
  'i32x4.shr_u': shift('i32x4', 32, (a, n) => (a >>> n) | 0),
  'i32x4.eq': mask2('i32x4', 'i32x4', (a, b) => a === b),
  'i32x4.gt_s': mask2('i32x4', 'i32x4', (a, b) => a > b),
  'i32x4.extend_low_i16x8_s': extend('i16x8', 'i32x4', 'low'),
  'i32x4.extend_high_i16x8_s': extend('i16x8', 'i32x4', 'high'),
  'i32x4.extmul_low_i16x8_s': extmul('i16x8', 'i32x4', 'low'),
  'i32x4.extmul_high_i16x8_s': extmul('i16x8', 'i32x4', 'high'),
  'i32x4.extadd_pairwise_i16x8_s': pairSums('i16x8', 'i32x4'),
  'i32x4.dot_i16x8_s': {
    params: ['v128', 'v128'],
    result: 'v128',
    doc: 'lane i is a[2i] * b[2i] + a[2i + 1] * b[2i + 1], wrapping',
    evaluate: (a: Uint8Array, b: Uint8Array) => {
      const right = lanesOf(b, 'i16x8');
      const products = lanesOf(a, 'i16x8').map((left, i) => left * (right[i] as number));
      return vectorOf(
        'i32x4',
        [0, 2, 4, 6].map((i) => (products[i] as number) + (products[i + 1] as number)),
      );
    },
  },
  'i32x4.sdot_i8x16': SDOT,
  'i32x4.sdot_lane_i8x16': {
    params: ['v128', 'v128', 'v128'],
    result: 'v128',
    imm: { count: 1, bound: 4 },
    doc: 'c[i] + the four products of a at bytes 4i .. 4i+3 and b at bytes 4n .. 4n+3, both signed, wrapping (SDOT by element)',
    evaluate: (a: Uint8Array, b: Uint8Array, acc: Uint8Array, lane: number) => {
      const right = lanesOf(b, 'i32x4')[lane] as number;
      return SDOT.evaluate(a, vectorOf('i32x4', [right, right, right, right]), acc);
    },
  },
  'i32x4.usdot_i8x16': dot4('u8x16', 'as sdot with b unsigned (USDOT, VPDPBUSD)'),
  'i64x2.extmul_low_i32x4_s': extmul64(0),
  'i64x2.extmul_high_i32x4_s': extmul64(2),
  'i64x2.add': {
    params: ['v128', 'v128'],
    result: 'v128',
    doc: 'wrapping',
    evaluate: (a: Uint8Array, b: Uint8Array) => {
      const [left, right] = [new BigInt64Array(a.slice().buffer), new BigInt64Array(b.slice().buffer)];
      return new Uint8Array(left.map((lane, i) => lane + (right[i] as bigint)).buffer);
    },
  },
  'i32x4.trunc_sat_f32x4_s': {
    params: ['v128'],
    result: 'v128',
    evaluate: (a: Uint8Array) =>
      vectorOf(
        'i32x4',
        lanesOf(a, 'f32x4').map((lane) => SCALAR['i32.trunc_sat_f32_s'].evaluate(lane) as number),
      ),
  },
  'f32x4.convert_i32x4_s': {
    params: ['v128'],
    result: 'v128',
    evaluate: (a: Uint8Array) => vectorOf('f32x4', lanesOf(a, 'i32x4')),
  },
  'f32x4.add': lanewise2('f32x4', (a, b) => a + b),
  'f32x4.sub': lanewise2('f32x4', (a, b) => a - b),
  'f32x4.mul': lanewise2('f32x4', (a, b) => a * b),
  'f32x4.div': lanewise2('f32x4', (a, b) => a / b),
  'f32x4.pmin': lanewise2('f32x4', (a, b) => (b < a ? b : a), 'b < a ? b : a'),
  'f32x4.pmax': lanewise2('f32x4', (a, b) => (a < b ? b : a), 'a < b ? b : a'),
  'f32x4.lt': mask2('f32x4', 'i32x4', (a, b) => a < b),
  'f32x4.eq': mask2('f32x4', 'i32x4', (a, b) => a === b),
  'f32x4.abs': lanewise1('f32x4', Math.abs),
  'f32x4.neg': lanewise1('f32x4', (a) => -a),
  'f32x4.sqrt': lanewise1('f32x4', Math.sqrt),
  'f32x4.floor': lanewise1('f32x4', Math.floor),
  'f32x4.ceil': lanewise1('f32x4', Math.ceil),
  'f32x4.nearest': lanewise1('f32x4', (a) => SCALAR['f32.nearest'].evaluate(a) as number),
} as const satisfies Record<string, Instruction>;
