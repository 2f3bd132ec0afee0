import { suite as makeSuite } from 'uvu';
import { mergeTransposes } from '../../../compiler/passes/exact/merge-transposes.ts';
import { expectExact, expectRefusal, expectRewrite } from '../support.ts';

const suite = makeSuite('exact/merge-transposes');

suite('composes two permutations', () => {
  expectRewrite(
    mergeTransposes,
    `graph g {
      input %x : f32[2,3,4]
      %a : f32[4,2,3] = transpose(%x) {"permutation":[2,0,1]}
      %y : f32[2,4,3] = transpose(%a) {"permutation":[1,0,2]}
      output %y
    }`,
    `graph g {
      input %x : f32[2,3,4]
      %a : f32[4,2,3] = transpose(%x) {"permutation":[2,0,1]}
      %y : f32[2,4,3] = transpose(%x) {"permutation":[0,2,1]}
      output %y
    }`,
  );
});

suite('takes a transpose that moves nothing for a reshape', () => {
  expectRewrite(
    mergeTransposes,
    'graph g { input %x : f32[1,3,1,4] %y : f32[3,4,1,1] = transpose(%x) {"permutation":[1,3,0,2]} output %y }',
    'graph g { input %x : f32[1,3,1,4] %y : f32[3,4,1,1] = reshape(%x) {"shape":[3,4,1,1]} output %y }',
  );
});

const ALONE = `graph g {
  input %x : f32[2,3]
  %a : f32[3,2] = transpose(%x) {"permutation":[1,0]}
  %y : f32[3,2] = tanh(%a)
  output %y
}`;

suite('leaves a transpose that moves elements', () => {
  expectRefusal(mergeTransposes, ALONE, 'no-move', '%a = transpose', 'elements change places');
});

suite('is exact on random graphs', () =>
  expectExact(mergeTransposes, 'tests/passes/exact/merge-transposes.test.ts', { ops: ['transpose', 'tanh', 'abs'] }));

suite.run();
