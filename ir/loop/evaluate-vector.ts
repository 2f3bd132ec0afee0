/**
 * The vector instructions of the inner loops of int8 kernels as closures that compute in place, some ten times faster than
 * the records' lists of lanes. The test that holds scalar closures to their records holds these too.
 */
import type { Opcode } from './instructions.ts';

type VectorThunk = () => Uint8Array;

/** Sixteen bytes with their lanes. */
function scratch() {
  const bytes = new Uint8Array(16);
  return {
    bytes,
    i8: new Int8Array(bytes.buffer),
    i16: new Int16Array(bytes.buffer),
    i32: new Int32Array(bytes.buffer),
  };
}

// Shared by all closures: operands are computed before they are copied here, and results are copied out.
const A = scratch();
const B = scratch();
const OUT = scratch();

/** Computes both operands and then the result from the lanes of A and B into OUT. */
function binary(a: VectorThunk, b: VectorThunk, compute: () => void): VectorThunk {
  return () => {
    const left = a();
    B.bytes.set(b());
    A.bytes.set(left);
    compute();
    return OUT.bytes.slice();
  };
}

function unary(a: VectorThunk, compute: () => void): VectorThunk {
  return () => {
    A.bytes.set(a());
    compute();
    return OUT.bytes.slice();
  };
}

const lane = (lanes: Int8Array | Uint8Array | Int16Array | Int32Array, i: number): number => lanes[i] as number;

function add32(): void {
  for (let i = 0; i < 4; i++) OUT.i32[i] = lane(A.i32, i) + lane(B.i32, i);
}

function add16(): void {
  for (let i = 0; i < 8; i++) OUT.i16[i] = lane(A.i16, i) + lane(B.i16, i);
}

function dot16(): void {
  for (let i = 0; i < 4; i++) {
    OUT.i32[i] = lane(A.i16, 2 * i) * lane(B.i16, 2 * i) + lane(A.i16, 2 * i + 1) * lane(B.i16, 2 * i + 1);
  }
}

const extend8 = (from: number) => (): void => {
  for (let i = 0; i < 8; i++) OUT.i16[i] = lane(A.i8, from + i);
};

const extmul8 = (from: number) => (): void => {
  for (let i = 0; i < 8; i++) OUT.i16[i] = lane(A.i8, from + i) * lane(B.i8, from + i);
};

function pairs16(): void {
  for (let i = 0; i < 4; i++) OUT.i32[i] = lane(A.i16, 2 * i) + lane(A.i16, 2 * i + 1);
}

/** Adds the four products of A's bytes and the second operand's to what OUT holds. */
const dot8 = (right: Int8Array | Uint8Array) => (): void => {
  for (let i = 0; i < 4; i++) {
    let sum = lane(OUT.i32, i);
    for (let j = 4 * i; j < 4 * i + 4; j++) sum += lane(A.i8, j) * lane(right, j);
    OUT.i32[i] = sum;
  }
};

/** The same with the four bytes at one lane of B for all lanes. */
const dot8Lane = (n: number) => (): void => {
  B.i32.fill(lane(B.i32, n));
  dot8(B.i8)();
};

function accumulated(a: VectorThunk, b: VectorThunk, c: VectorThunk, compute: () => void): VectorThunk {
  return () => {
    const left = a();
    const right = b();
    OUT.bytes.set(c());
    A.bytes.set(left);
    B.bytes.set(right);
    compute();
    return OUT.bytes.slice();
  };
}

type Factory = (a: VectorThunk, b: VectorThunk, c: VectorThunk, imm: readonly number[]) => VectorThunk;

export const FAST_VECTOR: Readonly<Partial<Record<Opcode, Factory>>> = {
  'i32x4.add': (a, b) => binary(a, b, add32),
  'i16x8.add': (a, b) => binary(a, b, add16),
  'i32x4.dot_i16x8_s': (a, b) => binary(a, b, dot16),
  'i16x8.extend_low_i8x16_s': (a) => unary(a, extend8(0)),
  'i16x8.extend_high_i8x16_s': (a) => unary(a, extend8(8)),
  'i16x8.extmul_low_i8x16_s': (a, b) => binary(a, b, extmul8(0)),
  'i16x8.extmul_high_i8x16_s': (a, b) => binary(a, b, extmul8(8)),
  'i32x4.extadd_pairwise_i16x8_s': (a) => unary(a, pairs16),
  'i32x4.sdot_i8x16': (a, b, c) => accumulated(a, b, c, dot8(B.i8)),
  'i32x4.sdot_lane_i8x16': (a, b, c, imm) => accumulated(a, b, c, dot8Lane(imm[0] as number)),
  'i32x4.usdot_i8x16': (a, b, c) => accumulated(a, b, c, dot8(B.bytes)),
};
