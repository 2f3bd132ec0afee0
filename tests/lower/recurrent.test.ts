import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { casesOf, KERNEL_TARGETS, loweringFault } from '../support/cases.ts';
import { randomFaults } from '../support/random-programs.ts';

const suite = makeSuite('recurrent kernels');
const AGAIN = 'node --import ./tools/ts.mjs tests/lower/recurrent.test.ts';
const cases = await casesOf(['state']);

for (const target of KERNEL_TARGETS) {
  suite(`every case for target ${target} computes what its graph does`, () => {
    const faults = cases.flatMap((loaded) => {
      const fault = loweringFault(loaded, target);
      return fault === undefined ? [] : [`${loaded.case.name}: ${fault}`];
    });
    assert.equal(faults, [], AGAIN);
    assert.ok(cases.length >= 46, `${cases.length} cases`);
  });
}

for (const op of ['svdf', 'lstm'] as const) {
  suite(`random ${op}, weights constant and not, compute what evaluation says`, () => {
    assert.equal(randomFaults([op], 120), [], AGAIN);
  });
}

suite('states work in place among nodes that read them, what they become, and other states', () => {
  assert.equal(randomFaults(['svdf', 'lstm', 'relu', 'batch_matmul', 'transpose_conv2d'], 80, 6), [], AGAIN);
});

suite.run();
