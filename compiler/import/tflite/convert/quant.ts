import type { Converters } from './context.ts';

export const QUANT_CONVERTERS = {} satisfies Converters;
