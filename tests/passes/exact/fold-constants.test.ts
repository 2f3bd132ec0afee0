import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { foldConstants } from '../../../compiler/passes/exact/fold-constants.ts';
import { runPasses } from '../../../compiler/passes/run.ts';
import { parseGraph } from '../../../ir/tensor/parse.ts';
import { expectExact, expectRefusal, expectRewrite } from '../support.ts';

const suite = makeSuite('exact/fold-constants');

const CHAIN = `graph g {
  const %c : i8[4] dense = [1, 2, 3, 4]
  %a : i8[2,2] = reshape(%c) {"shape":[2,2]}
  %y : i8[4,1] = reshape(%a) {"shape":[4,1]}
  output %y
}`;

suite('folds a chain to constants of the same names', () => {
  expectRewrite(
    foldConstants,
    CHAIN,
    `graph g {
      const %c : i8[4] dense = [1, 2, 3, 4]
      const %a : i8[2,2] dense = [1, 2, 3, 4]
      const %y : i8[4,1] dense = [1, 2, 3, 4]
      output %y
    }`,
  );
});

suite('leaves a node with a variable operand', () => {
  const text = 'graph g { input %x : i8[4] %y : i8[2,2] = reshape(%x) {"shape":[2,2]} output %y }';
  expectRefusal(foldConstants, text, 'fold', '%y = reshape', '%x is not a constant');
});

suite('leaves an encoded constant encoded', () => {
  const text = CHAIN.replace('dense', 'sparse(bitmap)');
  expectRefusal(foldConstants, text, 'fold', '%a = reshape', 'the encoding of %c would be lost');
});

suite('leaves results that are larger than maxBytes', () => {
  const options = { 'exact/fold-constants': { maxBytes: 3 } };
  const { patches, reports } = runPasses(parseGraph(CHAIN), [foldConstants], { verifyEach: true, options });
  assert.is(patches, 0);
  assert.is(reports[0]?.refused[0]?.reason, 'the result has 4 bytes, more than maxBytes=3');
});

suite('leaves large results of small operands', () => {
  const text = `graph g {
    const %c : i8[1] dense = [1]
    %y : i8[65537] = broadcast_to(%c) {"shape":[65537]}
    output %y
  }`;
  const reason = 'the result has 65537 bytes, more than 8 times what it is made of';
  expectRefusal(foldConstants, text, 'fold', '%y = broadcast_to', reason);
});

suite('is exact on random graphs', () =>
  expectExact(foldConstants, 'tests/passes/exact/fold-constants.test.ts', { encodings: false }));

suite.run();
