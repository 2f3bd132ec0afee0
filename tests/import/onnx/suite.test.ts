/** The ONNX backend test suite on the reference evaluation; what does not pass is listed with a reason. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ImportError } from '../../../compiler/import/error.ts';
import { evaluate } from '../../../ir/tensor/evaluate.ts';
import { assertValid } from '../../../ir/tensor/verify.ts';
import { exceptionOf } from '../../support/onnx-exceptions.ts';
import { caseNames, differenceOf, type Group, loadCase, skipUnlessSuite } from '../../support/onnx-suite.ts';

const test = suite('onnx suite');

/** What is wrong with a case's answer, or why mcc refuses it; undefined when it passes. */
function faultOf(group: Group, name: string): string | undefined {
  try {
    const { model, sets } = loadCase(group, name);
    assertValid(model.graph);
    for (const { inputs, expected } of sets) {
      const { outputs } = evaluate(model.graph, inputs);
      for (const [i, values] of expected.entries()) {
        const difference = differenceOf(model, i, outputs[i], values);
        if (difference !== undefined) return difference;
      }
    }
    return undefined;
  } catch (error) {
    if (error instanceof ImportError) return error.message;
    throw error;
  }
}

function check(group: Group): void {
  const passed: string[] = [];
  const wrong: string[] = [];
  for (const name of caseNames(group)) {
    const fault = faultOf(group, name);
    const exception = exceptionOf(name);
    if (fault === undefined) passed.push(name);
    if (fault === undefined && exception !== undefined)
      wrong.push(`${name} passes, but is listed: ${exception.reason}`);
    if (fault !== undefined && exception === undefined) wrong.push(`${name}: ${fault}`);
  }
  assert.equal(wrong, []);
  const names = caseNames(group).filter((name) => exceptionOf(name)?.outside !== true);
  assert.ok(passed.length >= 0.95 * names.length, `${passed.length} of ${names.length} cases pass`);
}

for (const group of ['node', 'pytorch-operator', 'pytorch-converted'] as const) {
  test(`${group} cases`, () => {
    if (skipUnlessSuite(`onnx ${group} cases`)) return;
    check(group);
  });
}

test('simple cases, but for strings and gradients', () => {
  if (skipUnlessSuite('onnx simple cases')) return;
  const wrong = caseNames('simple').flatMap((name) => {
    const fault = faultOf('simple', name);
    return (fault === undefined) === (exceptionOf(name) === undefined) ? [] : [`${name}: ${fault}`];
  });
  assert.equal(wrong, []);
});

test.run();
