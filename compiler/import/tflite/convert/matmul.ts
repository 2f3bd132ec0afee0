/** Matrix products. */
import { elementCount } from '../../../../ir/tensor/types.ts';
import type { ConvertContext, Converters } from './context.ts';
import { accumulatorOf, expectSymmetric, present, weightsOf } from './conv.ts';

function fullyConnected(context: ConvertContext): void {
  const x = context.input(0, 'the rows');
  const w = weightsOf(context, 'the weights');
  const bias = context.inputs[2];
  const options = context.options('FullyConnectedOptions');
  if (options.weights_format !== 'DEFAULT') context.refuse('weights in row-major order', options.weights_format);
  if (w.type.shape.length !== 2) {
    context.refuse('weights of two dimensions', `shape [${w.type.shape.join(', ')}]`);
  }
  const isPerChannel = w.type.quant.kind === 'affine' && w.type.quant.scale.length > 1;
  if (w.type.dtype === 'i8' && (isPerChannel || x.type.dtype === 'f32')) {
    expectSymmetric(context, w.type, 'int8 weights of a float layer or with a scale per unit');
  }
  const [units, depth] = w.type.shape;
  const shape = options.keep_num_dims
    ? [...x.type.shape.slice(0, -1), units]
    : [elementCount(x.type.shape) / depth, units];
  context.output(
    'fully_connected',
    present(x, w, bias),
    {
      activation: context.activation(options.fused_activation_function),
      rounding: 'double',
      accumulator: accumulatorOf(x, bias, options.quantized_bias_type),
    },
    { shape },
  );
}

function batchMatmul(context: ConvertContext): void {
  const a = context.input(0, 'the left matrices');
  const b = context.input(1, 'the right matrices');
  const { adj_x, adj_y } = context.options('BatchMatMulOptions');
  context.output('batch_matmul', [a.value, b.value], { transposeA: adj_x, transposeB: adj_y, rounding: 'double' });
}

export const MATMUL_CONVERTERS = { FULLY_CONNECTED: fullyConnected, BATCH_MATMUL: batchMatmul } satisfies Converters;
