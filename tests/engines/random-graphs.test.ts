/** Random graphs over all ops give the bytes of the reference evaluation as WebAssembly and as C under sanitizers. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Runs, wasmSession } from '../../compiler/cli/engines/index.ts';
import { compile } from '../../compiler/compile.ts';
import { TARGETS } from '../../compiler/targets/index.ts';
import { bytesOf } from '../../ir/tensor/bytes.ts';
import { Evaluator } from '../../ir/tensor/evaluate.ts';
import { type Graph, typeOfValue } from '../../ir/tensor/graph.ts';
import { printGraph } from '../../ir/tensor/print.ts';
import { DTYPE_FACTS } from '../../ir/tensor/types.ts';
import { runBatch } from '../support/c-batch.ts';
import { forAllGraphs, randomGraph, randomInputs } from '../support/random-graph.ts';
import { skipUnlessCommand } from '../support/toolchains.ts';

const FILE = 'tests/engines/random-graphs.test.ts';
const OPTIONS = { encodings: false, nodes: 8 } as const;
const RUNS = [0, 1, 2];
const C_GRAPHS = 120;

/** Types under 8 bits have no kernels yet, except as constants. */
function hasKernels(graph: Graph): boolean {
  return [...graph.types].every(([value, { dtype }]) => DTYPE_FACTS[dtype].bits >= 8 || graph.constants.has(value));
}

function inputsOf(graph: Graph, seed: number): Runs {
  return RUNS.map((run) =>
    randomInputs(graph, seed + run).map((data, i) => bytesOf(typeOfValue(graph, graph.inputs[i] as string), data)),
  );
}

function expectedOf(graph: Graph, seed: number): Runs {
  const evaluator = new Evaluator(graph);
  return RUNS.map((run) =>
    evaluator
      .run(randomInputs(graph, seed + run))
      .outputs.map((data, i) => bytesOf(typeOfValue(graph, graph.outputs[i] as string), data)),
  );
}

/** Outputs as text. Which of the many NaNs an operation gives differs between processors, so all count as one. */
function textOf(graph: Graph, runs: Runs): string[][] {
  return runs.map((outputs) =>
    outputs.map((bytes, i) => {
      const { dtype } = typeOfValue(graph, graph.outputs[i] as string);
      const words = dtype === 'f32' ? new Int32Array(bytes.slice().buffer) : bytes;
      const isNaNWord = (word: number) => dtype === 'f32' && (word & 0x7fffffff) > 0x7f800000;
      return Array.from(words, (word) => (isNaNWord(word) ? 'NaN' : word)).join();
    }),
  );
}

const test = suite('random graphs on engines');

test('as WebAssembly', async () => {
  let tried = 0;
  await forAllGraphs({
    file: FILE,
    seeds: 120,
    options: OPTIONS,
    async holds(graph, seed) {
      if (!hasKernels(graph)) return;
      tried++;
      const session = await wasmSession(compile(graph, TARGETS.wasm).program);
      const found = await session.run(inputsOf(graph, seed), { keepState: true });
      assert.equal(textOf(graph, found), textOf(graph, expectedOf(graph, seed)));
    },
  });
  assert.ok(tried > 60 || process.env.MCC_SEED !== undefined, `only ${tried} graphs were tried`);
});

test('as C under sanitizers', async () => {
  if (skipUnlessCommand('gcc', 'random graphs in C')) return;
  const seeds = Array.from({ length: C_GRAPHS }, (_, i) => 5000 + i);
  const made = seeds
    .map((seed) => ({ seed, graph: randomGraph(seed, OPTIONS) }))
    .filter(({ graph }) => hasKernels(graph));
  const found = await runBatch(
    made.map(({ seed, graph }) => ({
      program: compile(graph, TARGETS['cortex-m4']).program,
      runs: inputsOf(graph, seed),
    })),
    { cc: 'gcc', flags: ['-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'] },
  );
  made.forEach(({ seed, graph }, i) => {
    assert.equal(
      textOf(graph, found[i] as Runs),
      textOf(graph, expectedOf(graph, seed)),
      `graph of seed ${seed}:\n${printGraph(graph)}`,
    );
  });
  assert.ok(made.length > 60, `only ${made.length} graphs were tried`);
});

test.run();
