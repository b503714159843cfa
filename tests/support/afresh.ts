// For files that share a process: each begins as if nothing had run before it.

import { shutdown } from 'deconv-wasm';
import { beforeAll, vi } from 'vitest';

beforeAll(async () => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  await shutdown();
});
