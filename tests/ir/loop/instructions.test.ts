/** Scalar instructions against models that are written another way: exact integers, exact rationals, published examples. */
import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { suite } from 'uvu';
import { instruction, OPCODES, type Opcode } from '../../../ir/loop/instructions.ts';
import { Random } from '../../support/random.ts';
import { type Rational, rational, roundToF32, roundToF64 } from '../../support/rounding.ts';

const test = suite('scalar instructions');
const covered = new Set<Opcode>();

function run(name: Opcode, ...operands: unknown[]): unknown {
  covered.add(name);
  return instruction(name).evaluate(...operands);
}

const I32_EDGES = [0, 1, -1, 2, -2, 5, 31, 127, -128, 128, 255, 32767, -32768, 65536, 2 ** 30, 2 ** 31 - 1, -(2 ** 31)];
const I64_EDGES = [
  0n,
  1n,
  -1n,
  63n,
  2n ** 31n,
  -(2n ** 31n),
  2n ** 32n,
  2n ** 62n,
  2n ** 63n - 1n,
  -(2n ** 63n),
  3n ** 39n,
];

function values32(): number[] {
  const random = new Random(3);
  return [...I32_EDGES, ...Array.from({ length: 30 }, () => random.bits() | 0)];
}

const fits = (bits: number, x: bigint): bigint | undefined => (x === BigInt.asIntN(bits, x) ? x : undefined);
const wrap = (bits: number, x: bigint): bigint => BigInt.asIntN(bits, x);
const clamp = (low: bigint, high: bigint, x: bigint): bigint => (x < low ? low : x > high ? high : x);
const saturate32 = (x: bigint): bigint => clamp(-(2n ** 31n), 2n ** 31n - 1n, x);
const unsigned = (bits: number, x: bigint): bigint => BigInt.asUintN(bits, x);
const isCount = (bits: bigint, n: bigint): boolean => n >= 0n && n < bits;
const truth = (condition: boolean): bigint => (condition ? 1n : 0n);
const half = (x: bigint, high: boolean): bigint => wrap(16, high ? x >> 16n : x);

/** gemmlowp's SaturatingRoundingDoublingHighMul: a nudge by the product's sign, then a division towards zero. */
function doublingHighMul(a: bigint, b: bigint): bigint {
  const product = a * b;
  const nudge = product >= 0n ? 2n ** 30n : 1n - 2n ** 30n;
  return saturate32((product + nudge) / 2n ** 31n);
}

/** Half away from zero, on the magnitude. */
function divideRounding(x: bigint, n: bigint): bigint {
  const magnitude = x < 0n ? -x : x;
  const rounded = n === 0n ? magnitude : (magnitude + (1n << (n - 1n))) / (1n << n);
  return x < 0n ? -rounded : rounded;
}

/** Models of two operands; `undefined` where the instruction must throw. Named without the prefix for i32 and i64 alike. */
const INTEGERS: Readonly<Record<string, (a: bigint, b: bigint, bits: number) => bigint | undefined>> = {
  add: (a, b, bits) => fits(bits, a + b),
  sub: (a, b, bits) => fits(bits, a - b),
  mul: (a, b, bits) => fits(bits, a * b),
  add_wrap: (a, b, bits) => wrap(bits, a + b),
  sub_wrap: (a, b, bits) => wrap(bits, a - b),
  mul_wrap: (a, b, bits) => wrap(bits, a * b),
  div_s: (a, b, bits) => (b === 0n ? undefined : fits(bits, a / b)),
  rem_s: (a, b) => (b === 0n ? undefined : a - b * (a / b)),
  and: (a, b, bits) => wrap(bits, unsigned(bits, a) & unsigned(bits, b)),
  or: (a, b, bits) => wrap(bits, unsigned(bits, a) | unsigned(bits, b)),
  xor: (a, b, bits) => wrap(bits, unsigned(bits, a) ^ unsigned(bits, b)),
  shl: (a, n, bits) => (isCount(BigInt(bits), n) ? wrap(bits, a * 2n ** n) : undefined),
  shr_s: (a, n, bits) => (isCount(BigInt(bits), n) ? (a - (((a % 2n ** n) + 2n ** n) % 2n ** n)) / 2n ** n : undefined),
  shr_u: (a, n, bits) => (isCount(BigInt(bits), n) ? wrap(bits, unsigned(bits, a) / 2n ** n) : undefined),
  min_s: (a, b) => (a <= b ? a : b),
  max_s: (a, b) => (a >= b ? a : b),
  eq: (a, b) => truth(a === b),
  ne: (a, b) => truth(a !== b),
  lt_s: (a, b) => truth(a < b),
  le_s: (a, b) => truth(a <= b),
  gt_s: (a, b) => truth(a > b),
  ge_s: (a, b) => truth(a >= b),
  lt_u: (a, b, bits) => truth(unsigned(bits, a) < unsigned(bits, b)),
  sqrdmulh: doublingHighMul,
  rdivpot: (x, n) => (isCount(32n, n) ? divideRounding(x, n) : undefined),
  sqadd: (a, b) => saturate32(a + b),
  sqsub: (a, b) => saturate32(a - b),
  sqshl: (a, n) => (isCount(32n, n) ? saturate32(a * 2n ** n) : undefined),
  mulhi_s: (a, b) => (a * b - unsigned(32, a * b)) / 2n ** 32n,
  mulhir_s: (a, b) => wrap(32, (a * b + 2n ** 31n - unsigned(32, a * b + 2n ** 31n)) / 2n ** 32n),
};

test('integer instructions of two operands', () => {
  for (const [suffix, model] of Object.entries(INTEGERS)) {
    for (const type of ['i32', 'i64'] as const) {
      const name = `${type}.${suffix}` as Opcode;
      if (!OPCODES.includes(name)) continue;
      const bits = type === 'i32' ? 32 : 64;
      const operands = type === 'i32' ? values32().map(BigInt) : I64_EDGES;
      const native = (x: bigint) => (type === 'i32' ? Number(x) : x);
      for (const a of operands) {
        for (const b of operands) {
          const expected = model(a, b, bits);
          if (expected === undefined) throws(() => run(name, native(a), native(b)), RangeError, `${name}(${a}, ${b})`);
          else {
            const found = run(name, native(a), native(b));
            equal(BigInt(found as number), expected, `${name}(${a}, ${b})`);
            ok(!Object.is(found, -0), `${name}(${a}, ${b}) is -0`);
          }
        }
      }
    }
  }
});

test('integer instructions of one operand', () => {
  const binary = (x: number) => unsigned(32, BigInt(x)).toString(2).padStart(32, '0');
  for (const x of values32()) {
    const a = BigInt(x);
    equal(run('i32.clz', x), binary(x).indexOf('1') === -1 ? 32 : binary(x).indexOf('1'));
    equal(run('i32.popcnt', x), binary(x).split('1').length - 1);
    equal(run('i32.extend8_s', x), Number(wrap(8, a)));
    equal(run('i32.extend16_s', x), Number(wrap(16, a)));
    equal(run('i64.extend_i32_s', x), a);
    equal(run('i64.extend_i32_u', x), unsigned(32, a));
    equal(run('f64.convert_i32_s', x), x);
    equal(run('f32.convert_i32_s', x), roundToF32(rational(x)));
    const bytes = (at: readonly number[]) => at.map((i) => wrap(8, a >> BigInt(8 * i)));
    for (const [name, at] of [['dsp.sxtb16', [0, 2]] as const, ['dsp.sxtb16_ror8', [1, 3]] as const]) {
      const [low, high] = bytes(at) as [bigint, bigint];
      equal(BigInt(run(name, x) as number), wrap(32, unsigned(16, low) + unsigned(16, high) * 65536n), `${name} ${x}`);
    }
  }
  for (const x of I64_EDGES) {
    equal(run('i64.popcnt', x), BigInt(unsigned(64, x).toString(2).split('1').length - 1));
    equal(run('i32.wrap_i64', x), Number(wrap(32, x)));
    equal(run('f64.convert_i64_s', x), roundToF64({ num: x, den: 1n }));
    equal(run('f32.convert_i64_s', x), roundToF32({ num: x, den: 1n }));
  }
});

test('saturation to a number of bits', () => {
  for (const x of values32()) {
    for (let bits = 1; bits <= 32; bits++) {
      const end = 2n ** BigInt(bits - 1);
      equal(BigInt(run('i32.ssat', x, bits) as number), clamp(-end, end - 1n, BigInt(x)), `ssat ${x} ${bits}`);
    }
    for (let bits = 0; bits < 32; bits++) {
      const end = 2n ** BigInt(bits);
      equal(BigInt(run('i32.usat', x, bits) as number), clamp(0n, end - 1n, BigInt(x)), `usat ${x} ${bits}`);
    }
  }
});

test('dual 16-bit instructions', () => {
  for (const x of values32()) {
    for (const y of values32()) {
      const [a, b] = [BigInt(x), BigInt(y)];
      const low = half(a, false) * half(b, false);
      const high = half(a, true) * half(b, true);
      for (const c of [0, -1, 2 ** 31 - 1, -(2 ** 31)]) {
        equal(BigInt(run('dsp.smlad', x, y, c) as number), wrap(32, low + high + BigInt(c)));
        equal(run('dsp.smlad_from', x, y, c), run('dsp.smlad', x, y, c));
        equal(BigInt(run('dsp.smlabb', x, y, c) as number), wrap(32, low + BigInt(c)));
        equal(BigInt(run('i32.mla_ordered', x, y, c) as number), wrap(32, BigInt(x) * BigInt(y) + BigInt(c)));
        const crossed = half(a, false) * half(b, true);
        equal(BigInt(run('dsp.smlabt', x, y, c) as number), wrap(32, crossed + BigInt(c)));
        equal(BigInt(run('dsp.smlatb', y, x, c) as number), wrap(32, crossed + BigInt(c)));
        equal(BigInt(run('dsp.smlatt', x, y, c) as number), wrap(32, high + BigInt(c)));
        const rounded = (BigInt(x) * BigInt(y) + 2n ** 31n) >> 32n;
        equal(BigInt(run('dsp.smmlar', x, y, c) as number), wrap(32, rounded + BigInt(c)));
      }
      equal(BigInt(run('dsp.bfi8', x, y) as number), wrap(32, unsigned(8, a) + b * 256n));
      const bytesAt = (v: bigint, at: readonly number[]) => at.map((i) => wrap(8, v >> BigInt(8 * i)));
      const joined = (bits: number, parts: readonly (number | bigint)[]) =>
        wrap(
          32,
          parts.reduce<bigint>((all, part, i) => all + (unsigned(bits, BigInt(part)) << BigInt(bits * i)), 0n),
        );
      for (const [name, at] of [['dsp.sxtab16', [0, 2]] as const, ['dsp.sxtab16_ror8', [1, 3]] as const]) {
        const sums = bytesAt(b, at).map((byte, i) => half(a, i === 1) + BigInt(byte));
        equal(BigInt(run(name, x, y) as number), joined(16, sums), `${name} ${x} ${y}`);
      }
      const larger = [0, 1, 2, 3].map((i) => {
        const [p, q] = [bytesAt(a, [i])[0] as bigint, bytesAt(b, [i])[0] as bigint];
        return p > q ? p : q;
      });
      equal(BigInt(run('dsp.smax8', x, y) as number), joined(8, larger), `smax8 ${x} ${y}`);
      equal(BigInt(run('dsp.pkhbt', x, y) as number), wrap(32, unsigned(16, a) + unsigned(16, b) * 65536n));
      equal(BigInt(run('dsp.pkhtb', x, y) as number), wrap(32, unsigned(16, b >> 16n) + half(a, true) * 65536n));
    }
  }
});

test('selects', () => {
  const operands = { i32: [3, 4], i64: [3n, 4n], f32: [0.5, -0], f64: [NaN, 0.1] } as const;
  for (const [type, [a, b]] of Object.entries(operands)) {
    for (const cond of [1, -1, 2 ** 31 - 1]) ok(Object.is(run(`${type}.select` as Opcode, cond, a, b), a));
    ok(Object.is(run(`${type}.select` as Opcode, 0, a, b), b));
  }
});

const FLOATS = [
  0,
  1,
  -1,
  0.5,
  1.5,
  3,
  1 / 3,
  0.1,
  16777216,
  16777215,
  1e10,
  -7e-10,
  2 ** 100,
  2 ** -126,
  2 ** -149,
  3.4e38,
  1e-41,
];
const SPECIAL = [-0, Infinity, -Infinity, NaN];

const RATIONALS: Readonly<Record<string, (a: Rational, b: Rational) => Rational>> = {
  add: (a, b) => ({ num: a.num * b.den + b.num * a.den, den: a.den * b.den }),
  sub: (a, b) => ({ num: a.num * b.den - b.num * a.den, den: a.den * b.den }),
  mul: (a, b) => ({ num: a.num * b.num, den: a.den * b.den }),
  div: (a, b) => ({ num: a.num * b.den, den: a.den * b.num }),
};

test('float arithmetic is correctly rounded', () => {
  for (const [type, toType] of [['f32', roundToF32] as const, ['f64', roundToF64] as const]) {
    const random = new Random(4);
    const more = Array.from({ length: 20 }, () => (random.bits() - 2 ** 31) * 2 ** random.int(-60, 10));
    const operands = [...FLOATS, ...more].map((x) => (type === 'f32' ? Math.fround(x) : x));
    for (const [suffix, model] of Object.entries(RATIONALS)) {
      for (const a of operands) {
        for (const b of operands) {
          if (suffix === 'div' && b === 0) continue;
          const name = `${type}.${suffix}` as Opcode;
          const found = run(name, a, b) as number;
          equal(found + 0, toType(model(rational(a), rational(b))) + 0, `${name}(${a}, ${b})`);
        }
      }
    }
  }
});

test('float special cases', () => {
  for (const type of ['f32', 'f64']) {
    const is = (suffix: string, operands: readonly number[], expected: number) =>
      ok(Object.is(run(`${type}.${suffix}` as Opcode, ...operands), expected), `${type}.${suffix}(${operands})`);
    is('add', [Infinity, -Infinity], NaN);
    is('mul', [0, Infinity], NaN);
    is('mul', [-1, 0], -0);
    is('div', [1, -0], -Infinity);
    is('div', [0, 0], NaN);
    is('sub', [0, 0], 0);
    is('add', [-0, -0], -0);
    is('min', [NaN, 1], NaN);
    is('min', [1, NaN], 1);
    is('min', [0, -0], 0);
    is('min', [-0, 0], -0);
    is('min', [2, -3], -3);
    is('max', [NaN, 1], NaN);
    is('max', [1, NaN], 1);
    is('max', [0, -0], 0);
    is('max', [2, 3], 3);
    is('abs', [-0], 0);
    is('abs', [-2.5], 2.5);
    is('neg', [0], -0);
    is('neg', [-Infinity], Infinity);
    is('sqrt', [-0], -0);
    is('sqrt', [-1], NaN);
    is('sqrt', [2.25], 1.5);
    is('floor', [-0.5], -1);
    is('floor', [-0], -0);
    is('ceil', [-0.5], -0);
    is('ceil', [1.25], 2);
    is('trunc', [-1.75], -1);
    is('trunc', [-0.75], -0);
    for (const [x, expected] of [
      [0.5, 0],
      [1.5, 2],
      [2.5, 2],
      [-0.5, -0],
      [-1.5, -2],
      [-2.5, -2],
      [4.25, 4],
      [-0, -0],
    ] as const) {
      is('nearest', [x], expected);
    }
    is('nearest', [8388609], 8388609);
    is('nearest', [Infinity], Infinity);
  }
  equal(run('f64.nearest', 4503599627370495.5), 4503599627370496);
  equal(run('f64.nearest', 0.49999999999999994), 0);
  equal(run('f32.sqrt', 2), 11863283 / 2 ** 23);
  equal(run('f64.sqrt', 2), 6369051672525773 / 2 ** 52);
});

test('float comparisons', () => {
  const order: Readonly<Record<string, (a: number, b: number) => boolean>> = {
    eq: (a, b) => !(a < b) && !(a > b),
    ne: (a, b) => a < b || a > b,
    lt: (a, b) => b > a,
    le: (a, b) => !(a > b),
    gt: (a, b) => b < a,
    ge: (a, b) => !(a < b),
  };
  for (const [suffix, model] of Object.entries(order)) {
    for (const type of ['f32', 'f64']) {
      const name = `${type}.${suffix}` as Opcode;
      if (!OPCODES.includes(name)) continue;
      for (const a of [...FLOATS, ...SPECIAL]) {
        for (const b of [...FLOATS, ...SPECIAL]) {
          const ordered = !Number.isNaN(a) && !Number.isNaN(b);
          const expected = ordered ? model(a, b) : suffix === 'ne';
          equal(run(name, a, b), expected ? 1 : 0, `${name}(${a}, ${b})`);
        }
      }
    }
  }
});

test('float conversions', () => {
  for (const x of [...FLOATS, 2 ** 31, -(2 ** 31), 2 ** 63, -(2 ** 63), 2 ** 31 - 0.5, -1.9, 0.9999]) {
    const { num, den } = rational(x);
    for (const name of ['i32.trunc_sat_f32_s', 'i32.trunc_sat_f64_s'] as const) {
      equal(BigInt(run(name, x) as number), saturate32(num / den), `${name}(${x})`);
    }
    equal(run('i64.trunc_sat_f64_s', x), clamp(-(2n ** 63n), 2n ** 63n - 1n, num / den));
    equal(run('f32.demote_f64', x), roundToF32(rational(x)));
    equal(run('f64.promote_f32', Math.fround(x)), Math.fround(x));
  }
  for (const name of ['i32.trunc_sat_f32_s', 'i32.trunc_sat_f64_s'] as const) {
    deepEqual(
      [NaN, Infinity, -Infinity, -0].map((x) => run(name, x)),
      [0, 2 ** 31 - 1, -(2 ** 31), 0],
    );
  }
  deepEqual(
    [NaN, Infinity, -Infinity].map((x) => run('i64.trunc_sat_f64_s', x)),
    [0n, 2n ** 63n - 1n, -(2n ** 63n)],
  );
  // Ties between two f32 that a first rounding to f64 would hide.
  equal(run('f32.convert_i64_s', (1n << 60n) + (1n << 36n) + 1n), 2 ** 60 + 2 ** 37);
  equal(run('f32.convert_i64_s', -((1n << 60n) + (1n << 36n))), -(2 ** 60));
});

test('reinterpretation is IEEE 754 encoding', () => {
  const encodings: readonly (readonly [number, number])[] = [
    [0x3f800000, 1],
    [0xc0490fdb | 0, -0xc90fdb / 2 ** 22],
    [0x00000001, 2 ** -149],
    [0x7f7fffff, 2 ** 128 - 2 ** 104],
    [0x80000000 | 0, -0],
    [0x7f800000, Infinity],
  ];
  for (const [encoded, value] of encodings) {
    ok(Object.is(run('f32.reinterpret_i32', encoded), value));
    equal(run('i32.reinterpret_f32', value), encoded);
  }
});

test('examples of gemmlowp fixed point', () => {
  equal(run('i32.sqrdmulh', 2 ** 30, 2 ** 30), 2 ** 29);
  equal(run('i32.sqrdmulh', -(2 ** 31), -(2 ** 31)), 2 ** 31 - 1);
  equal(run('i32.sqrdmulh', 1, 2 ** 30), 1);
  equal(run('i32.sqrdmulh', -1, 2 ** 30), 0);
  equal(run('i32.rdivpot', -3, 1), -2);
  equal(run('i32.rdivpot', 3, 1), 2);
  equal(run('i32.rdivpot', -(2 ** 31), 31), -1);
});

test('every scalar instruction is covered', () => {
  const missing = OPCODES.filter((name) => /^(i32|i64|f32|f64|dsp)\./.test(name) && !covered.has(name));
  deepEqual(missing, []);
});

test.run();
