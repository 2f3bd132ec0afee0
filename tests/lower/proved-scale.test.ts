/** Short forms of requantization give the bits of the reference wherever their proof says that they apply. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type AccumulatorRange,
  accumulatorRange,
  shortLongScale,
  shortScale,
  steadyResult,
  within,
} from '../../compiler/lower/proved-scale.ts';
import { FunctionBuilder, op } from '../../ir/loop/build.ts';
import { callFunction } from '../../ir/loop/evaluate.ts';
import { quantizeMultiplier } from '../../ir/tensor/fixed-point.ts';
import { finish, type OutputStage } from '../../ir/tensor/ops/shared.ts';
import { Random } from '../support/random.ts';

const suite = makeSuite('proved requantization');
const AGAIN = 'node --import ./tools/ts.mjs tests/lower/proved-scale.test.ts';
const WHOLE: AccumulatorRange = { low: -(2 ** 30), high: 2 ** 30 - 1 };

function stageOf(factor: number, zeroPoint: number, low = -128, high = 127): OutputStage {
  return { multipliers: [quantizeMultiplier(factor)], scales: [factor], zeroPoint, low, high, rounding: 'double' };
}

/** What the short form computes from each accumulator. */
function computed(stage: OutputStage, accumulators: Int32Array): Int8Array {
  const scale = shortScale(stage, [WHOLE]);
  if (typeof scale === 'string') throw new Error(scale);
  const [multiplier, power] = scale.factors(0);
  const f = new FunctionBuilder('short', []);
  const x = f.buffer('x', 'i32', accumulators.length, 'in');
  const y = f.buffer('y', 'i8', accumulators.length, 'out');
  f.for('i', 0, accumulators.length, (i) => {
    f.store(y, i, scale.apply(f, op('i32.shl', [x.at(i), 1]), multiplier, power));
  });
  const out = new Int8Array(accumulators.length);
  callFunction(f.finish(), [], [new Uint8Array(accumulators.buffer), new Uint8Array(out.buffer)], []);
  return out;
}

/** Accumulators at the ends, around zero, and just beside ties of both roundings. */
function accumulatorsFor(r: Random, factor: number): Int32Array {
  const near = Array.from({ length: 600 }, () => Math.round((r.int(-300, 300) + 0.5) / factor) + r.int(-2, 2));
  const any = Array.from({ length: 600 }, () => r.int(-(2 ** 30), 2 ** 30 - 1) >> r.int(0, 30));
  return Int32Array.from(
    [...near, ...any, WHOLE.low, WHOLE.low + 1, WHOLE.high, -1, 0, 1].filter((x) => x >= WHOLE.low && x <= WHOLE.high),
  );
}

suite('equals the double rounding for every shift, zero point and clamp', () => {
  const r = new Random(1);
  const faults: string[] = [];
  for (let shift = 2; shift <= 31; shift++) {
    for (const [zero, low, high] of [
      [-128, -128, 127],
      [5, -128, 127],
      [5, 5, 127],
      [-20, -20, 60],
      [127, -128, 100],
    ] as const) {
      const factor = (0.5 + 0.5 * r.unit()) * 2 ** -shift;
      const stage = stageOf(shift % 5 === 0 ? 2 ** (-shift - 1) : factor, zero, low, high);
      const accumulators = accumulatorsFor(r, factor);
      const found = shift === 31 && shift % 5 === 0 ? undefined : computed(stage, accumulators);
      accumulators.forEach((acc, i) => {
        const expected = finish(acc, 0, stage, 'i32');
        if (found !== undefined && found[i] !== expected)
          faults.push(`shift ${shift} zero ${zero} acc ${acc}: ${found[i]}, expected ${expected}`);
      });
    }
  }
  assert.equal(faults.slice(0, 5), [], AGAIN);
});

suite('a factor of 16 bits on 64-bit sums becomes one rounded high product', () => {
  const r = new Random(3);
  const whole = { low: -(2 ** 31), high: 2 ** 31 - 1 };
  for (let shift = -17; shift <= -1; shift++) {
    for (const factor of [(0.5 + 0.5 * r.unit()) * 2 ** shift, (1 - 2 ** -20) * 2 ** shift]) {
      for (const low of [-32768, 0, -100]) {
        const stage = stageOf(factor, 0, low, 32767);
        const scale = shortLongScale(stage, [whole]);
        if (typeof scale === 'string') throw new Error(scale);
        const accumulators = Int32Array.from([
          ...Array.from({ length: 300 }, () => r.int(whole.low, whole.high) >> r.int(0, 31)),
          ...Array.from({ length: 300 }, () => Math.round((r.int(-300, 300) + 0.5) / factor) + r.int(-2, 2)),
          whole.low,
          whole.high,
        ]);
        const f = new FunctionBuilder('short', []);
        const x = f.buffer('x', 'i32', accumulators.length, 'in');
        const y = f.buffer('y', 'i16', accumulators.length, 'out');
        f.for('i', 0, accumulators.length, (i) => f.store(y, i, scale.apply(x.at(i), scale.factor(0))));
        const out = new Int16Array(accumulators.length);
        callFunction(f.finish(), [], [new Uint8Array(accumulators.buffer), new Uint8Array(out.buffer)], []);
        const bad = accumulators.findIndex((acc, i) => out[i] !== finish(acc, 0, stage, 'i64'));
        assert.is(bad, -1, `${AGAIN}: shift ${shift}, accumulator ${accumulators[bad]} gives ${out[bad]}`);
      }
    }
  }
  assert.match(shortLongScale(stageOf(0.6, 0), [whole]) as string, 'scaled by 2^0');
  assert.is(shortLongScale(stageOf(0.1, 0), [{ ...whole, high: 2 ** 31 }]), 'an accumulator may reach 2^31');
});

suite('is refused where its proof does not hold, with the reason', () => {
  const half = stageOf(0.001, 0);
  assert.is(shortScale({ ...half, rounding: 'single' }, [WHOLE]), 'rounds single, not twice');
  assert.is(shortScale(half, [{ ...WHOLE, high: 2 ** 30 }]), 'an accumulator may reach 2^30');
  assert.match(shortScale(stageOf(0.3, 0), [WHOLE]) as string, 'scaled by 2^-1');
  assert.match(shortScale(stageOf(3, 0), [WHOLE]) as string, 'scaled by 2^2');
});

suite('a range of sums holds what inputs can make, and its ends are made', () => {
  const r = new Random(2);
  for (let round = 0; round < 50; round++) {
    const zeroPoint = r.int(-128, 127);
    const weights = Array.from({ length: 7 }, () => r.int(-128, 127));
    const range = accumulatorRange(weights, 100, { low: -128, high: 127, zeroPoint });
    const sum = (pick: (w: number) => number) => weights.reduce((s, w) => s + w * (pick(w) - zeroPoint), 100);
    assert.is(
      sum((w) => (w > 0 ? 127 : -128)),
      range.high,
      AGAIN,
    );
    assert.is(
      sum((w) => (w > 0 ? -128 : 127)),
      range.low,
      AGAIN,
    );
    const any = sum(() => r.int(-128, 127));
    assert.ok(any >= range.low && any <= range.high, AGAIN);
  }
  assert.ok(within({ low: -128, high: 127 }, 8));
  assert.not(within({ low: -128, high: 128 }, 8));
});

suite('a channel is steady when both ends of its range give one result', () => {
  const stage = stageOf(0.01, 3);
  assert.is(steadyResult(stage, { low: 1000, high: 1000 }, 0), 10);
  assert.is(steadyResult(stage, { low: 20000, high: 90000 }, 0), 124);
  assert.is(steadyResult(stage, { low: 1000, high: 2000 }, 0), undefined);
  assert.is(steadyResult(stageOf(2, 3), { low: 5, high: 5 }, 0), undefined);
});

suite.run();
