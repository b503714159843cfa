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

/** The same numbers for the same seed everywhere, in [0, 1). Independent of the product's own. */
export function mulberry32(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
