import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { z } from 'zod';
import { eliminateDead } from '../../compiler/passes/exact/eliminate-dead.ts';
import { foldConstants } from '../../compiler/passes/exact/fold-constants.ts';
import { definePass, type Patch } from '../../compiler/passes/pass.ts';
import { PassError, type PatchEvent, runPasses } from '../../compiler/passes/run.ts';
import { PIPELINE } from '../../compiler/pipeline.ts';
import type { Graph, Node } from '../../ir/tensor/graph.ts';
import { parseGraph } from '../../ir/tensor/parse.ts';
import { printGraph } from '../../ir/tensor/print.ts';
import { VerifyError } from '../../ir/tensor/verify.ts';
import { forAllGraphs } from '../support/random-graph.ts';
import { expectSameResults } from './support.ts';

const suite = makeSuite('pass driver');

const CHAIN = parseGraph(`graph g {
  const %c : i8[4] dense = [1, 2, 3, 4]
  %a : i8[2,2] = reshape(%c) {"shape":[2,2]}
  %y : i8[4,1] = reshape(%a) {"shape":[4,1]}
  output %y
}`);

/** A pass of one rule that makes the patch at every node, or at those that `when` accepts. */
function passOf(rewrite: (graph: Graph, node: Node) => Patch, when: (node: Node) => boolean = () => true) {
  return definePass({
    name: 'test/p',
    doc: 'x → y, always',
    kind: 'exact',
    options: z.strictObject({}),
    rules: [
      {
        name: 'r',
        at: 'node',
        when: ({ node }) => (when(node) ? true : 'done'),
        rewrite: ({ graph, node }) => rewrite(graph, node),
      },
    ],
  });
}

suite('runs every pass to its fixpoint, counts firings, and reports refusals of what is left', () => {
  const { graph, reports, patches, stopped } = runPasses(CHAIN, [foldConstants, eliminateDead], { verifyEach: true });
  assert.is(patches, 4);
  assert.is(stopped, false);
  assert.equal(
    reports.map((report) => report.fired),
    [{ fold: 2 }, { state: 0, node: 0, constant: 2 }],
  );
  assert.equal(reports[1]?.refused, [{ rule: 'constant', site: 'constant %y', reason: '%y is read' }]);
  assert.is(printGraph(graph), 'graph g {\n  const %y : i8[4,1] dense = [1, 2, 3, 4]\n  output %y\n}\n');
});

suite('swaps nodes where they stand, and goes backwards where a rule asks for it', () => {
  const seen: string[] = [];
  const forwards = passOf(
    (graph, node) => {
      seen.push(node.outputs[0] as string);
      return {
        swap: new Map([[node, { ...node, inputs: ['c'] } as Node]]),
        add: { types: new Map([[node.outputs[0] as string, graph.types.get(node.outputs[0] as string) as never]]) },
      };
    },
    (node) => node.inputs[0] !== 'c',
  );
  const twice = parseGraph(`graph g {
    const %c : i8[4] dense = [1, 2, 3, 4]
    input %x : i8[4]
    %a : i8[2,2] = reshape(%x) {"shape":[2,2]}
    %y : i8[4,1] = reshape(%x) {"shape":[4,1]}
    output %a
    output %y
  }`);
  const backwards = { ...forwards, rules: forwards.rules.map((rule) => ({ ...rule, backwards: true as const })) };
  const order = (graph: Graph) => graph.nodes.map((node) => `${node.outputs[0]} = ${node.op}(${node.inputs[0]})`);
  for (const [pass, expected] of [
    [forwards, ['a', 'y']],
    [backwards, ['y', 'a']],
  ] as const) {
    seen.length = 0;
    const { graph } = runPasses(twice, [pass as typeof forwards], { verifyEach: true });
    assert.equal(order(graph), ['a = reshape(c)', 'y = reshape(c)']);
    assert.equal(seen, expected);
  }
});

suite('numbers its patches, and stopAfter ends with the graph after that patch', () => {
  const passes = [foldConstants, eliminateDead];
  const events: PatchEvent[] = [];
  runPasses(CHAIN, passes, { verifyEach: true, onPatch: (event) => events.push(event) });
  assert.equal(
    events.map(({ number, rule, site }) => `${number} ${rule} at ${site}`),
    ['1 fold at %a = reshape', '2 fold at %y = reshape', '3 constant at constant %c', '4 constant at constant %a'],
  );
  for (const { number, after } of events) {
    const result = runPasses(CHAIN, passes, { verifyEach: true, stopAfter: number });
    assert.is(printGraph(result.graph), printGraph(after));
    assert.is(result.patches, number);
    assert.is(result.stopped, number < events.length);
  }
  assert.is(runPasses(CHAIN, passes, { verifyEach: true, stopAfter: 0 }).graph, CHAIN);
});

suite('dumps the graph after every pass', () => {
  const seen: string[] = [];
  runPasses(CHAIN, [foldConstants, eliminateDead], {
    verifyEach: false,
    dump: (pass, graph) => seen.push(`${pass.name}: ${graph.nodes.length} nodes, ${graph.constants.size} constants`),
  });
  assert.equal(seen, ['exact/fold-constants: 0 nodes, 3 constants', 'exact/eliminate-dead: 0 nodes, 1 constants']);
});

suite('ends a rule that fires on its own result without end', () => {
  const again = passOf((graph, node) => ({
    drop: { nodes: [node] },
    add: { nodes: [{ ...node }], types: new Map(node.outputs.map((name) => [name, graph.types.get(name) as never])) },
  }));
  assert.throws(
    () => runPasses(CHAIN, [again], { verifyEach: true }),
    /^test\/p does not end: rule r would fire at %a = reshape after 130 patches/,
  );
});

suite('names the rule and the site of a patch that breaks a law', () => {
  const wrong = passOf(
    (graph, node) => ({
      drop: { nodes: [node] },
      add: {
        nodes: [{ ...node, attrs: { shape: [1, 4] } } as Node],
        types: new Map(node.outputs.map((name) => [name, graph.types.get(name) as never])),
      },
    }),
    (node) => printShape(node) !== '1,4',
  );
  assert.throws(
    () => runPasses(CHAIN, [wrong], { verifyEach: true }),
    (error: Error) =>
      error instanceof PassError &&
      error.message.startsWith('test/p, rule r, at %a = reshape: the patch breaks the graph: graph g is not valid:') &&
      error.message.includes('expected [1,4], found [2,2] [node-shape]'),
  );
});

function printShape(node: Node): string {
  return String((node as Node<'reshape'>).attrs.shape);
}

const FAULTY: readonly (readonly [string, (graph: Graph, node: Node) => Patch, string])[] = [
  ['drops a node twice', (_, node) => ({ drop: { nodes: [{ ...node }] } }), 'drops a node that is not there'],
  [
    'swaps a node that is none',
    (_, node) => ({ swap: new Map([[{ ...node }, node]]) }),
    'swaps a node that is not there',
  ],
  ['drops no constant', () => ({ drop: { constants: ['z'] } }), 'drops the constant %z, which is not there'],
  ['drops no state', () => ({ drop: { states: ['z'] } }), 'drops the state %z, which is not there'],
  [
    'defines a name twice',
    (graph) => ({ add: { types: new Map([['a', graph.types.get('a') as never]]) } }),
    'defines %a, which is defined already',
  ],
  [
    'adds without a place',
    (_, node) => ({ add: { types: new Map(), nodes: [node] } }),
    'adds nodes without dropping any',
  ],
  ['replaces an output', () => ({ replace: new Map([['y', 'a']]) }), 'replaces %y, an output of the graph'],
  [
    'replaces in a ring',
    () => ({
      replace: new Map([
        ['a', 'c'],
        ['c', 'a'],
      ]),
    }),
    'replaces %a by %c, which is replaced itself',
  ],
];
for (const [what, rewrite, message] of FAULTY) {
  suite(`refuses a patch that ${what}`, () => {
    assert.throws(
      () => runPasses(CHAIN, [passOf(rewrite)], { verifyEach: true }),
      (error: Error) => error.message === `test/p, rule r, at %a = reshape: the patch ${message}`,
    );
  });
}

suite('refuses an invalid graph before the first pass', () => {
  const invalid = { ...CHAIN, outputs: ['z'] };
  assert.throws(
    () => runPasses(invalid, PIPELINE, { verifyEach: true }),
    (error: Error) => error instanceof VerifyError,
  );
});

suite('refuses options of an unknown pass and options that a schema refuses', () => {
  assert.throws(
    () => runPasses(CHAIN, [foldConstants], { verifyEach: true, options: { 'exact/fold': {} } }),
    'options for exact/fold: expected one of exact/fold-constants',
  );
  assert.throws(
    () =>
      runPasses(CHAIN, [foldConstants], { verifyEach: true, options: { 'exact/fold-constants': { maxBytes: -1 } } }),
    /options for exact\/fold-constants: maxBytes: /,
  );
});

suite('every pass of the pipeline has a name of its own, a doc of the agreed form, and defaults', () => {
  assert.is(new Set(PIPELINE.map((pass) => pass.name)).size, PIPELINE.length);
  for (const pass of PIPELINE) {
    assert.match(pass.name, /^(exact|compress)\/[a-z-]+$/);
    assert.match(pass.doc, / → .*, (when|always)/, `${pass.name}: doc reads "before → after, when …"`);
    assert.ok(pass.options.safeParse({}).success, `${pass.name}: every option has a default`);
  }
});

suite('the whole pipeline is exact on random graphs and has nothing left to do', () =>
  forAllGraphs({
    file: 'tests/passes/run.test.ts',
    seeds: 200,
    holds(graph, seed) {
      const { graph: after } = runPasses(graph, PIPELINE, { verifyEach: true });
      expectSameResults(graph, after, seed);
      assert.is(runPasses(after, PIPELINE, { verifyEach: true }).patches, 0, 'a second run changes nothing');
    },
  }));

suite.run();
