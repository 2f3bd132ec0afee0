import type { Converters } from './context.ts';

export const RECURRENT_CONVERTERS = {} satisfies Converters;
