import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { shareConstants } from '../../../compiler/passes/exact/share-constants.ts';
import { runPasses } from '../../../compiler/passes/run.ts';
import type { Graph } from '../../../ir/tensor/graph.ts';
import { forAllGraphs } from '../../support/random-graph.ts';
import { expectRefusal, expectRewrite, expectSameResults } from '../support.ts';

const FILE = 'tests/passes/exact/share-constants.test.ts';
const suite = makeSuite('exact/share-constants');

function two(first: string, second: string): string {
  return `graph g {
    const %a : ${first}
    const %b : ${second}
    %x : f32[2,1] = reshape(%a) {"shape":[2,1]}
    %y : f32[2,1] = reshape(%b) {"shape":[2,1]}
    output %x
    output %y
  }`;
}

suite('reads the first of two equal constants in place of the second', () => {
  expectRewrite(
    shareConstants,
    two('f32[2] dense = [1, -0]', 'f32[2] dense = [1, -0]'),
    `graph g {
      const %a : f32[2] dense = [1, -0]
      %x : f32[2,1] = reshape(%a) {"shape":[2,1]}
      %y : f32[2,1] = reshape(%a) {"shape":[2,1]}
      output %x
      output %y
    }`,
  );
});

for (const [what, second] of [
  ['the sign of a zero', 'f32[2] dense = [1, 0]'],
  ['the encoding', 'f32[2] sparse(bitmap) = [1, -0]'],
  ['the shape', 'f32[1,2] dense = [1, -0]'],
] as const) {
  suite(`keeps constants apart that differ in ${what}`, () => {
    const text = two('f32[2] dense = [1, -0]', second);
    expectRefusal(shareConstants, text, 'share', 'constant %b', 'no constant before %b equals it');
  });
}

suite('keeps the name of an output', () => {
  const text = 'graph g { const %a : i8[1] dense = [1] const %b : i8[1] dense = [1] output %a output %b }';
  expectRefusal(shareConstants, text, 'share', 'constant %b', '%b is an output');
});

/** Every node once more, reading copies of its constants. */
function doubled(graph: Graph): Graph {
  const copy = (name: string) => (graph.types.has(name) && !isGiven(graph, name) ? `${name}_copy` : name);
  const entries = <T>(map: ReadonlyMap<string, T>) => [...map, ...Array.from(map, ([k, v]) => [copy(k), v] as const)];
  return {
    ...graph,
    constants: new Map(entries(graph.constants)),
    types: new Map(entries(graph.types)),
    nodes: graph.nodes.flatMap((node) => [
      node,
      { ...node, inputs: node.inputs.map(copy), outputs: node.outputs.map(copy) },
    ]),
    outputs: [...graph.outputs, ...graph.outputs.map(copy)],
  };
}

function isGiven(graph: Graph, name: string): boolean {
  return graph.inputs.includes(name) || graph.states.some((state) => state.name === name);
}

suite('halves the constants of doubled random graphs, exactly', () =>
  forAllGraphs({
    file: FILE,
    seeds: 100,
    holds(graph, seed) {
      const twice = doubled(graph);
      const { graph: after } = runPasses(twice, [shareConstants], { verifyEach: true });
      assert.ok(after.constants.size <= graph.constants.size, 'every copy is gone');
      expectSameResults(twice, after, seed);
      assert.is(runPasses(after, [shareConstants], { verifyEach: false }).patches, 0, 'a second run changes nothing');
    },
  }));

suite.run();
