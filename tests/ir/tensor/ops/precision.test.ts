/** In which precision scale factors are computed, where it decides what comes out. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { casesOf, evaluationFault } from '../../../support/cases.ts';

const suite = makeSuite('precision of scale factors');
const AGAIN = 'node --import ./tools/ts.mjs tests/ir/tensor/ops/precision.test.ts';

suite('every recorded answer of the reference kernels, to the byte', async () => {
  const cases = await casesOf(['precision']);
  const faults = cases.flatMap((loaded) => {
    const fault = evaluationFault(loaded);
    return fault === undefined ? [] : [`${loaded.case.name}: ${fault}`];
  });
  assert.equal(faults, [], AGAIN);
  assert.ok(cases.length >= 31, `${cases.length} cases`);
});

suite.run();
