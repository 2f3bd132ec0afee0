import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { importModel } from '../../compiler/compile.ts';
import { ImportError } from '../../compiler/import/error.ts';
import { parseGraph } from '../../ir/tensor/parse.ts';
import { printGraph } from '../../ir/tensor/print.ts';

const suite = makeSuite('import of tensor IR');

const TEXT = `graph other {
  input %x : i8[1,4] affine(0.5, -1)
  %y : i8[4] affine(0.5, -1) = reshape(%x) {"shape":[4]}
  output %y
}
`;

const bytes = (text: string) => new Uint8Array(Buffer.from(text));
const read = (text: string, batch?: number) =>
  importModel({ path: 'dir/m.mcc', name: 'm', bytes: bytes(text), ...(batch === undefined ? {} : { batch }) });

function refused(text: string, message: string, batch?: number): void {
  assert.throws(
    () => read(text, batch),
    (error: Error) => error instanceof ImportError && error.message === message,
  );
}

suite('is the printed graph under the name of the file', () => {
  const { graph, layers } = read(TEXT);
  assert.is(printGraph(graph), printGraph({ ...parseGraph(TEXT), name: 'm' }));
  assert.equal(layers, [{ index: 0, opcode: 'reshape', outputs: ['y'] }]);
});

suite('refuses what is not in the grammar with line and column', () => {
  refused(
    TEXT.replace('[1,4]', '[1,'),
    "dir/m.mcc: line 2, column 20\n  expected an integer, found 'affine'\n  Expected tensor IR, as `mcc inspect --ir tensor` prints it into a file.",
  );
});

suite('refuses a graph that breaks a law', () => {
  refused(
    TEXT.replace('{"shape":[4]}', '{"shape":[5]}'),
    'dir/m.mcc: %y = reshape\n  expected operands and attributes that reshape accepts, found expected a shape of 4 elements for i8[1,4] affine(0.5, -1), found [5]\n  The graph breaks the law node-shape; ir/tensor/README.md has them all.',
  );
});

suite('refuses a batch', () => {
  refused(
    TEXT,
    'dir/m.mcc: the option --batch\n  expected a model whose batch is open, found tensor IR, whose shapes are settled, and --batch 2\n  Give --batch when the text is made from the original model.',
    2,
  );
});

suite('refuses other text as no model at all', () => {
  refused(
    'a graph {',
    'dir/m.mcc: the first 8 bytes\n  expected an ONNX model, a TensorFlow Lite model (identifier "TFL3") or tensor IR (text that begins with "graph "), found other content (9 bytes)\n  Export the model to .onnx or .tflite first.',
  );
});

suite.run();
