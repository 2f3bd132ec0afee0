/** `mcc eval` on a small integer model: every engine gives the same score, and what it prints. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { missingFor } from '../../compiler/cli/engines/index.ts';
import { writeTflite } from '../support/tflite-writer.ts';
import { mcc, temporaryFolder } from './support.ts';

const test = suite('eval');
const folder = temporaryFolder();

/** y = relu(x) in int8 of scale 1/2: its largest element is that of x where any is above zero, else the first. */
const tensor = (name: string) => ({ name, shape: [1, 3], type: 'i8' as const, scale: [0.5], zeroPoint: [0] });
const operators = [{ op: 'RELU' as const, inputs: [0], outputs: [1] }];
const model = writeTflite({ subgraphs: [{ tensors: ['x', 'y'].map(tensor), operators, inputs: [0], outputs: [1] }] });
writeFileSync(join(folder, 'relu.tflite'), model);

// Row i has its largest value at i % 3; every fifth label is wrong.
const COUNT = 60;
const rows = Array.from({ length: COUNT }, (_, i) => {
  const values = [0, 1, 2].map((at) => (at === i % 3 ? 1 + (i % 7) : -at));
  return `${values.join(',')},${['ant', 'bee', 'cat'][(i + Number(i % 5 === 0)) % 3]}`;
});
writeFileSync(join(folder, 'data.csv'), `a,b,c,animal\n${rows.join('\n')}\n`);
const DATA = ['--data', 'data.csv', '--labels', 'data.csv#animal'];

const succeed = async (...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await mcc(folder, 'eval', 'relu.tflite', ...args);
  assert.is(code, 0, stderr);
  return stdout;
};
const fail = async (...args: string[]): Promise<string> => {
  const { code, stderr } = await mcc(folder, 'eval', 'relu.tflite', ...args);
  assert.ok(code === 1 || code === 2);
  return stderr;
};

for (const engine of ['reference', 'loop', 'wasm', 'c'] as const) {
  if (missingFor(engine) !== undefined) continue;
  test(`top1 on ${engine}`, async () => {
    // 48 of 60; the interval is Wilson's of 48 and 60.
    const expected = `relu: 60 of 60 samples (csv, 60 rows x 3 columns; labels: csv, column animal) on ${engine}
top1  80.00 %  (95 % interval 68.22 to 88.17, Wilson)
`;
    assert.is(await succeed(...DATA, '--engine', engine), expected);
  });
}

test('preprocess, classes, top-k, limit, JSON', async () => {
  // Negated, the largest is one of the other two, clamped by the ReLU unless it is above zero.
  const json = JSON.parse(await succeed(...DATA, '--metric', 'topk', '--k', '3', '--limit', '10', '--json'));
  assert.equal([json.name, json.value, json.count, json.engine, json.unit], ['top3', 1, 10, 'wasm', 'share']);
  const zero = JSON.parse(await succeed(...DATA, '--preprocess', '{"scale":0}', '--json'));
  // Equal outputs: the first class is the answer, which 20 rows and the wrong labels decide.
  const ants = rows.filter((row) => row.endsWith('ant')).length;
  assert.is(zero.value, ants / COUNT);
  const turned = JSON.parse(await succeed(...DATA, '--classes', 'cat,ant,bee', '--json'));
  assert.is(turned.value, rows.filter((row, i) => row.endsWith(['cat', 'ant', 'bee'][i % 3] as string)).length / COUNT);
});

test('the real numbers of a quantized output are compared with labels of real numbers', async () => {
  writeFileSync(join(folder, 'x.csv'), '1.5,-1,0.2,1,0,0\n0,0,0,0,0,3\n');
  // relu gives [1.5, 0, 0] (0.2 rounds to 0) and zeros.
  const args = ['--data', 'x.csv#0,1,2', '--labels', 'x.csv#3,4,5', '--metric', 'mse', '--json'];
  assert.is(JSON.parse(await succeed(...args)).value, (0.25 / 3 + 9 / 3) / 2);
});

test('a script of the user judges', async () => {
  const script = `export default (samples) => {
  const [first] = samples;
  if (first.inputs[0][0] !== 1 || first.outputs[0].length !== 3 || first.label[0] !== 1) throw new Error(first.name);
  return samples.filter(({ outputs }) => outputs[0][0] > 0).length;
};
`;
  writeFileSync(join(folder, 'judge.mjs'), script);
  assert.match(await succeed(...DATA, '-m', 'script', '--script', 'judge.mjs'), /\nscript {2}20\n$/);
  writeFileSync(join(folder, 'text.mjs'), 'export default () => "good";');
  assert.match(
    await fail(...DATA, '-m', 'script', '--script', 'text.mjs'),
    /expected a number from its function, found string/,
  );
  writeFileSync(join(folder, 'none.mjs'), 'export const x = 1;');
  assert.match(await fail(...DATA, '-m', 'script', '--script', 'none.mjs'), /expected a default export, a function/);
  assert.match(await fail(...DATA, '-m', 'script'), /expected --script and an ES module/);
});

test('data in a description', async () => {
  const spec = { inputs: 'data.csv', labels: 'data.csv#animal' };
  writeFileSync(join(folder, 'data.json'), JSON.stringify(spec));
  assert.match(await succeed('--data', 'data.json'), /top1 {2}80\.00 %/);
  assert.match(
    await fail('--data', 'data.json', '--labels', 'x'),
    /--labels: data\.json describes the data; state it there/,
  );
});

test('wrong usage says what was expected', async () => {
  assert.match(await fail('--data', 'data.csv#a,b,c'), /--metric top1: expected labels; state --labels/);
  assert.match(await fail(), /--data: expected a source of samples, found none/);
  assert.match(await fail(...DATA, '-m', 'best'), /--metric best: expected one of top1, top5, .* or script/);
  assert.match(await fail(...DATA, '--output', 'z'), /--output z: expected one of y/);
  assert.match(
    await fail(...DATA, '--preprocess', '{"scal":1}'),
    /command line\n {2}expected a description of data, found preprocess/,
  );
  assert.match(await fail(...DATA, '--preprocess', 'no.json'), /there is no such file/);
  assert.match(await fail(...DATA, '--engine', 'gpu'), /--engine gpu: no such engine/);
});

test.run();
