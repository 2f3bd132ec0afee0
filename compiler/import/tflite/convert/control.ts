/** Branches and variables. */
import type { Converters } from './context.ts';

export const CONTROL_CONVERTERS = {} satisfies Converters;
