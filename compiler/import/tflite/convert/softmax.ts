import type { Converters } from './context.ts';

export const SOFTMAX_CONVERTERS = {} satisfies Converters;
