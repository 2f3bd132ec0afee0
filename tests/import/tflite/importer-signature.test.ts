/** Inputs and outputs are called as the file's signature calls them. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ImportedModel } from '../../../compiler/import/imported-model.ts';
import { importTflite } from '../../../compiler/import/tflite/import.ts';
import { printGraph } from '../../../ir/tensor/print.ts';
import { assertValid } from '../../../ir/tensor/verify.ts';
import { type SignatureSpec, type TensorSpec, writeTflite } from '../../support/tflite-writer.ts';

const test = suite('tflite importer: signatures');

const f32 = (name: string): TensorSpec => ({ name, type: 'f32', shape: [4] });
const TENSORS = ['serving_default_a:0', 'serving_default_b:0', 'inner', 'PartitionedCall:0', 'PartitionedCall:1'];
const NAMES = { inputs: { a: 0, b: 1 }, outputs: { sum: 3, root: 4 } };

/** inner = a + b, PartitionedCall:0 = |inner|, PartitionedCall:1 = inner^2, with the signatures given. */
function imported(signatures: readonly Partial<SignatureSpec>[], outputs: readonly number[] = [3, 4]): ImportedModel {
  const bytes = writeTflite({
    subgraphs: [
      {
        tensors: TENSORS.map(f32),
        operators: [
          { op: 'ADD', inputs: [0, 1], outputs: [2], options: {} },
          { op: 'ABS', inputs: [2], outputs: [3] },
          { op: 'SQUARE', inputs: [2], outputs: [4] },
        ],
        inputs: [0, 1],
        outputs,
      },
    ],
    signatures: signatures.map((signature) => ({ key: 'serving_default', subgraph: 0, ...NAMES, ...signature })),
  });
  const model = importTflite(bytes, { name: 'm' });
  assertValid(model.graph);
  return model;
}

const names = ({ graph: { inputs, outputs } }: ImportedModel) => [...inputs, ...outputs];
const UNNAMED = [TENSORS[0], TENSORS[1], TENSORS[3], TENSORS[4]];

test('the names of the only signature stand everywhere, and the tensor names are kept beside', () => {
  const model = imported([{}]);
  assert.equal(names(model), ['a', 'b', 'sum', 'root']);
  assert.equal(
    model.layers.map((layer) => layer.outputs),
    [['inner'], ['sum'], ['root']],
  );
  assert.equal(Object.fromEntries(model.tensorNames), {
    a: 'serving_default_a:0',
    b: 'serving_default_b:0',
    sum: 'PartitionedCall:0',
    root: 'PartitionedCall:1',
  });
  assert.not.match(printGraph(model.graph), /serving_default|PartitionedCall/);
});

test('names that tensors of other ports have are exchanged', () => {
  const swapped = imported([{ outputs: { 'PartitionedCall:1': 3, 'PartitionedCall:0': 4 } }]);
  assert.equal(names(swapped), ['a', 'b', 'PartitionedCall:1', 'PartitionedCall:0']);
  assert.equal(swapped.graph.nodes.find((node) => node.op === 'abs')?.outputs, ['PartitionedCall:1']);
});

test('a name that is the tensor name already has no other', () => {
  const { tensorNames } = imported([{ inputs: { 'serving_default_a:0': 0, b: 1 } }]);
  assert.equal([...tensorNames.keys()], ['b', 'sum', 'root']);
});

test('names that could tear a line are made printable', () => {
  assert.equal(names(imported([{ inputs: { 'a\n0': 0, b: 1 } }])), ['a_0', 'b', 'sum', 'root']);
});

test('signatures of other subgraphs do not count', () => {
  assert.equal(names(imported([{}, { key: 'other', subgraph: 1 }])), ['a', 'b', 'sum', 'root']);
  assert.equal(names(imported([{ subgraph: 1 }])), UNNAMED);
});

const KEPT: readonly (readonly [why: string, signatures: readonly Partial<SignatureSpec>[]])[] = [
  ['there is no signature', []],
  ['there are two', [{}, { key: 'second' }]],
  ['an input is left out', [{ inputs: { a: 0 } }]],
  ['an output is left out', [{ outputs: { sum: 3 } }]],
  ['an input has two names', [{ inputs: { a: 0, b: 1, c: 1 } }]],
  ['an input and an output have one name', [{ outputs: { a: 3, root: 4 } }]],
  ['another value has the name', [{ outputs: { inner: 3, root: 4 } }]],
  ['a name is empty', [{ outputs: { '': 3, root: 4 } }]],
];
for (const [why, signatures] of KEPT) {
  test(`tensor names stay when ${why}`, () => {
    const model = imported(signatures);
    assert.equal(names(model), UNNAMED);
    assert.is(model.tensorNames.size, 0);
  });
}

test('an input that is an output too takes a name only when both agree', () => {
  assert.equal(names(imported([{ outputs: { a: 0, root: 4 } }], [0, 4])), ['a', 'b', 'a', 'root']);
  assert.equal(names(imported([{ outputs: { z: 0, root: 4 } }], [0, 4])), [
    TENSORS[0],
    TENSORS[1],
    TENSORS[0],
    TENSORS[4],
  ]);
});

test('messages name tensors as the file does', () => {
  const bytes = writeTflite({
    subgraphs: [
      {
        tensors: [f32('serving_default_a:0'), { ...f32('call:0'), shape: [3] }],
        operators: [{ op: 'ABS', inputs: [0], outputs: [1] }],
        inputs: [0],
        outputs: [1],
      },
    ],
    signatures: [{ key: 'serving_default', subgraph: 0, inputs: { a: 0 }, outputs: { y: 1 } }],
  });
  assert.throws(() => importTflite(bytes, { name: 'm' }), /ABS \("serving_default_a:0" -> "call:0"\)/);
});

test.run();
