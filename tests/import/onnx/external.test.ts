/** Tensors in files beside the model: inside its folder and nowhere else. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ImportError } from '../../../compiler/import/error.ts';
import { importOnnx } from '../../../compiler/import/onnx/import.ts';
import { evaluate } from '../../../ir/tensor/evaluate.ts';
import { writeOnnx } from '../../support/onnx-writer.ts';

const test = suite('external data of ONNX models');

const VALUES = Float32Array.of(1.5, -2, 0.25, 8);
const root = mkdtempSync(join(tmpdir(), 'mcc-external-'));
const folder = join(root, 'model');
mkdirSync(join(folder, 'data'), { recursive: true });
writeFileSync(join(folder, 'data', 'weights.bin'), Buffer.concat([Buffer.alloc(8), new Uint8Array(VALUES.buffer)]));
writeFileSync(join(root, 'secret.bin'), Buffer.alloc(64));
symlinkSync(join(root, 'secret.bin'), join(folder, 'link.bin'));
test.after(() => rmSync(root, { recursive: true, force: true }));

/** x + w, where w lies at `location`. */
function model(location: string, more: Readonly<Record<string, string>> = {}): Uint8Array {
  const entries = { location, ...more };
  const type = { tensor_type: { elem_type: 1, shape: { dim: [{ dim_value: 4 }] } } };
  return writeOnnx({
    ir_version: 8,
    opset_import: [{ domain: '', version: 17 }],
    graph: {
      name: 'g',
      input: [{ name: 'x', type }],
      output: [{ name: 'y', type }],
      initializer: [
        {
          name: 'w',
          data_type: 1,
          dims: [4],
          data_location: 1,
          external_data: Object.entries(entries).map(([key, value]) => ({ key, value })),
        },
      ],
      node: [{ op_type: 'Add', input: ['x', 'w'], output: ['y'] }],
    },
  });
}

function imported(location: string, more?: Readonly<Record<string, string>>) {
  return importOnnx(model(location, more), { name: 'm', file: join(folder, 'm.onnx') });
}

test('reads a part of a file in the folder', () => {
  const { graph } = imported('data/weights.bin', { offset: '8', length: '16' });
  assert.equal(evaluate(graph, [new Float32Array(4)]).outputs, [VALUES]);
});

const REFUSED: readonly (readonly [location: string, more: Readonly<Record<string, string>>, says: RegExp])[] = [
  ['../secret.bin', {}, /expected a file inside the model's folder, found "\.\.\/secret\.bin"/],
  ['data/../../secret.bin', {}, /expected a file inside the model's folder/],
  ['link.bin', {}, /expected a file inside the model's folder, found "link\.bin"/],
  [join(root, 'secret.bin'), {}, /expected a file inside the model's folder/],
  ['C:\\secret.bin', {}, /expected a file inside the model's folder/],
  ['..\\secret.bin', {}, /expected a file inside the model's folder/],
  ['missing.bin', {}, /found "missing\.bin" \(ENOENT\)/],
  ['data', {}, /expected a regular file, found something else/],
  ['data/weights.bin', { offset: '-8' }, /offset\n {2}expected a number of bytes, found "-8"/],
  ['data/weights.bin', { offset: '16', length: '16' }, /expected bytes within the 24 of the file, found 16 from 16/],
  ['data/weights.bin', { length: '8' }, /expected 4 values of float, found 8 bytes/],
];

for (const [location, more, says] of REFUSED) {
  const what = `${location.replace(root, '<root>')} ${JSON.stringify(more)}`;
  test(`refuses ${what}`, () => {
    assert.throws(
      () => imported(location, more),
      (error: unknown) =>
        error instanceof ImportError && /initializer "w"/.test(error.message) && says.test(error.message),
    );
  });
}

test.run();
