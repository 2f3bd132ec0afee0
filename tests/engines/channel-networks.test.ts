/**
 * Small networks whose idle channels the passes take out, with the kernels of every target, in the loop interpreter: odd
 * channel counts, borders and chains as they come. MCC_TARGET=cortex-m4 runs one target alone.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compile } from '../../compiler/compile.ts';
import { TARGETS, type TargetName } from '../../compiler/targets/index.ts';
import { Machine } from '../../ir/loop/evaluate.ts';
import { evaluate } from '../../ir/tensor/evaluate.ts';
import type { TensorData } from '../../ir/tensor/types.ts';
import { channelNetwork } from '../passes/exact/channel-networks.ts';
import { randomInputs } from '../support/random-graph.ts';

const SEEDS = 40;
const chosen = process.env.MCC_TARGET as TargetName | undefined;
const targets = chosen === undefined ? (Object.keys(TARGETS) as TargetName[]) : [chosen];

const test = suite('networks with idle channels and the kernels of every target');

const bytesOf = (data: TensorData) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

for (const target of targets) {
  test(target, () => {
    const reproduce = `MCC_TARGET=${target} node --import ./tools/ts.mjs tests/engines/channel-networks.test.ts`;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const graph = channelNetwork(seed);
      const inputs = randomInputs(graph, seed);
      const { program } = compile(graph, TARGETS[target]);
      const found = [...new Machine(program).run(inputs.map(bytesOf))];
      const expected = evaluate(graph, inputs).outputs.map(bytesOf);
      assert.equal(found, expected, `seed ${seed}: ${reproduce}`);
    }
  });
}

test.run();
