import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { calibrate } from '../../../compiler/compress/calibrate/calibrate.ts';
import { matchesPattern } from '../../../compiler/compress/quantize/options.ts';
import { quantizeGraph } from '../../../compiler/compress/quantize/quantize.ts';
import type { Sample } from '../../../compiler/compress/samples.ts';
import { distances, inputsFor, outputPairs } from '../../../compiler/compress/sqnr.ts';
import { evaluate } from '../../../ir/tensor/evaluate.ts';
import { type Graph, typeOfValue } from '../../../ir/tensor/graph.ts';
import { parseGraph } from '../../../ir/tensor/parse.ts';
import { printGraph } from '../../../ir/tensor/print.ts';
import { affineOf, typeText } from '../../../ir/tensor/types.ts';
import { CNN, network, optionsOf, quantized, samplesFor } from '../support.ts';

const suite = makeSuite('quantize');

const NO_PAD = '"padding":{"top":0,"bottom":0,"left":0,"right":0}';

function floats(...values: number[]): Float32Array {
  return Float32Array.from(values);
}

/** The quantized graph as text. */
async function textOf(text: string, samples: Sample[], given: unknown = {}): Promise<string> {
  return printGraph((await quantized(parseGraph(text), given, samples)).graph);
}

const LINEAR = `graph g {
  input %x : f32[1,2]
  const %w : f32[2,2] dense = [127, 63.5, -0.5, 1]
  const %b : f32[2] dense = [8, -1]
  %y : f32[1,2] = fully_connected(%x, %w, %b) {"activation":"none","rounding":"double","accumulator":"i32"}
  output %y
}`;

suite('writes the integers that the formulas give, by hand', async () => {
  // x in [-1, 1.55]: scale 2.55 / 255 = 0.01, zero point -128 + 100. y in [-63.5, 191.5]: scale 1, zero point -64.5 -> -65.
  const text = await textOf(LINEAR, [[floats(-1, 1.55)], [floats(1.55, -0.2)], [floats(-0.5, -0.126)]]);
  assert.match(text, '%x_i8 : i8[1,2] affine(0.01, -28) = quantize(%x)');
  assert.match(text, 'const %w_i8 : i8[2,2] affine(axis=0, [1, 0.007874016], 0) dense = [127, 64, -64, 127]');
  // 8 / (0.01 * 1) = 800 and -1 / (0.01 / 127) = -12700.
  assert.match(
    text,
    /const %b_i32 : i32\[2\] affine\(axis=0, \[0\.01, 0\.0000787401\d*\], 0\) dense = \[800, -12700\]/,
  );
  assert.match(text, '%y : f32[1,2] = dequantize(%y_i8)');
});

suite('weights per tensor have one scale, and fewer bits a coarser grid', async () => {
  const samples = [[floats(-1, 1.55)]];
  const tensor = await textOf(LINEAR, samples, { weights: { granularity: 'tensor' } });
  assert.match(tensor, 'const %w_i8 : i8[2,2] affine(1, 0) dense = [127, 64, -1, 1]');
  const narrow = await textOf(LINEAR, samples, { weights: { bits: 4 } });
  // 63.5 and 0.5 of 127 and 1: half way between 3 and 4 steps.
  assert.match(narrow, /dense = \[7, [34], -[34], 7\]/);
  const mixed = await textOf(LINEAR, samples, { weights: { layerBits: { 'y*': 2 } } });
  assert.match(mixed, 'dense = [1, 1, -1, 1]');
});

suite('powers of two: every scale is one, and the range is still covered', async () => {
  const graph = network(CNN);
  const { graph: after, calibration } = await quantized(graph, { scales: 'power-of-two' });
  for (const [name, { quant }] of after.types) {
    if (quant.kind !== 'affine') continue;
    for (const scale of quant.scale) assert.ok(Number.isInteger(Math.log2(scale)), `%${name} ${scale}`);
  }
  const { scale, zeroPoint } = affineOf(typeOfValue(after, 'c3'));
  const { min = 0, max = 0 } = calibration.get('c3') ?? {};
  assert.ok(scale * (-128 - zeroPoint) <= min + scale / 2);
  assert.ok(scale * (127 - zeroPoint) >= max - scale / 2);
});

suite('ports stay floats or become the integers inside', async () => {
  const samples = [[floats(-1, 1.55)]];
  const text = await textOf(LINEAR, samples, { io: 'integer' });
  assert.match(text, 'input %x : i8[1,2] affine(0.01, -28)');
  assert.match(text, /%y : i8\[1,2\] affine\(.*\) = fully_connected\(%x, %w_i8, %b_i32\)/);
  assert.not.match(text, 'quantize');
});

suite('ports of nodes that stay floats become integers too', async () => {
  const graph = parseGraph(`graph g {
    input %x : f32[4]
    %y : f32[4] = sqrt(%x)
    output %y
  }`);
  const { graph: after, kept } = await quantized(graph, { io: 'integer' }, [[floats(0, 1, 2, 4)]]);
  assert.equal(
    [...after.types].map(([name, type]) => `${name} ${type.dtype}`),
    ['x i8', 'x_f32 f32', 'y_f32 f32', 'y i8'],
  );
  assert.equal(kept, [{ name: 'y', op: 'sqrt', reason: 'has no integer form' }]);
});

suite('what passes integers on shares a scale; concat takes the widest', async () => {
  const graph = parseGraph(`graph g {
    input %a : f32[1,2,2,1]
    input %b : f32[1,2,2,1]
    %s : f32[1,2,2,1] = add(%a, %b) {"activation":"none"}
    %d : f32[1,2,2,1] = sub(%a, %b) {"activation":"none"}
    %c : f32[1,2,2,2] = concat(%s, %d) {"axis":3}
    %p : f32[1,1,1,2] = max_pool2d(%c) {"window":[2,2],"stride":[1,1],${NO_PAD},"activation":"none"}
    %r : f32[2] = reshape(%p) {"shape":[2]}
    output %r
  }`);
  const { graph: after } = await quantized(graph, {}, [[floats(1, 2, 3, 4), floats(0, 0, 0, 251)]]);
  // s in [0, 255] and d in [-247, 3], so that one scale covers [-247, 255].
  const types = ['s', 'd', 'c', 'p', 'r_i8'].map((name) => affineOf(typeOfValue(after, name)));
  for (const type of types) assert.equal(type, { scale: Math.fround(502 / 255), zeroPoint: -3 });
});

suite('a grid that an op prescribes is kept through reshapes and requantized where it meets others', async () => {
  const graph = parseGraph(`graph g {
    input %a : f32[1,2]
    %g : f32[1,2] = logistic(%a)
    %t : f32[1,2] = tanh(%a)
    %r : f32[1,2] = reshape(%g) {"shape":[1,2]}
    %c : f32[1,6] = concat(%r, %t, %a) {"axis":1}
    output %c
  }`);
  const text = printGraph((await quantized(graph, {}, [[floats(-2, 3.1)]])).graph);
  assert.match(text, '%g : i8[1,2] affine(0.00390625, -128) = logistic(%a_i8)');
  assert.match(text, '%r : i8[1,2] affine(0.00390625, -128) = reshape(%g)');
  assert.match(text, '%r_rescaled : i8[1,2] affine(0.02, -28) = requantize(%r)');
  assert.match(text, '%c_i8 : i8[1,6] affine(0.02, -28) = concat(%r_rescaled, %t_rescaled, %a_i8)');
});

suite('floats stay where there is no integer form, where the user says so, and nothing is quantized to be moved', async () => {
  const graph = parseGraph(`graph g {
    input %x : f32[4]
    %a : f32[4] = add(%x, %x) {"activation":"none"}
    %l : f32[4] = log(%a)
    %r : f32[2,2] = reshape(%l) {"shape":[2,2]}
    %s : f32[2,2] = sin(%r)
    %b : f32[2,2] = add(%s, %s) {"activation":"none"}
    output %b
  }`);
  const samples = [[floats(1, 2, 3, 4)]];
  const all = await quantized(graph, {}, samples);
  assert.equal(all.kept, [
    { name: 'l', op: 'log', reason: 'has no integer form' },
    { name: 'r', op: 'reshape', reason: 'passes values on between floats' },
    { name: 's', op: 'sin', reason: 'has no integer form' },
  ]);
  const some = await quantized(graph, { keepFloat: ['b*'] }, samples);
  assert.equal(some.kept.at(-1), { name: 'b', op: 'add', reason: 'keepFloat "b*"' });
});

suite('int16 activations accumulate in 64 bits only where 32 may overflow', async () => {
  const text = (depth: number) => `graph g {
    input %x : f32[1,${depth}]
    const %w : f32[2,${depth}] dense = [${Array(2 * depth).fill(1)}]
    const %b : f32[2] dense = [0, 1]
    %y : f32[1,2] = fully_connected(%x, %w, %b) {"activation":"none","rounding":"double","accumulator":"i32"}
    output %y
  }`;
  const wide = (depth: number) =>
    textOf(text(depth), [[new Float32Array(depth).fill(1)]], { activations: { type: 'i16' } });
  // 127 * 32768 * 515 < 2^31 - bias of 1 / (1/32767 / 127) <= 127 * 32768 * 516
  assert.match(await wide(514), '"accumulator":"i32"');
  assert.match(await wide(516), '"accumulator":"i64"');
});

suite('16x8: activations add almost nothing to what the weights lose', async () => {
  const graph = network(CNN);
  const samples = samplesFor(graph, 4, 9);
  const { graph: after, integers, float } = await quantized(graph, { activations: { type: 'i16' } }, samples);
  // The float graph with the weights that the integers stand for.
  const constants = new Map(graph.constants);
  for (const [name, { data }] of after.constants) {
    const base = name.replace(/_i(8|32|64)$/, '');
    const { quant } = typeOfValue(after, name);
    if (!constants.has(base) || quant.kind !== 'affine') continue;
    const { scale, axis } = quant;
    const inner = axis === 0 ? data.length / scale.length : 1;
    const real = Float32Array.from(data as Int8Array, (q, i) => q * scale[Math.floor(i / inner) % scale.length]);
    constants.set(base, { ...(constants.get(base) as object), data: real } as never);
  }
  const same = new Map(['c1', 'c2', 'c3', 's', 'm', 'f'].map((name) => [name, integers.get(name) as string]));
  for (const { value, decibels } of await distances({ ...float, constants }, after, same, samples)) {
    assert.ok(decibels > 60, `%${value}: ${decibels} dB`);
  }
});

suite('int8 of a small network: 28 dB and more at every value that no method clips', async () => {
  const graph = network(CNN);
  const samples = samplesFor(graph, 8);
  for (const method of ['min-max', 'moving-average', 'percentile', 'mse', 'kl']) {
    const given = { activations: { range: { method } } };
    const { graph: after, integers } = await quantized(graph, given, samples);
    const clips = method === 'moving-average' || method === 'kl';
    const pairs = new Map([...integers, ...outputPairs(graph, after)]);
    for (const { value, decibels } of await distances(graph, after, pairs, samples)) {
      assert.ok(decibels > (clips ? 15 : 28), `${method} %${value}: ${decibels} dB`);
    }
  }
});

suite('states stay floats', async () => {
  const graph = parseGraph(`graph g {
    input %x : f32[2]
    state %s : f32[2] = [0, 0] next %n
    %n : f32[2] = add(%s, %x) {"activation":"none"}
    output %n
  }`);
  const { graph: after } = await quantized(graph, {}, [[floats(1, 2)]]);
  assert.is(typeText(typeOfValue(after, 's')), 'f32[2]');
  const { outputs, states } = evaluate(after, [floats(1, 2)]);
  assert.equal(outputs[0], states[0]);
});

suite('inputs of integers are made from floats as the graph would make them', async () => {
  const graph = network(CNN);
  const inside = await quantized(graph, {});
  const outside = await quantized(graph, { io: 'integer' });
  const [sample] = samplesFor(graph, 1, 77);
  const { values } = evaluate(inside.graph, sample);
  assert.equal(inputsFor(outside.graph, sample)[0], values.get('x_i8'));
  assert.equal(evaluate(outside.graph, inputsFor(outside.graph, sample)).outputs[0], values.get('y_i8'));
});

suite('options that do not fit are refused by name', async () => {
  const graph = network(CNN);
  const calibration = await calibrate(graph, samplesFor(graph, 1));
  const attempt =
    (given: unknown, other: Graph = graph) =>
    () =>
      quantizeGraph(other, calibration, optionsOf(given));
  assert.throws(
    attempt({ keepFloat: ['c9'] }),
    (error: Error) => error.message === 'keepFloat: nothing in graph cnn is named "c9"; its layers: c1, c2, c3, f',
  );
  assert.throws(
    attempt({ weights: { layerBits: { z: 4 } } }),
    /^weights\.layerBits: nothing in graph cnn is named "z"/,
  );
  assert.throws(
    attempt({}, parseGraph(LINEAR.replaceAll('%y', '%z'))),
    (error: Error) => error.message === '%z has no statistics: calibrate this very graph before it is quantized',
  );
});

suite('a star in a pattern stands for any characters', () => {
  assert.ok(matchesPattern('a/b/c', 'a*'));
  assert.ok(matchesPattern('a/b/c', '*b*'));
  assert.ok(matchesPattern('a/b/c', 'a/*/c'));
  assert.ok(matchesPattern('abab', 'ab*ab'));
  assert.not(matchesPattern('ab', 'ab*ab'));
  assert.not(matchesPattern('a.b', 'a?b'));
  assert.not(matchesPattern('xa', 'a*'));
});

suite.run();
