import type { Converters } from './context.ts';

/** Sparse constants are decoded as they are read, so their dense form is the input itself. */
export const DENSIFY_CONVERTERS = {
  DENSIFY: (context) => context.forward(0, context.input(0, 'the sparse tensor').value),
} satisfies Converters;
