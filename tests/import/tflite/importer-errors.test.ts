/** Files that are refused: every message names the place, what was expected and what was found. */
import { Builder } from 'flatbuffers';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ImportError } from '../../../compiler/import/error.ts';
import { importTflite } from '../../../compiler/import/tflite/import.ts';
import type { OpSpec, SparsitySpec, SubgraphSpec, TensorSpec } from '../../support/tflite-writer.ts';
import { writeTflite } from '../../support/tflite-writer.ts';

const test = suite('tflite importer errors');

/** Asserts an ImportError whose message has at most three lines and contains `parts` in their order. */
function refused(bytes: Uint8Array, ...parts: readonly string[]): void {
  let message: string | undefined;
  try {
    importTflite(bytes, { name: 'm', file: 'dir/m.tflite' });
  } catch (error) {
    if (!(error instanceof ImportError)) throw error;
    message = error.message;
  }
  assert.ok(message !== undefined, `imported, although ${parts.join(' ... ')} was to be refused`);
  assert.ok(message.startsWith('dir/m.tflite: '), message);
  assert.ok(message.split('\n').length <= 3, message);
  let from = 0;
  for (const part of parts) {
    const at = message.indexOf(part, from);
    assert.ok(at >= 0, `no ${JSON.stringify(part)} (in this order) in: ${message}`);
    from = at + part.length;
  }
}

const f32 = (name: string, shape: readonly number[], data?: readonly number[]): TensorSpec => ({
  name,
  type: 'f32',
  shape,
  ...(data === undefined ? {} : { data }),
});
const FULLY_CONNECTED = { op: 'FULLY_CONNECTED', inputs: [0, 1, -1], outputs: [2], options: {} } as const;

function dense(overrides: Partial<SubgraphSpec> = {}): SubgraphSpec {
  const tensors = [f32('x', [5, 3]), f32('w', [7, 3], new Array(21).fill(1)), f32('y', [5, 7])];
  return { tensors, operators: [FULLY_CONNECTED], inputs: [0], outputs: [2], ...overrides };
}

const file = (...subgraphs: readonly SubgraphSpec[]) => writeTflite({ subgraphs });

/** Replaces the one place where the little-endian i32 sequence `from` stands. */
function patched(bytes: Uint8Array, from: readonly number[], to: readonly number[]): Uint8Array {
  const raw = (values: readonly number[]) => Buffer.from(Int32Array.from(values).buffer);
  const at = Buffer.from(bytes).indexOf(raw(from));
  assert.ok(at >= 0 && Buffer.from(bytes).indexOf(raw(from), at + 1) < 0, `${from} must occur once`);
  const copy = bytes.slice();
  copy.set(raw(to), at);
  return copy;
}

test('files that are no models', () => {
  refused(new Uint8Array(0), 'header', 'expected a TFLite model', '""');
  refused(new TextEncoder().encode('not a model at all'), 'header', '"TFL3" at byte 4', '"a mo"');
  const bytes = file(dense());
  refused(bytes.slice(0, 40), 'within the 40 bytes of the file');
  for (let length = 0; length < bytes.length; length += 3) {
    try {
      importTflite(bytes.slice(0, length), { name: 'm' });
    } catch (error) {
      assert.instance(error, ImportError, `cut to ${length} bytes: ${error}`);
    }
  }
});

test('a schema version that is not 3', () => {
  const b = new Builder(64);
  b.startObject(8);
  b.addFieldInt32(0, 2, 0);
  b.finish(b.endObject(), 'TFL3');
  refused(b.asUint8Array().slice(), 'header', 'schema version 3', 'version 2');
});

test('a model without subgraphs', () => {
  refused(writeTflite({ subgraphs: [] }), 'model', 'one of 0 subgraphs', '0');
});

test('vectors longer than the file', () => {
  // Length and first items of w's shape.
  refused(
    patched(file(dense()), [2, 7, 3], [0x7fffffff, 7, 3]),
    'subgraph 0, tensor 1, field shape',
    'items before the end',
  );
});

test('content that refers to the same bytes over and over', () => {
  const b = new Builder(1024);
  b.startObject(11);
  const tensor = b.endObject();
  b.startObject(5);
  const names = b.endObject();
  b.startVector(4, 1, 4);
  b.addOffset(names);
  const one = b.endVector();
  b.startVector(4, 60000, 4);
  for (let i = 0; i < 60000; i++) b.addOffset(tensor);
  const many = b.endVector();
  const subgraphs = Array.from({ length: 8 }, () => {
    b.startObject(5);
    b.addFieldOffset(0, many, 0);
    return b.endObject();
  });
  b.startVector(4, 8, 4);
  for (const subgraph of subgraphs) b.addOffset(subgraph);
  const vector = b.endVector();
  b.startObject(8);
  b.addFieldInt32(0, 3, 0);
  b.addFieldOffset(1, one, 0);
  b.addFieldOffset(2, vector, 0);
  b.finish(b.endObject(), 'TFL3');
  refused(b.asUint8Array().slice(), 'subgraph', 'tables that do not refer to the same bytes over and over');
});

test('constants of another size than their shape', () => {
  refused(patched(file(dense()), [2, 7, 3], [2, 7, 4]), 'tensor 1 "w", field buffer', '112 bytes', 'found 84');
  refused(patched(file(dense()), [2, 7, 3], [2, 7, -3]), 'tensor 1 "w"', 'extents of 0 or more', '[7, -3]');
});

test('tensors beyond the size limit', () => {
  refused(patched(file(dense()), [2, 5, 3], [2, 2 ** 30, 3]), 'input 0 "x"', 'at most 268435456 bytes');
});

test('operators that are not supported', () => {
  const loop: OpSpec = {
    op: 'WHILE',
    inputs: [0],
    outputs: [1],
    options: { cond_subgraph_index: 1, body_subgraph_index: 1 },
  };
  const main = { tensors: [f32('seen', [1]), f32('made', [1])], operators: [loop], inputs: [0], outputs: [1] };
  refused(
    file(main),
    'subgraph 0, operator 0 WHILE ("seen" -> "made")',
    'expected a TFLite operator that can be imported, found WHILE',
    'Unroll the loop',
    '`mcc ops` and docs/tflite-operators.md list the operators',
  );
});

test('indices out of range', () => {
  const op = (inputs: number[], outputs: number[]): OpSpec => ({ ...FULLY_CONNECTED, inputs, outputs });
  const broken = (operator: OpSpec) => file(dense({ operators: [operator] }));
  refused(broken(op([0, 9, -1], [2])), 'operator 0 FULLY_CONNECTED', 'one of 3 tensors', 'tensor 9');
  refused(broken(op([0, -2, -1], [2])), 'operator 0 FULLY_CONNECTED', 'one of 3 tensors', 'tensor -2');
  refused(broken(op([0, 1, -1], [])), 'operator 0 FULLY_CONNECTED', 'at least 1 output', '0');
  refused(broken(op([0, 1, -1], [2, 0])), 'operator 0 FULLY_CONNECTED', 'tensors written once', 'tensor 0 again');
  refused(broken(op([0, 1, -1], [2, 1])), 'operator 0 FULLY_CONNECTED', 'the outputs of FULLY_CONNECTED', 'tensor 1');
  refused(broken(op([0], [2])), 'operator 0 FULLY_CONNECTED', 'the weights as input 1', 'none');
  refused(file(dense({ outputs: [7] })), 'subgraph 0, output 0', 'one of 3 tensors', 'tensor 7');
  refused(file(dense({ inputs: [] })), 'tensor 0 "x"', 'a constant, or a tensor computed before', 'neither');
  refused(file(dense({ operators: [] })), 'output 0', 'tensor 2 "y"', 'a constant, or a tensor computed before');
});

test('models without a result', () => {
  refused(file(dense({ outputs: [] })), 'subgraph 0', 'at least one output', 'none');
  const empty: SubgraphSpec = { tensors: [f32('y', [0], [])], operators: [], inputs: [], outputs: [0] };
  refused(file(empty), 'output 0', 'at least one element', 'f32[0]');
});

test('int64 constants beyond what the arithmetic holds', () => {
  const x: TensorSpec = { name: 'x', type: 'i16', shape: [1, 1], scale: [1], zeroPoint: [0] };
  const weights = quantized('w', [1, 1], { data: [1] });
  const bias: TensorSpec = { name: 'b', type: 'i64', shape: [1], scale: [0.5], zeroPoint: [0], data: [2n ** 53n] };
  const y: TensorSpec = { name: 'y', type: 'i16', shape: [1, 1], scale: [1], zeroPoint: [0] };
  const layer: OpSpec = { ...FULLY_CONNECTED, inputs: [0, 1, 3] };
  const subgraph = { tensors: [x, weights, y, bias], operators: [layer], inputs: [0], outputs: [2] };
  refused(file(subgraph), 'FULLY_CONNECTED', 'int64 constants of at most 54 bits', 'i64[1]');
});

test('tensors written twice', () => {
  refused(
    file(dense({ operators: [FULLY_CONNECTED, FULLY_CONNECTED] })),
    'operator 1',
    'tensors written once',
    'tensor 2',
  );
});

test('shapes that do not follow from the inputs', () => {
  const tensors = [f32('x', [5, 3]), f32('w', [7, 3], new Array(21).fill(1)), f32('y', [5, 8])];
  refused(file(dense({ tensors })), 'operator 0 FULLY_CONNECTED', 'shape [5, 7] of tensor 2 "y"', '[5, 8] in the file');
  const narrow = [f32('x', [5, 4]), f32('w', [7, 3], new Array(21).fill(1)), f32('y', [5, 7])];
  refused(file(dense({ tensors: narrow })), 'operator 0', 'operands that fit together', 'rows of 3');
});

test('dimensions other than the batch left open', () => {
  const tensors: TensorSpec[] = [
    { ...f32('x', [5, 3]), shapeSignature: [-1, -1] },
    f32('w', [7, 3], new Array(21).fill(1)),
    f32('y', [5, 7]),
  ];
  refused(
    file(dense({ tensors })),
    'input "x"',
    'all dimensions but the first to be fixed',
    'dimension 1 open in [-1, -1]',
  );
});

test('int64 that is not constant', () => {
  const tensors: TensorSpec[] = [{ name: 'x', type: 'i64', shape: [2] }];
  refused(file({ tensors, operators: [], inputs: [0], outputs: [0] }), 'input 0 "x"', 'at most 32 bits', 'i64[2]');
});

const quantized = (name: string, shape: readonly number[], extra: Partial<TensorSpec> = {}): TensorSpec => ({
  name,
  type: 'i8',
  shape,
  scale: [0.5],
  zeroPoint: [0],
  ...extra,
});

function quantizedDense(weights: Partial<TensorSpec>, x: Partial<TensorSpec> = {}): Uint8Array {
  const data = new Array(6).fill(1);
  const tensors = [quantized('x', [1, 3], x), quantized('w', [2, 3], { data, ...weights }), quantized('y', [1, 2])];
  return file(dense({ tensors }));
}

test('quantization that means nothing', () => {
  for (const scale of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    refused(
      quantizedDense({ scale: [scale] }),
      'tensor 1 "w", field quantization, scale',
      'positive finite',
      `${scale}`,
    );
  }
  refused(quantizedDense({ scale: [1, 1, 1], axis: 0 }), 'quantization, scale', '1 or 2 scales for dimension 0', '3');
  refused(quantizedDense({ scale: [1, 1], axis: 2 }), 'quantized_dimension', 'a dimension of shape [2, 3]', '2');
  refused(quantizedDense({ scale: [1, 1], axis: -1 }), 'quantized_dimension', 'a dimension of shape [2, 3]', '-1');
  refused(quantizedDense({ scale: [1, 1], zeroPoint: [0, 0, 0] }), 'zero_point', '0, 1 or 2 zero points', '3');
  refused(quantizedDense({ zeroPoint: [128] }), 'zero_point', 'zero points from -128 to 127', '128');
});

test('quantization that the operator does not have', () => {
  refused(quantizedDense({ scale: [1, 1, 1], axis: 1 }), 'FULLY_CONNECTED', 'weight scales along axis 0', 'axis=1');
  const bare: TensorSpec = { name: 'x', type: 'i8', shape: [1, 3] };
  const tensors = [bare, quantized('w', [2, 3], { data: new Array(6).fill(1) }), quantized('y', [1, 2])];
  refused(file(dense({ tensors })), 'FULLY_CONNECTED', 'per-tensor affine activations', 'i8[1,3]');
});

test('element types that the operator does not have', () => {
  const tensors: TensorSpec[] = [
    { name: 'x', type: 'i32', shape: [5, 3] },
    f32('w', [7, 3], new Array(21).fill(1)),
    f32('y', [5, 7]),
  ];
  refused(file(dense({ tensors })), 'FULLY_CONNECTED', 'i8 i8 i32? -> i8', 'i32[5,3], f32[7,3]');
  const strings: TensorSpec[] = [{ name: 'x', type: 'string', shape: [1] }];
  refused(
    file({ tensors: strings, operators: [], inputs: [0], outputs: [0] }),
    'field type',
    'FLOAT32',
    'found STRING',
  );
});

test('options of another operator', () => {
  const image = [f32('x', [1, 4, 4, 1]), f32('w', [1, 1, 1, 1], [1]), f32('y', [1, 4, 4, 1])];
  const conv: OpSpec = { op: 'CONV_2D', inputs: [0, 1, -1], outputs: [2], options: { stride_w: 0, stride_h: 1 } };
  refused(
    file({ tensors: image, operators: [conv], inputs: [0], outputs: [2] }),
    'CONV_2D',
    'stride_w from 1',
    'found 0',
  );
  const fused: OpSpec = { ...conv, options: { stride_w: 1, stride_h: 1, fused_activation_function: 'TANH' } };
  refused(file({ tensors: image, operators: [fused], inputs: [0], outputs: [2] }), 'CONV_2D', 'RELU6', 'found TANH');
});

test('sparse tensors whose description does not fit', () => {
  const sparse = (sparsity: SparsitySpec, data: readonly number[] = [1, 2]) => {
    const stored: TensorSpec = { ...f32('s', [2, 3], data), sparsity };
    const tensors = [f32('x', [1, 3]), stored, f32('y', [1, 2])];
    return file(dense({ tensors }));
  };
  const rows = (segments: readonly number[], indices: readonly number[]): SparsitySpec => ({
    traversalOrder: [0, 1],
    dimensions: [{ denseSize: 2 }, { segments, indices }],
  });
  importTflite(sparse(rows([0, 1, 2], [2, 0])), { name: 'm' });
  refused(sparse(rows([0, 1, 2], [3, 0])), 'field sparsity, array_indices', 'rising indices below 3', '3');
  refused(sparse(rows([0, 2, 2], [1, 1])), 'array_indices', 'rising indices', '1');
  refused(sparse(rows([0, 1, 9], [2, 0])), 'array_segments', 'among 2 indices', '1 to 9');
  refused(sparse(rows([0, 1], [2, 0])), 'array_segments', '1 to undefined');
  refused(sparse(rows([0, 1, 2], [2, 0]), [1, 2, 3]), 'an index for each of 3 stored values', '2');
  refused(sparse(rows([0, 1, 2], [2, 0]), [1]), '1 indices, one for each stored value', 'more');
  refused(sparse({ ...rows([0, 1, 2], [2, 0]), traversalOrder: [0, 0] }), 'traversal_order', '[0, 0]');
  const wide: SparsitySpec = { traversalOrder: [0, 1], dimensions: [{ denseSize: 3 }, { denseSize: 3 }] };
  refused(sparse(wide, [1, 2, 3, 4, 5, 6]), 'dimension 0', 'dense_size 2', '3');
});

test('subgraphs that call themselves', () => {
  const condition: TensorSpec = { name: 'c', type: 'bool', shape: [], data: [1] };
  const again: OpSpec = {
    op: 'IF',
    inputs: [1, 0],
    outputs: [2],
    options: { then_subgraph_index: 0, else_subgraph_index: 0 },
  };
  const main = { tensors: [f32('x', [1]), condition, f32('y', [1])], operators: [again], inputs: [0], outputs: [2] };
  refused(file(main), 'operator 0 IF', 'subgraphs that do not call themselves', 'subgraph 0');
});

/** Subgraph i calls subgraph i + 1 `calls` times, `depth` deep; with two calls that is 2^depth runs of the last. */
function nested(depth: number, calls: number): Uint8Array {
  const condition: TensorSpec = { name: 'c', type: 'bool', shape: [], data: [1] };
  const subgraphs = Array.from({ length: depth }, (_, level): SubgraphSpec => {
    const called = { then_subgraph_index: level + 1, else_subgraph_index: level + 1 };
    const call = (_: unknown, i: number): OpSpec => ({ op: 'IF', inputs: [0, 1], outputs: [2 + i], options: called });
    const results = Array.from({ length: calls }, (_, i) => f32(`y${i}`, [1]));
    return {
      tensors: [condition, f32('x', [1]), ...results],
      operators: results.map(call),
      inputs: [1],
      outputs: [2],
    };
  });
  return file(...subgraphs, { tensors: [f32('x', [1])], operators: [], inputs: [0], outputs: [0] });
}

test('subgraphs that call each other too deep or too often', () => {
  assert.is(importTflite(nested(10, 2), { name: 'm' }).graph.nodes.length, 0);
  refused(nested(100, 1), 'operator 0 IF', 'called at most 32 deep');
  refused(nested(30, 2), 'at most 16384 operators', 'counted once per call');
});

test('branches of another arity', () => {
  const condition: TensorSpec = { name: 'c', type: 'bool', shape: [], data: [1] };
  const main: SubgraphSpec = {
    tensors: [f32('x', [1]), condition, f32('y', [1])],
    operators: [
      { op: 'IF', inputs: [1, 0], outputs: [2], options: { then_subgraph_index: 1, else_subgraph_index: 1 } },
    ],
    inputs: [0],
    outputs: [2],
  };
  const none: SubgraphSpec = { tensors: [], operators: [], inputs: [], outputs: [] };
  refused(file(main, none), 'operator 0 IF', 'subgraph 1 to take 1 tensors and return 1', '0 and 0');
});

test.run();
