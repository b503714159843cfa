import type { NetworkGraph } from '../operations.js';
import { foldForward, gatherAffines } from './affines.js';
import { averageBeforeAdding } from './averages.js';
import { nameFunctions } from './functions.js';
import { nameGroupNorms } from './group-norms.js';
import { dropNothing } from './nothing.js';
import { foldPads } from './pads.js';
import { convolveUnrepeated } from './repeated-values.js';
import { convolveBeforeResizing } from './resizes.js';
import { findShuffles } from './shuffles.js';
import { mergeTransposes } from './transposes.js';

/** What makes the same network of fewer or cheaper steps, in the order in which it is done. */
const PASSES: readonly ((graph: NetworkGraph) => NetworkGraph)[] = [
  findShuffles,
  dropNothing,
  // Those whose reshapes were several.
  findShuffles,
  nameFunctions,
  nameGroupNorms,
  mergeTransposes,
  dropNothing,
  foldPads,
  gatherAffines,
  convolveBeforeResizing,
];

export function runPasses(graph: NetworkGraph): NetworkGraph {
  return PASSES.reduce((present, pass) => pass(present), graph);
}

/** What rounds otherwise, for runs alone: neither exact ones nor what is told, trained and saved of the network. */
export function runFastPasses(graph: NetworkGraph): NetworkGraph {
  return convolveUnrepeated(foldForward(averageBeforeAdding(graph)));
}
