import type { Converters } from './context.ts';

export const COMPARE_CONVERTERS = {} satisfies Converters;
