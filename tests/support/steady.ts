// What the tests of steady loops measure with.

import { memoryUsage } from 'deconv-wasm';
import { expect } from 'vitest';
import { BUILDS } from './builds.js';

const collect = (globalThis as { gc?: () => void }).gc as () => void;
// The engine compiles what runs often, and its compilers allocate.
const WARM_UP = 1500;
export const ROUNDS = 1500;

/**
 * Bytes on JavaScript's heap that one call leaves for the collector. A full collection empties the
 * space of new objects (at least 1 MB), so that none comes while so few calls are counted. The engine's
 * compiler works beside the program, in the same heap: one sample of five below the limit is enough.
 */
export function expectBytesPerCall(call: () => void, limit: number): number {
  const calls = 500;
  const samples: number[] = [];
  do {
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let count = 0; count < calls; count += 1) call();
    samples.push((process.memoryUsage().heapUsed - before) / calls);
  } while (samples.length < 5 && Math.min(...samples) >= limit);
  const quietest = Math.min(...samples);
  expect(quietest).toBeLessThan(limit);
  return quietest;
}

/** Expects that what has warmed up leaves WebAssembly's heap as it is. */
export function expectSteadyHeap(call: () => void, rounds = ROUNDS): void {
  for (let round = 0; round < WARM_UP; round += 1) call();
  const before = memoryUsage();
  for (let round = 0; round < rounds; round += 1) call();
  expect(memoryUsage()).toEqual(before);
}

// Reading the heap's size twice costs some kilobytes itself: 5 to 10 bytes for each of 500 calls.
export const NOTHING = 24;
// For one forward: options that the caller writes anew; the view through which a result is read out, where
// two layers take turns; and with threads the clock that Emscripten reads while it waits for the others.
export const LITTLE = 200;
// An engine compiles a member for a handful of classes as if there were no others; where a process has used more of
// them it boxes some numbers.
export const MANY_KINDS = 400;

// What a call leaves on JavaScript's heap is decided by TypeScript and the glue, which simd and relaxed share; CI
// takes all builds.
export const GLUES = process.env.CI ? BUILDS : BUILDS.filter(({ options }) => options.build === 'simd');
