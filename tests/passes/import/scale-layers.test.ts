import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { scaleLayers } from '../../../compiler/passes/import/scale-layers.ts';
import { runPasses } from '../../../compiler/passes/run.ts';
import { parseGraph } from '../../../ir/tensor/parse.ts';
import { Random } from '../../support/random.ts';
import { expectRefusal, expectRewrite, expectSameResults } from '../support.ts';

const suite = makeSuite('import/scale-layers');

/** A fully connected layer of two units, and what follows it. */
function layer(rest: string, { bias = true, activation = 'none', output = '%y' } = {}): string {
  return `graph g {
    input %x : f32[1,2]
    const %w : f32[2,2] dense = [1, 2, 3, 4]
    const %b : f32[2] dense = [5, 6]
    const %c : f32[2] dense = [2, 0.5]
    %a : f32[1,2] = fully_connected(%x, %w${bias ? ', %b' : ''}) {"activation":"${activation}"}
    ${rest}
    output ${output}
  }`;
}

suite('takes factors into weights and bias', () => {
  expectRewrite(
    scaleLayers,
    layer('%y : f32[1,2] = mul(%c, %a) {"activation":"relu"}'),
    `graph g {
      input %x : f32[1,2]
      const %w : f32[2,2] dense = [1, 2, 3, 4]
      const %b : f32[2] dense = [5, 6]
      const %c : f32[2] dense = [2, 0.5]
      const %w_scaled : f32[2,2] dense = [2, 4, 1.5, 2]
      const %b_bias : f32[2] dense = [10, 3]
      %y : f32[1,2] = fully_connected(%x, %w_scaled, %b_bias) {"activation":"relu"}
      output %y
    }`,
  );
});

suite('takes offsets into a bias that was not there', () => {
  expectRewrite(
    scaleLayers,
    layer('%y : f32[1,2] = sub(%a, %c)', { bias: false }),
    `graph g {
      input %x : f32[1,2]
      const %w : f32[2,2] dense = [1, 2, 3, 4]
      const %b : f32[2] dense = [5, 6]
      const %c : f32[2] dense = [2, 0.5]
      const %a_bias : f32[2] dense = [-2, -0.5]
      %y : f32[1,2] = fully_connected(%x, %w, %a_bias)
      output %y
    }`,
  );
});

suite('reaches a layer through a reshape that keeps the channels', () => {
  expectRewrite(
    scaleLayers,
    layer('%r : f32[1,1,2] = reshape(%a) {"shape":[1,1,2]} %y : f32[1,1,2] = add(%r, %c)'),
    `graph g {
      input %x : f32[1,2]
      const %w : f32[2,2] dense = [1, 2, 3, 4]
      const %b : f32[2] dense = [5, 6]
      const %c : f32[2] dense = [2, 0.5]
      const %b_bias : f32[2] dense = [7, 6.5]
      %a : f32[1,2] = fully_connected(%x, %w, %b_bias)
      %y : f32[1,1,2] = reshape(%a) {"shape":[1,1,2]}
      output %y
    }`,
  );
});

suite('leaves a layer with an activation', () => {
  const text = layer('%y : f32[1,2] = mul(%a, %c)', { activation: 'relu' });
  expectRefusal(scaleLayers, text, 'factor', '%y = mul', '%a has an activation');
});

suite('leaves a layer that is read elsewhere', () => {
  const text = layer('%y : f32[1,2] = add(%a, %c) output %a');
  expectRefusal(scaleLayers, text, 'offset', '%y = add', '%a is read elsewhere');
});

suite('leaves weights that are read elsewhere', () => {
  const text = layer('%y : f32[1,2] = mul(%a, %c) %z : f32[1,2] = fully_connected(%x, %w) output %z');
  expectRefusal(scaleLayers, text, 'factor', '%y = mul', '%w is read elsewhere');
});

suite('leaves factors that are no constants per channel', () => {
  const text = layer('%y : f32[1,2] = mul(%a, %x)');
  expectRefusal(scaleLayers, text, 'factor', '%y = mul', '%x is no constant per channel');
  const rows = layer('const %d : f32[2,1] dense = [1, 2] %y : f32[2,2] = mul(%a, %d)');
  expectRefusal(scaleLayers, rows, 'factor', '%y = mul', '%a is spread over another shape');
});

suite('leaves what would overflow', () => {
  const text = layer('const %d : f32[] dense = [3e38] %y : f32[1,2] = mul(%a, %d)');
  expectRefusal(scaleLayers, text, 'factor', '%y = mul', 'the weights would not be finite');
  const infinite = layer('const %d : f32[] dense = [Infinity] %y : f32[1,2] = add(%a, %d)');
  expectRefusal(scaleLayers, infinite, 'offset', '%y = add', '%d is not finite');
});

suite('leaves what is no layer', () => {
  const text = 'graph g { input %x : f32[2] const %c : f32[2] dense = [1, 2] %y : f32[2] = mul(%x, %c) output %y }';
  expectRefusal(scaleLayers, text, 'factor', '%y = mul', "%x is no layer's result");
});

/** Numbers whose sums and products are exact in f32, so that no order of rounding shows. */
function eighths(r: Random, count: number): string {
  return Array.from({ length: count }, () => r.int(-16, 16) / 8).join(', ');
}

const LAYERS: readonly ((r: Random) => string)[] = [
  (r) => `const %w : f32[3,2,2,2] dense = [${eighths(r, 24)}]
    %a : f32[1,2,3,3] = conv2d(%x, %w) {"stride":[1,1],"padding":{"top":0,"bottom":0,"left":0,"right":0}}`,
  (r) => `const %w : f32[1,2,2,6] dense = [${eighths(r, 24)}] const %b : f32[6] dense = [${eighths(r, 6)}]
    %a : f32[1,2,3,6] = depthwise_conv2d(%x, %w, %b) {"stride":[1,1],"padding":{"top":0,"bottom":0,"left":0,"right":0}}`,
  (r) => `const %w : f32[3,2,2,2] dense = [${eighths(r, 24)}] const %b : f32[3] dense = [${eighths(r, 3)}]
    %a : f32[1,4,5,3] = transpose_conv2d(%x, %w, %b) {"stride":[1,1],"padding":{"top":0,"left":0},"output":[4,5]}`,
  (r) => `const %w : f32[3,2] dense = [${eighths(r, 6)}] %a : f32[12,3] = fully_connected(%x, %w)`,
];

suite('changes no result where nothing is rounded', () => {
  for (let seed = 1; seed <= 80; seed++) {
    const r = new Random(seed);
    const text = LAYERS[seed % LAYERS.length](r);
    const type = /%a : (f32\[[\d,]+(\d)\])/.exec(text) as RegExpExecArray;
    const count = r.chance(0.3) ? 1 : Number(type[2]);
    const graph = parseGraph(`graph g {
      input %input : i8[1,3,4,2]
      %x : f32[1,3,4,2] = cast(%input)
      ${text}
      const %s : f32[${count}] dense = [${eighths(r, count)}]
      const %t : f32[1,${count}] dense = [${eighths(r, count)}]
      %m : ${type[1]} = mul(%a, %s)
      %y : ${type[1]} = ${r.pick(['add', 'sub'])}(%m, %t) {"activation":"${r.pick(['none', 'relu'])}"}
      output %y
    }`);
    const { graph: after, patches } = runPasses(graph, [scaleLayers], { verifyEach: true });
    assert.is(patches, 2, `seed ${seed}`);
    expectSameResults(graph, after, seed);
  }
});

suite.run();
