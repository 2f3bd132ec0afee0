/** Vector instructions against a model on lanes as exact integers, cut out of the vector as one 128-bit number. */
import { deepEqual, equal } from 'node:assert/strict';
import { suite } from 'uvu';
import { instruction, OPCODES, type Opcode } from '../../../ir/loop/instructions.ts';
import { Random } from '../../support/random.ts';

const test = suite('vector instructions');
const covered = new Set<Opcode>();

function run(name: Opcode, ...operands: unknown[]): unknown {
  covered.add(name);
  return instruction(name).evaluate(...operands);
}

/** The vector as one number, lane 0 in its low bits. */
function toBig(bytes: Uint8Array): bigint {
  return bytes.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n);
}

function fromBig(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 16 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
}

function lane(v: Uint8Array, bits: number, i: number, signed: boolean): bigint {
  const raw = toBig(v) >> BigInt(bits * i);
  return signed ? BigInt.asIntN(bits, raw) : BigInt.asUintN(bits, raw);
}

/** A vector from lanes, each cut to its width. */
function vector(bits: number, lane: (i: number) => bigint): Uint8Array {
  let value = 0n;
  for (let i = 0; i < 128 / bits; i++) value += BigInt.asUintN(bits, lane(i)) << BigInt(bits * i);
  return fromBig(value);
}

const EDGES = [0, 1, 0x7f, 0x80, 0xff, 0xfe, 0x40, 0x81];

function vectors(): Uint8Array[] {
  const random = new Random(9);
  const edges = Array.from({ length: 12 }, () => Uint8Array.from({ length: 16 }, () => random.pick(EDGES)));
  return [
    ...edges,
    ...Array.from({ length: 12 }, () => random.bytes(16)),
    new Uint8Array(16),
    new Uint8Array(16).fill(255),
  ];
}

const ALL = vectors();

/** Vectors of four floats: finite, of any size. */
function floatVectors(): Float32Array[] {
  const random = new Random(10);
  const edges = [0, -0, 1, -1.5, 2.5, Infinity, -Infinity, NaN, 1e-40, 3e38, -2147483648, 1e10];
  return Array.from({ length: 24 }, () =>
    Float32Array.from({ length: 4 }, () => (random.chance(0.5) ? random.pick(edges) : random.int(-9999, 9999) / 16)),
  );
}

const bytesOf = (floats: Float32Array): Uint8Array => new Uint8Array(floats.buffer.slice(0));
const floatsOf = (bytes: unknown): number[] =>
  Array.from(new Float32Array(Uint8Array.from(bytes as Uint8Array).buffer));
const clamp = (low: bigint, high: bigint, x: bigint): bigint => (x < low ? low : x > high ? high : x);

type Lanewise = (a: bigint, b: bigint) => bigint;

const S16 = (x: bigint): bigint => clamp(-32768n, 32767n, x);
const minimum: Lanewise = (a, b) => (a < b ? a : b);
const maximum: Lanewise = (a, b) => (a > b ? a : b);

/** Name, bits of a lane, whether lanes are read as signed, and the model. */
const LANEWISE: readonly (readonly [Opcode, number, boolean, Lanewise])[] = [
  ['i8x16.add', 8, false, (a, b) => a + b],
  ['i8x16.sub', 8, false, (a, b) => a - b],
  ['i8x16.min_s', 8, true, minimum],
  ['i8x16.max_s', 8, true, maximum],
  ['i8x16.min_u', 8, false, minimum],
  ['i8x16.max_u', 8, false, maximum],
  ['i16x8.add', 16, false, (a, b) => a + b],
  ['i16x8.sub', 16, false, (a, b) => a - b],
  ['i16x8.mul', 16, false, (a, b) => a * b],
  ['i16x8.add_sat_s', 16, true, (a, b) => S16(a + b)],
  ['i16x8.sub_sat_s', 16, true, (a, b) => S16(a - b)],
  ['i16x8.min_s', 16, true, minimum],
  ['i16x8.max_s', 16, true, maximum],
  ['i16x8.q15mulr_sat_s', 16, true, (a, b) => S16((a * b + 0x4000n - BigInt.asUintN(15, a * b + 0x4000n)) / 32768n)],
  ['i32x4.add', 32, false, (a, b) => a + b],
  ['i32x4.sub', 32, false, (a, b) => a - b],
  ['i32x4.mul', 32, false, (a, b) => a * b],
  ['i32x4.min_s', 32, true, minimum],
  ['i32x4.max_s', 32, true, maximum],
  ['i32x4.eq', 32, true, (a, b) => (a === b ? -1n : 0n)],
  ['i32x4.gt_s', 32, true, (a, b) => (a > b ? -1n : 0n)],
  ['i64x2.add', 64, false, (a, b) => a + b],
  ['v128.and', 8, false, (a, b) => a & b],
  ['v128.or', 8, false, (a, b) => a + b - (a & b)],
  ['v128.xor', 8, false, (a, b) => a + b - 2n * (a & b)],
  ['v128.andnot', 8, false, (a, b) => a - (a & b)],
];

test('lanewise instructions', () => {
  for (const [name, bits, signed, model] of LANEWISE) {
    for (const a of ALL) {
      for (const b of ALL) {
        const expected = vector(bits, (i) => model(lane(a, bits, i, signed), lane(b, bits, i, signed)));
        deepEqual(run(name, a, b), expected, name);
      }
    }
  }
});

test('shifts', () => {
  for (const bits of [16, 32]) {
    const shape = bits === 16 ? 'i16x8' : 'i32x4';
    for (const a of ALL) {
      for (let n = 0; n < bits; n++) {
        const power = 2n ** BigInt(n);
        const shifted = (signed: boolean) => (i: number) => {
          const x = lane(a, bits, i, signed);
          return (x - BigInt.asUintN(n, x)) / power;
        };
        deepEqual(
          run(`${shape}.shl` as Opcode, a, n),
          vector(bits, (i) => lane(a, bits, i, false) * power),
        );
        deepEqual(run(`${shape}.shr_s` as Opcode, a, n), vector(bits, shifted(true)));
        deepEqual(run(`${shape}.shr_u` as Opcode, a, n), vector(bits, shifted(false)));
      }
    }
  }
});

test('lanes in and out', () => {
  for (const a of ALL) {
    for (let i = 0; i < 16; i++) {
      equal(BigInt(run('i8x16.extract_lane_s', a, i) as number), lane(a, 8, i, true));
      equal(BigInt(run('i8x16.extract_lane_u', a, i) as number), lane(a, 8, i, false));
    }
    for (let i = 0; i < 8; i++) {
      equal(BigInt(run('i16x8.extract_lane_s', a, i) as number), lane(a, 16, i, true));
      deepEqual(
        run('i16x8.replace_lane', a, 0x1beef, i),
        vector(16, (j) => (j === i ? 0xbeefn : lane(a, 16, j, false))),
      );
    }
    for (let i = 0; i < 4; i++) {
      equal(BigInt(run('i32x4.extract_lane', a, i) as number), lane(a, 32, i, true));
      deepEqual(
        run('i32x4.replace_lane', a, -2, i),
        vector(32, (j) => (j === i ? -2n : lane(a, 32, j, false))),
      );
    }
  }
  for (const x of [0, 1, -1, 0x12345678, -(2 ** 31)]) {
    for (const [shape, bits] of [
      ['i8x16', 8],
      ['i16x8', 16],
      ['i32x4', 32],
    ] as const) {
      deepEqual(
        run(`${shape}.splat`, x),
        vector(bits, () => BigInt(x)),
      );
    }
  }
  deepEqual(floatsOf(run('f32x4.splat', -2.5)), [-2.5, -2.5, -2.5, -2.5]);
  const floats = Float32Array.from([1.5, -0, 3e38, -7]);
  for (let i = 0; i < 4; i++) {
    equal(run('f32x4.extract_lane', bytesOf(floats), i), floats[i]);
    deepEqual(floatsOf(run('f32x4.replace_lane', bytesOf(floats), 9.25, i)), Array.from(floats.with(i, 9.25)));
  }
});

test('bytes moved and bits chosen', () => {
  const random = new Random(11);
  for (const a of ALL) {
    for (const b of ALL) {
      const picks = Array.from({ length: 16 }, () => random.int(0, 31));
      const both = toBig(a) + (toBig(b) << 128n);
      deepEqual(
        run('i8x16.shuffle', a, b, ...picks),
        vector(8, (i) => both >> BigInt(8 * (picks[i] as number))),
      );
      deepEqual(
        run('i8x16.swizzle', a, b),
        vector(8, (i) => (lane(b, 8, i, false) < 16n ? lane(a, 8, Number(lane(b, 8, i, false)), false) : 0n)),
      );
      const mask = toBig(random.bytes(16));
      const ones = (1n << 128n) - 1n;
      deepEqual(run('v128.bitselect', a, b, fromBig(mask)), fromBig((toBig(a) & mask) + (toBig(b) & (ones - mask))));
    }
    deepEqual(
      run('i8x16.popcnt', a),
      vector(8, (i) => BigInt(lane(a, 8, i, false).toString(2).split('1').length - 1)),
    );
  }
});

test('lanes narrowed and widened', () => {
  const widen = (a: Uint8Array, bits: number, high: boolean, signed: boolean) =>
    vector(2 * bits, (i) => lane(a, bits, i + (high ? 64 / bits : 0), signed));
  for (const a of ALL) {
    for (const b of ALL) {
      const joined = (bits: number, i: number) =>
        i < 128 / bits ? lane(a, bits, i, true) : lane(b, bits, i - 128 / bits, true);
      deepEqual(
        run('i8x16.narrow_i16x8_s', a, b),
        vector(8, (i) => clamp(-128n, 127n, joined(16, i))),
      );
      deepEqual(
        run('i8x16.narrow_i16x8_u', a, b),
        vector(8, (i) => clamp(0n, 255n, joined(16, i))),
      );
      deepEqual(
        run('i16x8.narrow_i32x4_s', a, b),
        vector(16, (i) => clamp(-32768n, 32767n, joined(32, i))),
      );
      for (const [half, from] of [
        ['low', 0],
        ['high', 1],
      ] as const) {
        const product = (bits: number) => (i: number) => {
          const at = i + (from * 64) / bits;
          return lane(a, bits, at, true) * lane(b, bits, at, true);
        };
        deepEqual(run(`i16x8.extmul_${half}_i8x16_s`, a, b), vector(16, product(8)));
        deepEqual(run(`i32x4.extmul_${half}_i16x8_s`, a, b), vector(32, product(16)));
        deepEqual(run(`i64x2.extmul_${half}_i32x4_s`, a, b), vector(64, product(32)));
      }
    }
    for (const [half, high] of [
      ['low', false],
      ['high', true],
    ] as const) {
      deepEqual(run(`i16x8.extend_${half}_i8x16_s`, a), widen(a, 8, high, true));
      deepEqual(run(`i16x8.extend_${half}_i8x16_u`, a), widen(a, 8, high, false));
      deepEqual(run(`i32x4.extend_${half}_i16x8_s`, a), widen(a, 16, high, true));
    }
    const pair = (bits: number) => (i: number) => lane(a, bits, 2 * i, true) + lane(a, bits, 2 * i + 1, true);
    deepEqual(run('i16x8.extadd_pairwise_i8x16_s', a), vector(16, pair(8)));
    deepEqual(run('i32x4.extadd_pairwise_i16x8_s', a), vector(32, pair(16)));
  }
});

test('dot products', () => {
  for (const a of ALL) {
    for (const b of ALL) {
      const sum = (bits: number, count: number, signed: boolean) => (i: number) =>
        Array.from({ length: count }, (_, j) => i * count + j).reduce(
          (total, at) => total + lane(a, bits, at, true) * lane(b, bits, at, signed),
          0n,
        );
      deepEqual(run('i32x4.dot_i16x8_s', a, b), vector(32, sum(16, 2, true)));
      const acc = fromBig(toBig(a) ^ toBig(b));
      deepEqual(
        run('i32x4.sdot_i8x16', a, b, acc),
        vector(32, (i) => lane(acc, 32, i, true) + sum(8, 4, true)(i)),
      );
      for (const n of [0, 1, 2, 3]) {
        const product = (i: number, j: number) => lane(a, 8, 4 * i + j, true) * lane(b, 8, 4 * n + j, true);
        deepEqual(
          run('i32x4.sdot_lane_i8x16', a, b, acc, n),
          vector(32, (i) => [0, 1, 2, 3].reduce((total, j) => total + product(i, j), lane(acc, 32, i, true))),
        );
      }
      deepEqual(
        run('i32x4.usdot_i8x16', a, b, acc),
        vector(32, (i) => lane(acc, 32, i, true) + sum(8, 4, false)(i)),
      );
    }
  }
});

/** Each float lane as the scalar instruction computes it, which is tested by itself. */
const SCALAR_OF: readonly (readonly [Opcode, Opcode])[] = [
  ['f32x4.add', 'f32.add'],
  ['f32x4.sub', 'f32.sub'],
  ['f32x4.mul', 'f32.mul'],
  ['f32x4.div', 'f32.div'],
  ['f32x4.pmin', 'f32.min'],
  ['f32x4.pmax', 'f32.max'],
  ['f32x4.abs', 'f32.abs'],
  ['f32x4.neg', 'f32.neg'],
  ['f32x4.sqrt', 'f32.sqrt'],
  ['f32x4.floor', 'f32.floor'],
  ['f32x4.ceil', 'f32.ceil'],
  ['f32x4.nearest', 'f32.nearest'],
];

test('float lanes', () => {
  for (const a of floatVectors()) {
    for (const b of floatVectors()) {
      for (const [name, scalar] of SCALAR_OF) {
        const expected = Array.from(a, (x, i) => instruction(scalar).evaluate(x, b[i] as number) as number);
        deepEqual(floatsOf(run(name, bytesOf(a), bytesOf(b))), expected, `${name} ${a} ${b}`);
      }
      const mask = (test: (x: number, y: number) => boolean) =>
        vector(32, (i) => (test(a[i] as number, b[i] as number) ? -1n : 0n));
      deepEqual(
        run('f32x4.lt', bytesOf(a), bytesOf(b)),
        mask((x, y) => x < y),
      );
      deepEqual(
        run('f32x4.eq', bytesOf(a), bytesOf(b)),
        mask((x, y) => x === y),
      );
    }
    const truncated = Array.from(a, (x) => BigInt(instruction('i32.trunc_sat_f32_s').evaluate(x) as number));
    deepEqual(
      run('i32x4.trunc_sat_f32x4_s', bytesOf(a)),
      vector(32, (i) => truncated[i] as bigint),
    );
  }
  for (const a of ALL) {
    const expected = [0, 1, 2, 3].map((i) => Math.fround(Number(lane(a, 32, i, true))));
    deepEqual(floatsOf(run('f32x4.convert_i32x4_s', a)), expected);
  }
});

test('every vector instruction is covered', () => {
  const missing = OPCODES.filter((name) => !/^(i32|i64|f32|f64|dsp|mve)\./.test(name) && !covered.has(name));
  deepEqual(missing, []);
});

test.run();
