import { suite as makeSuite } from 'uvu';
import { mergeReshapes } from '../../../compiler/passes/exact/merge-reshapes.ts';
import { expectExact, expectRefusal, expectRewrite } from '../support.ts';

const suite = makeSuite('exact/merge-reshapes');

suite('reads through a reshape, also at an output', () => {
  expectRewrite(
    mergeReshapes,
    `graph g {
      input %x : i8[4]
      %a : i8[2,2] = reshape(%x) {"shape":[2,2]}
      %y : i8[4,1] = reshape(%a) {"shape":[4,1]}
      output %y
    }`,
    `graph g {
      input %x : i8[4]
      %a : i8[2,2] = reshape(%x) {"shape":[2,2]}
      %y : i8[4,1] = reshape(%x) {"shape":[4,1]}
      output %y
    }`,
  );
});

const ONE = 'graph g { input %x : i8[4] %y : i8[4] = reshape(%x) {"shape":[4]} output %y }';

suite('leaves a reshape of something else', () => {
  expectRefusal(mergeReshapes, ONE, 'reshape-of-reshape', '%y = reshape', '%x is not a reshape');
});

suite('drops a reshape that keeps the shape', () => {
  expectRewrite(
    mergeReshapes,
    `graph g {
      input %x : f32[1,2]
      const %w : f32[3,2] dense = [1, 2, 3, 4, 5, 6]
      %a : f32[1,2] = reshape(%x) {"shape":[1,2]}
      %y : f32[1,3] = fully_connected(%a, %w)
      output %y
    }`,
    `graph g {
      input %x : f32[1,2]
      const %w : f32[3,2] dense = [1, 2, 3, 4, 5, 6]
      %y : f32[1,3] = fully_connected(%x, %w)
      output %y
    }`,
  );
});

suite('keeps the name of an output', () => {
  expectRefusal(mergeReshapes, ONE, 'same-shape', '%y = reshape', '%y is an output');
});

suite('leaves a reshape that changes the shape', () => {
  const text = 'graph g { input %x : i8[4] %y : i8[2,2] = reshape(%x) {"shape":[2,2]} output %y }';
  expectRefusal(mergeReshapes, text, 'same-shape', '%y = reshape', 'the shape changes');
});

suite('is exact on random graphs', () =>
  expectExact(mergeReshapes, 'tests/passes/exact/merge-reshapes.test.ts', { ops: ['reshape', 'fully_connected'] }));

suite.run();
