import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { correctBiases } from '../../compiler/compress/bias-correction.ts';
import type { Quantized } from '../../compiler/compress/quantize/quantize.ts';
import type { Sample } from '../../compiler/compress/samples.ts';
import { realNumbers } from '../../compiler/compress/sqnr.ts';
import { evaluate } from '../../ir/tensor/evaluate.ts';
import { typeOfValue } from '../../ir/tensor/graph.ts';
import type { TensorData } from '../../ir/tensor/types.ts';
import { assertValid } from '../../ir/tensor/verify.ts';
import { CNN, network, quantized, samplesFor } from './support.ts';

const suite = makeSuite('bias correction');

/** The largest difference of a value's mean per channel (innermost axis), in parts of its root mean square. */
function meanError({ graph, float, integers }: Quantized, name: string, samples: readonly Sample[]): number {
  const own = integers.get(name) as string;
  const channels = typeOfValue(float, name).shape.at(-1) as number;
  const sums = new Float64Array(channels);
  let [squares, count] = [0, 0];
  for (const sample of samples) {
    const wanted = evaluate(float, sample).values.get(name) as Float32Array;
    const found = realNumbers(typeOfValue(graph, own), evaluate(graph, sample).values.get(own) as TensorData);
    wanted.forEach((x, i) => {
      sums[i % channels] += found[i] - x;
      squares += x * x;
      count++;
    });
  }
  const mean = sums.map((sum) => Math.abs(sum) / (count / channels));
  return Math.max(...mean) / Math.sqrt(squares / count);
}

/** A layer of 3-bit weights whose inputs are never negative: rounding shifts its sums. */
const SHIFTED = `graph g {
  input %x : f32[1,32]
  const %w : f32[4,32] dense = random
  const %v : f32[4,4] dense = random
  %s : f32[1,32] = abs(%x)
  %h : f32[1,4] = fully_connected(%s, %w) {"activation":"none","rounding":"double","accumulator":"i32"}
  %y : f32[1,4] = fully_connected(%h, %v) {"activation":"none","rounding":"double","accumulator":"i32"}
  output %y
}`;
const NARROW = { weights: { bits: 3 } };

for (const mode of ['analytic', 'empirical'] as const) {
  suite(`${mode}: the mean of a layer's results is that of the float layer's again`, async () => {
    const graph = network(SHIFTED);
    const samples = samplesFor(graph, 64);
    const before = await quantized(graph, NARROW, samples);
    const { quantized: after, corrected } = await correctBiases(before, samples, { mode, samples: 64 });
    assertValid(after.graph);
    const [wrong, right] = [before, after].map((each) => meanError(each, 'h', samples));
    assert.ok(wrong > 0.03, `${wrong}`);
    assert.ok(right < wrong / 5, `${wrong} to ${right}`);
    assert.equal(
      corrected.map(({ name }) => name),
      ['h', 'y'],
    );
  });
}

suite('layers without a bias get one, at the scale of their products', async () => {
  const graph = network(SHIFTED);
  const samples = samplesFor(graph, 8);
  const before = await quantized(graph, NARROW, samples);
  const { quantized: after } = await correctBiases(before, samples, { mode: 'analytic', samples: 8 });
  const node = after.graph.nodes.find(({ outputs }) => outputs[0] === 'h');
  assert.is(node?.inputs.length, 3);
  assert.is(typeOfValue(after.graph, node?.inputs[2] as string).dtype, 'i32');
});

suite('empirical corrects what comes before first, in a network with bias and activations', async () => {
  const graph = network(CNN);
  const samples = samplesFor(graph, 16);
  const before = await quantized(graph, { weights: { bits: 3, granularity: 'tensor' } }, samples);
  const { quantized: after } = await correctBiases(before, samples, { mode: 'empirical', samples: 16 });
  for (const name of ['c3', 'f']) {
    const [wrong, right] = [before, after].map((each) => meanError(each, name, samples));
    assert.ok(right < wrong / 3, `%${name}: ${wrong} to ${right}`);
  }
});

suite('a layer that rounding left exact is left alone', async () => {
  const graph = network(`graph g {
    input %x : f32[1,2]
    const %w : f32[1,2] dense = [127, -64]
    const %b : f32[1] dense = [0]
    %y : f32[1,1] = fully_connected(%x, %w, %b) {"activation":"none","rounding":"double","accumulator":"i32"}
    output %y
  }`);
  const samples = [[Float32Array.of(1, -1)], [Float32Array.of(0.5, 0.25)]];
  const before = await quantized(graph, {}, samples);
  const { corrected } = await correctBiases(before, samples, { mode: 'analytic', samples: 2 });
  assert.equal(corrected, [{ name: 'y', largest: 0 }]);
});

suite.run();
