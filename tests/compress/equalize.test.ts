import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { equalize } from '../../compiler/compress/equalize.ts';
import { layersOf, rowsOf } from '../../compiler/compress/layers.ts';
import { distances, outputPairs } from '../../compiler/compress/sqnr.ts';
import { evaluate } from '../../ir/tensor/evaluate.ts';
import type { Constant, Graph } from '../../ir/tensor/graph.ts';
import { network, quantized, samplesFor } from './support.ts';

const suite = makeSuite('equalize');

const PAD = (n: number) => `"padding":{"top":${n},"bottom":${n},"left":${n},"right":${n}}`;
const CONV = (activation: string, pad: number) =>
  `{"stride":[1,1],"dilation":[1,1],${PAD(pad)},"activation":"${activation}","rounding":"double","accumulator":"i32"}`;

/** Layers of every kind in a row, with pools, padding and a mean between them. */
const CHAIN = `graph chain {
  input %x : f32[1,6,6,2]
  const %w1 : f32[4,3,3,2] dense = random
  const %b1 : f32[4] dense = random
  const %w2 : f32[1,3,3,4] dense = random
  const %b2 : f32[4] dense = random
  const %w3 : f32[6,1,1,4] dense = random
  const %w4 : f32[3,6] dense = random
  const %b4 : f32[3] dense = random
  const %w5 : f32[2,3] dense = random
  %c1 : f32[1,6,6,4] = conv2d(%x, %w1, %b1) ${CONV('relu', 1)}
  %p1 : f32[1,8,8,4] = pad(%c1) {"before":[0,1,1,0],"after":[0,1,1,0]}
  %c2 : f32[1,6,6,4] = depthwise_conv2d(%p1, %w2, %b2) ${CONV('none', 0)}
  %r2 : f32[1,6,6,4] = relu(%c2)
  %p2 : f32[1,3,3,4] = max_pool2d(%r2) {"window":[2,2],"stride":[2,2],${PAD(0)},"activation":"none"}
  %c3 : f32[1,3,3,6] = conv2d(%p2, %w3) ${CONV('relu', 0)}
  %m : f32[1,6] = mean(%c3) {"axes":[1,2],"keepDims":false}
  %f : f32[1,3] = fully_connected(%m, %w4, %b4) {"activation":"relu","rounding":"double","accumulator":"i32"}
  %y : f32[1,2] = fully_connected(%f, %w5) {"activation":"none","rounding":"double","accumulator":"i32"}
  output %y
}`;

/** The same function with the channels of the first layer between 1/100 and 100 times as large: what defeats one scale. */
function unbalanced(graph: Graph): Graph {
  const constants = new Map(graph.constants);
  const factor = (channel: number) => 10 ** (2 - (4 * channel) / 3);
  const scale = (name: string, channelOf: (i: number) => number, up: boolean) => {
    const constant = graph.constants.get(name) as Constant;
    const data = (constant.data as Float32Array).map((x, i) => x * factor(channelOf(i)) ** (up ? 1 : -1));
    constants.set(name, { ...constant, data });
  };
  scale('w1', (i) => Math.floor(i / 18), true);
  scale('b1', (i) => i, true);
  scale('w2', (i) => i % 4, false);
  return { ...graph, constants };
}

function largest(graph: Graph, layerName: string): number[] {
  const layer = layersOf(graph).find(({ name }) => name === layerName);
  if (layer === undefined) throw new Error(layerName);
  const matrix = rowsOf(layer, graph.constants.get(layer.weights)?.data as Float32Array);
  return Array.from({ length: layer.rows }, (_, r) =>
    Math.max(...matrix.subarray(r * layer.depth, (r + 1) * layer.depth).map(Math.abs)),
  );
}

suite('changes no result but for rounding', async () => {
  for (const graph of [network(CHAIN), unbalanced(network(CHAIN))]) {
    const { graph: after, pairs } = equalize(graph);
    assert.equal(
      pairs.map(({ first, second }) => `${first.name}-${second.name}`),
      ['c1-c2', 'c2-c3', 'c3-f', 'f-y'],
    );
    const [y] = await distances(graph, after, outputPairs(graph, after), samplesFor(graph, 4));
    assert.ok(y.decibels > 110, `${y.decibels} dB`);
  }
});

suite('gives both sides of a pair the same ranges per channel', () => {
  const { graph } = equalize(unbalanced(network(CHAIN)));
  const [c1, c2] = [largest(graph, 'c1'), largest(graph, 'c2')];
  for (const [i, range] of c1.entries()) assert.ok(Math.abs(Math.log(range / c2[i])) < 0.01, `${range} ${c2[i]}`);
});

suite('makes one scale per tensor serve: from useless to good', async () => {
  const graph = unbalanced(network(CHAIN));
  const samples = samplesFor(graph, 16);
  const tensor = { weights: { granularity: 'tensor' } };
  const ratio = async (float: Graph) => {
    const { graph: integers } = await quantized(float, tensor, samples);
    return (await distances(graph, integers, outputPairs(graph, integers), samples))[0].decibels;
  };
  const [before, after] = [await ratio(graph), await ratio(equalize(graph).graph)];
  assert.ok(before < 15, `${before} dB before`);
  assert.ok(after > before + 10, `${before} to ${after} dB`);
});

suite('leaves channels alone that others read, or that do not scale, and says why', () => {
  const two = (middle: string, activation = 'relu') => `graph g {
    input %x : f32[1,4]
    const %w1 : f32[4,4] dense = random
    const %w2 : f32[4,4] dense = random
    %a : f32[1,4] = fully_connected(%x, %w1) {"activation":"${activation}","rounding":"double","accumulator":"i32"}
    ${middle}
    %y : f32[1,4] = fully_connected(%b, %w2) {"activation":"none","rounding":"double","accumulator":"i32"}
    output %y
  }`;
  const reason = (text: string) => {
    const graph = network(text);
    const { graph: after, refused } = equalize(graph);
    assert.is(after, graph);
    return refused[0].reason;
  };
  assert.is(reason(two('%b : f32[1,4] = tanh(%a)')), 'tanh %b does not scale');
  assert.is(reason(two('%b : f32[1,4] = relu(%a)', 'relu6')), 'its activation relu6 does not scale');
  assert.is(reason(two('%b : f32[1,4] = add(%a, %a) {"activation":"none"}')), '%a has 2 readers');
  assert.is(
    reason(two('%b : f32[1,4] = relu(%a)').replace('output %y', 'output %y\n output %b')),
    '%b is an output or state',
  );
  assert.is(
    reason(
      two('%b : f32[1,4] = relu(%a)')
        .replace('(%x, %w1)', '(%x, %w2)')
        .replace(/const %w1.*/, ''),
    ),
    'its constant %w2 has other readers',
  );
});

suite('channels without weights on one side stay', () => {
  const graph = network(CHAIN);
  const constant = graph.constants.get('w1') as Constant;
  const data = (constant.data as Float32Array).map((x, i) => (i < 18 ? 0 : x));
  const constants = new Map(graph.constants).set('w1', { ...constant, data });
  const { graph: after } = equalize({ ...graph, constants });
  const { outputs } = evaluate(after, samplesFor(after, 1)[0]);
  assert.ok((outputs[0] as Float32Array).every(Number.isFinite));
});

suite.run();
