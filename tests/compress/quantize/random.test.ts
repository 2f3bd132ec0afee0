// Any float graph that calibration accepts becomes a valid graph, which evaluates, and which lowers to the same bytes.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compile } from '../../../compiler/compile.ts';
import { calibrate } from '../../../compiler/compress/calibrate/calibrate.ts';
import { withFloatWeights } from '../../../compiler/compress/float-weights.ts';
import { quantizeGraph } from '../../../compiler/compress/quantize/quantize.ts';
import { type Sample, SampleError } from '../../../compiler/compress/samples.ts';
import { inputsFor } from '../../../compiler/compress/sqnr.ts';
import { TARGETS } from '../../../compiler/targets/index.ts';
import { Machine } from '../../../ir/loop/evaluate.ts';
import { bytesOf } from '../../../ir/tensor/bytes.ts';
import { evaluate } from '../../../ir/tensor/evaluate.ts';
import { type Graph, typeOfValue } from '../../../ir/tensor/graph.ts';
import { OP_NAMES, opRecord } from '../../../ir/tensor/ops/index.ts';
import { DTYPE_FACTS } from '../../../ir/tensor/types.ts';
import { forAllGraphs, randomInputs } from '../../support/random-graph.ts';
import { optionsOf } from '../support.ts';

const FILE = 'tests/compress/quantize/random.test.ts';

/** Ops with a float form: the others make graphs with nothing to quantize. */
const FLOAT_OPS = OP_NAMES.filter((op) =>
  opRecord(op).signatures.some(({ outputs }) => outputs.every((dtype) => dtype === 'f32')),
);

const CHOICES = [
  {},
  { activations: { type: 'i16' } },
  { io: 'integer', rounding: 'single' },
  { scales: 'power-of-two', activations: { symmetric: true }, weights: { granularity: 'tensor' } },
  { activations: { range: { method: 'mse' } }, weights: { bits: 4, range: 'mse' } },
  { activations: { type: 'i16' }, io: 'integer', scales: 'power-of-two' },
];

async function calibrated(graph: Graph, samples: readonly Sample[]) {
  try {
    return await calibrate(graph, samples);
  } catch (error) {
    // NaN and infinities are refused.
    if (error instanceof SampleError) return undefined;
    throw error;
  }
}

const test = suite('quantized random graphs');

test('are valid and lower to the bytes of their evaluation', async () => {
  let integerNodes = 0;
  let tried = 0;
  await forAllGraphs({
    file: FILE,
    seeds: 100,
    options: { ops: FLOAT_OPS, encodings: false, nodes: 6 },
    async holds(random, seed) {
      const graph = withFloatWeights(random);
      const samples = [0, 1, 2].map((i) => randomInputs(graph, seed + i));
      const calibration = await calibrated(graph, samples);
      if (calibration === undefined) return;
      const options = optionsOf(CHOICES[seed % CHOICES.length]);
      const result = quantizeGraph(graph, calibration, options);
      assert.equal(result.graph.inputs, graph.inputs, 'inputs keep their names');
      assert.equal(result.graph.outputs, graph.outputs, 'outputs keep their names');
      if (options.io === 'float') {
        for (const name of graph.outputs) {
          assert.equal(typeOfValue(result.graph, name), typeOfValue(graph, name), 'outputs keep their types');
        }
      }
      tried++;
      integerNodes += result.integers.size;
      if (hasKernels(result.graph)) expectLowered(result.graph, inputsFor(result.graph, samples[0]));
    },
  });
  if (process.env.MCC_SEED === undefined) assert.ok(integerNodes > tried, `${integerNodes} integer values in ${tried}`);
});

/** Types under 8 bits have none, except as constants. */
function hasKernels(graph: Graph): boolean {
  return [...graph.types].every(([value, { dtype }]) => DTYPE_FACTS[dtype].bits >= 8 || graph.constants.has(value));
}

function expectLowered(graph: Graph, inputs: Sample): void {
  const machine = new Machine(compile(graph, TARGETS.c).program);
  const found = machine.run(graph.inputs.map((name, i) => bytesOf(typeOfValue(graph, name), inputs[i])));
  evaluate(graph, inputs).outputs.forEach((data, i) => {
    const wanted = bytesOf(typeOfValue(graph, graph.outputs[i]), data);
    assert.equal(Buffer.from(found[i]).toString('hex'), Buffer.from(wanted).toString('hex'), `output ${i}`);
  });
}

test.run();
