import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { greedyWidths, measureSensitivity, mostSensitive } from '../../compiler/compress/sensitivity.ts';
import { CNN, network, optionsOf, samplesFor } from './support.ts';

const suite = makeSuite('sensitivity');

const { weights, scales } = optionsOf();

suite('narrow weights do more harm than wide ones, in each layer', async () => {
  const graph = network(CNN);
  const measured = await measureSensitivity(graph, samplesFor(graph, 2), {
    widths: [8, 4, 2],
    samples: 2,
    weights,
    scales,
  });
  assert.equal(
    measured.map(({ name, weights: count }) => [name, count]),
    [
      ['c1', 216],
      ['c2', 72],
      ['c3', 64],
      ['f', 40],
    ],
  );
  for (const { name, noise } of measured) assert.ok(noise[8] < noise[4] && noise[4] < noise[2], name);
});

suite('a layer that the outputs hardly hear is the last to matter', async () => {
  const text = CNN.replace(
    '%s : f32[1,8,8,8] = add(%c1, %c3)',
    '%z : f32[1,8,8,8] = mul(%c3, %tiny) {"activation":"none"}\n  %s : f32[1,8,8,8] = add(%c1, %z)',
  ).replace('const %w1', 'const %tiny : f32[1] dense = [0.001]\n  const %w1');
  const graph = network(text);
  const measured = await measureSensitivity(graph, samplesFor(graph, 2), { widths: [4], samples: 2, weights, scales });
  const order = mostSensitive(measured, 4, 4);
  assert.equal(new Set(order.slice(2)), new Set(['c2', 'c3']));
});

suite('the greedy path narrows first what is cheapest per byte saved', () => {
  const layers = [
    { name: 'loud', weights: 1000, noise: { 8: 0.001, 4: 0.1 } },
    { name: 'quiet', weights: 1000, noise: { 8: 0.001, 4: 0.002 } },
    { name: 'small', weights: 10, noise: { 8: 0.001, 4: 0.002 } },
  ];
  const path = greedyWidths(layers, [4, 8]);
  assert.equal(
    path.map(({ bits }) => bits),
    [
      { loud: 8, quiet: 8, small: 8 },
      { loud: 8, quiet: 4, small: 8 },
      { loud: 4, quiet: 4, small: 8 },
      { loud: 4, quiet: 4, small: 4 },
    ],
  );
  assert.equal(
    path.map(({ bytes }) => bytes),
    [2010, 1510, 1010, 1005],
  );
  assert.ok(Math.abs(path[1].noise - 0.004) < 1e-12);
});

suite.run();
