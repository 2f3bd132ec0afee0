// What an importer of a channels-first format gets from its passes, and what the exact ones make of that.
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { canonicalize, simplify } from '../../../compiler/compile.ts';
import { evaluate } from '../../../ir/tensor/evaluate.ts';
import type { Graph } from '../../../ir/tensor/graph.ts';
import { Random } from '../../support/random.ts';
import { randomInputs } from '../../support/random-graph.ts';
import { NchwWriter, randomNchwNetwork } from '../nchw-networks.ts';
import { expectSameResults } from '../support.ts';

const suite = makeSuite('import/canonicalize');

/** Every result is within a thousandth of the largest: what other roundings make of numbers near 1. */
function expectClose(before: Graph, after: Graph, seed: number): void {
  const inputs = randomInputs(before, seed);
  const [expected, found] = [before, after].map((graph) => evaluate(graph, inputs).outputs as readonly Float32Array[]);
  expected.forEach((values, i) => {
    const largest = Math.max(...values.map(Math.abs));
    const worst = Math.max(...values.map((value, at) => Math.abs(value - found[i][at])));
    assert.ok(worst <= largest / 1000, `seed ${seed}: ${worst} of ${largest}`);
  });
}

function opsOf(graph: Graph): string[] {
  return graph.nodes.map(({ op }) => op);
}

suite('leaves of normalized layers the layers', () => {
  const net = new NchwWriter(new Random(1));
  const graph = net.graph(net.residual(net.conv(net.input([1, 3, 4, 4]), 4)));
  const after = simplify(canonicalize(graph));
  expectClose(graph, after, 1);
  assert.equal(opsOf(after), ['transpose', 'conv2d', 'conv2d', 'conv2d', 'add', 'transpose']);
  assert.is((after.nodes[2].attrs as { activation: string }).activation, 'relu');
  assert.is((after.nodes[4].attrs as { activation: string }).activation, 'relu');
});

suite('has layers clamp and pad on their own', () => {
  const net = new NchwWriter(new Random(2));
  const [zero, six] = [net.constant([], [0]), net.constant([1, 1, 1, 1], [6])];
  const x = net.normalize(net.depthwise(net.pad(net.conv(net.input([1, 3, 4, 4]), 4), 1)));
  const graph = net.graph(net.map('minimum', net.map('maximum', x, zero), six));
  const after = simplify(canonicalize(graph));
  expectClose(graph, after, 1);
  assert.equal(opsOf(after), ['transpose', 'conv2d', 'depthwise_conv2d', 'transpose']);
  const { activation, padding } = after.nodes[2].attrs as { activation: string; padding: object };
  assert.is(activation, 'relu6');
  assert.equal(padding, { top: 2, bottom: 2, left: 2, right: 2 });
});

suite('has the classifier read pixels as they lie', () => {
  const net = new NchwWriter(new Random(3));
  const graph = net.graph(net.fullyConnected(net.flattened(net.map('relu', net.conv(net.input([2, 3, 4, 5]), 4))), 3));
  const after = simplify(canonicalize(graph));
  expectClose(graph, after, 1);
  assert.equal(opsOf(after), ['transpose', 'conv2d', 'reshape', 'fully_connected']);
});

suite('keeps a shared convolution and its squeezed gate in one layout', () => {
  const net = new NchwWriter(new Random(4));
  const graph = net.graph(net.squeezeExcite(net.conv(net.input([1, 3, 4, 4]), 4)));
  const after = simplify(canonicalize(graph));
  expectClose(graph, after, 1);
  assert.equal(opsOf(after), ['transpose', 'conv2d', 'mean', 'conv2d', 'conv2d', 'logistic', 'mul', 'transpose']);
});

suite('gives close results on random networks, which exact passes keep', () => {
  for (let seed = 1; seed <= 30; seed++) {
    const { graph } = randomNchwNetwork(new Random(seed), 4);
    const definition = canonicalize(graph);
    expectClose(graph, definition, seed);
    expectSameResults(definition, simplify(definition), seed);
    assert.is(canonicalize(definition), definition, `seed ${seed}: a second time changes nothing`);
  }
});

suite.run();
