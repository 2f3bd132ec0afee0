/** The shared models whose first layers run in strips of rows, for 24 KiB of RAM: recorded answers on several engines. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type EngineName, openSession, targetOf } from '../../compiler/cli/engines/index.ts';
import { simplify } from '../../compiler/compile.ts';
import { lowerWithin } from '../../compiler/lower/fit.ts';
import { TARGETS } from '../../compiler/targets/index.ts';
import { canRun, goldens, hasShared, importShared } from '../support/golden.ts';

/** Engine and how many of the recorded inputs it runs. */
const ENGINES: readonly (readonly [Exclude<EngineName, 'reference'>, number])[] = [
  ['loop', 1],
  ['c', 20],
  ['cortex-m4', 2],
];

const test = suite('models in strips');

if (hasShared('models in strips')) {
  for (const name of ['vww', 'person']) {
    for (const [engine, count] of ENGINES) {
      test(`${name} in 24 KiB on ${engine}`, async () => {
        if (!canRun(engine, `${name} in strips on ${engine}`)) return;
        const graph = simplify(importShared(name).graph);
        const fitted = lowerWithin(graph, TARGETS[targetOf(engine)], { ram: 24 * 1024 });
        assert.ok(fitted.strips.length > 0);
        const { inputs, outputs } = goldens(name, count);
        // The graph in strips, which is compiled as any other.
        const session = await openSession(engine, fitted.graph);
        try {
          assert.equal(await session.run(inputs), outputs);
        } finally {
          session.close();
        }
      });
    }
  }
}

test.run();
