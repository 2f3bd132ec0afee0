/** Several subgraphs and variables: IF, CALL_ONCE, VAR_HANDLE, READ_VARIABLE, ASSIGN_VARIABLE. */
import type { OpCase } from '../../../support/opcases.ts';
import type { ModelSpec, OpSpec, SubgraphSpec, TensorSpec } from '../../../support/tflite-writer.ts';

const f32 = (name: string, shape: readonly number[]): TensorSpec => ({ name, type: 'f32', shape });
const i8 = (name: string, shape: readonly number[], scale: number, zeroPoint: number): TensorSpec => ({
  name,
  type: 'i8',
  shape,
  scale: [Math.fround(scale)],
  zeroPoint: [zeroPoint],
});
const condition = (data?: readonly number[]): TensorSpec => ({
  name: 'condition',
  type: 'bool',
  shape: [1],
  ...(data === undefined ? {} : { data }),
});
const handle: TensorSpec = { name: 'handle', type: 'resource', shape: [1] };
const noActivation = { fused_activation_function: 'NONE' } as const;

/** A branch that applies one operator to its two inputs. */
const branch = (name: string, op: 'ADD' | 'MUL' | 'SUB', tensors: readonly TensorSpec[]): SubgraphSpec => ({
  name,
  tensors,
  operators: [{ op, inputs: [0, 1], outputs: [2], options: noActivation } as OpSpec],
  inputs: [0, 1],
  outputs: [2],
});

const floats = [f32('x', [2, 3]), f32('y', [2, 3]), f32('z', [2, 3])];
const bytes = [i8('x', [2, 3], 0.05, -7), i8('y', [2, 3], 0.03, 12), i8('z', [2, 3], 0.09, 5)];

function ifModel(tensors: readonly TensorSpec[], constant?: readonly number[]): ModelSpec {
  const chooses: OpSpec = {
    op: 'IF',
    inputs: [0, 1, 2],
    outputs: [3],
    options: { then_subgraph_index: 1, else_subgraph_index: 2 },
  };
  const main: SubgraphSpec = {
    name: 'main',
    tensors: [condition(constant), ...tensors],
    operators: [chooses],
    inputs: constant === undefined ? [0, 1, 2] : [1, 2],
    outputs: [3],
  };
  return { subgraphs: [main, branch('then', 'ADD', tensors), branch('else', 'MUL', tensors)] };
}

const chosen = [[[0], [1], [0], [1]], 'random', 'random'] as const;
const ifs: readonly OpCase[] = [
  { name: 'if f32 chosen by an input', model: ifModel(floats), inputs: chosen, runs: 4, reference: 'tflm' },
  { name: 'if i8 chosen by an input', model: ifModel(bytes), inputs: chosen, runs: 4, reference: 'tflm' },
  { name: 'if f32 always', model: ifModel(floats, [1]), runs: 1, reference: 'tflm' },
  { name: 'if i8 never', model: ifModel(bytes, [0]), runs: 1, reference: 'tflm' },
  { name: 'if chosen by a comparison', model: comparedIf(), runs: 6, reference: 'tflm' },
  { name: 'if with two outputs', model: swappingIf(), inputs: chosen, runs: 2, reference: 'tflm' },
  {
    name: 'if branch returns its input',
    model: passingIf(),
    inputs: [[[0], [1]], 'random'],
    runs: 2,
    reference: 'tflm',
  },
];

/** The condition is an activation: x > 0 for a scalar x. */
function comparedIf(): ModelSpec {
  const one = (name: string) => f32(name, [1]);
  const tensors = [one('x'), one('y'), one('z'), { ...one('zero'), data: [0] }, condition()];
  const main: SubgraphSpec = {
    tensors,
    operators: [
      { op: 'GREATER', inputs: [0, 3], outputs: [4] },
      { op: 'IF', inputs: [4, 0, 1], outputs: [2], options: { then_subgraph_index: 1, else_subgraph_index: 2 } },
    ],
    inputs: [0, 1],
    outputs: [2],
  };
  const operands = [one('x'), one('y'), one('z')];
  return { subgraphs: [main, branch('then', 'SUB', operands), branch('else', 'ADD', operands)] };
}

/** Each branch answers a sum and a product, in other orders. */
function swappingIf(): ModelSpec {
  const tensors = [...floats, f32('w', [2, 3])];
  const both = (name: string, first: number, second: number): SubgraphSpec => ({
    name,
    tensors,
    operators: [
      { op: 'ADD', inputs: [0, 1], outputs: [2], options: noActivation },
      { op: 'MUL', inputs: [0, 1], outputs: [3], options: noActivation },
    ],
    inputs: [0, 1],
    outputs: [first, second],
  });
  const main: SubgraphSpec = {
    tensors: [condition(), ...tensors],
    operators: [
      { op: 'IF', inputs: [0, 1, 2], outputs: [3, 4], options: { then_subgraph_index: 1, else_subgraph_index: 2 } },
    ],
    inputs: [0, 1, 2],
    outputs: [3, 4],
  };
  return { subgraphs: [main, both('then', 2, 3), both('else', 3, 2)] };
}

/** One branch computes, the other hands its input on. */
function passingIf(): ModelSpec {
  const [x, , z] = floats;
  const main: SubgraphSpec = {
    tensors: [condition(), x, z],
    operators: [
      { op: 'IF', inputs: [0, 1], outputs: [2], options: { then_subgraph_index: 1, else_subgraph_index: 2 } },
    ],
    inputs: [0, 1],
    outputs: [2],
  };
  const then: SubgraphSpec = {
    name: 'then',
    tensors: [x, z],
    operators: [{ op: 'RELU', inputs: [0], outputs: [1] }],
    inputs: [0],
    outputs: [1],
  };
  return { subgraphs: [main, then, { name: 'else', tensors: [x], operators: [], inputs: [0], outputs: [0] }] };
}

const handleOp = (output: number, name: string): OpSpec => ({
  op: 'VAR_HANDLE',
  inputs: [],
  outputs: [output],
  options: { container: '', shared_name: name },
});

/** Sets the variable `name` to a constant once. */
function initialise(name: string, initial: TensorSpec): SubgraphSpec {
  return {
    name: 'initialise',
    tensors: [handle, initial],
    operators: [handleOp(0, name), { op: 'ASSIGN_VARIABLE', inputs: [0, 1], outputs: [] }],
    inputs: [],
    outputs: [],
  };
}

/** A variable that the input is added to at every invocation; the answer is the new value. */
function accumulator(value: TensorSpec, input: TensorSpec, initial: TensorSpec): ModelSpec {
  const main: SubgraphSpec = {
    tensors: [input, handle, { ...value, name: 'old' }, { ...value, name: 'new' }],
    operators: [
      { op: 'CALL_ONCE', inputs: [], outputs: [], options: { init_subgraph_index: 1 } },
      handleOp(1, 'total'),
      { op: 'READ_VARIABLE', inputs: [1], outputs: [2] },
      { op: 'ADD', inputs: [2, 0], outputs: [3], options: noActivation },
      { op: 'ASSIGN_VARIABLE', inputs: [1, 3], outputs: [] },
    ],
    inputs: [0],
    outputs: [3],
  };
  return { subgraphs: [main, initialise('total', initial)] };
}

/** The answer is the input of the invocation before, as a delay line gives it. */
function delay(): ModelSpec {
  const [x, y] = bytes;
  const main: SubgraphSpec = {
    tensors: [x, handle, { ...x, name: 'before' }, y, { ...bytes[2], name: 'sum' }],
    operators: [
      { op: 'CALL_ONCE', inputs: [], outputs: [], options: { init_subgraph_index: 1 } },
      handleOp(1, 'line'),
      { op: 'READ_VARIABLE', inputs: [1], outputs: [2] },
      { op: 'ASSIGN_VARIABLE', inputs: [1, 0], outputs: [] },
      { op: 'ADD', inputs: [2, 3], outputs: [4], options: noActivation },
    ],
    inputs: [0, 3],
    outputs: [4],
  };
  return { subgraphs: [main, initialise('line', { ...x, data: [10, 20, 30, -10, -20, -30] })] };
}

/** Two variables, so that their names must tell them apart. */
function twoVariables(): ModelSpec {
  const value = (name: string) => f32(name, [3]);
  const constant = (name: string, data: readonly number[]): TensorSpec => ({ ...value(name), data });
  const main: SubgraphSpec = {
    tensors: [value('x'), { ...handle, name: 'h0' }, { ...handle, name: 'h1' }, value('a'), value('b'), value('c')],
    operators: [
      { op: 'CALL_ONCE', inputs: [], outputs: [], options: { init_subgraph_index: 1 } },
      handleOp(1, 'first'),
      handleOp(2, 'second'),
      { op: 'READ_VARIABLE', inputs: [1], outputs: [3] },
      { op: 'READ_VARIABLE', inputs: [2], outputs: [4] },
      { op: 'SUB', inputs: [3, 0], outputs: [5], options: noActivation },
      { op: 'ASSIGN_VARIABLE', inputs: [2, 3], outputs: [] },
      { op: 'ASSIGN_VARIABLE', inputs: [1, 5], outputs: [] },
    ],
    inputs: [0],
    outputs: [5, 4],
  };
  const start: SubgraphSpec = {
    name: 'initialise',
    tensors: [
      { ...handle, name: 'h0' },
      { ...handle, name: 'h1' },
      constant('one', [1, 2, 3]),
      constant('two', [-1, 0, 5]),
    ],
    operators: [
      handleOp(0, 'first'),
      handleOp(1, 'second'),
      { op: 'ASSIGN_VARIABLE', inputs: [0, 2], outputs: [] },
      { op: 'ASSIGN_VARIABLE', inputs: [1, 3], outputs: [] },
    ],
    inputs: [],
    outputs: [],
  };
  return { subgraphs: [main, start] };
}

const total = f32('value', [2, 3]);
const variables: readonly OpCase[] = [
  {
    name: 'variable f32 accumulates',
    model: accumulator(total, f32('x', [2, 3]), { ...total, data: [1, 2, 3, 4, 5, 6] }),
    runs: 4,
    reference: 'tflm',
  },
  {
    name: 'variable i8 accumulates',
    model: accumulator(i8('v', [2, 3], 0.2, 3), i8('x', [2, 3], 0.05, -7), {
      ...i8('start', [2, 3], 0.2, 3),
      data: [3, 50, -50, 0, 1, 2],
    }),
    runs: 4,
    reference: 'tflm',
  },
  { name: 'variable i8 delays', model: delay(), runs: 4, reference: 'tflm' },
  { name: 'two variables', model: twoVariables(), runs: 4, reference: 'tflm' },
];

export const cases: readonly OpCase[] = [...ifs, ...variables];
