import path from 'node:path';

const here = import.meta.dirname;
const root = path.join(here, '..', '..');
const work = path.join(root, 'build', 'bench');

/** Where things are, and where what is made for a run goes. */
export const folders = {
  here,
  root,
  dist: path.join(root, 'dist'),
  peers: path.join(here, 'node_modules'),
  work,
  models: path.join(work, 'models'),
  /** A copy of the package: a process loads one build per copy. */
  package: (build) => path.join(work, 'package', build),
  vocoder: path.join(work, 'vocoder'),
  litert: path.join(work, 'litert'),
};
