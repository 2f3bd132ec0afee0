import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { casesOf, evaluationFault } from '../../../support/cases.ts';

const suite = makeSuite('reduce ops');
const AGAIN = 'node --import tsx tests/ir/tensor/ops/reduce.test.ts';

suite('every recorded answer of the reference kernels, floats and integers to the byte', async () => {
  const cases = await casesOf(['reduce']);
  const faults = cases.flatMap((loaded) => {
    const fault = evaluationFault(loaded);
    return fault === undefined ? [] : [`${loaded.case.name}: ${fault}`];
  });
  assert.equal(faults, [], AGAIN);
  assert.ok(cases.length >= 180, `${cases.length} cases`);
});

suite.run();
