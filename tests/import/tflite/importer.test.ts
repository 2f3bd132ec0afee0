/** What a file becomes: names, shapes, batches, constants, branches and states. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ImportedModel } from '../../../compiler/import/imported-model.ts';
import { importTflite } from '../../../compiler/import/tflite/import.ts';
import { evaluate } from '../../../ir/tensor/evaluate.ts';
import type { Graph } from '../../../ir/tensor/graph.ts';
import { typeText } from '../../../ir/tensor/types.ts';
import { assertValid } from '../../../ir/tensor/verify.ts';
import type { OpSpec, SubgraphSpec, TensorSpec } from '../../support/tflite-writer.ts';
import { writeTflite } from '../../support/tflite-writer.ts';

const test = suite('tflite importer');

const f32 = (name: string, shape: readonly number[], data?: readonly number[]): TensorSpec => ({
  name,
  type: 'f32',
  shape,
  ...(data === undefined ? {} : { data }),
});
const i32 = (name: string, data: readonly number[]): TensorSpec => ({ name, type: 'i32', shape: [data.length], data });
const reshape = (x: number, shape: number, y: number): OpSpec => ({ op: 'RESHAPE', inputs: [x, shape], outputs: [y] });

function importSpec(...subgraphs: readonly SubgraphSpec[]): ImportedModel {
  const model = importTflite(writeTflite({ subgraphs, description: 'made by a test' }), { name: 'm' });
  assertValid(model.graph);
  return model;
}

const typesOf = (graph: Graph, names: readonly string[]) => names.map((name) => typeText(graph.types.get(name)!));

test('values have the names of tensors, made unique and printable', () => {
  const tensors = [f32('a', [4]), f32('a', [2, 2]), f32('', [4]), f32('x\ny', [1, 4])];
  const shapes = [i32('s', [2, 2]), i32('s', [4]), i32('s', [1, 4])];
  const { graph, layers, description } = importSpec({
    tensors: [...tensors, ...shapes],
    operators: [reshape(0, 4, 1), reshape(1, 5, 2), reshape(2, 6, 3)],
    inputs: [0],
    outputs: [3],
  });
  assert.equal(graph.inputs, ['a']);
  assert.equal(graph.outputs, ['x_y']);
  assert.equal(
    layers.map((layer) => layer.outputs),
    [['a_1'], ['tensor_2'], ['x_y']],
  );
  assert.equal(
    layers.map(({ index, opcode }) => [index, opcode]),
    [
      [0, 'RESHAPE'],
      [1, 'RESHAPE'],
      [2, 'RESHAPE'],
    ],
  );
  assert.is(description, 'made by a test');
});

test('constants nothing reads are left out', () => {
  const { graph } = importSpec({
    tensors: [f32('x', [4]), i32('shape', [2, 2]), f32('y', [2, 2])],
    operators: [reshape(0, 1, 2)],
    inputs: [0],
    outputs: [2],
  });
  assert.equal([...graph.constants.keys()], []);
  assert.equal([...graph.types.keys()].sort(), ['x', 'y']);
});

test('operators on constants fold, and their layers still name a value', () => {
  const { graph, layers } = importSpec({
    tensors: [f32('x', [1, 4]), f32('c', [4], [1, 2, 3, 4]), i32('s', [1, 4]), f32('w', [1, 4]), f32('y', [1, 1])],
    operators: [reshape(1, 2, 3), { op: 'FULLY_CONNECTED', inputs: [0, 3, -1], outputs: [4], options: {} }],
    inputs: [0],
    outputs: [4],
  });
  assert.equal(
    graph.nodes.map((node) => node.op),
    ['fully_connected'],
  );
  assert.equal(layers[0].outputs, ['w']);
  assert.equal(Array.from(graph.constants.get('w')!.data, Number), [1, 2, 3, 4]);
});

/** A fully connected layer of 3 to 2, with an open batch where `signature` says so. */
function dense(batch: number, signature?: readonly number[]): Uint8Array {
  const open = (spec: TensorSpec, width: number): TensorSpec =>
    signature === undefined ? spec : { ...spec, shapeSignature: [signature[0], width] };
  return writeTflite({
    subgraphs: [
      {
        tensors: [open(f32('x', [batch, 3]), 3), f32('w', [2, 3], [1, 2, 3, 4, 5, 6]), open(f32('y', [batch, 2]), 2)],
        operators: [{ op: 'FULLY_CONNECTED', inputs: [0, 1, -1], outputs: [2], options: {} }],
        inputs: [0],
        outputs: [2],
      },
    ],
  });
}

test('an open batch is 1, or what the caller says', () => {
  const byDefault = importTflite(dense(1, [-1]), { name: 'm' }).graph;
  assert.equal(typesOf(byDefault, ['x', 'y']), ['f32[1,3]', 'f32[1,2]']);
  const four = importTflite(dense(1, [-1]), { name: 'm', batch: 4 }).graph;
  assert.equal(typesOf(four, ['x', 'y']), ['f32[4,3]', 'f32[4,2]']);
});

test('a batch of 0 in the shape is open, too', () => {
  const { graph } = importTflite(dense(0), { name: 'm', batch: 2 });
  assert.equal(typesOf(graph, ['x', 'y']), ['f32[2,3]', 'f32[2,2]']);
});

test('a fixed batch stays', () => {
  assert.equal(typesOf(importTflite(dense(2), { name: 'm', batch: 2 }).graph, ['y']), ['f32[2,2]']);
  assert.throws(
    () => importTflite(dense(2), { name: 'm', batch: 3 }),
    /expected an input whose batch is open or 3, found shapes \[2, 3\]/,
  );
});

test('a declared shape of as many elements is reached by a reshape', () => {
  const { graph, layers } = importSpec({
    tensors: [f32('x', [2, 3]), f32('w', [2, 3], [1, 0, 0, 0, 1, 0]), f32('y', [1, 2, 2])],
    operators: [{ op: 'FULLY_CONNECTED', inputs: [0, 1, -1], outputs: [2], options: {} }],
    inputs: [0],
    outputs: [2],
  });
  assert.equal(
    graph.nodes.map((node) => node.op),
    ['fully_connected', 'reshape'],
  );
  assert.equal(layers[0].outputs, ['y']);
  assert.equal(Array.from(evaluate(graph, [Float32Array.of(1, 2, 3, 4, 5, 6)]).outputs[0], Number), [1, 2, 4, 5]);
});

test('sparse weights behind DENSIFY are dense constants', () => {
  const stored: TensorSpec = {
    name: 'stored',
    type: 'f32',
    shape: [2, 4],
    data: [1, 2, 3, 4],
    // Blocks of 1x2: row 0 has block 1, row 1 has block 0.
    sparsity: {
      traversalOrder: [0, 1, 2],
      blockMap: [1],
      dimensions: [{ denseSize: 2 }, { segments: [0, 1, 2], indices: [1, 0] }, { denseSize: 2 }],
    },
  };
  const { graph } = importSpec({
    tensors: [f32('x', [1, 4]), stored, f32('w', [2, 4]), f32('y', [1, 2])],
    operators: [
      { op: 'DENSIFY', inputs: [1], outputs: [2] },
      { op: 'FULLY_CONNECTED', inputs: [0, 2, -1], outputs: [3], options: {} },
    ],
    inputs: [0],
    outputs: [3],
  });
  const weights = graph.constants.get(graph.nodes[0].inputs[1])!;
  assert.equal(Array.from(weights.data, Number), [0, 0, 1, 2, 3, 4, 0, 0]);
});

const handle: TensorSpec = { name: 'handle', type: 'resource', shape: [] };
const opens: OpSpec = { op: 'VAR_HANDLE', inputs: [], outputs: [0], options: { container: '', shared_name: 'count' } };

/** Reads a variable, then writes the input to it, then reads it again. */
function variables(operators: readonly OpSpec[]): SubgraphSpec {
  return {
    tensors: [handle, f32('x', [2]), f32('before', [2]), f32('after', [2])],
    operators: [
      ...operators,
      opens,
      { op: 'READ_VARIABLE', inputs: [0], outputs: [2] },
      { op: 'ASSIGN_VARIABLE', inputs: [0, 1], outputs: [] },
      { op: 'READ_VARIABLE', inputs: [0], outputs: [3] },
    ],
    inputs: [1],
    outputs: [2, 3],
  };
}

test('a variable is a state; reads see the writes before them', () => {
  const { graph } = importSpec(variables([]));
  assert.equal(graph.outputs, ['count', 'x']);
  assert.equal(
    graph.states.map(({ name, next }) => ({ name, next })),
    [{ name: 'count', next: 'x' }],
  );
  assert.equal(Array.from(graph.states[0].initial, Number), [0, 0]);
});

test('CALL_ONCE gives a variable its first value', () => {
  const init: SubgraphSpec = {
    tensors: [handle, f32('start', [2], [5, -7])],
    operators: [opens, { op: 'ASSIGN_VARIABLE', inputs: [0, 1], outputs: [] }],
    inputs: [],
    outputs: [],
  };
  const once: OpSpec = { op: 'CALL_ONCE', inputs: [], outputs: [], options: { init_subgraph_index: 1 } };
  const { graph } = importSpec(variables([once]), init);
  assert.equal(Array.from(graph.states[0].initial, Number), [5, -7]);
  assert.is(graph.states[0].next, 'x');
});

/** IF on `condition`: a FULLY_CONNECTED with the weights of the branch. */
function branching(condition: TensorSpec, inputs: readonly number[]): SubgraphSpec[] {
  const branch = (weights: readonly number[]): SubgraphSpec => ({
    tensors: [f32('x', [1, 2]), f32('w', [1, 2], weights), f32('y', [1, 1])],
    operators: [{ op: 'FULLY_CONNECTED', inputs: [0, 1, -1], outputs: [2], options: {} }],
    inputs: [0],
    outputs: [2],
  });
  const main: SubgraphSpec = {
    tensors: [condition, f32('x', [1, 2]), f32('y', [1, 1])],
    operators: [
      { op: 'IF', inputs: [0, 1], outputs: [2], options: { then_subgraph_index: 1, else_subgraph_index: 2 } },
    ],
    inputs,
    outputs: [2],
  };
  return [main, branch([1, 10]), branch([100, 1000])];
}

test('IF on a constant leaves one branch', () => {
  for (const [value, expected] of [
    [1, 21],
    [0, 2100],
  ]) {
    const { graph } = importSpec(...branching({ name: 'c', type: 'bool', shape: [], data: [value] }, [1]));
    assert.is(graph.nodes.length, 1);
    assert.equal(Array.from(evaluate(graph, [Float32Array.of(1, 2)]).outputs[0], Number), [expected]);
  }
});

test('IF on an input computes both branches and selects', () => {
  const { graph } = importSpec(...branching({ name: 'c', type: 'bool', shape: [1] }, [0, 1]));
  for (const [value, expected] of [
    [1, 21],
    [0, 2100],
  ]) {
    const { outputs } = evaluate(graph, [Uint8Array.of(value), Float32Array.of(1, 2)]);
    assert.equal(Array.from(outputs[0], Number), [expected]);
  }
});

test.run();
