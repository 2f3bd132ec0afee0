import type { Converters } from './context.ts';

export const UNARY_CONVERTERS = {} satisfies Converters;
