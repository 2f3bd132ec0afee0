/** Layers with state. */
import type { Operand } from '../../builder.ts';
import type { ConvertContext, Converters } from './context.ts';
import { present } from './conv.ts';

function svdf(context: ConvertContext): void {
  const x = context.input(0, 'the input');
  const feature = context.input(1, 'the feature weights');
  const time = context.input(2, 'the time weights');
  const bias = context.inputs[3];
  const state = context.state(4, 'the state');
  const options = context.options('SVDFOptions');
  // Interpreters read the activation of float layers only; integers are clamped to their type.
  const activation = x.type.dtype === 'f32' ? context.activation(options.fused_activation_function) : 'none';
  context.output(
    'svdf',
    present(x, feature, time, state.current, bias),
    { rank: options.rank, activation },
    { states: [state] },
  );
}

/** Inputs that make another kind of LSTM, by their first position and number. */
const VARIANTS = [
  [9, 3, 'peephole weights'],
  [16, 2, 'a projection'],
  [20, 4, 'layer normalization'],
] as const;

function lstm(context: ConvertContext): void {
  for (const [first, count, what] of VARIANTS) {
    if (context.inputs.slice(first, first + count).some((operand) => operand !== undefined)) {
      context.refuse('an LSTM without peepholes, projection and layer normalization', what);
    }
  }
  const options = context.options('UnidirectionalSequenceLSTMOptions');
  if (options.fused_activation_function !== 'TANH') {
    context.refuse('the activation TANH', options.fused_activation_function);
  }
  if (options.diagonal_recurrent_tensors) context.refuse('full recurrent weights', 'diagonal_recurrent_tensors');
  const four = (first: number, what: string): Operand[] =>
    ['input', 'forget', 'cell', 'output'].map((gate, i) => context.input(first + i, `${what} of the ${gate} gate`));
  const operands = [
    context.input(0, 'the sequence'),
    ...four(1, 'the input weights'),
    ...four(5, 'the recurrent weights'),
    ...four(12, 'the bias'),
  ];
  const hidden = context.state(18, 'the hidden state');
  const cell = context.state(19, 'the cell state');
  context.output(
    'lstm',
    present(...operands, hidden.current, cell.current),
    // Interpreters clip by positive bounds only.
    { timeMajor: options.time_major, cellClip: Math.max(0, options.cell_clip) },
    { states: [hidden, cell] },
  );
}

export const RECURRENT_CONVERTERS = {
  SVDF: svdf,
  UNIDIRECTIONAL_SEQUENCE_LSTM: lstm,
} satisfies Converters;
