import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { nameClamps } from '../../../compiler/passes/exact/name-clamps.ts';
import { runPasses } from '../../../compiler/passes/run.ts';
import { evaluate } from '../../../ir/tensor/evaluate.ts';
import { parseGraph } from '../../../ir/tensor/parse.ts';
import { sameBits } from '../../support/random-graph.ts';
import { expectExactOn, expectRefusal, expectRewrite } from '../support.ts';

const FILE = 'tests/passes/exact/name-clamps.test.ts';
const suite = makeSuite('exact/name-clamps');

function graph(rest: string): string {
  return `graph g {
    input %x : f32[9]
    const %zero : f32[] dense = [0]
    const %six : f32[9] dense = [6, 6, 6, 6, 6, 6, 6, 6, 6]
    const %one : f32[1] dense = [1]
    const %minus : f32[1] dense = [-1]
    ${rest}
    output %y
  }`;
}

const PAIRS: readonly (readonly [string, string])[] = [
  ['%y : f32[9] = maximum(%zero, %x)', '%y : f32[9] = relu(%x)'],
  ['%a : f32[9] = relu(%x) %y : f32[9] = minimum(%six, %a)', '%y : f32[9] = relu6(%x)'],
  ['%a : f32[9] = minimum(%six, %x) %y : f32[9] = maximum(%zero, %a)', '%y : f32[9] = relu6(%x)'],
  ['%a : f32[9] = minimum(%six, %x) %y : f32[9] = relu(%a)', '%y : f32[9] = relu6(%x)'],
  ['%a : f32[9] = maximum(%minus, %x) %y : f32[9] = minimum(%one, %a)', '%y : f32[9] = relu_n1_to_1(%x)'],
  ['%a : f32[9] = minimum(%one, %x) %y : f32[9] = maximum(%minus, %a)', '%y : f32[9] = relu_n1_to_1(%x)'],
];

suite('names bounds that activations have', () => {
  for (const [before, after] of PAIRS) {
    // The first of two clamps, which may have been named itself, is left without readers.
    const { graph: found } = runPasses(parseGraph(graph(before)), [nameClamps], { verifyEach: true });
    const expected = parseGraph(graph(after)).nodes[0];
    assert.equal(found.nodes.at(-1), expected);
  }
});

suite('gives the same bits for NaN, zeros of either sign, infinities and bounds', () => {
  const x = Float32Array.of(Number.NaN, -0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 6, 7, -1, 0.5);
  for (const [before, after] of PAIRS) {
    const [a, b] = [before, after].map((text) => evaluate(parseGraph(graph(text)), [x]).outputs[0]);
    assert.ok(sameBits(a, b), before);
  }
});

suite('leaves constants that come second, which NaN and zeros give way to', () => {
  const reason = 'it does not clamp f32 to a constant that it takes first';
  expectRefusal(nameClamps, graph('%y : f32[9] = maximum(%x, %zero)'), 'name', '%y = maximum', reason);
});

suite('leaves bounds that no activation has', () => {
  const reason = '-1 to Infinity are the bounds of no activation';
  expectRefusal(nameClamps, graph('%y : f32[9] = maximum(%minus, %x)'), 'name', '%y = maximum', reason);
  const negative = graph('const %z : f32[] dense = [-0] %y : f32[9] = maximum(%z, %x)');
  expectRefusal(nameClamps, negative, 'name', '%y = maximum', '0 to Infinity are the bounds of no activation');
});

suite('leaves the second clamp when the first is read elsewhere', () => {
  expectRewrite(
    nameClamps,
    graph('%a : f32[9] = maximum(%zero, %x) %y : f32[9] = minimum(%six, %a) output %a'),
    graph('%a : f32[9] = relu(%x) %y : f32[9] = minimum(%six, %a) output %a'),
  );
});

suite('leaves activations alone', () => {
  expectRefusal(nameClamps, graph('%y : f32[9] = relu(%x)'), 'name', '%y = relu', 'it is relu already');
});

suite('is exact on random chains of clamps', () =>
  expectExactOn(
    nameClamps,
    FILE,
    (r) => {
      const names = ['%zero', '%six', '%one', '%minus'];
      const step = (from: string, to: string) =>
        r.chance(0.3)
          ? `%${to} : f32[9] = ${r.pick(['relu', 'relu6', 'relu_n1_to_1'])}(%${from})`
          : `%${to} : f32[9] = ${r.pick(['minimum', 'maximum'])}(${r.chance(0.8) ? `${r.pick(names)}, %${from}` : `%${from}, ${r.pick(names)}`})`;
      return parseGraph(graph([step('x', 'a'), step('a', 'b'), step('b', 'y')].join('\n')));
    },
    [0.3, 0.98],
  ));

suite.run();
