/** Constants and tensors filled by a rule. */
import { elementCount, newData } from '../../../../ir/tensor/types.ts';
import { elementFacts, elementOfCode } from '../elements.ts';
import type { Converter, Converters, NodeContext } from '../node.ts';
import type { Value } from '../values.ts';
import { checkShapeOf } from './shape.ts';

const constant: Converter = (node) => {
  const { attributes, ops } = node;
  const tensor = attributes.tensor('value') ?? attributes.sparse('sparse_value');
  if (tensor !== undefined) return ops.literal(tensor);
  if (attributes.has('value_float')) return ops.f32(attributes.float('value_float', 0));
  if (attributes.has('value_int')) return { ...ops.i32(clamped(attributes.int('value_int', 0))), element: 'int64' };
  const floats = attributes.floats('value_floats');
  if (floats !== undefined) return ops.f32s(floats);
  const ints = attributes.ints('value_ints');
  if (ints !== undefined) return ops.i32s(ints.map(clamped), [ints.length], 'int64');
  return node.refuse('a value of numbers', 'none');
};

/** 2^63 - 1 and the like mean "to the end". */
function clamped(value: number): number {
  return Math.min(Math.max(value, -(2 ** 31)), 2 ** 31 - 1);
}

const constantOfShape: Converter = (node) => {
  const shape = checkShapeOf(node, node.numbers(0, 'the shape'));
  const fill = node.attributes.tensor('value');
  const element = fill?.element ?? 'float';
  const data = newData(elementFacts(element).dtype, elementCount(shape)).fill((fill?.data[0] ?? 0) as never);
  return node.ops.constant(element, shape, data);
};

const range: Converter = (node) => {
  const [start, limit, delta] = ['the start', 'the limit', 'the step'].map((what, i) => node.number(i, what));
  const { element, type } = node.input(0);
  const count = Math.max(Math.ceil((limit - start) / delta), 0);
  if (!(count <= 2 ** 26)) return node.refuse('a range of at most 2^26 numbers', `${count}`);
  const data = newData(type.dtype, count);
  for (let i = 0; i < count; i++) data[i] = start + i * delta;
  return node.ops.constant(element, [count], data);
};

const eyeLike: Converter = (node) => {
  const x = node.input(0);
  node.expectRank(x, 2, 'a matrix');
  const [rows, columns] = x.type.shape;
  const k = node.attributes.int('k', 0);
  const code = node.attributes.int('dtype', 0);
  const element = code === 0 ? x.element : (elementOfCode(code) ?? node.refuse('a number type', `type ${code}`));
  const data = newData(elementFacts(element).dtype, rows * columns);
  for (let row = 0; row < rows; row++) if (row + k >= 0 && row + k < columns) data[row * columns + row + k] = 1;
  return node.ops.constant(element, [rows, columns], data);
};

/** sum over i of coefficients[i] * cos(2 pi i n / N), computed in double. */
function cosineWindow(coefficients: readonly number[]): Converter {
  return (node) => {
    const size = node.number(0, 'the size');
    const periodic = node.attributes.flag('periodic', true);
    const element = elementOfCode(node.attributes.int('output_datatype', 1)) ?? 'float';
    const period = periodic ? size : size - 1;
    const window = Float32Array.from({ length: size }, (_, n) =>
      coefficients.reduce((sum, c, i) => sum + c * Math.cos((2 * Math.PI * i * n) / period), 0),
    );
    return node.as(node.ops.f32s(window), element);
  };
}

/** Triangles over the mel scale; HTK's formula, corners at whole bins, as the operator's reference has it. */
const melWeightMatrix: Converter = (node) => {
  const names = ['num_mel_bins', 'dft_length', 'sample_rate', 'lower_edge_hertz', 'upper_edge_hertz'];
  const [bins, length, rate, low, high] = names.map((what, i) => node.number(i, what));
  const element = elementOfCode(node.attributes.int('output_datatype', 1)) ?? 'float';
  const rows = Math.floor(length / 2) + 1;
  const mel = (hertz: number) => 2595 * Math.log10(1 + hertz / 700);
  const hertz = (m: number) => 700 * (10 ** (m / 2595) - 1);
  const step = (mel(high) - mel(low)) / (bins + 2);
  const corners = Array.from({ length: bins + 2 }, (_, i) =>
    Math.floor(((length + 1) * hertz(i * step + mel(low))) / rate),
  );
  const data = new Float32Array(rows * bins);
  for (let i = 0; i < bins; i++) {
    const [lower, center, higher] = corners.slice(i, i + 3);
    if (center === lower) data[center * bins + i] = 1;
    for (let j = lower; center !== lower && j <= center; j++) data[j * bins + i] = (j - lower) / (center - lower);
    for (let j = center; higher !== center && j < higher; j++) data[j * bins + i] = (higher - j) / (higher - center);
  }
  return node.as(node.ops.f32s(data, [rows, bins]), element);
};

export function fillLike(node: NodeContext, x: Value, value: number): Value {
  return node.ops.constant(
    x.element,
    x.type.shape,
    newData(x.type.dtype, elementCount(x.type.shape)).fill(value as never),
  );
}

export const CONSTANT: Converters = {
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Range: range,
  EyeLike: eyeLike,
  HannWindow: cosineWindow([0.5, -0.5]),
  HammingWindow: cosineWindow([25 / 46, -21 / 46]),
  BlackmanWindow: cosineWindow([0.42, -0.5, 0.08]),
  MelWeightMatrix: melWeightMatrix,
};
