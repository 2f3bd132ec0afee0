import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import type { DType, TensorData, TensorType } from '../../ir/tensor/types.ts';
import { casesOf, KERNEL_TARGETS, loweringFault } from '../support/cases.ts';
import { Random } from '../support/random.ts';
import { programFault, singleNode } from '../support/single-node.ts';

const suite = makeSuite('softmax kernels');
const AGAIN = 'node --import ./tools/ts.mjs tests/lower/softmax.test.ts';
const cases = await casesOf(['softmax']);

for (const target of KERNEL_TARGETS) {
  suite(`every recorded case lowered for ${target} equals its evaluation`, () => {
    const faults = cases.flatMap((loaded) => {
      const fault = loweringFault(loaded, target);
      return fault === undefined ? [] : [`${loaded.case.name}: ${fault}`];
    });
    assert.equal(faults, [], AGAIN);
  });
}

function quantized(dtype: DType, scale: number, zeroPoint: number, shape: readonly number[]): TensorType {
  return { dtype, shape, quant: { kind: 'affine', scale: [Math.fround(scale)], zeroPoint: [zeroPoint] } };
}

const ROWS = 40;
const DEPTHS = [1, 2, 7, 300];
const OPS = [
  ['softmax', 'i8', 'i8', 1 / 256, -128],
  ['softmax', 'i8', 'i16', 1 / 65536, -32768],
  ['softmax', 'u8', 'u8', 1 / 256, 0],
  ['softmax', 'i16', 'i16', 1 / 32768, 0],
  ['log_softmax', 'i8', 'i8', 1 / 16, 127],
  ['l2_normalization', 'i8', 'i8', 1 / 128, 0],
  ['l2_normalization', 'u8', 'u8', 1 / 128, 128],
] as const;

/** Random rows, and constant ones at both ends and at 0, where sums are largest and norms smallest. */
function rows(dtype: DType, depth: number): TensorData {
  const bytes = new Random(depth).bytes(ROWS * depth * 2);
  const arrays = { i8: Int8Array, u8: Uint8Array, i16: Int16Array } as const;
  const data = new arrays[dtype as keyof typeof arrays](bytes.slice().buffer).slice(0, ROWS * depth);
  [0, 1, 127, data instanceof Uint8Array ? 255 : -128].forEach((value, row) => {
    data.fill(value, row * depth, (row + 1) * depth);
  });
  return data;
}

for (const [op, from, to, scale, zeroPoint] of OPS) {
  suite(`${op} from ${from} to ${to}: random and constant rows`, () => {
    for (const depth of DEPTHS) {
      for (const inputScale of [0.001, 0.05, 0.9]) {
        const shape = [ROWS, depth];
        const x = quantized(from, from === 'i16' ? inputScale / 100 : inputScale, 0, shape);
        const attrs = op === 'softmax' ? { beta: 1 } : {};
        const graph = singleNode(
          op as 'softmax',
          attrs as { beta: number },
          [{ type: x }],
          quantized(to, scale, zeroPoint, shape),
        );
        assert.is(programFault(graph, [rows(from, depth)], 'c'), undefined, `depth ${depth}, ${inputScale}; ${AGAIN}`);
      }
    }
  });
}

suite('a sum of exponentials of 512 and more', () => {
  const shape = [600];
  const graph = singleNode(
    'softmax',
    { beta: 1 },
    [{ type: quantized('i8', 0.1, 0, shape) }],
    quantized('i8', 1 / 256, -128, shape),
  );
  assert.is(programFault(graph, [new Int8Array(600)], 'c'), undefined, AGAIN);
});

suite.run();
