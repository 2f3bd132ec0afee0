/** What the ONNX importer refuses, in its own words: the place, what was expected, what was found, what to do. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ImportError } from '../../../compiler/import/error.ts';
import { importOnnx, type OnnxImportOptions } from '../../../compiler/import/onnx/import.ts';
import type { GraphProto, ModelProto, NodeProto } from '../../../compiler/import/onnx/schema.ts';
import { type Partly, writeOnnx } from '../../support/onnx-writer.ts';

const test = suite('refusals of the ONNX importer');

const tensor = (elem_type: number, ...dims: readonly (number | string)[]) => ({
  tensor_type: {
    elem_type,
    shape: { dim: dims.map((dim) => (typeof dim === 'number' ? { dim_value: dim } : { dim_param: dim })) },
  },
});
const X = { name: 'x', type: tensor(1, 1, 4) };

function model(
  node: readonly Partly<NodeProto>[],
  graph: Partly<GraphProto> = {},
  more: Partly<ModelProto> = {},
): Uint8Array {
  return writeOnnx({
    ir_version: 8,
    opset_import: [{ domain: '', version: 17 }],
    graph: { name: 'g', input: [X], output: [{ name: 'y', type: tensor(1, 1, 4) }], node, ...graph },
    ...more,
  });
}

function refused(bytes: Uint8Array, says: string, options: Partial<OnnxImportOptions> = {}): void {
  assert.throws(
    () => importOnnx(bytes, { name: 'm', file: 'm.onnx', ...options }),
    (error: unknown) => error instanceof ImportError && assert.is(error.message, says) === undefined,
  );
}

test('bytes that are no message', () => {
  refused(
    Uint8Array.of(8, 8, 58, 200, 1),
    'm.onnx: protobuf\n  expected an ONNX model, found model: premature EOF\n  The file is damaged, or not an ONNX model.',
  );
});

test('a message without a graph', () => {
  refused(
    writeOnnx({ ir_version: 8 }),
    'm.onnx: field graph\n  expected an ONNX model with a graph, found none\n  Is this the file you meant?',
  );
});

test('an opset of the future', () => {
  refused(
    model([], {}, { opset_import: [{ domain: '', version: 99 }] }),
    'm.onnx: opset_import\n  expected an opset from 1 to 27, found 99\n  Convert the model with onnx.version_converter.',
  );
});

test('an operator that is not known', () => {
  refused(
    model([{ op_type: 'Frobnicate', name: 'n', input: ['x'], output: ['y'] }]),
    'm.onnx: node 0 Frobnicate "n"\n  expected an operator that mcc knows, found Frobnicate\n  docs/onnx-ops.md lists them.',
  );
});

test('an attribute that nobody reads', () => {
  refused(
    model([{ op_type: 'Relu', input: ['x'], output: ['y'], attribute: [{ name: 'slope', type: 1, f: 0.5 }] }]),
    'm.onnx: node 0 Relu "y"\n  expected attributes that mcc knows of Relu, found "slope"',
  );
});

test('a name before it is defined', () => {
  refused(
    model([{ op_type: 'Relu', input: ['z'], output: ['y'] }]),
    'm.onnx: node 0 Relu "y", input 0\n  expected a name that is defined before it is used, found "z"',
  );
});

test('an open dimension', () => {
  const open = { input: [{ name: 'x', type: tensor(1, 1, 'width') }] };
  refused(
    model([{ op_type: 'Relu', input: ['x'], output: ['y'] }], open),
    'm.onnx: input 0 "x"\n  expected fixed dimensions, found [1,width]\n  State them: --shape x=1,3,224,224',
  );
  refused(
    model([{ op_type: 'Relu', input: ['x'], output: ['y'] }], open),
    'm.onnx: input 0 "x"\n  expected a shape that fits [1,width], found [2,4]',
    { shapes: new Map([['x', [2, 4]]]) },
  );
});

test('a shape for an input that is not there', () => {
  refused(
    model([{ op_type: 'Relu', input: ['x'], output: ['y'] }]),
    'm.onnx: model\n  expected one of the inputs "x" in --shape, found "z"',
    { shapes: new Map([['z', [2, 4]]]) },
  );
});

test('a shape that only run time knows', () => {
  refused(
    model([{ op_type: 'Reshape', name: 'r', input: ['x', 's'], output: ['y'] }], {
      input: [X, { name: 's', type: tensor(7, 2) }],
    }),
    'm.onnx: node 0 Reshape "r"\n  expected the shape (input 1, "s") known at import, found a value of run time\n  Give it a value at import with --constant name=value if it is an input of the model.',
  );
});

test('strings', () => {
  refused(
    model([{ op_type: 'Identity', input: ['x'], output: ['y'] }], { input: [{ name: 'x', type: tensor(8, 4) }] }),
    'm.onnx: input 0 "x"\n  expected numbers or booleans, found string',
  );
});

test('shapes that do not fit together', () => {
  refused(
    model([{ op_type: 'Add', input: ['x', 'w'], output: ['y'] }], {
      initializer: [{ name: 'w', data_type: 1, dims: [3], float_data: [1, 2, 3] }],
    }),
    'm.onnx: node 0 Add "y"\n  expected operands that fit together, found expected shapes that agree or are 1 in every dimension, found [1,4] and [3]',
  );
});

test.run();
