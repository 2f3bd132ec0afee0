import { readFileSync } from 'node:fs';
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Graph } from '../../../ir/tensor/graph.ts';
import { parseEncoding, parseGraph, parseType } from '../../../ir/tensor/parse.ts';
import { printGraph } from '../../../ir/tensor/print.ts';
import {
  DENSE,
  type Encoding,
  encodingText,
  NO_QUANT,
  type TensorData,
  type TensorType,
  typeText,
} from '../../../ir/tensor/types.ts';
import { forAllGraphs } from '../../support/random-graph.ts';

const suite = makeSuite('tensor IR text');

/** The text of the README's example, written by hand. */
const SMALL = `graph small {
  input %x : i8[1,3,3,1] affine(0.5, -1)
  const %w : i8[2,1,1,1] affine(axis=0, [0.5, 0.25], 0) dense = [7, -128]
  const %"b;1" : i32[2] sparse(bitmap) = [0, 3]
  state %s : f32[2] = [-0, 1.5] next %s
  %y : i8[1,3,3,2] affine(0.125, 3) = conv2d(%x, %w, %"b;1") {"stride":[1,1],"dilation":[1,1],"padding":{"top":0,"bottom":0,"left":0,"right":0},"activation":"relu","rounding":"double","accumulator":"i32"}
  output %y
}
`;

function smallGraph(): Graph {
  return {
    name: 'small',
    inputs: ['x'],
    outputs: ['y'],
    states: [{ name: 's', initial: Float32Array.of(-0, 1.5), next: 's' }],
    constants: new Map([
      ['w', { data: Int8Array.of(7, -128), encoding: DENSE }],
      ['b;1', { data: Int32Array.of(0, 3), encoding: { kind: 'sparse', index: 'bitmap' } }],
    ]),
    nodes: [
      {
        op: 'conv2d',
        inputs: ['x', 'w', 'b;1'],
        outputs: ['y'],
        attrs: {
          activation: 'relu',
          stride: [1, 1],
          dilation: [1, 1],
          padding: { left: 0, right: 0, top: 0, bottom: 0 },
          accumulator: 'i32',
          rounding: 'double',
        },
      },
    ],
    types: new Map<string, TensorType>([
      ['x', { dtype: 'i8', shape: [1, 3, 3, 1], quant: { kind: 'affine', scale: [0.5], zeroPoint: [-1] } }],
      [
        'w',
        { dtype: 'i8', shape: [2, 1, 1, 1], quant: { kind: 'affine', scale: [0.5, 0.25], zeroPoint: [0, 0], axis: 0 } },
      ],
      ['b;1', { dtype: 'i32', shape: [2], quant: NO_QUANT }],
      ['s', { dtype: 'f32', shape: [2], quant: NO_QUANT }],
      ['y', { dtype: 'i8', shape: [1, 3, 3, 2], quant: { kind: 'affine', scale: [0.125], zeroPoint: [3] } }],
    ]),
  };
}

function constantGraph(type: TensorType, data: TensorData, encoding: Encoding = DENSE): Graph {
  return {
    name: 'any name "at" all\n',
    inputs: [],
    outputs: ['c'],
    states: [],
    constants: new Map([['c', { data, encoding }]]),
    nodes: [],
    types: new Map([['c', type]]),
  };
}

suite('prints attributes in schema order, whatever their order in the node', () => {
  assert.is(printGraph(smallGraph()), SMALL);
});

suite("is the README's example", () => {
  const readme = readFileSync(new URL('../../../ir/tensor/README.md', import.meta.url), 'utf8');
  assert.ok(readme.includes(SMALL));
});

suite('parses the same graph from its text', () => {
  const parsed = parseGraph(SMALL);
  assert.equal(parsed, smallGraph());
  assert.ok(Object.is(parsed.states[0]?.initial[0], -0), 'the sign of -0 is kept');
});

suite('fills in attributes that the text leaves out', () => {
  const short = SMALL.replace('"dilation":[1,1],', '').replace(',"rounding":"double","accumulator":"i32"', '');
  assert.not.equal(short, SMALL);
  assert.is(printGraph(parseGraph(short)), SMALL);
});

suite('keeps every bit of f32 data, in lists and in base64', () => {
  const bits = [0x80000000, 0x7f800000, 0xff800000, 0x00000001, 0x807fffff, 0x7f7fffff, 0x3eaaaaab, 0x7fc00000];
  for (const values of [bits, [...bits, ...bits, ...bits], [0x7fc00001, 0xffc00000, 0x7f800001]]) {
    const data = new Float32Array(new Uint32Array(values).buffer);
    const graph = constantGraph({ dtype: 'f32', shape: [values.length], quant: NO_QUANT }, data);
    const back = parseGraph(printGraph(graph)).constants.get('c')?.data as Float32Array;
    assert.equal([...new Uint32Array(back.buffer)], values);
  }
});

suite('keeps data of every dtype at both ends of its range', () => {
  const cases: [TensorType['dtype'], TensorData][] = [
    ['f16', Uint16Array.of(0, 0xffff)],
    ['i64', BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n)],
    ['i32', Int32Array.of(-(2 ** 31), 2 ** 31 - 1)],
    ['i16', Int16Array.of(-32768, 32767)],
    ['i8', Int8Array.of(-128, 127)],
    ['u8', Uint8Array.of(0, 255)],
    ['i4', Int8Array.of(-8, 7)],
    ['u4', Uint8Array.of(0, 15)],
    ['i2', Int8Array.of(-2, 1)],
    ['i1', Uint8Array.of(0, 1)],
    ['bool', Uint8Array.of(0, 1)],
  ];
  for (const [dtype, ends] of cases) {
    for (const copies of [1, 20]) {
      const data = (ends.constructor as unknown as { from(x: unknown[]): TensorData }).from(
        Array.from({ length: copies }, () => [...ends]).flat(),
      );
      const graph = constantGraph({ dtype, shape: [data.length], quant: NO_QUANT }, data);
      assert.equal(parseGraph(printGraph(graph)), graph, `${dtype}, ${data.length} values`);
    }
  }
});

suite('elides large data for readers, and the parser says how to get it back', () => {
  const graph = constantGraph({ dtype: 'i8', shape: [17], quant: NO_QUANT }, new Int8Array(17));
  const text = printGraph(graph, { elide: true });
  assert.match(text, 'const %c : i8[17] dense = …\n');
  assert.throws(() => parseGraph(text), /line 2, column 29: expected data, found '…': .*without `elide`/);
});

suite('types and encodings print as types.ts says and parse back', () => {
  const types: TensorType[] = [
    { dtype: 'f32', shape: [], quant: NO_QUANT },
    { dtype: 'i16', shape: [2], quant: { kind: 'fixed', fraction: [15] } },
    { dtype: 'i8', shape: [2, 3], quant: { kind: 'fixed', fraction: [7, -2, 0], axis: 1 } },
    { dtype: 'i1', shape: [2], quant: { kind: 'binary', alpha: [0.1, 0.2].map(Math.fround), axis: 0 } },
    { dtype: 'i2', shape: [2], quant: { kind: 'ternary', alpha: [Math.fround(0.3)] } },
    { dtype: 'u4', shape: [2], quant: { kind: 'codebook', table: [-1, 0, Math.fround(1e-30)] } },
    { dtype: 'u8', shape: [1], quant: { kind: 'affine', scale: [2], zeroPoint: [128], axis: 0 } },
    { dtype: 'u8', shape: [2], quant: { kind: 'affine', scale: [2, 3], zeroPoint: [128, 1], axis: 0 } },
  ];
  for (const type of types) assert.equal(parseType(typeText(type)), type, typeText(type));
  const encodings: Encoding[] = [
    DENSE,
    { kind: 'sparse', index: 'bitmap' },
    { kind: 'sparse', index: 'relative', bits: 4 },
    { kind: 'sparse', index: 'block', block: [1, 4] },
    { kind: 'hashed', seed: 7, buckets: 32 },
    { kind: 'low-rank', rank: 3 },
    { kind: 'entropy', coder: 'rans', over: { kind: 'sparse', index: 'relative', bits: 3 } },
    { kind: 'entropy', coder: 'huffman', over: DENSE },
  ];
  for (const encoding of encodings) {
    assert.equal(parseEncoding(encodingText(encoding)), encoding, encodingText(encoding));
  }
});

suite('round trip of random graphs', () =>
  forAllGraphs({
    file: 'tests/ir/tensor/print.test.ts',
    seeds: 300,
    holds(graph) {
      const text = printGraph(graph);
      const back = parseGraph(text);
      assert.equal(back, graph);
      assert.is(printGraph(back), text);
    },
  }));

suite.run();
