import { HeapTensor, memoryUsage } from 'deconv-wasm';
import { expect } from 'vitest';

/** Grows the heap: with one thread that detaches every view of it. */
export function growHeap(): void {
  const { heapBytes } = memoryUsage();
  const tensors = Array.from({ length: 3 }, () => new HeapTensor([heapBytes / 8]));
  for (const tensor of tensors) tensor.dispose();
  expect(memoryUsage().heapBytes).toBeGreaterThan(heapBytes);
}
