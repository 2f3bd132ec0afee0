import type { Converters } from './context.ts';

export const REDUCE_CONVERTERS = {} satisfies Converters;
