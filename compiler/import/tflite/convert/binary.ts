import type { Converters } from './context.ts';

export const BINARY_CONVERTERS = {} satisfies Converters;
