/** The largest or smallest elements along an axis, in order. */
import { z } from 'zod';
import { defineOp, OpError, signaturesFor } from '../op.ts';
import { elementCount, newData, sameQuant, type Tensor, type TensorType, typeText } from '../types.ts';
import { axisAttr, extent, numbersOf } from './shared.ts';

const topKAttrs = z.strictObject({ axis: axisAttr, k: extent, largest: z.boolean().default(true) });
export type TopKAttrs = z.infer<typeof topKAttrs>;

/** Whether `a` comes before `b` whatever their places: a total order of numbers in which NaN is larger than all. */
function comesBefore(a: number, b: number, largest: boolean): boolean {
  if (largest) return a > b || (Number.isNaN(a) && !Number.isNaN(b));
  return a < b || (!Number.isNaN(a) && Number.isNaN(b));
}

const top_k = defineOp<TopKAttrs>({
  doc:
    'values = the k largest elements of x along the axis (without `largest` the k smallest), the most extreme first, of equal ' +
    'ones the one of lower index first; indices = their places along the axis. Stored values are compared. f32: NaN counts as ' +
    'larger than every number, as in PyTorch; all NaN count as equal, and so do 0 and -0.',
  attrs: topKAttrs,
  inputs: ['x'],
  outputs: ['values', 'indices'],
  signatures: signaturesFor('T -> T i32', ['f32', 'i32', 'i8', 'u8']),
  traits: {},
  infer({ inputs, attrs: { axis, k } }) {
    const [x] = inputs as [TensorType];
    const count = x.shape[axis];
    if (count === undefined) throw new OpError(`expected an axis of ${typeText(x)}, found ${axis}`);
    if (k > count) throw new OpError(`expected at most the ${count} elements along axis ${axis}, found ${k}`);
    const shape = x.shape.with(axis, k);
    return [shape, [...shape]];
  },
  check({ inputs, outputs }) {
    const [x, values] = [inputs[0], outputs[0]] as [TensorType, TensorType];
    if (sameQuant(x.quant, values.quant)) return undefined;
    return `expected equal quantization of operand and values, found ${typeText(x)} and ${typeText(values)}`;
  },
  evaluate({ inputs, attrs: { axis, k, largest } }) {
    const [x] = inputs as [Tensor];
    const { dtype, shape } = x.type;
    const xs = numbersOf(x);
    const count = shape[axis] as number;
    const inner = elementCount(shape.slice(axis + 1));
    const outer = elementCount(shape.slice(0, axis));
    const values = newData(dtype, outer * k * inner);
    const indices = new Int32Array(values.length);
    for (let line = 0; line < outer * inner; line++) {
      const [o, i] = [Math.floor(line / inner), line % inner];
      const at = (place: number) => xs[(o * count + place) * inner + i] as number;
      const order = Array.from({ length: count }, (_, place) => place).sort((a, b) => {
        if (comesBefore(at(a), at(b), largest)) return -1;
        return comesBefore(at(b), at(a), largest) ? 1 : a - b;
      });
      for (let rank = 0; rank < k; rank++) {
        const place = order[rank] as number;
        values[(o * k + rank) * inner + i] = at(place);
        indices[(o * k + rank) * inner + i] = place;
      }
    }
    return [values, indices];
  },
});

export const TOP_K_OPS = { top_k } as const;
