import { memoryUsage } from 'deconv-wasm';
import { expect } from 'vitest';

/** The allocator gives the gap in front of an aligned block to the block before it, for as long as that lives. */
const GAPS = 256;

/** Expects that the heap holds what it held when `usedBytes` was read, but for gaps between blocks. */
export function expectUsedBytes(usedBytes: number): void {
  expect(Math.abs(memoryUsage().usedBytes - usedBytes)).toBeLessThan(GAPS);
}
