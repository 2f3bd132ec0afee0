/** Every operator case compiled as strict C99 gives the bytes of the reference evaluation; a third of them again with sanitizers watching, which compile slowly. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runBatch } from '../support/c-batch.ts';
import { skipUnlessCommand } from '../support/toolchains.ts';
import { engineCases, faults } from './opcases.ts';

const SETUPS = [
  { cc: 'gcc', target: 'cortex-m4', flags: ['-O1'], every: 1 },
  { cc: 'clang', target: 'c', flags: ['-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'], every: 3 },
] as const;

const test = suite('operator cases in C');

for (const { cc, target, flags, every } of SETUPS) {
  test(`${every === 1 ? 'every case' : 'every third case'}, code for ${target}, by ${cc} ${flags.join(' ')}`, async () => {
    if (skipUnlessCommand(cc, `operator cases by ${cc}`)) return;
    const cases = (await engineCases(target)).filter((_, i) => i % every === 0);
    const found = await runBatch(
      cases.map(({ program, loaded }) => ({ program, runs: loaded.inputs })),
      { cc, flags },
    );
    assert.equal(faults(cases, found), []);
    assert.ok(cases.length >= 1000 / every, `only ${cases.length} cases`);
  });
}

test.run();
