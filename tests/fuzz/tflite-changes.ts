/**
 * Well-formed files that say something else than they did: other extents, options, scales, types and constants. Bytes that
 * are damaged at random rarely get as far as these.
 */
import { elementCount, type TensorData } from '../support/tflite/data.ts';
import { Random } from '../support/tflite/random.ts';
import type { TensorTypeName } from '../support/tflite/schema.ts';
import type { ModelSpec, OpSpec, SubgraphSpec, TensorSpec } from '../support/tflite-writer.ts';

type Change = (graph: SubgraphSpec, random: Random) => SubgraphSpec;

const EXTENTS = [0, 1, 2, 3, 5, 16, 17, 100, 1000, 4097, 65536, 2 ** 20, 2 ** 27, 2 ** 31 - 1];
const NUMBERS = [0, 1, -1, 2, 3, 7, 8, 100, 127, 255, 1000, 65535, 2 ** 20, 2 ** 31 - 1, -(2 ** 31)];
const TYPES: readonly TensorTypeName[] = ['f32', 'f16', 'i32', 'u8', 'i64', 'bool', 'i16', 'i8', 'i4', 'i2', 'u4'];
/** Constants that would become larger keep their shape. */
const MAX_ELEMENTS = 2 ** 16;

function pick<T>(random: Random, items: readonly T[]): T {
  return items[random.int(0, items.length - 1)];
}

function number(random: Random, near: number): number {
  return random.unit() < 0.6 ? near + random.int(-3, 3) : pick(random, NUMBERS);
}

/** `data` over and over until it has `count` elements. */
function refilled(data: TensorData, count: number): TensorData {
  const elements = Array.from<number | bigint, number>(data, Number);
  return Array.from({ length: count }, (_, i) => (elements.length === 0 ? 0 : elements[i % elements.length]));
}

function reshaped(tensor: TensorSpec, shape: readonly number[]): TensorSpec {
  if (tensor.data === undefined) return { ...tensor, shape };
  const count = elementCount(shape);
  if (tensor.sparsity !== undefined || tensor.type === 'string' || count > MAX_ELEMENTS) return tensor;
  return { ...tensor, shape, data: refilled(tensor.data, count) };
}

function changeTensor(graph: SubgraphSpec, random: Random, change: (tensor: TensorSpec) => TensorSpec): SubgraphSpec {
  const chosen = random.int(0, graph.tensors.length - 1);
  return { ...graph, tensors: graph.tensors.map((tensor, i) => (i === chosen ? change(tensor) : tensor)) };
}

/** One extent, wherever it occurs: in shapes, in constants that may hold shapes, and as the number of scales. */
const changeExtent: Change = (graph, random) => {
  const extents = [...new Set(graph.tensors.flatMap(({ shape }) => shape))];
  if (extents.length === 0) return graph;
  const from = pick(random, extents);
  const to = random.unit() < 0.5 ? Math.max(1, from + random.int(-2, 4)) : pick(random, EXTENTS);
  const tensors = graph.tensors.map((tensor) => {
    const { scale, zeroPoint, shape, axis = 0 } = tensor;
    const grown = reshaped(
      tensor,
      shape.map((extent) => (extent === from ? to : extent)),
    );
    if (scale === undefined || scale.length < 2 || grown.shape[axis] === shape[axis]) return grown;
    const count = grown.shape[axis];
    if (count > MAX_ELEMENTS) return tensor;
    const zeros = zeroPoint === undefined ? {} : { zeroPoint: refilled(zeroPoint, count) as number[] };
    return { ...grown, scale: refilled(scale, count) as number[], ...zeros };
  });
  return { ...graph, tensors: tensors.map((tensor) => replaceNumber(tensor, from, to)) };
};

function replaceNumber(tensor: TensorSpec, from: number, to: number): TensorSpec {
  if (tensor.type !== 'i32' || tensor.data === undefined || tensor.data.length > 8) return tensor;
  return {
    ...tensor,
    data: Array.from<number | bigint, number>(tensor.data, Number).map((v) => (v === from ? to : v)),
  };
}

const changeOneShape: Change = (graph, random) =>
  changeTensor(graph, random, (tensor) => {
    const shape = [...tensor.shape];
    const kind = random.int(0, 2);
    if (kind === 0) shape.push(1);
    else if (kind === 1) shape.shift();
    else if (shape.length > 0) shape[random.int(0, shape.length - 1)] = pick(random, EXTENTS);
    return reshaped(tensor, shape);
  });

/** Computed tensors whose shape is left to the importer take any shape that follows from the inputs. */
const openShapes: Change = (graph) => {
  const isComputed = (i: number) => graph.operators.some((operator) => operator.outputs.includes(i));
  return {
    ...graph,
    tensors: graph.tensors.map((tensor, i) =>
      isComputed(i) ? { ...tensor, shapeSignature: tensor.shape.map(() => -1) } : tensor,
    ),
  };
};

const changeOption: Change = (graph, random) => {
  const chosen = random.int(0, graph.operators.length - 1);
  const operators = graph.operators.map((operator, i): OpSpec => {
    const options = Object.entries(operator.options ?? {});
    if (i !== chosen || options.length === 0) return operator;
    const [name, value] = pick(random, options) as [string, unknown];
    const changed =
      typeof value === 'number'
        ? number(random, value)
        : typeof value === 'boolean'
          ? !value
          : changedText(random, value);
    return { ...operator, options: { ...operator.options, [name]: changed } } as OpSpec;
  });
  return { ...graph, operators };
};

function changedText(random: Random, value: unknown): unknown {
  const enums = [
    ['SAME', 'VALID'],
    ['NONE', 'RELU', 'RELU_N1_TO_1', 'RELU6', 'TANH'],
    ['REFLECT', 'SYMMETRIC'],
  ];
  const members = enums.find((names) => names.some((name) => name === value));
  return members === undefined ? value : pick(random, members);
}

const changeQuantization: Change = (graph, random) =>
  changeTensor(graph, random, (tensor) => {
    if (tensor.scale === undefined) return tensor;
    if (random.unit() < 0.3) return { ...tensor, zeroPoint: tensor.scale.map(() => number(random, 0)) };
    const factor = 2 ** random.float(-4, 4) * (random.unit() < 0.2 ? 2 ** random.int(-140, 120) : 1);
    return { ...tensor, scale: tensor.scale.map((scale) => Math.fround(scale * factor)) };
  });

const changeConstant: Change = (graph, random) =>
  changeTensor(graph, random, (tensor) => {
    if (tensor.data === undefined || tensor.data.length === 0 || tensor.type === 'string') return tensor;
    const data = Array.from<number | bigint, number>(tensor.data, Number);
    for (let count = random.int(1, 3); count > 0; count--) {
      const at = random.int(0, data.length - 1);
      data[at] = tensor.type.startsWith('f')
        ? data[at] * 2 ** random.int(-160, 160)
        : number(random, Math.trunc(data[at]));
    }
    return { ...tensor, data };
  });

/** All tensors of one type, or one of them. */
const changeType: Change = (graph, random) => {
  const from = pick(random, graph.tensors).type;
  const to = pick(random, TYPES);
  const isInteger = !to.startsWith('f');
  const changed = (tensor: TensorSpec): TensorSpec => {
    if (tensor.type !== from) return tensor;
    const data = Array.from<number | bigint, number>(tensor.data ?? [], Number);
    const kept = isInteger ? data.map((value) => Math.trunc(value) || 0) : data;
    return { ...tensor, type: to, ...(tensor.data === undefined ? {} : { data: kept }) };
  };
  if (random.unit() < 0.5) return changeTensor(graph, random, changed);
  return { ...graph, tensors: graph.tensors.map(changed) };
};

/** Computes a constant at run time, or makes an input known. */
const changeSource: Change = (graph, random) => {
  const at = random.int(0, graph.tensors.length - 1);
  const { data, ...rest } = graph.tensors[at];
  const isInput = graph.inputs.includes(at);
  if (data !== undefined && rest.sparsity === undefined) {
    return { ...graph, tensors: graph.tensors.with(at, rest), inputs: [...graph.inputs, at] };
  }
  const count = elementCount(rest.shape);
  if (!isInput || count > MAX_ELEMENTS || graph.inputs.length < 2) return graph;
  const tensors = graph.tensors.with(at, { ...rest, data: Array.from({ length: count }, () => random.int(-3, 3)) });
  return { ...graph, tensors, inputs: graph.inputs.filter((input) => input !== at) };
};

const rewire: Change = (graph, random) => {
  const chosen = random.int(0, graph.operators.length - 1);
  const operators = graph.operators.map((operator, i): OpSpec => {
    if (i !== chosen || operator.inputs.length === 0) return operator;
    const inputs = [...operator.inputs];
    const at = random.int(0, inputs.length - 1);
    if (random.unit() < 0.3) inputs.pop();
    else inputs[at] = random.int(-1, graph.tensors.length - 1);
    return { ...operator, inputs };
  });
  return { ...graph, operators };
};

const CHANGES: readonly Change[] = [
  changeExtent,
  changeExtent,
  changeExtent,
  changeOneShape,
  changeOption,
  changeOption,
  changeQuantization,
  changeQuantization,
  changeConstant,
  changeConstant,
  changeType,
  changeSource,
  rewire,
];

/** A model with one to three things changed; the same model and seed give the same change. */
export function changeModel(model: ModelSpec, seed: number): ModelSpec {
  const random = new Random(`change ${seed}`);
  const [main, ...others] = model.subgraphs;
  let graph = random.unit() < 0.5 ? openShapes(main, random) : main;
  for (let rounds = random.int(1, 3); rounds > 0; rounds--) {
    if (graph.operators.length > 0 && graph.tensors.length > 0) graph = pick(random, CHANGES)(graph, random);
  }
  return { ...model, subgraphs: [graph, ...others] };
}
