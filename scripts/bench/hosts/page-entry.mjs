// What the benchmark calls in the page.

import { watchMemories } from '../memories.mjs';

watchMemories();

globalThis.runJob = async (job) => {
  const { runCase } = await import('../suite.mjs');
  const { pageHost } = await import('./page.mjs');
  return runCase(job, pageHost);
};

globalThis.firstResult = async (name) => {
  const { firstResult } = await import('../first-result.mjs');
  const { pageHost } = await import('./page.mjs');
  return firstResult(name, pageHost);
};
