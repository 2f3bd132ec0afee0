import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { type CompressOptions, compress } from '../../compiler/compress/compress.ts';
import { parseRecipe } from '../../compiler/compress/recipe.ts';
import { distances, outputPairs } from '../../compiler/compress/sqnr.ts';
import type { Graph } from '../../ir/tensor/graph.ts';
import { parseGraph } from '../../ir/tensor/parse.ts';
import { printGraph } from '../../ir/tensor/print.ts';
import { CNN, network, samplesFor } from './support.ts';

const suite = makeSuite('compress');

const GRAPH = network(CNN);
const SAMPLES = samplesFor(GRAPH, 12);

async function run(steps: unknown[], options?: CompressOptions) {
  return await compress(GRAPH, parseRecipe({ steps }), SAMPLES, options);
}

async function ratio(graph: Graph): Promise<number> {
  return (await distances(GRAPH, graph, outputPairs(GRAPH, graph), SAMPLES))[0].decibels;
}

suite('4-bit weights: each method gains on rounding to nearest, and learned rounding with corrected biases too', async () => {
  const quantize = { method: 'quantize', weights: { bits: 4, range: 'mse' } };
  const of = async (...more: unknown[]) => await ratio((await run([quantize, ...more])).graph);
  const plain = await of();
  const [learned, second, unbiased] = [
    await of({ method: 'adaround' }),
    await of({ method: 'gptq' }),
    await of({ method: 'bias-correction' }),
  ];
  assert.ok(learned > plain + 1, `adaround: ${plain} to ${learned} dB`);
  assert.ok(second > plain + 0.5, `gptq: ${plain} to ${second} dB`);
  assert.ok(unbiased > plain - 0.5, `bias correction: ${plain} to ${unbiased} dB`);
  const all = await of({ method: 'adaround' }, { method: 'bias-correction' });
  assert.ok(all > plain + 1, `${plain} to ${all} dB`);
});

suite('the result is text that gives itself back, the same each time', async () => {
  const steps = [{ method: 'equalize' }, { method: 'quantize' }, { method: 'adaround', iterations: 20 }];
  const [first, second] = [await run(steps), await run(steps)];
  const text = printGraph(first.graph);
  assert.is(printGraph(second.graph), text);
  assert.is(printGraph(parseGraph(text)), text);
});

suite('widths from a budget reach quantize, and what the step says wins', async () => {
  const widths = { method: 'mixed-precision', bytes: 300, samples: 2 };
  const { report } = await run([widths, { method: 'quantize', weights: { layerBits: { f: 6 } } }]);
  const packed = report.layers.reduce((sum, layer) => sum + layer.packedBytes, 0);
  const bits = Object.fromEntries(report.layers.map((layer) => [layer.name, layer.bits]));
  assert.is(bits.f, 6);
  assert.ok(Object.values(bits).includes(4));
  assert.ok(packed <= 300 + 40, `${packed}`);
});

suite('the most sensitive layers stay floats', async () => {
  const { report } = await run([{ method: 'keep-sensitive', count: 1, bits: 2 }, { method: 'quantize' }]);
  assert.is(report.layers.length, 3);
  assert.match(report.kept[0].reason, /^keepFloat "/);
});

suite('a budget of accuracy asks the metric, of quantized graphs, and stays within it', async () => {
  const asked: number[] = [];
  const evaluate = async (graph: Graph) => {
    const score = await ratio(graph);
    asked.push(score);
    return score;
  };
  const steps = [{ method: 'mixed-precision', maxLoss: 8, samples: 2 }, { method: 'quantize' }];
  const { graph } = await run(steps, { evaluate });
  assert.ok((await ratio(graph)) >= asked[0] - 8);
  await run(steps).then(
    () => assert.unreachable(),
    (error: Error) => assert.is(error.message, 'mixed-precision: maxLoss needs a metric: pass data with labels'),
  );
});

suite('budgets out of reach are refused', async () => {
  await run([{ method: 'bit-widths', bytes: 10 }, { method: 'quantize' }]).then(
    () => assert.unreachable(),
    (error: Error) =>
      assert.match(error.message, /^bit-widths: expected at most 10 bytes of weights of 2 to 8 bits, found/),
  );
});

suite.run();
