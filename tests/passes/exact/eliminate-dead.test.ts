import { suite as makeSuite } from 'uvu';
import { eliminateDead } from '../../../compiler/passes/exact/eliminate-dead.ts';
import { expectExact, expectRefusal, expectRewrite } from '../support.ts';

const suite = makeSuite('exact/eliminate-dead');

suite('drops unread states, nodes and constants, one after the other, and keeps inputs', () => {
  expectRewrite(
    eliminateDead,
    `graph g {
      input %x : i8[4]
      input %unread : i8[1]
      const %c : i8[4] dense = [1, 2, 3, 4]
      state %s : i8[2,2] = [0, 0, 0, 0] next %b
      %a : i8[2,2] = reshape(%c) {"shape":[2,2]}
      %b : i8[2,2] = reshape(%a) {"shape":[2,2]}
      %y : i8[2,2] = reshape(%x) {"shape":[2,2]}
      output %y
    }`,
    `graph g {
      input %x : i8[4]
      input %unread : i8[1]
      %y : i8[2,2] = reshape(%x) {"shape":[2,2]}
      output %y
    }`,
  );
});

const LIVE = `graph g {
  const %c : i8[4] dense = [1, 2, 3, 4]
  state %s : i8[2,2] = [0, 0, 0, 0] next %a
  %a : i8[2,2] = reshape(%c) {"shape":[2,2]}
  %y : i8[4] = reshape(%s) {"shape":[4]}
  output %y
}`;

suite('keeps a state that is read', () => {
  expectRefusal(eliminateDead, LIVE, 'state', 'state %s', '%s is read');
});

suite('keeps a node whose result a state becomes', () => {
  expectRefusal(eliminateDead, LIVE, 'node', '%a = reshape', '%a is read');
});

suite('keeps a constant that is read', () => {
  expectRefusal(eliminateDead, LIVE, 'constant', 'constant %c', '%c is read');
});

suite('is exact on random graphs', () => expectExact(eliminateDead, 'tests/passes/exact/eliminate-dead.test.ts'));

suite.run();
