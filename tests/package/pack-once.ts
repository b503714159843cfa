// Packs the package and installs it, once for all files of a project.

import type { TestProject } from 'vitest/node';
import { pack, type Tarball, temporaryFolder } from './support.js';

declare module 'vitest' {
  interface ProvidedContext {
    tarball: Tarball;
  }
}

export function setup(project: TestProject): () => void {
  const { folder, remove } = temporaryFolder();
  project.provide('tarball', pack(folder));
  return remove;
}
