/** Operators that move elements without changing them. */
import { elementCount } from '../../../../ir/tensor/types.ts';
import type { ConvertContext, Converters } from './context.ts';

/** The new shape comes from the second input, or from the options of older files; one extent may be -1. */
function reshape(context: ConvertContext): void {
  const x = context.input(0, 'the tensor');
  const wanted =
    context.inputs[1] === undefined
      ? context.options('ReshapeOptions').new_shape
      : context.constantNumbers(1, 'the new shape');
  const count = elementCount(x.type.shape);
  const known = elementCount(wanted.filter((extent) => extent !== -1));
  const shape = wanted.map((extent) => (extent === -1 ? count / known : extent));
  if (shape.some((extent) => !Number.isInteger(extent) || extent < 0) || elementCount(shape) !== count) {
    context.refuse(`a new shape of ${count} elements`, `[${wanted.slice(0, 8).join(', ')}]`);
  }
  context.output('reshape', [x.value], { shape });
}

export const MOVEMENT_CONVERTERS = { RESHAPE: reshape } satisfies Converters;
