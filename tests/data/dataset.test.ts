/** Whole datasets: sources, labels, selections, and errors that say what to do. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openDataset, readDataSpec, type Selection } from '../../compiler/data/dataset.ts';
import type { DataSpec } from '../../compiler/data/spec.ts';
import type { Graph } from '../../ir/tensor/graph.ts';
import { collect, graphOf, idx, messageOf, npy, png, temporaryFolder, wav } from './writers.ts';

const test = suite('dataset');
const folder = temporaryFolder();
const write = (name: string, bytes: Uint8Array | string): void => {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), bytes);
};
const pixel = (value: number) => png({ width: 1, height: 1, depth: 8, colourType: 0, rows: Uint8Array.of(0, value) });
const bytesOf = (data: ArrayBufferView) => new Uint8Array(data.buffer);
const scalar = graphOf('f32[1,1,1,1]');
const pair = graphOf('f32[1,2]');

/** First numbers of the inputs, and labels. */
async function read(graph: Graph, spec: DataSpec, selection?: Selection) {
  const dataset = await openDataset(graph, spec, folder);
  const samples = await collect(dataset.samples(selection));
  return {
    dataset,
    inputs: samples.map(({ inputs }) => inputs.map((data) => Number(data[0]))),
    labels: samples.map(({ label }) => (label === undefined ? undefined : [...label])),
  };
}
const refusal = (graph: Graph, spec: DataSpec) => messageOf(() => read(graph, spec));

test('a folder of images: folders are classes in the order of their names', async () => {
  for (const [name, value] of Object.entries({ 'pets/dog/a.png': 3, 'pets/cat/b.png': 2, 'pets/cat/a.png': 1 })) {
    write(name, pixel(value));
  }
  const { dataset, inputs, labels } = await read(scalar, { inputs: 'pets' });
  assert.is(dataset.description, 'images, 3 files; labels: folders of 2 classes');
  assert.equal(dataset.classes, ['cat', 'dog']);
  assert.equal(inputs, [[1], [2], [3]]);
  assert.equal(labels, [[0], [0], [1]]);
  assert.equal((await read(scalar, { inputs: 'pets', classes: ['dog', 'bird', 'cat'] })).labels, [[2], [2], [0]]);
  assert.match(
    await refusal(scalar, { inputs: 'pets', classes: ['dog'] }),
    /pets\/cat\n {2}expected a folder named after a class/,
  );
});

test('folders whose names are numbers are the classes of these numbers', async () => {
  for (const group of [2, 10]) write(`numbers/${group}/a.png`, pixel(group));
  const { inputs, labels, dataset } = await read(scalar, { inputs: 'numbers' });
  assert.equal([inputs, labels, dataset.classes], [[[10], [2]], [[10], [2]], undefined]);
});

test('a table of labels for files, in any order', async () => {
  write('plain/a.png', pixel(1));
  write('plain/b.png', pixel(2));
  write('labels.csv', 'file,kind,age\nb.png,dog,7\na.png,cat,5\n');
  const of = async (labels: string) => (await read(scalar, { inputs: 'plain', labels })).labels;
  assert.equal(await of('labels.csv'), [[0], [1]]);
  assert.equal(await of('labels.csv#file,age'), [[5], [7]]);
  assert.equal(await of('labels.csv#age'), [[5], [7]]);
  assert.equal((await read(scalar, { inputs: 'plain' })).labels, [undefined, undefined]);
  write('short.csv', 'b.png,1\nother.png,2\n');
  const expected = /short\.csv\n {2}expected a row for .*a\.png, found none for "a\.png"/;
  assert.match(await refusal(scalar, { inputs: 'plain', labels: 'short.csv' }), expected);
});

test('a table: columns by name, labels from the same file', async () => {
  write('t.csv', '\ufeffx,y,"the label"\n1,2,b\n3e-1,-4,a\n\n5,+6,b\n');
  const { dataset, inputs, labels } = await read(pair, { inputs: 't.csv', labels: 't.csv#the label' });
  assert.is(dataset.description, 'csv, 3 rows x 2 columns; labels: csv, column the label');
  assert.equal(
    [inputs, labels, dataset.classes],
    [
      [[1], [Math.fround(0.3)], [5]],
      [[1], [0], [1]],
      ['a', 'b'],
    ],
  );
  assert.equal((await read(pair, { inputs: 't.csv#y,x' })).inputs, [[2], [-4], [6]]);
  assert.equal((await read(pair, { inputs: 't.csv#y,x', labels: 't.csv#x,y' })).labels[0], [1, 2]);
  write('bare.csv', '1,2\n3,4\n');
  write('iris.csv', '1,2,b\n3,4,a\n');
  assert.equal((await read(pair, { inputs: 'iris.csv', labels: 'iris.csv#2' })).labels, [[1], [0]]);
  assert.equal((await read(pair, { inputs: 'bare.csv' })).inputs, [[1], [3]]);
});

test('a table: what is refused, and how', async () => {
  write('t.csv', 'x,y,z\n1,2,b\n3,oops,a\n');
  assert.match(
    await refusal(pair, { inputs: 't.csv#x,y' }),
    /row 3, column "y"\n {2}expected a number, found "oops"\n/,
  );
  assert.match(await refusal(pair, { inputs: 't.csv#x,q' }), /expected a column "q", found x, y, z\n/);
  assert.match(
    await refusal(pair, { inputs: 't.csv#x,y', labels: 't.csv' }),
    /the column of the labels.*name it after .*#z/s,
  );
  write('ragged.csv', '1,2\n3\n');
  assert.match(await refusal(pair, { inputs: 'ragged.csv' }), /as many in every row, found .*line 2/);
  write('empty.csv', '');
  assert.match(await refusal(pair, { inputs: 'empty.csv' }), /expected rows of comma-separated values, found none/);
});

test('arrays with labels in another file, for an integer input', async () => {
  write('x.npy', npy('<f4', [3, 2], bytesOf(Float32Array.of(0.5, 0, 1, 0, -9, 0))));
  write('y.idx', idx(8, [3], Uint8Array.of(4, 5, 6)));
  const graph = graphOf('i8[1,2] affine(0.25, 1)');
  const { inputs, labels } = await read(graph, { inputs: 'x.npy', labels: 'y.idx' });
  assert.equal(
    [inputs, labels],
    [
      [[3], [5], [-35]],
      [[4], [5], [6]],
    ],
  );
  const stored = { inputs: 'y.idx', preprocess: { values: 'stored' } } as const;
  assert.equal((await read(graphOf('i8[1] affine(0.25, 1)'), stored)).inputs, [[4], [5], [6]]);
});

test('several inputs by name, with steps of their own', async () => {
  const graph = graphOf('f32[1,2]', 'f32[1,1]');
  write('x.npy', npy('<f4', [2, 2], bytesOf(Float32Array.of(1, 0, 2, 0))));
  write('z.npy', npy('|u1', [2, 1], Uint8Array.of(3, 4)));
  const inputs = { x0: 'x.npy', x1: 'z.npy' };
  const spec = { inputs, preprocess: { scale: 10 }, preprocessOf: { x1: { offset: 1 } } };
  assert.equal((await read(graph, spec)).inputs, [
    [10, 4],
    [20, 5],
  ]);
  assert.match(await refusal(graph, { inputs: { x0: 'x.npy' } }), /a source for each input: .*, found none for "x1"/);
  assert.match(
    await refusal(graph, { inputs: { ...inputs, q: 'x.npy' } }),
    /inputs of the model: "x0" \(f32\[1,2\]\).*, found "q"/,
  );
});

test('raw files, also of several inputs', async () => {
  const graph = graphOf('i8[1,2] affine(0.5, 0)', 'f32[1]');
  write('raw/in_00_0.bin', Uint8Array.of(1, 2));
  write('raw/in_00_1.bin', bytesOf(Float32Array.of(7)));
  write('raw/in_2_0.bin', bytesOf(Float32Array.of(1, 2)));
  write('raw/in_2_1.bin', bytesOf(Float32Array.of(8)));
  write('raw/out_00.bin', Uint8Array.of(0));
  assert.equal((await read(graph, { inputs: 'raw' })).inputs, [
    [1, 7],
    [2, 8],
  ]);
});

test('sounds in folders of classes', async () => {
  const sound = wav({ code: 1, bits: 16, channels: 1, rate: 16000 }, bytesOf(Int16Array.of(16384, 0)));
  write('words/no/1.wav', sound);
  write('words/yes/1.WAV', sound);
  const { inputs, labels } = await read(pair, { inputs: 'words', preprocess: { samplesPerSecond: 16000 } });
  assert.equal(
    [inputs, labels],
    [
      [[0.5], [0.5]],
      [[0], [1]],
    ],
  );
});

test('a limit takes a seeded random subset, in order, of inputs and labels alike', async () => {
  const numbers = Uint8Array.from({ length: 200 }, (_, i) => i);
  write('many.npy', npy('|u1', [200], numbers));
  write('many.idx', idx(8, [200], numbers));
  const graph = graphOf('f32[1]');
  const spec = { inputs: 'many.npy', labels: 'many.idx' };
  const first = await read(graph, spec, { limit: 20, seed: 1 });
  assert.is(first.inputs.length, 20);
  assert.equal(first.inputs, first.labels);
  assert.equal(
    first.inputs,
    [...first.inputs].sort((a, b) => Number(a[0]) - Number(b[0])),
  );
  assert.equal((await read(graph, spec, { limit: 20, seed: 1 })).inputs, first.inputs);
  assert.not.equal((await read(graph, spec, { limit: 20, seed: 2 })).inputs, first.inputs);
  assert.is((await read(graph, spec, { limit: 500 })).inputs.length, 200);
  // Over many seeds every sample is as likely as another: 2000 draws of 10 in 200.
  const counts = new Array<number>(200).fill(0);
  const dataset = await openDataset(graph, { inputs: 'many.npy' }, folder);
  for (let seed = 1; seed <= 200; seed++) {
    for await (const { inputs } of dataset.samples({ limit: 10, seed })) counts[Number(inputs[0]?.[0])]!++;
  }
  const chiSquared = counts.reduce((sum, count) => sum + (count - 10) ** 2 / 10, 0);
  // 199 degrees of freedom: between the 0.01 % quantiles, drawing without replacement narrows it further.
  assert.ok(chiSquared > 125 && chiSquared < 285, `chi squared ${chiSquared}`);
});

test('numbers of samples must agree', async () => {
  write('three.idx', idx(8, [3], Uint8Array.of(1, 2, 3)));
  write('two.idx', idx(8, [2], Uint8Array.of(1, 2)));
  const expected = /two\.idx\n {2}expected 3 samples, as many as .*three\.idx has, found 2$/;
  assert.match(await refusal(graphOf('f32[1]'), { inputs: 'three.idx', labels: 'two.idx' }), expected);
});

test('what is no data is refused with what there could be', async () => {
  write('mixed/a.png', pixel(1));
  write('mixed/in_00.bin', Uint8Array.of(1));
  write('text.json', '{}');
  write('nothing/readme', 'x');
  assert.match(
    await refusal(scalar, { inputs: 'mixed' }),
    /files of one kind: .*, found 1 in_NN\.bin, 1 images, 0 sounds/,
  );
  assert.match(await refusal(scalar, { inputs: 'nothing' }), /found none of them/);
  assert.match(
    await refusal(scalar, { inputs: 'absent' }),
    /absent\n {2}expected a readable file, found nothing: it does not/,
  );
  assert.match(
    await refusal(scalar, { inputs: 'text.json' }),
    /a folder of images.*, found a file that begins with 123, 125/,
  );
  assert.match(await refusal(scalar, { inputs: 'mixed#x' }), /expected/);
});

test('a description in JSON: paths below its folder, errors name the field', async () => {
  write('sub/d.json', JSON.stringify({ inputs: '../three.idx', preprocess: { scale: 2 } }));
  const { spec, base } = readDataSpec(join(folder, 'sub/d.json'));
  const dataset = await openDataset(graphOf('f32[1]'), spec, base);
  assert.equal(
    (await collect(dataset.samples())).map(({ inputs }) => inputs[0]?.[0]),
    [2, 4, 6],
  );
  write('sub/bad.json', JSON.stringify({ inputs: 'x', preprocess: { resize: { height: 0, width: 3 } } }));
  assert.match(
    await messageOf(() => readDataSpec(join(folder, 'sub/bad.json'))),
    /bad\.json\n {2}.*found preprocess\.resize/,
  );
  write('sub/worse.json', '{');
  assert.match(
    await messageOf(() => readDataSpec(join(folder, 'sub/worse.json'))),
    /expected a JSON file that describes data/,
  );
});

test.run();
