import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { simplify } from '../../../compiler/compile.ts';
import { moveTransposes } from '../../../compiler/passes/exact/move-transposes.ts';
import type { Graph } from '../../../ir/tensor/graph.ts';
import type { OpName } from '../../../ir/tensor/ops/index.ts';
import { Random } from '../../support/random.ts';
import { forAllGraphs } from '../../support/random-graph.ts';
import { NchwWriter, randomNchwNetwork } from '../nchw-networks.ts';
import { expectExact, expectExactOn, expectRefusal, expectRewrite, expectSameResults } from '../support.ts';

const FILE = 'tests/passes/exact/move-transposes.test.ts';
const suite = makeSuite('exact/move-transposes');

suite('takes everything between two layers into their layout', () => {
  expectRewrite(
    moveTransposes,
    `graph g {
      input %x : f32[1,2,2,3]
      const %scale : f32[3,1,1] dense = [1, 2, 3]
      %a : f32[1,2,2,3] = max_pool2d(%x) {"window":[1,1],"stride":[1,1],"padding":{"top":0,"bottom":0,"left":0,"right":0}}
      %b : f32[1,3,2,2] = transpose(%a) {"permutation":[0,3,1,2]}
      %c : f32[1,3,2,2] = mul(%b, %scale)
      %d : f32[1,3,3,2] = pad(%c) {"before":[0,0,1,0],"after":[0,0,0,0]}
      %e : f32[1,6,3,2] = concat(%d, %d) {"axis":1}
      %f : f32[1,3,2,6] = transpose(%e) {"permutation":[0,2,3,1]}
      %y : f32[1,3,2,6] = max_pool2d(%f) {"window":[1,1],"stride":[1,1],"padding":{"top":0,"bottom":0,"left":0,"right":0}}
      output %y
    }`,
    `graph g {
      input %x : f32[1,2,2,3]
      const %scale : f32[3,1,1] dense = [1, 2, 3]
      const %scale_0231 : f32[1,1,1,3] dense = [1, 2, 3]
      %a : f32[1,2,2,3] = max_pool2d(%x) {"window":[1,1],"stride":[1,1],"padding":{"top":0,"bottom":0,"left":0,"right":0}}
      %c_0231 : f32[1,2,2,3] = mul(%a, %scale_0231)
      %d_0231 : f32[1,3,2,3] = pad(%c_0231) {"before":[0,1,0,0],"after":[0,0,0,0]}
      %f : f32[1,3,2,6] = concat(%d_0231, %d_0231) {"axis":3}
      %y : f32[1,3,2,6] = max_pool2d(%f) {"window":[1,1],"stride":[1,1],"padding":{"top":0,"bottom":0,"left":0,"right":0}}
      output %y
    }`,
  );
});

suite('waits with a transpose until there is less to move', () => {
  expectRewrite(
    moveTransposes,
    `graph g {
      input %x : f32[1,2,2,3]
      %a : f32[1,3,2,2] = transpose(%x) {"permutation":[0,3,1,2]}
      %b : f32[1,3,2,2] = exp(%a)
      %y : f32[3] = mean(%b) {"axes":[0,2,3]}
      %z : f32[2,3] = mean(%b) {"axes":[0,3]}
      output %y
      output %z
    }`.replace('%z : f32[2,3]', '%z : f32[3,2]'),
    `graph g {
      input %x : f32[1,2,2,3]
      %b_0231 : f32[1,2,2,3] = exp(%x)
      %y : f32[3] = mean(%b_0231) {"axes":[0,1,2]}
      %z_10 : f32[2,3] = mean(%b_0231) {"axes":[0,2]}
      %z : f32[3,2] = transpose(%z_10) {"permutation":[1,0]}
      output %y
      output %z
    }`,
  );
});

suite('keeps a shuffle of channels one movement', () => {
  const net = new NchwWriter(new Random(1));
  const graph = net.graph(net.conv(net.shuffle(net.conv(net.input([1, 4, 3, 5]), 4)), 4));
  const after = simplify(graph);
  expectSameResults(graph, after, 1);
  const ops = after.nodes.map(({ op }) => op);
  assert.equal(ops, ['transpose', 'conv2d', 'reshape', 'transpose', 'reshape', 'conv2d', 'transpose']);
  assert.equal(after.nodes[3].attrs, { permutation: [0, 1, 2, 4, 3] });
});

suite('has a product read a matrix as it lies', () => {
  const graph = (body: string) => `graph g {
    input %q : f32[2,3,4]
    input %k : f32[2,5,4]
    ${body}
    output %y
  }`;
  expectRewrite(
    moveTransposes,
    graph(`%a : f32[2,4,5] = transpose(%k) {"permutation":[0,2,1]}
      %y : f32[2,3,5] = batch_matmul(%q, %a)`),
    graph('%y : f32[2,3,5] = batch_matmul(%q, %k) {"transposeB":true}'),
  );
  const across = graph(`%a : f32[2,4,3] = transpose(%q) {"permutation":[0,2,1]}
    %y : f32[2,3,5] = batch_matmul(%a, %k) {"transposeA":true,"transposeB":true}`);
  expectRewrite(moveTransposes, across, graph('%y : f32[2,3,5] = batch_matmul(%q, %k) {"transposeB":true}'));
  const along = graph(`%a : f32[2,4,3] = transpose(%q) {"permutation":[0,2,1]}
    input %l : f32[2,3,5] %y : f32[2,4,5] = batch_matmul(%a, %l) {"transposeB":false}`);
  const reason = 'no op around it works in another layout';
  expectRefusal(moveTransposes, along, 'move', '%a = transpose', reason);
});

suite('makes one transpose of two that are the same', () => {
  expectRewrite(
    moveTransposes,
    `graph g {
      input %x : f32[2,3]
      %a : f32[3,2] = transpose(%x) {"permutation":[1,0]}
      %b : f32[3,2] = transpose(%x) {"permutation":[1,0]}
      %y : f32[3,2] = softmax(%a)
      %z : f32[3,2] = log_softmax(%b)
      output %y
      output %z
    }`,
    `graph g {
      input %x : f32[2,3]
      %a : f32[3,2] = transpose(%x) {"permutation":[1,0]}
      %y : f32[3,2] = softmax(%a)
      %z : f32[3,2] = log_softmax(%a)
      output %y
      output %z
    }`,
  );
});

suite('makes a transpose later where that is all it can do', () => {
  const before = `graph g {
    input %x : f32[2,3]
    %a : f32[3,2] = transpose(%x) {"permutation":[1,0]}
    %b : f32[3,2] = tanh(%a)
    %y : f32[3,2] = softmax(%b)
    output %y
  }`;
  const after = `graph g {
    input %x : f32[2,3]
    %b_10 : f32[2,3] = tanh(%x)
    %b : f32[3,2] = transpose(%b_10) {"permutation":[1,0]}
    %y : f32[3,2] = softmax(%b)
    output %y
  }`;
  expectRewrite(moveTransposes, before, after);
  const alone = 'no two transposes are the same or follow one another';
  expectRefusal(moveTransposes, after, 'merge', '%b = transpose', alone);
});

suite('leaves a transpose before two operands that would need one each', () => {
  const text = `graph g {
    input %x : f32[2,3]
    input %z : f32[3,2]
    %a : f32[3,2] = softmax(%z)
    %b : f32[3,2] = transpose(%x) {"permutation":[1,0]}
    %c : f32[3,2] = add(%a, %b)
    %y : f32[3,2] = softmax(%c)
    output %y
  }`;
  const reason = 'in other layouts, the ops around it would need no less transposing';
  expectRefusal(moveTransposes, text, 'move', '%b = transpose', reason);
});

suite('leaves sums of floats whose order would change', () => {
  const text = (dtype: string) => `graph g {
    input %x : ${dtype}[2,3,4]
    %a : ${dtype}[3,4,2] = transpose(%x) {"permutation":[1,2,0]}
    %y : ${dtype}[4] = sum(%a) {"axes":[0,2]}
    output %y
  }`;
  const reason = 'no op around it works in another layout';
  expectRefusal(moveTransposes, text('f32'), 'move', '%a = transpose', reason);
  expectRewrite(
    moveTransposes,
    text('i32'),
    'graph g { input %x : i32[2,3,4] %y : i32[4] = sum(%x) {"axes":[0,1]} output %y }',
  );
});

suite('leaves a softmax whose rows would be others', () => {
  const text = `graph g {
    input %x : f32[2,3]
    %a : f32[3,2] = transpose(%x) {"permutation":[1,0]}
    %y : f32[3,2] = softmax(%a)
    output %y
  }`;
  expectRefusal(moveTransposes, text, 'move', '%a = transpose', 'no op around it works in another layout');
});

suite('leaves a reshape that joins axes which would be apart', () => {
  const text = `graph g {
    input %x : f32[2,3,4]
    %a : f32[2,4,3] = transpose(%x) {"permutation":[0,2,1]}
    %y : f32[2,12] = reshape(%a) {"shape":[2,12]}
    output %y
  }`;
  expectRefusal(moveTransposes, text, 'move', '%a = transpose', 'no op around it works in another layout');
});

suite('leaves encoded constants as they are', () => {
  const text = `graph g {
    input %x : f32[2,3]
    const %c : f32[3,2] sparse(bitmap) = [1, 0, 0, 2, 0, 0]
    %a : f32[3,2] = transpose(%x) {"permutation":[1,0]}
    %b : f32[3,2] = mul(%a, %c)
    %y : f32[2,3] = transpose(%b) {"permutation":[1,0]}
    output %y
  }`;
  expectRefusal(moveTransposes, text, 'move', '%a = transpose', 'no op around it works in another layout');
});

suite('leaves an output that equals another value', () => {
  const text = `graph g {
    input %x : f32[2,3]
    %a : f32[3,2] = transpose(%x) {"permutation":[1,0]}
    %y : f32[2,3] = transpose(%a) {"permutation":[1,0]}
    output %a
    output %y
  }`;
  const reason = 'it makes an output that equals another value, or a constant';
  expectRefusal(moveTransposes, text, 'move', '%y = transpose', reason);
});

suite('leaves a reshape that is no permutation', () => {
  const text = 'graph g { input %x : f32[2,3] %y : f32[3,2] = reshape(%x) {"shape":[3,2]} output %y }';
  expectRefusal(moveTransposes, text, 'move', '%y = reshape', 'it does not permute axes');
});

const SETS: readonly (readonly OpName[])[] = [
  ['transpose', 'tanh', 'abs', 'add', 'mul'],
  ['transpose', 'reshape', 'relu', 'sub', 'softmax', 'concat'],
  ['transpose', 'mean', 'sum', 'reduce_max', 'arg_max', 'cumsum', 'add'],
  ['transpose', 'slice', 'pad', 'mirror_pad', 'tile', 'broadcast_to', 'gather', 'select', 'cast', 'prelu'],
  ['transpose', 'top_k', 'resample', 'gather_elements', 'cumprod', 'reduce_prod', 'abs'],
  ['transpose', 'quantize', 'dequantize', 'requantize', 'add', 'batch_matmul', 'reshape', 'minimum', 'reduce_min'],
];
for (const ops of SETS) {
  suite(`is exact on random graphs of ${ops.join(', ')}`, () =>
    expectExact(moveTransposes, FILE, { ops, nodes: 10, maxExtent: 3 }));
}

suite('is exact on random graphs of all ops', () =>
  forAllGraphs({
    file: FILE,
    seeds: 60,
    options: { nodes: 12, maxExtent: 3 },
    holds: (graph, seed) => expectSameResults(graph, simplify(graph), seed),
  }));

suite('is exact on networks of channels-first files', () =>
  expectExactOn(moveTransposes, FILE, (r) => randomNchwNetwork(r, 3).graph, [1, 1], 60));

/** Transposes that neither read an input of the graph nor make an output. */
function innerTransposes(graph: Graph): number {
  const ends = new Set([...graph.inputs, ...graph.outputs]);
  return graph.nodes.filter(
    ({ op, inputs, outputs }) => op === 'transpose' && !ends.has(inputs[0]) && !ends.has(outputs[0]),
  ).length;
}

suite('leaves no transpose inside such networks but those that shuffle channels', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const { graph, shuffles } = randomNchwNetwork(new Random(seed), 6);
    const found = innerTransposes(simplify(graph));
    assert.ok(found <= shuffles, `seed ${seed}: ${found} transposes inside for ${shuffles} shuffles`);
  }
});

suite.run();
