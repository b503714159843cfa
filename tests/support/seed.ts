import type fc from 'fast-check';
import { inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    seed: number;
  }
}

/** The run's seed: DECONV_TEST_SEED, or a fixed one. */
export const seed = inject('seed');

/**
 * fast-check's settings for `runs` cases. `stream` tells apart the suites that run one property, so
 * that each has cases of its own. A failure's report shows fast-check's seed and the smallest case.
 */
export function runsOf(runs: number, stream = ''): fc.Parameters<unknown> {
  let mixed = seed;
  for (const letter of stream) mixed = (Math.imul(mixed, 31) + letter.charCodeAt(0)) | 0;
  return { seed: mixed, numRuns: runs };
}
