import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { FLOAT_FORMATS, ROUND_MODES } from '../../ir/tensor/float-math/formats.ts';
import type { FunctionOp } from '../../ir/tensor/ops/functions.ts';
import type { UnaryOp } from '../../ir/tensor/ops/unary.ts';
import { NO_QUANT, type TensorType } from '../../ir/tensor/types.ts';
import { casesOf, KERNEL_TARGETS, loweringFault } from '../support/cases.ts';
import { programFault, singleNode } from '../support/single-node.ts';

const suite = makeSuite('unary kernels');
const AGAIN = 'node --import ./tools/ts.mjs tests/lower/unary.test.ts';
const cases = [...(await casesOf(['activation', 'math'])), ...(await casesOf(['logic'], ['LOGICAL_NOT']))];

for (const target of KERNEL_TARGETS) {
  suite(`every recorded case lowered for ${target} equals its evaluation`, () => {
    const faults = cases.flatMap((loaded) => {
      const fault = loweringFault(loaded, target);
      return fault === undefined ? [] : [`${loaded.case.name}: ${fault}`];
    });
    assert.equal(faults, [], AGAIN);
  });
}

const COUNT = 2 ** 16;
const short = (scale: number): TensorType => ({
  dtype: 'i16',
  shape: [COUNT],
  quant: { kind: 'affine', scale: [Math.fround(scale)], zeroPoint: [0] },
});
const SHORTS: readonly (readonly [UnaryOp, number, number])[] = [
  ['relu', 0.001, 0.0007],
  ['relu6', 0.001, 0.001],
  ['logistic', 1 / 4096, 1 / 32768],
  ['logistic', 2, 1 / 32768],
  ['logistic', 1e-9, 1 / 32768],
  ['tanh', 1 / 2048, 1 / 32768],
  ['tanh', 0.0003, 1 / 32768],
  ['exp', 1 / 4096, 1 / 256],
  ['abs', 0.001, 0.001],
  ['abs', 0.001, 0.0007],
  ['rsqrt', 0.001, 0.001],
  ['rsqrt', 3e-5, 3e-5],
];

for (const [op, input, output] of SHORTS) {
  suite(`${op} of every int16 value, scales ${input} and ${output}`, () => {
    const graph = singleNode(op as 'relu', {}, [{ type: short(input) }], short(output));
    const values = Int16Array.from({ length: COUNT }, (_, i) => i - 32768);
    assert.is(programFault(graph, [values], 'c'), undefined, AGAIN);
  });
}

for (const alpha of [0.1, -0.4, 1.7, 0]) {
  suite(`leaky_relu of every int16 value, alpha ${alpha}`, () => {
    const graph = singleNode('leaky_relu', { alpha }, [{ type: short(0.001) }], short(0.0013));
    const values = Int16Array.from({ length: COUNT }, (_, i) => i - 32768);
    assert.is(programFault(graph, [values], 'c'), undefined, AGAIN);
  });
}

suite('leaky_relu of every int16 value around zero points other than 0', () => {
  const at = (type: TensorType, zeroPoint: number): TensorType => ({
    ...type,
    quant: { kind: 'affine', scale: [Math.fround(0.001)], zeroPoint: [zeroPoint] },
  });
  const values = Int16Array.from({ length: COUNT }, (_, i) => i - 32768);
  for (const [from, to] of [
    [-32768, 0],
    [100, -7],
  ] as const) {
    const graph = singleNode('leaky_relu', { alpha: 0.3 }, [{ type: at(short(1), from) }], at(short(1), to));
    assert.is(programFault(graph, [values], 'c'), undefined, AGAIN);
  }
});

const FLOATS: readonly (UnaryOp | FunctionOp | 'sign')[] = [
  'relu',
  'relu6',
  'relu_n1_to_1',
  'elu',
  'hard_swish',
  'logistic',
  'tanh',
  'exp',
  'log',
  'sqrt',
  'rsqrt',
  'square',
  'abs',
  'neg',
  'sin',
  'cos',
  'tan',
  'asin',
  'acos',
  'atan',
  'sinh',
  'cosh',
  'asinh',
  'acosh',
  'atanh',
  'erf',
  'softplus',
  'sign',
  'floor',
  'ceil',
  'round',
];
/** Every exponent and sign with several fractions, zeros, infinities and NaN. */
const REALS = Float32Array.from([
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.NaN,
  ...[...Array(255).keys()].flatMap((exponent) =>
    [0, 0.1, 0.25, 0.5, 0.75, 0.99].flatMap((part) => {
      const magnitude = exponent === 0 ? part * 2 ** -126 : (1 + part) * 2 ** (exponent - 127);
      return [magnitude, -magnitude];
    }),
  ),
]);
const type: TensorType = { dtype: 'f32', shape: [REALS.length], quant: NO_QUANT };

for (const op of FLOATS) {
  suite(`${op} of f32 at every exponent`, () => {
    assert.is(programFault(singleNode(op as 'relu', {}, [{ type }]), [REALS], 'c'), undefined, AGAIN);
  });
}

suite('elu with an alpha', () => {
  for (const alpha of [0, 0.5, 1, -2]) {
    assert.is(programFault(singleNode('elu', { alpha }, [{ type }]), [REALS], 'c'), undefined, AGAIN);
  }
});

suite('round_float to every format at every exponent', () => {
  for (const format of FLOAT_FORMATS) {
    for (const saturate of [true, false]) {
      for (const mode of format === 'e8m0' ? ROUND_MODES : [undefined]) {
        const attrs = { format, saturate, ...(mode === undefined ? {} : { mode }) };
        assert.is(programFault(singleNode('round_float', attrs, [{ type }]), [REALS], 'c'), undefined, AGAIN);
      }
    }
  }
});

suite('sign of i32', () => {
  const graph = singleNode('sign', {}, [{ type: { dtype: 'i32', shape: [5], quant: NO_QUANT } }]);
  assert.is(programFault(graph, [Int32Array.of(0, 7, -7, 2 ** 31 - 1, -(2 ** 31))], 'c'), undefined, AGAIN);
});

suite.run();
