import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { evaluate } from '../../ir/tensor/evaluate.ts';
import { inputTypes, outputTypes } from '../../ir/tensor/graph.ts';
import { matches } from '../../ir/tensor/op.ts';
import { OP_NAMES, opRecord } from '../../ir/tensor/ops/index.ts';
import { elementCount, newData, type TensorType } from '../../ir/tensor/types.ts';
import { forAllGraphs, randomGraph, randomInputs, sameBits } from './random-graph.ts';

const suite = makeSuite('random graphs');

for (const op of OP_NAMES) {
  suite(`${op}: every signature occurs, and evaluates to data of the declared type, the same every time`, () => {
    const signatures = opRecord(op).signatures.filter((sig) => !sig.outputs.includes('i64'));
    const missing = new Set(signatures);
    for (let seed = 1; seed <= 1000 && missing.size > 0; seed++) {
      const graph = randomGraph(seed, { ops: [op], nodes: 2 });
      const again = randomGraph(seed, { ops: [op], nodes: 2 });
      for (const node of graph.nodes) {
        const inputs = inputTypes(graph, node).map((type) => type.dtype);
        const outputs = outputTypes(graph, node).map((type) => type.dtype);
        for (const sig of signatures) if (matches(sig, inputs, outputs)) missing.delete(sig);
      }
      const { values } = evaluate(graph, randomInputs(graph, seed));
      const repeated = evaluate(again, randomInputs(again, seed)).values;
      for (const [name, data] of values) {
        const { dtype, shape } = graph.types.get(name) as TensorType;
        assert.is(data.constructor, newData(dtype, 0).constructor, `seed ${seed}: array class of %${name}`);
        assert.is(data.length, elementCount(shape), `seed ${seed}: length of %${name}`);
        assert.ok(sameBits(data, repeated.get(name) as typeof data), `seed ${seed}: %${name} differs in a second run`);
      }
    }
    assert.equal(
      [...missing].map((sig) => sig.text),
      [],
      'signatures that no seed made',
    );
  });
}

suite('a failure is shrunk to little more than its cause and says how to repeat it', async () => {
  let message = '';
  try {
    await forAllGraphs({
      file: 'tests/support/random-graph.test.ts',
      seeds: 1000,
      options: { nodes: 8 },
      holds(graph) {
        if (graph.nodes.some((node) => node.op === 'conv2d')) throw new Error('found a convolution');
      },
    });
  } catch (error) {
    message = (error as Error).message;
  }
  assert.match(message, /^seed \d+: found a convolution\n/);
  assert.is(message.match(/ = [a-z_0-9]+\(/g)?.length, 1, message);
  assert.match(message, /repeat: MCC_SEED=\d+ node --import .\/tools\/ts\.mjs tests\/support\/random-graph\.test\.ts$/);
});

suite.run();
