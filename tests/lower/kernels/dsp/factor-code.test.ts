/** Words that hold a multiplier and which of sixteen powers goes with it give the results of the reference. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { type FactorCode, factorCode } from '../../../../compiler/lower/kernels/dsp/factor-code.ts';
import { type AccumulatorRange, type Factors, shortScale } from '../../../../compiler/lower/proved-scale.ts';
import { FunctionBuilder, op } from '../../../../ir/loop/build.ts';
import { callFunction } from '../../../../ir/loop/evaluate.ts';
import type { Multiplier } from '../../../../ir/tensor/fixed-point.ts';
import { finish, type OutputStage } from '../../../../ir/tensor/ops/shared.ts';
import { Random } from '../../../support/random.ts';

const suite = makeSuite('factors in one word');
const AGAIN = 'node --import ./tools/ts.mjs tests/lower/kernels/dsp/factor-code.test.ts';

function stageOf(multipliers: readonly Multiplier[], zeroPoint: number, low: number): OutputStage {
  const scales = multipliers.map(({ multiplier, shift }) => multiplier * 2 ** (shift - 31));
  return { multipliers, scales, zeroPoint, low, high: 127, rounding: 'double' };
}

function factorsOf(stage: OutputStage, ranges: readonly AccumulatorRange[]): Factors[] {
  const scale = shortScale(stage, ranges);
  if (typeof scale === 'string') throw new Error(scale);
  return ranges.map((_, channel) => scale.factors(channel));
}

/** What the decoded word of a channel makes of accumulators. */
function computed(
  stage: OutputStage,
  ranges: readonly AccumulatorRange[],
  code: FactorCode,
  channel: number,
  x: Int32Array,
) {
  const scale = shortScale(stage, ranges);
  if (typeof scale === 'string') throw new Error(scale);
  const f = new FunctionBuilder('coded', []);
  const words = f.buffer('words', 'i32', code.words.length, 'in');
  const from = f.buffer('x', 'i32', x.length, 'in');
  const y = f.buffer('y', 'i8', x.length, 'out');
  const [multiplier, power] = code.decode(f, f.let('word', words.at(channel)));
  f.for('i', 0, x.length, (i) => {
    f.store(y, i, scale.apply(f, op('i32.shl', [from.at(i), 1]), multiplier, power));
  });
  const out = new Int8Array(x.length);
  const table = Int32Array.from(code.words);
  callFunction(
    f.finish(),
    [],
    [table, x, out].map((data) => new Uint8Array(data.buffer)),
    [],
  );
  return out;
}

suite('every accumulator of a small range, for multipliers and shifts at random', () => {
  const r = new Random(7);
  let coded = 0;
  for (let round = 0; round < 60; round++) {
    const [zeroPoint, low] = [
      [-128, -128],
      [-3, -128],
      [9, 9],
    ][round % 3] as [number, number];
    const least = r.int(2, 12);
    const multipliers = Array.from({ length: 6 }, () => ({
      multiplier: r.int(2 ** 30, 2 ** 31 - 1),
      shift: -r.int(least, Math.min(31, least + 5)),
    }));
    const stage = stageOf(multipliers, zeroPoint, low);
    const ranges = multipliers.map(() => ({ low: -r.int(1, 3000), high: r.int(0, 3000) }));
    const code = factorCode(factorsOf(stage, ranges), { stage, ranges });
    if (code === undefined) continue;
    coded++;
    ranges.forEach((range, channel) => {
      const x = Int32Array.from({ length: range.high - range.low + 1 }, (_, i) => range.low + i);
      const expected = Int8Array.from(x, (acc) => finish(acc, channel, stage, 'i32'));
      const at = computed(stage, ranges, code, channel, x).findIndex((value, i) => value !== expected[i]);
      assert.is(at, -1, `round ${round}, channel ${channel}: another result for ${x[at]}; ${AGAIN}`);
    });
  }
  assert.ok(coded >= 50, `${coded} of 60 layers got words: ${AGAIN}`);
});

suite('the ends of large ranges, and beside every step', () => {
  const r = new Random(8);
  const multipliers = Array.from({ length: 12 }, () => ({
    multiplier: r.int(2 ** 30, 2 ** 31 - 1),
    shift: -r.int(8, 11),
  }));
  for (const zeroPoint of [-128, 4]) {
    const stage = stageOf(multipliers, zeroPoint, -128);
    const ranges = multipliers.map(() => ({ low: -(2 ** 24), high: 2 ** 24 }));
    const code = factorCode(factorsOf(stage, ranges), { stage, ranges });
    assert.ok(code !== undefined, AGAIN);
    multipliers.forEach(({ multiplier, shift }, channel) => {
      const factor = multiplier * 2 ** (shift - 31);
      const steps = Array.from({ length: 512 }, (_, i) => Math.round((i - 256 + 0.5) / factor));
      const x = Int32Array.from([...steps.flatMap((step) => [step - 1, step, step + 1]), -(2 ** 24), 2 ** 24]);
      const expected = Int8Array.from(x, (acc) => finish(acc, channel, stage, 'i32'));
      assert.equal(computed(stage, ranges, code as FactorCode, channel, x), expected, `channel ${channel}: ${AGAIN}`);
    });
  }
});

suite('none where powers lie too far apart, for multipliers of 0, for more steps than bytes have', () => {
  const ranges = [
    { low: -100, high: 100 },
    { low: -100, high: 100 },
  ];
  const far = stageOf(
    [-2, -31].map((shift) => ({ multiplier: 2 ** 30, shift })),
    0,
    -128,
  );
  assert.is(factorCode(factorsOf(far, ranges), { stage: far, ranges }), undefined, AGAIN);
  const zero = stageOf(
    [0, 2 ** 30].map((multiplier) => ({ multiplier, shift: -5 })),
    0,
    -128,
  );
  assert.is(factorCode(factorsOf(zero, ranges), { stage: zero, ranges }), undefined, AGAIN);
  const near = stageOf(
    [-5, -6].map((shift) => ({ multiplier: 2 ** 30 + 4, shift })),
    0,
    -128,
  );
  assert.ok(factorCode(factorsOf(near, ranges), { stage: near, ranges }) !== undefined, AGAIN);
  const wide = { ...near, low: -32768, high: 32767 };
  assert.is(factorCode(factorsOf(near, ranges), { stage: wide, ranges }), undefined, AGAIN);
});

suite.run();
