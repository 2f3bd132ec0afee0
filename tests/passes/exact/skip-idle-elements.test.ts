import { suite as makeSuite } from 'uvu';
import { skipIdleElements } from '../../../compiler/passes/exact/skip-idle-elements.ts';
import type { Graph } from '../../../ir/tensor/graph.ts';
import { parseGraph } from '../../../ir/tensor/parse.ts';
import type { Random } from '../../support/random.ts';
import { expectExactOn, expectRefusal, expectRewrite } from '../support.ts';

const FILE = 'tests/passes/exact/skip-idle-elements.test.ts';
const suite = makeSuite('exact/skip-idle-elements');

const clampedTwice = (first: string) => `graph g {
  input %x : i8[1,2] affine(0.5, 3)
  const %w : i8[2,2] affine(0.25, 0) dense = [1, 2, 3, -4]
  %a : i8[1,2] affine(0.5, -5) = fully_connected(%x, %w) {"activation":"${first}"}
  %b : i8[1,2] affine(0.5, -5) = relu(%a)
  %y : i8[2] affine(0.5, -5) = reshape(%b) {"shape":[2]}
  output %y
}`;

suite('drops a clamp to a range that its operand keeps', () => {
  expectRewrite(
    skipIdleElements,
    clampedTwice('relu6'),
    `graph g {
      input %x : i8[1,2] affine(0.5, 3)
      const %w : i8[2,2] affine(0.25, 0) dense = [1, 2, 3, -4]
      %a : i8[1,2] affine(0.5, -5) = fully_connected(%x, %w) {"activation":"relu6"}
      %y : i8[2] affine(0.5, -5) = reshape(%a) {"shape":[2]}
      output %y
    }`,
  );
});

suite('keeps a clamp that changes a value', () => {
  const text = clampedTwice('relu_n1_to_1');
  expectRefusal(skipIdleElements, text, 'idle', '%b = relu', '%a may be -7, which becomes -5');
});

const chain = (first: string, second: string, result = 'i8[2] affine(0.5, 2)') => `graph g {
  input %x : i8[2] affine(0.5, 3)
  %a : ${first}(%x)
  %y : ${result} = ${second}(%a)
  output %y
}`;

suite('reads through a change of scale and back', () => {
  expectRewrite(
    skipIdleElements,
    chain('i8[2] affine(0.5, 2) = requantize', 'abs'),
    chain('i8[2] affine(0.5, 2) = requantize', 'abs').replace('abs(%a)', 'abs(%x)'),
  );
  expectRewrite(
    skipIdleElements,
    chain('f32[2] = dequantize', 'quantize', 'u8[2] affine(0.5, 131)'),
    `graph g {
      input %x : i8[2] affine(0.5, 3)
      %a : f32[2] = dequantize(%x)
      %y : u8[2] affine(0.5, 131) = requantize(%x)
      output %y
    }`,
  );
});

// -128 steps of 0.5 are -91.4 of 0.7; rounded and taken back they are -127.
suite('keeps two roundings that are not one', () => {
  const text = chain('i8[2] affine(0.7, 2) = requantize', 'requantize');
  expectRefusal(skipIdleElements, text, 'one-step', '%y = requantize', '-125 becomes another value in one step');
});

function randomChain(r: Random): Graph {
  const quant = () => `affine(${r.pick([0.01, 0.02, 0.04])}, ${r.pick([-128, -5, 0, 3])})`;
  const [x, a] = [quant(), quant()];
  const isFloat = r.chance(0.3);
  const last = r.pick([x, a, quant()]);
  const second = isFloat ? 'quantize' : r.pick(['requantize', 'relu', 'relu6', 'leaky_relu', 'abs']);
  const attrs = second === 'leaky_relu' ? ' {"alpha":0.1}' : '';
  return parseGraph(`graph g {
    input %x : i8[40] ${x}
    %c : i8[40] ${x} = ${r.pick(['relu', 'abs', 'relu6'])}(%x)
    %a : ${isFloat ? 'f32[40]' : `i8[40] ${a}`} = ${isFloat ? 'dequantize' : 'requantize'}(%c)
    %b : i8[40] ${last} = ${second}(%a)${attrs}
    %d : i8[40] ${last} = relu(%b)
    %y : i8[8,5] ${last} = reshape(%d) {"shape":[8,5]}
    output %y
  }`);
}

suite('is exact on random chains', () => expectExactOn(skipIdleElements, FILE, randomChain));

suite.run();
