/** The order of all passes, and the one place that says it. */
import { dilateConvolutions } from './passes/exact/dilate-convolutions.ts';
import { eliminateDead } from './passes/exact/eliminate-dead.ts';
import { foldConstants } from './passes/exact/fold-constants.ts';
import { foldPadding } from './passes/exact/fold-padding.ts';
import { fuseActivations } from './passes/exact/fuse-activations.ts';
import { mergeReshapes } from './passes/exact/merge-reshapes.ts';
import { mergeTransposes } from './passes/exact/merge-transposes.ts';
import { moveTransposes } from './passes/exact/move-transposes.ts';
import { moveUnitAxes } from './passes/exact/move-unit-axes.ts';
import { removeChannels } from './passes/exact/remove-channels.ts';
import { removeIdentity } from './passes/exact/remove-identity.ts';
import { shareConstants } from './passes/exact/share-constants.ts';
import { skipIdleElements } from './passes/exact/skip-idle-elements.ts';
import type { Pass } from './passes/pass.ts';

export const PIPELINE: readonly Pass[] = [
  // First: what it removes may stand between two reshapes, or read a variable that does not matter.
  removeIdentity,
  // Before transposes become reshapes, which stand between layers and their activations.
  moveTransposes,
  mergeTransposes,
  mergeReshapes,
  foldConstants,
  // Before activations are fused: these hide convolutions from the clamps that follow.
  moveUnitAxes,
  dilateConvolutions,
  foldPadding,
  skipIdleElements,
  fuseActivations,
  // Last of those that change layers: it reads their weights.
  removeChannels,
  shareConstants,
  eliminateDead,
];
