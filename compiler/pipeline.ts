/** The order of all passes, and the one place that says it. */
import { eliminateDead } from './passes/exact/eliminate-dead.ts';
import { foldConstants } from './passes/exact/fold-constants.ts';
import { mergeReshapes } from './passes/exact/merge-reshapes.ts';
import { removeChannels } from './passes/exact/remove-channels.ts';
import { removeIdentity } from './passes/exact/remove-identity.ts';
import { shareConstants } from './passes/exact/share-constants.ts';
import type { Pass } from './passes/pass.ts';

export const PIPELINE: readonly Pass[] = [
  // First: what it removes may stand between two reshapes, or read a variable that does not matter.
  removeIdentity,
  mergeReshapes,
  foldConstants,
  removeChannels,
  shareConstants,
  eliminateDead,
];
