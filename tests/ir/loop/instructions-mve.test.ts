/** Helium's instructions against models on exact integers, and that all of them are covered. */
import { equal } from 'node:assert/strict';
import { suite } from 'uvu';
import { instruction } from '../../../ir/loop/instructions.ts';
import { MVE } from '../../../ir/loop/instructions-mve.ts';
import { Random } from '../../support/random.ts';

type Name = keyof typeof MVE;

const test = suite('Helium instructions');
const EDGES = [0, 1, 0x7f, 0x80, 0xff, 0xfe, 0x40, 0x81];
const COUNTS = [0, 1, -1, 7, -8, 31, -31, 32, -32, -33, 127, -128, 0x1f9, 0x7ff];

function vectors(): Uint8Array[] {
  const random = new Random(21);
  const edges = Array.from({ length: 16 }, () => Uint8Array.from({ length: 16 }, () => random.pick(EDGES)));
  return [...edges, ...Array.from({ length: 16 }, () => random.bytes(16)), new Uint8Array(16).fill(0x80)];
}

/** Lane i of a vector of lanes of so many bits, as a signed number. */
function lane(v: Uint8Array, bits: 8 | 16 | 32, i: number): bigint {
  const view = new DataView(v.buffer, v.byteOffset, 16);
  if (bits === 8) return BigInt(view.getInt8(i));
  return BigInt(bits === 16 ? view.getInt16(2 * i, true) : view.getInt32(4 * i, true));
}

const clamp = (bits: number, x: bigint): bigint => {
  const high = (1n << BigInt(bits - 1)) - 1n;
  return x > high ? high : x < -high - 1n ? -high - 1n : x;
};
const sum16 = (f: (i: number) => bigint): bigint => Array.from({ length: 16 }, (_, i) => f(i)).reduce((a, b) => a + b);
const highProduct = (a: bigint, b: bigint): bigint => clamp(32, (2n * a * b + (1n << 31n)) >> 32n);
const shifted = (x: bigint, n: bigint): bigint => {
  const by = BigInt.asIntN(8, n);
  return by >= 0n ? x << by : (x + (1n << (-by - 1n))) >> -by;
};

/** Lane i of the result, from the operands; scalars are bigints. */
type Model = (i: number, a: Uint8Array, b: Uint8Array, n: bigint) => bigint;

interface Case {
  readonly name: Name;
  /** Bits of a lane of the result. */
  readonly bits: 8 | 16 | 32;
  readonly second: 'none' | 'vector' | 'scalar';
  readonly model: Model;
}

const LANEWISE: readonly Case[] = [
  { name: 'mve.vmullb_s8', bits: 16, second: 'vector', model: (i, a, b) => lane(a, 8, 2 * i) * lane(b, 8, 2 * i) },
  {
    name: 'mve.vmullt_s8',
    bits: 16,
    second: 'vector',
    model: (i, a, b) => lane(a, 8, 2 * i + 1) * lane(b, 8, 2 * i + 1),
  },
  { name: 'mve.vmovlb_s8', bits: 16, second: 'none', model: (i, a) => lane(a, 8, 2 * i) },
  { name: 'mve.vmovlt_s8', bits: 16, second: 'none', model: (i, a) => lane(a, 8, 2 * i + 1) },
  { name: 'mve.vmovlb_s16', bits: 32, second: 'none', model: (i, a) => lane(a, 16, 2 * i) },
  { name: 'mve.vmovlt_s16', bits: 32, second: 'none', model: (i, a) => lane(a, 16, 2 * i + 1) },
  {
    name: 'mve.vqmovn_s32',
    bits: 16,
    second: 'vector',
    model: (i, a, b) => clamp(16, lane(i % 2 === 0 ? a : b, 32, i >> 1)),
  },
  {
    name: 'mve.vqmovn_s16',
    bits: 8,
    second: 'vector',
    model: (i, a, b) => clamp(8, lane(i % 2 === 0 ? a : b, 16, i >> 1)),
  },
  {
    name: 'mve.vqadd_n_s16',
    bits: 16,
    second: 'scalar',
    model: (i, a, _b, n) => clamp(16, lane(a, 16, i) + BigInt.asIntN(16, n)),
  },
  { name: 'mve.vadd_n_s32', bits: 32, second: 'scalar', model: (i, a, _b, n) => lane(a, 32, i) + n },
  { name: 'mve.vmul_n_s32', bits: 32, second: 'scalar', model: (i, a, _b, n) => lane(a, 32, i) * n },
  {
    name: 'mve.vqrdmulh_s32',
    bits: 32,
    second: 'vector',
    model: (i, a, b) => highProduct(lane(a, 32, i), lane(b, 32, i)),
  },
  {
    name: 'mve.vqrdmulh_n_s32',
    bits: 32,
    second: 'scalar',
    model: (i, a, _b, n) => highProduct(lane(a, 32, i), n),
  },
  { name: 'mve.vrshl_s32', bits: 32, second: 'vector', model: (i, a, b) => shifted(lane(a, 32, i), lane(b, 32, i)) },
  { name: 'mve.vrshl_n_s32', bits: 32, second: 'scalar', model: (i, a, _b, n) => shifted(lane(a, 32, i), n) },
  {
    name: 'mve.less_if_negative_s32',
    bits: 32,
    second: 'none',
    model: (i, a) => lane(a, 32, i) - (lane(a, 32, i) < 0n ? 1n : 0n),
  },
];

const SCALARS = [...COUNTS, 2 ** 31 - 1, -(2 ** 31), 0x40000000, 12345678, -32768, 32767];

for (const { name, bits, second, model } of LANEWISE) {
  test(name, () => {
    const { evaluate } = instruction(name);
    const all = vectors();
    const counts = COUNTS.map((_, k) => {
      const words = Int32Array.from({ length: 4 }, (_, i) => COUNTS[(k + i) % COUNTS.length] as number);
      return new Uint8Array(words.buffer);
    });
    const others: readonly (Uint8Array | number | undefined)[] =
      second === 'none' ? [undefined] : second === 'scalar' ? SCALARS : [...all, ...counts];
    for (const a of all) {
      for (const other of others) {
        const b = other instanceof Uint8Array ? other : new Uint8Array(16);
        const n = typeof other === 'number' ? BigInt(other) : 0n;
        const found = (other === undefined ? evaluate(a) : evaluate(a, other)) as Uint8Array;
        for (let i = 0; i < 128 / bits; i++) {
          const expected = BigInt.asIntN(bits, model(i, a, b, n));
          equal(lane(found, bits, i), expected, `${name} of ${a} and ${other}, lane ${i}`);
        }
      }
    }
  });
}

test('sums', () => {
  for (const a of vectors()) {
    equal(instruction('mve.vaddv_s8').evaluate(a), Number(sum16((i) => lane(a, 8, i))));
    for (const b of vectors()) {
      const dot = sum16((i) => lane(a, 8, i) * lane(b, 8, i));
      equal(instruction('mve.vmladav_s8').evaluate(a, b), Number(dot));
      for (const acc of SCALARS) {
        const expected = Number(BigInt.asIntN(32, BigInt(acc) + dot));
        equal(instruction('mve.vmladava_s8').evaluate(acc, a, b), expected);
      }
    }
  }
});

test('multiply-add with a scalar, and an address as it is', () => {
  const all = vectors();
  for (const [k, a] of all.entries()) {
    const b = all[(k + 5) % all.length] as Uint8Array;
    for (const n of SCALARS) {
      const found = instruction('mve.vmla_n_s32').evaluate(a, b, n) as Uint8Array;
      for (let i = 0; i < 4; i++) {
        equal(lane(found, 32, i), BigInt.asIntN(32, lane(a, 32, i) + lane(b, 32, i) * BigInt(n)));
      }
      equal(instruction('mve.address').evaluate(n), n);
    }
  }
});

test('sums of widened lanes', () => {
  const all = vectors();
  for (const [k, acc] of all.entries()) {
    const [a, b] = [all[(k + 3) % all.length], all[(k + 11) % all.length]] as [Uint8Array, Uint8Array];
    for (const parity of [0, 1] as const) {
      const [mull, movl] = [
        (['mve.add_mullb_s8', 'mve.add_mullt_s8'] as const)[parity],
        (['mve.add_movlb_s16', 'mve.add_movlt_s16'] as const)[parity],
      ];
      const products = instruction(mull).evaluate(acc, a, b) as Uint8Array;
      const words = instruction(movl).evaluate(acc, a) as Uint8Array;
      for (let i = 0; i < 8; i++) {
        const product = lane(a, 8, 2 * i + parity) * lane(b, 8, 2 * i + parity);
        equal(lane(products, 16, i), BigInt.asIntN(16, lane(acc, 16, i) + product), `${mull}, lane ${i}`);
      }
      for (let i = 0; i < 4; i++) {
        const expected = BigInt.asIntN(32, lane(acc, 32, i) + lane(a, 16, 2 * i + parity));
        equal(lane(words, 32, i), expected, `${movl}, lane ${i}`);
      }
    }
  }
});

test('every instruction is covered', () => {
  const covered: readonly string[] = [
    ...LANEWISE.map(({ name }) => name),
    'mve.vaddv_s8',
    'mve.vmladav_s8',
    'mve.vmladava_s8',
    'mve.vmla_n_s32',
    'mve.address',
    'mve.add_mullb_s8',
    'mve.add_mullt_s8',
    'mve.add_movlb_s16',
    'mve.add_movlt_s16',
  ];
  const missing = Object.keys(MVE).filter((name) => !covered.includes(name));
  equal(missing.join(), '');
});

test.run();
