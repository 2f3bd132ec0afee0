import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { casesOf, KERNEL_TARGETS, loweringFault } from '../support/cases.ts';

const suite = makeSuite('reduce kernels');
const FILE = 'tests/lower/reduce.test.ts';
const cases = await casesOf(['reduce']);

for (const target of KERNEL_TARGETS) {
  suite(`every case for target ${target} computes what its graph does`, () => {
    const faults = cases.flatMap((loaded) => {
      const fault = loweringFault(loaded, target);
      return fault === undefined ? [] : [`${loaded.case.name}: ${fault}`];
    });
    assert.equal(faults, [], `node --import tsx ${FILE}`);
    assert.ok(cases.length >= 180, `${cases.length} cases`);
  });
}

suite.run();
