/** Requantization proved by its steps: the forms that are found give what the reference gives, on every accumulator. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { boundsOf, provedAddend } from '../../../../compiler/lower/narrow-thresholds.ts';
import { quantizeMultiplier } from '../../../../ir/tensor/fixed-point.ts';
import { finish, type OutputStage } from '../../../../ir/tensor/ops/shared.ts';
import { Random } from '../../../support/random.ts';

const suite = makeSuite('requantization proved by its steps');
const AGAIN = 'node --import ./tools/ts.mjs tests/lower/kernels/narrow/scale.test.ts';

function stageOf(factor: number, zeroPoint: number, low: number): OutputStage {
  const multipliers = [quantizeMultiplier(factor)];
  return { multipliers, scales: [factor], zeroPoint, low, high: 127, rounding: 'double' };
}

function clamped(x: number, { low, high }: OutputStage): number {
  return Math.min(Math.max(x, low), high);
}

suite('an addend that is found makes a form equal to the reference on all of its range', () => {
  const r = new Random(7);
  let proved = 0;
  for (let trial = 0; trial < 60; trial++) {
    const zeroPoint = trial % 3 === 0 ? -128 : r.int(-100, 100);
    const stage = stageOf(2 ** -(4 + 4 * r.unit()), zeroPoint, -128);
    const { multiplier, shift } = stage.multipliers[0] as { multiplier: number; shift: number };
    const range = { low: -r.int(100, 40_000), high: r.int(100, 40_000) };
    const fraction = 12;
    const factor = Math.floor(multiplier / 2);
    const product = (acc: number) => Math.floor((acc * factor) / 2 ** (32 - fraction));
    const negative = zeroPoint > -128 ? -(2 ** (fraction - 2)) : 0;
    const form = { product, negative, shift: fraction - 2 - shift };
    const addend = provedAddend(boundsOf(stage, 0, range), range, form);
    if (addend === undefined) continue;
    proved++;
    for (let acc = range.low; acc <= range.high; acc++) {
      const sum = product(acc) + (acc < 0 ? negative : 0) + addend;
      const found = clamped(Math.floor(sum / 2 ** form.shift), stage);
      if (found !== finish(acc, 0, stage, 'i32'))
        assert.unreachable(`${JSON.stringify(stage)} ${acc} ${found}: ${AGAIN}`);
    }
  }
  assert.ok(proved >= 40, `${proved} of 60 proved: ${AGAIN}`);
});

suite('a form that is a little wrong is not proved', () => {
  const stage = stageOf(0.003, -128, -128);
  const range = { low: -90_000, high: 90_000 };
  const { multiplier, shift } = stage.multipliers[0] as { multiplier: number; shift: number };
  const form = (factor: number) => ({
    product: (acc: number) => Math.floor((acc * factor) / 2 ** 20),
    negative: 0,
    shift: 10 - shift,
  });
  const bounds = boundsOf(stage, 0, range);
  const exact = Math.floor(multiplier / 2);
  assert.ok(provedAddend(bounds, range, form(exact)) !== undefined, AGAIN);
  assert.is(provedAddend(bounds, range, form(exact + 2 ** 18)), undefined, AGAIN);
  assert.is(provedAddend(bounds, range, form(exact - 2 ** 18)), undefined, AGAIN);
});

suite('the steps are where the reference takes them', () => {
  const stage = stageOf(0.01, 5, -128);
  const bounds = boundsOf(stage, 0, { low: -30_000, high: 30_000 });
  assert.is(bounds.length, 2 * 255, AGAIN);
  for (const { acc, value, reached } of bounds) {
    assert.is(finish(acc, 0, stage, 'i32') >= value, reached, `${acc}: ${AGAIN}`);
  }
});

suite.run();
