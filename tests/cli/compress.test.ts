/** `mcc compress` from a float model and data to a quantized one that other commands take. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { METHODS } from '../../compiler/compress/methods.ts';
import { Random } from '../support/random.ts';
import { mcc, temporaryFolder } from './support.ts';

const test = suite('compress');
const folder = temporaryFolder();
const write = (name: string, content: string) => writeFileSync(join(folder, name), content);

// Three classes: the larger of the inputs, through a layer that mixes them and one that undoes it.
write(
  'net.mcc',
  `graph net {
  input %x : f32[1,3]
  const %w : f32[3,3] dense = [1, 0.5, 0, 0, 1, 0.5, 0.5, 0, 1]
  const %v : f32[3,3] dense = [0.8888889, -0.44444445, 0.22222222, 0.22222222, 0.8888889, -0.44444445, -0.44444445, 0.22222222, 0.8888889]
  %h : f32[1,3] = fully_connected(%x, %w) {"activation":"relu","rounding":"double","accumulator":"i32"}
  %y : f32[1,3] = fully_connected(%h, %v) {"activation":"none","rounding":"double","accumulator":"i32"}
  output %y
}
`,
);
const r = new Random(1);
const rows = Array.from({ length: 90 }, (_, i) => {
  const values = [0, 1, 2].map((at) => (at === i % 3 ? 1 + r.unit() : r.unit() * 0.9).toFixed(3));
  return `${values.join(',')},${i % 3}`;
});
write('data.csv', `a,b,c,class\n${rows.join('\n')}\n`);
write('recipe.json', JSON.stringify({ samples: 30, steps: [{ method: 'quantize' }, { method: 'bias-correction' }] }));

const DATA = ['--data', 'data.csv', '--labels', 'data.csv#class'];

test('prints what was done, sizes before and after, the metric and the noise; writes the model', async () => {
  const args = ['net.mcc', '--recipe', 'recipe.json', ...DATA, '--target', 'cortex-m4', '-o', 'out'];
  const { code, stdout, stderr } = await mcc(folder, 'compress', ...args);
  assert.is(code, 0, stderr);
  assert.match(stdout, 'quantize\n  2 layers in integers\n');
  assert.match(stdout, /bias-correction\n {2}%h: biases by up to \S+\n {2}%y: biases/);
  assert.match(stdout, /bytes of weights and tables +72 +\d+\n/);
  assert.match(stdout, /MACs +18 +18\n/);
  assert.match(stdout, /predicted cycles on cortex-m4 +[\d,]+ +[\d,]+\n/);
  assert.match(stdout, /top1 {2}100\.00 % .*before\ntop1 {2}100\.00 % .*after\n/);
  const [, decibels] = stdout.match(/y: ([\d.]+) dB signal to quantization noise/) ?? [];
  assert.ok(Number(decibels) > 35, decibels);
  const report = JSON.parse(readFileSync(join(folder, 'out/net.report.json'), 'utf8'));
  assert.equal(
    report.layers.map(({ name, bits }: { name: string; bits: number }) => [name, bits]),
    [
      ['h', 8],
      ['y', 8],
    ],
  );
});

test('what it wrote is a model to all commands, with the same bytes on every engine', async () => {
  const verified = await mcc(folder, 'verify', 'out/net.mcc', '--engines', 'loop,wasm,c');
  assert.is(verified.code, 0, verified.stderr);
  const judged = await mcc(folder, 'eval', 'out/net.mcc', ...DATA);
  assert.match(judged.stdout, 'top1  100.00 %');
});

test('data without labels is judged by noise alone', async () => {
  write('plain.csv', `a,b,c\n${rows.map((row) => row.slice(0, row.lastIndexOf(','))).join('\n')}\n`);
  const { code, stdout } = await mcc(
    folder,
    'compress',
    'net.mcc',
    '-r',
    'recipe.json',
    '--data',
    'plain.csv',
    '-o',
    'o2',
  );
  assert.is(code, 0);
  assert.not.match(stdout, 'top1');
  assert.match(stdout, 'dB signal to quantization noise');
});

test('refuses recipes and goals, naming them', async () => {
  const attempt = async (recipe: string) => {
    write('bad.json', recipe);
    return await mcc(folder, 'compress', 'net.mcc', '-r', 'bad.json', ...DATA, '-o', 'o3');
  };
  const unknown = await attempt('{"steps":[{"method":"shrink"}]}');
  assert.is(unknown.code, 2);
  assert.match(unknown.stderr, 'mcc: bad.json: recipe: steps[0].method: expected one of equalize,');
  const small = await attempt('{"steps":[{"method":"bit-widths","bytes":1},{"method":"quantize"}]}');
  assert.is(small.code, 1);
  assert.match(small.stderr, 'mcc: bit-widths: expected at most 1 bytes of weights of 2 to 8 bits, found');
  const none = await mcc(folder, 'compress', 'net.mcc', '-r', 'none.json', ...DATA, '-o', 'o3');
  assert.match(none.stderr, 'mcc: cannot read recipe none.json: it does not exist');
});

test('methods are listed with their papers', async () => {
  const { stdout } = await mcc(folder, 'methods');
  for (const { name } of Object.values(METHODS)) assert.match(stdout, `${name} (`);
  assert.match(stdout, /after Nagel, Amjad/);
});

test.run();
