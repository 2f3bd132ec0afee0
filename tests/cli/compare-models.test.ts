/** `mcc compare A B` on two versions of a small graph. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { mcc, temporaryFolder } from './support.ts';

const test = suite('compare models');
const folder = temporaryFolder();
const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
write(
  'float.mcc',
  `graph net {
  input %x : f32[1,2]
  %a : f32[1,2] = relu(%x)
  %z : f32[1,2] = abs(%a)
  output %z
}
`,
);
write(
  'int8.mcc',
  `graph net {
  input %x : i8[1,2] affine(0.5, 0)
  %a : i8[1,2] affine(0.5, 0) = relu(%x)
  %z : i8[1,2] affine(1, 0) = requantize(%a)
  output %z
}
`,
);
write('other.mcc', 'graph other {\n  input %q : f32[3]\n  %r : f32[3] = abs(%q)\n  output %r\n}\n');
write('x.csv', '1.1,-1\n0.4,3\n');

test('prints the tensors that both have, noisiest first', async () => {
  const { code, stdout, stderr } = await mcc(folder, 'compare', 'float.mcc', 'int8.mcc', '--data', 'x.csv');
  assert.is(code, 0, stderr);
  // a: 1.1, 0.4 and 3 against 1, 0.5 and 3; z against 1, 1 and 3. The signal of both is 1.21 + 0.16 + 9.
  const [a, z] = [0.02, 0.37].map((noise) => `${(10 * Math.log10(10.37 / noise)).toFixed(1)} dB`);
  assert.is(
    stdout,
    `float.mcc and int8.mcc: 2 of 2 tensors on 2 samples (csv, 2 rows x 2 columns)

   SQNR  worst error   rms  types   op    tensor
${z}          0.6  1.61  f32 i8  abs   z
${a}          0.1  1.61  f32 i8  relu  a
`,
  );
});

test('random inputs without data; a model equals itself', async () => {
  const { code, stdout, stderr } = await mcc(folder, 'compare', 'float.mcc', 'int8.mcc', '--inputs', '5');
  assert.is(code, 0, stderr);
  assert.match(stdout, /2 of 2 tensors on 5 samples \(random, seed 1\)\n\n.*\n +[\d.]+ dB /);
  const same = await mcc(folder, 'compare', 'float.mcc', 'float.mcc');
  assert.match(same.stdout, /\n *equal +0 .* a\n *equal +0 .* z\n$|\n *equal +0 .* z\n *equal +0 .* a\n$/);
});

test('what is refused, and how', async () => {
  const none = await mcc(folder, 'compare', 'float.mcc', 'other.mcc');
  assert.is(none.code, 1);
  assert.match(none.stderr, /expected tensors of the same name and shape, found none; compare versions of one model/);
  const numerics = await mcc(folder, 'compare', 'float.mcc', 'int8.mcc', '--golden', 'x');
  assert.is(numerics.code, 2);
  assert.match(numerics.stderr, /--golden: only for the profiles of one model/);
  const single = await mcc(folder, 'compare', 'float.mcc', '--data', 'x.csv');
  assert.is(single.code, 2);
  assert.match(single.stderr, /--data: expected a second model to compare with/);
});

test.run();
