/** Ops that add margins. */
import { z } from 'zod';
import { defineOp, OpError, signaturesFor } from '../op.ts';
import { elementCount, sameQuant, type Tensor, type TensorType, typeText } from '../types.ts';
import { MOVED_DTYPES, moved, placeIn, storedZero } from './places.ts';

const margin = z
  .number()
  .int()
  .min(0)
  .max(2 ** 24);

/** Elements before the first and after the last, per axis. */
const padAttrs = z.strictObject({ before: z.array(margin), after: z.array(margin) });
export type PadAttrs = z.infer<typeof padAttrs>;

function padShape(x: TensorType, { before, after }: PadAttrs): number[] {
  const rank = x.shape.length;
  if (before.length !== rank || after.length !== rank) {
    throw new OpError(`expected ${rank} margins before and after for ${typeText(x)}, found [${before}] and [${after}]`);
  }
  return x.shape.map((count, axis) => (before[axis] as number) + count + (after[axis] as number));
}

const pad = defineOp<PadAttrs>({
  doc: 'y is x within margins of `value`, one element; without it of the real 0, which is the zero point where there is one.',
  attrs: padAttrs,
  inputs: ['x', 'value?'],
  outputs: ['y'],
  signatures: signaturesFor('T T? -> T', MOVED_DTYPES),
  traits: {},
  infer: ({ inputs, attrs }) => [padShape(inputs[0] as TensorType, attrs)],
  check({ inputs, outputs }) {
    const [x, value] = inputs as [TensorType, TensorType | undefined];
    if (value !== undefined && elementCount(value.shape) !== 1) return `expected one value, found ${typeText(value)}`;
    const other = [value, outputs[0]].find((type) => type !== undefined && !sameQuant(type.quant, x.quant));
    return other === undefined ? undefined : `expected the quantization of ${typeText(x)}, found ${typeText(other)}`;
  },
  evaluate({ inputs, outputs, attrs: { before } }) {
    const [x, value] = inputs as [Tensor, Tensor | undefined];
    const filling = value === undefined ? storedZero(x.type) : (value.data[0] as number | bigint);
    const { shape } = x.type;
    return moved(
      outputs[0] as TensorType,
      x.data,
      (index) => {
        const inner = index.map((i, axis) => i - (before[axis] as number));
        const inside = inner.every((i, axis) => i >= 0 && i < (shape[axis] as number));
        return inside ? placeIn(shape, inner) : undefined;
      },
      filling,
    );
  },
});

const mirrorPadAttrs = z.strictObject({ ...padAttrs.shape, mode: z.enum(['reflect', 'symmetric', 'edge', 'wrap']) });
export type MirrorPadAttrs = z.infer<typeof mirrorPadAttrs>;

/** The places along one axis of x, of extent `count`, that its margins and its own places show. */
export function mirroredPlaces(
  count: number,
  before: number,
  after: number,
  mode: MirrorPadAttrs['mode'],
): readonly number[] {
  const placeOf = {
    reflect: (place: number) => (place < 0 ? -place : 2 * (count - 1) - place),
    symmetric: (place: number) => (place < 0 ? -place - 1 : 2 * count - 1 - place),
    edge: (place: number) => (place < 0 ? 0 : count - 1),
    wrap: (place: number) => ((place % count) + count) % count,
  }[mode];
  return Array.from({ length: before + count + after }, (_, i) => {
    const place = i - before;
    return place >= 0 && place < count ? place : placeOf(place);
  });
}

/** The largest margin that a mode can fill from an axis of `count` elements. */
function mostMargin(count: number, mode: MirrorPadAttrs['mode']): number {
  if (mode === 'symmetric') return count;
  return mode === 'reflect' ? count - 1 : Number.POSITIVE_INFINITY;
}

const mirror_pad = defineOp<MirrorPadAttrs>({
  doc:
    'y is x within margins that repeat it: `symmetric` mirrors it with its edge (b a | a b c | c b), `reflect` without ' +
    '(c b | a b c | b a), in margins no larger than what there is to mirror; `edge` repeats the edge (a a | a b c | c c), ' +
    '`wrap` all of it (b c | a b c | a b), in any margins.',
  attrs: mirrorPadAttrs,
  inputs: ['x'],
  outputs: ['y'],
  signatures: signaturesFor('T -> T', MOVED_DTYPES),
  traits: { movement: true },
  infer({ inputs, attrs }) {
    const [x] = inputs as [TensorType];
    const shape = padShape(x, attrs);
    x.shape.forEach((count, axis) => {
      const most = mostMargin(count, attrs.mode);
      const margins = [attrs.before[axis] as number, attrs.after[axis] as number];
      if (Math.max(...margins) > most) {
        throw new OpError(`expected ${attrs.mode} margins of at most ${most} along axis ${axis}, found ${margins}`);
      }
    });
    return [shape];
  },
  evaluate({ inputs, outputs, attrs: { before, after, mode } }) {
    const [{ type, data }] = inputs as [Tensor];
    const { shape } = type;
    const places = shape.map((count, axis) =>
      mirroredPlaces(count, before[axis] as number, after[axis] as number, mode),
    );
    return moved(outputs[0] as TensorType, data, (index) =>
      placeIn(
        shape,
        index.map((i, axis) => (places[axis] as readonly number[])[i] as number),
      ),
    );
  },
});

export const PAD_OPS = { pad, mirror_pad } as const;
