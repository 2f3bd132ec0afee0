/** The order of all passes, and the one place that says it. */
import { connectWeights } from './passes/exact/connect-weights.ts';
import { dilateConvolutions } from './passes/exact/dilate-convolutions.ts';
import { eliminateDead } from './passes/exact/eliminate-dead.ts';
import { foldConstants } from './passes/exact/fold-constants.ts';
import { foldPadding } from './passes/exact/fold-padding.ts';
import { fuseActivations } from './passes/exact/fuse-activations.ts';
import { mergeReshapes } from './passes/exact/merge-reshapes.ts';
import { mergeTransposes } from './passes/exact/merge-transposes.ts';
import { moveTransposes } from './passes/exact/move-transposes.ts';
import { moveUnitAxes } from './passes/exact/move-unit-axes.ts';
import { nameClamps } from './passes/exact/name-clamps.ts';
import { removeChannels } from './passes/exact/remove-channels.ts';
import { removeIdentity } from './passes/exact/remove-identity.ts';
import { shareConstants } from './passes/exact/share-constants.ts';
import { skipIdleElements } from './passes/exact/skip-idle-elements.ts';
import { flattenWeights } from './passes/import/flatten-weights.ts';
import { mergeConstants } from './passes/import/merge-constants.ts';
import { orderClamps } from './passes/import/order-clamps.ts';
import { scaleLayers } from './passes/import/scale-layers.ts';
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
  connectWeights,
  // Before activations are fused, which takes the first of two clamps away from the second.
  nameClamps,
  fuseActivations,
  // Last of those that change layers: it reads their weights.
  removeChannels,
  shareConstants,
  eliminateDead,
];

/** What an importer runs, whose file format leaves open where floats round, before its graph is the definition. */
export const IMPORT_PIPELINE: readonly Pass[] = [
  removeIdentity,
  foldConstants,
  moveTransposes,
  mergeTransposes,
  mergeReshapes,
  connectWeights,
  mergeConstants,
  scaleLayers,
  flattenWeights,
  orderClamps,
  nameClamps,
  eliminateDead,
];
