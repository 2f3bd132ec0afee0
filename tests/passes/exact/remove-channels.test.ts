import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { removeChannels } from '../../../compiler/passes/exact/remove-channels.ts';
import { runPasses } from '../../../compiler/passes/run.ts';
import { printGraph } from '../../../ir/tensor/print.ts';
import { expectSameResults } from '../support.ts';
import { channelNetwork } from './channel-networks.ts';

const FILE = 'tests/passes/exact/remove-channels.test.ts';
const suite = makeSuite('exact/remove-channels');

suite('is exact on random networks with idle and equal channels, and has nothing left to do', () => {
  const only = process.env.MCC_SEED;
  const seeds = only === undefined ? Array.from({ length: 600 }, (_, i) => i + 1) : [Number(only)];
  const fired: Record<string, number> = {};
  for (const seed of seeds) {
    const graph = channelNetwork(seed);
    try {
      const { graph: after, reports } = runPasses(graph, [removeChannels], { verifyEach: true });
      for (const [rule, count] of Object.entries(reports[0]?.fired ?? {})) fired[rule] = (fired[rule] ?? 0) + count;
      for (const inputs of [seed, seed + 1000]) expectSameResults(graph, after, inputs);
      assert.is(runPasses(after, [removeChannels], { verifyEach: false }).patches, 0, 'a second run changes nothing');
    } catch (error) {
      const repeat = `MCC_SEED=${seed} node --import ./tools/ts.mjs ${FILE}`;
      throw new Error(`seed ${seed}: ${(error as Error).message}\n${printGraph(graph)}repeat: ${repeat}`);
    }
  }
  if (only === undefined) {
    assert.ok((fired.idle ?? 0) > 200, `idle channels went in only ${fired.idle} groups`);
    assert.ok((fired.twin ?? 0) > 30, `equal channels went in only ${fired.twin} groups`);
  }
  console.log(JSON.stringify(fired));
});

suite.run();
