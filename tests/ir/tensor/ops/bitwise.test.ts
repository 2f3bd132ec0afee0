/** Logic and shifts against exact integers: bits as a BigInt of 32, one at a time. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { evaluate } from '../../../../ir/tensor/evaluate.ts';
import { type DType, NO_QUANT, type TensorType } from '../../../../ir/tensor/types.ts';
import { singleNode } from '../../../support/single-node.ts';

const suite = makeSuite('bitwise ops');
const plain = (dtype: DType, ...shape: number[]): TensorType => ({ dtype, shape, quant: NO_QUANT });
const VALUES = [0, 1, -1, 2, 5, 31, 32, 33, 0x12345678, -0x12345678, 2 ** 31 - 1, -(2 ** 31)];
const unsigned = (x: number) => BigInt.asUintN(32, BigInt(x));
const signed = (x: bigint) => Number(BigInt.asIntN(32, x));
const COUNT = VALUES.length;

function perBit(a: number, b: number, rule: (p: boolean, q: boolean) => boolean): number {
  let result = 0n;
  for (let bit = 0n; bit < 32n; bit++) {
    const [p, q] = [a, b].map((x) => (unsigned(x) & (1n << bit)) !== 0n);
    if (rule(p, q)) result |= 1n << bit;
  }
  return signed(result);
}

const EXPECTED = {
  bitwise_and: (a: number, b: number) => perBit(a, b, (p, q) => p && q),
  bitwise_or: (a: number, b: number) => perBit(a, b, (p, q) => p || q),
  bitwise_xor: (a: number, b: number) => perBit(a, b, (p, q) => p !== q),
  shift_left: (a: number, b: number) => (unsigned(b) > 31n ? 0 : signed(unsigned(a) << unsigned(b))),
  shift_right: (a: number, b: number) => (unsigned(b) > 31n ? 0 : signed(unsigned(a) >> unsigned(b))),
} as const;

for (const op of Object.keys(EXPECTED) as (keyof typeof EXPECTED)[]) {
  suite(`${op} of all pairs, broadcast`, () => {
    const graph = singleNode(op, {}, [{ type: plain('i32', COUNT, 1) }, { type: plain('i32', 1, COUNT) }]);
    const data = Int32Array.from(VALUES);
    const [found] = evaluate(graph, [data, data]).outputs;
    const expected = VALUES.flatMap((a) => VALUES.map((b) => EXPECTED[op](a, b)));
    assert.equal(Array.from(found as Int32Array), expected);
  });
}

suite('bitwise_not is -1 - x', () => {
  const [found] = evaluate(singleNode('bitwise_not', {}, [{ type: plain('i32', COUNT) }]), [
    Int32Array.from(VALUES),
  ]).outputs;
  assert.equal(
    Array.from(found as Int32Array),
    VALUES.map((x) => -1 - x),
  );
});

suite('logical_xor of the four pairs', () => {
  const type = plain('bool', 4);
  const [found] = evaluate(singleNode('logical_xor', {}, [{ type }, { type }]), [
    Uint8Array.of(0, 0, 1, 1),
    Uint8Array.of(0, 1, 0, 1),
  ]).outputs;
  assert.equal(found, Uint8Array.of(0, 1, 1, 0));
});

suite('scaled integers and other types are refused', () => {
  const scaled: TensorType = { dtype: 'i32', shape: [4], quant: { kind: 'affine', scale: [0.5], zeroPoint: [0] } };
  const pair = (type: TensorType) => [{ type }, { type }];
  assert.throws(() => singleNode('bitwise_and', {}, pair(scaled)), /expected plain i32, found i32\[4\] affine/);
  assert.throws(() => singleNode('bitwise_not', {}, [{ type: scaled }]), /expected plain i32, found i32\[4\] affine/);
  assert.throws(() => singleNode('shift_left', {}, pair(plain('f32', 4))), /i32 i32 -> i32/);
  assert.throws(() => singleNode('logical_xor', {}, pair(plain('i32', 4))), /bool bool -> bool/);
});

suite.run();
