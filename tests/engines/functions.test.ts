/** Every function of floats and integers that no core has, at every exponent, as C under sanitizers and as WebAssembly. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Runs, wasmSession } from '../../compiler/cli/engines/index.ts';
import { compile } from '../../compiler/compile.ts';
import { TARGETS } from '../../compiler/targets/index.ts';
import { bytesOf } from '../../ir/tensor/bytes.ts';
import { evaluate } from '../../ir/tensor/evaluate.ts';
import { FLOAT_FORMATS, ROUND_MODES } from '../../ir/tensor/float-math/formats.ts';
import { FLOAT_FUNCTIONS, type FloatFunctionName } from '../../ir/tensor/float-math.ts';
import type { Graph, Node } from '../../ir/tensor/graph.ts';
import { NO_QUANT, type TensorData, type TensorType } from '../../ir/tensor/types.ts';
import { runBatch } from '../support/c-batch.ts';
import { skipUnlessCommand } from '../support/toolchains.ts';

const AGAIN = 'node --import ./tools/ts.mjs tests/engines/functions.test.ts';
const { POSITIVE_INFINITY: INF, NaN: NAN } = Number;

const SPECIAL = [0, -0, 1, -1, 0.5, -0.5, 2, 3, -3, INF, -INF, NAN, 2 ** -149, 2 ** 24, 3.4e38, -3.4e38];
const POWERS = Array.from({ length: 277 }, (_, i) => 2 ** (i - 149)).flatMap((power, i) => [
  power * (1 + (i % 16) / 16),
  -power * (1 + ((i * 7) % 16) / 16),
]);
const REALS = Float32Array.from([...SPECIAL, ...POWERS]);
const COUNT = REALS.length;
/** Each value meets special ones and those of other exponents. */
const OTHERS = REALS.map(
  (_, i) => (i % 3 === 0 ? SPECIAL[(i / 3) % SPECIAL.length] : REALS[(i * 211) % COUNT]) as number,
);
const ENDS = [0, 1, -1, 2, -2, 31, 32, 7, -7, 2 ** 31 - 1, -(2 ** 31), 12345];
const INTEGERS = Int32Array.from({ length: COUNT }, (_, i) => ENDS[i % ENDS.length] as number);
const DIVISORS = Int32Array.from(
  { length: COUNT },
  (_, i) => ENDS[Math.floor(i / ENDS.length) % ENDS.length] as number,
);

type Call = readonly [op: string, inputs: readonly string[], attrs: object, dtype: 'f32' | 'i32'];

const FUNCTIONS: readonly FloatFunctionName[] = Object.keys(FLOAT_FUNCTIONS) as FloatFunctionName[];
const FORMATS = FLOAT_FORMATS.flatMap((format) =>
  [true, false].flatMap((saturate) =>
    (format === 'e8m0' ? ROUND_MODES.map((mode) => ({ mode })) : [{}]).map((mode) => ({ format, saturate, ...mode })),
  ),
);
const CALLS: readonly Call[] = [
  ...FUNCTIONS.map((op): Call => [op, ['a'], {}, 'f32']),
  ...FORMATS.map((attrs): Call => ['round_float', ['a'], attrs, 'f32']),
  ...['pow', 'truncated_mod', 'floor_mod'].map((op): Call => [op, ['a', 'b'], {}, 'f32']),
  ...['truncated_mod', 'floor_mod', 'bitwise_and', 'bitwise_or', 'bitwise_xor', 'shift_left', 'shift_right'].map(
    (op): Call => [op, ['p', 'q'], {}, 'i32'],
  ),
  ['pow', ['p', 'q'], {}, 'i32'],
  ['div', ['p', 'q'], { activation: 'none', semantics: 'onnx' }, 'i32'],
  ['div', ['a', 'b'], { activation: 'none', semantics: 'onnx' }, 'f32'],
  ['minimum', ['a', 'b'], { semantics: 'onnx' }, 'f32'],
  ['maximum', ['a', 'b'], { semantics: 'onnx' }, 'f32'],
  ['elu', ['a'], { alpha: 0.3 }, 'f32'],
  ['bitwise_not', ['p'], {}, 'i32'],
  ['sign', ['p'], {}, 'i32'],
  ['sign', ['a'], {}, 'f32'],
];

function graphOf(calls: readonly Call[]): Graph {
  const type = (dtype: 'f32' | 'i32'): TensorType => ({ dtype, shape: [COUNT], quant: NO_QUANT });
  const outputs = calls.map(([op], i) => `${op}_${i}`);
  return {
    name: 'functions',
    inputs: ['a', 'b', 'p', 'q'],
    outputs,
    states: [],
    constants: new Map(),
    nodes: calls.map(([op, inputs, attrs], i) => ({ op, inputs, outputs: [outputs[i]], attrs }) as unknown as Node),
    types: new Map([
      ...(['a', 'b'] as const).map((name) => [name, type('f32')] as const),
      ...(['p', 'q'] as const).map((name) => [name, type('i32')] as const),
      ...calls.map(([, , , dtype], i) => [outputs[i] as string, type(dtype)] as const),
    ]),
  };
}

const graph = graphOf(CALLS);
const INPUTS: readonly TensorData[] = [REALS, OTHERS, INTEGERS, DIVISORS];
const inputs = INPUTS.map((data, i) => bytesOf(graph.types.get(graph.inputs[i] as string) as TensorType, data));

function assertSame(runs: Runs): void {
  const found = runs[0] as readonly Uint8Array[];
  evaluate(graph, INPUTS).outputs.forEach((expected, i) => {
    const [op, , attrs, dtype] = CALLS[i] as Call;
    const bytes = (found[i] as Uint8Array).slice().buffer;
    const values = dtype === 'f32' ? new Float32Array(bytes) : new Int32Array(bytes);
    // All NaNs are one to Object.is.
    const bad = values.findIndex((value, at) => !Object.is(value, expected[at]));
    const at = `a = ${REALS[bad]}, b = ${OTHERS[bad]}, p = ${INTEGERS[bad]}, q = ${DIVISORS[bad]}`;
    const say = `${op} ${JSON.stringify(attrs)} at ${at}: ${values[bad]}, expected ${expected[bad]}\n${AGAIN}`;
    assert.is(bad, -1, say);
  });
}

const test = suite('functions on engines');

test('as WebAssembly', async () => {
  const session = await wasmSession(compile(graph, TARGETS['wasm-scalar']).program);
  assertSame(await session.run([inputs]));
  const vectors = await wasmSession(compile(graph, TARGETS.wasm).program);
  assertSame(await vectors.run([inputs]));
});

test('as C under sanitizers', async () => {
  if (skipUnlessCommand('gcc', 'functions in C')) return;
  const program = (target: 'c' | 'cortex-m4') => ({
    program: compile(graph, TARGETS[target]).program,
    runs: [inputs],
  });
  const flags = ['-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
  for (const runs of await runBatch([program('c'), program('cortex-m4')], { cc: 'gcc', flags })) assertSame(runs);
});

test.run();
