/** Convolutions. */
import { type TensorType, typeText } from '../../../../ir/tensor/types.ts';
import type { Operand } from '../../builder.ts';
import type { TensorTypeName } from '../schema.ts';
import type { ConvertContext, Converters, OutputSlot } from './context.ts';
import { windowPadding } from './window.ts';

/**
 * The accumulator of a product with 16-bit activations: as wide as the bias, or without one as the options say.
 * Everything else accumulates in 32 bits.
 */
export function accumulatorOf(x: Operand, bias: Operand | undefined, biasType: TensorTypeName): 'i32' | 'i64' {
  if (x.type.dtype !== 'i16') return 'i32';
  if (bias !== undefined) return bias.type.dtype === 'i32' ? 'i32' : 'i64';
  return biasType === 'INT32' ? 'i32' : 'i64';
}

/**
 * Input 1, the weights. Four-bit ones become bytes of the same values, which is how interpreters compute with them too;
 * packing them again is a matter of compression.
 */
export function weightsOf(context: ConvertContext, what: string): Operand {
  const w = context.input(1, what);
  if (w.type.dtype !== 'i4' || w.data === undefined) return w;
  const type: TensorType = { ...w.type, dtype: 'i8' };
  return context.operand(context.constant(type, Int8Array.from(w.data as Int8Array)));
}

/** Refuses zero points where interpreters take them for 0. */
export function expectSymmetric(context: ConvertContext, type: TensorType, what: string): void {
  if (type.quant.kind === 'affine' && type.quant.zeroPoint.some((zeroPoint) => zeroPoint !== 0)) {
    context.refuse(`${what} with zero point 0`, typeText(type));
  }
}

/** Zero points in convolutions are those of 8-bit activations and of uint8 weights. */
function checkZeroPoints(context: ConvertContext, x: TensorType, w: TensorType): void {
  if (w.dtype === 'i8') expectSymmetric(context, w, 'int8 filters');
  if (x.dtype !== 'i16') return;
  for (const type of [x, context.outputs[0].type]) expectSymmetric(context, type, '16-bit activations');
}

export function present(...operands: readonly (Operand | undefined)[]): string[] {
  return operands.flatMap((operand) => (operand === undefined ? [] : [operand.value]));
}

function convolution(
  context: ConvertContext,
  op: 'conv2d' | 'depthwise_conv2d',
  table: 'Conv2DOptions' | 'DepthwiseConv2DOptions',
): void {
  const x = context.input(0, 'the image');
  const w = weightsOf(context, 'the filters');
  const bias = context.inputs[2];
  const options = context.options(table);
  if (w.type.shape.length !== 4) {
    context.refuse('filters of four dimensions', `shape [${w.type.shape.join(', ')}]`);
  }
  const dilation: [number, number] = [options.dilation_h_factor, options.dilation_w_factor];
  const padding = windowPadding(context, x.type.shape, [w.type.shape[1], w.type.shape[2]], options, dilation);
  checkZeroPoints(context, x.type, w.type);
  const biasType = 'quantized_bias_type' in options ? options.quantized_bias_type : 'INT64';
  context.output(op, present(x, w, bias), {
    stride: [options.stride_h, options.stride_w],
    dilation,
    padding,
    activation: context.activation(options.fused_activation_function),
    rounding: 'double',
    accumulator: accumulatorOf(x, bias, biasType),
  });
}

/** The bias of a transposed convolution. 16-bit ones of 16-bit layers are widened, as interpreters do. */
function wideBias(context: ConvertContext, index: number): Operand | undefined {
  const bias = context.inputs[index];
  if (bias?.type.dtype !== 'i16' || bias.data === undefined) return bias;
  const type: TensorType = { ...bias.type, dtype: 'i64' };
  return context.operand(context.constant(type, BigInt64Array.from(bias.data as Int16Array, BigInt)));
}

function transposeConvolution(context: ConvertContext): void {
  // tflite-micro, too, takes the declared shape when the operand is only known at run time.
  const isDeclared = context.input(0, 'the output shape').data === undefined;
  const shape = isDeclared
    ? (context.outputs[0] as OutputSlot).type.shape
    : context.constantNumbers(0, 'the output shape');
  const w = weightsOf(context, 'the filters');
  const x = context.input(2, 'the image');
  const options = context.options('TransposeConvOptions');
  if (w.type.shape.length !== 4) {
    context.refuse('filters of four dimensions', `shape [${w.type.shape.join(', ')}]`);
  }
  checkZeroPoints(context, x.type, w.type);
  const [batch, height, width, channels] = shape;
  if (shape.length !== 4 || batch !== x.type.shape[0] || channels !== w.type.shape[0]) {
    const expected = `an output shape [${x.type.shape[0]}, height, width, ${w.type.shape[0]}]`;
    context.refuse(expected, `[${shape.join(', ')}]`);
  }
  // The padding is that of the convolution that would lead from the output back to the input.
  const { top, left } = windowPadding(context, shape, [w.type.shape[1], w.type.shape[2]], options);
  context.output('transpose_conv2d', present(x, w, wideBias(context, 3)), {
    stride: [options.stride_h, options.stride_w],
    padding: { top, left },
    output: [height, width],
    activation: context.activation(options.fused_activation_function),
    rounding: 'double',
  });
}

export const CONV_CONVERTERS = {
  CONV_2D: (context) => convolution(context, 'conv2d', 'Conv2DOptions'),
  DEPTHWISE_CONV_2D: (context) => convolution(context, 'depthwise_conv2d', 'DepthwiseConv2DOptions'),
  TRANSPOSE_CONV: transposeConvolution,
} satisfies Converters;
