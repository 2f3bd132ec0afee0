/** Changes of element type and scale. */
import type { ConvertContext, Converters } from './context.ts';

/** From floats, or from one scale to another. */
function quantize(context: ConvertContext): void {
  const x = context.input(0, 'the tensor');
  context.output(x.type.dtype === 'f32' ? 'quantize' : 'requantize', [x.value], {});
}

export const QUANT_CONVERTERS = {
  QUANTIZE: quantize,
  DEQUANTIZE: (context) => context.output('dequantize', [context.input(0, 'the tensor').value], {}),
  CAST: (context) => context.output('cast', [context.input(0, 'the tensor').value], {}),
} satisfies Converters;
