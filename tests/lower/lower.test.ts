/** Whole graphs: storage, copies, the memory plan and linking leave every byte as the reference semantics say. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { LowerError, lower } from '../../compiler/lower/index.ts';
import { TARGETS } from '../../compiler/targets/index.ts';
import { Machine } from '../../ir/loop/evaluate.ts';
import { printDiagnostic, verifyProgram } from '../../ir/loop/verify.ts';
import { bytesOf } from '../../ir/tensor/bytes.ts';
import { Evaluator } from '../../ir/tensor/evaluate.ts';
import { type Graph, typeOfValue } from '../../ir/tensor/graph.ts';
import { parseGraph } from '../../ir/tensor/parse.ts';
import { DTYPE_FACTS } from '../../ir/tensor/types.ts';
import { forAllGraphs, randomInputs } from '../support/random-graph.ts';

const FILE = 'tests/lower/lower.test.ts';
const suite = makeSuite('whole graphs');

function hasPacked({ types, constants }: Graph): boolean {
  return [...types].some(([value, { dtype }]) => DTYPE_FACTS[dtype].bits < 8 && !constants.has(value));
}

/** Throws where the program for portable C is not valid, or one of three runs in a row differs from the evaluation. */
function assertLowers(graph: Graph, seed: number): void {
  if (hasPacked(graph)) {
    assert.throws(
      () => lower(graph, TARGETS.c),
      (error: Error) => error instanceof LowerError,
    );
    return;
  }
  const { program } = lower(graph, TARGETS.c);
  assert.equal(verifyProgram(program).map(printDiagnostic), []);
  const machine = new Machine(program);
  const evaluator = new Evaluator(graph);
  for (const run of [0, 1, 2]) {
    const inputs = randomInputs(graph, seed + run);
    const found = machine.run(inputs.map((data, i) => bytesOf(typeOfValue(graph, graph.inputs[i] as string), data)));
    evaluator.run(inputs).outputs.forEach((data, i) => {
      const name = graph.outputs[i] as string;
      const expected = bytesOf(typeOfValue(graph, name), data);
      assert.ok(Buffer.compare(expected, found[i] as Uint8Array) === 0, `run ${run}: output ${i} (%${name}) differs`);
    });
  }
}

suite('random graphs over all ops', async () => {
  await forAllGraphs({ file: FILE, seeds: 300, options: { encodings: false, nodes: 8 }, holds: assertLowers });
});

suite('random graphs of aliases, in-place ops and states', async () => {
  await forAllGraphs({
    file: FILE,
    seeds: 400,
    options: { encodings: false, nodes: 12, maxExtent: 3, ops: ['reshape', 'add', 'relu', 'abs', 'concat', 'svdf'] },
    holds: (graph, seed) => assertLowers(entangled(graph, seed), seed),
  });
});

suite('random graphs of views', async () => {
  let views = 0;
  await forAllGraphs({
    file: FILE,
    seeds: 1000,
    options: { encodings: false, nodes: 12, maxExtent: 3, ops: ['slice', 'concat', 'reshape', 'relu', 'add', 'cast'] },
    holds: (graph, seed) => {
      assertLowers(entangled(graph, seed), seed);
      if (hasPacked(graph)) return;
      const copied = lower(graph, TARGETS.c).plan.steps.filter(({ op }) => op === 'slice' || op === 'concat');
      views += graph.nodes.filter(({ op }) => op === 'slice' || op === 'concat').length - copied.length;
    },
  });
  assert.ok(views >= 100 || process.env.MCC_SEED !== undefined, `only ${views} views`);
});

/** The graph with more outputs than its ends, some of them twice, and its inputs, constants and states among them. */
function entangled(graph: Graph, seed: number): Graph {
  const all = [...graph.types.keys()].filter(
    (name) => !['i64', 'i4', 'u4', 'i2', 'i1'].includes(typeOfValue(graph, name).dtype),
  );
  const outputs = [0, 1, 2].map((n) => all[(seed * 31 + n * 17) % all.length] as string);
  return { ...graph, outputs: [...graph.outputs, ...outputs] };
}

const I4 = 'i32[4]';

/** Graphs that stand at the edges of what storage assignment and planning distinguish. */
const EDGES: Readonly<Record<string, string>> = {
  'an output that is also an input': `graph g { input %a : ${I4} output %a }`,
  'the same value as three outputs': `graph g {
    input %a : ${I4}
    %b : ${I4} = abs(%a)
    output %b output %b output %b
  }`,
  'an output that is a constant': `graph g {
    input %a : ${I4}
    const %c : ${I4} dense = [1, 2, 3, -4]
    %b : ${I4} = add(%a, %c) {"activation":"none"}
    output %c output %b
  }`,
  'reshapes from input to output': `graph g {
    input %a : ${I4}
    %b : i32[2,2] = reshape(%a) {"shape":[2,2]}
    %c : i32[4,1] = reshape(%b) {"shape":[4,1]}
    output %c output %b
  }`,
  'two reshapes of one value, both outputs, with the value': `graph g {
    input %a : ${I4}
    %v : ${I4} = abs(%a)
    %b : i32[2,2] = reshape(%v) {"shape":[2,2]}
    %c : i32[4,1] = reshape(%v) {"shape":[4,1]}
    output %b output %c output %v
  }`,
  'a reshape of a value that is read once more': `graph g {
    input %a : ${I4}
    %v : ${I4} = abs(%a)
    %r : i32[1,4] = reshape(%v) {"shape":[1,4]}
    %w : i32[1,4] = abs(%r)
    %x : i32[1,4] = add(%w, %v) {"activation":"none"}
    %y : i32[1,4] = abs(%x)
    output %y
  }`,
  'two states change places': `graph g {
    input %a : ${I4}
    state %s : ${I4} = [1, 2, 3, 4] next %t
    state %t : ${I4} = [5, 6, 7, 8] next %s
    %y : ${I4} = add(%a, %s) {"activation":"none"}
    output %y output %t
  }`,
  'three states in a ring, all of them outputs': `graph g {
    input %a : ${I4}
    state %s : ${I4} = [1, 2, 3, 4] next %t
    state %t : ${I4} = [5, 6, 7, 8] next %u
    state %u : ${I4} = [9, 9, 9, 9] next %s
    output %s output %t output %u
  }`,
  'a state that takes an input, an output of its own old value': `graph g {
    input %a : ${I4}
    state %s : ${I4} = [1, 2, 3, 4] next %a
    output %s
  }`,
  'a state that becomes a constant': `graph g {
    input %a : ${I4}
    const %c : ${I4} dense = [7, 7, 7, 7]
    state %s : ${I4} = [0, 0, 0, 0] next %c
    %y : ${I4} = add(%a, %s) {"activation":"none"}
    output %y
  }`,
  'a state that never changes is not written over': `graph g {
    input %a : ${I4}
    state %s : ${I4} = [-1, 2, -3, 4] next %s
    %b : ${I4} = abs(%s)
    %y : ${I4} = add(%b, %a) {"activation":"none"}
    output %y
  }`,
  'a counter in place': `graph g {
    input %a : ${I4}
    state %s : ${I4} = [1, 2, 3, 4] next %n
    %n : ${I4} = add(%s, %a) {"activation":"none"}
    %y : ${I4} = abs(%n)
    output %y
  }`,
  'a state read after its next value is known': `graph g {
    input %a : ${I4}
    state %s : ${I4} = [1, 2, 3, 4] next %n
    %n : ${I4} = abs(%a)
    %m : ${I4} = abs(%n)
    %y : ${I4} = add(%m, %s) {"activation":"none"}
    output %y
  }`,
  'one value is the next of two states': `graph g {
    input %a : ${I4}
    state %s : ${I4} = [1, 2, 3, 4] next %n
    state %t : ${I4} = [5, 6, 7, 8] next %n
    %n : ${I4} = add(%s, %t) {"activation":"none"}
    %y : ${I4} = add(%n, %a) {"activation":"none"}
    output %y
  }`,
  'the next value of a state is an output': `graph g {
    input %a : ${I4}
    state %s : ${I4} = [1, 2, 3, 4] next %n
    %n : ${I4} = add(%s, %a) {"activation":"none"}
    output %n
  }`,
  'the next value of a state by way of reshapes': `graph g {
    input %a : ${I4}
    state %s : ${I4} = [1, 2, 3, 4] next %n
    %r : i32[2,2] = reshape(%s) {"shape":[2,2]}
    %v : i32[2,2] = abs(%r)
    %n : ${I4} = reshape(%v) {"shape":[4]}
    %y : ${I4} = add(%n, %s) {"activation":"none"}
    %z : ${I4} = add(%y, %a) {"activation":"none"}
    output %z
  }`,
  'an operand and its reshape in one in-place step': `graph g {
    input %a : i32[1,4]
    %v : i32[1,4] = abs(%a)
    %r : ${I4} = reshape(%v) {"shape":[4]}
    %y : i32[1,4] = add(%v, %r) {"activation":"none"}
    %z : i32[1,4] = abs(%y)
    output %z
  }`,
  'a value spread against its own reshape': `graph g {
    input %a : i32[4,1]
    %v : i32[4,1] = abs(%a)
    %r : i32[1,4] = reshape(%v) {"shape":[1,4]}
    %y : i32[4,4] = add(%v, %r) {"activation":"none"}
    output %y
  }`,
  'rows of an input, made apart, joined in an output': `graph g {
    input %a : i8[1,4,2,2]
    %p : i8[1,2,2,2] = slice(%a) {"start":[0,0,0,0],"stride":[1,1,1,1],"size":[1,2,2,2]}
    %q : i8[1,2,2,2] = slice(%a) {"start":[0,2,0,0],"stride":[1,1,1,1],"size":[1,2,2,2]}
    %u : i8[1,2,2,2] = abs(%p)
    %v : i8[1,2,2,2] = abs(%q)
    %y : i8[1,4,2,2] = concat(%u, %v) {"axis":1}
    output %y
  }`,
  'a concatenation of concatenations, cut and reshaped': `graph g {
    input %a : ${I4}
    %b : ${I4} = abs(%a)
    %c : ${I4} = add(%a, %b) {"activation":"none"}
    %d : i32[8] = concat(%b, %c) {"axis":0}
    %e : ${I4} = abs(%c)
    %f : i32[12] = concat(%d, %e) {"axis":0}
    %g : i32[6] = slice(%f) {"start":[3],"stride":[1],"size":[6]}
    %h : i32[2,3] = reshape(%g) {"shape":[2,3]}
    %i : i32[1,3] = slice(%h) {"start":[1,0],"stride":[1,1],"size":[1,3]}
    %y : i32[1,3] = abs(%i)
    output %y
  }`,
  'a part of a state, and its next value made of parts': `graph g {
    input %a : ${I4}
    state %s : i32[8] = [1, 2, 3, 4, 5, 6, 7, 8] next %n
    %p : ${I4} = slice(%s) {"start":[4],"stride":[1],"size":[4]}
    %q : ${I4} = abs(%a)
    %n : i32[8] = concat(%p, %q) {"axis":0}
    %y : ${I4} = add(%p, %q) {"activation":"none"}
    output %y
  }`,
  'nodes whose results nobody reads': `graph g {
    input %a : ${I4}
    %dead : ${I4} = abs(%a)
    %y : ${I4} = add(%a, %a) {"activation":"none"}
    output %y
  }`,
};

for (const [name, text] of Object.entries(EDGES)) {
  suite(name, () => assertLowers(parseGraph(text), 1));
}

suite('a next value that may be written over its state needs no copy and no further memory', () => {
  const { program } = lower(parseGraph(EDGES['a counter in place'] as string), TARGETS.c);
  assert.is(program.arenaBytes, 16);
  assert.is(program.run.length, 2);
});

suite('a reshape between computed values is no call', () => {
  const { program } = lower(parseGraph(EDGES['an operand and its reshape in one in-place step'] as string), TARGETS.c);
  assert.is(program.run.length, 3);
});

suite('rows of an input that are made apart and joined in an output are made where they lie', () => {
  const { program } = lower(
    parseGraph(EDGES['rows of an input, made apart, joined in an output'] as string),
    TARGETS.c,
  );
  assert.is(program.arenaBytes, 0);
  assert.equal(
    program.run.map(({ args }) => args.filter(({ kind }) => kind !== 'rom')),
    [
      [
        { kind: 'input', index: 0 },
        { kind: 'output', index: 0 },
      ],
      [
        { kind: 'input', index: 0, offset: 8 },
        { kind: 'output', index: 0, offset: 8 },
      ],
    ],
  );
});

suite.run();
