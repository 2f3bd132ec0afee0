/** The ONNX suite compiled as strict C99 gives the bytes of the reference evaluation. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runBatch } from '../support/c-batch.ts';
import { skipUnlessSuite } from '../support/onnx-suite.ts';
import { skipUnlessCommand } from '../support/toolchains.ts';
import { compiledCases, differences } from './onnx-suite.ts';

const test = suite('onnx suite in C');

test('every node case, by gcc -O1', async () => {
  if (skipUnlessSuite('onnx suite in C') || skipUnlessCommand('gcc', 'onnx suite in C')) return;
  const { compiled, refused } = compiledCases('c', 1);
  const found = await runBatch(compiled, { cc: 'gcc', flags: ['-O1'] });
  assert.equal(differences(compiled, found), []);
  assert.equal(refused, []);
  assert.ok(compiled.length >= 1500, `only ${compiled.length} cases`);
});

test.run();
