import { type MemoryUsage, memoryUsage } from 'deconv-wasm';
import { expect } from 'vitest';

/**
 * A living block may hold some bytes more than were asked of it: a rest too small to be a block of its own
 * stays with it, and counts as used. So a block that moved changes the sum by 8.
 */
const SLACK_BYTES = 64;

/** Whether as many layers live as at `start`, in as many bytes. */
export function expectNothingLeft(start: MemoryUsage): void {
  const end = memoryUsage();
  expect(end.liveLayers).toBe(start.liveLayers);
  expect(end.liveTensors).toBe(start.liveTensors);
  expect(Math.abs(end.usedBytes - start.usedBytes)).toBeLessThan(SLACK_BYTES);
}

/** All that a loop varies by its round has periods that divide this: 4, 5, 7 and 9. */
const EVERY_COMBINATION = 1260;

/**
 * Once every combination has been through, it goes through again: that leaves the bytes exactly as they were,
 * and so would every further time.
 */
export function expectLoopLeavesNothing(what: string, step: (round: number) => void): void {
  const start = memoryUsage();
  for (let round = 0; round < EVERY_COMBINATION; round += 1) step(round);
  expectNothingLeft(start);
  const warm = memoryUsage();
  for (let round = 0; round < EVERY_COMBINATION; round += 1) step(round);
  expect(memoryUsage()).toEqual(warm);
  console.log(`${what}: ${start.usedBytes} bytes before and after, heap ${warm.heapBytes}`);
}
