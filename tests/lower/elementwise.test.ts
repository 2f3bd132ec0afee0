import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { mergedNest, replaceable } from '../../compiler/lower/elementwise.ts';
import { lower } from '../../compiler/lower/index.ts';
import type { Site } from '../../compiler/lower/kernel.ts';
import { kernelsOf } from '../../compiler/lower/kernels/index.ts';
import { TARGETS } from '../../compiler/targets/index.ts';
import type { Stmt } from '../../ir/loop/types.ts';
import type { Graph } from '../../ir/tensor/graph.ts';
import type { Attrs, OpName } from '../../ir/tensor/ops/index.ts';
import { DTYPES, type DType, NO_QUANT, newData, type TensorData, type TensorType } from '../../ir/tensor/types.ts';
import { casesOf, KERNEL_TARGETS, loweringFault } from '../support/cases.ts';
import { forAllGraphs, randomInputs } from '../support/random-graph.ts';
import { programFault, singleNode } from '../support/single-node.ts';

const suite = makeSuite('elementwise kernels');
const FILE = 'tests/lower/elementwise.test.ts';
const cases = (await casesOf(['arithmetic', 'logic', 'quantize'])).filter(
  ({ case: { name, model } }) =>
    name !== 'logical not' && model.subgraphs[0].tensors.every(({ type }) => type !== 'i64' && type !== 'u32'),
);

for (const target of KERNEL_TARGETS) {
  suite(`every case for target ${target} computes what its graph does`, () => {
    const faults = cases.flatMap((loaded) => {
      const fault = loweringFault(loaded, target);
      return fault === undefined ? [] : [`${loaded.case.name}: ${fault}`];
    });
    assert.equal(faults, [], `node --import ./tools/ts.mjs ${FILE}`);
    assert.ok(cases.length >= 460, `${cases.length} cases`);
  });
}

const OPS: readonly OpName[] = [
  'add',
  'sub',
  'mul',
  'div',
  'squared_difference',
  'minimum',
  'maximum',
  'equal',
  'not_equal',
  'less',
  'less_equal',
  'greater',
  'greater_equal',
  'logical_and',
  'logical_or',
  'logical_xor',
  'truncated_mod',
  'floor_mod',
  'bitwise_and',
  'bitwise_or',
  'bitwise_xor',
  'bitwise_not',
  'shift_left',
  'shift_right',
  'select',
  'quantize',
  'requantize',
  'dequantize',
  'cast',
  'pow',
  'round_float',
];

/** Packed constants, states, and inputs that are outputs too are no business of these kernels. */
function isTried(graph: Graph): boolean {
  const isWhole = [...graph.types.values()].every(({ dtype }) => !['i4', 'u4', 'i2', 'i1'].includes(dtype));
  const computed = new Set(graph.nodes.flatMap((node) => node.outputs));
  return isWhole && graph.states.length === 0 && graph.outputs.every((name) => computed.has(name));
}

for (const op of OPS) {
  suite(`random nodes of ${op} compute what evaluation says`, async () => {
    let tried = 0;
    await forAllGraphs({
      file: FILE,
      seeds: 100,
      options: { ops: [op], nodes: 2, encodings: false },
      holds(graph, seed) {
        if (!isTried(graph)) return;
        tried++;
        const fault = programFault(graph, randomInputs(graph, seed), 'c');
        if (fault !== undefined) throw new Error(fault);
      },
    });
    assert.ok(tried > 0 || process.env.MCC_SEED !== undefined, 'no graph was tried');
  });
}

const plain = (dtype: DType, ...shape: number[]): TensorType => ({ dtype, shape, quant: NO_QUANT });
const scaled = (dtype: DType, scale: number, zeroPoint: number, ...shape: number[]): TensorType => ({
  dtype,
  shape,
  quant: { kind: 'affine', scale: [Math.fround(scale)], zeroPoint: [zeroPoint] },
});
const BYTES = Array.from({ length: 256 }, (_, i) => i);
const every8 = (dtype: 'i8' | 'u8') => (dtype === 'i8' ? Int8Array.from(BYTES) : Uint8Array.from(BYTES));

function assertSame(graph: Graph, inputs: readonly TensorData[]): void {
  assert.is(programFault(graph, inputs, 'c'), undefined, `node --import ./tools/ts.mjs ${FILE}`);
}

suite('every pair of int8 values: sums, products, quotients, squares, comparisons', () => {
  const types = [{ type: scaled('i8', 0.3, -11, 256, 1) }, { type: scaled('i8', 0.04, 90, 1, 256) }];
  const values = [every8('i8'), every8('i8')];
  const y = scaled('i8', 0.11, 17);
  for (const op of ['add', 'sub', 'mul', 'div'] as const) {
    for (const activation of ['none', 'relu6'] as const) assertSame(singleNode(op, { activation }, types, y), values);
  }
  assertSame(singleNode('squared_difference', {}, types, y), values);
  for (const op of ['equal', 'less', 'greater_equal'] as const) {
    assertSame(singleNode(op, {}, types, plain('bool')), values);
    const coarse = types.map(({ type }) => ({ type: { ...type, quant: scaled('i8', 9.5, 3).quant } }));
    assertSame(singleNode(op, {}, coarse, plain('bool')), values);
    const fine = types.map(({ type }) => ({ type: { ...type, quant: scaled('i8', 0.001, 3).quant } }));
    assertSame(singleNode(op, {}, fine, plain('bool')), values);
  }
});

suite('factors that shift left wrap alike', () => {
  const types = [{ type: scaled('u8', 4000, 3, 256, 1) }, { type: scaled('u8', 900, 200, 1, 256) }];
  assertSame(singleNode('mul', { activation: 'none' }, types, scaled('u8', 0.5, 17)), [every8('u8'), every8('u8')]);
  const wide = { type: scaled('i32', 900, 5, 4) };
  const ends = Int32Array.of(2 ** 31 - 1, -(2 ** 31), 0, 5);
  assertSame(singleNode('requantize', {}, [wide], scaled('i16', 0.25, -9)), [ends]);
});

suite('integers and floats at the ends of their range', () => {
  const ends = [0, 1, -1, 2, -2, 2 ** 31 - 1, -(2 ** 31), 12345];
  const integers = [{ type: plain('i32', 8, 1) }, { type: plain('i32', 1, 8) }];
  const floats = [{ type: plain('f32', 8, 1) }, { type: plain('f32', 1, 8) }];
  const special = [0, -0, 1, -1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 3e38];
  for (const op of ['add', 'sub', 'mul', 'div'] as const) {
    for (const activation of ['none', 'relu', 'relu6', 'relu_n1_to_1'] as const) {
      assertSame(singleNode(op, { activation }, integers), [Int32Array.from(ends), Int32Array.from(ends)]);
      assertSame(singleNode(op, { activation }, floats), [Float32Array.from(special), Float32Array.from(special)]);
    }
  }
  for (const op of ['minimum', 'maximum', 'squared_difference'] as const) {
    assertSame(singleNode(op as 'minimum', {}, integers), [Int32Array.from(ends), Int32Array.from(ends)]);
    assertSame(singleNode(op as 'minimum', {}, floats), [Float32Array.from(special), Float32Array.from(special)]);
  }
  const onnx = { semantics: 'onnx' } as const;
  assertSame(singleNode('div', { activation: 'none', ...onnx }, integers), [
    Int32Array.from(ends),
    Int32Array.from(ends),
  ]);
  for (const op of ['minimum', 'maximum', 'div'] as const) {
    const attrs = op === 'div' ? { activation: 'none' } : {};
    const graph = singleNode(op as 'div', { ...attrs, ...onnx } as Attrs<'div'>, floats);
    assertSame(graph, [Float32Array.from(special), Float32Array.from(special)]);
  }
  assertSame(singleNode('pow', {}, integers), [Int32Array.from(ends), Int32Array.from(ends)]);
});

suite('remainders and shifts of values at the ends of their range', () => {
  const ends = [0, 1, -1, 2, -2, 31, 32, 2 ** 31 - 1, -(2 ** 31), 12345];
  const integers = [{ type: plain('i32', 10, 1) }, { type: plain('i32', 1, 10) }];
  const constants = ends.map((value) => ({ type: plain('i32'), data: Int32Array.of(value) }));
  for (const op of ['truncated_mod', 'floor_mod', 'shift_left', 'shift_right'] as const) {
    assertSame(singleNode(op, {}, integers), [Int32Array.from(ends), Int32Array.from(ends)]);
    for (const constant of constants) {
      assertSame(singleNode(op, {}, [{ type: plain('i32', 10) }, constant]), [Int32Array.from(ends)]);
    }
  }
});

suite('float remainders of every pair of exponents', () => {
  const powers = Array.from({ length: 278 }, (_, i) => 2 ** (i - 149));
  const reals = powers.flatMap((power, i) => [power, -1.9999998807907104 * power, power * (1 + (i % 7) / 8)]);
  const special = [0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** -149 * 3];
  const divisors = Float32Array.from([...reals.filter((_, i) => i % 83 === 0), ...special]);
  const dividends = Float32Array.from([...reals, ...special]);
  const types = [{ type: plain('f32', dividends.length, 1) }, { type: plain('f32', 1, divisors.length) }];
  for (const op of ['truncated_mod', 'floor_mod'] as const) {
    assertSame(singleNode(op, {}, types), [dividends, divisors]);
  }
});

suite('powers of every pair of exponents and of special values', () => {
  const special = [0, -0, 1, -1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0.5, 3, -3, 2 ** 24];
  const powers = Array.from({ length: 93 }, (_, i) => 1.3 * 2 ** (i * 3 - 149)).flatMap((x) => [x, -x]);
  const reals = Float32Array.from([...special, ...powers]);
  const types = [{ type: plain('f32', reals.length, 1) }, { type: plain('f32', 1, reals.length) }];
  assertSame(singleNode('pow', {}, types), [reals, reals]);
});

suite('quantize at ties, ends and beyond', () => {
  const halves = Array.from({ length: 1200 }, (_, i) => (i - 600) / 4);
  const special = [Number.NaN, 1e30, -1e30, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0.49999997, -0];
  const x = Float32Array.from([...halves, ...special, 8388607.5, 2147483520]);
  for (const dtype of ['i8', 'u8', 'i16', 'i32'] as const) {
    assertSame(singleNode('quantize', {}, [{ type: plain('f32', x.length) }], scaled(dtype, 0.5, 7)), [x]);
  }
});

suite('every binary16, and scales along each dimension', () => {
  const bits = Uint16Array.from({ length: 65536 }, (_, i) => i).filter((b) => (b & 0x7c00) !== 0x7c00 || !(b & 1023));
  assertSame(singleNode('dequantize', {}, [{ type: plain('f16', bits.length) }], plain('f32')), [bits]);
  for (const axis of [0, 1, 2]) {
    const extent = [2, 3, 4][axis];
    const scale = Array.from({ length: extent }, (_, i) => Math.fround(0.1 + i));
    const quant = { kind: 'affine', scale, zeroPoint: scale.map((_, i) => i), axis } as const;
    const x = Int8Array.from({ length: 24 }, (_, i) => i * 9 - 100);
    assertSame(singleNode('dequantize', {}, [{ type: { dtype: 'i8', shape: [2, 3, 4], quant } }], plain('f32')), [x]);
  }
});

suite('casts between all pairs of types', () => {
  const values = [0, 1, -1, 127, 128, -129, 255, 256, 40000, 2147483647, -2147483648, 16777217];
  const fractions = [0.5, -0.5, 1.5, -127.5, 1e10, -1e10, 1e20, Number.NaN, Number.POSITIVE_INFINITY];
  const types = DTYPES.filter((dtype) => !['f16', 'i4', 'u4', 'i2', 'i1'].includes(dtype));
  for (const from of types) {
    const list = from === 'f32' ? [...values, ...fractions] : from === 'bool' ? [0, 1] : values;
    const data = newData(from, list.length);
    list.forEach((value, i) => {
      data[i] = from === 'i64' ? BigInt(value) * 3n ** 15n : value;
    });
    const given = from === 'i64' ? { data } : {};
    for (const to of types.filter((dtype) => dtype !== 'i64')) {
      const graph = singleNode('cast', {}, [{ type: plain(from, list.length), ...given }], plain(to));
      assertSame(graph, from === 'i64' ? [] : [data]);
    }
  }
});

suite('64-bit constants are compared', () => {
  const a = { type: plain('i64', 3), data: BigInt64Array.of(1n, -(2n ** 62n), 5n) };
  const b = { type: plain('i64', 3), data: BigInt64Array.of(1n, 2n ** 62n, 4n) };
  for (const op of ['equal', 'not_equal', 'less', 'less_equal', 'greater', 'greater_equal'] as const) {
    assertSame(singleNode(op, {}, [a, b], plain('bool')), []);
  }
});

suite('dimensions merge where all operands walk alike', () => {
  const nest = (...shapes: number[][]) => mergedNest(shapes, [2, 3, 4]);
  assert.equal(nest([2, 3, 4], [2, 3, 4]), { extents: [24], strides: [[1], [1]] });
  assert.equal(nest([2, 3, 4], []), { extents: [24], strides: [[1], [0]] });
  const channels = {
    extents: [6, 4],
    strides: [
      [4, 1],
      [0, 1],
    ],
  };
  assert.equal(nest([2, 3, 4], [4]), channels);
  assert.equal(
    mergedNest(
      [
        [2, 1, 4],
        [3, 1],
      ],
      [2, 3, 4],
    ).extents,
    [2, 3, 4],
  );
  assert.equal(mergedNest([[1, 1]], [1, 1]), { extents: [], strides: [[]] });
});

suite('what repeats is computed outside the loop over the rest', () => {
  const types = [{ type: scaled('i8', 0.3, -11, 8, 4) }, { type: scaled('i8', 0.04, 90) }];
  const graph = singleNode('add', { activation: 'none' }, types, scaled('i8', 0.11, 17));
  const [kernel] = lower(graph, TARGETS.c).program.functions;
  const kinds = kernel.body.map((stmt: Stmt) => stmt.kind);
  assert.equal(kinds, ['let', 'for']);
});

suite('only operands of the size and width of the result may share its memory', () => {
  const site = (inputs: TensorType[], output: TensorType, constants: readonly number[] = []): Site => {
    const constant = (i: number) =>
      constants.includes(i) ? { data: new Int8Array(1), encoding: { kind: 'dense' } } : undefined;
    return {
      op: 'add',
      attrs: { activation: 'none' },
      inputs,
      outputs: [output],
      constant,
      target: TARGETS.c,
    } as unknown as Site;
  };
  const whole = plain('f32', 2, 3);
  assert.equal(replaceable(site([whole, whole], whole)), [
    [0, 0],
    [1, 0],
  ]);
  assert.equal(replaceable(site([plain('f32', 3), whole], whole)), [[1, 0]]);
  assert.equal(replaceable(site([whole, whole], whole, [0])), [[1, 0]]);
  assert.equal(replaceable(site([plain('i8', 2, 3)], whole)), []);
  for (const op of OPS) {
    const apart = kernelsOf(op).filter(({ inPlace, overlap }) => inPlace === undefined && overlap === undefined);
    assert.equal(
      apart.map(({ name }) => name),
      [],
    );
  }
});

suite.run();
