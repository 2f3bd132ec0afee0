/**
 * Element by element over operands that are spread to one shape. Dimensions that all operands walk through alike become
 * one loop: equal shapes need a single loop, a scalar or a channel vector against an image at most two. What concerns one
 * operand alone is computed outside the loops along which it stands still.
 */
import {
  add,
  affine,
  type Buffer,
  expr,
  f32,
  i32,
  i64,
  mul,
  type Operand,
  op,
  sub,
  typeOf,
} from '../../ir/loop/build.ts';
import { instruction, type Opcode } from '../../ir/loop/instructions.ts';
import type { Expr } from '../../ir/loop/types.ts';
import { broadcastStrides } from '../../ir/tensor/ops/broadcast.ts';
import type { OpName } from '../../ir/tensor/ops/index.ts';
import type { OperandScale } from '../../ir/tensor/ops/rescale.ts';
import { DTYPE_FACTS, elementCount, type TensorData, type TensorType } from '../../ir/tensor/types.ts';
import { elemOf, type Kernel, type KernelBuilder, type Site } from './kernel.ts';
import { type Elements, forElements } from './lanes.ts';
import { elementwiseOverlap } from './overlap.ts';

/** An operand of an elementwise loop: where its elements are and over which shape they repeat. */
export interface Spread {
  readonly shape: readonly number[];
  /** One element, or a vector of it and those that follow; a constant that repeats is one scalar in either case. */
  at(index: Operand, access?: 'v128'): Expr;
}

/** A loop nest over merged dimensions, with each operand's strides along them. */
export interface Nest {
  readonly extents: readonly number[];
  readonly strides: readonly (readonly number[])[];
}

/** Drops dimensions of extent 1 and joins neighbours that every operand walks through as if they were one. */
export function mergedNest(shapes: readonly (readonly number[])[], target: readonly number[]): Nest {
  const all = shapes.map((shape) => broadcastStrides(shape, target));
  const extents: number[] = [];
  const strides: number[][] = shapes.map(() => []);
  target.forEach((extent, axis) => {
    if (extent === 1) return;
    const last = extents.length - 1;
    const joins = last >= 0 && all.every((own, i) => strides[i][last] === own[axis] * extent);
    if (joins) extents[last] *= extent;
    else extents.push(extent);
    all.forEach((own, i) => {
      strides[i].splice(joins ? last : last + 1, 1, own[axis]);
    });
  });
  return { extents, strides };
}

/** Operand `index` of the node. A constant of one element becomes part of the code. */
export function spreadInput<K extends OpName>(k: KernelBuilder<K>, index: number, name: string): Spread {
  const type = k.site.inputs[index];
  const constant = k.site.constant(index);
  return constant === undefined
    ? { shape: type.shape, at: k.input(index, name).at }
    : spreadConstant(k, name, type, constant.data);
}

/** A constant operand: part of the code when it has one element, a table otherwise. */
export function spreadConstant<K extends OpName>(
  k: KernelBuilder<K>,
  name: string,
  type: TensorType,
  data: TensorData,
): Spread {
  if (elementCount(type.shape) !== 1) return { shape: type.shape, at: k.rom(name, elemOf(type), data).at };
  const [value] = data;
  const literal = typeof value === 'bigint' ? i64(value) : type.dtype === 'f32' ? f32(value) : i32(value);
  return { shape: type.shape, at: () => literal };
}

/** An instruction, or its value when all operands are constants. */
export function folded(name: Opcode, args: readonly Operand[]): Expr {
  const exprs = args.map(expr);
  const values = exprs.flatMap((e) => (e.kind === 'const' ? [e.value] : []));
  if (values.length < exprs.length) return op(name, exprs);
  const { result, evaluate } = instruction(name);
  if (result === 'v128') throw new TypeError(`${name} has no constant result`);
  return { kind: 'const', type: result, value: evaluate(...values) as number | bigint };
}

export interface ElementCode {
  /** What is made of one operand before it meets the others. */
  readonly prepare?: (x: Expr, operand: number) => Expr;
  /** The stored value; may add statements before it. */
  readonly combine: (values: readonly Expr[]) => Expr;
}

/** Spells the loops. `operands` are in the order of `combine`'s values; the result is output 0. */
export function buildElementwise<K extends OpName>(
  k: KernelBuilder<K>,
  operands: readonly Spread[],
  y: Buffer,
  { prepare = (x) => x, combine }: ElementCode,
): void {
  const { shape } = k.site.outputs[0];
  const { extents, strides } = mergedNest([...operands.map((operand) => operand.shape), shape], shape);
  const walks = strides.slice(0, -1);
  const depth = extents.length;
  // How many loops are around the point where an operand's element is known.
  const known = walks.map((own) => own.findLastIndex((stride) => stride !== 0) + 1);
  const values = new Map<number, Expr>();
  const place = (own: readonly number[], indices: readonly Expr[]) =>
    affine(indices.map((index, axis) => [index, own[axis]] as const));
  const load = (i: number, index: Expr) => {
    values.set(i, k.let(`x${i}`, prepare(operands[i].at(index), i)));
  };
  const nest = (indices: readonly Expr[]): void => {
    walks.forEach((own, i) => {
      if (known[i] === indices.length && indices.length < depth) load(i, place(own, indices));
    });
    if (indices.length < depth - 1) {
      const axis = indices.length;
      k.for(`i${axis}`, 0, extents[axis], (index) => nest([...indices, index]));
      return;
    }
    const starts = walks.map((own, i) => (known[i] === depth ? k.let(`from${i}`, place(own, indices)) : i32(0)));
    const to = k.let('to', place(strides[walks.length], indices));
    const elements = walks.map((own, i): Elements => {
      if (known[i] !== depth) return () => values.get(i) as Expr;
      return (index, access) => operands[i].at(add(starts[i], mul(index, own[depth - 1] ?? 0)), access);
    });
    forElements(k as unknown as KernelBuilder, extents[depth - 1] ?? 1, elements, { y, first: to }, (loaded) =>
      combine(loaded.map((x, i) => (known[i] === depth ? k.let(`x${i}`, prepare(x, i)) : x))),
    );
  };
  nest([]);
}

/** Inputs that the result may replace in memory: computed ones of its size and element width that do not repeat. */
export function replaceable(site: Site): readonly (readonly [input: number, output: number])[] {
  const [y] = site.outputs;
  return site.inputs.flatMap((type, i) => {
    const sameSize = elementCount(type.shape) === elementCount(y.shape);
    const sameWidth = DTYPE_FACTS[type.dtype].bits === DTYPE_FACTS[y.dtype].bits;
    return sameSize && sameWidth && site.constant(i) === undefined ? [[i, 0] as const] : [];
  });
}

/** A kernel whose code for one element is given by `code`. */
export function elementwise<K extends OpName>(
  name: K,
  doc: string,
  code: (k: KernelBuilder) => ElementCode,
): Kernel<K> {
  return {
    name,
    doc,
    applies: () => true,
    inPlace: (site) => replaceable(site as unknown as Site),
    overlap: (site) => elementwiseOverlap(site as unknown as Site),
    build(k) {
      const builder = k as unknown as KernelBuilder;
      const names = k.site.inputs.length === 1 ? ['x'] : ['a', 'b', 'c'];
      const operands = k.site.inputs.map((_, i) => spreadInput(builder, i, names[i]));
      const element = code(builder);
      buildElementwise(builder, operands, k.output(0, 'y'), element);
    },
  };
}

/** ((x - zero point) << left) * multiplier: `rescaled` of ops/rescale. A factor that is a power of two only shifts. */
export function rescaledExpr(x: Expr, { zeroPoint, leftShift, multiplier }: OperandScale): Expr {
  const distance = sub(x, zeroPoint);
  const power = leftShift + multiplier.shift - 1;
  if (multiplier.multiplier === 2 ** 30 && multiplier.shift <= 0 && power >= 0) return shiftedLeft(distance, power);
  const product = folded('i32.sqrdmulh', [
    shiftedLeft(distance, leftShift + Math.max(multiplier.shift, 0)),
    multiplier.multiplier,
  ]);
  return multiplier.shift < 0 ? folded('i32.rdivpot', [product, -multiplier.shift]) : product;
}

function shiftedLeft(x: Expr, bits: number): Expr {
  return bits === 0 ? x : folded('i32.shl', [x, bits]);
}

/** `i32`, `i64` or `f32`: the register that holds an element. */
export function registerOf(e: Expr): 'i32' | 'i64' | 'f32' {
  return typeOf(e) as 'i32' | 'i64' | 'f32';
}
