/**
 * Every operator case, with the kernels of every target, in the loop interpreter: what a core's own kernels compute is
 * checked where no such core is. MCC_TARGET=cortex-m4 runs one target alone.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compile } from '../../compiler/compile.ts';
import { TARGETS, type TargetName } from '../../compiler/targets/index.ts';
import { Machine } from '../../ir/loop/evaluate.ts';
import { printProgram } from '../../ir/loop/print.ts';
import { type EngineCase, engineCases, faults } from './opcases.ts';

const chosen = process.env.MCC_TARGET as TargetName | undefined;
const targets = chosen === undefined ? (Object.keys(TARGETS) as TargetName[]) : [chosen];

const test = suite('operator cases with the kernels of every target');

function run({ loaded }: EngineCase, machine: Machine): Uint8Array[][] {
  return loaded.inputs.map((inputs) => [...machine.run(inputs)]);
}

let cases: readonly EngineCase[] = [];

test.before(async () => {
  cases = await engineCases('c');
  assert.ok(cases.length >= 1000, `only ${cases.length} cases`);
});

for (const target of targets) {
  test(target, () => {
    // A program that is the portable target's, which is tested on engines of its own, needs no second look.
    const tuned = cases.flatMap((one) => {
      const { program } = compile(one.graph, TARGETS[target]);
      return target !== 'c' && printProgram(program) === printProgram(one.program) ? [] : [{ ...one, program }];
    });
    const found = tuned.map((one) => run(one, new Machine(one.program)));
    const reproduce = `MCC_TARGET=${target} node --import ./tools/ts.mjs tests/engines/opcases-targets.test.ts`;
    assert.equal(faults(tuned, found), [], reproduce);
    console.log(`${target}: ${tuned.length} programs of its own`);
  });
}

test.run();
