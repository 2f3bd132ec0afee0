/** Remainders against exact rational arithmetic on BigInts. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { evaluate } from '../../../../ir/tensor/evaluate.ts';
import { type DType, NO_QUANT, type TensorType } from '../../../../ir/tensor/types.ts';
import { Random } from '../../../support/random.ts';
import { singleNode } from '../../../support/single-node.ts';

const suite = makeSuite('modulo ops');
const AGAIN = 'node --import ./tools/ts.mjs tests/ir/tensor/ops/modulo.test.ts';
const plain = (dtype: DType, ...shape: number[]): TensorType => ({ dtype, shape, quant: NO_QUANT });
const { fround } = Math;
const { POSITIVE_INFINITY: INF, NaN: NAN } = Number;

type ModuloOp = 'truncated_mod' | 'floor_mod';

function run(op: ModuloOp, dtype: 'f32' | 'i32', a: readonly number[], b: readonly number[]): number[] {
  const type = plain(dtype, a.length);
  const array = dtype === 'f32' ? Float32Array : Int32Array;
  const [y] = evaluate(singleNode(op, {}, [{ type }, { type }]), [array.from(a), array.from(b)]).outputs;
  return Array.from(y as Float32Array);
}

/** A finite f32 in units of 2^-149. */
function units(x: number): bigint {
  return BigInt(x * 2 ** 149);
}

/** Exactly, for finite a and finite b that is not 0, before the rounding of a sum with the divisor. */
function exact(op: ModuloOp, a: number, b: number): bigint {
  const rest = units(a) % units(b);
  return op === 'floor_mod' && rest !== 0n && rest < 0n !== units(b) < 0n ? rest + units(b) : rest;
}

function randomPairs(count: number): (readonly [number, number])[] {
  const random = new Random(5);
  const word = new DataView(new ArrayBuffer(4));
  const real = () => {
    word.setUint32(0, random.bits());
    return word.getFloat32(0);
  };
  const pairs: (readonly [number, number])[] = [];
  while (pairs.length < count) {
    const [a, b] = [real(), random.chance(0.5) ? real() : fround(random.int(-40, 40) / 8)];
    if (Number.isFinite(a) && Number.isFinite(b) && b !== 0) pairs.push([a, b]);
  }
  return pairs;
}

/** Remainders with more bits than a number holds are rounded by a shift first; a sticky bit keeps that honest. */
function roundUnits(x: bigint): number {
  const magnitude = x < 0n ? -x : x;
  const extra = Math.max(0, magnitude.toString(2).length - 52);
  const sticky = (magnitude & ((1n << BigInt(extra)) - 1n)) === 0n ? 0n : 1n;
  const value = Number(((magnitude >> BigInt(extra)) << 1n) | sticky);
  const scaled = fround(value * 2 ** (extra - 150));
  return x < 0n ? -scaled : scaled;
}

for (const op of ['truncated_mod', 'floor_mod'] as const) {
  suite(`${op} of random f32 equals exact arithmetic`, () => {
    const pairs = randomPairs(20_000);
    const found = run(
      op,
      'f32',
      pairs.map(([a]) => a),
      pairs.map(([, b]) => b),
    );
    pairs.forEach(([a, b], i) => {
      const expected = roundUnits(exact(op, a, b));
      const sign = op === 'floor_mod' ? b : a;
      const signed = expected === 0 ? (sign < 0 ? -0 : 0) : expected;
      assert.ok(Object.is(found[i], signed), `${op}(${a}, ${b}) is ${found[i]}, expected ${signed}\n${AGAIN}`);
    });
  });

  suite(`${op} of i32 at the ends of the range equals exact arithmetic`, () => {
    const ends = [1, -1, 2, -3, 7, -7, 2 ** 31 - 1, -(2 ** 31), -(2 ** 31) + 1];
    const pairs = [0, ...ends].flatMap((a) => ends.map((b) => [a, b] as const));
    const found = run(
      op,
      'i32',
      pairs.map(([a]) => a),
      pairs.map(([, b]) => b),
    );
    pairs.forEach(([a, b], i) => {
      const rest = BigInt(a) % BigInt(b);
      const moved = op === 'floor_mod' && rest !== 0n && rest < 0n !== b < 0 ? rest + BigInt(b) : rest;
      assert.is(found[i], Number(moved), `${op}(${a}, ${b})`);
    });
    assert.equal(run(op, 'i32', [5, -5, 0], [0, 0, 0]), [0, 0, 0]);
  });
}

suite('signs, zeros, infinities and NaN as in C and NumPy', () => {
  const a = [5.5, -5.5, 5.5, -5.5, -4, 4, -0, 0, 1, -1, 1, INF, NAN, 1, 1];
  const b = [2, 2, -2, -2, 2, -2, 2, -2, INF, INF, -INF, 2, 2, NAN, 0];
  assert.equal(run('truncated_mod', 'f32', a, b), [1.5, -1.5, 1.5, -1.5, -0, 0, -0, 0, 1, -1, 1, NAN, NAN, NAN, NAN]);
  assert.equal(run('floor_mod', 'f32', a, b), [1.5, 0.5, -0.5, -1.5, 0, -0, 0, -0, 1, INF, -INF, NAN, NAN, NAN, NAN]);
  // So small a remainder is lost beside the divisor.
  assert.equal(run('floor_mod', 'f32', [-1e-20], [3]), [3]);
});

suite('scaled integers are refused', () => {
  const scaled: TensorType = { dtype: 'i32', shape: [4], quant: { kind: 'affine', scale: [0.5], zeroPoint: [0] } };
  assert.throws(() => singleNode('floor_mod', {}, [{ type: scaled }, { type: scaled }]), /expected plain i32/);
});

suite.run();
