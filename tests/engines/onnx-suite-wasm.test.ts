/** The ONNX suite as WebAssembly modules gives the bytes of the reference evaluation. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { wasmSession } from '../../compiler/cli/engines/index.ts';
import { skipUnlessSuite } from '../support/onnx-suite.ts';
import { compiledCases, differences } from './onnx-suite.ts';

const test = suite('onnx suite in WebAssembly');

test('every node case', async () => {
  if (skipUnlessSuite('onnx suite in WebAssembly')) return;
  const { compiled, refused } = compiledCases('wasm', 1);
  const found = [];
  for (const { program, runs } of compiled) found.push(await (await wasmSession(program)).run(runs));
  assert.equal(differences(compiled, found), []);
  assert.equal(refused, []);
  assert.ok(compiled.length >= 1500, `only ${compiled.length} cases`);
});

test.run();
