/** Every operator case as a WebAssembly module gives the bytes of the reference evaluation. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { wasmSession } from '../../compiler/cli/engines/index.ts';
import { engineCases, faults } from './opcases.ts';

const test = suite('operator cases in WebAssembly');

for (const target of ['wasm', 'wasm-scalar'] as const) {
  test(`every case, code for ${target}`, async () => {
    const cases = await engineCases(target);
    const found = [];
    for (const { program, loaded } of cases) {
      const session = await wasmSession(program);
      found.push(await session.run(loaded.inputs, { keepState: true }));
    }
    assert.equal(faults(cases, found), []);
    assert.ok(cases.length >= 1000, `only ${cases.length} cases`);
  });
}

test.run();
