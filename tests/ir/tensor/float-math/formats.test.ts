/** Rounding to narrower formats against lists of all their values, built from their definitions. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { evaluate } from '../../../../ir/tensor/evaluate.ts';
import type { FloatFormat, RoundMode } from '../../../../ir/tensor/float-math/formats.ts';
import { halfToFloat } from '../../../../ir/tensor/ops/quant.ts';
import { NO_QUANT, type TensorType } from '../../../../ir/tensor/types.ts';
import { Random } from '../../../support/random.ts';
import { singleNode } from '../../../support/single-node.ts';

const suite = makeSuite('round_float');
const AGAIN = 'node --import ./tools/ts.mjs tests/ir/tensor/float-math/formats.test.ts';
const { POSITIVE_INFINITY: INF, NaN: NAN } = Number;
const { fround } = Math;

interface Attrs {
  readonly format: FloatFormat;
  readonly saturate: boolean;
  readonly mode?: RoundMode;
}

function rounded(attrs: Attrs, values: readonly number[]): number[] {
  const type: TensorType = { dtype: 'f32', shape: [values.length], quant: NO_QUANT };
  const [y] = evaluate(singleNode('round_float', attrs, [{ type }]), [Float32Array.from(values)]).outputs;
  return Array.from(y as Float32Array);
}

/** Every finite value that is not negative, ascending, by code: exponent field, then fraction. */
function valuesOf(exponentBits: number, fractionBits: number, bias: number, codes: number): number[] {
  return Array.from({ length: codes }, (_, code) => {
    const fraction = code % 2 ** fractionBits;
    const field = Math.floor(code / 2 ** fractionBits);
    assert.ok(field < 2 ** exponentBits);
    const significand = field === 0 ? fraction : fraction + 2 ** fractionBits;
    return significand * 2 ** (Math.max(field, 1) - bias - fractionBits);
  });
}

/** Codes up to the largest finite one; ONNX technical notes on float 8 and float 4, IEEE 754 for f16. */
const FORMATS = {
  f16: valuesOf(5, 10, 15, 0x7c00),
  bf16: valuesOf(8, 7, 127, 0x7f80),
  e4m3fn: valuesOf(4, 3, 7, 0x7f),
  e4m3fnuz: valuesOf(4, 3, 8, 0x80),
  e5m2: valuesOf(5, 2, 15, 0x7c),
  e5m2fnuz: valuesOf(5, 2, 16, 0x80),
  e2m1: valuesOf(2, 1, 1, 8),
} as const;
type Signed = keyof typeof FORMATS;
const NAMES = Object.keys(FORMATS) as Signed[];

/** The nearest of the list, at ties the one with the even code; beyond the last the next step counts as a value too. */
function nearest(list: readonly number[], x: number): number | 'beyond' {
  const last = list.at(-1) as number;
  const step = last - (list.at(-2) as number);
  let [low, high] = [0, list.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((list[middle] as number) <= x) low = middle;
    else high = middle;
  }
  const below = list[low] as number;
  const above = list[low + 1] ?? last + step;
  if (x - below < above - x || (x - below === above - x && low % 2 === 0)) return x >= last + step ? 'beyond' : below;
  return low + 1 < list.length ? (list[low + 1] as number) : 'beyond';
}

function sample(list: readonly number[]): number[] {
  const random = new Random(9);
  const word = new DataView(new ArrayBuffer(4));
  const between = list.slice(1).map((value, i) => (value + (list[i] as number)) / 2);
  const last = list.at(-1) as number;
  const step = last - (list.at(-2) as number);
  const exact = [...list, ...between, last + step / 2, last + step].filter((x) => fround(x) === x);
  const next = (x: number, by: number) => {
    word.setFloat32(0, x);
    word.setInt32(0, word.getInt32(0) + by);
    return word.getFloat32(0);
  };
  const beside = exact.flatMap((x) => (x === 0 ? [2 ** -149] : [next(x, 1), next(x, -1)]));
  const any = Array.from({ length: 3000 }, () => {
    word.setUint32(0, random.bits() & 0x7fffffff);
    return word.getFloat32(0);
  }).filter(Number.isFinite);
  return [...exact, ...beside, ...any].filter(Number.isFinite);
}

for (const format of NAMES) {
  for (const saturate of [true, false]) {
    suite(`${format}, ${saturate ? 'saturating' : 'not saturating'}: the nearest value of the format`, () => {
      const list = FORMATS[format];
      const isFloat8 = format.startsWith('e') && format !== 'e2m1';
      const isSaturated = format === 'e2m1' || (isFloat8 && saturate);
      const overflow = isSaturated ? (list.at(-1) as number) : ['f16', 'bf16', 'e5m2'].includes(format) ? INF : NAN;
      const values = sample(list);
      const found = rounded({ format, saturate }, [...values, ...values.map((x) => -x)]);
      values.forEach((x, i) => {
        const at = nearest(list, x);
        const expected = at === 'beyond' ? overflow : at;
        const mirrored = expected === 0 && format.endsWith('uz') ? 0 : -expected;
        const say = `${x}: ${found[i]} and ${found[values.length + i]}, expected ${expected}\n${AGAIN}`;
        assert.ok(Object.is(found[i], expected) && Object.is(found[values.length + i], mirrored), say);
      });
    });
  }
}

suite('values of a format stay; binary16 as the other decoder reads it', () => {
  for (const format of NAMES) {
    assert.equal(rounded({ format, saturate: false }, FORMATS[format]), [...FORMATS[format]]);
  }
  const bits = Array.from({ length: 0x7c00 }, (_, code) => halfToFloat(code));
  assert.equal(bits, FORMATS.f16);
});

suite('infinities and NaN by the tables of ONNX Cast', () => {
  const special = [0, -0, NAN, INF, -INF];
  const expected: readonly (readonly [Signed, boolean, readonly number[]])[] = [
    ['e4m3fn', true, [0, -0, NAN, 448, -448]],
    ['e4m3fnuz', true, [0, 0, NAN, 240, -240]],
    ['e5m2', true, [0, -0, NAN, 57344, -57344]],
    ['e5m2fnuz', true, [0, 0, NAN, 57344, -57344]],
    ['e4m3fn', false, [0, -0, NAN, NAN, NAN]],
    ['e4m3fnuz', false, [0, 0, NAN, NAN, NAN]],
    ['e5m2', false, [0, -0, NAN, INF, -INF]],
    ['e5m2fnuz', false, [0, 0, NAN, NAN, NAN]],
    ['e2m1', true, [0, -0, 6, 6, -6]],
    ['e2m1', false, [0, -0, 6, 6, -6]],
    ['f16', true, [0, -0, NAN, INF, -INF]],
    ['bf16', false, [0, -0, NAN, INF, -INF]],
  ];
  for (const [format, saturate, values] of expected) {
    const found = rounded({ format, saturate }, special);
    found.forEach((y, i) => {
      assert.ok(Object.is(y, values[i]), `${format} ${saturate} of ${special[i]}: ${y}`);
    });
  }
});

/** By search among the powers of two from 2^-127 to 2^127 and the one above. */
function powerOfTwo(x: number, mode: RoundMode): number {
  const powers = Array.from({ length: 256 }, (_, i) => 2 ** (i - 127));
  const above = powers.findIndex((power) => power >= x);
  const high = powers[above === -1 ? 255 : above] as number;
  const low = powers[
    Math.max(
      0,
      powers.findLastIndex((power) => power <= x),
    )
  ] as number;
  if (mode === 'up') return high;
  if (mode === 'down') return low;
  return high - x <= x - low ? high : low;
}

for (const mode of ['up', 'down', 'nearest'] as const) {
  suite(`e8m0 rounds ${mode}, saturating and not`, () => {
    const [least, largest] = [2 ** -127, 2 ** 127];
    const shares = [0, 2 ** -23, 0.2, 0.5 - 2 ** -23, 0.5, 0.5 + 2 ** -23, 0.9, 1 - 2 ** -22];
    const exponents = Array.from({ length: 277 }, (_, i) => i - 149);
    const values = exponents.flatMap((e) => shares.map((share) => fround((1 + share) * 2 ** e))).filter((x) => x < INF);
    const free = rounded({ format: 'e8m0', saturate: false, mode }, values);
    const kept = rounded({ format: 'e8m0', saturate: true, mode }, values);
    values.forEach((x, i) => {
      const power = powerOfTwo(x, mode);
      const found = `${mode} of ${x}: ${free[i]} and ${kept[i]}, expected ${power}\n${AGAIN}`;
      assert.ok(Object.is(free[i], x < least || power > largest ? NAN : power), found);
      assert.ok(Object.is(kept[i], Math.min(Math.max(power, least), largest)), found);
    });
    const special = [0, INF, NAN, -3];
    assert.equal(rounded({ format: 'e8m0', saturate: true, mode }, special).slice(0, 3), [least, largest, NAN]);
    assert.equal(rounded({ format: 'e8m0', saturate: false, mode }, special).slice(0, 3), [NAN, NAN, NAN]);
    assert.is(rounded({ format: 'e8m0', saturate: true, mode }, [-3])[0], powerOfTwo(3, mode));
  });
}

suite('a round mode without a use is refused', () => {
  const type: TensorType = { dtype: 'f32', shape: [1], quant: NO_QUANT };
  const attrs = { format: 'f16', saturate: false, mode: 'up' } as const;
  assert.throws(() => singleNode('round_float', attrs, [{ type }]), /expected no round mode for f16, found up/);
});

suite.run();
