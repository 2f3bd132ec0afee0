// What every exact pass must do, as checks over hand-written and random graphs.
import * as assert from 'uvu/assert';
import type { Pass } from '../../compiler/passes/pass.ts';
import { runPasses } from '../../compiler/passes/run.ts';
import { evaluate } from '../../ir/tensor/evaluate.ts';
import type { Graph } from '../../ir/tensor/graph.ts';
import { parseGraph } from '../../ir/tensor/parse.ts';
import { printGraph } from '../../ir/tensor/print.ts';
import { Random } from '../support/random.ts';
import { forAllGraphs, type RandomGraphOptions, randomInputs, sameBits } from '../support/random-graph.ts';

/** Runs one pass over a graph given as text and expects the text of the result. */
export function expectRewrite(pass: Pass, before: string, after: string): void {
  assert.is(printGraph(run(pass, parseGraph(before))), printGraph(parseGraph(after)));
}

/** Runs one pass and expects that the rule stays away from the site for the reason. */
export function expectRefusal(pass: Pass, text: string, rule: string, site: string, reason: string): void {
  const graph = parseGraph(text);
  const { graph: after, reports } = runPasses(graph, [pass], { verifyEach: true });
  assert.is(after, graph, 'the pass left the graph alone');
  const refused = reports[0]?.refused.filter((refusal) => refusal.rule === rule && refusal.site === site);
  assert.equal(
    refused?.map((refusal) => refusal.reason),
    [reason],
  );
}

function run(pass: Pass, graph: Graph): Graph {
  return runPasses(graph, [pass], { verifyEach: true }).graph;
}

/** Outputs of both, and states of both by name, are bit-equal on random inputs. */
export function expectSameResults(before: Graph, after: Graph, seed: number): void {
  assert.equal(after.inputs, before.inputs, 'inputs keep their names');
  assert.equal(after.outputs, before.outputs, 'outputs keep their names');
  const inputs = randomInputs(before, seed);
  const expected = evaluate(before, inputs);
  const found = evaluate(after, inputs);
  before.outputs.forEach((name, i) => {
    assert.ok(sameBits(found.outputs[i] as never, expected.outputs[i] as never), `output %${name} differs`);
  });
  after.states.forEach((state, i) => {
    const old = before.states.findIndex((other) => other.name === state.name);
    assert.ok(sameBits(found.states[i] as never, expected.states[old] as never), `state %${state.name} differs`);
  });
}

/** On random graphs: valid, bit-equal, done after one run; and it fires on at least one graph in ten. */
export async function expectExact(pass: Pass, file: string, options: RandomGraphOptions = {}): Promise<void> {
  let fired = 0;
  let tried = 0;
  await forAllGraphs({
    file,
    seeds: 150,
    options,
    holds(graph, seed) {
      const { graph: after, patches } = runPasses(graph, [pass], { verifyEach: true });
      tried++;
      if (patches > 0) fired++;
      expectSameResults(graph, after, seed);
      assert.is(runPasses(after, [pass], { verifyEach: false }).patches, 0, 'a second run changes nothing');
    },
  });
  if (tried > 1) assert.ok(fired * 10 >= tried, `${pass.name} fired on only ${fired} of ${tried} random graphs`);
}

/**
 * On graphs that `make` draws: valid, bit-equal, done after one run; and the pass fires on some part of them between the
 * two given ones, so that both what it does and what it must leave are tried.
 */
export function expectExactOn(
  pass: Pass,
  file: string,
  make: (r: Random) => Graph,
  [least, most]: readonly [number, number] = [0.2, 0.95],
  count = 300,
): void {
  const only = process.env.MCC_SEED;
  const seeds = only === undefined ? Array.from({ length: count }, (_, i) => i + 1) : [Number(only)];
  let fired = 0;
  for (const seed of seeds) {
    const graph = make(new Random(seed));
    try {
      const { graph: after, patches } = runPasses(graph, [pass], { verifyEach: true });
      if (patches > 0) fired++;
      expectSameResults(graph, after, seed);
      assert.is(runPasses(after, [pass], { verifyEach: false }).patches, 0, 'a second run changes nothing');
    } catch (error) {
      const repeat = `MCC_SEED=${seed} node --import ./tools/ts.mjs ${file}`;
      throw new Error(`seed ${seed}: ${(error as Error).message}\n${printGraph(graph)}repeat: ${repeat}`);
    }
  }
  if (only !== undefined) return;
  const part = fired / seeds.length;
  assert.ok(part >= least && part <= most, `${pass.name} fired on ${fired} of ${seeds.length} graphs`);
}
