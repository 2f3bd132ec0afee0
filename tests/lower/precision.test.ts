/** The cases in which the precision of scale factors decides. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { casesOf, KERNEL_TARGETS, loweringFault } from '../support/cases.ts';

const suite = makeSuite('precision of scale factors in kernels');
const AGAIN = 'node --import ./tools/ts.mjs tests/lower/precision.test.ts';
const cases = await casesOf(['precision']);

for (const target of KERNEL_TARGETS) {
  suite(`every recorded case lowered for ${target} equals its evaluation`, () => {
    const faults = cases.flatMap((loaded) => {
      const fault = loweringFault(loaded, target);
      return fault === undefined ? [] : [`${loaded.case.name}: ${fault}`];
    });
    assert.equal(faults, [], AGAIN);
  });
}

suite.run();
