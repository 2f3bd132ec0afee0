import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { casesOf, KERNEL_TARGETS, loweringFault } from '../support/cases.ts';
import { randomFaults } from '../support/random-programs.ts';

const suite = makeSuite('convolution kernels');
const AGAIN = 'node --import ./tools/ts.mjs tests/lower/conv.test.ts';
const cases = [...(await casesOf(['conv'])), ...(await casesOf(['dense'], ['TRANSPOSE_CONV']))];

for (const target of KERNEL_TARGETS) {
  suite(`every case for target ${target} computes what its graph does`, () => {
    const faults = cases.flatMap((loaded) => {
      const fault = loweringFault(loaded, target);
      return fault === undefined ? [] : [`${loaded.case.name}: ${fault}`];
    });
    assert.equal(faults, [], AGAIN);
    assert.ok(cases.length >= 80, `${cases.length} cases`);
  });
}

for (const op of ['conv2d', 'depthwise_conv2d', 'transpose_conv2d'] as const) {
  suite(`random ${op}, weights constant and not, compute what evaluation says`, () => {
    assert.equal(randomFaults([op], 120), [], AGAIN);
  });
}

suite.run();
