import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  affineOf,
  byteSize,
  DTYPES,
  type DType,
  f32Text,
  integerRange,
  NO_QUANT,
  newData,
  sameType,
  stridesOf,
  type TensorType,
  typeText,
} from '../../../ir/tensor/types.ts';
import { Random } from '../../support/random.ts';

const suite = makeSuite('tensor types');

function type(dtype: DType, shape: readonly number[]): TensorType {
  return { dtype, shape, quant: NO_QUANT };
}

suite('f32 texts round to the same f32 and are no longer than nine digits', () => {
  const bits = new Uint32Array(1);
  const float = new Float32Array(bits.buffer);
  const r = new Random(1);
  for (let i = 0; i < 20000; i++) {
    bits[0] = r.bits();
    const x = float[0] as number;
    const text = f32Text(x);
    assert.ok(Object.is(Math.fround(Number(text)), x), `${x} printed as ${text}`);
    const digits = text.replace(/e.*/, '').replace(/[-.]/g, '').replace(/^0+/, '').replace(/0+$/, '');
    assert.ok(Number.isNaN(x) || digits.length <= 9, text);
  }
  assert.equal([0, -0, 1 / 0, -1 / 0, Number.NaN, Math.fround(0.1)].map(f32Text), [
    '0',
    '-0',
    'Infinity',
    '-Infinity',
    'NaN',
    '0.1',
  ]);
});

suite('types under 8 bits are packed', () => {
  assert.equal(
    (['i4', 'u4', 'i2', 'i1', 'bool', 'i16', 'f16', 'i64'] as const).map((dtype) => byteSize(type(dtype, [3, 3]))),
    [5, 5, 3, 2, 9, 18, 18, 72],
  );
  assert.is(byteSize(type('f32', [])), 4);
});

suite('integer ranges are those of the width and fit the array class', () => {
  const widths = { i32: 32, i16: 16, i8: 8, i4: 4, i2: 2 } as const;
  for (const [dtype, bits] of Object.entries(widths)) {
    assert.equal(integerRange(dtype as DType), [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1], dtype);
  }
  assert.equal(
    [integerRange('u8'), integerRange('u4'), integerRange('i1')],
    [
      [0, 255],
      [0, 15],
      [0, 1],
    ],
  );
  for (const dtype of DTYPES.filter((d) => !['f32', 'f16', 'i64'].includes(d))) {
    const data = newData(dtype, 2);
    data.set(integerRange(dtype) as never);
    assert.equal([...data], integerRange(dtype), dtype);
  }
  assert.throws(() => integerRange('f16'), 'f16 is not an integer type');
});

suite('strides are row-major', () => {
  assert.equal(stridesOf([2, 3, 4]), [12, 4, 1]);
  assert.equal(stridesOf([]), []);
});

suite('types are the same when dtype, shape and quantization are', () => {
  const affine = (scale: number): TensorType => ({
    dtype: 'i8',
    shape: [2],
    quant: { kind: 'affine', scale: [scale], zeroPoint: [0] },
  });
  assert.ok(sameType(affine(0.5), affine(0.5)));
  assert.not.ok(sameType(affine(0.5), affine(0.25)));
  assert.not.ok(sameType(affine(0.5), type('i8', [2])));
  assert.not.ok(sameType(type('i8', [2]), type('i8', [1, 2])));
  assert.not.ok(sameType(type('i8', [2]), type('u8', [2])));
});

suite('affineOf gives scale and zero point, and names a type that has none', () => {
  const quant = { kind: 'affine', scale: [0.5], zeroPoint: [3] } as const;
  assert.equal(affineOf({ dtype: 'i8', shape: [], quant }), { scale: 0.5, zeroPoint: 3 });
  assert.throws(() => affineOf(type('i8', [2])), 'expected a per-tensor affine type, found i8[2]');
});

suite('texts of types', () => {
  const quant = { kind: 'affine', scale: [0.5, 0.25], zeroPoint: [0, 0], axis: 0 } as const;
  assert.is(typeText({ dtype: 'i8', shape: [2, 3], quant }), 'i8[2,3] affine(axis=0, [0.5, 0.25], 0)');
  assert.is(typeText(type('f32', [])), 'f32[]');
});

suite.run();
