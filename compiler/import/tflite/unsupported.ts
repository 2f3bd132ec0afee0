/** What to do about an operator that cannot be imported. */
import type { BuiltinOperator, SupportedOperator } from './opcodes.ts';

/** Operators that models of the usual converters hold, and what says the same with operators that can be imported. */
const ALTERNATIVES: { readonly [K in Exclude<BuiltinOperator, SupportedOperator>]?: string } = {
  GELU: 'Write it with TANH: 0.5 x (1 + tanh(0.7978846 (x + 0.044715 x^3))).',
  WHILE: 'Unroll the loop (unroll=True in Keras RNN layers), or fuse it to UNIDIRECTIONAL_SEQUENCE_LSTM.',
  LSTM: 'Use UNIDIRECTIONAL_SEQUENCE_LSTM.',
  BIDIRECTIONAL_SEQUENCE_LSTM: 'Use two UNIDIRECTIONAL_SEQUENCE_LSTM.',
  UNIDIRECTIONAL_SEQUENCE_RNN: 'Unroll the layer (unroll=True in Keras), or use UNIDIRECTIONAL_SEQUENCE_LSTM.',
  TOPK_V2: 'End the model before it and sort in the program, or use ARG_MAX for the first.',
  NON_MAX_SUPPRESSION_V4: 'End the model before it and suppress in the program.',
  NON_MAX_SUPPRESSION_V5: 'End the model before it and suppress in the program.',
  ONE_HOT: 'Use GATHER on a constant identity matrix.',
  GATHER_ND: 'Use GATHER, SLICE or STRIDED_SLICE.',
  REVERSE_V2: 'Use STRIDED_SLICE with stride -1.',
  ADD_N: 'Use ADD on two at a time.',
  POW: 'Use SQUARE, SQRT, MUL, or EXP of a multiple of LOG.',
  L2_POOL_2D: 'Use SQUARE, AVERAGE_POOL_2D and SQRT.',
  FLOOR_DIV: 'Use DIV and FLOOR on floats.',
  RELU_0_TO_1: 'Use MINIMUM and MAXIMUM with constants.',
};

/** What an operator should have been, and the advice, for one that is called `name` (`CUSTOM "name"` for custom ones). */
export function unsupported(name: string): { readonly expected: string; readonly advice: string } {
  const known: { readonly [name: string]: string | undefined } = ALTERNATIVES;
  const own = name.startsWith('CUSTOM ')
    ? 'Convert the model with TFLite builtin operators only.'
    : (known[name] ?? 'Rebuild the model without it.');
  return {
    expected: 'a TFLite operator that can be imported',
    advice: `${own} \`mcc ops\` and docs/tflite-operators.md list the operators.`,
  };
}
