import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { DTYPE_FACTS, type DType, NO_QUANT, type TensorType, typeText } from '../../ir/tensor/types.ts';
import { casesOf, KERNEL_TARGETS, loweringFault } from '../support/cases.ts';
import { Random } from '../support/random.ts';
import { randomData } from '../support/random-graph.ts';
import { randomType } from '../support/random-ops/request.ts';
import { programFault, singleNode } from '../support/single-node.ts';

const suite = makeSuite('reduce kernels');
const FILE = 'tests/lower/reduce.test.ts';
const cases = await casesOf(['reduce']);

for (const target of KERNEL_TARGETS) {
  suite(`every case for target ${target} computes what its graph does`, () => {
    const faults = cases.flatMap((loaded) => {
      const fault = loweringFault(loaded, target);
      return fault === undefined ? [] : [`${loaded.case.name}: ${fault}`];
    });
    assert.equal(faults, [], `node --import ./tools/ts.mjs ${FILE}`);
    assert.ok(cases.length >= 370, `${cases.length} cases`);
  });
}

function pickAxes(r: Random, rank: number): number[] {
  return Array.from({ length: rank }, (_, axis) => axis).filter(() => r.chance(0.5));
}

const EXTREMES: readonly DType[] = ['i8', 'u8', 'i16', 'i32', 'f32', 'bool'];
const TYPES = {
  sum: ['i8', 'u8', 'i16', 'i32', 'f32'],
  mean: ['i8', 'u8', 'i16', 'i32', 'f32'],
  reduce_max: EXTREMES,
  reduce_min: EXTREMES,
  reduce_prod: ['i32', 'f32'],
} as const satisfies Record<string, readonly DType[]>;

for (const op of ['sum', 'mean', 'reduce_max', 'reduce_min', 'reduce_prod'] as const) {
  suite(`random ${op} compute what evaluation says`, () => {
    const r = new Random(11);
    for (let tried = 0; tried < 200; tried++) {
      const scaled = randomType(r, r.pick<DType>(TYPES[op]), r.int(0, 5), 5);
      // Extremes compare what is stored, whatever it stands for.
      const type = op.startsWith('reduce') && r.chance(0.3) ? { ...scaled, quant: NO_QUANT } : scaled;
      const isScaled = (op === 'sum' || op === 'mean') && DTYPE_FACTS[type.dtype].bits < 32;
      const like = isScaled ? randomType(r, type.dtype, 0, 1) : type;
      const attrs = { axes: pickAxes(r, type.shape.length), keepDims: r.chance(0.5) };
      const fault = programFault(singleNode(op, attrs, [{ type }], like), [randomData(r, type)], 'c');
      assert.is(fault, undefined, `${typeText(type)} ${JSON.stringify(attrs)}: node --import ./tools/ts.mjs ${FILE}`);
    }
  });
}

for (const op of ['arg_max', 'arg_min'] as const) {
  suite(`random ${op} compute what evaluation says`, () => {
    const r = new Random(12);
    const like: TensorType = { dtype: 'i32', shape: [], quant: NO_QUANT };
    for (let tried = 0; tried < 100; tried++) {
      const type = randomType(r, r.pick<DType>(['i8', 'u8', 'i32', 'f32']), r.int(1, 4), 5);
      const attrs = { axis: r.int(0, type.shape.length - 1), ...(r.chance(0.5) && { selectLast: true }) };
      const fault = programFault(singleNode(op, attrs, [{ type }], like), [randomData(r, type)], 'c');
      assert.is(fault, undefined, `${typeText(type)} ${JSON.stringify(attrs)}: node --import ./tools/ts.mjs ${FILE}`);
    }
  });
}

for (const op of ['cumsum', 'cumprod'] as const) {
  suite(`random ${op} compute what evaluation says`, () => {
    const r = new Random(13);
    for (let tried = 0; tried < 100; tried++) {
      const type = randomType(
        r,
        r.pick<DType>(op === 'cumsum' ? ['i8', 'i32', 'f32'] : ['i32', 'f32']),
        r.int(1, 4),
        5,
      );
      const like = type.dtype === 'i8' ? randomType(r, 'i8', 0, 1) : type;
      const attrs = { axis: r.int(0, type.shape.length - 1), exclusive: r.chance(0.5), reverse: r.chance(0.5) };
      const fault = programFault(singleNode(op, attrs, [{ type }], like), [randomData(r, type)], 'c');
      assert.is(fault, undefined, `${typeText(type)} ${JSON.stringify(attrs)}: node --import ./tools/ts.mjs ${FILE}`);
    }
  });
}

suite('sums and means at the ends of their ranges', () => {
  for (const [dtype, value] of [
    ['i16', 32767],
    ['i16', -32768],
    ['i32', 2 ** 31 - 1],
    ['i32', -(2 ** 31)],
  ] as const) {
    for (const op of ['sum', 'mean'] as const) {
      const quant = { kind: 'affine', scale: [0.5], zeroPoint: [dtype === 'i16' ? -32768 : 0] } as const;
      const type: TensorType = { dtype, shape: [70000], quant };
      const graph = singleNode(op, { axes: [0], keepDims: false }, [{ type }]);
      const x = dtype === 'i16' ? new Int16Array(70000).fill(value) : new Int32Array(70000).fill(value);
      assert.is(programFault(graph, [x], 'c'), undefined, `${op} of ${value}`);
    }
  }
});

suite.run();
