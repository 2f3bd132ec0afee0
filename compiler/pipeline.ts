/** The order of all passes, and the one place that says it. */
import { eliminateDead } from './passes/exact/eliminate-dead.ts';
import { foldConstants } from './passes/exact/fold-constants.ts';
import { mergeReshapes } from './passes/exact/merge-reshapes.ts';
import { shareConstants } from './passes/exact/share-constants.ts';
import type { Pass } from './passes/pass.ts';

export const PIPELINE: readonly Pass[] = [foldConstants, mergeReshapes, shareConstants, eliminateDead];
