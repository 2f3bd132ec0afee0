import type { Converters } from './context.ts';

export const POOL_CONVERTERS = {} satisfies Converters;
