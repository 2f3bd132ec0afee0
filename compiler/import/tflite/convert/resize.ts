import type { Converters } from './context.ts';

export const RESIZE_CONVERTERS = {} satisfies Converters;
