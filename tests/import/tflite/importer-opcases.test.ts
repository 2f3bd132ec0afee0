/**
 * Every operator case: import, evaluate, and compare with what a reference interpreter answered. Arguments narrow it:
 * `node --import ./tools/ts.mjs tests/import/tflite/importer-opcases.test.ts softmax "softmax i8"` (family, part of a name).
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ImportError } from '../../../compiler/import/error.ts';
import { importTflite } from '../../../compiler/import/tflite/import.ts';
import { dataFromBytes } from '../../../ir/tensor/bytes.ts';
import { Evaluator } from '../../../ir/tensor/evaluate.ts';
import { type Graph, inputTypes, typeOfValue } from '../../../ir/tensor/graph.ts';
import { isFloat, type TensorData, type TensorType, typeText } from '../../../ir/tensor/types.ts';
import { assertValid } from '../../../ir/tensor/verify.ts';
import { familyNames, type LoadedCase, loadCases } from '../../support/opcases.ts';

const [onlyFamily, onlyName = ''] = process.argv.slice(2);

/** Types that activations do not have here, although interpreters run a few operators on them. */
const CONSTANTS_ONLY = ['i64', 'u32', 'u16', 'f16'];

function hasForeignActivation({ case: { model } }: LoadedCase): boolean {
  const { tensors, inputs, outputs } = model.subgraphs[0];
  return [...inputs, ...outputs].some((index) => CONSTANTS_ONLY.includes(tensors[index].type));
}

/** Cases at an exact tie which TensorFlow's kernels, multiplying scales in another precision, round the other way: by 1. */
const TIES = ['sparse i8 layer'];

/**
 * How far an element may be from the recorded one. Floats: rounding. Layers of float activations and integer weights:
 * interpreters round the activations to 8 bits first, so half a step of theirs for each weight. Integers: not at all,
 * but for the named ties.
 */
function tolerance(loaded: LoadedCase, graph: Graph, type: TensorType, inputs: readonly TensorData[]): number {
  if (!isFloat(type.dtype)) return TIES.includes(loaded.case.name) ? 1 : 0;
  const hybrid = graph.nodes.find((node) => {
    const [x, w] = inputTypes(graph, node);
    return x?.dtype === 'f32' && w?.dtype === 'i8';
  });
  if (hybrid === undefined) return 1e-5;
  const weights = graph.constants.get(hybrid.inputs[1])?.data ?? [];
  const { quant } = typeOfValue(graph, hybrid.inputs[1]);
  const largestScale = quant.kind === 'affine' ? Math.max(...quant.scale) : 1;
  const magnitude = (data: Iterable<number | bigint>) => Array.from(data, (value) => Math.abs(Number(value)));
  const step = Math.max(...inputs.flatMap((data) => magnitude(data))) / 127;
  const channels = Math.max(1, type.shape.at(-1) ?? 1);
  const perChannel = magnitude(weights).reduce((sum, value) => sum + value, 0) / channels;
  return step * perChannel * largestScale;
}

function compare(found: TensorData, wanted: TensorData, bound: number, what: string): void {
  assert.is(found.length, wanted.length, what);
  for (let i = 0; i < found.length; i++) {
    const [y, golden] = [Number(found[i]), Number(wanted[i])];
    if (Object.is(y, golden) || y === golden) continue;
    const close = Math.abs(y - golden) <= bound * (bound < 1 ? Math.max(1, Math.abs(golden)) : 1);
    assert.ok(close, `${what}, element ${i}: expected ${golden}, found ${y}`);
  }
}

function check(loaded: LoadedCase): void {
  const reproduce = `node --import ./tools/ts.mjs tests/import/tflite/importer-opcases.test.ts ${loaded.family} "${loaded.case.name}"`;
  let graph: Graph;
  try {
    graph = importTflite(loaded.modelBytes, { name: 'case' }).graph;
  } catch (error) {
    if (error instanceof ImportError && hasForeignActivation(loaded)) return;
    throw error;
  }
  assertValid(graph);
  const evaluator = new Evaluator(graph);
  loaded.inputs.forEach((bytes, run) => {
    const inputs = bytes.map((raw, i) => dataFromBytes(typeOfValue(graph, graph.inputs[i]), raw));
    const { outputs } = evaluator.run(inputs);
    outputs.forEach((found, i) => {
      const type = typeOfValue(graph, graph.outputs[i]);
      const wanted = dataFromBytes(type, loaded.golden[run][i]);
      const what = `${reproduce}\n    run ${run}, output ${i} ${typeText(type)}`;
      compare(found, wanted, tolerance(loaded, graph, type, inputs), what);
    });
  });
}

for (const family of familyNames()) {
  if (onlyFamily !== undefined && family !== onlyFamily) continue;
  const test = suite(`operator cases: ${family}`);
  for (const loaded of await loadCases([family])) {
    if (loaded.case.name.includes(onlyName)) test(loaded.case.name, () => check(loaded));
  }
  test.run();
}
