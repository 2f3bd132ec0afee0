/** Layers with state: what their converters refuse, and how states come into the graph. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { importTflite } from '../../../../compiler/import/tflite/import.ts';
import type { Graph } from '../../../../ir/tensor/graph.ts';
import { type CaseOptions, constant, opCase, type Tensor, tensor } from '../../../support/tflite/build-case.ts';
import type { OperatorName } from '../../../support/tflite/schema.ts';
import { writeTflite } from '../../../support/tflite-writer.ts';

const suite = makeSuite('recurrent converters');
const variable = (base: Tensor): Tensor => ({ ...base, isVariable: true });
const zeros = (base: Tensor): Tensor =>
  constant(
    base,
    Array.from({ length: base.shape.reduce((p, e) => p * e, 1) }, () => 0),
  );
const f32 = (...shape: number[]) => tensor('f32', shape);

function graphOf<K extends OperatorName>(
  op: K,
  inputs: readonly (Tensor | null)[],
  output: Tensor,
  options: CaseOptions<K>['options'],
): Graph {
  const { model } = opCase(op, op, inputs, [output], { options } as CaseOptions<K>);
  return importTflite(writeTflite(model), { name: 'm' }).graph;
}

/** The inputs of a float LSTM of three features and two units over four steps. */
function lstmInputs(): (Tensor | null)[] {
  const four = (...shape: number[]) => Array.from({ length: 4 }, () => zeros(f32(...shape)));
  const absent = (count: number) => Array.from({ length: count }, () => null);
  const states = [variable(f32(1, 2)), variable(f32(1, 2))];
  return [f32(1, 4, 3), ...four(2, 3), ...four(2, 2), ...absent(3), ...four(2), ...absent(2), ...states, ...absent(4)];
}

const tanh = { fused_activation_function: 'TANH' } as const;
const lstm = (
  inputs: readonly (Tensor | null)[],
  options: CaseOptions<'UNIDIRECTIONAL_SEQUENCE_LSTM'>['options'] = tanh,
) => graphOf('UNIDIRECTIONAL_SEQUENCE_LSTM', inputs, f32(1, 4, 2), options);
const svdf = (state: Tensor, activation: 'NONE' | 'RELU' | 'TANH' = 'NONE') =>
  graphOf('SVDF', [f32(1, 3), zeros(f32(4, 3)), zeros(f32(4, 5)), null, state], f32(1, 2), {
    rank: 2,
    fused_activation_function: activation,
  });

const REFUSALS: readonly (readonly [why: string, build: () => Graph, message: RegExp])[] = [
  ['peepholes', () => lstm(lstmInputs().with(9, zeros(f32(2)))), /without peepholes.*found peephole weights/],
  ['a projection', () => lstm(lstmInputs().with(16, zeros(f32(2, 2)))), /found a projection/],
  ['layer normalization', () => lstm(lstmInputs().with(21, zeros(f32(2)))), /found layer normalization/],
  [
    'coupled gates',
    () => lstm(lstmInputs().with(1, null)),
    /the input weights of the input gate as input 1, found none/,
  ],
  ['no bias', () => lstm(lstmInputs().with(14, null)), /the bias of the cell gate as input 14, found none/],
  ['a cell gate without tanh', () => lstm(lstmInputs(), { fused_activation_function: 'RELU' }), /TANH, found RELU/],
  [
    'a state that is no variable',
    () => lstm(lstmInputs().with(18, zeros(f32(1, 2)))),
    /variable tensor as the hidden state/,
  ],
  ['a state of another size', () => svdf(variable(f32(1, 12))), /a state of 20 values/],
  ['no state', () => svdf(zeros(f32(1, 20))), /variable tensor as the state/],
  ['an activation beyond those of layers', () => svdf(variable(f32(1, 20)), 'TANH'), /NONE, RELU.*found TANH/],
];

for (const [why, build, message] of REFUSALS) {
  suite(`refused: ${why}`, () => {
    assert.throws(build, message);
  });
}

suite('states start at zero and become results of the node; the output keeps its name', () => {
  const graph = lstm(lstmInputs());
  assert.equal(graph.outputs, ['output0']);
  assert.equal(
    graph.states.map(({ name, next }) => [name, next]),
    [
      ['input18', 'input18_next'],
      ['input19', 'input19_next'],
    ],
  );
  assert.equal(graph.nodes[0]?.outputs, ['output0', 'input18_next', 'input19_next']);
  assert.equal(graph.nodes[0]?.inputs.slice(-2), ['input18', 'input19']);
  for (const { initial } of graph.states) assert.equal(initial, new Float32Array(2));
});

suite('flat states are taken as they are', () => {
  const inputs = lstmInputs()
    .with(18, variable(f32(2)))
    .with(19, variable(f32(2)));
  const graph = lstm(inputs);
  assert.equal(graph.types.get('input18_next')?.shape, [2]);
});

suite('the activation of a float SVDF is kept; a negative clip is none', () => {
  assert.equal(svdf(variable(f32(1, 20)), 'RELU').nodes[0]?.attrs, { rank: 2, activation: 'relu' });
  const clipped = lstm(lstmInputs(), { ...tanh, cell_clip: -1, time_major: false });
  assert.equal(clipped.nodes[0]?.attrs, { timeMajor: false, cellClip: 0 });
});

suite.run();
