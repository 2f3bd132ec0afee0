/** Ops that move elements without changing them. */
import { z } from 'zod';
import { defineOp, OpError, signaturesFor } from '../op.ts';
import { DTYPES, elementCount, type Tensor, type TensorType, typeText } from '../types.ts';

const reshapeAttrs = z.strictObject({ shape: z.array(z.number().int().min(0)).max(8) });
export type ReshapeAttrs = z.infer<typeof reshapeAttrs>;

const reshape = defineOp<ReshapeAttrs>({
  doc: 'The same elements in the same row-major order, in another shape of as many elements.',
  attrs: reshapeAttrs,
  inputs: ['x'],
  outputs: ['y'],
  signatures: signaturesFor('T -> T', DTYPES),
  traits: { movement: true, alias: true },
  infer({ inputs, attrs }) {
    const [x] = inputs as [TensorType];
    if (elementCount(attrs.shape) !== elementCount(x.shape)) {
      throw new OpError(
        `expected a shape of ${elementCount(x.shape)} elements for ${typeText(x)}, found [${attrs.shape}]`,
      );
    }
    return [[...attrs.shape]];
  },
  evaluate({ inputs }) {
    const [x] = inputs as [Tensor];
    return [x.data.slice()];
  },
});

export const MOVEMENT_OPS = { reshape } as const;
