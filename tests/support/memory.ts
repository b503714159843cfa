import { type MemoryUsage, memoryUsage } from 'deconv-wasm';
import { expect } from 'vitest';

/**
 * A living block may hold some bytes more than were asked of it: a rest too small to be a block of its own
 * stays with it, and counts as used. So a block that moved changes the sum by 8; a leak of the smallest
 * block in every one of 10,000 rounds changes it by 160,000.
 */
const SLACK_BYTES = 64;

/** Whether as many layers live as at `start`, in as many bytes. */
export function expectNothingLeft(start: MemoryUsage): void {
  const end = memoryUsage();
  expect(end.liveLayers).toBe(start.liveLayers);
  expect(end.liveTensors).toBe(start.liveTensors);
  expect(Math.abs(end.usedBytes - start.usedBytes)).toBeLessThan(SLACK_BYTES);
}

/** After some rounds to warm up, 10,000 more leave the bytes as they were and the heap as large. */
export function expectLoopLeavesNothing(what: string, step: (round: number) => void): void {
  const start = memoryUsage();
  for (let round = 0; round < 200; round += 1) step(round);
  expectNothingLeft(start);
  const warm = memoryUsage();
  for (let round = 0; round < 10_000; round += 1) step(round);
  expectNothingLeft(start);
  expect(memoryUsage().heapBytes).toBe(warm.heapBytes);
  console.log(`${what}: ${start.usedBytes} bytes before and after, heap ${warm.heapBytes}`);
}
