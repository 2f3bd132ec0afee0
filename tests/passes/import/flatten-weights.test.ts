import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { flattenWeights } from '../../../compiler/passes/import/flatten-weights.ts';
import { runPasses } from '../../../compiler/passes/run.ts';
import { parseGraph } from '../../../ir/tensor/parse.ts';
import { Random } from '../../support/random.ts';
import { expectRefusal, expectRewrite, expectSameResults } from '../support.ts';

const suite = makeSuite('import/flatten-weights');

function graph(rest: string): string {
  return `graph g {
    input %x : f32[2,2,3]
    const %w : f32[2,6] dense = [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15]
    %t : f32[2,3,2] = transpose(%x) {"permutation":[0,2,1]}
    ${rest}
    output %y
  }`;
}

suite('puts columns in the order of the rows as they were', () => {
  expectRewrite(
    flattenWeights,
    graph('%r : f32[2,6] = reshape(%t) {"shape":[2,6]} %y : f32[2,2] = fully_connected(%r, %w)'),
    graph(`const %w_flat : f32[2,6] dense = [0, 2, 4, 1, 3, 5, 10, 12, 14, 11, 13, 15]
      %r : f32[2,6] = reshape(%x) {"shape":[2,6]} %y : f32[2,2] = fully_connected(%r, %w_flat)`),
  );
});

suite('leaves rows that something else reads', () => {
  const text = graph(`%r : f32[2,6] = reshape(%t) {"shape":[2,6]} %y : f32[2,2] = fully_connected(%r, %w)
    %z : f32[2,6] = tanh(%r) output %z`);
  const reason = 'not only fully connected layers read %r';
  expectRefusal(flattenWeights, text, 'permute', '%r = reshape', reason);
});

suite('leaves weights that something else reads', () => {
  const text = graph(`%r : f32[2,6] = reshape(%t) {"shape":[2,6]} %y : f32[2,2] = fully_connected(%r, %w)
    %z : f32[2,2] = fully_connected(%x, %w) output %z`);
  expectRefusal(flattenWeights, text, 'permute', '%r = reshape', '%w is read elsewhere');
});

suite('leaves a transpose from row to row', () => {
  const text = graph(`%r : f32[4,3] = reshape(%t) {"shape":[4,3]} const %v : f32[1,3] dense = [1, 2, 3]
    %y : f32[4,1] = fully_connected(%r, %v)`);
  expectRefusal(flattenWeights, text, 'permute', '%r = reshape', 'elements change rows');
});

suite('leaves a reshape of anything else', () => {
  const text = graph('%r : f32[2,6] = reshape(%x) {"shape":[2,6]} %y : f32[2,2] = fully_connected(%r, %w)');
  expectRefusal(flattenWeights, text, 'permute', '%r = reshape', '%x is not a transpose');
});

suite('changes no result where nothing is rounded', () => {
  let fired = 0;
  for (let seed = 1; seed <= 100; seed++) {
    const r = new Random(seed);
    const shape = [r.int(1, 2), r.int(1, 3), r.int(1, 3), r.int(1, 4)];
    const permutation = [0, ...r.shuffle([1, 2, 3])];
    const moved = permutation.map((axis) => shape[axis]);
    const depth = r.pick([moved[1] * moved[2] * moved[3], moved[2] * moved[3]]);
    const rows = (shape[0] * shape[1] * shape[2] * shape[3]) / depth;
    const weights = Array.from({ length: 2 * depth }, () => r.int(-9, 9));
    const before = parseGraph(`graph g {
      input %i : i8[${shape}]
      %x : f32[${shape}] = cast(%i)
      const %w : f32[2,${depth}] dense = [${weights}]
      %t : f32[${moved}] = transpose(%x) {"permutation":[${permutation}]}
      %r : f32[${rows},${depth}] = reshape(%t) {"shape":[${rows},${depth}]}
      %y : f32[${rows},2] = fully_connected(%r, %w)
      output %y
    }`);
    const { graph: after, patches } = runPasses(before, [flattenWeights], { verifyEach: true });
    fired += patches;
    expectSameResults(before, after, seed);
  }
  assert.ok(fired > 50 && fired < 100, `fired on ${fired} of 100 graphs`);
});

suite.run();
