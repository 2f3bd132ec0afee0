/** The ONNX backend test suite on the reference evaluation; what does not pass is listed with a reason. */
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { onnxOperatorsPage, PAGE } from '../../../tools/docs/onnx-operators.ts';
import { exceptionOf } from '../../support/onnx-exceptions.ts';
import { resultsOf } from '../../support/onnx-results.ts';
import { type Group, skipUnlessSuite } from '../../support/onnx-suite.ts';

const test = suite('onnx suite');

function check(group: Group): void {
  const results = resultsOf(group);
  const wrong = results.flatMap(({ name, fault }) => {
    const exception = exceptionOf(name);
    if (fault === undefined)
      return exception === undefined ? [] : [`${name} passes, but is listed: ${exception.reason}`];
    return exception === undefined ? [`${name}: ${fault}`] : [];
  });
  assert.equal(wrong, []);
  const inside = results.filter(({ name }) => exceptionOf(name)?.outside !== true);
  const passed = inside.filter(({ fault }) => fault === undefined);
  assert.ok(passed.length >= 0.95 * inside.length, `${passed.length} of ${inside.length} cases pass`);
}

for (const group of ['node', 'pytorch-operator', 'pytorch-converted'] as const) {
  test(`${group} cases`, () => {
    if (skipUnlessSuite(`onnx ${group} cases`)) return;
    check(group);
  });
}

test('simple cases, but for strings and gradients', () => {
  if (skipUnlessSuite('onnx simple cases')) return;
  const wrong = resultsOf('simple').filter(
    ({ name, fault }) => (fault === undefined) !== (exceptionOf(name) === undefined),
  );
  assert.equal(wrong, []);
});

test('docs/onnx-ops.md says what the suite says', () => {
  if (skipUnlessSuite('docs/onnx-ops.md')) return;
  const command = 'node --import ./tools/ts.mjs tools/docs/onnx-operators.ts';
  assert.is(readFileSync(PAGE, 'utf8'), onnxOperatorsPage(), `bring it up to date: ${command}`);
});

test.run();
