/** Operators of the domain ai.onnx.ml that compute with numbers alone. */
import { elementCount } from '../../../../ir/tensor/types.ts';
import type { Converter, Converters } from '../node.ts';
import { fromFront } from './gather.ts';

const binarizer: Converter = (node) => {
  const x = node.input(0);
  const above = node.ops.compare('greater', x, node.ops.f32(node.attributes.float('threshold', 0)));
  return { ...node.ops.cast(above, x.type.dtype), element: x.element };
};

/** Columns of the innermost axis. */
const arrayFeatureExtractor: Converter = (node) => {
  const { ops } = node;
  const x = node.input(0);
  const last = x.type.shape.length - 1;
  const indices = node.input(1);
  const flat = ops.reshape(indices, [elementCount(indices.type.shape)]);
  const y = ops.gather(x, fromFront(node, flat, x.type.shape[last]), last);
  return last === 0 ? ops.reshape(y, [1, ...y.type.shape]) : y;
};

export const ML: Converters = { Binarizer: binarizer, ArrayFeatureExtractor: arrayFeatureExtractor };
