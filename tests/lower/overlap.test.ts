/** Kernels with an output laid over an input, as close as they say it may be. MCC_TARGET=cortex-m4 runs one target alone. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Lowered, lower } from '../../compiler/lower/index.ts';
import { TARGETS, type TargetName } from '../../compiler/targets/index.ts';
import { printProgram } from '../../ir/loop/print.ts';
import { bytesOf } from '../../ir/tensor/bytes.ts';
import { type Graph, typeOfValue } from '../../ir/tensor/graph.ts';
import type { OpName } from '../../ir/tensor/ops/index.ts';
import { printGraph } from '../../ir/tensor/print.ts';
import { graphOf } from '../support/cases.ts';
import { loadCases } from '../support/opcases.ts';
import { overlapFault, permitted } from '../support/overlapping.ts';
import { randomGraph, randomInputs } from '../support/random-graph.ts';

const AGAIN = 'node --import ./tools/ts.mjs tests/lower/overlap.test.ts';
const chosen = process.env.MCC_TARGET as TargetName | undefined;
/** One target of each kind: what differs in cost alone has the same kernels. */
const kinds = new Map(
  (Object.keys(TARGETS) as TargetName[]).toReversed().map((name) => {
    const { name: _name, doc: _doc, cost: _cost, ...facts } = TARGETS[name];
    return [JSON.stringify(facts), name];
  }),
);
const targets = chosen === undefined ? [...kinds.values()].toReversed() : [chosen];
const suite = makeSuite('overlapping input and output');

function bytesOfInputs(graph: Graph, seed: number): Uint8Array[] {
  return randomInputs(graph, seed).map((data, i) => bytesOf(typeOfValue(graph, graph.inputs[i] as string), data));
}

/** The programs of a graph of one node, one call each, that are not those of a target before. */
function programsOf(graph: Graph): { readonly target: TargetName; readonly lowered: Lowered }[] {
  if (graph.nodes.length !== 1) return [];
  const known = new Set<string>();
  return targets.flatMap((target) => {
    const lowered = lower(graph, TARGETS[target]);
    const text = printProgram(lowered.program);
    if (lowered.program.run.length !== 1 || known.has(text)) return [];
    known.add(text);
    return [{ target, lowered }];
  });
}

function faultsOf(lowered: Lowered, graph: Graph, inputs: readonly Uint8Array[]): string[] {
  return permitted(lowered, graph).flatMap((laid) => overlapFault(lowered, graph, laid, inputs) ?? []);
}

const WINDOWED: readonly OpName[] = ['conv2d', 'depthwise_conv2d', 'average_pool2d', 'max_pool2d'];
const ELEMENTWISE: readonly OpName[] = ['add', 'mul', 'quantize', 'dequantize', 'requantize', 'cast', 'relu', 'tanh'];
const RANDOM_NODES = 150;

for (const op of WINDOWED) {
  suite(`${op} of random images keeps its bytes`, () => {
    const faults = Array.from({ length: RANDOM_NODES }, (_, i) => i + 1).flatMap((seed) => {
      const graph = randomGraph(seed, { ops: [op], nodes: 1, encodings: false, maxExtent: 9 });
      const inputs = bytesOfInputs(graph, seed);
      return programsOf(graph).flatMap(({ target, lowered }) => {
        const found = faultsOf(lowered, graph, inputs);
        return found.map((fault) => `MCC_TARGET=${target}, seed ${seed}: ${fault}\n${printGraph(graph)}`);
      });
    });
    assert.equal(faults, [], AGAIN);
  });
}

suite('every operator case keeps its bytes', async () => {
  const cases = await loadCases();
  let laid = 0;
  const faults = cases.flatMap((loaded) => {
    let graph: Graph;
    try {
      graph = graphOf(loaded);
    } catch {
      // Models that are refused have tests of their own.
      return [];
    }
    return programsOf(graph).flatMap(({ target, lowered }) => {
      laid += permitted(lowered, graph).length;
      const found = loaded.inputs.flatMap((inputs) => faultsOf(lowered, graph, inputs));
      return found.map((fault) => `MCC_TARGET=${target}: ${loaded.family}: ${loaded.case.name}: ${fault}`);
    });
  });
  assert.equal(faults, [], AGAIN);
  console.log(`${laid} pairs of buffers laid over each other`);
  if (chosen === undefined) assert.ok(laid >= 500, `only ${laid} pairs`);
});

for (const op of [...WINDOWED, ...ELEMENTWISE]) {
  suite(`${op}: a little closer than its kernel says is seen to be too close`, () => {
    let tooClose = 0;
    let tried = 0;
    for (let seed = 1; seed <= RANDOM_NODES && tooClose === 0; seed++) {
      const graph = randomGraph(seed, { ops: [op], nodes: 1, encodings: false, maxExtent: 9 });
      const lowered = lower(graph, TARGETS.c);
      if (lowered.program.run.length !== 1 || graph.nodes.length !== 1) continue;
      for (const laid of permitted(lowered, graph)) {
        tried++;
        const closer = { ...laid, distance: laid.distance - 4 };
        if (overlapFault(lowered, graph, closer, bytesOfInputs(graph, seed)) !== undefined) tooClose++;
      }
    }
    assert.ok(tooClose > 0, `${tried} pairs 4 bytes closer, and none differs; ${AGAIN}`);
  });
}

suite.run();
