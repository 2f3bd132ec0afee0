import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { removeChannels } from '../../../compiler/passes/exact/remove-channels.ts';
import { runPasses } from '../../../compiler/passes/run.ts';
import { parseGraph } from '../../../ir/tensor/parse.ts';
import { printGraph } from '../../../ir/tensor/print.ts';
import { expectRefusal, expectRewrite, expectSameResults } from '../support.ts';
import { channelNetwork } from './channel-networks.ts';

const FILE = 'tests/passes/exact/remove-channels.test.ts';
const suite = makeSuite('exact/remove-channels');

const NONE = '"padding":{"top":0,"bottom":0,"left":0,"right":0}';
const AROUND = '"padding":{"top":1,"bottom":1,"left":1,"right":1}';

/** Two channels, the first made of `row` and the bias; the 1x1 layer after it reads them through `between`. */
function pair(row: string, bias: string, between: string, next: string): string {
  return `graph g {
    input %x : i8[1,2,2,1] affine(0.5, 0)
    const %w : i8[2,1,1,1] affine(0.5, 0) dense = [${row}]
    const %b : i32[2] dense = [${bias}]
    const %u : i8[1,3,3,2] affine(0.5, 0) dense = [1, 1, 1, 2, 1, 3, 1, 4, 1, 5, 1, 6, 1, 7, 1, 8, 1, 9]
    const %v : i8[1,1,1,2] affine(0.5, 0) dense = [${next}]
    %a : i8[1,2,2,2] affine(0.25, -4) = conv2d(%x, %w, %b) {"stride":[1,1],${NONE}}
    ${between}
    %y : i8[1,2,2,1] affine(0.5, 0) = conv2d(%d, %v) {"stride":[1,1],${NONE}}
    output %y
  }`;
}
const DEPTHWISE = `%d : i8[1,2,2,2] affine(0.25, -4) = depthwise_conv2d(%a, %u) {"stride":[1,1],${AROUND}}`;
const RELU = '%d : i8[1,2,2,2] affine(0.25, -4) = relu(%a)';

// The first channel is -4 + 7 everywhere; its distance 7 times the weight 3 goes into the bias.
suite('folds a constant channel into the next bias', () => {
  expectRewrite(
    removeChannels,
    pair('0, 5', '7, 9', RELU, '3, 4'),
    `graph g {
      input %x : i8[1,2,2,1] affine(0.5, 0)
      const %u : i8[1,3,3,2] affine(0.5, 0) dense = [1, 1, 1, 2, 1, 3, 1, 4, 1, 5, 1, 6, 1, 7, 1, 8, 1, 9]
      const %w : i8[1,1,1,1] affine(0.5, 0) dense = [5]
      const %b : i32[1] dense = [9]
      const %v : i8[1,1,1,1] affine(0.5, 0) dense = [4]
      const %y.bias : i32[1] dense = [21]
      %a : i8[1,2,2,1] affine(0.25, -4) = conv2d(%x, %w, %b) {"stride":[1,1],${NONE}}
      %d : i8[1,2,2,1] affine(0.25, -4) = relu(%a)
      %y : i8[1,2,2,1] affine(0.5, 0) = conv2d(%d, %v, %y.bias) {"stride":[1,1],${NONE}}
      output %y
    }`,
  );
});

function channelsLeft(text: string): number {
  const { graph } = runPasses(parseGraph(text), [removeChannels], { verifyEach: true });
  return graph.types.get('a')?.shape[3] as number;
}

suite('a constant before a depthwise layer with borders goes only if it is the zero point', () => {
  assert.is(channelsLeft(pair('0, 5', '0, 9', DEPTHWISE, '3, 4')), 1, 'the channel is -4, the zero point');
  // Of 2x2 pixels every window sees four, whose weights are all 1: the same sum at every border.
  assert.is(channelsLeft(pair('0, 5', '7, 9', DEPTHWISE, '3, 4')), 1, 'all borders give the same');
  const uneven = pair('0, 5', '7, 9', DEPTHWISE, '3, 4').replace('[1, 1, 1, 2', '[9, 1, 1, 2');
  assert.is(channelsLeft(uneven), 2, 'a corner of another weight');
});

suite('a channel read with weights of zero goes, whatever it is', () => {
  assert.is(channelsLeft(pair('3, 5', '7, 9', DEPTHWISE, '0, 4')), 1);
});

suite('keeps the last channel and those of outputs', () => {
  assert.is(channelsLeft(pair('0, 0', '7, 9', RELU, '3, 4')), 1);
  assert.is(channelsLeft(`${pair('0, 5', '7, 9', RELU, '3, 4').replace(/}\s*$/, '')} output %d }`), 2);
});

suite('adds up the weights of equal channels, where the sum fits', () => {
  const { graph } = runPasses(parseGraph(pair('5, 5', '9, 9', RELU, '100, 27')), [removeChannels], {
    verifyEach: true,
  });
  assert.equal(graph.constants.get('v')?.data, Int8Array.of(127));
  const text = pair('5, 5', '9, 9', RELU, '100, 28');
  const reason = '1 channels equal another, but the sum of weights is too large';
  const { reports } = runPasses(parseGraph(text), [removeChannels], { verifyEach: true });
  assert.ok(reports[0]?.refused.some((refusal) => refusal.rule === 'twin' && refusal.reason === reason));
  assert.is(channelsLeft(pair('5, 5', '9, 8', RELU, '1, 2')), 2, 'another bias');
});

suite('floats stay: zero times infinity is NaN', () => {
  const text = `graph g {
    input %x : f32[1,1]
    const %w : f32[2,1] dense = [1, 2]
    const %v : f32[1,2] dense = [0, 1]
    %a : f32[1,2] = fully_connected(%x, %w)
    %y : f32[1,1] = fully_connected(%a, %v)
    output %y
  }`;
  const reason = '%y = fully_connected reads it: in floats a weight of zero does not silence infinities and NaN';
  expectRefusal(removeChannels, text, 'idle', '%a = fully_connected', reason);
});

suite('takes back a chain of thousands of layers', () => {
  const count = 3000;
  const layers = Array.from({ length: count }, (_, i) => {
    const weights = i === count - 1 ? '1, 0, 1, 0' : '1, 0, 1, 1';
    return `const %w${i} : i8[2,2] affine(0.25, 0) dense = [${weights}]
      %v${i} : i8[1,2] affine(0.5, 0) = fully_connected(%${i === 0 ? 'x' : `v${i - 1}`}, %w${i})`;
  });
  const graph = parseGraph(`graph g { input %x : i8[1,2] affine(0.5, 0) ${layers.join('\n')} output %v${count - 1} }`);
  const { graph: after } = runPasses(graph, [removeChannels], { verifyEach: true });
  assert.equal(after.types.get('v0')?.shape, [1, 1]);
  expectSameResults(graph, after, 1);
});

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
