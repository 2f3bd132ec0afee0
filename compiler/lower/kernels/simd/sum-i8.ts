/**
 * Sums and differences of int8 images, 16 elements at a time: y = (left * a + right * b + bias) >> shift, which is proved
 * equal to the reference for every pair of stored values when the kernel is built.
 *
 * Both slopes have up to 31 bits. They are split into halves of 15 bits, so that a multiplication of interleaved pairs
 * gives left * a + right * b of four elements for one half of the bits.
 */
import { add, type Buffer, clamp, i32, mul, type Operand, op } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import { additionStage, type SumAttrs, subtractionStage } from '../../../../ir/tensor/ops/binary.ts';
import { elementCount, type TensorType } from '../../../../ir/tensor/types.ts';
import { replaceable } from '../../elementwise.ts';
import type { Kernel, KernelBuilder, Site } from '../../kernel.ts';
import { elementwiseOverlap } from '../../overlap.ts';
import { fitSum, type LinearSum, staysWithin } from '../../short-formula.ts';
import { dotOf } from './dot-i8.ts';
import { clamped } from './tile-i8.ts';

type Sum = 'add' | 'sub';

interface Formula extends LinearSum {
  readonly low: number;
  readonly high: number;
}

const BYTE = { low: -128, high: 127 };
const formulas = new WeakMap<readonly TensorType[], Formula | string>();

/** The formula of a node, or why it has none. Looking for it takes milliseconds, so it is kept with the node's types. */
function formulaOf(site: Site<Sum>): Formula | string {
  const known = formulas.get(site.inputs);
  if (known !== undefined) return known;
  const formula = findFormula(site);
  formulas.set(site.inputs, formula);
  return formula;
}

function findFormula({ op: name, inputs, outputs, attrs, target }: Site<Sum>): Formula | string {
  const types = inputs as unknown as readonly [TensorType, TensorType];
  const y = outputs[0] as TensorType;
  if (dotOf(target) === undefined) return 'needs 128-bit vectors';
  if (types[0].dtype !== 'i8') return `takes int8, not ${types[0].dtype}`;
  if (types.some((type) => elementCount(type.shape) !== elementCount(y.shape))) return 'an operand repeats';
  const stage = (name === 'add' ? additionStage : subtractionStage)(types, y, attrs as SumAttrs);
  if (stage.kind === 'shifted') {
    const formula = { ...stage, bias: stage.bias + stage.zeroPoint * 2 ** stage.shift };
    return staysWithin(formula, [BYTE, BYTE]) ? formula : 'its zero point does not fit into 32 bits before the shift';
  }
  const sum = fitSum(stage, [BYTE, BYTE], name === 'add' ? 1 : -1);
  return sum === undefined
    ? 'no linear function gives all its results'
    : { ...sum, low: stage.output.low, high: stage.output.high };
}

/** Elements of one vector of results. */
const TOGETHER = 16;
const HALF_BITS = 15;
const LOW_PAIRS = [0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23];
const HIGH_PAIRS = LOW_PAIRS.map((byte) => byte + 8);

/** Vectors that multiply pairs of a and b by the high and the low bits of their slopes. */
function slopeVectors({ left, right }: Formula): readonly [high: Expr, low: Expr] {
  const pair = (a: number, b: number) => op('i32x4.splat', [i32((b << 16) | (a & 0xffff))]);
  const lowBits = (slope: number) => slope & (2 ** HALF_BITS - 1);
  return [pair(left >> HALF_BITS, right >> HALF_BITS), pair(lowBits(left), lowBits(right))];
}

function buildSum(k: KernelBuilder, formula: Formula): void {
  const { left, right, bias, shift, low, high } = formula;
  const [a, b] = [k.input(0, 'a'), k.input(1, 'b')] as [Buffer, Buffer];
  const y = k.output(0, 'y');
  const count = elementCount((k.site.outputs[0] as TensorType).shape);
  const [highBits, lowBits] = slopeVectors(formula).map((v, i) => k.let(`slopes${i}`, v)) as [Expr, Expr];
  const start = k.let('start', op('i32x4.splat', [i32(bias)]));
  const four = (pairs: Expr): Expr => {
    const upper = op('i32x4.shl', [op('i32x4.dot_i16x8_s', [pairs, highBits]), HALF_BITS]);
    const sum = op('i32x4.add', [op('i32x4.add', [op('i32x4.dot_i16x8_s', [pairs, lowBits]), start]), upper]);
    return op('i32x4.shr_s', [sum, shift]);
  };
  const eight = (i: Operand): Expr => {
    const x = [a, b].map((operand) => k.let('x', operand.at(i, 'i8x8_s')));
    const [first, second] = [LOW_PAIRS, HIGH_PAIRS].map((bytes) => four(k.let('pairs', op('i8x16.shuffle', x, bytes))));
    return k.let('eight', op('i16x8.narrow_i32x4_s', [first as Expr, second as Expr]));
  };
  const whole = count - (count % TOGETHER);
  const vector = (i: Expr) => {
    const bytes = op('i8x16.narrow_i16x8_s', [eight(i), eight(add(i, TOGETHER / 2))]);
    k.store(y, i, clamped(bytes, { low, high }), 'v128');
  };
  k.for('i', 0, whole, vector, { step: TOGETHER });
  k.for('i', whole, count, (i) => {
    const sum = add(add(mul(a.at(i), left), bias), mul(b.at(i), right));
    k.store(y, i, clamp(op('i32.shr_s', [sum, shift]), low, high));
  });
}

function sumKernel<K extends Sum>(name: K): Kernel<K> {
  return {
    name: `${name}_i8`,
    doc:
      'for each 16 elements: interleave a and b, multiply pairs by both halves of the slopes, add, shift, narrow. ' +
      'Three vectors of constants.',
    applies: (site) => {
      const formula = formulaOf(site as unknown as Site<Sum>);
      return typeof formula === 'string' ? formula : true;
    },
    inPlace: (site) => replaceable(site as unknown as Site),
    overlap: (site) => elementwiseOverlap(site as unknown as Site),
    build: (k) => buildSum(k as unknown as KernelBuilder, formulaOf(k.site as unknown as Site<Sum>) as Formula),
  };
}

export const SUM_I8 = { add: [sumKernel('add')], sub: [sumKernel('sub')] } as const;
