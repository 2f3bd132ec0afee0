/**
 * Every fourth of the operator cases whose code for 64-bit Arm has dot products of signed bytes, compiled where the instruction is and where it
 * is not: the same C gives the bytes of the reference evaluation both ways.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { printProgram } from '../../ir/loop/print.ts';
import { runBatch } from '../support/c-batch.ts';
import { skipUnlessCommand } from '../support/toolchains.ts';
import { engineCases, faults } from './opcases.ts';

const test = suite('operator cases on aarch64');
const CC = 'aarch64-linux-gnu-gcc';
const RUNNER = 'qemu-aarch64';

for (const machine of [[], ['-march=armv8.2-a+dotprod']]) {
  const name = ['operator cases by', CC, ...machine].join(' ');
  test(name, async () => {
    if (skipUnlessCommand(CC, name) || skipUnlessCommand(RUNNER, name)) return;
    const cases = (await engineCases('aarch64'))
      .filter(({ program }) => printProgram(program).includes('sdot'))
      .filter((_, i) => i % 4 === 0);
    const found = await runBatch(
      cases.map(({ program, loaded }) => ({ program, runs: loaded.inputs })),
      { cc: CC, flags: ['-O1', '-static', ...machine], runner: RUNNER },
    );
    assert.equal(faults(cases, found), []);
    assert.ok(cases.length >= 10, `only ${cases.length} cases`);
  });
}

test.run();
