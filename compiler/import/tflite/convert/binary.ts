/** Arithmetic on two operands. 16-bit operands always take the general path; tflite-micro ignores `pot_scale_int16` too. */
import type { ConvertContext, Converters } from './context.ts';

type ArithmeticOp = 'add' | 'sub' | 'mul' | 'div';
type ArithmeticOptions = 'AddOptions' | 'SubOptions' | 'MulOptions' | 'DivOptions';

function operands(context: ConvertContext): [string, string] {
  return [context.input(0, 'the left operand').value, context.input(1, 'the right operand').value];
}

function arithmetic(context: ConvertContext, op: ArithmeticOp, table: ArithmeticOptions): void {
  const activation = context.activation(context.options(table).fused_activation_function);
  if (op === 'add' && activation !== 'none' && context.outputs[0].type.dtype === 'i32') {
    // tflite-micro leaves the activation out, TensorFlow Lite applies it.
    context.refuse('an int32 ADD without a fused activation, on which interpreters differ', activation);
  }
  context.output(op, operands(context), { activation });
}

export const BINARY_CONVERTERS = {
  ADD: (context) => arithmetic(context, 'add', 'AddOptions'),
  SUB: (context) => arithmetic(context, 'sub', 'SubOptions'),
  MUL: (context) => arithmetic(context, 'mul', 'MulOptions'),
  DIV: (context) => arithmetic(context, 'div', 'DivOptions'),
  MINIMUM: (context) => context.output('minimum', operands(context), {}),
  MAXIMUM: (context) => context.output('maximum', operands(context), {}),
  SQUARED_DIFFERENCE: (context) => context.output('squared_difference', operands(context), {}),
} satisfies Converters;
