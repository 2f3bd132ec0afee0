import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PoolAttrs } from '../../ir/tensor/ops/pool.ts';
import { NO_QUANT, type TensorType, typeText } from '../../ir/tensor/types.ts';
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

/** Any window that fits into a small image, padded by less than the window. */
function randomPool(r: Random): { type: TensorType; attrs: PoolAttrs } {
  const type = randomType(r, r.pick(['i8', 'u8', 'i16', 'f32'] as const), 4, 6);
  const along = (extent: number) => {
    const window = r.int(1, 7);
    const least = Math.max(0, window - extent);
    const before = r.int(0, window - 1);
    return { window, before, after: r.int(Math.min(Math.max(least - before, 0), window - 1), window - 1) };
  };
  const [rows, columns] = [along(type.shape[1] as number), along(type.shape[2] as number)];
  const attrs: PoolAttrs = {
    window: [rows.window, columns.window],
    stride: [r.int(1, 4), r.int(1, 4)],
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
