/** Matrix products. */
import { elementCount, typeText } from '../../../../ir/tensor/types.ts';
import type { Converter, Converters, NodeContext } from '../node.ts';
import type { Value } from '../values.ts';
import { widened } from './arithmetic.ts';

const matmul: Converter = (node) => {
  const [a, b] = [node.input(0), node.input(1)];
  return { ...product(node, a, b), element: a.element };
};

/** numpy.matmul: vectors stand for a row on the left and a column on the right. */
export function product(node: NodeContext, a: Value, b: Value): Value {
  const { ops } = node;
  const [left, right] = [a.type.shape, b.type.shape];
  if (left.length === 0 || right.length === 0) return node.refuse('operands of rank 1 or more', 'a scalar');
  if (left.length === 1) {
    const row = product(node, ops.reshape(a, [1, left[0]]), b);
    return ops.reshape(row, row.type.shape.toSpliced(right.length === 1 ? 0 : -2, 1));
  }
  if (right.length === 1) {
    const column = product(node, a, ops.reshape(b, [right[0], 1]));
    return ops.reshape(column, column.type.shape.slice(0, -1));
  }
  return a.type.dtype === 'f32' ? ops.matmul(a, b) : integerProduct(node, a, b);
}

/** Exact in i32, low bits kept: products spread over one more axis, then summed. */
export function integerProduct(node: NodeContext, a: Value, b: Value): Value {
  const { ops } = node;
  const [wideA, wideB] = [widened(node, a), widened(node, b)];
  const left = ops.reshape(wideA, [...a.type.shape, 1]);
  const right = ops.reshape(wideB, b.type.shape.toSpliced(-2, 0, 1));
  const all = ops.mul(left, right);
  return ops.reduce('sum', all, [all.type.shape.length - 2], false);
}

/** alpha * A B + beta * C, either matrix transposed. */
const gemm: Converter = (node) => {
  const { ops, attributes } = node;
  const [a, b, c] = [node.input(0), node.input(1), node.optional(2)];
  const alpha = attributes.float('alpha', 1);
  const beta = attributes.float('beta', 1);
  const transposeA = attributes.flag('transA', false);
  const transposeB = attributes.flag('transB', false);
  attributes.ignore('broadcast');
  for (const [value, name] of [
    [a, 'A'],
    [b, 'B'],
  ] as const) {
    node.expectRank(value, 2, name);
  }
  const left = transposeA ? ops.transpose(a, [1, 0]) : a;
  if (a.type.dtype !== 'f32') return integerGemm(node, left, transposeB ? ops.transpose(b, [1, 0]) : b, c);
  const units = transposeB ? b : ops.transpose(b, [1, 0]);
  const weights = alpha === 1 ? units : ops.mul(units, ops.f32(alpha));
  const bias = c === undefined || beta === 0 ? undefined : beta === 1 ? c : ops.mul(c, ops.f32(beta));
  return { ...dense(node, left, weights, bias), element: a.element };
};

function integerGemm(node: NodeContext, a: Value, b: Value, c: Value | undefined): Value {
  if (node.attributes.float('alpha', 1) !== 1 || node.attributes.float('beta', 1) !== 1) {
    return node.refuse('alpha and beta of 1 for integers', 'others');
  }
  const sum = integerProduct(node, a, b);
  return c === undefined ? sum : node.ops.add(sum, widened(node, c));
}

/** x [rows, in] times weights [units, in], plus a bias that may spread in any way. */
export function dense(node: NodeContext, x: Value, weights: Value, bias: Value | undefined): Value {
  const { ops } = node;
  const units = weights.type.shape[0];
  const attrs = { activation: 'none', rounding: 'double', accumulator: 'i32' } as const;
  const fits = bias !== undefined && elementCount(bias.type.shape) === units && bias.type.shape.at(-1) === units;
  if (fits && bias.data !== undefined)
    return ops.one('fully_connected', [x, weights, ops.reshape(bias, [units])], attrs);
  const product = ops.one('fully_connected', [x, weights], attrs);
  return bias === undefined ? product : ops.add(product, bias);
}

/** A sum of products by the letters of the equation: operands are spread over all letters, multiplied, summed. */
const einsum: Converter = (node) => {
  const equation = node.attributes.text('equation', '').replaceAll(' ', '');
  const operands = node.inputs();
  const [left, stated] = equation.split('->');
  const terms = left.split(',');
  if (terms.length !== operands.length || !/^[a-zA-Z.,]*$/.test(left)) {
    return node.refuse(`an equation of ${operands.length} terms`, JSON.stringify(equation));
  }
  const letters = terms.map((term, i) => lettersOf(node, term, operands[i]));
  const all = [...new Set(letters.flat())];
  const output = stated === undefined ? implicitOutput(letters) : outputLetters(stated, all);
  const order = [...output, ...all.filter((letter) => !output.includes(letter))];
  const spread = operands.map((operand, i) => alignedTo(node, operand, letters[i], order));
  const summed = order.slice(output.length).map((_, i) => output.length + i);
  if (spread.length === 2 && summed.length > 0) return contracted(node, spread[0], spread[1], output.length);
  const product = spread.slice(1).reduce((so, next) => node.ops.mul(so, next), spread[0]);
  return summed.length === 0 ? product : node.ops.reduce('sum', product, summed, false);
};

/** One name per axis; `...` stands for axes with names of their own, aligned from the right. */
function lettersOf(node: NodeContext, term: string, operand: Value): string[] {
  const rank = operand.type.shape.length;
  const named = term.replace('...', '').length;
  const more = rank - named;
  if (more < 0 || (more > 0 && !term.includes('...'))) {
    return node.refuse(`a term of ${rank} letters for ${typeText(operand.type)}`, JSON.stringify(term));
  }
  const dots = Array.from({ length: more }, (_, i) => `.${more - i}`);
  const [before, after = ''] = term.split('...');
  return term.includes('...') ? [...before, ...dots, ...after] : [...before];
}

function implicitOutput(letters: readonly (readonly string[])[]): string[] {
  const flat = letters.flat();
  const once = [...new Set(flat)].filter(
    (letter) => letter.startsWith('.') || flat.indexOf(letter) === flat.lastIndexOf(letter),
  );
  const dots = once
    .filter((letter) => letter.startsWith('.'))
    .sort()
    .reverse();
  return [...dots, ...once.filter((letter) => !letter.startsWith('.')).sort()];
}

function outputLetters(stated: string, all: readonly string[]): string[] {
  const dots = all
    .filter((letter) => letter.startsWith('.'))
    .sort()
    .reverse();
  const [before, after = ''] = stated.split('...');
  return stated.includes('...') ? [...before, ...dots, ...after] : [...before];
}

/** Axes in the given order, extent 1 where the operand lacks one; a letter that repeats takes the diagonal. */
function alignedTo(node: NodeContext, operand: Value, letters: readonly string[], order: readonly string[]): Value {
  const { ops } = node;
  let value = operand;
  let names = [...letters];
  for (let first = 0; first < names.length; first++) {
    const again = names.indexOf(names[first], first + 1);
    if (again === -1) continue;
    value = diagonal(node, value, first, again);
    names = names.toSpliced(again, 1);
    first--;
  }
  const present = order.filter((letter) => names.includes(letter));
  const moved = ops.transpose(
    value,
    present.map((letter) => names.indexOf(letter)),
  );
  return ops.reshape(
    moved,
    order.map((letter) => (names.includes(letter) ? value.type.shape[names.indexOf(letter)] : 1)),
  );
}

/** Axis `b` removed, its index that of axis `a`. */
function diagonal(node: NodeContext, x: Value, a: number, b: number): Value {
  const { ops } = node;
  const extent = x.type.shape[a];
  const rows = Array.from({ length: extent }, (_, i) => ops.part(ops.part(x, a, i, 1), b, i, 1));
  const joinedRows = ops.concat(rows, a);
  return ops.reshape(joinedRows, joinedRows.type.shape.toSpliced(b, 1));
}

/** Sum over the axes from `kept` on of the product of two spread operands, as a matrix product where it is one. */
function contracted(node: NodeContext, a: Value, b: Value, kept: number): Value {
  const { ops } = node;
  const [left, right] = [a.type.shape, b.type.shape];
  const out = left.map((extent, axis) => Math.max(extent, right[axis])).slice(0, kept);
  const isBatch = (axis: number) => left[axis] === right[axis];
  const rows = out.flatMap((_, axis) => (!isBatch(axis) && right[axis] === 1 ? [axis] : []));
  const columns = out.flatMap((_, axis) => (!isBatch(axis) && left[axis] === 1 ? [axis] : []));
  const batch = out.flatMap((_, axis) => (isBatch(axis) ? [axis] : []));
  const inner = left.map((_, axis) => axis).slice(kept);
  const depth = inner.map((axis) => Math.max(left[axis], right[axis]));
  const whole = (value: Value) =>
    ops.broadcast(
      value,
      value.type.shape.map((extent, axis) => (axis >= kept ? depth[axis - kept] : extent)),
    );
  const count = (axes: readonly number[]) => elementCount(axes.map((axis) => out[axis]));
  const k = elementCount(depth);
  const matrixA = ops.reshape(ops.transpose(whole(a), [...batch, ...rows, ...columns, ...inner]), [
    count(batch),
    count(rows),
    k,
  ]);
  const matrixB = ops.reshape(ops.transpose(whole(b), [...batch, ...rows, ...inner, ...columns]), [
    count(batch),
    k,
    count(columns),
  ]);
  const product = ops.reshape(
    ops.matmul(matrixA, matrixB),
    [...batch, ...rows, ...columns].map((axis) => out[axis]),
  );
  const order = [...batch, ...rows, ...columns];
  return ops.transpose(
    product,
    out.map((_, axis) => order.indexOf(axis)),
  );
}

/** Products of bytes less their zero points, in i32. */
const matmulInteger: Converter = (node) => {
  const [a, b] = [node.input(0), node.input(1)];
  const { ops } = node;
  const less = (x: Value, zero: Value | undefined, axis: number) => {
    if (zero === undefined) return widened(node, x);
    const wide = widened(node, zero);
    const spread = wide.type.shape.length === 1 && axis === -2 ? ops.reshape(wide, [...wide.type.shape, 1]) : wide;
    return ops.sub(widened(node, x), spread);
  };
  return { ...product(node, less(a, node.optional(2), -2), less(b, node.optional(3), -1)), element: 'int32' };
};

export const MATMUL: Converters = { MatMul: matmul, Gemm: gemm, Einsum: einsum, MatMulInteger: matmulInteger };
