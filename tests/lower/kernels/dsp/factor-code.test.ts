/** Words that hold a multiplier and which of four powers goes with it. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { factorCode } from '../../../../compiler/lower/kernels/dsp/factor-code.ts';
import type { Factors } from '../../../../compiler/lower/proved-scale.ts';

const suite = makeSuite('factors in one word');
const AGAIN = 'node --import ./tools/ts.mjs tests/lower/kernels/dsp/factor-code.test.ts';

suite('every multiplier with every one of four powers', () => {
  const multipliers = [2 ** 30, 2 ** 30 + 1, 1518500250, 2 ** 31 - 2, 2 ** 31 - 1];
  for (const least of [1, 17, 27]) {
    const factors = multipliers.flatMap((m) => [0, 1, 2, 3].map((i): Factors => [m, 2 ** (least + i)]));
    const words = factorCode(factors)?.words ?? [];
    assert.is(words.length, factors.length, AGAIN);
    words.forEach((word, i) => {
      const found = [2 ** 30 + ((word >>> 0) % 2 ** 30), 2 ** (least + Math.floor((word >>> 0) / 2 ** 30))];
      assert.equal(found, factors[i], `word ${i} for powers from 2^${least}: ${AGAIN}`);
      assert.is(word | 0, word, `word ${i} has 32 bits: ${AGAIN}`);
    });
  }
});

suite('none for multipliers below 2^30, nor for five powers', () => {
  assert.is(factorCode([[0, 1]]), undefined, AGAIN);
  assert.is(factorCode([[2 ** 30 - 1, 2 ** 20]]), undefined, AGAIN);
  const five: Factors[] = [
    [2 ** 30, 2 ** 20],
    [2 ** 30, 2 ** 24],
  ];
  assert.is(factorCode(five), undefined, AGAIN);
});

suite.run();
