import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { evaluate } from '../../ir/tensor/evaluate.ts';
import type { AverageAttrs, PoolAttrs } from '../../ir/tensor/ops/pool.ts';
import { type DType, NO_QUANT, type TensorType, typeText } from '../../ir/tensor/types.ts';
import { casesOf, KERNEL_TARGETS, loweringFault } from '../support/cases.ts';
import { Random } from '../support/random.ts';
import { randomData } from '../support/random-graph.ts';
import { ACTIVATIONS, randomType } from '../support/random-ops/request.ts';
import { programFault, singleNode } from '../support/single-node.ts';

const suite = makeSuite('pool kernels');
const FILE = 'tests/lower/pool.test.ts';
const cases = await casesOf(['pool']);

for (const target of KERNEL_TARGETS) {
  suite(`every case for target ${target} computes what its graph does`, () => {
    const faults = cases.flatMap((loaded) => {
      const fault = loweringFault(loaded, target);
      return fault === undefined ? [] : [`${loaded.case.name}: ${fault}`];
    });
    assert.equal(faults, [], `node --import ./tools/ts.mjs ${FILE}`);
    assert.ok(cases.length >= 80, `${cases.length} cases`);
  });
}

/** Any window that fits into a small image, dilated half of the time, padded by less than the window. */
function randomPool(r: Random, dtype?: DType): { type: TensorType; attrs: PoolAttrs } {
  const small = randomType(r, dtype ?? r.pick(['i8', 'u8', 'i16', 'f32'] as const), 4, 6);
  const type = { ...small, shape: small.shape.with(3, r.int(1, 18)) };
  const along = (extent: number, dilation: number) => {
    const window = r.int(1, 7);
    const reach = (window - 1) * dilation;
    const least = Math.max(0, reach + 1 - extent);
    // Dilations larger than the image leave windows that begin outside without an element.
    const before = dilation > extent ? 0 : r.int(0, reach);
    return { window, before, after: r.int(Math.min(Math.max(least - before, 0), reach), reach) };
  };
  const dilation: [number, number] | undefined = r.chance(0.5) ? [r.int(1, 3), r.int(1, 3)] : undefined;
  const rows = along(type.shape[1] as number, dilation?.[0] ?? 1);
  const columns = along(type.shape[2] as number, dilation?.[1] ?? 1);
  const attrs: PoolAttrs = {
    window: [rows.window, columns.window],
    stride: [r.int(1, 4), r.int(1, 4)],
    ...(dilation && { dilation }),
    padding: { top: rows.before, bottom: rows.after, left: columns.before, right: columns.after },
    activation: r.pick(ACTIVATIONS) as PoolAttrs['activation'],
  };
  return { type, attrs };
}

for (const op of ['average_pool2d', 'max_pool2d'] as const) {
  suite(`random ${op} compute what evaluation says`, () => {
    const r = new Random(7);
    for (let tried = 0; tried < 150; tried++) {
      const { type, attrs } = randomPool(r);
      const fault = programFault(singleNode(op, attrs, [{ type }]), [randomData(r, type)], 'c');
      assert.is(fault, undefined, `${typeText(type)} ${JSON.stringify(attrs)}: node --import ./tools/ts.mjs ${FILE}`);
    }
  });

  suite(`${op} of NaN, infinities and zeros`, () => {
    const type: TensorType = { dtype: 'f32', shape: [1, 4, 4, 1], quant: NO_QUANT };
    const padding = { top: 1, bottom: 0, left: 0, right: 1 };
    for (const activation of ['none', 'relu', 'relu6', 'relu_n1_to_1'] as const) {
      const graph = singleNode(op, { window: [2, 2], stride: [1, 1], padding, activation }, [{ type }]);
      const x = Float32Array.of(NaN, NaN, 1, -0, NaN, NaN, 0, -0, -Infinity, -Infinity, Infinity, 2, -1, -1, 3, 9);
      assert.is(programFault(graph, [x], 'c'), undefined, activation);
    }
  });
}

/** The op's formula as plain loops, without the geometry that record and kernels share. */
function naivePool(x: Float32Array, shape: readonly number[], attrs: AverageAttrs, isMax: boolean): number[] {
  const [batch, height, width, channels] = shape as [number, number, number, number];
  const { window, stride, dilation = [1, 1], padding, counted = { top: 0, bottom: 0, left: 0, right: 0 } } = attrs;
  const y: number[] = [];
  const last = [padding.bottom + height, padding.right + width] as const;
  for (let n = 0; n < batch; n++) {
    for (let top = -padding.top; top + (window[0] - 1) * dilation[0] < last[0]; top += stride[0]) {
      for (let left = -padding.left; left + (window[1] - 1) * dilation[1] < last[1]; left += stride[1]) {
        for (let c = 0; c < channels; c++) {
          let [count, sum, most] = [0, 0, -Infinity];
          for (let i = 0; i < window[0]; i++) {
            for (let j = 0; j < window[1]; j++) {
              const [iy, ix] = [top + i * dilation[0], left + j * dilation[1]];
              const isCounted =
                iy >= -counted.top && iy < height + counted.bottom && ix >= -counted.left && ix < width + counted.right;
              if (isCounted) count++;
              if (iy < 0 || iy >= height || ix < 0 || ix >= width) continue;
              const value = x[((n * height + iy) * width + ix) * channels + c] as number;
              sum = Math.fround(sum + value);
              most = Math.max(most, value);
            }
          }
          y.push(isMax ? most : Math.fround(sum / count));
        }
      }
    }
  }
  return y;
}

suite('dilated windows and padding that counts, against plain loops, for every kind of kernel', () => {
  const r = new Random(21);
  let counting = 0;
  for (let tried = 0; tried < 80; tried++) {
    const { type, attrs } = randomPool(r, 'f32');
    const { top, bottom, left, right } = attrs.padding;
    const counted = { top: r.int(0, top), bottom: r.int(0, bottom), left: r.int(0, left), right: r.int(0, right) };
    const whole = r.chance(0.3) ? attrs.padding : counted;
    const given: AverageAttrs = { ...attrs, activation: 'none', ...(r.chance(0.7) && { counted: whole }) };
    const x = randomData(r, type) as Float32Array;
    for (const op of ['average_pool2d', 'max_pool2d'] as const) {
      const { counted: _, ...plain } = given;
      const graph = singleNode(op, op === 'max_pool2d' ? plain : given, [{ type }]);
      const expected = naivePool(x, type.shape, given, op === 'max_pool2d');
      const text = `${op} ${typeText(type)} ${JSON.stringify(given)}`;
      assert.equal([...(evaluate(graph, [x]).outputs[0] as Float32Array)], expected, text);
      for (const target of ['c', 'wasm'] as const) assert.is(programFault(graph, [x], target), undefined, text);
    }
    if (given.counted !== undefined && given.dilation !== undefined) counting++;
  }
  assert.ok(counting >= 10, `${counting} dilated windows with padding that counts`);
});

suite('dilated windows of bytes on every kind of core', () => {
  const r = new Random(22);
  for (let tried = 0; tried < 25; tried++) {
    const { type, attrs } = randomPool(r, 'i8');
    for (const op of ['average_pool2d', 'max_pool2d'] as const) {
      const graph = singleNode(op, attrs, [{ type }]);
      for (const target of ['c', 'cortex-m4', 'cortex-m55', 'wasm'] as const) {
        const fault = programFault(graph, [randomData(r, type)], target);
        assert.is(fault, undefined, `${op} ${typeText(type)} ${JSON.stringify(attrs)} for ${target}`);
      }
    }
  }
});

suite('sums beyond 32 bits wrap', () => {
  const type: TensorType = { dtype: 'i16', shape: [1, 256, 512, 1], quant: NO_QUANT };
  const padding = { top: 0, bottom: 0, left: 0, right: 0 };
  const graph = singleNode('average_pool2d', { window: [256, 512], stride: [1, 1], padding, activation: 'none' }, [
    { type },
  ]);
  for (const value of [32767, -32768, 20000]) {
    assert.is(programFault(graph, [new Int16Array(2 ** 17).fill(value)], 'c'), undefined, `${value}`);
  }
});

suite.run();
